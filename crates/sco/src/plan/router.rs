//! What is done for one router.

use std::collections::BTreeMap;

use conductor::Version;
use ids::Mac;

use super::basis::basis;
use super::make::{Ground, holder};
use super::order::whole_hours;
use super::{Flag, PlannedRouter, Refusal, RouterOutcome, Steps};
use crate::config::{Change, NodeConfig, RouterConfig};
use crate::decide::{IdentityDecision, decide_identity, judge_settings};
use crate::device_id::{DeviceId, DeviceTrust};
use crate::ek::{EndorsementKey, Exported};
use crate::input::{NodeRequest, RouterRequest};
use crate::observe::{Asset, Device, Platform, Site};
use crate::{AssetId, Mode};

/// One router while it is decided.
pub(super) struct Deciding<'a> {
    ground: &'a Ground<'a>,
    request: &'a RouterRequest,
    config: Option<&'a RouterConfig>,
    warnings: Vec<Box<str>>,
}

/// A node with what its model makes of it.
struct Node<'a> {
    request: &'a NodeRequest,
    device: &'a Device,
    platform: Platform,
    asset_id: AssetId,
}

impl<'a> Deciding<'a> {
    pub(super) fn decide(ground: &'a Ground<'a>, request: &'a RouterRequest) -> PlannedRouter {
        let config = ground.running.router(&request.name);
        let mut deciding = Self { ground, request, config, warnings: Vec::new() };
        let outcome = deciding.outcome().unwrap_or_else(RouterOutcome::Refused);
        let basis = basis(ground, request);
        PlannedRouter {
            name: request.name.clone(),
            line: request.line,
            outcome,
            basis,
            warnings: deciding.warnings,
        }
    }

    fn outcome(&mut self) -> Result<RouterOutcome, Refusal> {
        let site = self.request.site;
        let settings = self.ground.observed.sites.get(&site).ok_or(Refusal::NoSite { site })?;
        let nodes = self.nodes()?;
        self.check_versions(&nodes)?;
        self.check_assets(&nodes)?;
        let mut changes = self.created()?;
        self.check_live(&nodes)?;
        for node in &nodes {
            changes.extend(self.asset_id(node)?);
            changes.extend(self.identity(node)?);
        }
        changes.extend(self.mode(&nodes)?);
        let (unassign, assign) = self.assignments(&nodes)?;
        if assign.is_empty() && changes.is_empty() {
            return Ok(RouterOutcome::Done);
        }
        let offline: Vec<Mac> = nodes
            .iter()
            .filter(|node| assign.contains(&node.device.mac) && node.device.connected != Some(true))
            .map(|node| node.device.mac)
            .collect();
        if !offline.is_empty() && !self.ground.options.allow_offline {
            return Ok(RouterOutcome::WaitingForDevice(offline));
        }
        if !self.ground.uncommitted.is_empty() && !changes.is_empty() {
            let paths = &self.ground.uncommitted;
            self.warn(format!(
                "the conductor's candidate has changes by somebody else ({paths}); while it has, nothing is applied"
            ));
        }
        Ok(RouterOutcome::Onboard(Box::new(Steps {
            changes,
            token_hours: whole_hours(self.ground.options.deadlines.token_lifetime()),
            site,
            conductor_hosts: self.request.conductor_hosts.clone(),
            flags: if assign.is_empty() { Vec::new() } else { self.flags(settings) },
            unassign,
            assign,
        })))
    }

    fn warn(&mut self, text: impl Into<Box<str>>) {
        self.warnings.push(text.into());
    }

    /// The nodes, each with its device and the asset id that its model wants.
    fn nodes(&self) -> Result<Vec<Node<'a>>, Refusal> {
        let mut nodes: Vec<Node<'a>> = Vec::new();
        for request in &self.request.nodes {
            let mac = request.mac;
            let device = self.ground.observed.inventory.device(mac).ok_or(Refusal::NoDevice { mac })?;
            let platform = device.platform(&self.ground.options.virtual_models);
            if platform == Platform::Unsupported {
                let model = crate::names::shown(device.model.as_deref().unwrap_or_default());
                return Err(Refusal::Model { mac, model });
            }
            if nodes.iter().any(|other| other.platform != platform) {
                return Err(Refusal::MixedModels);
            }
            let asset_id = match platform {
                Platform::Virtual => request
                    .asset_id
                    .clone()
                    .ok_or_else(|| Refusal::NoAssetId { node: request.node.clone() })?,
                Platform::DeviceId | Platform::Unsupported => serial(request, device)?,
            };
            nodes.push(Node { request, device, platform, asset_id });
        }
        Ok(nodes)
    }

    fn check_versions(&self, nodes: &[Node<'_>]) -> Result<(), Refusal> {
        let conductor = &self.ground.observed.conductor;
        let old = |version: Option<&Version>| version.is_some_and(|version| !version.has_onboarding());
        if old(conductor.version.as_ref()) {
            return Err(Refusal::TooOld { what: "the conductor".into() });
        }
        for node in nodes {
            if old(conductor.assets.get(&node.asset_id).and_then(|asset| asset.version.as_ref())) {
                return Err(Refusal::TooOld { what: node.asset_id.as_str().into() });
            }
        }
        Ok(())
    }

    /// Whether anybody else has an asset id that is wanted.
    fn check_assets(&self, nodes: &[Node<'_>]) -> Result<(), Refusal> {
        for node in nodes {
            let asset_id = node.asset_id.clone();
            if self.ground.observed.conductor.duplicate_assets.contains(&asset_id) {
                return Err(Refusal::DuplicateAsset { asset_id });
            }
            match self.ground.running.holder(&asset_id) {
                Some((router, holder)) if (router, holder) != (&self.request.name, &node.request.node) => {
                    return Err(Refusal::AssetIdTaken {
                        asset_id,
                        router: router.clone(),
                        node: holder.clone(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What is not on the conductor and may be made there.
    fn created(&self) -> Result<Vec<Change>, Refusal> {
        let router = self.request.name.clone();
        let mut changes = Vec::new();
        if self.config.is_none() {
            if !self.ground.options.create_routers {
                return Err(Refusal::NoRouter);
            }
            changes.push(Change::CreateRouter { router: router.clone() });
        }
        for NodeRequest { node, .. } in &self.request.nodes {
            if self.config.is_some_and(|config| config.nodes.contains_key(node)) {
                continue;
            }
            if !self.ground.options.create_routers {
                return Err(Refusal::NoNode { node: node.clone() });
            }
            changes.push(Change::CreateNode { router: router.clone(), node: node.clone() });
        }
        Ok(changes)
    }

    /// The assets of the router and of the nodes that are to be its own, which a change could cut off.
    fn assets(&self, nodes: &[Node<'_>]) -> BTreeMap<&'a AssetId, &'a Asset> {
        let configured = |asset_id: &AssetId| {
            self.config.is_some_and(|config| {
                config.nodes.values().any(|node| node.asset_id.as_ref() == Some(asset_id))
            })
        };
        let assets = self.ground.observed.conductor.assets.iter();
        let theirs = assets.filter(|(asset_id, asset)| {
            asset.router.as_ref() == Some(&self.request.name)
                || configured(asset_id)
                || nodes.iter().any(|node| node.asset_id == **asset_id)
        });
        theirs.collect()
    }

    /// Whether one of them may be connected.
    fn live(&self, nodes: &[Node<'_>]) -> Option<(AssetId, Box<str>)> {
        let live = |(asset_id, asset): (&AssetId, &Asset)| {
            asset.status.may_be_connected().then(|| (asset_id.clone(), asset.status.to_string().into()))
        };
        self.assets(nodes).into_iter().find_map(live).or_else(|| {
            let connected = self.ground.observed.conductor.connected.contains(&self.request.name);
            connected
                .then(|| (nodes.first().map(|node| node.asset_id.clone()), "connected".into()))
                .and_then(|(asset_id, status)| Some((asset_id?, status)))
        })
    }

    /// A router that is connected without Secure Conductor Onboarding is not touched, and nothing overrides that.
    fn check_live(&self, nodes: &[Node<'_>]) -> Result<(), Refusal> {
        for (asset_id, asset) in self.assets(nodes) {
            // an asset is what its own router is, also when that is not this one
            let router = asset.router.as_ref().unwrap_or(&self.request.name);
            let secure = self.ground.running.router(router).is_some_and(RouterConfig::is_secure);
            if asset.status.may_be_connected() && !secure {
                let status = asset.status.to_string().into();
                return Err(Refusal::LegacyLive { asset_id: asset_id.clone(), status });
            }
        }
        let secure = self.config.is_some_and(RouterConfig::is_secure);
        match self.live(nodes) {
            Some((asset_id, status)) if !secure => Err(Refusal::LegacyLive { asset_id, status }),
            _ => Ok(()),
        }
    }

    fn node_config(&self, node: &Node<'_>) -> Option<&'a NodeConfig> {
        self.config?.nodes.get(&node.request.node)
    }

    /// Whether the asset of this node may be connected: under the id it has, the id it is to have, or its place.
    fn is_connected(&self, node: &Node<'_>) -> bool {
        let configured = self.node_config(node).and_then(|config| config.asset_id.as_ref());
        let conductor = &self.ground.observed.conductor;
        conductor.connected.contains(&self.request.name)
            || conductor.assets.iter().any(|(asset_id, asset)| {
                let here = asset.router.as_ref() == Some(&self.request.name)
                    && asset.node.as_ref().is_none_or(|name| *name == node.request.node);
                (here || Some(asset_id) == configured || *asset_id == node.asset_id)
                    && asset.status.may_be_connected()
            })
    }

    fn may_replace(&self, node: &Node<'_>) -> bool {
        self.ground.options.replace_identity.contains(&self.request.name) && !self.is_connected(node)
    }

    fn asset_id(&self, node: &Node<'_>) -> Result<Option<Change>, Refusal> {
        let (router, name) = (self.request.name.clone(), node.request.node.clone());
        let asset_id = node.asset_id.clone();
        let fill = Change::AssetId { router, node: name.clone(), asset_id: asset_id.clone() };
        let found: Box<str> = match self.node_config(node) {
            None => return Ok(Some(fill)),
            Some(NodeConfig { asset_id: Some(found), .. }) if *found == asset_id => return Ok(None),
            Some(NodeConfig { asset_id: None, unknown_asset_id: false, .. }) => return Ok(Some(fill)),
            Some(NodeConfig { asset_id: Some(found), .. }) => found.as_str().into(),
            Some(NodeConfig { asset_id: None, .. }) => "one that is not known here".into(),
        };
        if self.may_replace(node) {
            return Ok(Some(fill));
        }
        Err(Refusal::OtherAssetId { node: name, found, wanted: asset_id })
    }

    fn identity(&mut self, node: &Node<'_>) -> Result<Option<Change>, Refusal> {
        if node.platform == Platform::DeviceId {
            self.device_id(node)?;
            return Ok(None);
        }
        let mac = node.device.mac;
        let key = match self.ground.keys.get(&mac) {
            Some(Ok((key, warnings))) => {
                warnings.iter().for_each(|warning| self.warn(format!("key of {mac}: {warning}")));
                key
            }
            Some(Err(refusal)) => return Err(refusal.clone()),
            None => return Err(Refusal::NoKey { mac }),
        };
        if let Some(why) = self.ground.shared.get(&holder(&self.request.name, &node.request.node)) {
            return Err(Refusal::SharedKey { why: why.as_str().into() });
        }
        let found = self.node_config(node).map(|config| config.identity.clone()).unwrap_or_default();
        let replace = self.ground.options.replace_identity.contains(&self.request.name);
        match decide_identity(&found, key, replace, self.is_connected(node)) {
            IdentityDecision::Equal => Ok(None),
            IdentityDecision::Fill | IdentityDecision::Replace { .. } => Ok(Some(self.key_change(node, key))),
            IdentityDecision::Different { found, wanted, connected } => {
                Err(Refusal::OtherKey { node: node.request.node.clone(), found, wanted, connected })
            }
        }
    }

    fn key_change(&self, node: &Node<'_>, key: &EndorsementKey) -> Change {
        let (router, node) = (self.request.name.clone(), node.request.node.clone());
        Change::EndorsementKey { router, node, key: key.clone() }
    }

    /// The device ID certificate, where there is one: from the input's file, or in place of an ID token.
    fn device_id(&mut self, node: &Node<'_>) -> Result<(), Refusal> {
        let mac = node.device.mac;
        let observed = self.ground.observed;
        let exported = match observed.exports.get(&mac) {
            Some(Exported::Token(text)) => {
                let bytes = text.expose().as_bytes();
                crate::certificate::Certificate::parse_all(bytes).is_ok().then_some(bytes)
            }
            _ => None,
        };
        let Some(bytes) = observed.device_ids.get(&mac).map(|bytes| &**bytes).or(exported) else {
            return Ok(());
        };
        let roots = &self.ground.options.device_id_roots;
        let device_id = DeviceId::judge(bytes, &node.asset_id, roots, observed.time)
            .map_err(|error| Refusal::DeviceId { why: format!("{mac}: {error}").into() })?;
        if device_id.trust == DeviceTrust::Unverified {
            self.warn(format!("device ID certificate of {mac}: {}", device_id.trust));
        }
        Ok(())
    }

    fn mode(&self, nodes: &[Node<'_>]) -> Result<Option<Change>, Refusal> {
        let wanted = self.request.mode;
        if wanted == Mode::Weak && !self.ground.options.danger_allow_weak {
            return Err(Refusal::Weak);
        }
        if self.config.is_some_and(|config| config.unknown_mode) {
            return Err(Refusal::UnknownMode);
        }
        let found = self.config.and_then(|config| config.mode).unwrap_or(Mode::Disabled);
        if found == wanted {
            return Ok(None);
        }
        if found > wanted {
            return Err(Refusal::LowersMode { found, wanted });
        }
        if found != Mode::Disabled && self.live(nodes).is_some() {
            return Err(Refusal::LiveModeChange { found, wanted });
        }
        Ok(Some(Change::Mode { router: self.request.name.clone(), mode: wanted }))
    }

    /// The devices to take from the site first, and those to assign.
    fn assignments(&self, nodes: &[Node<'_>]) -> Result<(Vec<Mac>, Vec<Mac>), Refusal> {
        let (mut unassign, mut assign) = (Vec::new(), Vec::new());
        for node in nodes {
            let mac = node.device.mac;
            match node.device.site {
                None => {
                    self.check_unassigned(node)?;
                    assign.push(mac);
                }
                Some(found) if found != self.request.site => return Err(Refusal::OtherSite { mac, found }),
                Some(_) => {
                    if self.at_site(node)? {
                        unassign.push(mac);
                        assign.push(mac);
                    }
                }
            }
        }
        Ok((unassign, assign))
    }

    /// A device without a site is not assigned when its asset is connected: assigning would onboard it once more.
    fn check_unassigned(&self, node: &Node<'_>) -> Result<(), Refusal> {
        let asset_id = node.asset_id.clone();
        match self.ground.observed.conductor.assets.get(&asset_id) {
            Some(asset) if asset.status.may_be_connected() => {
                Err(Refusal::LiveUnassigned { asset_id, status: asset.status.to_string().into() })
            }
            _ => Ok(()),
        }
    }

    /// Whether a device that is at the site already is assigned once more.
    fn at_site(&self, node: &Node<'_>) -> Result<bool, Refusal> {
        let named = self.ground.options.reassign.contains(&self.request.name);
        let asset_id = node.asset_id.clone();
        let asset = self.ground.observed.conductor.assets.get(&asset_id);
        if asset.is_some_and(|asset| asset.status.is_running()) && node.device.connected == Some(true) {
            return Ok(false);
        }
        if self.is_connected(node) {
            let status = asset.map_or_else(|| "connected".into(), |asset| asset.status.to_string().into());
            return Err(if named {
                Refusal::LiveReassign { asset_id }
            } else {
                Refusal::InProgress { asset_id, status }
            });
        }
        if named { Ok(true) } else { Err(Refusal::AtSite { mac: node.device.mac }) }
    }

    fn flags(&self, settings: &Site) -> Vec<Flag> {
        let site = self.request.site;
        let at_site = self.ground.observed.inventory.at(site).map(|device| device.mac);
        let others: Vec<Mac> = at_site.filter(|mac| !self.ground.planned.contains(mac)).collect();
        let flags = judge_settings(site, &settings.ssr, &self.request.conductor_hosts, &[], &others);
        flags.into_iter().map(Flag::Settings).collect()
    }
}

/// The asset id of a router that is known by its certificate: its serial number.
pub(super) fn serial(request: &NodeRequest, device: &Device) -> Result<AssetId, Refusal> {
    let mac = device.mac;
    let serial: AssetId =
        device.serial.as_deref().and_then(|serial| serial.parse().ok()).ok_or(Refusal::NoSerial { mac })?;
    match &request.asset_id {
        Some(asset_id) if *asset_id != serial => Err(Refusal::SerialMismatch {
            node: request.node.clone(),
            asset_id: asset_id.clone(),
            serial: serial.as_str().into(),
        }),
        _ => Ok(serial),
    }
}
