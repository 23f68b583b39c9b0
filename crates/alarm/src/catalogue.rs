//! What Mist's types mean: how bad they are, what they are about, and which ends which.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use webhook::Topic;

use crate::Text;

mod meaning;
mod pairs;

pub(crate) use meaning::at_place;
pub use meaning::{Meaning, Resource, Role, SubKey};
pub(crate) use pairs::DEVICE_DOWN;
use pairs::Pairs;

/// The day the bundled definitions were gathered; those of the API are newer.
pub const BUNDLED_AS_OF: &str = "2026-11-22";

/// Alarm and event definitions, and which type clears which.
///
/// It starts with what is bundled, and takes what the API tells besides. A type that is in neither still passes
/// through: its meaning is read from its name and its body as far as they say.
///
/// Source: `GET /api/v1/const/alarm_defs`, `/const/device_events`, `/const/mxedge_events`, `/const/nac_events`,
/// `/const/otherdevice_events`, `/const/system_events`; pairs as in `data/SOURCE.md`.
#[derive(Clone, Debug)]
pub struct Catalogue {
    definitions: HashMap<Kind, HashMap<Box<str>, Definition>>,
    pairs: Pairs,
}

/// Which list of definitions a type stands in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `alarm_defs`.
    Alarm,
    /// `device_events`; device-updowns share its types.
    Device,
    /// `mxedge_events`.
    MxEdge,
    /// Every other list: `nac_events`, `otherdevice_events`, `system_events`, `client_events`.
    Other,
}

impl Kind {
    /// The list in which the types of `topic` stand.
    #[must_use]
    pub const fn of(topic: &Topic) -> Self {
        match topic {
            Topic::Alarms => Self::Alarm,
            Topic::DeviceEvents | Topic::DeviceUpdowns => Self::Device,
            Topic::MxedgeEvents => Self::MxEdge,
            _ => Self::Other,
        }
    }
}

/// What Mist says of one type; other keys are passed over.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Definition {
    /// The type, as Mist writes it in the list.
    pub key: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display: String,
    /// `infrastructure`, `marvis`, `security`, …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Mist's word for how bad it is; only alarms have one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// The lists that an alarm's body has besides what all have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

impl Catalogue {
    /// What is bundled.
    #[must_use]
    pub fn bundled() -> Self {
        let mut catalogue = Self { definitions: HashMap::new(), pairs: Pairs::bundled() };
        for (kind, text) in BUNDLED {
            let definitions: Vec<Definition> = serde_json::from_str(text).expect(BUNDLED_IS_SOUND);
            for definition in definitions {
                catalogue.define(kind, definition);
            }
        }
        catalogue
    }

    /// Takes a definition, instead of the one that the type had.
    pub fn define(&mut self, kind: Kind, definition: Definition) {
        let key = normal(&definition.key).into_owned();
        if !key.is_empty() {
            self.pairs.know(&key);
            self.definitions.entry(kind).or_default().insert(key.into_boxed_str(), definition);
        }
    }

    /// The definition of a type, whatever its case and hyphens.
    #[must_use]
    pub fn definition(&self, kind: Kind, name: &str) -> Option<&Definition> {
        let (listed, key) = (self.definitions.get(&kind)?, normal(name));
        listed.get(key.as_ref()).or_else(|| listed.get(alias(&key)?))
    }

    /// Whether any list has the type.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        let kinds = [Kind::Alarm, Kind::Device, Kind::MxEdge, Kind::Other];
        kinds.into_iter().any(|kind| self.definition(kind, name).is_some()) || self.pairs.has(&normal(name))
    }

    /// The types that end what this one begins, in lower snake case.
    #[must_use]
    pub fn ends(&self, name: &str) -> Vec<String> {
        self.pairs.ends(&normal(name))
    }

    /// What a type means.
    #[must_use]
    pub fn meaning<'a>(&'a self, topic: &Topic, name: &str) -> Meaning<'a> {
        let kind = Kind::of(topic);
        let key = normal(name);
        let key = alias(&key).map_or(key, Cow::Borrowed);
        let definition = self.definition(kind, &key);
        let paired = matches!(kind, Kind::Other) && topic.name() != "occupancy-alerts";
        let pair = if paired { None } else { self.pairs.find(&key) };
        let (class, role, sub_key) = pair.map_or_else(
            || (Text::from(key.as_ref()), Role::Tells, &SubKey::None),
            |pair| (pair.class.clone(), pair.role, &pair.sub_key),
        );
        Meaning { class, role, sub_key, resource: Resource::of(kind, definition), definition }
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::bundled()
    }
}

/// A type in lower snake case: Mist writes the same type as `MISSING_VLAN`, `missing_vlan` and `missing-vlan`.
#[must_use]
pub fn normal(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if name.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'-') {
        name.to_ascii_lowercase().replace('-', "_").into()
    } else {
        name.into()
    }
}

/// The key of a type that arrives under another name than its definition has.
///
/// Source: the `example` objects of `/const/alarm_defs`, whose `type` differs from the key, and Juniper's sample of
/// a rogue access point.
fn alias(key: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(arrives, _)| *arrives == key).map(|(_, key)| *key)
}

const ALIASES: [(&str, &str); 4] = [
    ("health_check", "health_check_failed"),
    ("rogue_ap_detected", "rogue_ap"),
    ("psk_failure", "dhcp_failure"),
    ("auth_failure", "authentication_failure"),
];

const BUNDLED: [(Kind, &str); 3] = [
    (Kind::Alarm, include_str!("../data/alarm_defs.json")),
    (Kind::Device, include_str!("../data/device_events.json")),
    (Kind::MxEdge, include_str!("../data/mxedge_events.json")),
];

const BUNDLED_IS_SOUND: &str = "the bundled catalogue is read in a test";

#[cfg(test)]
mod tests;
