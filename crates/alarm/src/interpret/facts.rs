//! From an event to the alerts it would be: one for each device an alarm is about, with names and severity.

use std::borrow::Cow;

use compact_str::format_compact;
use ids::{Mac, Timestamp};
use webhook::Topic;

use super::Scratch;
use super::seen::Identity;
use crate::catalogue::{Catalogue, DEVICE_DOWN, Kind, Resource, Role, at_place};
use crate::directory::{Names, Place};
use crate::fields::Fields;
use crate::reading::{Devices, Event};
use crate::text::{SUMMARY_CHARS, reason, said, shortened, summary};
use crate::{AlarmKey, Alert, AlertId, Origin, Rules, Severity, StateKey, Text, Unnamed};

/// An event, and what it is about.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) event: Event<'a>,
    devices: Devices<'a>,
    pub(super) identity: Identity,
    pub(super) role: Role,
    class: Text,
    /// What its definition says, when it has one: severity and group; `None` for an unknown type.
    defined: Option<(Text, Text)>,
    pub(super) facts: Vec<Fact>,
}

/// One alert of an event.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) key: AlarmKey,
    about: About,
    /// Which of several; `None` when the event is one alert.
    pub(super) part: Option<String>,
}

/// What an event is that its body does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    pub(super) id: AlertId,
    pub(super) received: Timestamp,
    pub(super) origin: Origin,
}

/// What an alert of an event is about.
#[derive(Debug)]
enum About {
    /// One device, the one at this place of the event's lists when there are several.
    Device(usize),
    /// All of it.
    Whole,
    /// The devices that Mist did not name: it names ten at most.
    Unnamed(u64),
}

impl<'a> Told<'a> {
    pub(super) fn of(
        org: &str,
        event: Event<'a>,
        received: Timestamp,
        catalogue: &Catalogue,
        scratch: &mut Scratch,
    ) -> Self {
        let meaning = catalogue.meaning(&event.topic, &event.kind());
        let marvis = marvis_role(event.said(), meaning.definition.is_some_and(|it| it.group == "marvis"));
        let role = marvis.unwrap_or(meaning.role);
        let resource = meaning.resource.shown(event.said());
        let defined = meaning.definition.map(|it| (Text::from(&*it.severity), Text::from(&*it.group)));
        let class = meaning.class;
        let sub_key = meaning.sub_key;
        let devices = event.devices();
        let facts = {
            let said = event.said();
            let sub = |place| match role {
                Role::Tells => told_sub_key(said, &devices, place),
                _ if marvis.is_some() => String::new(),
                _ => sub_key.read(said, place),
            };
            let sub_key = |resource: &str, site: &str, sub: &str| {
                AlarmKey::of(&[org, site, resource, &class, sub].map(str::as_bytes))
            };
            let key = |resource: &str, site: &str| sub_key(resource, site, &sub(None));
            let site = event.site_id();
            let problem = said.text(&["action_id", "alert_id", "id"]);
            // the one device has it, or saw it
            let all = if devices.named.len() == 1 { About::Device(0) } else { About::Whole };
            if marvis.is_some() && !problem.is_empty() {
                vec![Fact { key: key(&problem, &site), about: all, part: None }]
            } else if event.topic == Topic::Alarms && resource == Resource::Site {
                vec![Fact { key: key("", &site), about: all, part: None }]
            } else if devices.named.is_empty() {
                vec![Fact { key: key("", &site), about: About::Whole, part: None }]
            } else {
                let of = devices.named.len();
                let mut facts = Vec::with_capacity(devices.named.len());
                for (place, (name, mac)) in devices.named.iter().enumerate() {
                    let address = mac.map(|mac| format_compact!("{mac}"));
                    let (resource, site) = match &address {
                        _ if !devices.id.is_empty() => (devices.id.as_ref(), ""),
                        Some(address) => (address.as_str(), ""),
                        None => (name.as_ref(), site.as_ref()),
                    };
                    let sub = sub(Some((place, of)));
                    let part = (of > 1).then(|| format!("{resource} {sub}"));
                    let key = sub_key(resource, site, &sub);
                    facts.push(Fact { key, about: About::Device(place), part });
                }
                let named = facts.len() as u64;
                let count = said.number("count").unwrap_or(0);
                let rest = count.saturating_sub(named).max(devices.left_out);
                if event.topic == Topic::Alarms && named >= SAMPLED && rest > 0 {
                    let part = Some("unnamed".to_owned());
                    let about = About::Unnamed(rest);
                    facts.push(Fact { key: key("unnamed", &site), about, part });
                }
                facts
            }
        };
        let problem = facts.first().map(|fact| &fact.key);
        let identity = Identity::of(org, &event, problem, marvis.is_some(), received, scratch);
        Self { event, devices, identity, role, class, defined, facts }
    }

    /// The keys of the names that its alerts want to know, as far as `names` shows which.
    pub(super) fn places(&self, names: Names<'_>, keys: &mut Vec<StateKey>) {
        let org = names.org;
        let site = self.event.site_id();
        if !site.is_empty() && self.event.said().text(&["site_name"]).is_empty() {
            keys.push(Place::Site(&site).key(org));
        }
        let map = self.event.said().text(&["map_id", "mapid"]);
        if !map.is_empty() {
            keys.push(Place::Map(&map).key(org));
        }
        for (_, mac) in &self.devices.named {
            let Some(mac) = *mac else { continue };
            keys.push(Place::Device(mac).key(org));
            if site.is_empty()
                && let Some(device) = names.device(mac)
                && !device.site_id.is_empty()
            {
                keys.push(Place::Site(&device.site_id).key(org));
            }
        }
    }

    /// The type when it is in no list.
    pub(super) fn unknown_type(&self) -> Option<Cow<'_, str>> {
        let listed = !matches!(Kind::of(&self.event.topic), Kind::Other);
        (listed && self.defined.is_none() && self.role == Role::Tells).then(|| self.event.kind())
    }

    /// The devices and maps it names that the directory does not. What a topic tells of clients and assets is in no
    /// inventory.
    pub(super) fn unnamed(&self, names: Names<'_>) -> Vec<Unnamed> {
        let topic = self.event.topic.name();
        let of_devices = Kind::of(&self.event.topic) != Kind::Other
            || topic.starts_with("nac-")
            || topic.starts_with("client-");
        let macs = self.devices.named.iter().filter_map(|(_, mac)| *mac).filter(|_| of_devices);
        let mut unnamed: Vec<Unnamed> =
            macs.filter(|mac| names.device(*mac).is_none()).map(Unnamed::Device).collect();
        let (site, map) = (self.event.site_id(), self.event.said().text(&["map_id", "mapid"]));
        if !map.is_empty() && !site.is_empty() && names.map(&map).is_none() {
            unnamed.push(Unnamed::Map(site.into_owned(), map.into_owned()));
        }
        unnamed
    }

    /// What one of its facts does to its problem: nobody tells when devices without a name are up again.
    pub(super) const fn role_of(&self, fact: &Fact) -> Role {
        match fact.about {
            About::Unnamed(_) => Role::Tells,
            About::Device(_) | About::Whole => self.role,
        }
    }

    /// How often it happened, as it says; a problem at least once.
    pub(super) fn count(&self, fact: &Fact) -> u64 {
        match fact.about {
            About::Unnamed(count) => count,
            // the count of an alarm about several devices is of them all
            _ if fact.part.is_some() => 1,
            _ => self.event.said().number("count").unwrap_or(0).max(u64::from(self.role != Role::Tells)),
        }
    }

    /// Whether it is told again, with more known.
    pub(super) fn is_update(&self) -> bool {
        self.event.said().is_true("update")
    }

    /// The alert one of its facts is, stateless; its summary is still to be written.
    pub(super) fn alert(&self, fact: &Fact, came: &Came, names: Names<'_>, rules: &Rules) -> Alert {
        let (event, devices, said_) = (&self.event, &self.devices, self.event.said());
        let Came { id, received, origin } = *came;
        let id = fact.part.as_ref().map_or(id, |part| AlertId::of(&[id.bytes(), part.as_bytes()]));
        let mut alert =
            Alert::new(id, fact.key, event.topic.name(), &event.kind(), event.time.unwrap_or(received));
        alert.origin = origin;
        alert.org = names.org.into();
        alert.site = said_.text(&["site_name"]).into();
        alert.site_id = event.site_id().into();
        alert.device_type = devices.kind.as_ref().into();
        alert.model = said_.text(&["model"]).into();
        alert.serial = said_.text(&["serial"]).into();
        alert.ip = said_.text(&["ip"]).into();
        alert.category = said_.text(&["category"]).into();
        alert.port = devices.port.as_ref().into();
        alert.reason = if event.topic == Topic::Audits {
            alert.message = said_.text(&["message"]).into();
            said(said_, [("by", "admin_name"), ("from", "src_ip")], " ").into()
        } else {
            reason(said_).into()
        };
        match fact.about {
            About::Device(place) => {
                let (name, mac) = &devices.named[place];
                alert.device = name.as_ref().into();
                alert.mac = *mac;
                if alert.ip.is_empty() && devices.named.len() == 1 {
                    alert.ip = devices.ip.as_ref().into();
                }
                self.pair_by_index(&mut alert, place, devices.named.len());
            }
            About::Unnamed(count) => {
                let several = if count == 1 { "device" } else { "devices" };
                alert.reason = format_compact!("{count} more {several} that Mist does not name");
            }
            About::Whole if alert.ip.is_empty() && devices.named.is_empty() => {
                alert.ip = devices.ip.as_ref().into();
            }
            About::Whole => {}
        }
        alert.last_seen = said_.time("last_seen").map_or(alert.first_seen, |seen| seen.max(alert.first_seen));
        self.name(&mut alert, names);
        self.grade(&mut alert, rules);
        alert
    }

    /// Of lists that are as long as the devices', what stands at a device's place.
    fn pair_by_index(&self, alert: &mut Alert, place: usize, devices: usize) {
        if devices < 2 {
            return;
        }
        let said = self.event.said();
        let paired = |name: &str| {
            let list = said.list(&[name]);
            at_place(&list, Some((place, devices))).filter(|_| list.len() > 1).map(str::to_owned)
        };
        if let Some(reason) = paired("reasons") {
            alert.reason = reason.into();
        }
        if let Some(port) = paired("port_ids") {
            alert.port = port.into();
        }
    }

    /// Fills in the names that the body does not have.
    fn name(&self, alert: &mut Alert, names: Names<'_>) {
        if let Some(device) = alert.mac.and_then(|mac| names.device(mac)) {
            // Mist gives an address where it has no name
            if !device.name.is_empty() && alert.device.parse::<Mac>().is_ok() {
                alert.device.clear();
            }
            for (text, known) in [
                (&mut alert.device, device.name),
                (&mut alert.site_id, device.site_id),
                (&mut alert.device_type, device.kind),
                (&mut alert.model, device.model),
                (&mut alert.serial, device.serial),
                (&mut alert.ip, device.ip),
            ] {
                if text.is_empty() {
                    *text = known.into();
                }
            }
        }
        if alert.site.is_empty() && !alert.site_id.is_empty() {
            alert.site = names.site(&alert.site_id).map(|site| site.name.into()).unwrap_or_default();
        }
        let map = self.event.said().text(&["map_id", "mapid"]);
        if let Some(map) = names.map(&map).filter(|_| alert.reason.is_empty()) {
            alert.reason = format_compact!("map {map}");
        }
    }

    /// Says how bad it is, and to which group it belongs.
    fn grade(&self, alert: &mut Alert, rules: &Rules) {
        let said = self.event.said();
        let (severity, group) = self.defined.as_ref().map_or(("", ""), |(severity, group)| (severity, group));
        let or = |text: Cow<'_, str>, otherwise: &str| -> Text {
            if text.is_empty() { otherwise.into() } else { text.into() }
        };
        alert.mist_severity = or(said.text(&["severity", "ev_type"]), severity);
        alert.group =
            or(said.text(&["group"]), if group.is_empty() { group_of(&self.event.topic) } else { group });
        alert.severity = match Severity::from_mist(&alert.mist_severity) {
            Severity::Unknown if self.role == Role::Raises => Severity::Warning,
            Severity::Unknown if self.role == Role::Clears => Severity::Info,
            // Mist lists its events and grades none of them; it grades every alarm
            Severity::Unknown if self.defined.is_some() && self.event.topic != Topic::Alarms => {
                if failed(&alert.kind) { Severity::Warning } else { Severity::Info }
            }
            severity => severity,
        };
        let carries_many = matches!(alert.device_type.as_str(), "gateway" | "switch");
        if self.class == DEVICE_DOWN && self.role == Role::Raises && carries_many {
            alert.severity = Severity::Critical;
        }
        if let Some(severity) = rules.severity(alert) {
            alert.severity = severity;
        }
    }

    /// The one readable line of an alert of it.
    pub(super) fn summarise(&self, alert: &mut Alert, fact: &Fact) {
        if self.event.topic == Topic::Audits && !alert.message.is_empty() {
            alert.summary = shortened(&alert.message, SUMMARY_CHARS).into();
            return;
        }
        let named = |(name, mac): &(Cow<'_, str>, Option<Mac>)| -> Cow<'_, str> {
            match mac {
                Some(mac) if name.is_empty() => mac.to_string().into(),
                _ => name.to_string().into(),
            }
        };
        let several: Vec<Cow<'_, str>> = match fact.about {
            About::Whole if alert.device.is_empty() => self.devices.named.iter().map(named).collect(),
            _ => Vec::new(),
        };
        alert.summary = summary(alert, &several);
    }
}

/// Whether a type's name says that something is not as it should be.
fn failed(kind: &str) -> bool {
    kind.split('_').any(|word| FAILED.iter().any(|failed| word.eq_ignore_ascii_case(failed)))
}

/// What a Marvis body itself says of the state of its problem; Mist keeps none for its other alarms.
fn marvis_role(said: Fields<'_, '_>, defined: bool) -> Option<Role> {
    let details = said.object("details");
    if !defined && said.text(&["group"]) != "marvis" && details.is_none() {
        return None;
    }
    let within = details.map_or_else(Cow::default, |it| it.text(&["status", "state"]));
    let status = said.text(&["status"]);
    let status = if status.is_empty() { within } else { status };
    match status.to_ascii_lowercase().as_str() {
        "open" | "reoccured" | "reoccurred" => Some(Role::Raises),
        "resolved" | "validated" => Some(Role::Clears),
        _ => None,
    }
}

/// What tells apart alerts about one device that nothing ends.
fn told_sub_key(said: Fields<'_, '_>, devices: &Devices<'_>, place: Option<(usize, usize)>) -> String {
    if !devices.port.is_empty() {
        return devices.port.to_string();
    }
    if let Some(port) = at_place(&said.list(&["port_ids"]), place) {
        return port.to_owned();
    }
    match said.list(&["bssids", "client_macs", "wcids"]).as_slice() {
        [one] => one.clone().into_owned(),
        _ => String::new(),
    }
}

/// The group of events whose topic has none of its own.
fn group_of(topic: &Topic) -> &'static str {
    match topic {
        Topic::DeviceEvents | Topic::DeviceUpdowns | Topic::MxedgeEvents => "infrastructure",
        Topic::Audits => "audit",
        Topic::Alarms => "unknown",
        Topic::Ping => "ping",
        other => match other.name() {
            name if name.starts_with("nac-") => "nac",
            name if name.starts_with("client-") || name == "guest-authorizations" => "client",
            name if name.starts_with("location") || name.ends_with("zone") || name == "occupancy-alerts" => {
                "location"
            }
            name if name.starts_with("minis-") || name == "site-sle" => "experience",
            name if name.ends_with("-raw") || name.ends_with("rssi") || name == "sdkclient-scan-data" => {
                "radio"
            }
            _ => "",
        },
    }
}

/// Words in the name of a type.
const FAILED: [&str; 12] = [
    "blackholed",
    "error",
    "exceeded",
    "exhausted",
    "fail",
    "failed",
    "failure",
    "hung",
    "rejected",
    "rogue",
    "stuck",
    "unreachable",
];

/// Mist names at most so many devices in one alarm.
const SAMPLED: u64 = 10;
