//! A relay's inbox without a relay: interprets what comes, and keeps what it is to remember in memory.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use alarm::directory::Lesson;
use alarm::{Alert, Entry, Fetched, Interpreter, Known, OpenProblem, StateKey, StateValue, directory};
use fogbell_upstream::{Inbox, NotStored};
use ids::{Mac, Timestamp};
use serde_json::{Value, json};

const ORG: &str = "acme";

#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    interpreter: Interpreter,
    state: BTreeMap<StateKey, StateValue>,
    alerts: Vec<Alert>,
    posted: u64,
    maps: Vec<(String, String)>,
}

impl Inner {
    fn entry(&mut self, entry: Entry<'_>) -> Vec<Alert> {
        let read = self.interpreter.read(entry);
        let mut known = Known::new();
        for _ in 0..2 {
            let keys = self.interpreter.keys(&read, &known).into_iter();
            known = keys.filter_map(|key| Some((key.clone(), self.state.get(&key)?.clone()))).collect();
        }
        let effects = self.interpreter.step(&known, read);
        for (key, value) in effects.state {
            match value {
                Some(value) => drop(self.state.insert(key, value)),
                None => drop(self.state.remove(&key)),
            }
        }
        self.alerts.extend(effects.alerts.clone());
        effects.alerts
    }
}

impl Recorder {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(super) fn alerts(&self) -> Vec<Alert> {
        self.inner().alerts.clone()
    }

    /// Whether all of the directory was read.
    pub(super) fn is_read(&self) -> bool {
        self.inner().state.contains_key(&directory::read_key(ORG))
    }

    /// Ids and names of the maps that were learned.
    pub(super) fn maps(&self) -> Vec<(String, String)> {
        self.inner().maps.clone()
    }

    /// Until when what had not arrived was fetched.
    pub(super) fn filled_until(&self) -> Option<Timestamp> {
        self.inner().state.get(&directory::filled_key(ORG)).and_then(|value| directory::read_at(value))
    }

    pub(super) fn post_body(&self, body: &[u8]) -> Vec<Alert> {
        self.inner().entry(Entry::Admitted { org: ORG, received: Timestamp::now(), body })
    }

    pub(super) fn post_at(&self, received: Timestamp, topic: &str, events: &Value) -> Vec<Alert> {
        let body = json!({"topic": topic, "events": events}).to_string();
        self.inner().entry(Entry::Admitted { org: ORG, received, body: body.as_bytes() })
    }

    /// The alert of an event that says no more than its type and its device.
    pub(super) fn post_event(&self, kind: &str, mac: Mac) -> Alert {
        let mut inner = self.inner();
        inner.posted += 1;
        let events = json!([{"type": kind, "mac": mac.to_string(), "id": inner.posted.to_string(), "timestamp": 1_700_000_000}]);
        let body = json!({"topic": "device-events", "events": events}).to_string();
        let entry = Entry::Admitted { org: ORG, received: Timestamp::now(), body: body.as_bytes() };
        let alert = inner.entry(entry).remove(0);
        inner.alerts.pop();
        alert
    }
}

impl Inbox for Recorder {
    async fn learned(&self, lesson: &Lesson) -> Result<(), NotStored> {
        self.inner().maps.extend(lesson.maps.clone());
        let lesson = Box::new(lesson.clone());
        self.inner().entry(Entry::Learned { org: ORG, at: Timestamp::now(), lesson });
        Ok(())
    }

    async fn fetched(&self, fetched: Fetched, body: Vec<u8>) -> Result<(), NotStored> {
        self.inner().entry(Entry::Fetched { org: ORG, received: Timestamp::now(), fetched, body: &body });
        Ok(())
    }

    async fn open(&self) -> Result<Vec<OpenProblem>, NotStored> {
        let inner = self.inner();
        let rows = inner.state.range(alarm::problem_rows());
        Ok(rows
            .filter_map(|(key, value)| {
                alarm::open_problem(key, value, |key| inner.state.get(key).map(|raise| raise.to_vec()))
            })
            .collect())
    }

    async fn devices(&self) -> Result<HashSet<Mac>, NotStored> {
        let inner = self.inner();
        let rows = inner.state.range(directory::device_rows(ORG));
        Ok(rows.filter_map(|(key, value)| Some(directory::device_of_row(key, value)?.0)).collect())
    }

    async fn read_at(&self) -> Result<Option<Timestamp>, NotStored> {
        Ok(self.inner().state.get(&directory::read_key(ORG)).and_then(|value| directory::read_at(value)))
    }

    async fn filled(&self) -> Result<Option<Timestamp>, NotStored> {
        Ok(self.filled_until())
    }
}
