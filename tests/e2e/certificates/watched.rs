//! A listener that is looked at all the time: whoever connects must see a valid certificate.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use e2e::{Config, DEADLINE, Fogbell, TlsClient, wait_for};

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) looks: u64,
    /// Why a look did not end with a valid certificate.
    pub(super) invalid: Vec<String>,
    pub(super) certificates: HashSet<Vec<u8>>,
}

/// Looks until it is [`end`](Self::end)ed.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<Seen>,
}

impl Watch {
    /// Looks at `address` as `relay.test` with the certificates in `root`, by a clock that is `ahead`.
    pub(super) fn start(address: &str, root: &Path, ahead: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (address, root, told) = (address.to_owned(), root.to_owned(), Arc::clone(&stop));
        let looking = thread::spawn(move || {
            let mut seen = Seen::default();
            while !told.load(Ordering::SeqCst) {
                seen.looks += 1;
                match TlsClient::connect(&address, "relay.test", &root, ahead) {
                    Ok(client) => drop(seen.certificates.insert(client.leaf().to_vec())),
                    Err(error) => seen.invalid.push(error),
                }
                thread::sleep(Duration::from_millis(50));
            }
            seen
        });
        Self { stop, looking }
    }

    pub(super) fn end(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        self.looking.join().unwrap()
    }
}

/// A connection to `relay` with a certificate that is verified, as soon as it shows one that can be; not one of `not`.
pub(super) fn connected(relay: &Fogbell, root: &Path, ahead: Duration, not: &[&[u8]]) -> TlsClient {
    let mut last = String::new();
    let connected =
        wait_for(DEADLINE * 2, || match TlsClient::connect(relay.address(), "relay.test", root, ahead) {
            Ok(client) if not.contains(&client.leaf()) => {
                "it shows the old certificate".clone_into(&mut last);
                None
            }
            Ok(client) => Some(client),
            Err(error) => {
                last = error;
                None
            }
        });
    connected.unwrap_or_else(|| panic!("{last}"))
}

/// Posts a ping on a connection that may have been open for long.
pub(super) fn ping(client: &mut TlsClient) {
    let status = client.post(Config::PATH, Config::SECRET, r#"{"topic":"ping","events":[]}"#);
    assert_eq!(status, Ok(200));
}
