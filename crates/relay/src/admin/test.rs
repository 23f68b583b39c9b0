//! A raise and a clear for chosen sinks, by the way of everything else, and what became of them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use alarm::{Alert, Own, OwnKind, State};
use ids::Timestamp;
use journal::{Log, Position, Priority};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracing::info;

use super::Admin;
use super::coming::Made;
use super::fate::{Began, Fate};
use crate::error::Chain;
use crate::inbox;
use crate::sink::standing::Standing;

/// What is asked with [`TEST`](super::TEST).
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Names of the sinks; all when there are none.
    #[serde(default)]
    pub(super) sinks: Vec<String>,
    pub(super) wait_secs: u64,
}

/// What became of the test at one sink.
#[derive(Debug, Serialize)]
struct Tested {
    #[serde(flatten)]
    fate: Fate,
    /// Key of the alarm that was raised and cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// The two alerts as they stand in the outbox.
#[derive(Clone, Debug, Default)]
struct Pair {
    raise: Option<Made>,
    clear: Option<Made>,
}

impl Admin {
    /// Tests sinks: sends each a raise and a clear, whatever the routes say.
    pub(super) async fn test(&self, asked: Asked) -> Result<Value, String> {
        let Ok(_alone) = self.testing.try_lock() else {
            return Err("another test is under way; try again when it has ended".to_owned());
        };
        let standings = self.standings.borrow().clone();
        if let Some(unknown) = asked.sinks.iter().find(|name| !standings.contains_key(*name)) {
            let known: Vec<&str> = standings.keys().map(String::as_str).collect();
            return Err(format!("this relay serves no sink `{unknown}`; it serves: {}", known.join(", ")));
        }
        let wanted = |name: &String| asked.sinks.is_empty() || asked.sinks.contains(name);
        let sinks: BTreeMap<String, Arc<Standing>> = standings
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(n, s)| (n.clone(), Arc::clone(s)))
            .collect();
        if sinks.is_empty() {
            return Err("this relay has no sinks: add [[snmp]] or [[syslog]] to its configuration".to_owned());
        }
        info!(sinks = sinks.keys().cloned().collect::<Vec<_>>().join(" "), "testing sinks, as asked");
        let before = *self.journal.tail(Log::Outbox).borrow();
        let wait = Duration::from_secs(asked.wait_secs.min(LONGEST_SECS));
        let began = Began::now(wait);
        for name in sinks.keys() {
            self.say(name, State::Raised).await?;
            self.say(name, State::Cleared).await?;
        }
        let mut pairs = self.pairs(&sinks, before, began).await?;
        let interpreted = began.ms();
        let mut asking = JoinSet::new();
        for (name, standing) in sinks {
            let pair = pairs.remove(&name).unwrap_or_default();
            asking.spawn(follow(name, standing, pair, began));
        }
        let mut tested = asking.join_all().await;
        tested.sort_by(|a, b| a.fate.sink.cmp(&b.fate.sink));
        Ok(json!({ "interpreted_ms": interpreted, "wait_secs": wait.as_secs(), "sinks": tested }))
    }

    /// Has the relay say durably that the test of `sink` begins or ends.
    async fn say(&self, sink: &str, state: State) -> Result<(), String> {
        let what = if state == State::Raised { "raises" } else { "clears" };
        let own = Own {
            kind: OwnKind::Test,
            resource: sink.to_owned(),
            state,
            text: format!("an operator tests sink `{sink}`: this {what} an alarm, and nothing is wrong"),
            count: 0,
            severity: None,
            duration_secs: None,
        };
        let stored = self.inbox.store(inbox::own(Timestamp::now(), &own), Priority::Own).await;
        stored.map(drop).map_err(|error| format!("the test cannot be stored: {}", Chain(&error)))
    }

    /// The alerts of the test in the outbox behind `before`, as many as there are in time.
    async fn pairs(
        &self,
        sinks: &BTreeMap<String, Arc<Standing>>,
        before: Position,
        began: Began,
    ) -> Result<BTreeMap<String, Pair>, String> {
        let mut pairs: BTreeMap<String, Pair> = sinks.keys().map(|n| (n.clone(), Pair::default())).collect();
        let take = |made: Made| {
            if is_of_test(&made.alert, began.at)
                && let Some(pair) = pairs.get_mut(made.alert.category.as_str())
            {
                pair.take(made);
            }
            if pairs.values().all(Pair::is_whole) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        self.coming(before, began.deadline, take).await?;
        Ok(pairs)
    }
}

impl Pair {
    fn take(&mut self, made: Made) {
        match made.alert.state {
            State::Raised => self.raise = Some(made),
            State::Cleared => self.clear = Some(made),
            State::Event => {}
        }
    }

    const fn is_whole(&self) -> bool {
        self.raise.is_some() && self.clear.is_some()
    }
}

/// Follows both alerts to the end, or until there is no more time.
async fn follow(sink: String, standing: Arc<Standing>, pair: Pair, began: Began) -> Tested {
    let (Some(raise), Some(clear)) = (pair.raise, pair.clear) else {
        return Tested { fate: Fate::not_made(sink, &standing, NOT_MADE), key: None };
    };
    Tested {
        fate: Fate::of(sink, standing, vec![raise.position, clear.position], began).await,
        key: Some(raise.alert.key.to_string()),
    }
}

fn is_of_test(alert: &Alert, began: Timestamp) -> bool {
    alert.is_own() && alert.kind == OwnKind::Test.word() && alert.last_seen >= began
}

/// How long a test may take at most: whoever asks waits a minute for the answer.
const LONGEST_SECS: u64 = 50;

/// Why there may be no alerts.
const NOT_MADE: &str = "the relay made no alerts of the test in time: it is behind with interpreting, or a damping rule \
                        holds them";
