//! `[[route]]`: which sink gets which alert.

use std::fmt;

use alarm::Severity;
use schemars::JsonSchema;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{SinkName, schema};

/// `[[route]]`: what an alert must look like to go to some sinks. Everything given must hold.
///
/// An alert goes through the routes in their order and ends at the first that matches, unless that one says
/// `continue = true`. Each key below that names a field of the alert is a [`Matcher`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Name of the route, for people and metrics. Default: its place, `route 1`.
    #[serde(default)]
    pub name: Option<String>,
    /// Names of the sinks that get what matches; `[]` drops it.
    #[schemars(with = "Vec<schema::Name>")]
    pub sinks: Vec<SinkName>,
    /// Also ask the routes below about an alert that matches here.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
    /// An expression in CEL that must be true; its variables are the fields of the alert.
    #[serde(default)]
    pub when: Option<String>,
    /// The least severity.
    #[serde(default)]
    #[schemars(with = "Option<schema::Words<Severity>>")]
    pub severity_at_least: Option<Severity>,
    /// `critical`, `warning` or `info`; what Mist graded with no known word is a `warning`.
    #[serde(default)]
    pub severity: Option<Matcher>,
    /// `raised`, `cleared` or `event`.
    #[serde(default)]
    pub state: Option<Matcher>,
    /// The webhook topic, `device-events`; `relay` when the relay speaks of itself. A route without it sees
    /// only the topics that go everywhere by default.
    #[serde(default)]
    pub topic: Option<Matcher>,
    /// The type, in any case and with `_` or `-`: `ap_disconnected` matches `AP_DISCONNECTED`.
    #[serde(default, rename = "type")]
    pub kind: Option<Matcher>,
    /// Mist's own word for the severity.
    #[serde(default)]
    pub mist_severity: Option<Matcher>,
    /// Mist's group, `infrastructure`.
    #[serde(default)]
    pub group: Option<Matcher>,
    /// Mist's category, `switch`.
    #[serde(default)]
    pub category: Option<Matcher>,
    /// The organisation, by its name in `[[org]]`.
    #[serde(default)]
    pub org: Option<Matcher>,
    /// Name of the site.
    #[serde(default)]
    pub site: Option<Matcher>,
    /// Id of the site.
    #[serde(default)]
    pub site_id: Option<Matcher>,
    /// What the device is: `ap`, `switch`, `gateway`, `mxedge`.
    #[serde(default)]
    pub device_type: Option<Matcher>,
    /// Name of the device.
    #[serde(default)]
    pub device: Option<Matcher>,
    /// MAC of the device, in any spelling; a prefix may be the three bytes of a vendor.
    #[serde(default)]
    pub mac: Option<Matcher>,
    /// Model of the device.
    #[serde(default)]
    pub model: Option<Matcher>,
    /// Serial number of the device.
    #[serde(default)]
    pub serial: Option<Matcher>,
    /// Address of the device.
    #[serde(default)]
    pub ip: Option<Matcher>,
    /// Port of the device.
    #[serde(default)]
    pub port: Option<Matcher>,
    /// Why, in Mist's words.
    #[serde(default)]
    pub reason: Option<Matcher>,
    /// How the relay learned of it: `webhook`, `reconcile`, `backfill`, `expired`, `relay`, `replay`.
    #[serde(default)]
    pub origin: Option<Matcher>,
    /// The readable line.
    #[serde(default)]
    pub summary: Option<Matcher>,
    /// The whole text of an audit.
    #[serde(default)]
    pub message: Option<Matcher>,
    /// Id of the alert.
    #[serde(default)]
    pub id: Option<Matcher>,
    /// Key of the problem.
    #[serde(default)]
    pub key: Option<Matcher>,
}

/// What one field of an alert must be.
///
/// Written as a text (equal), a list (equal to one of them), or a table of `is`, `prefix`, `not` and
/// `not_prefix`, each a text or a list: equal to one of `is` or begun by one of `prefix`, when either is
/// given, and neither equal to one of `not` nor begun by one of `not_prefix`. An absent field is the empty
/// text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Matcher {
    /// Equal to one of these.
    pub is: Vec<String>,
    /// Begun by one of these.
    pub prefix: Vec<String>,
    /// Equal to none of these.
    pub not: Vec<String>,
    /// Begun by none of these.
    pub not_prefix: Vec<String>,
    /// Whether it was written as a table, which is where its values stand in the file.
    pub(crate) table: bool,
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MatcherVisitor)
    }
}

struct MatcherVisitor;

impl<'de> Visitor<'de> for MatcherVisitor {
    type Value = Matcher;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list of texts, or { is, prefix, not, not_prefix }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Matcher, E> {
        Ok(Matcher { is: vec![text.to_owned()], ..Matcher::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Matcher, A::Error> {
        Ok(Matcher { is: Texts::read(list)?, ..Matcher::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matcher, A::Error> {
        let mut matcher = Matcher { table: true, ..Matcher::default() };
        while let Some(key) = map.next_key()? {
            let Texts(texts) = map.next_value()?;
            *match key {
                Key::Is => &mut matcher.is,
                Key::Prefix => &mut matcher.prefix,
                Key::Not => &mut matcher.not,
                Key::NotPrefix => &mut matcher.not_prefix,
            } = texts;
        }
        Ok(matcher)
    }
}

/// A key of a matcher's table; one that does not exist is refused where it stands.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Is,
    Prefix,
    Not,
    NotPrefix,
}

/// A text or a list of them.
struct Texts(Vec<String>);

impl Texts {
    fn read<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Texts, A::Error> {
        Texts::read(list).map(Texts)
    }
}
