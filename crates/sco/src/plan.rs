//! What is to be done for which router, decided from the input and what was seen, before anything is written.
//!
//! [`Plan::make`] is a pure function. A router gets its steps, or a [`Refusal`] that says what happened and what to do; a
//! state in which everything is as wanted gets no steps. The plan is kept as JSON ([`Plan::to_json`]) without any secret in
//! it, under a hash of its content.

mod basis;
mod drift;
mod file;
mod make;
mod order;
mod refusal;
mod router;

use std::collections::{BTreeMap, BTreeSet};

use ids::{Mac, OrgId, SiteId, Timestamp};
use serde::{Deserialize, Serialize};

pub use drift::{Drift, DriftItem};
pub use file::{PlanError, PlanHash};
pub use order::{SiteQueue, Wave, routers_named};
pub use refusal::{Flag, Refusal};

use crate::certificate::Certificate;
use crate::config::Change;
use crate::decide::{Deadlines, LegacyCutoff};
use crate::ek::{AllowFormats, SpkiFingerprint};
use crate::observe::Platform;
use crate::{AssetId, ConductorHost, Mode, NodeName, RouterName};

/// What the operator asks for, beside the routers.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Whether routers that the conductor does not have are made: `--create-routers`.
    pub create_routers: bool,
    /// Routers whose identity may be replaced: `--replace-identity`, one by one.
    pub replace_identity: BTreeSet<RouterName>,
    /// Routers that are at their site already and are assigned once more: `--reassign`, one by one.
    pub reassign: BTreeSet<RouterName>,
    /// Whether devices that are not connected to Mist are onboarded: `--allow-offline`.
    pub allow_offline: bool,
    /// Whether mode `weak` may be set: `--danger-allow-weak`.
    pub danger_allow_weak: bool,
    /// Formats of endorsement keys that are converted: `--allow-format`.
    pub allow: AllowFormats,
    /// The operator's authorities of device ID certificates; without any these are `unverified`.
    pub device_id_roots: Vec<Certificate>,
    /// More names that Mist gives virtual routers: `--virtual-model`.
    pub virtual_models: Vec<Box<str>>,
    /// How many routers come first and alone.
    pub canary: usize,
    /// How many routers share one commit.
    pub wave_size: usize,
    /// How long is waited for what.
    pub deadlines: Deadlines,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            create_routers: false,
            replace_identity: BTreeSet::new(),
            reassign: BTreeSet::new(),
            allow_offline: false,
            danger_allow_weak: false,
            allow: AllowFormats::none(),
            device_id_roots: Vec::new(),
            virtual_models: Vec::new(),
            canary: 1,
            wave_size: 20,
            deadlines: Deadlines::default(),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// When the world was read.
    made: Timestamp,
    /// The organisation.
    org: OrgId,
    /// The conductor, by the public key of its web server.
    conductor: SpkiFingerprint,
    /// The routers, in the order of the input.
    routers: Vec<PlannedRouter>,
    /// The routers that have steps, in the order in which the conductor is changed for them.
    waves: Vec<Wave>,
    /// The routers that have steps, by their site.
    queues: Vec<SiteQueue>,
    /// What the first mode does to others, when this plan sets it.
    cutoff: Option<LegacyCutoff>,
    /// How long is waited for what.
    deadlines: Deadlines,
}

impl Plan {
    /// When the world was read.
    #[must_use]
    pub const fn made(&self) -> Timestamp {
        self.made
    }

    /// The organisation.
    #[must_use]
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// The conductor, by the public key of its web server.
    #[must_use]
    pub const fn conductor(&self) -> SpkiFingerprint {
        self.conductor
    }

    /// The routers, in the order of the input.
    #[must_use]
    pub fn routers(&self) -> &[PlannedRouter] {
        &self.routers
    }

    /// Whose conductor changes are committed together, the canaries first.
    #[must_use]
    pub fn waves(&self) -> &[Wave] {
        &self.waves
    }

    /// Who waits for whom at each site.
    #[must_use]
    pub fn queues(&self) -> &[SiteQueue] {
        &self.queues
    }

    /// The queue that takes longest.
    #[must_use]
    pub fn longest_queue(&self) -> Option<&SiteQueue> {
        self.queues.iter().max_by_key(|queue| queue.routers.len())
    }

    /// What the first mode does to others, when this plan sets it. It is counted again before it is set.
    #[must_use]
    pub const fn cutoff(&self) -> Option<LegacyCutoff> {
        self.cutoff
    }

    /// How long is waited for what.
    #[must_use]
    pub const fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// Every flag that must be given before the plan is carried out.
    #[must_use]
    pub fn flags(&self) -> BTreeSet<Flag> {
        let mut flags: BTreeSet<Flag> =
            self.steps().flat_map(|(_, steps)| steps.flags.iter().cloned()).collect();
        flags.extend(self.cutoff.map(|cutoff| Flag::LegacyCutoff { routers: cutoff.routers }));
        flags
    }

    /// The routers that have steps.
    pub fn steps(&self) -> impl Iterator<Item = (&PlannedRouter, &Steps)> {
        self.routers.iter().filter_map(|router| match &router.outcome {
            RouterOutcome::Onboard(steps) => Some((router, &**steps)),
            _ => None,
        })
    }

    /// Every change to the conductor's configuration, in the order of the routers.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps().flat_map(|(_, steps)| &steps.changes)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// How many calls to Mist it takes, roughly: for each router its site's settings read, written and read back twice,
    /// the inventory read before and the assignment; for each wave what is read while it is waited for.
    #[must_use]
    pub fn estimated_calls(&self) -> usize {
        const ROUTER: usize = 7;
        const WAVE: usize = 60;
        self.steps().count() * ROUTER + self.waves.len() * WAVE
    }
}

/// A router of the plan.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedRouter {
    /// Its name.
    pub name: RouterName,
    /// The line of the input it begins in.
    pub line: u64,
    /// What was decided.
    pub outcome: RouterOutcome,
    /// What that rests on; drift is told from it.
    pub basis: Basis,
    /// What a person should know.
    pub warnings: Vec<Box<str>>,
}

/// What was decided for a router.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouterOutcome {
    /// It is onboarded.
    Onboard(Box<Steps>),
    /// It is at its site, configured as wanted, and its assets run: nothing is done.
    Done,
    /// A device is not connected to Mist: no token is made, no site is held.
    WaitingForDevice(Vec<Mac>),
    /// It is refused.
    Refused(Refusal),
}

/// The steps of a router, in the order in which they are taken.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// What is changed on the conductor; empty when it is all there.
    pub changes: Vec<Change>,
    /// How long its token is taken, in whole hours.
    pub token_hours: u32,
    /// The site.
    pub site: SiteId,
    /// What the site tells its routers.
    pub conductor_hosts: Vec<ConductorHost>,
    /// The devices that are unassigned first, since assigning is the trigger.
    pub unassign: Vec<Mac>,
    /// The devices that are assigned.
    pub assign: Vec<Mac>,
    /// What must be accepted first.
    pub flags: Vec<Flag>,
}

/// What the decision on a router rests on, and what it wants; nothing of it is a status, a time or a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// The mode in the running configuration.
    pub mode: Option<Mode>,
    /// The mode that is wanted.
    pub wanted_mode: Mode,
    /// The site.
    pub site: SiteId,
    /// The addresses in the site's settings.
    pub hosts: Vec<Box<str>>,
    /// The addresses that are wanted.
    pub wanted_hosts: Vec<ConductorHost>,
    /// The nodes.
    pub nodes: BTreeMap<NodeName, NodeBasis>,
}

/// What the decision on a node rests on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeBasis {
    /// The device.
    pub mac: Mac,
    /// Which way it goes; none when it is not in the inventory.
    pub platform: Option<Platform>,
    /// The site it is assigned to.
    pub assigned: Option<SiteId>,
    /// The asset id in the running configuration.
    pub asset_id: Option<AssetId>,
    /// The asset id that is wanted.
    pub wanted_asset_id: Option<AssetId>,
    /// The key in the running configuration.
    pub running_key: Option<SpkiFingerprint>,
    /// Mist's key.
    pub mist_key: Option<SpkiFingerprint>,
    /// Whether somebody else read the same key.
    pub confirmation: Confirmation,
}

/// How much is known of an endorsement key.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// There is none.
    #[default]
    None,
    /// Mist returned it, and nobody else was asked.
    MistOnly,
    /// The input has the same, read elsewhere.
    Confirmed,
}

#[cfg(test)]
pub(crate) mod tests;
