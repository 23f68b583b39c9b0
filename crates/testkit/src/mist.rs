//! A fake Mist cloud, as far as deliveries go.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use ids::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;

use crate::rng::Rng;

pub(crate) mod estate;
mod events;
pub(crate) mod post;
mod sign;

pub use estate::{Device, DeviceKind, Organisation, Site};
pub use sign::{Signatures, sign};

/// One POST body and the topic it is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// The topic by which it is known here; the one in the body is what the receiver sees.
    pub topic: String,
    /// The bytes that are signed and sent.
    pub body: Bytes,
}

impl Delivery {
    /// The `type` of each event in the body, empty where there is none; nothing when the body is not what
    /// Mist sends.
    #[must_use]
    pub fn types(&self) -> Vec<String> {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let events = body["events"].as_array().cloned().unwrap_or_default();
        events.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// The topics a [`FakeMist`] speaks of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are Mist's own")]
pub enum Topic {
    Alarms,
    DeviceEvents,
    DeviceUpdowns,
    MxedgeEvents,
    Audits,
    Ping,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 6] =
        [Self::Alarms, Self::DeviceEvents, Self::DeviceUpdowns, Self::MxedgeEvents, Self::Audits, Self::Ping];

    /// As it stands in a body.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alarms => "alarms",
            Self::DeviceEvents => "device-events",
            Self::DeviceUpdowns => "device-updowns",
            Self::MxedgeEvents => "mxedge-events",
            Self::Audits => "audits",
            Self::Ping => "ping",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|topic| topic.name() == text).ok_or_else(|| UnknownTopic(text.into()))
    }
}

/// A topic that a [`FakeMist`] does not speak of.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is not one of alarms, device-events, device-updowns, mxedge-events, audits, ping")]
pub struct UnknownTopic(Box<str>);

/// Organisations with sites and devices, and what happens in them.
///
/// Everything but the times follows from the seed. What goes down usually comes up again: a raise is followed
/// sooner or later by its clear. Bodies have only fields that Mist documents; names, UUIDs and MAC addresses
/// (prefix `02`) are made up.
/// Source of the shapes: Mist OpenAPI 2607.1.0, and the `example` objects of `/api/v1/const/alarm_defs`,
/// `/const/device_events` and `/const/mxedge_events`.
#[derive(Clone, Debug)]
pub struct FakeMist {
    seed: u64,
    rng: Rng,
    organisations: Vec<Organisation>,
    /// Clears that are still to be told, oldest first.
    open: VecDeque<Open>,
    last_micros: i64,
}

#[derive(Clone, Debug)]
struct Open {
    organisation: usize,
    topic: Topic,
    clear: Value,
}

impl FakeMist {
    /// Two organisations with four sites each, made from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let organisations = estate::organisations(&mut rng);
        Self { seed, rng, organisations, open: VecDeque::new(), last_micros: 0 }
    }

    /// What it was made from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The organisations.
    #[must_use]
    pub fn organisations(&self) -> &[Organisation] {
        &self.organisations
    }

    /// The next delivery about `topic` in the first organisation.
    pub fn next_delivery(&mut self, topic: Topic) -> Delivery {
        self.next_delivery_of(0, topic)
    }

    /// The next delivery about `topic` in the organisation with this index.
    ///
    /// # Panics
    ///
    /// When there is no such organisation.
    pub fn next_delivery_of(&mut self, organisation: usize, topic: Topic) -> Delivery {
        let most = match topic {
            Topic::DeviceEvents => 3, // aggregated, as Mist may do with events of one topic
            Topic::DeviceUpdowns => 2,
            _ => 1,
        };
        let count = 1 + self.rng.below(most);
        let events: Vec<Value> = (0..count).map(|_| self.event(organisation, topic)).collect();
        delivery(topic, &events)
    }

    /// The next delivery about any topic in the first organisation; device events are the most frequent, as
    /// with the real cloud.
    pub fn next_delivery_of_any(&mut self) -> Delivery {
        let topic = match self.rng.below(100) {
            0..45 => Topic::DeviceEvents,
            45..75 => Topic::Alarms,
            75..85 => Topic::DeviceUpdowns,
            85..93 => Topic::Audits,
            93..99 => Topic::MxedgeEvents,
            _ => Topic::Ping,
        };
        self.next_delivery(topic)
    }

    /// An alarm of `bytes` bytes for load, or as long as the shortest one is.
    ///
    /// Made to be found again: the low 48 bits of `number` are the end of the event's `id`, and the device's name
    /// is [`load_name`]. The MAC address is that of one of [`LOAD_DEVICES`], each in its turn: a network has so many
    /// devices and not one for every message, and what is wrong with one is told again and again.
    #[must_use]
    pub fn alarm_of_size(&self, bytes: usize, number: u64) -> Delivery {
        let organisation = &self.organisations[0];
        let seconds = Timestamp::now().micros() / 1_000_000;
        let mut event = json!({
            "id": format!("{:08x}-0000-4000-8000-{:012x}", self.seed & 0xffff_ffff, number & 0xffff_ffff_ffff),
            "org_id": organisation.id,
            "site_id": organisation.sites[0].id,
            "type": "sw_alarm_chassis_psu",
            "group": "infrastructure",
            "severity": "warn",
            "switches": [format!("02{:010x}", number % LOAD_DEVICES)],
            "hostnames": [load_name(number)],
            "reasons": [""],
            "count": 1,
            "timestamp": seconds,
            "last_seen": seconds,
        });
        let shortest = delivery(Topic::Alarms, std::slice::from_ref(&event));
        let reason: String =
            LOAD_REASON.chars().cycle().take(bytes.saturating_sub(shortest.body.len())).collect();
        event["reasons"] = json!([reason]);
        delivery(Topic::Alarms, &[event])
    }

    /// One event about `topic`: either something new, or the end of something told before.
    fn event(&mut self, organisation: usize, topic: Topic) -> Value {
        let due = self.open.iter().position(|open| open.organisation == organisation && open.topic == topic);
        let told = match due {
            Some(index) if self.open.len() >= MAX_OPEN || self.rng.percent(45) => self.open.remove(index),
            _ => None,
        };
        let mut event = match told {
            Some(open) => open.clear,
            None => {
                let (event, clear) = events::happen(&mut self.rng, &self.organisations[organisation], topic);
                self.open.extend(clear.map(|clear| Open { organisation, topic, clear }));
                if self.open.len() > MAX_OPEN {
                    self.open.pop_front(); // a problem whose end nobody tells, which happens as well
                }
                event
            }
        };
        let now = self.tick();
        events::stamp(&mut self.rng, topic, &mut event, now);
        event
    }

    /// Now, and later than every time before.
    fn tick(&mut self) -> Timestamp {
        self.last_micros = Timestamp::now().micros().max(self.last_micros + 1);
        Timestamp::from_micros(self.last_micros)
    }
}

/// How many devices the alarms of [`FakeMist::alarm_of_size`] are about.
pub const LOAD_DEVICES: u64 = 4096;

/// The device's name in the alarm that [`FakeMist::alarm_of_size`] makes for `number`.
///
/// Shape: `load-` and at least twelve decimal digits.
#[must_use]
pub fn load_name(number: u64) -> String {
    format!("load-{number:012}")
}

fn delivery(topic: Topic, events: &[Value]) -> Delivery {
    let body = json!({ "topic": topic.name(), "events": events });
    Delivery { topic: topic.name().to_owned(), body: Bytes::from(body.to_string()) }
}

const LOAD_REASON: &str = "FPC 0 power supply sensor reads outside of its range; ";
const MAX_OPEN: usize = 24;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn events(delivery: &Delivery) -> Vec<Value> {
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        assert_eq!(body["topic"], *delivery.topic);
        body["events"].as_array().unwrap().clone()
    }

    #[test]
    fn every_event_has_what_the_contract_requires_and_no_id_comes_twice() {
        let mut mist = FakeMist::new(3);
        let mut ids = HashSet::new();
        for topic in Topic::ALL {
            let required: &[&str] = match topic {
                Topic::Alarms => &["id", "org_id", "site_id", "timestamp", "type"],
                Topic::DeviceEvents => &["org_id", "timestamp", "type"],
                Topic::DeviceUpdowns => &["org_id", "site_id", "site_name", "timestamp", "type"],
                Topic::MxedgeEvents => &["org_id", "mxedge_id", "timestamp", "type"],
                Topic::Audits => &["id", "message", "org_id", "timestamp"],
                Topic::Ping => &["id", "name", "site_id", "timestamp"],
            };
            for _ in 0..200 {
                let delivery = mist.next_delivery(topic);
                let events = events(&delivery);
                assert!((1..=3).contains(&events.len()));
                for event in events {
                    assert!(required.iter().all(|field| !event[field].is_null()), "seed 3: {event}");
                    if let Some(id) = event["id"].as_str() {
                        assert!(ids.insert(id.to_owned()), "seed 3: {id} twice");
                    }
                    if topic != Topic::Ping {
                        assert_eq!(event["org_id"], mist.organisations()[0].id.to_string());
                    }
                }
            }
        }
    }

    #[test]
    fn no_two_events_are_equal_even_without_an_id() {
        let mut mist = FakeMist::new(4);
        let mut seen = HashSet::new();
        for _ in 0..500 {
            for event in events(&mist.next_delivery(Topic::DeviceEvents)) {
                assert!(seen.insert(event.to_string()), "seed 4: {event}");
            }
        }
    }

    #[test]
    fn times_differ_even_when_the_clock_does_not_go_on() {
        let mut mist = FakeMist::new(1);
        mist.last_micros = Timestamp::now().micros() + 3_600_000_000;

        let (first, second) = (mist.tick(), mist.tick());

        assert_eq!(second.micros() - first.micros(), 1);
    }

    #[test]
    fn what_goes_down_comes_up_again() {
        for (topic, down, up) in [
            (Topic::Alarms, "device_down", "device_reconnected"),
            (Topic::DeviceEvents, "SW_PORT_DOWN", "SW_PORT_UP"),
            (Topic::DeviceUpdowns, "AP_DISCONNECTED", "AP_CONNECTED"),
            (Topic::MxedgeEvents, "ME_PSU_UNPLUGGED", "ME_PSU_PLUGGED"),
        ] {
            let mut mist = FakeMist::new(5);
            let types: Vec<String> = (0..400).flat_map(|_| mist.next_delivery(topic).types()).collect();
            let count = |wanted: &str| types.iter().filter(|kind| *kind == wanted).count();
            let first = |wanted: &str| types.iter().position(|kind| kind == wanted);
            assert!(
                count(up) > 0 && count(up) <= count(down),
                "seed 5: {down} {} {up} {}",
                count(down),
                count(up)
            );
            assert!(first(down) < first(up), "seed 5: {up} before {down}");
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let story = |seed| {
            let mut mist = FakeMist::new(seed);
            let types: Vec<_> = (0..50).map(|_| mist.next_delivery_of_any().types()).collect();
            (mist.organisations().to_vec(), types)
        };

        assert_eq!(story(8), story(8));
        assert_ne!(story(8), story(9));
    }

    #[test]
    fn an_alarm_for_load_has_exactly_its_size_and_carries_its_number() {
        let mist = FakeMist::new(6);
        for (bytes, number) in [(1_500, 0), (1_500, 123_456_789), (100_000, 7)] {
            let delivery = mist.alarm_of_size(bytes, number);

            assert_eq!(delivery.body.len(), bytes);
            let event = &events(&delivery)[0];
            assert_eq!(event["hostnames"][0], load_name(number));
            assert!(event["id"].as_str().unwrap().ends_with(&format!("{number:012x}")));
            let again = events(&mist.alarm_of_size(bytes, number + LOAD_DEVICES)).remove(0);
            assert_eq!(again["switches"], event["switches"]);
            assert_ne!(again["id"], event["id"]);
            assert_ne!(events(&mist.alarm_of_size(bytes, number + 1))[0]["switches"], event["switches"]);
        }
        assert!(mist.alarm_of_size(0, 1).body.len() < 500);
    }

    #[test]
    fn topics_are_named_as_in_a_body() {
        for topic in Topic::ALL {
            assert_eq!(topic.name().parse(), Ok(topic));
        }
        assert!("device_events".parse::<Topic>().is_err());
    }
}
