//! The only stage that sends: one task and one cursor per sink, so that a dead receiver delays nobody.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::Instant;

use crate::error::Cause;

pub(crate) mod datagram;
pub(crate) mod each;
pub(crate) mod inform;
pub(crate) mod notify;
pub(crate) mod pump;
pub(crate) mod standing;
pub(crate) mod stream;
pub(crate) mod trap;

/// Why a delivery did not happen.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct Failure {
    /// What happened, to what.
    what: String,
    /// Whether trying again can help.
    retry: bool,
    #[source]
    source: Option<Cause>,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self { what: what.into(), retry: true, source: Some(source.into()) }
    }

    pub(crate) fn plain(what: impl Into<String>) -> Self {
        Self { what: what.into(), retry: true, source: None }
    }

    pub(crate) fn never(mut self) -> Self {
        self.retry = false;
        self
    }

    /// Whether trying again can help.
    #[must_use]
    pub const fn retry(&self) -> bool {
        self.retry
    }
}

/// A receiver by the name it has in the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    /// `host:port`.
    pub(crate) address: String,
    /// Where to send from.
    pub(crate) bind: Option<IpAddr>,
}

impl Receiver {
    /// Looks the host up; the first of its addresses.
    pub(crate) async fn look_up(&self) -> Result<SocketAddr, Failure> {
        Ok(self.look_up_all().await?[0])
    }

    /// Looks the host up: its addresses, at least one, of the family to send from when one is set.
    pub(crate) async fn look_up_all(&self) -> Result<Vec<SocketAddr>, Failure> {
        let not_found = |source: io::Error| Failure::new(format!("cannot look up {}", self.address), source);
        let mut found: Vec<SocketAddr> = lookup_host(&self.address).await.map_err(not_found)?.collect();
        if let Some(bind) = self.bind {
            found.retain(|address| address.is_ipv4() == bind.is_ipv4());
        }
        if found.is_empty() {
            return Err(Failure::plain(format!("{} has no usable address", self.address)));
        }
        Ok(found)
    }

    /// The address to bind for sending to `to`.
    pub(crate) fn source(&self, to: SocketAddr) -> SocketAddr {
        let any: IpAddr = if to.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
        (self.bind.unwrap_or(any), 0).into()
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

/// How long to wait after failures in a row: 0.5 s, doubled each time, at most 30 s.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn failed(&mut self) -> Duration {
        let wait = Duration::from_millis(500 << self.failures.min(6)).min(Duration::from_secs(30));
        self.failures = self.failures.saturating_add(1);
        wait
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(crate) const fn failures(self) -> u32 {
        self.failures
    }
}

/// Something that must be made anew from time to time and after a failure, as a socket to a looked-up name.
#[derive(Debug)]
pub(crate) struct Renewed<T> {
    value: Option<(T, Instant)>,
    every: Duration,
}

impl<T> Renewed<T> {
    pub(crate) const fn every(every: Duration) -> Self {
        Self { value: None, every }
    }

    /// The value, made by `make` when there is none or it is due.
    pub(crate) async fn get<F: Future<Output = Result<T, Failure>>>(
        &mut self,
        make: impl FnOnce() -> F,
    ) -> Result<&mut T, Failure> {
        let due = self.value.as_ref().is_none_or(|(_, made)| made.elapsed() >= self.every);
        if due {
            match make().await {
                Ok(value) => self.value = Some((value, Instant::now())),
                // an old value goes on working while its renewal fails
                Err(failure) => match &mut self.value {
                    None => return Err(failure),
                    Some((_, made)) => *made = Instant::now(),
                },
            }
        }
        Ok(self.value.as_mut().map(|(value, _)| value).expect("made just now or kept"))
    }

    /// Forgets the value, so that the next use makes it anew.
    pub(crate) fn forget(&mut self) {
        self.value = None;
    }
}

/// How often the host of a datagram sink is looked up again.
pub(crate) const LOOK_UP_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_half_a_minute_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);

        backoff.succeeded();
        assert_eq!(backoff.failed().as_millis(), 500);
    }
}
