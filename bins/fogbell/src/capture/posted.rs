//! The shape of what Mist posted.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use alarm::Catalogue;
use ids::Timestamp;
use mist::shape::{Shape, is_word};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use webhook::{Message, Topic};

/// What was posted, taken together.
#[derive(Debug)]
pub(super) struct Posted {
    catalogue: Catalogue,
    messages: u64,
    no_messages: u64,
    bytes: Spread,
    events_each: Spread,
    topics: BTreeMap<String, Told>,
    /// When each body came first, by its digest.
    bodies: HashMap<[u8; 32], Timestamp>,
    /// How long behind the first a body came again, seconds.
    repeated: Spread,
    /// Digests of the events of each id, of the first few.
    ids: HashMap<String, Vec<[u8; 32]>>,
}

/// What one topic told.
#[derive(Debug, Default)]
struct Told {
    messages: u64,
    events: u64,
    /// How long behind the time of an event its message came, seconds.
    late: Spread,
    /// Events without a time that can be read.
    timeless: u64,
    /// By type; an event without one is under the empty text.
    types: BTreeMap<String, Shape>,
}

/// The least, the most and the number of figures.
#[derive(Clone, Copy, Debug, Default)]
struct Spread(Option<(i64, i64)>, u64);

impl Default for Posted {
    fn default() -> Self {
        Self {
            catalogue: Catalogue::bundled(),
            messages: 0,
            no_messages: 0,
            bytes: Spread::default(),
            events_each: Spread::default(),
            topics: BTreeMap::new(),
            bodies: HashMap::new(),
            repeated: Spread::default(),
            ids: HashMap::new(),
        }
    }
}

impl Posted {
    /// Takes in one more body, which came at `at`.
    pub(super) fn add(&mut self, at: Timestamp, body: &[u8]) {
        self.messages += 1;
        self.bytes.add(body.len() as i64);
        let hash = sha256(body);
        match self.bodies.get(&hash) {
            Some(first) => self.repeated.add(secs(at.since(*first))),
            None if self.bodies.len() < MOST_KEPT => {
                self.bodies.insert(hash, at);
            }
            None => {}
        }
        let Ok(message) = Message::parse(body) else {
            self.no_messages += 1;
            return;
        };
        self.events_each.add(message.events.len() as i64);
        // what is no word may be a name that somebody gave
        let topic = match &message.topic {
            Topic::Other(name) if !is_word(name) => "<topic>",
            Topic::Other(name) if !self.topics.contains_key(&**name) && self.topics.len() >= MOST_TYPES => {
                "<more>"
            }
            topic => topic.name(),
        };
        let told = self.topics.entry(topic.to_owned()).or_default();
        told.messages += 1;
        for event in message.events {
            let Ok(value) = serde_json::from_str::<Value>(event.get()) else { continue };
            told.add(at, &value);
            if let Some(id) = value["id"].as_str() {
                note(&mut self.ids, id, sha256(event.get().as_bytes()));
            }
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let several = self.ids.values().filter(|facts| facts.len() > 1).count();
        json!({
            "messages": self.messages,
            "not_as_documented": self.no_messages,
            "bytes": self.bytes.to_json(),
            "events_in_a_message": self.events_each.to_json(),
            "bodies_that_came_again": { "times": self.repeated.1, "secs_behind_the_first": self.repeated.to_json() },
            "ids": { "distinct": self.ids.len(), "of_several_facts": several },
            "topics": self.topics.iter().map(|(name, told)| (name.clone(), told.to_json(&self.catalogue)))
                .collect::<Map<_, _>>(),
        })
    }
}

impl Told {
    fn add(&mut self, at: Timestamp, event: &Value) {
        self.events += 1;
        let time = ["timestamp", "when"].iter().find_map(|key| event[*key].as_f64());
        match time.and_then(Timestamp::from_secs_f64) {
            Some(time) => self.late.add((at.micros() - time.micros()) / 1_000_000),
            None => self.timeless += 1,
        }
        let name = event["type"].as_str().unwrap_or_default();
        let name =
            if self.types.contains_key(name) || self.types.len() < MOST_TYPES { name } else { "<more>" };
        self.types.entry(name.to_owned()).or_default().add(event);
    }

    fn to_json(&self, catalogue: &Catalogue) -> Value {
        let mut unnamed = 0;
        let mut types = Map::new();
        for (name, shape) in &self.types {
            let shown = is_word(name) || name.is_empty() || name == "<more>";
            let place = if shown {
                name.clone()
            } else {
                unnamed += 1;
                format!("<type {unnamed}>")
            };
            types.insert(place, json!({ "known": catalogue.knows(name), "shape": shape.to_json() }));
        }
        json!({
            "messages": self.messages,
            "events": self.events,
            "secs_behind_the_event": self.late.to_json(),
            "events_without_a_time": self.timeless,
            "types": types,
        })
    }
}

impl Spread {
    fn add(&mut self, figure: i64) {
        let (least, most) = self.0.unwrap_or((figure, figure));
        *self = Self(Some((least.min(figure), most.max(figure))), self.1 + 1);
    }

    fn to_json(self) -> Value {
        self.0.map_or(Value::Null, |(least, most)| json!({ "least": least, "most": most }))
    }
}

/// Notes that an id stands for a fact, unless there are too many already.
fn note(ids: &mut HashMap<String, Vec<[u8; 32]>>, id: &str, fact: [u8; 32]) {
    if !ids.contains_key(id) && ids.len() >= MOST_KEPT {
        return;
    }
    let facts = ids.entry(id.to_owned()).or_default();
    if facts.len() < 2 && !facts.contains(&fact) {
        facts.push(fact);
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn secs(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// How many bodies and ids are told apart.
const MOST_KEPT: usize = 200_000;

/// How many types of one topic are told apart.
const MOST_TYPES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_micros(secs * 1_000_000)
    }

    #[test]
    fn what_the_unknowns_ask_for_is_counted() {
        let mut posted = Posted::default();
        let raise = br#"{"topic":"alarms","events":[{"id":"a","type":"device_down","timestamp":100,"severity":"critical"}]}"#;
        let clear = br#"{"topic":"alarms","events":[{"id":"a","type":"device_up","timestamp":"soon"}]}"#;
        posted.add(at(103), raise);
        posted.add(at(133), raise);
        posted.add(at(140), clear);
        posted.add(at(141), b"no message");
        let told = posted.to_json();

        assert_eq!((&told["messages"], &told["not_as_documented"]), (&json!(4), &json!(1)));
        assert_eq!(
            told["bodies_that_came_again"],
            json!({ "times": 1, "secs_behind_the_first": { "least": 30, "most": 30 } })
        );
        assert_eq!(told["ids"], json!({ "distinct": 1, "of_several_facts": 1 }));
        let alarms = &told["topics"]["alarms"];
        assert_eq!(alarms["secs_behind_the_event"], json!({ "least": 3, "most": 33 }));
        assert_eq!(alarms["events_without_a_time"], 1);
        let down = &alarms["types"]["device_down"];
        assert_eq!((&down["known"], &down["shape"]["seen"]), (&json!(true), &json!(2)));
        assert_eq!(down["shape"]["fields"]["severity"]["words"], json!({ "critical": 2 }));
    }

    #[test]
    fn a_topic_and_a_type_that_are_names_of_somebody_are_not_told() {
        let mut posted = Posted::default();
        posted.add(at(1), br#"{"topic":"alarms","events":[{"type":"Oma Erna","name":"Oma Erna"}]}"#);
        posted.add(at(1), br#"{"topic":"oma erna","events":[{"type":"x"}]}"#);

        let told = posted.to_json().to_string().to_lowercase();
        assert!(!told.contains("erna"), "{told}");
    }
}
