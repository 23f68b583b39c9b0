//! Webhooks that Mist signed and that come from an address nobody listed: they are refused, and said.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alarm::{Own, OwnKind, State};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::supervisor::Voice;

/// Reads a few bodies from addresses that are not listed at a time, and says which of those addresses are Mist's.
#[derive(Debug)]
pub(crate) struct Unlisted {
    voice: Voice,
    places: Semaphore,
    said: Mutex<Said>,
}

impl Unlisted {
    pub(crate) fn new(voice: Voice) -> Self {
        Self { voice, places: Semaphore::new(PLACES), said: Mutex::default() }
    }

    /// The right to read one body, if it can be had at once: whoever is not listed must not take the room of those who
    /// are.
    pub(crate) fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }

    /// Says that a webhook with a valid signature of `organisation` came from `source`: once an hour for each address.
    pub(crate) fn signed(&self, source: IpAddr, organisation: &str) {
        let due = self.said.lock().unwrap_or_else(PoisonError::into_inner).is_due(source, Instant::now());
        if due {
            self.voice.say(Own {
                severity: None, duration_secs: None,
                kind: OwnKind::UnlistedSource,
                resource: source.to_string(),
                state: State::Event,
                text: format!(
                    "a webhook of `{organisation}` with a valid signature came from {source}, which is not listed, and \
                     was refused; if Mist names this address, add it to gate.networks or to the file of gate.clouds"
                ),
                count: 1,
            });
        }
    }
}

/// Which addresses were said, and when.
#[derive(Debug, Default)]
struct Said(HashMap<IpAddr, Instant>);

impl Said {
    fn is_due(&mut self, source: IpAddr, now: Instant) -> bool {
        self.0.retain(|_, said| now.duration_since(*said) < SAID_FOR);
        if self.0.contains_key(&source) || self.0.len() >= ADDRESSES {
            return false;
        }
        self.0.insert(source, now);
        true
    }
}

/// Bodies from addresses that are not listed, read at a time.
const PLACES: usize = 4;

/// How long an address is not said again, and how many are said in that time.
const SAID_FOR: Duration = Duration::from_secs(3600);
const ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_said_once_an_hour_and_not_every_one_of_many() {
        let mut said = Said::default();
        let start = Instant::now();
        let address = |n: u8| IpAddr::from([203, 0, 113, n]);

        assert!(said.is_due(address(1), start));
        assert!(!said.is_due(address(1), start + SAID_FOR - Duration::from_secs(1)));
        assert!(said.is_due(address(1), start + SAID_FOR));

        let more = (2..100).filter(|n| said.is_due(address(*n), start + SAID_FOR)).count();
        assert_eq!(more, ADDRESSES - 1);
    }
}
