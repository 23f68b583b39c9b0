//! The changes that onboarding makes to a configuration, and no others.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ConfigPath;
use crate::ek::EndorsementKey;
use crate::{AssetId, Mode, NodeName, RouterName};

/// One change to the conductor's configuration.
///
/// There is no other: nothing of the authority, no certificate, no pre-shared secret can be written.
/// Source of the paths: Session Smart Router configuration guide, 7.2; of the smallest router the page "Secure Conductor
/// Onboarding".
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// A router that is not there yet: its name and `inter-node-security internal`.
    CreateRouter {
        /// Its name.
        router: RouterName,
    },
    /// A node that is not there yet: its name and `role combo`.
    CreateNode {
        /// Its router.
        router: RouterName,
        /// Its name.
        node: NodeName,
    },
    /// `node … asset-id`.
    AssetId {
        /// The router.
        router: RouterName,
        /// Its node.
        node: NodeName,
        /// The asset id.
        asset_id: AssetId,
    },
    /// `node … secure-conductor-onboarding endorsement-key`.
    EndorsementKey {
        /// The router.
        router: RouterName,
        /// Its node.
        node: NodeName,
        /// The key.
        key: EndorsementKey,
    },
    /// `system secure-conductor-onboarding mode`.
    Mode {
        /// The router.
        router: RouterName,
        /// The mode.
        mode: Mode,
    },
}

impl Change {
    /// The router it is of.
    #[must_use]
    pub const fn router(&self) -> &RouterName {
        match self {
            Self::CreateRouter { router }
            | Self::CreateNode { router, .. }
            | Self::AssetId { router, .. }
            | Self::EndorsementKey { router, .. }
            | Self::Mode { router, .. } => router,
        }
    }

    /// The values it sets, each at its path.
    #[must_use]
    pub fn settings(&self) -> Vec<(ConfigPath, String)> {
        let router = ["authority", "router", self.router().as_str()];
        let at = |rest: &[&str]| ConfigPath::new(&[&router[..], rest].concat());
        match self {
            Self::CreateRouter { router } => vec![
                (at(&["name"]), router.to_string()),
                (at(&["inter-node-security"]), "internal".to_owned()),
            ],
            Self::CreateNode { node, .. } => vec![
                (at(&["node", node.as_str(), "name"]), node.to_string()),
                (at(&["node", node.as_str(), "role"]), "combo".to_owned()),
            ],
            Self::AssetId { node, asset_id, .. } => {
                vec![(at(&["node", node.as_str(), "asset-id"]), asset_id.to_string())]
            }
            Self::EndorsementKey { node, key, .. } => {
                let path = at(&["node", node.as_str(), "secure-conductor-onboarding", "endorsement-key"]);
                vec![(path, key.to_base64())]
            }
            Self::Mode { mode, .. } => {
                vec![(at(&["system", "secure-conductor-onboarding", "mode"]), mode.to_string())]
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateRouter { router } => write!(f, "create router {router}"),
            Self::CreateNode { router, node } => write!(f, "create node {node} of {router}"),
            Self::AssetId { router, node, asset_id } => write!(f, "asset id {asset_id} of {router} {node}"),
            Self::EndorsementKey { router, node, key } => {
                write!(f, "endorsement key {:.16} of {router} {node}", key.fingerprint())
            }
            Self::Mode { router, mode } => write!(f, "mode {mode} of {router}"),
        }
    }
}

/// What a set of changes makes of the configuration: the value at each path that they touch.
///
/// This is what is recorded before the first of them is sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes(BTreeMap<ConfigPath, String>);

impl Changes {
    /// What `changes` set, one after the other.
    #[must_use]
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        Self(changes.into_iter().flat_map(Change::settings).collect())
    }

    /// Whether they set nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that they set at `path`.
    #[must_use]
    pub fn value(&self, path: &ConfigPath) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Each path and the value that they set.
    pub fn iter(&self) -> impl Iterator<Item = (&ConfigPath, &str)> {
        self.0.iter().map(|(path, value)| (path, value.as_str()))
    }
}

impl FromIterator<(ConfigPath, String)> for Changes {
    fn from_iter<I: IntoIterator<Item = (ConfigPath, String)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}
