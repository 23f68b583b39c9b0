//! What the posted events must become, read off their JSON by this module's own rules; nothing here is shared with the
//! relay but the bundled tables, as data.
//!
//! A [`Model`] remembers what it was told, as a relay without a directory does that was never restarted: what repeats
//! is dropped, a problem is raised, repeated and cleared, and an alarm about devices is an alert for each.

use std::collections::{BTreeMap, BTreeSet};

use e2e::Parameters;
use serde_json::Value;

mod event;
mod facts;
mod meaning;

use event::text;
use facts::{facts, marvis_state};
use meaning::Tables;

/// What every delivery of one alert must say.
pub(super) struct Expected {
    /// The structured data parameters, but for id, key and seq; without times when the event has none, since then
    /// they are those of its arrival.
    pub(super) parameters: Parameters,
    /// Facility `local0` and the severity of RFC 5424.
    pub(super) pri: u8,
    /// `ItuPerceivedSeverity`.
    pub(super) perceived: u8,
    /// The number of the notification.
    pub(super) notification: u8,
    /// What the readable line is (of an audit), or what it must name in this order.
    pub(super) line: Line,
    /// What it is about: two alerts have one key when these are equal, and only then.
    pub(super) about: String,
}

pub(super) enum Line {
    Is(String),
    Names(Vec<String>),
}

/// What was told so far to `relay-7`, all of it by `acme`.
pub(super) struct Model {
    tables: Tables,
    /// Topic and content of every event.
    seen: BTreeSet<String>,
    /// By what they are about.
    problems: BTreeMap<String, Problem>,
}

/// A problem that is there, or was.
#[derive(Clone)]
struct Problem {
    there: bool,
    /// When it last changed, in microseconds.
    changed: i64,
    /// Its last raise; none when only its end was heard of.
    raise: Option<Alert>,
}

/// An alert before it is written down.
#[derive(Clone, Default)]
struct Alert {
    /// Parameters that are plain texts.
    texts: BTreeMap<&'static str, String>,
    /// Microseconds since 1970; `None` is the time of its arrival.
    first_seen: Option<i64>,
    last_seen: Option<i64>,
    count: u64,
    duration: Option<i64>,
    /// `critical`, `warning`, `info`, or nothing.
    severity: &'static str,
    /// The devices when it is about several.
    several: Vec<String>,
    about: String,
}

impl Model {
    pub(super) fn new() -> Self {
        Self { tables: Tables::read(), seen: BTreeSet::new(), problems: BTreeMap::new() }
    }

    /// What a message becomes, event by event.
    pub(super) fn post(&mut self, topic: &str, events: &[Value]) -> Vec<Expected> {
        events.iter().flat_map(|event| self.event(topic, event)).collect()
    }

    fn event(&mut self, topic: &str, event: &Value) -> Vec<Expected> {
        let mut content = event.clone();
        content.as_object_mut().unwrap().remove("for_site");
        if !self.seen.insert(format!("{topic} {content}")) {
            return Vec::new();
        }
        let kind = match text(event, &["type"]) {
            none if none.is_empty() => topic.to_owned(),
            kind => kind,
        };
        let mut meaning = self.tables.meaning(topic, &kind);
        let marvis = marvis_state(event, &meaning);
        meaning.state = marvis.unwrap_or(meaning.state);
        let facts = facts(topic, event, &meaning, marvis.is_some());
        facts
            .into_iter()
            .map(|mut alert| {
                alert.texts.insert("topic", topic.to_owned());
                alert.texts.insert("type", kind.clone());
                let state = if alert.about.contains("|unnamed|") { "event" } else { meaning.state };
                self.take(state, event, alert)
            })
            .collect()
    }

    /// What one alert does to its problem, and how it is told.
    fn take(&mut self, state: &'static str, event: &Value, mut alert: Alert) -> Expected {
        // what says no time happened now, behind everything that did
        let when = alert.first_seen.unwrap_or(i64::MAX);
        let timed = alert.first_seen.is_some();
        let late = |changed: i64| timed && when < changed && changed - when <= HOUR;
        let about = alert.about.clone();
        let problem = self.problems.get(&about).cloned();
        let state = match (state, problem) {
            ("raised", Some(Problem { there: true, changed, raise: Some(before) })) => {
                let before = &before;
                alert.count = if event["update"] == true {
                    alert.count.max(before.count)
                } else {
                    alert.count + before.count
                };
                alert.last_seen = alert.last_seen.max(before.last_seen);
                alert.first_seen = alert.first_seen.min(before.first_seen);
                alert.fill_from(before);
                let changed = changed.max(when);
                self.problems.insert(about, Problem { there: true, changed, raise: Some(alert.clone()) });
                "raised"
            }
            ("raised" | "cleared", Some(problem))
                if late(problem.changed) && (problem.there || state == "raised") =>
            {
                "event"
            }
            ("raised", _) => {
                let raise = Some(alert.clone());
                self.problems.insert(about, Problem { there: true, changed: when, raise });
                "raised"
            }
            ("cleared", problem) => {
                let (mut changed, mut raise) = (when, None);
                if let Some(problem) = problem {
                    changed = changed.max(problem.changed);
                    raise = problem.raise;
                }
                if let Some(raise) = &mut raise {
                    alert.count = raise.count;
                    alert.first_seen = raise.first_seen;
                    alert.last_seen = alert.last_seen.max(raise.last_seen);
                    let lasted = alert.last_seen.unwrap() - alert.first_seen.unwrap();
                    alert.duration = Some(lasted / 1_000_000);
                    alert.severity = raise.severity;
                    alert.fill_from(raise);
                    raise.last_seen = alert.last_seen;
                }
                self.problems.insert(about, Problem { there: false, changed, raise });
                "cleared"
            }
            (state, _) => state,
        };
        alert.written(state, event)
    }
}

impl Alert {
    /// Takes over what an earlier one about the same problem said besides.
    fn fill_from(&mut self, earlier: &Self) {
        for name in [
            "site",
            "site_id",
            "device",
            "device_type",
            "mac",
            "model",
            "serial",
            "ip",
            "port",
            "group",
            "category",
        ] {
            let known = &earlier.texts[name];
            let own = self.texts.get_mut(name).unwrap();
            if own.is_empty() {
                own.clone_from(known);
            }
        }
    }

    fn written(self, state: &'static str, event: &Value) -> Expected {
        let is = |name: &str| self.texts[name].clone();
        let topic = is("topic");
        let time = |micros: Option<i64>| micros.map(utc).unwrap_or_default();
        let number = |number: u64| if number == 0 { String::new() } else { number.to_string() };
        let mut parameters: Parameters =
            self.texts.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        for (name, value) in [
            ("state", state.to_owned()),
            ("severity", if self.severity.is_empty() { "warning" } else { self.severity }.to_owned()),
            ("org", "acme".to_owned()),
            ("first_seen", time(self.first_seen)),
            ("last_seen", time(self.last_seen)),
            ("count", number(self.count)),
            ("duration", self.duration.map(|secs| secs.to_string()).unwrap_or_default()),
            ("origin", "webhook".to_owned()),
            ("relay", "relay-7".to_owned()),
        ] {
            parameters.insert(name.to_owned(), value);
        }
        parameters.retain(|_, value| !value.is_empty());

        let (pri, perceived) = match (topic.as_str(), state, self.severity) {
            (_, "cleared", _) => (NOTICE, 1),
            ("audits", ..) => (NOTICE, 2),
            (_, _, "critical") => (CRITICAL, 3),
            (_, _, "warning") => (WARNING, 5),
            (_, "raised", "info") => (INFORMATIONAL, 6),
            (_, _, "info") => (INFORMATIONAL, 2),
            _ => (WARNING, 2),
        };
        let connectivity = CONNECTIVITY.contains(&is("type").to_lowercase().as_str());
        let notification = match (topic.as_str(), state, connectivity) {
            ("audits", ..) => 4,
            (_, "raised", false) => 1,
            (_, "cleared", false) => 2,
            (_, "raised", true) => 8,
            (_, "cleared", true) => 9,
            _ => 3,
        };
        let line = if topic == "audits" {
            Line::Is(text(event, &["message"]))
        } else {
            let mut names = vec![is("type")];
            names.extend(Some(state.to_owned()).filter(|state| state != "event"));
            match (is("device"), self.several.as_slice()) {
                (none, []) if none.is_empty() => {
                    names.extend([is("mac"), is("ip")].into_iter().find(|it| !it.is_empty()))
                }
                (none, several) if none.is_empty() => names.extend(several.iter().take(3).cloned()),
                (device, _) => names.push(device),
            }
            names.extend([is("port"), is("site")]);
            names.retain(|name| !name.is_empty());
            Line::Names(names)
        };
        Expected { parameters, pri: LOCAL0 + pri, perceived, notification, line, about: self.about }
    }
}

/// RFC 3339 in UTC with milliseconds, cut. The day is Howard Hinnant's `civil_from_days` for days since 1970.
pub(super) fn utc(micros: i64) -> String {
    let (days, in_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000) / 1000);
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second, milli) =
        (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[test]
fn a_time_is_written_as_any_calendar_has_it() {
    for (micros, expect) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
        (1_685_956_576_923_601, "2023-06-05T09:16:16.923Z"),
    ] {
        assert_eq!(utc(micros), expect);
    }
}

const LOCAL0: u8 = 16 * 8;
const CRITICAL: u8 = 2;
const WARNING: u8 = 4;
const NOTICE: u8 = 5;
const INFORMATIONAL: u8 = 6;

/// Types that say whether a device is reached.
const CONNECTIVITY: [&str; 16] = [
    "ap_connected",
    "ap_disconnected",
    "sw_connected",
    "sw_disconnected",
    "gw_connected",
    "gw_disconnected",
    "me_connected",
    "me_disconnected",
    "device_down",
    "device_reconnected",
    "switch_down",
    "switch_reconnected",
    "gateway_down",
    "gateway_reconnected",
    "mist_edge_connected",
    "mist_edge_disconnected",
];

/// How much later than a change something may come that happened before it.
const HOUR: i64 = 3_600_000_000;
