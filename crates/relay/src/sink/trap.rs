//! Traps, at a pace receivers can follow.

use std::time::Duration;

use tokio::time::Instant;

use super::Failure;
use super::each::SendEach;
use super::notify::{Link, Notify};
use super::pump::Pump;
use crate::outbox::Parcel;

/// A receiver of traps.
#[derive(Debug)]
pub(crate) struct Traps {
    notify: Notify,
    pace: Pace,
    link: Link,
}

impl Traps {
    pub(crate) fn new(notify: Notify, pace: Pace) -> Self {
        Self { notify, pace, link: Link::default() }
    }
}

impl SendEach for Traps {
    fn pace(&mut self) -> Option<Duration> {
        self.pace.take(Instant::now())
    }

    async fn send(&mut self, parcel: &Parcel, pump: &Pump) -> Result<(), Failure> {
        let sender = self.link.sender(&self.notify).await?;
        let sent = sender.trap(&self.notify.encode(parcel, pump)).await;
        sent.map_err(|source| {
            let never = source.retry() == snmp::Retry::Never;
            let failure = Failure::new(format!("cannot send a trap to {}", self.notify.receiver), source);
            if never { failure.never() } else { failure }
        })
    }

    fn renew(&mut self) {
        self.link.forget(true);
    }
}

/// A token bucket: so many per second, so many at once after a rest.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: u32,
    burst: u32,
    tokens: f64,
    filled: Option<Instant>,
}

impl Pace {
    /// A full bucket; a `rate` of 0 is no limit.
    pub(crate) fn new(rate: u32, burst: u32) -> Self {
        let burst = burst.max(1);
        Self { rate, burst, tokens: f64::from(burst), filled: None }
    }

    /// Takes one token, or says how long to wait for it.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        if self.rate == 0 {
            return None;
        }
        let rested = self.filled.map_or(Duration::ZERO, |filled| now.saturating_duration_since(filled));
        self.tokens = (self.tokens + rested.as_secs_f64() * f64::from(self.rate)).min(f64::from(self.burst));
        self.filled = Some(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        // one millisecond more than it takes, so that rounding never asks twice
        Some(Duration::from_secs_f64((1.0 - self.tokens) / f64::from(self.rate)) + Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_goes_at_once_and_the_rest_at_its_pace() {
        let mut pace = Pace::new(200, 1000);
        let start = Instant::now();
        let mut now = start;
        let mut sent = 0;
        while now.duration_since(start) < Duration::from_secs(2) {
            match pace.take(now) {
                None => sent += 1,
                Some(wait) => now += wait,
            }
            if now == start {
                assert!(sent <= 1000, "no more than the burst at once");
            }
        }

        assert!((1300..=1401).contains(&sent), "{sent} in two seconds");
    }

    #[test]
    fn zero_is_no_limit() {
        let mut pace = Pace::new(0, 1);

        assert!((0..10_000).all(|_| pace.take(Instant::now()).is_none()));
    }
}
