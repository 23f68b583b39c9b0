//! Informs: delivered means acknowledged, several in flight, one attempt at a time for each.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use journal::Position;
use snmp::{Acknowledged, Notification, Retry};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::Failure;
use super::notify::{ATTEMPT, Link, Notify};
use super::pump::Pump;
use crate::Error;
use crate::outbox::Parcel;
use crate::stop::Stop;

/// A receiver of informs.
#[derive(Debug)]
pub(crate) struct Informs {
    pub(crate) notify: Notify,
}

/// An alert between being read and being done with.
#[derive(Debug)]
struct Slot {
    parcel: Parcel,
    notification: Arc<Notification>,
    state: State,
    /// Failures while others that were begun later succeeded: what is wrong is this one, not the receiver.
    refused: u32,
    /// Which attempt its last one was.
    attempt: u64,
    /// Not to be tried again before this.
    not_before: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Waiting,
    InFlight,
    Done,
}

/// What is on its way to one receiver.
#[derive(Debug, Default)]
struct Window {
    slots: VecDeque<Slot>,
    /// Read and not yet in a slot.
    read: VecDeque<Parcel>,
    acknowledged: u64,
    /// How many attempts were begun.
    attempts: u64,
    /// The last one begun of those that were acknowledged: the receiver was there when it came.
    answered: u64,
    /// Attempts that failed since any succeeded: the receiver is away.
    failures: u32,
    /// Nothing is to be tried before this.
    not_before: Option<Instant>,
    /// The receiver is to be asked for its engine before anything else is tried.
    ask: bool,
}

/// The attempts in flight. They are polled here and in order, so that they are sent in order.
#[derive(Default)]
struct Attempts(Vec<Pin<Box<dyn Future<Output = Attempt> + Send>>>);

/// What came of sending the alert at a position.
struct Attempt {
    position: Position,
    result: Result<Acknowledged, snmp::Failure>,
}

impl Informs {
    /// Delivers until `stop` turns true and everything is acknowledged, or an attempt fails after that.
    pub(crate) async fn run(self, mut pump: Pump, mut stop: Stop) -> Result<(), Error> {
        let mut link = Link::default();
        let mut window = Window::default();
        let mut attempts = Attempts::default();
        loop {
            if window.is_stale() && attempts.0.is_empty() {
                if std::mem::take(&mut window.ask) {
                    self.ask(&mut link, &pump).await;
                }
                window.forget(pump.catch_up().await?);
            }
            if window.read.is_empty() && !pump.is_drained() {
                window.read.extend(pump.next(BATCH, !window.slots.is_empty()).await?);
            }
            if window.slots.is_empty() && window.read.is_empty() && pump.is_drained() {
                pump.all_delivered();
                if stop.is_told() {
                    return pump.settle(true).await;
                }
                pump.rest(&mut stop).await?;
                continue;
            }
            let stopped = stop.is_told();
            if stopped && attempts.0.is_empty() && window.is_failing() {
                return pump.settle(true).await;
            }
            let now = Instant::now();
            self.launch(&mut window, &mut attempts, &mut link, &pump, now).await;
            let wake = [pump.settle_at(), window.wake_at(now)].into_iter().flatten().min();
            let more = window.read.is_empty() && !window.is_full() && window.failures == 0;
            let more_came = pump.more();
            tokio::select! {
                attempt = attempts.next() => self.attempted(&mut window, &mut link, &pump, attempt).await?,
                () = more_came, if more => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                () = stop.told(), if !stopped => {}
            }
            window.confirm(&mut pump);
            pump.settle(pump.settle_at().is_some_and(|at| at <= Instant::now())).await?;
        }
    }

    /// Sends what may be sent now, in order: a window of them, and one alone while the receiver does not answer,
    /// since the first exchange with a receiver of SNMPv3 takes several datagrams, in which what is sent beside it
    /// may overtake it.
    async fn launch(
        &self,
        window: &mut Window,
        attempts: &mut Attempts,
        link: &mut Link,
        pump: &Pump,
        now: Instant,
    ) {
        if window.not_before.is_some_and(|at| at > now) {
            return;
        }
        window.not_before = None;
        while attempts.0.len() < window.most() {
            let due =
                |slot: &Slot| slot.state == State::Waiting && slot.not_before.is_none_or(|at| at <= now);
            let index = match window.slots.iter().position(due) {
                Some(index) => index,
                None if window.is_full() => return,
                None => {
                    let Some(parcel) = window.read.pop_front() else { return };
                    let notification = Arc::new(self.notify.encode(&parcel, pump));
                    window.slots.push_back(Slot {
                        parcel,
                        notification,
                        state: State::Waiting,
                        refused: 0,
                        attempt: 0,
                        not_before: None,
                    });
                    window.slots.len() - 1
                }
            };
            let sender = match link.sender(&self.notify).await {
                Ok(sender) => sender,
                Err(failure) => {
                    link.forget(true);
                    let wait = window.failed();
                    pump.failed(&failure, window.failures, wait);
                    return;
                }
            };
            let slot = &mut window.slots[index];
            slot.state = State::InFlight;
            window.attempts += 1;
            slot.attempt = window.attempts;
            let (position, notification) = (slot.parcel.position, Arc::clone(&slot.notification));
            attempts.0.push(Box::pin(async move {
                let tried = timeout(LONGEST_ATTEMPT, sender.inform(&notification)).await;
                Attempt { position, result: tried.unwrap_or(Err(snmp::Failure::Timeout)) }
            }));
        }
    }

    async fn attempted(
        &self,
        window: &mut Window,
        link: &mut Link,
        pump: &Pump,
        attempt: Attempt,
    ) -> Result<(), Error> {
        let position = attempt.position;
        let Some(index) = window.slots.iter().position(|slot| slot.parcel.position == position) else {
            return Ok(());
        };
        let slot = &mut window.slots[index];
        let failure = match attempt.result {
            Ok(acknowledged) => {
                if acknowledged == Acknowledged::Altered {
                    debug!(sink = pump.name, %position, "acknowledged with other content than was sent");
                }
                slot.state = State::Done;
                window.acknowledged += 1;
                window.answered = window.answered.max(slot.attempt);
                window.failures = 0;
                window.not_before = None;
                pump.note_delivered([position]);
                return Ok(());
            }
            Err(failure) => failure,
        };
        let retry = failure.retry();
        let failure =
            Failure::new(format!("{} did not acknowledge an inform", self.notify.receiver), failure);
        slot.state = State::Waiting;
        // What was begun before it and acknowledged says nothing: the receiver may have gone in between, and then
        // nothing may overtake it.
        if retry == Retry::Never || window.answered > slot.attempt {
            slot.refused += 1;
            if retry == Retry::Never || slot.refused >= MAX_REFUSED {
                slot.state = State::Done;
                pump.set_aside(&slot.parcel, &failure).await?;
                return Ok(());
            }
            let wait = PAUSE * (1 << slot.refused);
            slot.not_before = Some(Instant::now() + wait);
            pump.failed(&failure, slot.refused, wait);
            return Ok(());
        }
        let wait = window.failed();
        pump.failed(&failure, window.failures, wait);
        link.forget(retry == Retry::Reconnect);
        window.ask |= window.failures.is_multiple_of(REDISCOVER_EVERY);
        Ok(())
    }

    /// Asks the receiver who it is: it may be a new one with another engine. Nothing may be in flight: what is
    /// not polled meanwhile may hold what this waits for.
    async fn ask(&self, link: &mut Link, pump: &Pump) {
        let Ok(sender) = link.sender(&self.notify).await else { return };
        let asked = timeout(LONGEST_ATTEMPT, sender.rediscover()).await;
        if let Err(error) = asked.unwrap_or(Err(snmp::Failure::Timeout)) {
            debug!(sink = pump.name, %error, "the receiver does not say which engine it is");
        }
    }
}

impl Attempts {
    /// The next attempt that ends; never while none is in flight.
    async fn next(&mut self) -> Attempt {
        poll_fn(|cx| {
            for index in 0..self.0.len() {
                if let Poll::Ready(attempt) = self.0[index].as_mut().poll(cx) {
                    drop(self.0.remove(index));
                    return Poll::Ready(attempt);
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Window {
    /// Counts a failure of the receiver; how long to wait.
    fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = (PAUSE * self.failures).min(MAX_PAUSE);
        self.not_before = Some(Instant::now() + wait);
        wait
    }

    /// How many may be in flight.
    const fn most(&self) -> usize {
        match self.failures {
            0 if self.acknowledged > 0 => IN_FLIGHT,
            // one alone could not tell a receiver that is away from one that refuses that one
            ALONE.. => 2,
            _ => 1,
        }
    }

    /// Whether something was tried and has not gone through.
    fn is_failing(&self) -> bool {
        self.failures > 0 || self.slots.iter().any(|slot| slot.refused > 0 && slot.state == State::Waiting)
    }

    /// Whether the receiver was away and is to be tried again now: what waits may have been given up meanwhile.
    fn is_stale(&self) -> bool {
        self.failures > 0 && self.not_before.is_none_or(|at| at <= Instant::now())
    }

    /// Drops everything up to `position`, none of which may be in flight.
    fn forget(&mut self, position: Position) {
        self.slots.retain(|slot| slot.parcel.position > position);
        self.read.retain(|parcel| parcel.position > position);
    }

    /// Whether nothing new may be sent before something old is done with.
    ///
    /// While one that was refused is tried again, one more may go beside it each time: without the others'
    /// success nobody could tell that it is the one at fault, and a full window would wait for it for ever.
    fn is_full(&self) -> bool {
        let retrying = self.slots.iter().any(|slot| slot.refused > 0 && slot.state == State::InFlight);
        let beside: u32 = if retrying { self.slots.iter().map(|slot| slot.refused).sum() } else { 0 };
        self.slots.len() >= MAX_SLOTS + beside as usize
    }

    /// When something may be tried again that could not be at `now`, when that was last looked at.
    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let waiting = self.slots.iter().filter(|slot| slot.state == State::Waiting);
        self.not_before.or_else(|| waiting.filter_map(|slot| slot.not_before).filter(|at| *at > now).min())
    }

    /// Moves past what is done with at the front: the cursor is the lowest that is not.
    fn confirm(&mut self, pump: &mut Pump) {
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.state == State::Done) {
            pump.moved_past(slot.parcel.position);
        }
    }
}

/// How long an attempt may take whatever the library underneath does: a discovery and an inform, and some more.
const LONGEST_ATTEMPT: Duration = ATTEMPT.saturating_mul(4);

/// How many informs are in flight at once.
const IN_FLIGHT: usize = 8;

/// After how many failures in a row a second one goes right behind the first.
const ALONE: u32 = 4;

/// How many may be between the lowest that is not acknowledged and the highest that was sent.
const MAX_SLOTS: usize = 256;

/// How often one may fail while others succeed.
const MAX_REFUSED: u32 = 5;

/// How many failures in a row make the receiver be asked for its engine again.
const REDISCOVER_EVERY: u32 = 3;

/// How long to wait after a failure: longer each time, up to a bound.
const PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// How many alerts are read at once.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_does_not_answer_gets_one_alone_and_in_the_end_two() {
        for (acknowledged, failures, expect) in [
            (0, 0, 1),
            (0, 1, 1),
            (0, ALONE, 2),
            (5, 0, IN_FLIGHT),
            (5, 1, 1),
            (5, ALONE, 2),
            (5, u32::MAX, 2),
        ] {
            let window = Window { acknowledged, failures, ..Window::default() };
            assert_eq!(window.most(), expect, "{acknowledged} acknowledged, {failures} failures");
        }
    }
}
