//! What was seen of the world, and when: all that a plan, a check or a step is decided from.

mod asset;
mod inventory;
mod site;

use std::collections::{BTreeMap, BTreeSet};

use conductor::Version;
use ids::{Mac, OrgId, SiteId, Timestamp};

pub use asset::{Asset, AssetStatus, AuthState, find_auth_states};
pub use inventory::{Device, Inventory, Platform};
pub use site::{Site, SsrState, TokenState};

use crate::config::Configuration;
use crate::ek::{Exported, SpkiFingerprint};
use crate::{AssetId, RouterName};

/// Everything that was read before a plan, at about one time.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When.
    pub time: Timestamp,
    /// The organisation.
    pub org: OrgId,
    /// Its routers.
    pub inventory: Inventory,
    /// Its sites that rows name, with their settings.
    pub sites: BTreeMap<SiteId, Site>,
    /// What the organisation's own settings tell routers.
    pub org_ssr: SsrState,
    /// What Mist exported for the routers that need an endorsement key.
    pub exports: BTreeMap<Mac, Exported>,
    /// Device ID certificates, from Mist or from the file that the input names.
    pub device_ids: BTreeMap<Mac, Box<[u8]>>,
    /// The conductor.
    pub conductor: ConductorState,
}

/// What was seen of a conductor.
#[derive(Clone, Debug)]
pub struct ConductorState {
    /// The SHA-256 of the public key of its web server's certificate.
    pub pin: SpkiFingerprint,
    /// Its software.
    pub version: Option<Version>,
    /// Its running configuration.
    pub running: Configuration,
    /// Its candidate configuration.
    pub candidate: Configuration,
    /// The assets it knows.
    pub assets: BTreeMap<AssetId, Asset>,
    /// Asset ids that it sees on two devices.
    pub duplicate_assets: BTreeSet<AssetId>,
    /// Routers to which it has a connection.
    pub connected: BTreeSet<RouterName>,
}
