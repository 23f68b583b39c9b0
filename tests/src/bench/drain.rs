//! A syslog receiver that counts and forgets.

use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;

use super::timeline::Timeline;

/// Receives octet-counted syslog (RFC 6587 3.4.1) over TCP on a free port of 127.0.0.1 until standard input ends.
/// First prints `{"address":"IP:PORT"}`. For every line of standard input it prints `{"messages":N}`: how many came
/// until now, or, when the line is a time in microseconds of Unix time, until then.
///
/// # Errors
///
/// When there is no port, or standard input or output fails.
pub fn drain() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", json!({ "address": listener.local_addr()?.to_string() }))?;
    let messages = Arc::new(AtomicU64::new(0));
    let timeline = Timeline::of(Arc::clone(&messages))?;
    let counter = Arc::clone(&messages);
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let counter = Arc::clone(&counter);
            thread::spawn(move || receive(stream, &counter));
        }
    });
    for line in io::stdin().lock().lines() {
        let count = match line?.trim().parse() {
            Ok(time) => timeline.at(time),
            Err(_) => messages.load(Ordering::Acquire) as f64,
        };
        writeln!(io::stdout(), "{}", json!({ "messages": count }))?;
    }
    Ok(())
}

fn receive(mut stream: TcpStream, messages: &AtomicU64) {
    let mut drained = Drained::default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = stream.read(&mut buffer) {
        let Some(whole) = drained.feed(&buffer[..read]).filter(|_| read > 0) else { return };
        messages.fetch_add(whole, Ordering::AcqRel);
    }
}

/// Where a stream of octet-counted messages is.
#[derive(Clone, Debug, Default)]
pub struct Drained {
    /// The length being read.
    length: u64,
    /// Bytes of the current message to come; `None` inside a length.
    left: Option<u64>,
}

impl Drained {
    /// Takes the next bytes; how many messages ended in them, or `None` when they are not octet-counted.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Option<u64> {
        let mut whole = 0;
        while let Some((&first, rest)) = bytes.split_first() {
            match self.left {
                Some(left) => {
                    let here = left.min(bytes.len() as u64);
                    bytes = &bytes[usize::try_from(here).expect("no more than there are bytes")..];
                    self.left = Some(left - here).filter(|left| *left > 0);
                    whole += u64::from(self.left.is_none());
                }
                None => {
                    bytes = rest;
                    match first {
                        b'0'..=b'9' if self.length <= MAX_LENGTH => {
                            self.length = self.length * 10 + u64::from(first - b'0');
                        }
                        b' ' if self.length > 0 => self.left = Some(std::mem::take(&mut self.length)),
                        _ => return None,
                    }
                }
            }
        }
        Some(whole)
    }
}

/// Longer than any message.
const MAX_LENGTH: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let stream = b"3 a 14 bcde11 12345678901";
        for step in 1..=stream.len() {
            let mut drained = Drained::default();
            let counted: Option<u64> = stream.chunks(step).map(|chunk| drained.feed(chunk)).sum();
            assert_eq!(counted, Some(3), "in steps of {step}");
        }
    }

    #[test]
    fn what_is_not_octet_counted_is_said() {
        for stream in ["<134>1 - -", " 3 abc", "0 x", "99999999999 x"] {
            assert_eq!(Drained::default().feed(stream.as_bytes()), None, "{stream}");
        }
    }
}
