//! The conductor's configuration: read, compared path by path, and the few changes that onboarding makes to it.
//!
//! A value that was read is never printed: `Debug` shows paths. `pre-shared-secret` is left out when it is read.

mod change;
mod difference;
mod router;

pub use change::{Change, Changes};
pub(crate) use difference::missing;
pub use difference::{Difference, Paths, paths_changed};
pub use router::{Identity, NodeConfig, RouterConfig, Routers};

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

/// A place in the configuration: the names from `authority` down, list elements by their key.
///
/// Shape: as in `authority router store-1 node node0 asset-id`; at most 16 names, none with a space.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ConfigPath(Vec<Box<str>>);

impl ConfigPath {
    /// The path of these names.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Box::from(*name)).collect())
    }

    /// Its names.
    #[must_use]
    pub fn names(&self) -> &[Box<str>] {
        &self.0
    }

    /// The router it is of, when it is in one.
    #[must_use]
    pub fn router(&self) -> Option<&str> {
        match &self.0[..] {
            [authority, router, name, ..] if &**authority == "authority" && &**router == "router" => {
                Some(name)
            }
            _ => None,
        }
    }

    fn then(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.into());
        Self(names)
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<Box<str>> = self.0.iter().map(|name| crate::names::shown(name)).collect();
        f.write_str(&shown.join(" "))
    }
}

/// A configuration, one value a path.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Configuration(BTreeMap<ConfigPath, Value>);

impl Configuration {
    /// Reads the JSON of an authority, as the conductor's REST interface gives it: `{"authority": {…}}`, or what is in it.
    ///
    /// The elements of a list are known by their `name`, else `id`, else their place. `pre-shared-secret` is left out.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let mut leaves = BTreeMap::new();
        let root = value.get("authority").unwrap_or(value);
        flatten(&ConfigPath::new(&["authority"]), root, &mut leaves);
        Self(leaves)
    }

    /// The value at `path`.
    pub(crate) fn value(&self, path: &ConfigPath) -> Option<&Value> {
        self.0.get(path)
    }

    /// Its paths and values as bytes that are the same for the same configuration. Values may be secrets: they are for
    /// hashing, and the memory is cleared.
    pub(crate) fn canonical(&self) -> Zeroizing<Vec<u8>> {
        let pairs: Vec<(&ConfigPath, &Value)> = self.0.iter().collect();
        Zeroizing::new(serde_json::to_vec(&pairs).expect("paths and values are JSON"))
    }

    /// The paths that hold a value.
    pub fn paths(&self) -> impl Iterator<Item = &ConfigPath> {
        self.0.keys()
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(ToString::to_string)).finish()
    }
}

fn flatten(path: &ConfigPath, value: &Value, leaves: &mut BTreeMap<ConfigPath, Value>) {
    if path.0.len() >= MAX_DEPTH {
        leaves.insert(path.clone(), value.clone());
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| *name != PRE_SHARED_SECRET) {
                flatten(&path.then(name), value, leaves);
            }
        }
        Value::Array(elements) if elements.iter().any(Value::is_object) => {
            for (place, element) in elements.iter().enumerate() {
                let key = ["name", "id"].iter().find_map(|key| key_text(element.get(key)?));
                flatten(&path.then(&key.unwrap_or_else(|| place.to_string())), element, leaves);
            }
        }
        Value::Null => {}
        value => {
            leaves.insert(path.clone(), value.clone());
        }
    }
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The one value that is never kept.
const PRE_SHARED_SECRET: &str = "pre-shared-secret";
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests;
