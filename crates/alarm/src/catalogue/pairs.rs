//! Which type ends which.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::{BUNDLED_IS_SOUND, Role, SubKey, normal};
use crate::Text;

/// The pairs of types that begin and end one problem, by type in lower snake case.
///
/// Mist says nowhere what clears what. What is bundled comes first; of the types that only the API knows, two whose
/// names differ by a pair of opposite endings belong together.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    by_type: HashMap<Box<str>, Pair>,
    /// All types that are known, for opposites.
    known: HashSet<Box<str>>,
}

/// What a paired type is in its pair.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) class: Text,
    pub(super) role: Role,
    pub(super) sub_key: SubKey,
}

/// A row of the bundled tables.
#[derive(Debug, Deserialize)]
struct Row {
    raise: Vec<String>,
    clear: Vec<String>,
    #[serde(default)]
    sub_key: String,
}

impl Pairs {
    pub(super) fn bundled() -> Self {
        let mut pairs = Self { by_type: HashMap::new(), known: HashSet::new() };
        for text in [include_str!("../../data/event_pairs.json"), include_str!("../../data/alarm_pairs.json")]
        {
            let rows: Vec<Row> = serde_json::from_str(text).expect(BUNDLED_IS_SOUND);
            for row in rows {
                pairs.add(&row);
            }
        }
        pairs
    }

    /// Takes a row; what is in a pair already stays in it.
    fn add(&mut self, row: &Row) {
        let class = class(&row.raise[0]);
        let sub_key = SubKey::parse(&row.sub_key);
        let raises = row.raise.iter().map(|name| (name, Role::Raises));
        for (name, role) in raises.chain(row.clear.iter().map(|name| (name, Role::Clears))) {
            let pair = Pair { class: class.clone(), role, sub_key: sub_key.clone() };
            self.by_type.entry(normal(name).into()).or_insert(pair);
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.by_type.contains_key(key)
    }

    pub(super) fn find(&self, key: &str) -> Option<&Pair> {
        self.by_type.get(key)
    }

    /// The types that end what `key` begins.
    pub(super) fn ends(&self, key: &str) -> Vec<String> {
        let Some(pair) = self.find(key).filter(|pair| pair.role == Role::Raises) else { return Vec::new() };
        let ends =
            self.by_type.iter().filter(|(_, other)| other.role == Role::Clears && other.class == pair.class);
        let mut ends: Vec<String> = ends.map(|(key, _)| key.to_string()).collect();
        ends.sort_unstable();
        ends
    }

    /// Takes note of a type, and pairs it with its opposite when that is known; what is about ports, by port.
    pub(super) fn know(&mut self, key: &str) {
        self.known.insert(key.into());
        for (raise_end, clear_end) in OPPOSITES {
            let opposite = |end: &str, other: &str| {
                let stem = key.strip_suffix(end).filter(|stem| !stem.is_empty())?;
                self.known.get(&*format!("{stem}{other}")).cloned()
            };
            let pair = opposite(raise_end, clear_end)
                .map(|clear| (key.into(), clear))
                .or_else(|| opposite(clear_end, raise_end).map(|raise| (raise, Box::from(key))));
            let Some((raise, clear)) = pair else { continue };
            if !self.has(&raise) && !self.has(&clear) {
                let sub_key = if raise.contains("port_") { "port_id" } else { "" }.to_owned();
                let row = Row { raise: vec![raise.into()], clear: vec![clear.into()], sub_key };
                self.add(&row);
            }
        }
    }
}

/// The class of a problem that `raise` begins: one for all ways to say that a device is not reached.
fn class(raise: &str) -> Text {
    let key = normal(raise);
    let connectivity = [
        "ap_disconnected",
        "sw_disconnected",
        "gw_disconnected",
        "device_down",
        "switch_down",
        "gateway_down",
    ];
    if connectivity.contains(&&*key) { DEVICE_DOWN.into() } else { key.as_ref().into() }
}

/// The class of a device that is not reached.
pub(crate) const DEVICE_DOWN: &str = "device_down";

/// Endings of names that begin and end one problem.
const OPPOSITES: [(&str, &str); 9] = [
    ("", "_clear"),
    ("", "_cleared"),
    ("_set", "_clear"),
    ("_down", "_up"),
    ("_disconnected", "_connected"),
    ("_unplugged", "_plugged"),
    ("_high", "_normal"),
    ("_hung", "_recovered"),
    ("_failure", "_success"),
];
