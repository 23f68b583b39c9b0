//! What becomes of alerts at a sink, as far as it can be known.

use std::sync::Arc;
use std::time::Duration;

use ids::Timestamp;
use journal::Position;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::sink::standing::{Means, Standing};

/// What became of alerts at one sink.
#[derive(Debug, Serialize)]
pub(super) struct Fate {
    pub(super) sink: String,
    receiver: String,
    means: Means,
    pub(super) outcome: Outcome,
    /// For each of them the milliseconds from the beginning until it was delivered; none while it is not.
    pub(super) ms: Vec<Option<u64>>,
    /// What went wrong, when something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// What can be known of a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The receiver acknowledged all.
    Acknowledged,
    /// All were written, and the connection was still healthy some time later.
    Settled,
    /// The kernel took all; nobody can tell whether they arrived.
    Sent,
    /// The kernel took all, and something went wrong meanwhile: they hardly arrived.
    Doubtful,
    /// The receiver refused one again and again, or it was given up.
    Lost,
    /// Not delivered in time; it is still tried.
    Late,
    /// No alert was made in time.
    NotMade,
}

/// When it began, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    pub(super) at: Timestamp,
    pub(super) instant: Instant,
    pub(super) deadline: Instant,
}

impl Began {
    /// Now; it may take so long.
    pub(super) fn now(wait: Duration) -> Self {
        let instant = Instant::now();
        Self { at: Timestamp::now(), instant, deadline: instant + wait }
    }

    /// Milliseconds since then.
    pub(super) fn ms(self) -> u64 {
        u64::try_from(self.instant.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Fate {
    /// No alert was made for the sink, because of `why`.
    pub(super) fn not_made(sink: String, standing: &Standing, why: &str) -> Self {
        let (outcome, error) = (Outcome::NotMade, Some(why.to_owned()));
        Self {
            sink,
            receiver: standing.receiver.clone(),
            means: standing.means,
            outcome,
            ms: Vec::new(),
            error,
        }
    }

    /// Follows the alerts at `positions`, in order, to the end or until there is no more time.
    pub(super) async fn of(
        sink: String,
        standing: Arc<Standing>,
        positions: Vec<Position>,
        began: Began,
    ) -> Self {
        let mut ms = Vec::new();
        for position in &positions {
            ms.push(delivered(&standing, *position, began).await);
        }
        let (outcome, error) = judge(&standing, &positions, ms.iter().all(Option::is_some), began);
        Self { sink, receiver: standing.receiver.clone(), means: standing.means, outcome, ms, error }
    }
}

fn judge(
    standing: &Standing,
    positions: &[Position],
    delivered: bool,
    began: Began,
) -> (Outcome, Option<String>) {
    if let Some(why) = positions.iter().find_map(|position| standing.lost(*position)) {
        return (Outcome::Lost, Some(why));
    }
    let failed = standing.failed();
    if !delivered {
        let reached = standing.reached().borrow().number();
        let first = positions.first().map_or(0, |first| first.number());
        let ahead = first.saturating_sub(reached + 1);
        let waits = (ahead > 0).then(|| format!("{ahead} alerts wait before it"));
        return (Outcome::Late, failed.map(|(_, why)| why).or(waits));
    }
    let failed_since = failed.filter(|(at, _)| *at >= began.at).map(|(_, why)| why);
    match standing.means {
        Means::Inform => (Outcome::Acknowledged, None),
        Means::Tcp | Means::Tls => (Outcome::Settled, None),
        Means::Trap | Means::Udp if failed_since.is_some() => (Outcome::Doubtful, failed_since),
        Means::Trap | Means::Udp => (Outcome::Sent, None),
    }
}

/// Milliseconds from the beginning until the sink is past `position`; `None` when there is no more time.
async fn delivered(standing: &Standing, position: Position, began: Began) -> Option<u64> {
    let mut reached = standing.reached();
    let past = timeout_at(began.deadline, reached.wait_for(|reached| *reached >= position)).await;
    past.is_ok_and(|waited| waited.is_ok()).then(|| began.ms())
}
