//! `[alarms]`, `[[severity]]`, `[[damping]]` and `[[maintenance]]`: how alarms are graded, held back and ended.

use std::fmt;

use alarm::Severity;
use ids::Timestamp;
use schemars::JsonSchema;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use toml::value::{Datetime, Offset};

use super::schema;

/// `[alarms]`: the open problems that are kept in mind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alarms {
    /// Seconds after which a problem that nothing confirmed any more is cleared with origin `expired`; 0 for
    /// never.
    pub expire_after_secs: u64,
    /// Most problems that may be open at once; the oldest is cleared with origin `expired` for one more.
    #[schemars(range(min = 1))]
    pub max_open: u32,
}

impl Default for Alarms {
    fn default() -> Self {
        Self { expire_after_secs: 7 * 86_400, max_open: 100_000 }
    }
}

/// `[[severity]]`: another severity than the catalogue's. The first that matches counts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeverityRule {
    /// The severity they get.
    #[schemars(with = "schema::Words<Severity>")]
    pub severity: Severity,
    /// Types it is for; without any, all.
    #[serde(default)]
    pub types: Vec<String>,
    /// Sites it is for, by name or id; without any, all.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Types of device it is for, `ap`, `switch`, `gateway`, `mxedge`; without any, all.
    #[serde(default)]
    pub device_types: Vec<String>,
}

/// `[[damping]]`: what is held back until it lasts, or said once while it flaps. The first that matches counts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Damping {
    /// Types it is for.
    pub types: Vec<String>,
    /// Seconds a problem must last before it is told; one that ends sooner is never told.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_HOLD_DOWN))]
    pub hold_down_secs: Option<u64>,
    /// How often a problem must come back within `flap_secs` to count as flapping.
    #[serde(default)]
    #[schemars(range(min = MIN_FLAPS))]
    pub flap_count: Option<u32>,
    /// The seconds in which `flap_count` is counted, and for which a flapping problem must rest to be over.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_HOLD_DOWN))]
    pub flap_secs: Option<u64>,
}

/// `[[maintenance]]`: a window in which sinks that are not exempt are told nothing of some devices; at its end
/// they are told what is still there. Of `sites`, `devices` and `types` at least one is given, and each that is
/// given must match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Name of the window, different from those of others.
    pub name: String,
    /// When it begins: RFC 3339 with a zone, `2026-11-22T22:00:00+01:00`.
    #[serde(deserialize_with = "moment")]
    #[schemars(with = "schema::Moment")]
    pub from: Timestamp,
    /// When it ends.
    #[serde(deserialize_with = "moment")]
    #[schemars(with = "schema::Moment")]
    pub until: Timestamp,
    /// Who asked for it.
    pub who: String,
    /// Why.
    pub why: String,
    /// Sites it is for, by name or id.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Devices it is for, by name or MAC.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Types it is for.
    #[serde(default)]
    pub types: Vec<String>,
}

/// The longest a problem may be held back: a day.
pub(crate) const MAX_HOLD_DOWN: u64 = 86_400;

/// The least number of times that is flapping.
pub(crate) const MIN_FLAPS: u32 = 2;

/// Reads a moment, in quotes or as TOML's own time.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_any(MomentVisitor)
}

struct MomentVisitor;

impl<'de> Visitor<'de> for MomentVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MOMENT)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        let date = text.contains('-').then(|| text.parse().ok()).flatten();
        date.ok_or_else(|| E::custom(format!("`{text}` is not {MOMENT}")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Timestamp, A::Error> {
        let time = Datetime::deserialize(MapAccessDeserializer::new(map))?;
        match time.offset {
            Some(Offset::Z | Offset::Custom { .. }) => self.visit_str(&time.to_string()),
            None => Err(de::Error::custom(format!("`{time}` is not {MOMENT}"))),
        }
    }
}

const MOMENT: &str = "a time with its zone, as in 2026-11-22T22:00:00+01:00";
