//! The receiver of `bench directory`: whether a name came out of the relay.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// A receiver of syslog over TCP that keeps what comes, as long as the bench runs.
#[derive(Debug)]
pub(super) struct Siem {
    pub(super) address: String,
    got: Arc<(Mutex<Vec<u8>>, Condvar)>,
}

impl Siem {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
        let address = listener.local_addr().context("a listener has an address")?.to_string();
        let got: Arc<(Mutex<Vec<u8>>, Condvar)> = Arc::default();
        let kept = Arc::clone(&got);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || receive(stream, &kept));
            }
        });
        Ok(Self { address, got })
    }

    /// Waits until `text` has come; whether it did.
    pub(super) fn wait_for(&self, text: &str, within: Duration) -> bool {
        let (got, came) = &*self.got;
        let missing = |got: &mut Vec<u8>| !got.windows(text.len()).any(|window| window == text.as_bytes());
        let waited = came.wait_timeout_while(lock(got), within, missing);
        waited.is_ok_and(|(_, waited)| !waited.timed_out())
    }
}

fn receive(mut stream: impl Read, (got, came): &(Mutex<Vec<u8>>, Condvar)) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        // writing to memory does not fail
        let _written = lock(got).write_all(&bytes[..read]);
        came.notify_all();
    }
}

fn lock(got: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    got.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn what_came_is_found_and_what_did_not_is_not() {
        let siem = Siem::start().unwrap();
        TcpStream::connect(&siem.address).unwrap().write_all(b"10 s00001-sw-1").unwrap();

        assert!(siem.wait_for("s00001-sw-1", Duration::from_secs(10)));
        assert!(!siem.wait_for("s00002-sw-1", Duration::ZERO));
    }
}
