//! Ports for programs that cannot say which one they got.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// A port of 127.0.0.1 that is free for TCP and UDP, and that no other story of this process was given.
///
/// It lies below the ports that the kernel gives to outgoing connections (Linux: 32768 and up), so that it is
/// still free when a stopped program comes back to it.
///
/// # Panics
///
/// When no port is free.
#[must_use]
pub fn free_port() -> u16 {
    for _ in FIRST..END {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        // Processes that start together have ids that are near each other; their ports must not be.
        let start = u16::try_from(std::process::id().wrapping_mul(SPREAD) % u32::from(END - FIRST))
            .expect("less than END - FIRST");
        let port = FIRST + start.wrapping_add(step) % (END - FIRST);
        let address = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no port between {FIRST} and {END} is free");
}

/// Ports given so far: stories run side by side in one process.
static NEXT: AtomicU16 = AtomicU16::new(0);

const FIRST: u16 = 20_000;
const END: u16 = 32_000;

/// Ports between those of a process and those of the next.
const SPREAD: u32 = 211;
