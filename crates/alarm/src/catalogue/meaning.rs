//! What one type means.

use std::borrow::Cow;

use super::{Definition, Kind};
use crate::Text;
use crate::fields::Fields;

/// What a type means, as far as it is known.
#[derive(Clone, Debug)]
pub struct Meaning<'a> {
    /// The problem it is about: the same for what raises it and what clears it, by whichever topic it is told.
    pub class: Text,
    /// Whether it begins the problem, ends it, or neither.
    pub role: Role,
    /// What tells several such problems of one device apart.
    pub sub_key: &'a SubKey,
    /// What it is about.
    pub resource: Resource,
    /// What Mist says of it; `None` for a type that is in no list.
    pub definition: Option<&'a Definition>,
}

/// What a type does to its problem.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// It begins.
    Raises,
    /// It ends.
    Clears,
    /// Neither, or only the body says.
    Tells,
}

/// What a type is about.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Resource {
    /// Devices, and an alarm about several is an alert for each.
    Device,
    /// A site as a whole, or clients, networks and services in it; devices named are those that saw it.
    Site,
    /// Whatever the body shows: devices, when it lists them and nothing else.
    Unknown,
}

impl Resource {
    /// What a type of this list with this definition is about.
    pub(super) fn of(kind: Kind, definition: Option<&Definition>) -> Self {
        if kind != Kind::Alarm {
            return Self::Device;
        }
        let fields = definition.map_or(&[][..], |definition| &definition.fields);
        if fields.iter().any(|field| SEEN_BY_DEVICES.contains(&field.as_str())) {
            return Self::Site;
        }
        match definition.map(|definition| definition.group.as_str()) {
            Some("security" | "certificate_expiry") => Self::Site,
            _ if fields.iter().any(|field| DEVICES.contains(&field.as_str())) => Self::Device,
            _ => Self::Unknown,
        }
    }

    /// What an alarm is about, when its definition does not say: what its body shows.
    pub(crate) fn shown(self, fields: Fields<'_, '_>) -> Self {
        if self != Self::Unknown {
            return self;
        }
        let has = |names: &[&str]| names.iter().any(|name| !fields.list(&[name]).is_empty());
        if has(&DEVICES) && !has(&SEEN_BY_DEVICES) && fields.text(&["group"]) != "security" {
            Self::Device
        } else {
            Self::Site
        }
    }
}

/// The lists of an alarm that name devices.
pub(crate) const DEVICES: [&str; 3] = ["aps", "switches", "gateways"];

/// Lists of an alarm that is about something the devices saw.
const SEEN_BY_DEVICES: [&str; 10] = [
    "bssids",
    "client_mac1",
    "client_mac2",
    "client_macs",
    "servers",
    "ssids",
    "vlans",
    "wcids",
    "wlan_ids",
    "certificates",
];

/// Where the body says which of several such problems of a device it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum SubKey {
    /// There is one at most.
    #[default]
    None,
    /// The value of this field.
    Field(Box<str>),
    /// The word behind this one in the free text, as `neighbor` in `BGP neighbor 198.51.100.1 down`.
    Word(Box<str>),
}

impl SubKey {
    /// Reads `port_id` or `text:neighbor`.
    pub(super) fn parse(text: &str) -> Self {
        match text.strip_prefix("text:") {
            Some(word) => Self::Word(word.into()),
            None if text.is_empty() => Self::None,
            None => Self::Field(text.into()),
        }
    }

    /// What `fields` say; empty when they do not. Of a list that is as long as that of the devices, `place` is the
    /// device's place and how many there are.
    pub(crate) fn read(&self, fields: Fields<'_, '_>, place: Option<(usize, usize)>) -> String {
        match self {
            Self::None => String::new(),
            Self::Field(name) => {
                let several: &[&str] = match &**name {
                    "port_id" | "port" => &["port_id", "port", "port_ids"],
                    other => &[other],
                };
                at_place(&fields.list(several), place).unwrap_or_default().to_owned()
            }
            Self::Word(word) => {
                let texts = fields.list(&["text", "reasons", "reason"]);
                at_place(&texts, place).and_then(|text| behind(text, word)).unwrap_or_default()
            }
        }
    }
}

/// The one element of a list, or the one that stands at a device's place.
pub(crate) fn at_place<'a>(list: &'a [Cow<'_, str>], place: Option<(usize, usize)>) -> Option<&'a str> {
    match (list, place) {
        ([one], _) => Some(one),
        (list, Some((place, of))) if list.len() == of => list.get(place).map(AsRef::as_ref),
        _ => None,
    }
}

/// The word behind `word` in `text`, without the signs around it; one that only says how it is names nothing, as in
/// `VPN peer down`.
fn behind(text: &str, word: &str) -> Option<String> {
    let trimmed = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let mut words = text.split_whitespace();
    words.find(|candidate| trimmed(candidate).eq_ignore_ascii_case(word))?;
    let names =
        |found: &String| !found.is_empty() && !STATES.iter().any(|state| found.eq_ignore_ascii_case(state));
    words.next().map(trimmed).filter(names)
}

/// Words behind `peer` or `Tunnel` that name none.
const STATES: [&str; 9] = ["down", "up", "is", "was", "has", "went", "not", "lost", "state"];
