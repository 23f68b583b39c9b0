//! An interpreter, what it remembers, and a directory that names everything.

use std::collections::BTreeMap;

use ids::{Mac, Timestamp};
use serde_json::Value;

use crate::alarm::directory::{Device, Lesson, Site};
use crate::alarm::{Alert, Effects, Entry, Interpreter, Known, Rules, StateKey, StateValue};

/// A relay as far as interpreting goes, from the outside.
pub(crate) struct Play {
    interpreter: Interpreter,
    state: BTreeMap<StateKey, StateValue>,
}

impl Play {
    /// One whose directory names every site and every device that occurs in `bodies`.
    pub(crate) fn knowing<'a>(bodies: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut lesson = Lesson::default();
        for body in bodies {
            name(body, "", &mut lesson);
        }
        let mut play = Self { interpreter: Interpreter::new(Rules::default()), state: BTreeMap::new() };
        let effects = play.entry(Entry::Learned { org: "acme", at: now(), lesson: Box::new(lesson) });
        assert_eq!(effects.alerts, []);
        play
    }

    pub(crate) fn post(&mut self, body: &Value) -> Vec<Alert> {
        let body = body.to_string();
        self.entry(Entry::Admitted { org: "acme", received: now(), body: body.as_bytes() }).alerts
    }

    fn entry(&mut self, entry: Entry<'_>) -> Effects {
        let read = self.interpreter.read(entry);
        let mut known = Known::new();
        for _ in 0..2 {
            let keys = self.interpreter.keys(&read, &known).into_iter();
            known = keys.filter_map(|key| Some((key.clone(), self.state.get(&key)?.clone()))).collect();
        }
        let effects = self.interpreter.step(&known, read);
        for (key, value) in effects.state.clone() {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        effects
    }
}

/// Names what stands in `value` under `field`.
fn name(value: &Value, field: &str, lesson: &mut Lesson) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(field, value)| name(value, field, lesson)),
        Value::Array(values) => values.iter().for_each(|value| name(value, field, lesson)),
        Value::String(id) if field == "site_id" && id.len() > 8 => {
            lesson.sites.insert(id.clone(), Site { name: format!("site-{}", &id[..8]) });
        }
        Value::String(text) => {
            // an id of a device ends in its address
            let text = text.strip_prefix("00000000-0000-0000-1000-").unwrap_or(text);
            if let Ok(mac) = text.parse::<Mac>() {
                let device = Device { name: format!("dev-{mac}"), ..Device::default() };
                lesson.devices.insert(mac, Some(device));
            }
        }
        _ => {}
    }
}

/// The first second of 2026.
fn now() -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000)
}
