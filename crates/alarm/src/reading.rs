//! From the bytes of a message to what its events say, before anything known besides is added.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ids::{Mac, Timestamp};
use serde_json::{Map, Value};
use webhook::{Message, Topic};

use crate::fields::Fields;

/// The events of one message, read; in their place, what of it could not be.
#[derive(Debug, Default)]
pub(crate) struct Reading(pub(crate) Vec<Result<Event, Unread>>);

/// Bytes that could not be understood.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) bytes: Vec<u8>,
    pub(crate) why: String,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) topic: Topic,
    /// Its fields, but for `for_site`.
    pub(crate) fields: Map<String, Value>,
    /// By which subscription it came, as it says.
    pub(crate) for_site: bool,
    /// When it happened, as it says.
    pub(crate) time: Option<Timestamp>,
}

impl Reading {
    /// Reads `body`; what cannot be read never keeps the rest from being read.
    pub(crate) fn of(body: &[u8]) -> Self {
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
            match serde_json::from_str::<Map<String, Value>>(event.get()) {
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
    fn add(&mut self, topic: &Topic, mut fields: Map<String, Value>, room: &mut usize) {
        // it only tells by which subscription the event came
        let for_site = fields.remove("for_site").and_then(|value| value.as_bool()).unwrap_or(false);
        // occupancy alerts hold what happened in a list of their own
        if let Some(Value::Array(inner)) = fields.get_mut("alert_events").map(Value::take) {
            fields.remove("alert_events");
            let around = serde_json::to_vec(&fields).expect("a map of text to JSON is JSON");
            let repeated = around.len().saturating_mul(inner.len().min(MAX_EVENTS));
            let Some(rest) = room.checked_sub(repeated) else {
                let why = format!("{} bytes around {} alert_events are too many", around.len(), inner.len());
                self.0.push(Err(Unread { bytes: around, why }));
                return;
            };
            *room = rest;
            for event in inner.into_iter().take(MAX_EVENTS.saturating_sub(self.0.len())) {
                if let Value::Object(mut event) = event {
                    for (name, value) in &fields {
                        event.entry(name).or_insert_with(|| value.clone());
                    }
                    self.push(topic, event, for_site);
                }
            }
            return;
        }
        self.push(topic, fields, for_site);
    }

    fn push(&mut self, topic: &Topic, fields: Map<String, Value>, for_site: bool) {
        let said = Fields(&fields);
        let time = said.time("timestamp").or_else(|| said.time("last_seen"));
        self.0.push(Ok(Event { topic: topic.clone(), fields, for_site, time }));
    }
}

impl Event {
    pub(crate) fn said(&self) -> Fields<'_> {
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
    pub(crate) fn site_id(&self) -> Cow<'_, str> {
        let id = self.said().text(&["site_id"]);
        if id.bytes().all(|byte| matches!(byte, b'0' | b'-')) { Cow::default() } else { id }
    }

    /// Whom it is about, when it is one device, and all whom it names.
    pub(crate) fn devices(&self) -> Devices<'_> {
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
    fn read(topic: &Topic, fields: Fields<'a>) -> Self {
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
    fn read_kind(&mut self, fields: Fields<'a>) {
        let kind = fields.text(&["type"]);
        let begins = |with: &str| kind.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with));
        if let Some((_, kind)) = PREFIXES.iter().find(|(prefix, _)| begins(prefix)) {
            fill(&mut self.kind, (*kind).into());
        }
    }

    /// An alarm names its devices in lists, a Marvis alarm in entities.
    fn read_alarm(&mut self, fields: Fields<'a>) {
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
