//! Why nothing is done for a router, and what must be accepted before something is.

use std::fmt;

use ids::{Mac, SiteId};
use serde::{Deserialize, Serialize};

use crate::decide::SettingsFlag;
use crate::ek::SpkiFingerprint;
use crate::{AssetId, Mode, NodeName, RouterName};

/// Why nothing is done for a router.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Refusal {
    /// The conductor does not have it.
    NoRouter,
    /// The conductor does not have the node.
    NoNode {
        /// The node.
        node: NodeName,
    },
    /// A device is not in the inventory.
    NoDevice {
        /// The device.
        mac: Mac,
    },
    /// The way is not documented for the model.
    Model {
        /// The device.
        mac: Mac,
        /// Its model.
        model: Box<str>,
    },
    /// The nodes of a pair go different ways.
    MixedModels,
    /// A virtual router has no asset id in the input.
    NoAssetId {
        /// The node.
        node: NodeName,
    },
    /// The asset id of an SSR400 or SSR440 is not its serial number.
    SerialMismatch {
        /// The node.
        node: NodeName,
        /// What the input says.
        asset_id: AssetId,
        /// What the inventory says.
        serial: Box<str>,
    },
    /// The inventory has no serial number that can be an asset id.
    NoSerial {
        /// The device.
        mac: Mac,
    },
    /// The node has another asset id.
    OtherAssetId {
        /// The node.
        node: NodeName,
        /// What it has.
        found: Box<str>,
        /// What is wanted.
        wanted: AssetId,
    },
    /// The asset id is another node's.
    AssetIdTaken {
        /// It.
        asset_id: AssetId,
        /// Whose it is.
        router: RouterName,
        /// Whose it is.
        node: NodeName,
    },
    /// Two devices have one asset id.
    DuplicateAsset {
        /// It.
        asset_id: AssetId,
    },
    /// It is connected, and not by Secure Conductor Onboarding: the mode would cut it off.
    LegacyLive {
        /// Its asset.
        asset_id: AssetId,
        /// Its status.
        status: Box<str>,
    },
    /// It is connected in another mode than the one that is wanted.
    LiveModeChange {
        /// Its mode.
        found: Mode,
        /// What is wanted.
        wanted: Mode,
    },
    /// The mode that is wanted is less than the one that is set.
    LowersMode {
        /// What is set.
        found: Mode,
        /// What is wanted.
        wanted: Mode,
    },
    /// The mode that is set is none that is known.
    UnknownMode,
    /// Mode `weak` was not asked for in full.
    Weak,
    /// Mist returned no endorsement key.
    NoKey {
        /// The device.
        mac: Mac,
    },
    /// Mist returned several answers for one device.
    AmbiguousKey {
        /// The device.
        mac: Mac,
    },
    /// What Mist returned is no key that is accepted.
    BadKey {
        /// The device.
        mac: Mac,
        /// What it is.
        why: Box<str>,
    },
    /// The key that somebody else read is another one.
    KeyNotConfirmed {
        /// The device.
        mac: Mac,
        /// Mist's.
        mist: SpkiFingerprint,
        /// The one in the input.
        given: SpkiFingerprint,
    },
    /// The key is shared, whole or in part, with another node.
    SharedKey {
        /// What is wrong.
        why: Box<str>,
    },
    /// The node has another key.
    OtherKey {
        /// The node.
        node: NodeName,
        /// What it has.
        found: SpkiFingerprint,
        /// Mist's.
        wanted: SpkiFingerprint,
        /// Whether its asset may be connected.
        connected: bool,
    },
    /// The site is not there.
    NoSite {
        /// It.
        site: SiteId,
    },
    /// A device is at another site.
    OtherSite {
        /// The device.
        mac: Mac,
        /// Where it is.
        found: SiteId,
    },
    /// A device is at the site already, and is not onboarded.
    AtSite {
        /// The device.
        mac: Mac,
    },
    /// It is to be assigned once more, and is connected.
    LiveReassign {
        /// Its asset.
        asset_id: AssetId,
    },
    /// A device has software without Secure Conductor Onboarding.
    TooOld {
        /// What has.
        what: Box<str>,
    },
    /// It is connected by Secure Conductor Onboarding, and has no site in Mist.
    LiveUnassigned {
        /// Its asset.
        asset_id: AssetId,
        /// Its status.
        status: Box<str>,
    },
    /// It is connected by Secure Conductor Onboarding and does not run yet.
    InProgress {
        /// Its asset.
        asset_id: AssetId,
        /// Its status.
        status: Box<str>,
    },
    /// The device ID certificate does not fit.
    DeviceId {
        /// Why.
        why: Box<str>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRouter => f.write_str(
                "the running configuration has no such router; commit it there, or let `--create-routers` write the smallest one",
            ),
            Self::NoNode { node } => write!(
                f,
                "the running configuration has no node {node} in this router; commit it there, or correct the node's name (it \
                 must be the one in the router's own init file)"
            ),
            Self::NoDevice { mac } => write!(f, "{mac} is not in the inventory; claim or adopt it first"),
            Self::Model { mac, model } => write!(
                f,
                "{mac} is a `{model}`, and Secure Conductor Onboarding is for SSR400, SSR440 and virtual routers with a TPM; \
                 onboard it another way, or say `--virtual-model {model}` if that is what Mist calls a virtual one"
            ),
            Self::MixedModels => f.write_str("its two nodes are of different kinds; an HA pair has two of one"),
            Self::NoAssetId { node } => write!(f, "{node} is a virtual router without an asset id; fill the column asset_id"),
            Self::SerialMismatch { node, asset_id, serial } => write!(
                f,
                "the asset id of {node} is `{asset_id}`, and its serial number is `{serial}`; for this model they must be \
                 equal, so correct the MAC or leave asset_id empty"
            ),
            Self::NoSerial { mac } => write!(f, "the inventory has no serial number of {mac} that can be an asset id; fill asset_id"),
            Self::OtherAssetId { node, found, wanted } => write!(
                f,
                "{node} has the asset id `{found}`, and `{wanted}` is wanted; nothing was written. If the machine was \
                 replaced, name the router with `--replace-identity`"
            ),
            Self::AssetIdTaken { asset_id, router, node } => {
                write!(f, "the asset id `{asset_id}` is that of {router} {node}; correct the one that is wrong")
            }
            Self::DuplicateAsset { asset_id } => {
                write!(f, "the conductor sees two devices with the asset id `{asset_id}`; find the second one first")
            }
            Self::LegacyLive { asset_id, status } => write!(
                f,
                "`{asset_id}` is {status} without Secure Conductor Onboarding; setting a mode would cut it off. Migrate it in a \
                 change window of its own; it is not done here"
            ),
            Self::LiveModeChange { found, wanted } => {
                write!(f, "it is connected in mode {found}, and {wanted} is wanted; a mode is not changed under a live router")
            }
            Self::LowersMode { found, wanted } => {
                write!(f, "its mode is {found}, and {wanted} is wanted, which is less; a mode is never lowered here")
            }
            Self::UnknownMode => f.write_str("its mode is one that is not known here; it is left as it is"),
            Self::Weak => f.write_str(
                "mode weak lets a router onboard with a certificate that it signed itself; use strong, or say `--danger-allow-weak`",
            ),
            Self::NoKey { mac } => write!(f, "Mist returned no ID token for {mac}; see that it is an SSR with a TPM and connected, then plan again"),
            Self::AmbiguousKey { mac } => write!(f, "Mist returned answers for {mac} that differ; plan again, and open a case if it stays so"),
            Self::BadKey { mac, why } => write!(f, "the ID token of {mac} is not taken: {why}"),
            Self::KeyNotConfirmed { mac, mist, given } => write!(
                f,
                "Mist's key of {mac} is {mist:.16}, and the one given is {given:.16}; one of them is another machine's. Read it \
                 on the machine once more"
            ),
            Self::SharedKey { why } => f.write_str(why),
            Self::OtherKey { node, found, wanted, connected } => {
                write!(f, "{node} has the endorsement key {found:.16}, and Mist's is {wanted:.16}; nothing was written. ")?;
                if *connected {
                    f.write_str("Its asset is connected, so that the key is not replaced; find out which machine that is")
                } else {
                    f.write_str("If the machine was replaced, name the router with `--replace-identity`")
                }
            }
            Self::NoSite { site } => write!(f, "there is no site {site}; make it first"),
            Self::OtherSite { mac, found } => {
                write!(f, "{mac} is assigned to site {found}; unassign it there first, if it is the right machine")
            }
            Self::AtSite { mac } => write!(
                f,
                "{mac} is at the site already and is not onboarded; assigning it is the trigger, so name the router with \
                 `--reassign` to take it away and assign it again"
            ),
            Self::LiveReassign { asset_id } => {
                write!(f, "`{asset_id}` is connected to the conductor; a live router is not unassigned")
            }
            Self::TooOld { what } => write!(f, "{what} is older than 7.1.3, the first with Secure Conductor Onboarding; upgrade it"),
            Self::InProgress { asset_id, status } => {
                write!(f, "`{asset_id}` is {status}: it is being onboarded, or is not well; `verify` shows which")
            }
            Self::LiveUnassigned { asset_id, status } => write!(
                f,
                "`{asset_id}` is {status} on the conductor and has no site in Mist; assigning it would onboard a live router \
                 once more, so do that by hand in a change window"
            ),
            Self::DeviceId { why } => f.write_str(why),
        }
    }
}

/// What must be accepted before a plan is carried out, each by its own flag.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Flag {
    /// `--accept-legacy-cutoff=N`.
    LegacyCutoff {
        /// N.
        routers: usize,
    },
    /// Something in a site's settings.
    Settings(SettingsFlag),
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LegacyCutoff { routers } => write!(
                f,
                "the first router with a mode makes the conductor close 4505 and 4506 at its next restart, for good: {routers} \
                 legacy routers cannot onboard again; `--accept-legacy-cutoff={routers}` accepts that"
            ),
            Self::Settings(flag) => write!(f, "site {}: {flag}", flag.site()),
        }
    }
}
