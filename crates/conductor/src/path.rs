//! Places in the configuration.

use std::fmt;

use crate::{Name, Word};

/// A place in the configuration, which is a path for REST and words for the command line.
///
/// Only the places that onboarding reads or writes can be named. `Display` is the path with its names; errors carry the
/// template without them.
/// Source: configuration reference, 7.2.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ConfigPath(Vec<Step>);

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Step {
    Key(&'static str),
    Item(&'static str, Name),
}

impl ConfigPath {
    /// `authority`.
    #[must_use]
    pub fn authority() -> Self {
        Self(vec![Step::Key("authority")])
    }

    /// `authority / secure-conductor-onboarding`: the conductor's own certificates. Read, never written here.
    #[must_use]
    pub fn authority_onboarding() -> Self {
        Self::authority().key(ONBOARDING)
    }

    /// `authority / asset-connection-resiliency`. Read, never written here.
    #[must_use]
    pub fn asset_connection_resiliency() -> Self {
        Self::authority().key("asset-connection-resiliency")
    }

    /// `authority / router`: the list of routers.
    #[must_use]
    pub fn routers() -> Self {
        Self::authority().key("router")
    }

    /// `authority / router R`.
    #[must_use]
    pub fn router(router: &Name) -> Self {
        Self::authority().item("router", router)
    }

    /// `authority / router R / system / secure-conductor-onboarding`, with the `mode`.
    #[must_use]
    pub fn router_onboarding(router: &Name) -> Self {
        Self::router(router).key("system").key(ONBOARDING)
    }

    /// `authority / router R / node`: the list of its nodes.
    #[must_use]
    pub fn nodes(router: &Name) -> Self {
        Self::router(router).key("node")
    }

    /// `authority / router R / node N`.
    #[must_use]
    pub fn node(router: &Name, node: &Name) -> Self {
        Self::router(router).item("node", node)
    }

    /// `authority / router R / node N / secure-conductor-onboarding`, with the `endorsement-key`.
    #[must_use]
    pub fn node_onboarding(router: &Name, node: &Name) -> Self {
        Self::node(router, node).key(ONBOARDING)
    }

    fn key(mut self, key: &'static str) -> Self {
        self.0.push(Step::Key(key));
        self
    }

    fn item(mut self, list: &'static str, name: &Name) -> Self {
        self.0.push(Step::Item(list, name.clone()));
        self
    }

    /// As in `/authority/router/{router}/node`.
    pub(crate) fn template(&self) -> String {
        self.0.iter().fold(String::new(), |text, step| match step {
            Step::Key(key) => format!("{text}/{key}"),
            Step::Item(list, _) => format!("{text}/{list}/{{{list}}}"),
        })
    }

    /// The words of the command line: `authority router R system`.
    pub(crate) fn words(&self) -> Vec<Word> {
        self.to_string().split('/').skip(1).map(word).collect()
    }
}

/// Keys and names are words, both being of fewer characters.
pub(crate) fn word(text: &str) -> Word {
    Word::new(text).expect("keys and names have only letters, digits, `_` and `-`")
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Key(key) => write!(f, "/{key}")?,
                Step::Item(list, name) => write!(f, "/{list}/{name}")?,
            }
        }
        Ok(())
    }
}

const ONBOARDING: &str = "secure-conductor-onboarding";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_and_words() {
        let path = ConfigPath::node_onboarding(&Name::new("r1").unwrap(), &Name::new("node0").unwrap());

        assert_eq!(path.to_string(), "/authority/router/r1/node/node0/secure-conductor-onboarding");
        assert_eq!(path.template(), "/authority/router/{router}/node/{node}/secure-conductor-onboarding");
        let words: Vec<_> = path.words().iter().map(|word| word.as_str().to_owned()).collect();
        assert_eq!(words, ["authority", "router", "r1", "node", "node0", "secure-conductor-onboarding"]);
    }
}
