//! What a run is asked for beside its plan.

use std::collections::BTreeSet;

use ids::SiteId;

use crate::RouterName;
use crate::certificate::Certificate;
use crate::decide::SettingsFlag;
use crate::ek::AllowFormats;
use crate::run::wave::Ways;
use crate::token::{Anchor, TokenFlag};

/// What is asked for beside the plan.
#[derive(Debug)]
pub struct ApplyOptions {
    /// Who takes which step on the conductor.
    pub ways: Ways,
    /// Whether a person made the changes on the conductor: they are proven by reading, and none is made. `--skip conductor`.
    pub skip_conductor: bool,
    /// What was accepted in the settings of sites.
    pub accepted: Accepted,
    /// `--accept-legacy-cutoff`: how many routers the first mode may concern.
    pub accept_legacy_cutoff: Option<usize>,
    /// Whether rows that drifted are left out, else nothing is begun: `--skip-drifted`.
    pub skip_drifted: bool,
    /// Whether devices that are not connected to Mist are onboarded: `--allow-offline`.
    pub allow_offline: bool,
    /// How many routers may fail, or not be verified in time, before no more are begun: `--max-failures`.
    pub max_failures: usize,
    /// How many routers are brought to their assignment, and until their site is free, at one time: `--parallel`.
    pub parallel: usize,
    /// Routers that are taken from the sites that they hold: `--release`.
    pub release: BTreeSet<RouterName>,
    /// Routers that are assigned once more although an earlier assignment of this run may have been done, and taken back by
    /// somebody: `--assign-again`.
    pub assign_again: BTreeSet<RouterName>,
    /// Whose onboarding tokens are taken.
    pub trust: TokenTrust,
    /// Formats of endorsement keys that were allowed when the plan was made: `--allow-format`.
    pub allow: AllowFormats,
    /// Nodes of the conductor, by their addresses, on which 4505 or 4506 is open: it is written down before the first mode.
    pub legacy_open: Vec<Box<str>>,
    /// How it is known that every node was restarted since this run turned Secure Conductor Onboarding on; none when it
    /// is not known.
    pub restarted: Option<Box<str>>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            ways: Ways::default(),
            skip_conductor: false,
            accepted: Accepted::default(),
            accept_legacy_cutoff: None,
            skip_drifted: false,
            allow_offline: false,
            max_failures: 2,
            parallel: 4,
            release: BTreeSet::new(),
            assign_again: BTreeSet::new(),
            trust: TokenTrust::default(),
            allow: AllowFormats::none(),
            legacy_open: Vec::new(),
            restarted: None,
        }
    }
}

/// What was accepted in the settings of sites, each by its own flag and site by site.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Accepted {
    /// `--replace-hosts`.
    pub replace_hosts: BTreeSet<SiteId>,
    /// `--replace-token`.
    pub replace_token: BTreeSet<SiteId>,
    /// `--accept-other-routers`.
    pub other_routers: BTreeSet<SiteId>,
    /// `--accept-auto-upgrade`.
    pub auto_upgrade: BTreeSet<SiteId>,
}

impl Accepted {
    pub(in crate::run) fn settings(&self, flag: &SettingsFlag) -> bool {
        let sites = match flag {
            SettingsFlag::ReplaceHosts { .. } => &self.replace_hosts,
            SettingsFlag::ReplaceToken { .. } => &self.replace_token,
            SettingsFlag::OtherRouters { .. } => &self.other_routers,
            SettingsFlag::AutoUpgrade { .. } => &self.auto_upgrade,
        };
        sites.contains(&flag.site())
    }
}

/// What onboarding tokens are judged by.
#[derive(Clone, Debug, Default)]
pub struct TokenTrust {
    /// The authority that the profile trusts.
    pub anchor: Option<Anchor>,
    /// What port 933 served.
    pub served: Option<Certificate>,
    /// What was accepted of tokens that cannot be authenticated.
    pub accepted: Vec<TokenFlag>,
    /// How far the conductor's clock is ahead of this machine's, in microseconds.
    pub clock_ahead_micros: i64,
}
