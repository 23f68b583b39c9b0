//! Assets, as the conductor shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use conductor::Version;
use ids::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::shown;
use crate::{AssetId, NodeName, RouterName};

/// An asset the conductor knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asset {
    /// The router it is assigned to.
    pub router: Option<RouterName>,
    /// The node it is assigned to.
    pub node: Option<NodeName>,
    /// Its status.
    pub status: AssetStatus,
    /// Its software.
    pub version: Option<Version>,
    /// When this was read.
    pub seen: Timestamp,
}

/// The status of an asset, by the conductor's own word.
///
/// Words seen in public text: pending, not-installed, installed, connected, synchronizing, resynchronizing, synchronized,
/// running, disconnected, upgrading. Others are kept.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "String")]
pub struct AssetStatus(Box<str>);

impl From<String> for AssetStatus {
    fn from(word: String) -> Self {
        Self::new(&word)
    }
}

impl AssetStatus {
    /// The status of this word, in any case.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(shown(&word.trim().to_ascii_lowercase()))
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        &*self.0 == "running"
    }

    /// Whether it may have a connection to the conductor, so that a change could cut it off. A word that is not known
    /// counts as one.
    #[must_use]
    pub fn may_be_connected(&self) -> bool {
        !["pending", "not-installed", "not installed", "disconnected", ""].contains(&&*self.0)
    }
}

impl fmt::Display for AssetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.0.is_empty() { "without a status" } else { &self.0 })
    }
}

impl fmt::Debug for AssetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The state of a router's authentication in Secure Conductor Onboarding.
///
/// Source: Mist documentation shows `Auth State: completed`; release notes of 7.2 name `waiting`; no other word is
/// documented.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthState {
    /// It was not looked at: there is no way to the conductor's command line, and no output was given.
    NotSeen,
    /// `completed`.
    Completed,
    /// Any other word.
    Other(Box<str>),
}

impl AuthState {
    /// The state of this word.
    #[must_use]
    pub fn new(word: &str) -> Self {
        let word = word.trim();
        if word.eq_ignore_ascii_case("completed") { Self::Completed } else { Self::Other(shown(word)) }
    }

    /// Reads the output of `show secure-conductor-onboarding <asset id>`: the line `Auth State: …`. None when it has no
    /// such line, or two that differ.
    #[must_use]
    pub fn find(output: &str) -> Option<Self> {
        let mut found = None;
        for line in output.lines() {
            let Some((label, word)) = line.split_once(':') else { continue };
            let label: String = label.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
            if !label.eq_ignore_ascii_case("authstate") {
                continue;
            }
            let state = Self::new(word);
            if found.as_ref().is_some_and(|known| *known != state) {
                return None;
            }
            found = Some(state);
        }
        found
    }

    /// Whether it is the documented word for a router that waits, also when it was onboarded and the conductor forgot.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::Other(word) if word.eq_ignore_ascii_case("waiting"))
    }
}

impl fmt::Display for AuthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSeen => f.write_str("auth state not seen"),
            Self::Completed => f.write_str("auth completed"),
            Self::Other(word) => write!(f, "auth {word}"),
        }
    }
}

/// The states of authentication that a `text`, as a person copied it from a terminal, shows of those of `assets` that it
/// names.
///
/// A state is of the asset that the nearest line at or before it names; of none when that line names several, or one that
/// is not among them, or when the states of an asset differ. A line that asks with `secure-conductor-onboarding`, or has
/// `asset` before a colon, names one.
#[must_use]
pub fn find_auth_states(text: &str, assets: &[&AssetId]) -> BTreeMap<AssetId, AuthState> {
    let known: BTreeMap<&str, &AssetId> = assets.iter().map(|asset| (asset.as_str(), *asset)).collect();
    let mut blocks: BTreeMap<&AssetId, String> = BTreeMap::new();
    let mut here: Option<&AssetId> = None;
    for line in text.lines() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let words = line.split(|c| !is_part(c));
        let named: BTreeSet<&AssetId> = words.filter_map(|word| known.get(word).copied()).collect();
        let label = line.split_once(':').map(|(label, _)| label.to_ascii_lowercase());
        let names_one = line.contains("secure-conductor-onboarding")
            || label.is_some_and(|label| label.contains("asset"));
        if names_one || !named.is_empty() {
            // of several, whose the next state is nobody can say
            here = if named.len() == 1 { named.first().copied() } else { None };
        }
        if let Some(asset) = here {
            let block = blocks.entry(asset).or_default();
            block.push_str(line);
            block.push('\n');
        }
    }
    let state = |(asset, block): (&AssetId, String)| Some((asset.clone(), AuthState::find(&block)?));
    blocks.into_iter().filter_map(state).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_auth_state_is_found_in_whatever_stands_around_it() {
        let other = |word: &str| Some(AuthState::Other(word.into()));
        for (output, expect) in [
            ("Auth State: completed", Some(AuthState::Completed)),
            ("  auth-state :  Completed \r\n", Some(AuthState::Completed)),
            ("Asset: A1\nAuth State:   waiting\nPeer: x", other("waiting")),
            ("Auth State: completed\nAuth State: completed", Some(AuthState::Completed)),
            ("Auth State: completed\nAuth State: waiting", None),
            ("Auth State: not completed", other("not completed")),
            ("Auth completed", None),
            ("Last Auth State: completed", None),
            ("", None),
        ] {
            assert_eq!(AuthState::find(output), expect, "{output:?}");
        }
    }

    #[test]
    fn a_status_that_is_not_known_may_be_a_connection() {
        for (word, connected, running) in [
            ("Running", true, true),
            ("synchronized", true, false),
            ("disconnected", false, false),
            ("pending", false, false),
            ("", false, false),
            ("quiescing", true, false),
        ] {
            let status = AssetStatus::new(word);
            assert_eq!((status.may_be_connected(), status.is_running()), (connected, running), "{word}");
        }
    }

    #[test]
    fn a_state_is_of_the_asset_that_is_named_before_it() {
        let ids: Vec<AssetId> = ["A1", "A10", "B2"].iter().map(|id| id.parse().unwrap()).collect();
        let assets: Vec<&AssetId> = ids.iter().collect();
        let found = |text: &str| {
            find_auth_states(text, &assets)
                .into_iter()
                .map(|(id, state)| format!("{id} {state}"))
                .collect::<Vec<_>>()
        };
        for (text, expect) in [
            (
                "admin@c# show secure-conductor-onboarding A1\nAuth State: completed\n",
                vec!["A1 auth completed"],
            ),
            (
                "Asset ID: A10\n  Auth State: waiting\nAsset ID: B2\n  Auth State: completed",
                vec!["A10 auth waiting", "B2 auth completed"],
            ),
            ("Auth State: completed\nAsset A1", vec![]),
            ("Assets: A1 B2\nAuth State: completed", vec![]),
            ("A1\nAuth State: completed\nAuth State: waiting", vec![]),
            ("A100\nAuth State: completed", vec![]),
            ("Asset ID: A1\nAsset ID: C9\nAuth State: completed", vec![]),
            (
                "# show secure-conductor-onboarding A1\n# show secure-conductor-onboarding C9\nAuth State: completed",
                vec![],
            ),
        ] {
            assert_eq!(found(text), expect, "{text}");
        }
    }
}
