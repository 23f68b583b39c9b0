//! Whose changes a candidate holds.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::{Changes, ConfigPath, Configuration};

/// The paths at which two configurations differ, with what the later one holds there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Paths(BTreeSet<ConfigPath>);

impl Paths {
    /// The paths, in order.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigPath> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<ConfigPath> for Paths {
    fn from_iter<I: IntoIterator<Item = ConfigPath>>(paths: I) -> Self {
        Self(paths.into_iter().collect())
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, path) in self.0.iter().take(MAX_SHOWN).enumerate() {
            write!(f, "{}{path}", if place == 0 { "" } else { ", " })?;
        }
        match self.0.len().checked_sub(MAX_SHOWN) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

/// The paths at which `before` and `after` differ.
#[must_use]
pub fn paths_changed(before: &Configuration, after: &Configuration) -> Paths {
    let paths = before.0.keys().chain(after.0.keys());
    paths.filter(|path| before.value(path) != after.value(path)).cloned().collect()
}

/// What stands in a candidate that is not in the running configuration, compared with what was recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Difference {
    /// Nothing: the candidate is the running configuration.
    Clean,
    /// Exactly what was recorded and is not running yet: it may be finished or reverted.
    Ours,
    /// A part of it, and nothing else: it may be finished or reverted.
    Subset {
        /// What is still missing.
        missing: Paths,
    },
    /// Also something else, by somebody else: nothing may be changed, committed or reverted.
    Foreign {
        /// Where.
        paths: Paths,
    },
}

impl Difference {
    /// Compares `candidate` with `running` and with what was `recorded` before the first change was sent.
    ///
    /// A path that was recorded and holds another value is foreign, and so is one that was taken away. With the running
    /// configuration from before and from after a commit it tells what was committed together with ours.
    #[must_use]
    pub fn of(running: &Configuration, candidate: &Configuration, recorded: &Changes) -> Self {
        let changed = paths_changed(running, candidate);
        if changed.is_empty() {
            return Self::Clean;
        }
        let ours = |path: &ConfigPath| {
            recorded
                .value(path)
                .is_some_and(|text| candidate.value(path).is_some_and(|value| holds(value, text)))
        };
        let paths: Paths = changed.iter().filter(|path| !ours(path)).cloned().collect();
        if !paths.is_empty() {
            return Self::Foreign { paths };
        }
        let missing = missing(candidate, recorded);
        if missing.is_empty() { Self::Ours } else { Self::Subset { missing } }
    }

    /// Whether `revertToRunning` takes away nothing of anybody else's.
    #[must_use]
    pub const fn may_revert(&self) -> bool {
        matches!(self, Self::Ours | Self::Subset { .. })
    }

    /// Whether a commit makes nothing of anybody else's running: all of ours, and nothing more.
    #[must_use]
    pub const fn may_commit(&self) -> bool {
        matches!(self, Self::Ours)
    }
}

/// Where `configuration` does not hold what was `recorded`; empty after a commit that did all of it.
#[must_use]
pub(crate) fn missing(configuration: &Configuration, recorded: &Changes) -> Paths {
    let missing = recorded
        .iter()
        .filter(|(path, text)| !configuration.value(path).is_some_and(|value| holds(value, text)));
    missing.map(|(path, _)| path.clone()).collect()
}

/// Whether a value that was read is the text that was written.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Bool(value) => text == if *value { "true" } else { "false" },
        Value::Number(value) => {
            serde_json::from_str(text).is_ok_and(|number: serde_json::Number| number == *value)
        }
        _ => false,
    }
}

const MAX_SHOWN: usize = 10;
