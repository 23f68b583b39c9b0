//! From an entry of the inbox to alerts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use ids::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use webhook::{Message, Topic};

use crate::fields::Fields;
use crate::{AlarmKey, Alert, AlertId, Entry, Origin, Own, Severity, State};

/// What the journal knew under the keys that [`keys_needed`] named.
pub type Known = HashMap<Vec<u8>, Vec<u8>>;

/// What an entry brings about; all of it is stored in one commit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Effects {
    /// The alerts, in the order of the events.
    pub alerts: Vec<Alert>,
    /// What the journal is to know from now on; `None` forgets a key.
    pub state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// The keys of the state that [`step`] will want to know for `entry`.
#[must_use]
pub fn keys_needed(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    match entry {
        Entry::Own { own, .. } if own.state != State::Event => vec![problem_key(own_key(own))],
        _ => Vec::new(),
    }
}

/// What `entry` brings about, given what is known: a pure function.
///
/// What cannot be read becomes an alert that says so; it never stops the entries behind it.
#[must_use]
pub fn step(known: &Known, entry: &Entry<'_>) -> Effects {
    match entry {
        Entry::Admitted { org, received, body } => message(org, *received, Origin::Webhook, body),
        Entry::Fetched { org, received, origin, body } => message(org, *received, *origin, body),
        Entry::Own { at, own } => own_alert(known, *at, own),
        Entry::Tick { .. } => Effects::default(),
    }
}

fn message(org: &str, received: Timestamp, origin: Origin, body: &[u8]) -> Effects {
    let alerts = match Message::parse(body) {
        Ok(message) => {
            let read = |(index, event): (usize, &&serde_json::value::RawValue)| match serde_json::from_str::<
                Map<String, Value>,
            >(
                event.get()
            ) {
                Ok(mut event) => {
                    event.remove("for_site"); // it only tells by which subscription the event came
                    alert(org, received, origin, &message.topic, &event)
                }
                Err(error) => {
                    unread(org, received, origin, event.get().as_bytes(), &format!("event {index}: {error}"))
                }
            };
            let mut alerts: Vec<Alert> =
                message.events.iter().take(MAX_EVENTS).enumerate().map(read).collect();
            if let Some(more) = message.events.len().checked_sub(MAX_EVENTS).filter(|more| *more > 0) {
                let why = format!("{more} events beyond the first {MAX_EVENTS} of one message were not read");
                alerts.push(unread(org, received, origin, body, &why));
            }
            alerts
        }
        Err(error) => vec![unread(org, received, origin, body, &error.to_string())],
    };
    Effects { alerts, state: Vec::new() }
}

/// The alert about something that could not be read.
fn unread(org: &str, received: Timestamp, origin: Origin, bytes: &[u8], why: &str) -> Alert {
    let micros = received.micros().to_be_bytes();
    let id = AlertId::of(&[b"unread", &micros, bytes]);
    let key = AlarmKey::of(&[org.as_bytes(), b"unread"]);
    let mut alert = Alert::new(id, key, Alert::OWN_TOPIC, "uninterpretable", received);
    alert.severity = Severity::Warning;
    alert.org = org.to_owned();
    alert.origin = origin;
    alert.reason = why.to_owned();
    alert.summary =
        format!("uninterpretable: a message of {org} was stored and could not be understood: {why}");
    alert
}

/// The alert one event becomes, filled with what the body itself says.
fn alert(org: &str, received: Timestamp, origin: Origin, topic: &Topic, event: &Map<String, Value>) -> Alert {
    let fields = Fields(event);
    let time = fields.time("timestamp").or_else(|| fields.time("last_seen"));
    let device = Device::read(topic, fields);
    let kind = or(fields.text(&["type"]), topic.name().into());
    let site_id = fields.text(&["site_id"]);

    let id = identity(topic, event, time, received);
    let resource = device.mac.map_or_else(|| device.name.clone(), |mac| mac.to_string().into());
    let class = kind.to_ascii_lowercase();
    let key = AlarmKey::of(&[org, &site_id, &resource, &device.port, &class].map(str::as_bytes));

    let mut alert = Alert::new(id, key, topic.name(), &kind, time.unwrap_or(received));
    alert.state = marvis_state(fields);
    alert.mist_severity = fields.text(&["severity", "ev_type"]).into_owned();
    alert.severity = Severity::from_mist(&alert.mist_severity);
    alert.group = fields.text(&["group"]).into_owned();
    alert.category = fields.text(&["category"]).into_owned();
    alert.org = org.to_owned();
    alert.site = fields.text(&["site_name"]).into_owned();
    alert.site_id = site_id.into_owned();
    alert.device_type = device.kind.into_owned();
    alert.device = device.name.into_owned();
    alert.mac = device.mac;
    alert.model = fields.text(&["model"]).into_owned();
    alert.serial = fields.text(&["serial"]).into_owned();
    alert.ip = or(fields.text(&["ip"]), device.ip).into_owned();
    alert.port = device.port.into_owned();
    alert.last_seen = fields.time("last_seen").map_or(alert.first_seen, |seen| seen.max(alert.first_seen));
    alert.count = fields.number("count").unwrap_or(0);
    alert.origin = origin;
    if *topic == Topic::Audits {
        alert.message = fields.text(&["message"]).into_owned();
        alert.reason = said(fields, [("by", "admin_name"), ("from", "src_ip")], " ");
        alert.summary = or(shortened(&alert.message, SUMMARY_CHARS), kind).into_owned();
    } else {
        alert.reason = reason(fields);
        alert.summary = summary(&alert, &device.several);
    }
    alert
}

/// Whom an event is about, when it says one device.
#[derive(Debug, Default)]
struct Device<'a> {
    kind: Cow<'a, str>,
    name: Cow<'a, str>,
    mac: Option<ids::Mac>,
    ip: Cow<'a, str>,
    port: Cow<'a, str>,
    /// The names, or else the addresses, when it names more than one device.
    several: Vec<Cow<'a, str>>,
}

impl<'a> Device<'a> {
    fn read(topic: &Topic, fields: Fields<'a>) -> Self {
        let clients = topic.name().starts_with("nac-") || topic.name().starts_with("client-");
        let mut device = Self {
            kind: fields.text(&["device_type"]),
            name: fields.text(&["device_name", "ap_name", "mxedge_name"]),
            mac: if clients { fields.mac(&["ap", "device_mac"]) } else { fields.mac(&["mac", "ap"]) },
            port: fields.text(&["port_id", "port"]),
            ..Self::default()
        };
        if *topic == Topic::MxedgeEvents {
            fill(&mut device.kind, "mxedge".into());
        }
        if *topic == Topic::Alarms {
            device.read_alarm(fields);
        }
        device
    }

    /// An alarm names its devices in lists, a Marvis alarm in entities.
    fn read_alarm(&mut self, fields: Fields<'a>) {
        let names = fields.list(&["hostnames"]);
        let lists = [("aps", "ap"), ("switches", "switch"), ("gateways", "gateway")];
        let found = lists
            .into_iter()
            .map(|(list, kind)| (fields.list(&[list]), kind))
            .find(|(macs, _)| !macs.is_empty());
        if let Some((macs, kind)) = found {
            fill(&mut self.kind, kind.into());
            match (macs.as_slice(), names.as_slice()) {
                ([mac], [] | [_]) => self.mac = self.mac.or_else(|| mac.parse().ok()),
                (_, []) => self.several = macs,
                _ => {}
            }
        }
        match names.as_slice() {
            [] => {}
            [name] if self.several.is_empty() => fill(&mut self.name, name.clone()),
            _ => self.several = names,
        }
        if let [port] = fields.list(&["port_ids"]).as_slice() {
            fill(&mut self.port, port.clone());
        }
        match fields.objects("impacted_entities").as_slice() {
            [] => {}
            [entity] => {
                fill(&mut self.kind, entity.text(&["entity_type"]));
                fill(&mut self.name, entity.text(&["entity_name"]));
                self.mac = self.mac.or_else(|| entity.mac(&["entity_mac"]));
                self.ip = entity.text(&["entity_ip"]);
                fill(&mut self.port, entity.text(&["port_id"]));
            }
            entities => {
                self.several = entities.iter().map(|e| e.text(&["entity_name", "entity_mac"])).collect()
            }
        }
    }
}

/// What makes two events the same fact: topic and canonical event, from which `for_site` is gone already.
fn identity(
    topic: &Topic,
    event: &Map<String, Value>,
    time: Option<Timestamp>,
    received: Timestamp,
) -> AlertId {
    // serde_json keeps the keys of a map sorted, at every depth, so that what it writes is canonical
    let mut canonical = Vec::with_capacity(USUAL_EVENT_BYTES);
    serde_json::to_writer(&mut canonical, event).expect("a map of text to JSON is JSON");
    let arrival = if time.is_none() && !event.contains_key("id") { received.micros() } else { 0 };
    AlertId::of(&[topic.name().as_bytes(), &canonical, &arrival.to_be_bytes()])
}

/// The state a Marvis body itself names; Mist keeps none for its other alarms.
fn marvis_state(fields: Fields<'_>) -> State {
    if fields.text(&["group"]) != "marvis" && fields.object("details").is_none() {
        return State::Event;
    }
    let details = fields.object("details").map_or_else(Cow::default, |it| it.text(&["status", "state"]));
    match or(fields.text(&["status"]), details).to_ascii_lowercase().as_str() {
        "open" | "reoccured" | "reoccurred" => State::Raised,
        "resolved" | "validated" => State::Cleared,
        _ => State::Event,
    }
}

fn reason(fields: Fields<'_>) -> String {
    let plain = fields.list(&["reasons", "reason", "text", "detail"]).join("; ");
    if !plain.is_empty() {
        return plain;
    }
    said(fields, [("root cause", "root_cause"), ("suggested", "suggestion")], ", ")
}

/// What the fields say, each behind its word; `parts` are words and names of fields.
fn said(fields: Fields<'_>, parts: [(&str, &str); 2], separator: &str) -> String {
    let mut said = String::new();
    for (word, name) in parts {
        let text = fields.text(&[name]);
        if !text.is_empty() {
            let separator = if said.is_empty() { "" } else { separator };
            said.extend([separator, word, " ", &text]);
        }
    }
    said
}

/// One readable line: what, to which device, where, and why.
fn summary(alert: &Alert, several: &[Cow<'_, str>]) -> String {
    let device: Cow<'_, str> = match several {
        [] if alert.device.is_empty() => alert.mac.map(|mac| mac.to_string()).unwrap_or_default().into(),
        [] => alert.device.as_str().into(),
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len()).into()
        }
        few => few.join(", ").into(),
    };
    let mut line = String::with_capacity(SUMMARY_CHARS);
    line += &alert.kind;
    if alert.state != State::Event {
        line += " ";
        line += alert.state.word();
    }
    let site = if alert.site.is_empty() && device.is_empty() { &alert.site_id } else { &alert.site };
    let mut separator = ": ";
    for (word, text) in [("", device.as_ref()), ("port ", &alert.port), ("site ", site)] {
        if !text.is_empty() {
            line.extend([separator, word, text]);
            separator = ", ";
        }
    }
    if alert.count > 1 {
        write!(line, " (x{})", alert.count).expect("writing to memory does not fail");
    }
    if !alert.reason.is_empty() {
        line += ": ";
        line += &shortened(&alert.reason, SUMMARY_REASON_CHARS);
    }
    shortened(&line, SUMMARY_CHARS).into_owned()
}

/// At most `most` characters of `text`; where some are missing, it shows.
fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text.into(); // a character has at least one byte
    }
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

fn own_key(own: &Own) -> AlarmKey {
    AlarmKey::of(&[b"relay", own.kind.word().as_bytes(), own.resource.as_bytes()])
}

fn problem_key(key: AlarmKey) -> Vec<u8> {
    let mut bytes = b"problem/".to_vec();
    bytes.extend_from_slice(key.bytes());
    bytes
}

/// What is remembered of a problem while it is there.
#[derive(Debug, Deserialize, Serialize)]
struct Problem {
    first_seen: Timestamp,
    count: u64,
}

fn own_alert(known: &Known, at: Timestamp, own: &Own) -> Effects {
    let key = own_key(own);
    let micros = at.micros().to_be_bytes();
    let id = AlertId::of(&[key.bytes(), &micros, own.state.word().as_bytes(), own.text.as_bytes()]);
    let mut alert = Alert::new(id, key, Alert::OWN_TOPIC, own.kind.word(), at);
    alert.state = own.state;
    alert.severity = own.kind.severity();
    alert.origin = Origin::Relay;
    alert.count = own.count;
    alert.reason.clone_from(&own.text);
    alert.category.clone_from(&own.resource);
    alert.summary = format!("{}: {}", own.kind.word(), own.text);
    if own.state == State::Event {
        return Effects { alerts: vec![alert], state: Vec::new() };
    }
    let stored = problem_key(key);
    let problem: Option<Problem> = known.get(&stored).and_then(|bytes| serde_json::from_slice(bytes).ok());
    alert.first_seen = problem.as_ref().map_or(at, |problem| problem.first_seen);
    let state = if own.state == State::Raised {
        let count = problem.map_or(1, |problem| problem.count.saturating_add(1));
        alert.count = count;
        let problem = Problem { first_seen: alert.first_seen, count };
        Some(serde_json::to_vec(&problem).expect("two numbers are JSON"))
    } else {
        alert.count = problem.map_or(0, |problem| problem.count);
        alert.duration_secs = Some(at.since(alert.first_seen).as_secs());
        None
    };
    Effects { alerts: vec![alert], state: vec![(stored, state)] }
}

fn or<'a>(text: Cow<'a, str>, otherwise: Cow<'a, str>) -> Cow<'a, str> {
    if text.is_empty() { otherwise } else { text }
}

/// Sets `text` to `value` when nothing stands there yet.
fn fill<'a>(text: &mut Cow<'a, str>, value: Cow<'a, str>) {
    if text.is_empty() {
        *text = value;
    }
}

/// How many events of one message are read; Mist sends some hundreds at most.
const MAX_EVENTS: usize = 16_384;

/// What an event seldom exceeds as JSON; only a first guess at a buffer.
const USUAL_EVENT_BYTES: usize = 2048;

/// How much of a long reason the summary repeats, and how long it is at most, in characters.
const SUMMARY_REASON_CHARS: usize = 120;
const SUMMARY_CHARS: usize = 512;

#[cfg(test)]
mod tests;
