//! Names that Mist's bodies do not carry: of sites, devices and maps.
//!
//! The directory is rows of the journal's state, so that it costs no memory and is there at a start without the API.
//! What the API tells comes in through the inbox like everything else, as [`Lesson`]s: a directory is thereby as of
//! a position of the inbox, and whoever interprets the same entries knows the same names at each of them.

use std::collections::BTreeMap;
use std::ops::Range;

use ids::{Mac, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::catalogue::{Definition, Kind};
use crate::interpret::range;
use crate::{Known, StateKey, StateValue};

/// What the API told of one organisation: an entry of the inbox.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Lesson {
    /// Sites, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sites: BTreeMap<String, Site>,
    /// Devices, by their MAC addresses; `None` for one that is gone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<Mac, Option<Device>>,
    /// Names of maps, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub maps: BTreeMap<String, String>,
    /// Definitions of types.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub definitions: BTreeMap<Kind, Vec<Definition>>,
    /// Set in the last lesson of a complete reading.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// Until when what had not arrived was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filled: Option<Timestamp>,
}

/// A site, as far as it is named.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Site {
    /// Its name.
    #[serde(rename = "n", default)]
    pub name: String,
}

/// A device, as far as it is named; every text may be empty.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Device {
    /// Its name.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Id of its site.
    #[serde(rename = "s", default, skip_serializing_if = "String::is_empty")]
    pub site_id: String,
    /// `ap`, `switch`, `gateway`.
    #[serde(rename = "t", default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its model.
    #[serde(rename = "m", default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Its serial number.
    #[serde(rename = "sn", default, skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Its address.
    #[serde(rename = "ip", default, skip_serializing_if = "String::is_empty")]
    pub ip: String,
}

/// Where a row of the directory stands in the state.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    Site(&'a str),
    Device(Mac),
    Map(&'a str),
    /// When all of it was last read.
    Read,
    /// Until when what had not arrived was fetched.
    Filled,
}

impl Place<'_> {
    /// The key of the row in the directory of `org`.
    pub(crate) fn key(self, org: &str) -> StateKey {
        let id_bytes = match self {
            Self::Site(id) | Self::Map(id) => id.len(),
            Self::Device(_) => 6,
            Self::Read | Self::Filled => 0,
        };
        let mut key = StateKey::with_capacity(PREFIX.len() + org.len() + 2 + id_bytes);
        put_prefix(org, &mut key);
        match self {
            Self::Read => key.push(b'!'),
            Self::Filled => key.push(b'#'),
            Self::Device(mac) => {
                key.push(b'd');
                key.extend_from_slice(&mac.bytes());
            }
            Self::Map(id) => {
                key.push(b'm');
                key.extend_from_slice(id.as_bytes());
            }
            Self::Site(id) => {
                key.push(b's');
                key.extend_from_slice(id.as_bytes());
            }
        }
        key
    }
}

/// The range of all rows of all directories.
pub(crate) fn rows() -> Range<StateKey> {
    range(PREFIX, b"name0")
}

/// Whether the state has a row of a directory under `key`.
#[must_use]
pub fn is_row(key: &[u8]) -> bool {
    key.starts_with(PREFIX)
}

const PREFIX: &[u8] = b"name/";

fn put_prefix(org: &str, key: &mut StateKey) {
    key.extend_from_slice(PREFIX);
    key.extend_from_slice(org.as_bytes());
    key.push(0);
}

/// The range of the rows of all devices of `org`; behind its six last bytes, a key is a MAC address.
#[must_use]
pub fn device_rows(org: &str) -> Range<StateKey> {
    let row = |kind: u8| {
        let mut key = StateKey::new();
        put_prefix(org, &mut key);
        key.push(kind);
        key
    };
    row(b'd')..row(b'd' + 1)
}

/// The device of a row under [`device_rows`].
#[must_use]
pub fn device_of_row(key: &[u8], value: &[u8]) -> Option<(Mac, Device)> {
    let mac: [u8; 6] = key.last_chunk().copied()?;
    Some((Mac::new(mac), serde_json::from_slice(value).ok()?))
}

/// The key under which the state holds when all of the directory of `org` was last read.
#[must_use]
pub fn read_key(org: &str) -> StateKey {
    Place::Read.key(org)
}

/// The key under which the state holds until when what had not arrived was fetched for `org`.
#[must_use]
pub fn filled_key(org: &str) -> StateKey {
    Place::Filled.key(org)
}

/// The time in the value under [`read_key`] or [`filled_key`].
#[must_use]
pub fn read_at(value: &[u8]) -> Option<Timestamp> {
    Some(Timestamp::from_micros(i64::from_be_bytes(value.try_into().ok()?)))
}

/// The keys of the rows that `lesson` may change.
pub(crate) fn keys(org: &str, lesson: &Lesson) -> Vec<StateKey> {
    let sites = lesson.sites.keys().map(|id| Place::Site(id).key(org));
    let devices = lesson.devices.keys().map(|mac| Place::Device(*mac).key(org));
    let maps = lesson.maps.keys().map(|id| Place::Map(id).key(org));
    sites.chain(devices).chain(maps).collect()
}

/// What changes in the state when `lesson` is learned: only rows that differ from those that are `known`.
pub(crate) fn learn(
    org: &str,
    at: Timestamp,
    lesson: &Lesson,
    known: &Known,
) -> Vec<(StateKey, Option<StateValue>)> {
    let mut changes = Vec::new();
    let mut change = |place: Place<'_>, value: Option<StateValue>| {
        let key = place.key(org);
        if known.get(&key) != value.as_ref() {
            changes.push((key, value));
        }
    };
    for (id, site) in &lesson.sites {
        change(Place::Site(id), Some(json(site)));
    }
    for (mac, device) in &lesson.devices {
        change(Place::Device(*mac), device.as_ref().map(json));
    }
    for (id, name) in &lesson.maps {
        change(Place::Map(id), Some(name.as_bytes().into()));
    }
    if lesson.complete {
        changes.push((Place::Read.key(org), Some(at.micros().to_be_bytes().as_slice().into())));
    }
    if let Some(filled) = lesson.filled {
        changes.push((Place::Filled.key(org), Some(filled.micros().to_be_bytes().as_slice().into())));
    }
    changes
}

/// The directory of one organisation, as far as an entry asked for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) org: &'a str,
    pub(crate) known: &'a Known,
    /// Whether any directory names anything.
    pub(crate) any: bool,
}

impl<'a> Names<'a> {
    fn row(self, place: Place<'_>) -> Option<&'a [u8]> {
        if !self.any {
            return None;
        }
        self.known.get(&place.key(self.org)).map(SmallVec::as_slice)
    }

    pub(crate) fn site(self, id: &str) -> Option<Site> {
        serde_json::from_slice(self.row(Place::Site(id))?).ok()
    }

    pub(crate) fn device(self, mac: Mac) -> Option<Device> {
        serde_json::from_slice(self.row(Place::Device(mac))?).ok()
    }

    pub(crate) fn map(self, id: &str) -> Option<String> {
        String::from_utf8(self.row(Place::Map(id))?.to_vec()).ok()
    }
}

fn json(row: &impl Serialize) -> StateValue {
    serde_json::to_vec(row).expect("texts are JSON").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson() -> Lesson {
        let device = Device { name: "sw-1".into(), site_id: "s".into(), ..Device::default() };
        Lesson {
            sites: [("s".to_owned(), Site { name: "Lisboa".into() })].into(),
            devices: [(Mac::new([2, 0, 0, 0, 0, 1]), Some(device))].into(),
            ..Lesson::default()
        }
    }

    #[test]
    fn only_what_differs_is_written() {
        let at = Timestamp::from_micros(7);
        let changes = learn("acme", at, &lesson(), &Known::new());
        assert_eq!(changes.len(), 2);
        let known: Known =
            changes.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect();
        assert_eq!(learn("acme", at, &lesson(), &known), []);

        let gone = Lesson { devices: [(Mac::new([2, 0, 0, 0, 0, 1]), None)].into(), ..Lesson::default() };
        assert_eq!(learn("acme", at, &gone, &known).len(), 1);
        assert_eq!(Names { org: "acme", known: &known, any: true }.site("s").unwrap().name, "Lisboa");
        assert!(
            Names { org: "acm", known: &known, any: true }.site("s").is_none(),
            "an organisation knows its own names"
        );
    }

    #[test]
    fn rows_of_devices_are_found_by_their_range() {
        let at = Timestamp::from_micros(7);
        let changes = learn("acme", at, &Lesson { complete: true, ..lesson() }, &Known::new());
        let range = device_rows("acme");
        let found: Vec<_> = changes.iter().filter(|(key, _)| range.contains(key)).collect();
        let [(key, Some(value))] = found.as_slice() else { panic!("{found:?}") };

        assert_eq!(device_of_row(key, value).unwrap().0, Mac::new([2, 0, 0, 0, 0, 1]));
        let (key, value) = changes.last().unwrap();
        assert_eq!((key, read_at(value.as_ref().unwrap())), (&read_key("acme"), Some(at)));
    }

    #[test]
    fn a_lesson_survives_being_stored() {
        let stored = serde_json::to_vec(&lesson()).unwrap();
        assert_eq!(serde_json::from_slice::<Lesson>(&stored).unwrap(), lesson());
    }
}
