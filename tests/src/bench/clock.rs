//! Times that several programs share, and requests that are due whatever the server does.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Semaphore;

/// Microseconds of Unix time.
pub(super) fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Says when requests are due, evenly, on a thread of its own: a timer of the runtime would be late by up to a
/// millisecond.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    every: Duration,
    /// A permit for each request that is due, and at the end one for each that waits for what will never be due.
    pub(super) due: Arc<Semaphore>,
}

impl Clock {
    /// So many `requests` from now on, `rate` a second, for `clients` that wait for them.
    pub(super) fn start(rate: u32, requests: u64, clients: usize) -> io::Result<Self> {
        let this = Self {
            start: Instant::now(),
            every: Duration::from_secs(1) / rate,
            due: Arc::new(Semaphore::new(0)),
        };
        let (start, every, due) = (this.start, this.every, Arc::clone(&this.due));
        thread::Builder::new().name("clock".into()).spawn(move || {
            let mut next = start;
            for _ in 0..requests {
                thread::sleep(next.saturating_duration_since(Instant::now()));
                due.add_permits(1);
                next += every;
            }
            due.add_permits(clients);
        })?;
        Ok(this)
    }

    /// When request `ticket` was due, counted from 0.
    pub(super) fn due_at(&self, ticket: u64) -> Instant {
        self.start + Duration::from_nanos(u64::try_from(self.every.as_nanos()).unwrap_or(u64::MAX) * ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_due_at_their_time_and_not_before() {
        let clock = Clock::start(1000, 20, 2).unwrap();
        for ticket in 0..20 {
            clock.due.acquire().await.unwrap().forget();

            assert!(Instant::now() >= clock.due_at(ticket), "{ticket}");
        }
        assert_eq!(clock.due_at(20) - clock.due_at(0), Duration::from_millis(20));
        // whoever waits hears that there will be no more
        drop(clock.due.acquire_many(2).await.unwrap());
    }
}
