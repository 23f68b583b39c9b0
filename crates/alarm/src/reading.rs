//! From the bytes of a message to what its events say, before anything known besides is added.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ids::{Mac, Timestamp};
use webhook::{Message, Topic};

use crate::fields::Fields;
use crate::value::{Object, Value};

/// The events of one message, read; in their place, what of it could not be.
#[derive(Debug, Default)]
pub(crate) struct Reading<'a>(pub(crate) Vec<Result<Event<'a>, Unread>>);

/// Bytes that could not be understood.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) bytes: Vec<u8>,
    pub(crate) why: String,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) topic: Topic,
    /// Its fields, but for `for_site`.
    pub(crate) fields: Object<'a>,
    /// By which subscription it came, as it says.
    pub(crate) for_site: bool,
    /// When it happened, as it says.
    pub(crate) time: Option<Timestamp>,
}

impl<'a> Reading<'a> {
    /// Reads `body`; what cannot be read never keeps the rest from being read.
    pub(crate) fn of(body: &'a [u8]) -> Self {
        at_once(body).unwrap_or_else(|| Self::one_by_one(body))
    }

    /// Reads each event by itself.
    fn one_by_one(body: &'a [u8]) -> Self {
        let mut reading = Self::default();
        let message = match Message::parse(body) {
            Ok(message) => message,
            Err(error) => {
                reading.0.push(Err(Unread { bytes: body.to_vec(), why: error.to_string() }));
                return reading;
            }
        };
        reading.0.reserve(message.events.len().min(MAX_EVENTS));
        let mut room = MAX_AROUND_BYTES;
        for (index, event) in message.events.iter().take(MAX_EVENTS).enumerate() {
            match serde_json::from_str::<Object<'a>>(event.get()) {
                Ok(fields) => reading.add(&message.topic, fields, &mut room),
                Err(error) => reading.0.push(Err(Unread {
                    bytes: event.get().as_bytes().to_vec(),
                    why: format!("event {index}: {error}"),
                })),
            }
        }
        if let Some(more) = message.events.len().checked_sub(MAX_EVENTS).filter(|more| *more > 0) {
            let why = format!("{more} events beyond the first {MAX_EVENTS} of one message were not read");
            reading.0.push(Err(Unread { bytes: body.to_vec(), why }));
        }
        reading
    }

    /// Takes in an event; `room` is how many bytes may still be repeated.
    fn add(&mut self, topic: &Topic, mut fields: Object<'a>, room: &mut usize) {
        // it only tells by which subscription the event came
        let for_site = fields.remove("for_site").and_then(|value| value.as_bool()).unwrap_or(false);
        // occupancy alerts hold what happened in a list of their own
        if let Some(Value::List(_)) = fields.get("alert_events")
            && let Some(Value::List(inner)) = fields.remove("alert_events")
        {
            let mut around = Vec::new();
            fields.put(&mut around);
            let repeated = around.len().saturating_mul(inner.len().min(MAX_EVENTS));
            let Some(rest) = room.checked_sub(repeated) else {
                let why = format!("{} bytes around {} alert_events are too many", around.len(), inner.len());
                self.0.push(Err(Unread { bytes: around, why }));
                return;
            };
            *room = rest;
            for event in inner.into_iter().take(MAX_EVENTS.saturating_sub(self.0.len())) {
                if let Value::Object(mut event) = event {
                    event.fill(&fields);
                    self.push(topic, event, for_site);
                }
            }
            return;
        }
        self.push(topic, fields, for_site);
    }

    fn push(&mut self, topic: &Topic, fields: Object<'a>, for_site: bool) {
        let said = Fields(&fields);
        let time = said.time("timestamp").or_else(|| said.time("last_seen"));
        self.0.push(Ok(Event { topic: topic.clone(), fields, for_site, time }));
    }
}

/// Reads a body in one go, when it is small and everything in it is sound, as nearly always.
fn at_once(body: &[u8]) -> Option<Reading<'_>> {
    if body.len() > MAX_AT_ONCE_BYTES {
        return None;
    }
    let (topic, events) = Message::read::<Object<'_>>(body)?;
    let mut reading = Reading(Vec::with_capacity(events.len()));
    let mut room = MAX_AROUND_BYTES;
    for fields in events {
        reading.add(&topic, fields, &mut room);
    }
    Some(reading)
}

impl<'a> Event<'a> {
    pub(crate) fn said(&self) -> Fields<'_, 'a> {
        Fields(&self.fields)
    }

    /// Its type as Mist wrote it; the topic where it has none.
    pub(crate) fn kind(&self) -> Cow<'_, str> {
        match self.said().text(&["type"]) {
            kind if kind.is_empty() => self.topic.name().into(),
            kind => kind,
        }
    }

    /// The id of its site, if that names one.
    pub(crate) fn site_id(&self) -> Cow<'a, str> {
        let id = self.said().text(&["site_id"]);
        if id.bytes().all(|byte| matches!(byte, b'0' | b'-')) { Cow::default() } else { id }
    }

    /// Whom it is about, when it is one device, and all whom it names.
    pub(crate) fn devices(&self) -> Devices<'a> {
        Devices::read(&self.topic, self.said())
    }
}

/// The devices an event names.
#[derive(Debug, Default)]
pub(crate) struct Devices<'a> {
    /// `ap`, `switch`, `gateway`, `mxedge`, or whatever an entity is.
    pub(crate) kind: Cow<'a, str>,
    /// Name and address of each; either may be missing.
    pub(crate) named: Vec<(Cow<'a, str>, Option<Mac>)>,
    /// Address in the network, when it names one device.
    pub(crate) ip: Cow<'a, str>,
    /// The port, when it names one.
    pub(crate) port: Cow<'a, str>,
    /// The id of something that is named by an id and not an address, as a Mist Edge.
    pub(crate) id: Cow<'a, str>,
    /// How many more it names than are read.
    pub(crate) left_out: u64,
}

impl<'a> Devices<'a> {
    fn read(topic: &Topic, fields: Fields<'_, 'a>) -> Self {
        let clients = topic.name().starts_with("nac-") || topic.name().starts_with("client-");
        let mut device = Self {
            kind: fields.text(&["device_type"]),
            port: fields.text(&["port_id", "port"]),
            ..Self::default()
        };
        let name = fields.text(&["device_name", "ap_name", "mxedge_name"]);
        let mac = if clients { fields.mac(&["ap", "device_mac"]) } else { fields.mac(&["mac", "ap"]) };
        let mac = mac.or_else(|| mac_of_id(&fields.text(&["device_id", "mxedge_id"])));
        // what has no name is called by its id
        let edge = if *topic == Topic::MxedgeEvents { fields.text(&["mxedge_id"]) } else { Cow::default() };
        let name = if name.is_empty() && mac.is_none() { edge.clone() } else { name };
        if !name.is_empty() || mac.is_some() {
            device.named.push((name, mac));
        }
        match topic {
            Topic::MxedgeEvents => {
                fill(&mut device.kind, "mxedge".into());
                device.id = edge;
            }
            Topic::DeviceEvents | Topic::DeviceUpdowns => device.read_kind(fields),
            Topic::Alarms => {
                device.read_alarm(fields);
                device.read_kind(fields);
            }
            _ => {}
        }
        device
    }

    /// What the type's first letters say it is, where nothing else does.
    fn read_kind(&mut self, fields: Fields<'_, 'a>) {
        let kind = fields.text(&["type"]);
        let begins = |with: &str| kind.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with));
        if let Some((_, kind)) = PREFIXES.iter().find(|(prefix, _)| begins(prefix)) {
            fill(&mut self.kind, (*kind).into());
        }
    }

    /// An alarm names its devices in lists, a Marvis alarm in entities.
    fn read_alarm(&mut self, fields: Fields<'_, 'a>) {
        let lists = [("aps", "ap"), ("switches", "switch"), ("gateways", "gateway")];
        let found = lists
            .into_iter()
            .map(|(list, kind)| (fields.list(&[list]), kind))
            .find(|(macs, _)| !macs.is_empty());
        let names = fields.list(&["hostnames"]);
        if let Some((macs, kind)) = found {
            fill(&mut self.kind, kind.into());
            // two lists belong together only when they are equally long
            self.named = if names.len() == macs.len() {
                names.into_iter().zip(macs).map(|(name, mac)| (name, mac.parse().ok())).collect()
            } else {
                macs.into_iter().map(named_by_mac).collect()
            };
        } else if self.named.is_empty() {
            self.named = names.into_iter().map(|name| (name, None)).collect();
        }
        if let [port] = fields.list(&["port_ids"]).as_slice() {
            fill(&mut self.port, port.clone());
        }
        let entities = fields.objects("impacted_entities");
        let kind = entities.first().map(|entity| entity.text(&["entity_type"])).unwrap_or_default();
        if entities.iter().all(|entity| entity.text(&["entity_type"]) == kind) {
            fill(&mut self.kind, kind);
        }
        if let [entity] = entities.as_slice() {
            self.ip = entity.text(&["entity_ip"]);
            fill(&mut self.port, entity.text(&["port_id"]));
        }
        if self.named.is_empty() {
            let entities = entities.iter().map(|it| (it.text(&["entity_name"]), it.mac(&["entity_mac"])));
            // several ports of one device are several entities
            let mut known = BTreeSet::new();
            let new = |it: &(Cow<'a, str>, Option<Mac>)| {
                (!it.0.is_empty() || it.1.is_some()) && known.insert(it.clone())
            };
            self.named = entities.filter(new).collect();
        }
        self.left_out = self.named.len().saturating_sub(MAX_NAMED) as u64;
        self.named.truncate(MAX_NAMED);
    }
}

/// A device of a list of addresses; what is no address is its name.
fn named_by_mac(text: Cow<'_, str>) -> (Cow<'_, str>, Option<Mac>) {
    match text.parse::<Mac>() {
        Ok(mac) => (Cow::default(), Some(mac)),
        Err(_) => (text, None),
    }
}

/// The address inside a device's id, `00000000-0000-0000-1000-<mac>`.
fn mac_of_id(id: &str) -> Option<Mac> {
    id.strip_prefix("00000000-0000-0000-1000-")?.parse().ok()
}

/// Sets `text` to `value` when nothing stands there yet.
pub(crate) fn fill<'a>(text: &mut Cow<'a, str>, value: Cow<'a, str>) {
    if text.is_empty() {
        *text = value;
    }
}

/// What a type's first letters say its device is.
const PREFIXES: [(&str, &str); 7] = [
    ("AP_", "ap"),
    ("SW_", "switch"),
    ("SWITCH_", "switch"),
    ("GW_", "gateway"),
    ("GATEWAY_", "gateway"),
    ("ME_", "mxedge"),
    ("TT_", "mxedge"),
];

/// How many devices one alarm is an alert for; Mist names ten at most.
const MAX_NAMED: usize = 128;

/// How many bytes of what stands around `alert_events` are repeated for each of them in one message; Mist sends some
/// hundred bytes around a few.
const MAX_AROUND_BYTES: usize = 8 << 20;

/// How many events of one message are read; Mist sends some hundreds at most.
pub(crate) const MAX_EVENTS: usize = 16_384;

/// Up to how many bytes a body is read in one go: what is read of a larger one is in memory event by event. It has room
/// for fewer than [`MAX_EVENTS`].
const MAX_AT_ONCE_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What can be told of a reading.
    fn told(reading: Reading<'_>) -> Vec<Result<String, String>> {
        let told = |event: Event<'_>| {
            let mut fields = Vec::new();
            event.fields.put(&mut fields);
            let fields = String::from_utf8(fields).unwrap();
            format!("{} {fields} {} {:?}", event.topic, event.for_site, event.time)
        };
        let unread = |it: Unread| format!("{}: {}", String::from_utf8_lossy(&it.bytes), it.why);
        reading.0.into_iter().map(|event| event.map(told).map_err(unread)).collect()
    }

    fn event() -> impl Strategy<Value = String> {
        let field = prop_oneof![
            Just(r#""for_site":true"#),
            Just(r#""timestamp":1552408871.5"#),
            Just(r#""last_seen":"1552408871""#),
            Just(r#""b":{"d":[1,-2,3.50],"c":null}"#),
            Just(r#""a" : "x\n\u00e9""#),
            Just(r#""a":"plain""#),
            Just(r#""alert_events":[{"a":1},2,{"z":"in"}]"#),
            Just(r#""alert_events":{}"#),
        ];
        let object =
            prop::collection::vec(field, 0..6).prop_map(|fields| format!("{{{}}}", fields.join(",")));
        // what is JSON and no event, and what only seems to be JSON
        let odd = prop_oneof![
            Just("7"),
            Just("null"),
            Just("[]"),
            Just(r#"{"a":"\ud800"}"#),
            Just(r#"{"a":1e999}"#)
        ];
        prop_oneof![9 => object, 1 => odd.prop_map(str::to_owned)]
    }

    proptest! {
        #[test]
        fn a_body_reads_the_same_in_one_go_as_event_by_event(events in prop::collection::vec(event(), 0..5)) {
            let body = format!(r#"{{"topic":"device_events","x":1,"events":[{}]}}"#, events.join(" , "));
            let one_by_one = told(Reading::one_by_one(body.as_bytes()));
            let sound = one_by_one.iter().all(Result::is_ok);
            prop_assert_eq!(told(Reading::of(body.as_bytes())), one_by_one);
            prop_assert_eq!(at_once(body.as_bytes()).is_some(), sound, "{}", body);
        }
    }
}
