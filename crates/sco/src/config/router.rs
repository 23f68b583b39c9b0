//! Routers in a configuration, as far as onboarding reads them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::{ConfigPath, Configuration};
use crate::ek::{EndorsementKey, SpkiFingerprint};
use crate::{AssetId, Mode, NodeName, RouterName};

/// The routers of a configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Routers(BTreeMap<RouterName, RouterConfig>);

impl Routers {
    /// Reads them. What has a name that no router can have is passed over.
    #[must_use]
    pub fn of(configuration: &Configuration) -> Self {
        let mut routers: BTreeMap<RouterName, RouterConfig> = BTreeMap::new();
        for (path, value) in &configuration.0 {
            let Some(Ok(name)) = path.router().map(str::parse::<RouterName>) else { continue };
            routers.entry(name).or_default().read(path, value);
        }
        Self(routers)
    }

    /// The router of this name.
    #[must_use]
    pub fn router(&self, name: &RouterName) -> Option<&RouterConfig> {
        self.0.get(name)
    }

    /// Every router.
    pub fn iter(&self) -> impl Iterator<Item = (&RouterName, &RouterConfig)> {
        self.0.iter()
    }

    /// Whether no router is onboarded by Secure Conductor Onboarding yet, so that the first one changes it for all.
    #[must_use]
    pub fn none_is_onboarded_securely(&self) -> bool {
        self.0.values().all(|router| !router.is_secure())
    }

    /// The node that an asset id is configured for.
    #[must_use]
    pub fn holder(&self, asset_id: &AssetId) -> Option<(&RouterName, &NodeName)> {
        self.0.iter().find_map(|(router, config)| {
            let node = config.nodes.iter().find(|(_, node)| node.asset_id.as_ref() == Some(asset_id))?;
            Some((router, node.0))
        })
    }
}

/// A router in a configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RouterConfig {
    /// Its mode; none when it is not configured.
    pub mode: Option<Mode>,
    /// Whether there is a mode that this version does not know; it is then none that may be changed.
    pub unknown_mode: bool,
    /// Its nodes.
    pub nodes: BTreeMap<NodeName, NodeConfig>,
}

impl RouterConfig {
    /// Whether it is onboarded by Secure Conductor Onboarding: a mode is configured, and it is not `disabled`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.unknown_mode || self.mode.is_some_and(|mode| mode != Mode::Disabled)
    }

    fn read(&mut self, path: &ConfigPath, value: &Value) {
        let names: Vec<&str> = path.names().iter().skip(3).map(|name| &**name).collect();
        match names[..] {
            ["system", "secure-conductor-onboarding", "mode"] => {
                self.mode = value.as_str().and_then(|text| text.parse().ok());
                self.unknown_mode = self.mode.is_none();
            }
            ["node", node, ref rest @ ..] => {
                let Ok(node) = node.parse() else { return };
                let node = self.nodes.entry(node).or_default();
                match rest {
                    ["asset-id"] => node.set_asset_id(value),
                    ["secure-conductor-onboarding", "endorsement-key"] => node.identity = Identity::of(value),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// A node of a router in a configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct NodeConfig {
    /// Its asset id; none when it is not configured.
    pub asset_id: Option<AssetId>,
    /// Whether there is an asset id that this crate does not take for one.
    pub unknown_asset_id: bool,
    /// Its endorsement key.
    pub identity: Identity,
}

impl NodeConfig {
    fn set_asset_id(&mut self, value: &Value) {
        let text = value.as_str().unwrap_or_default();
        self.asset_id = text.parse().ok();
        self.unknown_asset_id = !text.is_empty() && self.asset_id.is_none() || value.as_str().is_none();
    }
}

/// What stands as the endorsement key of a node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Identity {
    /// Nothing.
    #[default]
    Empty,
    /// A key.
    Key(EndorsementKey),
    /// Something that is no key that is accepted, by the SHA-256 of its text.
    Other(SpkiFingerprint),
}

impl Identity {
    fn of(value: &Value) -> Self {
        match value.as_str() {
            Some("") => Self::Empty,
            Some(text) => match text.parse() {
                Ok(key) => Self::Key(key),
                Err(_) => Self::Other(SpkiFingerprint::of(text.as_bytes())),
            },
            None => Self::Other(SpkiFingerprint::of(value.to_string().as_bytes())),
        }
    }

    /// What identifies what stands there.
    #[must_use]
    pub fn fingerprint(&self) -> Option<SpkiFingerprint> {
        match self {
            Self::Empty => None,
            Self::Key(key) => Some(key.fingerprint()),
            Self::Other(fingerprint) => Some(*fingerprint),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no key"),
            Self::Key(key) => write!(f, "{:.16}", key.fingerprint()),
            Self::Other(fingerprint) => write!(f, "{fingerprint:.16}, which is no RSA public key in base64"),
        }
    }
}
