//! Informs: delivered means acknowledged, several in flight, one attempt at a time for each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use journal::Position;
use snmp::{Acknowledged, Notification, Retry};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::Failure;
use super::notify::{Link, Notify};
use super::pump::{Parcel, Pump};
use crate::Error;
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
    /// Failures while others succeeded: what is wrong is this one, not the receiver.
    refused: u32,
    /// How many had been acknowledged when its last attempt began.
    acknowledged_before: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Waiting,
    InFlight,
    Done,
    /// Not to be delivered.
    Aside,
}

/// What is on its way to one receiver.
#[derive(Debug, Default)]
struct Window {
    slots: VecDeque<Slot>,
    /// Read and not yet in a slot.
    read: VecDeque<Parcel>,
    acknowledged: u64,
    /// Attempts that failed since one succeeded.
    failures: u32,
    /// Not before this, after a failure.
    not_before: Option<Instant>,
}

type Attempt = (Position, Result<Acknowledged, snmp::Failure>);

impl Informs {
    /// Delivers until `stop` turns true and everything is acknowledged, or an attempt fails after that.
    pub(crate) async fn run(self, mut pump: Pump, mut stop: Stop) -> Result<(), Error> {
        let mut link = Link::default();
        let mut window = Window::default();
        let mut attempts: JoinSet<Attempt> = JoinSet::new();
        loop {
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
            self.launch(&mut window, &mut attempts, &mut link, &pump).await;
            let wake = [pump.settle_at(), window.not_before].into_iter().flatten().min();
            let stopped = stop.is_told();
            tokio::select! {
                Some(attempt) = attempts.join_next() => {
                    let Ok((position, result)) = attempt else {
                        return Err(Error::Ended { part: "an inform" });
                    };
                    self.attempted(&mut window, &mut link, &pump, position, result).await;
                    if stopped && window.failures > 0 {
                        return pump.settle(true).await;
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                () = stop.told(), if !stopped => {}
            }
            window.confirm(&mut pump);
            pump.settle(pump.settle_at().is_some_and(|at| at <= Instant::now())).await?;
            if stopped && attempts.is_empty() && window.failures > 0 {
                return pump.settle(true).await;
            }
        }
    }

    /// Sends what may be sent now: up to a window in flight, and after a failure one alone.
    async fn launch(
        &self,
        window: &mut Window,
        attempts: &mut JoinSet<Attempt>,
        link: &mut Link,
        pump: &Pump,
    ) {
        if window.not_before.is_some_and(|at| at > Instant::now()) {
            return;
        }
        window.not_before = None;
        let most = if window.failures > 0 { 1 } else { IN_FLIGHT };
        while attempts.len() < most {
            let waiting = window.slots.iter().position(|slot| slot.state == State::Waiting);
            let fresh = !window.read.is_empty() && window.slots.len() < MAX_SLOTS;
            // after a failure a new one goes ahead of the one that failed, every other time: it tells whether
            // the receiver or that one alert is at fault
            let fresh_first = fresh && window.failures % 2 == 1;
            let index = match waiting {
                Some(index) if !(fresh_first && window.slots[index].tried()) => index,
                None if !fresh => return,
                _ => {
                    let parcel = window.read.pop_front().expect("checked above");
                    let notification = Arc::new(self.notify.encode(&parcel, pump));
                    window.slots.push_back(Slot {
                        parcel,
                        notification,
                        state: State::Waiting,
                        refused: 0,
                        acknowledged_before: u64::MAX,
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
            slot.acknowledged_before = window.acknowledged;
            let (position, notification) = (slot.parcel.position, Arc::clone(&slot.notification));
            attempts.spawn(async move { (position, sender.inform(&notification).await) });
        }
    }

    async fn attempted(
        &self,
        window: &mut Window,
        link: &mut Link,
        pump: &Pump,
        position: Position,
        result: Result<Acknowledged, snmp::Failure>,
    ) {
        let Some(index) = window.slots.iter().position(|slot| slot.parcel.position == position) else {
            return;
        };
        let failure = match result {
            Ok(acknowledged) => {
                if acknowledged == Acknowledged::Altered {
                    debug!(sink = pump.name, %position, "acknowledged with other content than was sent");
                }
                window.slots[index].state = State::Done;
                window.acknowledged += 1;
                window.failures = 0;
                window.not_before = None;
                return;
            }
            Err(failure) => failure,
        };
        let retry = failure.retry();
        let slot = &mut window.slots[index];
        slot.state = State::Waiting;
        if window.acknowledged > slot.acknowledged_before {
            slot.refused += 1;
        }
        let set_aside = retry == Retry::Never || slot.refused >= MAX_REFUSED;
        let failure =
            Failure::new(format!("{} did not acknowledge an inform", self.notify.receiver), failure);
        if set_aside {
            slot.state = State::Aside;
            pump.set_aside(&slot.parcel, &failure);
            return;
        }
        let wait = window.failed();
        pump.failed(&failure, window.failures, wait);
        link.forget(retry == Retry::Reconnect);
        if window.failures.is_multiple_of(REDISCOVER_EVERY) {
            // the receiver may be a new one with another engine: ask it who it is
            let asked = match link.sender(&self.notify).await {
                Ok(sender) => sender.rediscover().await,
                Err(_) => return,
            };
            if let Err(error) = asked {
                debug!(sink = pump.name, %error, "the receiver does not say which engine it is");
            }
        }
    }
}

impl Slot {
    fn tried(&self) -> bool {
        self.acknowledged_before != u64::MAX
    }
}

impl Window {
    /// Counts a failure; how long to wait.
    fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = (PAUSE * self.failures).min(MAX_PAUSE);
        self.not_before = Some(Instant::now() + wait);
        wait
    }

    /// Moves past what is done with at the front: the cursor is the lowest that is not.
    fn confirm(&mut self, pump: &mut Pump) {
        while let Some(slot) = self.slots.front() {
            match slot.state {
                State::Done => pump.delivered(slot.parcel.position, 1),
                State::Aside => pump.delivered(slot.parcel.position, 0),
                State::Waiting | State::InFlight => break,
            }
            self.slots.pop_front();
        }
    }
}

/// How many informs are in flight at once.
const IN_FLIGHT: usize = 8;

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
