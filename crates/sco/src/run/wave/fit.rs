//! Whether a router may still be changed on the conductor, by what runs there now.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::config::{Change, Identity, RouterConfig, Routers};
use crate::ek::SpkiFingerprint;
use crate::observe::Asset;
use crate::plan::{NodeBasis, PlannedRouter, Steps};
use crate::{AssetId, Mode, NodeName, RouterName};

/// Why a router is taken out of its wave: something is not as the plan found it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(super) enum Unfit {
    #[error("somebody made a router of this name, with nodes that are not in the plan; plan again")]
    Appeared,
    #[error(
        "{node} has the asset id {found}, and the plan has {wanted}; find out which is right, and plan again"
    )]
    OtherAssetId { node: NodeName, found: Box<str>, wanted: AssetId },
    #[error(
        "the asset id {asset_id} is configured for {router} {node}; find out whose it is, and plan again"
    )]
    AssetIdTaken { asset_id: AssetId, router: RouterName, node: NodeName },
    #[error(
        "{node} has the key {found:.16}, and the plan has {wanted:.16}; find out which is right, then \
         `plan --replace-identity` for this router or correct the list"
    )]
    OtherKey { node: NodeName, found: SpkiFingerprint, wanted: SpkiFingerprint },
    #[error("{router} {node} has the same key {key:.16}; one of the two is a copy, so neither is onboarded")]
    SharedKey { router: RouterName, node: NodeName, key: SpkiFingerprint },
    #[error(
        "asset {asset_id} is {status}, and its identity would be replaced; disconnect it first, and plan again"
    )]
    Connected { asset_id: AssetId, status: Box<str> },
    #[error(
        "asset {asset_id} is {status} without Secure Conductor Onboarding; a mode would cut it off, so it is left alone"
    )]
    LegacyLive { asset_id: AssetId, status: Box<str> },
    #[error("its mode is {found}, and the plan found {planned}; plan again")]
    OtherMode { found: Box<str>, planned: Box<str> },
}

/// A router of a wave, and what runs on the conductor.
#[derive(Clone, Copy)]
pub(super) struct Fit<'a> {
    pub(super) router: &'a PlannedRouter,
    pub(super) steps: &'a Steps,
    pub(super) running: &'a Routers,
    pub(super) assets: &'a BTreeMap<AssetId, Asset>,
}

impl Fit<'_> {
    /// Judges every change of the router: what is there is what the plan found, or what it makes.
    pub(super) fn judge(&self) -> Result<(), Unfit> {
        for change in &self.steps.changes {
            match change {
                Change::CreateRouter { .. } => self.created()?,
                Change::CreateNode { .. } => {}
                Change::AssetId { node, asset_id, .. } => self.asset_id(node, asset_id)?,
                Change::EndorsementKey { node, key, .. } => self.key(node, key.fingerprint())?,
                Change::Mode { mode, .. } => self.mode(*mode)?,
            }
        }
        Ok(())
    }

    fn config(&self) -> Option<&RouterConfig> {
        self.running.router(&self.router.name)
    }

    fn basis(&self, node: &NodeName) -> Option<&NodeBasis> {
        self.router.basis.nodes.get(node)
    }

    fn created(&self) -> Result<(), Unfit> {
        let planned = |node: &NodeName| self.router.basis.nodes.contains_key(node);
        let strange = self.config().is_some_and(|config| !config.nodes.keys().all(planned));
        if strange { Err(Unfit::Appeared) } else { Ok(()) }
    }

    fn asset_id(&self, node: &NodeName, wanted: &AssetId) -> Result<(), Unfit> {
        match self.running.holder(wanted) {
            Some((router, holder)) if (router, holder) != (&self.router.name, node) => {
                return Err(Unfit::AssetIdTaken {
                    asset_id: wanted.clone(),
                    router: router.clone(),
                    node: holder.clone(),
                });
            }
            _ => {}
        }
        let Some(config) = self.config().and_then(|config| config.nodes.get(node)) else { return Ok(()) };
        if config.unknown_asset_id {
            let found = "one that is not known here".into();
            return Err(Unfit::OtherAssetId { node: node.clone(), found, wanted: wanted.clone() });
        }
        let Some(found) = &config.asset_id else { return Ok(()) };
        if found == wanted {
            return Ok(());
        }
        if self.basis(node).is_none_or(|basis| basis.asset_id.as_ref() != Some(found)) {
            let found = found.as_str().into();
            return Err(Unfit::OtherAssetId { node: node.clone(), found, wanted: wanted.clone() });
        }
        self.not_connected()
    }

    fn key(&self, node: &NodeName, wanted: SpkiFingerprint) -> Result<(), Unfit> {
        for (router, config) in self.running.iter() {
            for (name, other) in &config.nodes {
                let same = other.identity.fingerprint() == Some(wanted);
                if same && (router, name) != (&self.router.name, node) {
                    let (router, node) = (router.clone(), name.clone());
                    return Err(Unfit::SharedKey { router, node, key: wanted });
                }
            }
        }
        let config = self.config().and_then(|config| config.nodes.get(node));
        let Some(found) = config.map(|config| &config.identity).and_then(Identity::fingerprint) else {
            return Ok(());
        };
        if found == wanted {
            return Ok(());
        }
        if self.basis(node).is_none_or(|basis| basis.running_key != Some(found)) {
            return Err(Unfit::OtherKey { node: node.clone(), found, wanted });
        }
        self.not_connected()
    }

    fn mode(&self, wanted: Mode) -> Result<(), Unfit> {
        let config = self.config();
        let (found, planned) = (config.and_then(|config| config.mode), self.router.basis.mode);
        let word = |mode: Option<Mode>| mode.map_or("none", Mode::as_str).into();
        if config.is_some_and(|config| config.unknown_mode) {
            return Err(Unfit::OtherMode {
                found: "one that is not known here".into(),
                planned: word(planned),
            });
        }
        if found == Some(wanted) {
            return Ok(());
        }
        if found.unwrap_or(Mode::Disabled) != planned.unwrap_or(Mode::Disabled) || found > Some(wanted) {
            return Err(Unfit::OtherMode { found: word(found), planned: word(planned) });
        }
        match self.live() {
            Some((asset_id, status)) => Err(Unfit::LegacyLive { asset_id, status }),
            None => Ok(()),
        }
    }

    fn not_connected(&self) -> Result<(), Unfit> {
        match self.live() {
            Some((asset_id, status)) => Err(Unfit::Connected { asset_id, status }),
            None => Ok(()),
        }
    }

    /// An asset of the router, or one that is to be its own, that may be connected.
    fn live(&self) -> Option<(AssetId, Box<str>)> {
        let configured = |asset_id: &AssetId| {
            self.config().is_some_and(|config| {
                config.nodes.values().any(|node| node.asset_id.as_ref() == Some(asset_id))
            })
        };
        let wanted = |asset_id: &AssetId| {
            self.router.basis.nodes.values().any(|node| node.wanted_asset_id.as_ref() == Some(asset_id))
        };
        let theirs = |asset_id: &AssetId, asset: &Asset| {
            asset.router.as_ref() == Some(&self.router.name) || configured(asset_id) || wanted(asset_id)
        };
        let mut live = self
            .assets
            .iter()
            .filter(|(asset_id, asset)| theirs(asset_id, asset) && asset.status.may_be_connected());
        live.next().map(|(asset_id, asset)| (asset_id.clone(), asset.status.to_string().into()))
    }
}
