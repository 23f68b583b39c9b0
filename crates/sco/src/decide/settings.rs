//! What a site's settings hold before they are changed, and whether they are still ours before a router is assigned.

use std::fmt;

use ids::{Mac, SiteId};
use serde::{Deserialize, Serialize};

use crate::ConductorHost;
use crate::observe::{SsrState, TokenState};
use crate::token::TokenFingerprint;

/// Something in a site that a change to its settings would touch; each is accepted by its own flag.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum SettingsFlag {
    /// The site tells other addresses of a conductor.
    ReplaceHosts {
        /// The site.
        site: SiteId,
        /// What it tells.
        found: Vec<Box<str>>,
    },
    /// The site holds a token that this run did not put there.
    ReplaceToken {
        /// The site.
        site: SiteId,
        /// Whether it can be read.
        readable: bool,
    },
    /// The site has other routers, which would be told the same.
    OtherRouters {
        /// The site.
        site: SiteId,
        /// Them.
        macs: Vec<Mac>,
    },
    /// The site upgrades its routers by itself, so that one may restart while it is onboarded.
    AutoUpgrade {
        /// The site.
        site: SiteId,
    },
}

impl SettingsFlag {
    /// The site.
    #[must_use]
    pub const fn site(&self) -> SiteId {
        match self {
            Self::ReplaceHosts { site, .. }
            | Self::ReplaceToken { site, .. }
            | Self::OtherRouters { site, .. }
            | Self::AutoUpgrade { site } => *site,
        }
    }

    /// The flag on a command line, before the site.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ReplaceHosts { .. } => "--replace-hosts",
            Self::ReplaceToken { .. } => "--replace-token",
            Self::OtherRouters { .. } => "--accept-other-routers",
            Self::AutoUpgrade { .. } => "--accept-auto-upgrade",
        }
    }
}

impl fmt::Display for SettingsFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReplaceHosts { found, .. } => write!(f, "its conductor_hosts are {}", found.join(", ")),
            Self::ReplaceToken { readable: true, .. } => {
                f.write_str("it holds a token that this run did not make")
            }
            Self::ReplaceToken { readable: false, .. } => {
                f.write_str("it holds a token that is set, not readable")
            }
            Self::OtherRouters { macs, .. } => {
                write!(f, "it has {} other routers, which are told the same", macs.len())
            }
            Self::AutoUpgrade { .. } => f.write_str("its auto_upgrade is on"),
        }?;
        write!(f, "; `{} {}` accepts that", self.as_str(), self.site())
    }
}

/// What must be accepted before the settings of `site` are changed to `hosts` and a new token.
///
/// `ours` are the tokens that this run put there; `others` the routers of the site that are not of this plan.
#[must_use]
pub fn judge_settings(
    site: SiteId,
    found: &SsrState,
    hosts: &[ConductorHost],
    ours: &[TokenFingerprint],
    others: &[Mac],
) -> Vec<SettingsFlag> {
    let mut flags = Vec::new();
    if !found.conductor_hosts.is_empty() && !same_hosts(found, hosts) {
        flags.push(SettingsFlag::ReplaceHosts { site, found: found.conductor_hosts.clone() });
    }
    match found.token {
        TokenState::Absent => {}
        TokenState::Set(token) if ours.contains(&token) => {}
        TokenState::Set(_) => flags.push(SettingsFlag::ReplaceToken { site, readable: true }),
        TokenState::Masked if ours.is_empty() => {
            flags.push(SettingsFlag::ReplaceToken { site, readable: false })
        }
        // it is hidden, and this run put one there: nothing says that it is another
        TokenState::Masked => {}
    }
    if !others.is_empty() {
        flags.push(SettingsFlag::OtherRouters { site, macs: others.to_vec() });
    }
    if found.auto_upgrade {
        flags.push(SettingsFlag::AutoUpgrade { site });
    }
    flags
}

/// Whether a site's settings, read back, are what was written: the addresses, and the token as far as it can be read.
#[must_use]
pub fn settings_are_ours(found: &SsrState, hosts: &[ConductorHost], token: TokenFingerprint) -> bool {
    same_hosts(found, hosts) && found.token.is(token) != Some(false)
}

/// Whether the settings tell exactly these addresses, in this order.
pub(crate) fn same_hosts(found: &SsrState, hosts: &[ConductorHost]) -> bool {
    found.conductor_hosts.iter().map(|host| &**host).eq(hosts.iter().map(ConductorHost::as_str))
}
