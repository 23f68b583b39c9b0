//! Follows Mist's ping from the listener to every sink.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use alarm::{Alert, Audience, Origin};
use ids::Timestamp;
use journal::{Log, Position, Priority};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use webhook::Topic;

use super::Admin;
use super::coming::Made;
use super::fate::{Began, Fate};
use crate::error::Chain;
use crate::inbox;
use crate::sink::standing::Standing;
use crate::trail::{Step, What};

/// What is asked with [`PING_FOLLOW`](super::PING_FOLLOW).
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Name of the organisation.
    org: String,
    /// What [`PING_WATCH`](super::PING_WATCH) answered.
    mark: Mark,
    /// How long to wait for the ping itself.
    wait_secs: u64,
    /// How long to wait for the sinks behind it.
    sinks_secs: u64,
}

/// What was there before the ping.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Mark {
    step: u64,
    outbox: u64,
}

/// The ping at one sink.
#[derive(Debug, Serialize)]
struct Arrived {
    #[serde(flatten)]
    fate: Fate,
    /// Whether a route names the sink for pings; to the others this one goes all the same.
    routed: bool,
}

impl Admin {
    /// Keeps what comes from now on.
    pub(super) fn watch_for_ping(&self) -> Value {
        let outbox = self.journal.tail(Log::Outbox).borrow().number();
        json!({ "mark": Mark { step: self.trail.watch(), outbox } })
    }

    /// Where a ping is that came behind a mark.
    pub(super) async fn follow_ping(&self, asked: Asked) -> Result<Value, String> {
        let Asked { org, mark, wait_secs, sinks_secs } = asked;
        self.trail.watch();
        let deadline = Instant::now() + Duration::from_secs(wait_secs.min(LONGEST_SECS));
        let stored = self.stored(&org, mark, deadline).await;
        let steps = self.trail.behind(mark.step);
        let Some(stored_at) = stored else { return Ok(json!({ "steps": steps })) };
        let began = Began::now(Duration::from_secs(sinks_secs.min(LONGEST_SECS)));
        let is_ping = move |alert: &Alert| alert.topic == Topic::Ping.name() && alert.org == org;
        let found = self.alert(Position::new(mark.outbox), began.deadline, is_ping).await?;
        let Some(Made { position, at: made_at, alert }) = found else {
            return Ok(json!({ "steps": steps, "stored_at": stored_at }));
        };
        let sinks = self.everywhere(position, &alert, began).await?;
        let (id, summary) = (alert.id, &alert.summary);
        Ok(json!({
            "steps": steps,
            "stored_at": stored_at,
            "alert": { "id": id, "summary": summary, "made_at": made_at },
            "sinks_from": began.at.micros(),
            "sinks": sinks,
        }))
    }

    /// When the ping was stored; `None` when none came in time.
    async fn stored(&self, org: &str, mark: Mark, deadline: Instant) -> Option<i64> {
        let mut newest = self.trail.newest();
        let is_ping = |step: &Step| matches!(&step.what, What::Stored { org: of, topic, .. } if of == org && topic == Topic::Ping.name());
        loop {
            newest.borrow_and_update();
            if let Some(step) = self.trail.behind(mark.step).into_iter().find(is_ping) {
                return Some(step.at);
            }
            timeout_at(deadline, newest.changed()).await.ok()?.ok()?;
        }
    }

    /// Sends the ping where no route took it, and follows it to every sink.
    async fn everywhere(
        &self,
        position: Position,
        alert: &Alert,
        began: Began,
    ) -> Result<Vec<Arrived>, String> {
        let standings = self.standings.borrow().clone();
        let mut asking = JoinSet::new();
        for (sink, standing) in standings.iter() {
            let (sink, standing) = (sink.clone(), Arc::clone(standing));
            let routed = standing.takes(alert);
            let at = if routed { Some(position) } else { self.send(position, alert, &sink, began).await? };
            asking.spawn(async move { Arrived { fate: fate(sink, standing, at, began).await, routed } });
        }
        let mut arrived = asking.join_all().await;
        arrived.sort_by(|a, b| a.fate.sink.cmp(&b.fate.sink));
        Ok(arrived)
    }

    /// Has a ping sent to one sink; where it then stands in the outbox.
    async fn send(
        &self,
        position: Position,
        alert: &Alert,
        sink: &str,
        began: Began,
    ) -> Result<Option<Position>, String> {
        let mut again = alert.clone();
        again.origin = Origin::Replay;
        again.audience = Audience::Only { sink: sink.to_owned() };
        let stored = self.inbox.store(inbox::replayed(Timestamp::now(), &again), Priority::Own).await;
        stored.map_err(|error| format!("the ping cannot be stored for sink `{sink}`: {}", Chain(&error)))?;
        let (id, audience) = (again.id, again.audience);
        let is_it = move |alert: &Alert| alert.id == id && alert.audience == audience;
        let found = self.alert(position, began.deadline, is_it).await?;
        Ok(found.map(|made| made.position))
    }

    /// The first alert behind `after` that is wanted; `None` when there is none in time.
    async fn alert(
        &self,
        after: Position,
        deadline: Instant,
        is_wanted: impl Fn(&Alert) -> bool,
    ) -> Result<Option<Made>, String> {
        let mut found = None;
        let take = |made: Made| {
            if !is_wanted(&made.alert) {
                return ControlFlow::Continue(());
            }
            found = Some(made);
            ControlFlow::Break(())
        };
        self.coming(after, deadline, take).await?;
        Ok(found)
    }
}

async fn fate(sink: String, standing: Arc<Standing>, at: Option<Position>, began: Began) -> Fate {
    match at {
        Some(position) => Fate::of(sink, standing, vec![position], began).await,
        None => Fate::not_made(sink, &standing, "the relay is behind with interpreting"),
    }
}

/// How long each half may take at most: whoever asks waits a minute for the answer.
const LONGEST_SECS: u64 = 25;
