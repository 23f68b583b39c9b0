//! An inbox, a journal's state and an interpreter over both, without a journal.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_micros(secs * 1_000_000)
}

/// Everything that was told came to something.
fn adds_up(held_before: usize, effects: &Effects, held: usize) {
    let Remarks { told, fanned_out, repeated, damped, unchanged, alerts, .. } = &effects.remarks;
    let told: u64 = told.iter().map(|(_, count)| count).sum();
    let on = |which: Occasion| move |(occasion, count)| if occasion == which { count } else { 0 };
    let of_events: u64 = alerts.iter().map(on(Occasion::Event)).sum();
    assert_eq!(
        held_before as u64 + told + fanned_out,
        repeated + damped + unchanged + of_events + held as u64,
        "{:?}",
        effects.remarks
    );
    assert_eq!(alerts.iter().map(|(_, count)| count).sum::<u64>(), effects.alerts.len() as u64);
}

/// A relay as far as interpreting goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Play {
    pub(super) interpreter: Interpreter,
    pub(super) state: BTreeMap<StateKey, StateValue>,
    pub(super) rules: Rules,
    /// Whether to forget everything in memory before each entry.
    pub(super) restless: bool,
}

impl Play {
    pub(super) fn with(rules: Rules) -> Self {
        let mut interpreter = Interpreter::new(rules.clone());
        interpreter.begin(None);
        Self { interpreter, rules, ..Self::default() }
    }

    /// Forgets what is in memory, as a `kill -9` does.
    pub(super) fn restart(&mut self) {
        let mut interpreter = Interpreter { rules: self.rules.clone(), ..BUNDLED.clone() };
        for (range, most) in interpreter.ranges() {
            for (key, value) in self.state.range(range).take(most) {
                interpreter.recall(key, value);
            }
        }
        let newest = self.state.range(interpreter.newest()).next_back().map(|(key, _)| key.clone());
        interpreter.begin(newest.as_deref());
        self.interpreter = interpreter;
    }

    pub(super) fn entry(&mut self, entry: Entry<'_>) -> Effects {
        if self.restless {
            self.restart();
        }
        let read = self.interpreter.read(entry);
        let mut known = Known::new();
        for _ in 0..2 {
            let keys = self.interpreter.keys(&read, &known).into_iter();
            known = keys.filter_map(|key| Some((key.clone(), self.state.get(&key)?.clone()))).collect();
        }
        let held = self.interpreter.held();
        self.misses_nothing(&read, &known);
        let effects = self.interpreter.step(&known, read);
        adds_up(held, &effects, self.interpreter.held());
        for range in &effects.forget {
            self.state.retain(|key, _| !range.contains(key));
        }
        for (key, value) in effects.state.clone() {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        effects
    }

    /// What is not asked for is not there.
    fn misses_nothing(&self, read: &Read<'_>, known: &Known) {
        for key in read.told.iter().flatten().flat_map(|told| told.identity.keys()) {
            assert_eq!(known.get(key), self.state.get(key), "it was seen");
        }
    }

    pub(super) fn post(&mut self, received: i64, topic: &str, events: Value) -> Vec<Alert> {
        let body = json!({"topic": topic, "events": events}).to_string();
        self.entry(Entry::Admitted { org: "acme", received: at(received), body: body.as_bytes() }).alerts
    }

    pub(super) fn fetch(
        &mut self,
        received: i64,
        fetched: Fetched,
        topic: &str,
        events: Value,
    ) -> Vec<Alert> {
        let body = json!({"topic": topic, "events": events}).to_string();
        let received = at(received);
        self.entry(Entry::Fetched { org: "acme", received, fetched, body: body.as_bytes() }).alerts
    }

    /// Lets time pass until `secs`, with as many ticks as are due.
    pub(super) fn tick(&mut self, secs: i64) -> Vec<Alert> {
        let mut alerts = Vec::new();
        while self.interpreter.due().is_some_and(|due| due <= at(secs)) {
            alerts.extend(self.entry(Entry::Tick { at: at(secs) }).alerts);
        }
        alerts
    }
}

/// Reading the bundled catalogue takes longer than everything else in these tests.
static BUNDLED: LazyLock<Interpreter> = LazyLock::new(Interpreter::default);
