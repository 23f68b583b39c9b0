//! What came to the listener a moment ago, for whoever follows a message from its beginning. Nothing is kept while nobody
//! does.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ids::Timestamp;
use journal::Position;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

/// The newest things that came, while somebody looks.
#[derive(Debug)]
pub(crate) struct Trail {
    watched: AtomicBool,
    recent: Mutex<Recent>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Recent {
    until: Option<Instant>,
    steps: VecDeque<Step>,
    newest: u64,
}

/// Something that came.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    /// Its number, from 1 on.
    pub(crate) number: u64,
    /// When, in microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) peer: IpAddr,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub(crate) enum What {
    /// A connection that ended without an answer.
    Closed {
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A request that was turned away.
    Refused { reason: &'static str, status: u16 },
    /// A message that was proven and could not be promised.
    Unstored { org: String, topic: String },
    /// A message that was answered 200.
    Stored { org: String, topic: String, position: u64 },
}

impl Trail {
    pub(crate) fn new() -> Self {
        Self { watched: AtomicBool::new(false), recent: Mutex::default(), newest: watch::Sender::new(0) }
    }

    /// Keeps what comes for a while; the number of the newest there is.
    pub(crate) fn watch(&self) -> u64 {
        let mut recent = self.recent();
        recent.until = Some(Instant::now() + WATCHED);
        self.watched.store(true, Ordering::Relaxed);
        recent.newest
    }

    /// Whether somebody looks.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Adds what came from `peer`, if somebody looks.
    pub(crate) fn add(&self, peer: IpAddr, what: impl FnOnce() -> What) {
        if !self.is_watched() {
            return;
        }
        let mut recent = self.recent();
        if recent.until.is_none_or(|until| until <= Instant::now()) {
            self.watched.store(false, Ordering::Relaxed);
            recent.steps.clear();
            return;
        }
        recent.newest += 1;
        let step = Step { number: recent.newest, at: Timestamp::now().micros(), peer, what: what() };
        if recent.steps.len() == KEPT {
            recent.steps.pop_front();
        }
        recent.steps.push_back(step);
        self.newest.send_replace(recent.newest);
    }

    /// What came behind the one with this number, as far as it is kept.
    pub(crate) fn behind(&self, number: u64) -> Vec<Step> {
        self.recent().steps.iter().filter(|step| step.number > number).cloned().collect()
    }

    /// The number of the newest, and every change of it.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl What {
    /// A message that the journal has promised.
    pub(crate) fn stored(org: &str, topic: &str, position: Position) -> Self {
        Self::Stored { org: org.to_owned(), topic: topic.to_owned(), position: position.number() }
    }
}

/// For how long what comes is kept once somebody has asked.
const WATCHED: Duration = Duration::from_secs(90);

/// How much is kept.
const KEPT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn refused() -> What {
        What::Refused { reason: "source", status: 403 }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_unless_somebody_looks_and_then_not_for_ever_nor_without_end() {
        let trail = Trail::new();
        trail.add(PEER, refused);
        assert_eq!((trail.watch(), trail.behind(0).len()), (0, 0));

        for _ in 0..KEPT + 3 {
            trail.add(PEER, refused);
        }
        let kept = trail.behind(0);
        assert_eq!((kept.len(), kept[0].number), (KEPT, 4));
        assert_eq!((trail.watch(), *trail.newest().borrow()), (515, 515));

        tokio::time::advance(WATCHED).await;
        trail.add(PEER, refused);
        assert!(!trail.is_watched());
        assert_eq!((trail.behind(0).len(), trail.watch()), (0, 515));
    }
}
