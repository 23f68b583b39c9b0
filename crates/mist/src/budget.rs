//! The calls of an hour, shared by everything that uses a token.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The calls that a token may make in an hour.
///
/// A clone is the same budget: give one to every client that has the same token. No more calls are let through in any 60
/// minutes, measured in whole minutes, so that Mist's own count, which begins anew every hour at a time nobody knows, is
/// never passed by what goes through here. What else uses the token is learnt from Mist when it refuses.
/// Source: Mist OpenAPI, "Rate Limiting": 5,000 calls an hour and token.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

impl Budget {
    /// Calls an hour that Mist gives a token.
    pub const MIST: u32 = 5_000;

    /// A budget of `per_hour` calls, at least one.
    #[must_use]
    pub fn new(per_hour: u32) -> Self {
        let state = State {
            capacity: per_hour.max(1),
            spent: Window::default(),
            elsewhere: None,
            held: None,
            hurried: 0,
        };
        Self(Arc::new(Shared { origin: Instant::now(), state: Mutex::new(state), changed: Notify::new() }))
    }

    /// A part of this budget: at most `percent` of the calls of an hour, at least one.
    ///
    /// It reserves nothing: its calls count in the whole, and the whole can be spent by others.
    #[must_use]
    pub fn share(&self, percent: u8) -> Share {
        Share { percent: percent.min(100), spent: Arc::default() }
    }

    /// The calls of an hour, as they were given or as Mist told since.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.state().capacity
    }

    /// Calls that can be made at once.
    #[must_use]
    pub fn left(&self) -> u32 {
        let now = Instant::now();
        let mut state = self.state();
        if state.held.is_some_and(|until| until > now) {
            return 0;
        }
        let minute = self.minute(now);
        state.capacity.saturating_sub(state.spent.in_hour(minute)).saturating_sub(state.elsewhere(now))
    }

    /// How long nothing is let through, after Mist refused; zero when it is.
    #[must_use]
    pub fn held(&self) -> Duration {
        let now = Instant::now();
        self.state().held.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Spends a call as soon as one is free.
    ///
    /// # Errors
    ///
    /// The time until one is free, when that is later than `patience` after the beginning.
    pub(crate) async fn take(&self, share: Option<&Share>, patience: Duration) -> Result<(), Duration> {
        let begun = Instant::now();
        loop {
            let changed = self.0.changed.notified();
            let now = Instant::now();
            let Err(free_at) = self.try_take(share, now) else { return Ok(()) };
            if free_at.saturating_duration_since(begun) > patience || self.is_hurried() {
                return Err(free_at.saturating_duration_since(now));
            }
            tokio::select! {
                () = sleep_until(free_at) => {}
                () = changed => {}
            }
        }
    }

    /// Has nobody wait for a free call, nor before another try, as long as what this returns is kept: who waits is refused now,
    /// and who comes later at once. What is free is given out as before.
    pub fn hurry(&self) -> Hurry {
        self.state().hurried += 1;
        self.0.changed.notify_waiters();
        Hurry(self.clone())
    }

    fn is_hurried(&self) -> bool {
        self.state().hurried > 0
    }

    /// Returns once nobody is to wait.
    pub(crate) async fn hurried(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.is_hurried() {
                return;
            }
            changed.await;
        }
    }

    /// Counts a call that did not wait, since it asks for the state of the budget.
    pub(crate) fn note(&self) {
        let minute = self.minute(Instant::now());
        self.state().spent.add(minute);
    }

    /// Lets nothing through for `duration`, and not less when it was held already.
    pub(crate) fn hold(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut state = self.state();
        state.held = Some(state.held.map_or(until, |held| held.max(until)));
    }

    /// Lets nothing through for `duration`, and not more when it was held already.
    pub(crate) fn hold_exactly(&self, duration: Duration) {
        self.state().held = Some(Instant::now() + duration);
        self.0.changed.notify_waiters();
    }

    /// Learns what Mist counted: `requests` of `limit`, for another `reset`.
    pub(crate) fn learn(&self, requests: u32, limit: Option<u32>, reset: Duration) {
        let now = Instant::now();
        let minute = self.minute(now);
        let mut state = self.state();
        if let Some(limit) = limit.filter(|limit| *limit > 0) {
            state.capacity = limit;
        }
        let elsewhere = requests.saturating_sub(state.spent.in_hour(minute));
        state.elsewhere = Some((elsewhere, now + reset));
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// Spends a call, or says when the next may be free.
    fn try_take(&self, share: Option<&Share>, now: Instant) -> Result<(), Instant> {
        let minute = self.minute(now);
        let mut state = self.state();
        if let Some(until) = state.held.filter(|until| *until > now) {
            return Err(until);
        }
        state.held = None;
        let elsewhere = state.elsewhere(now);
        if state.spent.in_hour(minute).saturating_add(elsewhere) >= state.capacity {
            let own = state.spent.oldest().map(|minute| self.end_of_hour_after(minute));
            let others = state.elsewhere.filter(|_| elsewhere > 0).map(|(_, until)| until);
            return Err(own.into_iter().chain(others).min().unwrap_or(now + MINUTE));
        }
        if let Some(share) = share {
            let mut spent = share.spent.lock().unwrap_or_else(PoisonError::into_inner);
            if spent.in_hour(minute) >= share.of(state.capacity) {
                return Err(spent.oldest().map_or(now + MINUTE, |minute| self.end_of_hour_after(minute)));
            }
            spent.add(minute);
        }
        state.spent.add(minute);
        Ok(())
    }

    fn minute(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.0.origin).as_secs() / 60
    }

    /// When a call made in `minute` no longer counts.
    fn end_of_hour_after(&self, minute: u64) -> Instant {
        self.0.origin + Duration::from_secs((minute + MINUTES) * 60)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::MIST)
    }
}

/// Nobody waits for a call of a [`Budget`] as long as this is kept.
#[derive(Debug)]
#[must_use = "dropped, everybody waits as before"]
pub struct Hurry(Budget);

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.state().hurried -= 1;
    }
}

/// A bounded part of a [`Budget`], for work that must not eat everything; a clone is the same part.
#[derive(Clone, Debug)]
pub struct Share {
    percent: u8,
    spent: Arc<Mutex<Window>>,
}

impl Share {
    fn of(&self, capacity: u32) -> u32 {
        u32::try_from(u64::from(capacity) * u64::from(self.percent) / 100).unwrap_or(capacity).max(1)
    }
}

#[derive(Debug)]
struct Shared {
    origin: Instant,
    state: Mutex<State>,
    /// Told whenever a call may be free earlier than was said, or is not waited for any more.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    capacity: u32,
    spent: Window,
    /// Calls of others with the same token, and until when they count.
    elsewhere: Option<(u32, Instant)>,
    /// Until when nothing is let through.
    held: Option<Instant>,
    /// How many want nobody to wait.
    hurried: u32,
}

impl State {
    fn elsewhere(&self, now: Instant) -> u32 {
        self.elsewhere.filter(|(_, until)| *until > now).map_or(0, |(calls, _)| calls)
    }
}

/// Calls by minute; at most as many entries as an hour has, and one.
#[derive(Debug, Default)]
struct Window {
    minutes: VecDeque<(u64, u32)>,
}

impl Window {
    fn add(&mut self, minute: u64) {
        match self.minutes.back_mut() {
            Some((last, calls)) if *last == minute => *calls = calls.saturating_add(1),
            _ => {
                self.in_hour(minute);
                self.minutes.push_back((minute, 1));
            }
        }
    }

    /// Calls that count in `minute`; what no longer counts is forgotten.
    fn in_hour(&mut self, minute: u64) -> u32 {
        while self.minutes.front().is_some_and(|(first, _)| first + MINUTES <= minute) {
            self.minutes.pop_front();
        }
        self.minutes.iter().fold(0, |sum, (_, calls)| sum.saturating_add(*calls))
    }

    fn oldest(&self) -> Option<u64> {
        self.minutes.front().map(|(minute, _)| *minute)
    }
}

/// How many minutes a call counts: an hour, and the rest of the minute it was made in.
const MINUTES: u64 = 61;

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
