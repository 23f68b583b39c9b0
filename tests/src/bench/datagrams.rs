//! A receiver of datagrams that counts and forgets.

use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use serde_json::json;

use super::clock;

/// Receives datagrams on a free UDP port of 127.0.0.1 until standard input ends. First prints
/// `{"address":"IP:PORT"}`; for every line of standard input,
/// `{"datagrams":N,"bytes":N,"first_us":T,"last_us":T}`, all of those since the line before, times in microseconds
/// of Unix time.
///
/// # Errors
///
/// When there is no port, or standard input or output fails.
pub fn datagrams() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    // beyond the system's limit where that is allowed, else up to it
    if set_socket_recv_buffer_size_force(&socket, BUFFER).is_err() {
        set_socket_recv_buffer_size(&socket, BUFFER)?;
    }
    writeln!(io::stdout(), "{}", json!({ "address": socket.local_addr()?.to_string() }))?;
    let counted = Arc::new(Mutex::new(Counted::default()));
    let counter = Arc::clone(&counted);
    thread::spawn(move || {
        let mut datagram = [0; 64 << 10];
        while let Ok(bytes) = socket.recv(&mut datagram) {
            let at = clock::unix_micros();
            counter.lock().unwrap_or_else(PoisonError::into_inner).count(bytes, at);
        }
    });
    for line in io::stdin().lock().lines() {
        line?;
        let Counted { datagrams, bytes, first, last } =
            std::mem::take(&mut *counted.lock().unwrap_or_else(PoisonError::into_inner));
        let said = json!({ "datagrams": datagrams, "bytes": bytes, "first_us": first, "last_us": last });
        writeln!(io::stdout(), "{said}")?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Counted {
    datagrams: u64,
    bytes: u64,
    first: u64,
    last: u64,
}

impl Counted {
    fn count(&mut self, bytes: usize, at: u64) {
        if self.datagrams == 0 {
            self.first = at;
        }
        self.datagrams += 1;
        self.bytes += bytes as u64;
        self.last = at;
    }
}

/// Room for some ten thousand datagrams.
const BUFFER: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_are_kept() {
        let mut counted = Counted::default();
        for (bytes, at) in [(10, 5), (20, 7), (30, 9)] {
            counted.count(bytes, at);
        }

        assert_eq!(counted, Counted { datagrams: 3, bytes: 60, first: 5, last: 9 });
    }
}
