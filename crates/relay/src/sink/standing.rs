//! How a sink stands: how far it is, what it could not deliver, and why.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alarm::Alert;
use ids::Timestamp;
use journal::Position;
use serde::Serialize;
use tokio::sync::watch;

use crate::route::Route;

/// The standing of every sink that is served, by its name.
pub(crate) type Standings = Arc<BTreeMap<String, Arc<Standing>>>;

/// How a sink sends, and so what can be known of what it sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Means {
    /// Informs: the receiver acknowledges each.
    Inform,
    /// Traps: the kernel took them.
    Trap,
    /// Syslog over UDP: the kernel took it.
    Udp,
    /// Syslog over TCP: written, and the connection still healthy some time later.
    Tcp,
    /// Syslog over TLS: the same.
    Tls,
}

/// How one sink stands since the relay was started.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) means: Means,
    /// `host:port` of the receiver.
    pub(crate) receiver: String,
    route: Route,
    /// Nothing up to here has to be sent any more.
    reached: watch::Sender<Position>,
    memory: Mutex<Memory>,
}

/// What is kept in mind of a sink.
#[derive(Clone, Debug, Default)]
struct Memory {
    failed: Option<(Timestamp, String)>,
    lost: VecDeque<Lost>,
}

/// Alerts that were passed and not delivered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lost {
    first: Position,
    last: Position,
    /// Why.
    pub(crate) why: String,
}

impl Standing {
    /// A sink that begins at `at`; what is known of it from `before` stays known.
    pub(crate) fn new(
        means: Means,
        receiver: String,
        route: Route,
        at: Position,
        before: Option<&Self>,
    ) -> Self {
        let memory = before.map(|before| before.memory().clone()).unwrap_or_default();
        Self { means, receiver, route, reached: watch::Sender::new(at), memory: Mutex::new(memory) }
    }

    /// Whether the routes give it `alert`.
    pub(crate) fn takes(&self, alert: &Alert) -> bool {
        self.route.takes(alert, |_, _| {})
    }

    /// Up to where nothing has to be sent any more, and every change of it.
    pub(crate) fn reached(&self) -> watch::Receiver<Position> {
        self.reached.subscribe()
    }

    /// When an attempt failed last, and why.
    pub(crate) fn failed(&self) -> Option<(Timestamp, String)> {
        self.memory().failed.clone()
    }

    /// Why the alert at `position` was passed and not delivered, when it was.
    pub(crate) fn lost(&self, position: Position) -> Option<String> {
        let memory = self.memory();
        let lost = memory.lost.iter().find(|lost| lost.first <= position && position <= lost.last);
        lost.map(|lost| lost.why.clone())
    }

    pub(super) fn reach(&self, position: Position) {
        self.reached.send_if_modified(|reached| {
            let moved = *reached < position;
            *reached = position.max(*reached);
            moved
        });
    }

    pub(super) fn fail(&self, why: String) {
        self.memory().failed = Some((Timestamp::now(), why));
    }

    /// Remembers that the alerts from `first` to `last` were passed and not delivered.
    pub(super) fn lose(&self, first: Position, last: Position, why: String) {
        let mut memory = self.memory();
        if memory.lost.len() == REMEMBERED {
            memory.lost.pop_front();
        }
        memory.lost.push_back(Lost { first, last, why });
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many losses are remembered: enough for whoever has just asked after an alert.
const REMEMBERED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Ear, Routes};

    #[test]
    fn what_was_lost_is_known_by_its_position_and_stays_known_when_the_sink_is_made_anew() {
        let at = Position::new;
        let ear = Ear { name: "nms".into(), exempt: false, repeat_secs: None };
        let route = Routes::new(Vec::new(), vec![ear]).of(0);
        let sink = Standing::new(Means::Inform, "nms:162".into(), route.clone(), at(4), None);
        sink.lose(at(5), at(7), "given up".into());
        sink.fail("no answer".into());
        sink.reach(at(7));
        sink.reach(at(6));

        let again = Standing::new(Means::Trap, "nms:162".into(), route, at(7), Some(&sink));

        assert_eq!(*sink.reached().borrow(), at(7));
        assert_eq!((again.lost(at(4)), again.lost(at(8))), (None, None));
        assert_eq!(again.lost(at(6)).as_deref(), Some("given up"));
        assert_eq!(again.failed().unwrap().1, "no answer");
    }
}
