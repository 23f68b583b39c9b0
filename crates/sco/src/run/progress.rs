//! What happens in a run, for whoever shows it.

use std::fmt;
use std::time::Duration;

use ids::{Mac, SiteId, Timestamp};
use serde::Serialize;

use crate::config::ConfigPath;
use crate::decide::Health;
use crate::token::TokenFingerprint;
use crate::{NodeName, RouterName};

/// Whoever shows what happens. It is told from several tasks, and must not take long.
pub trait Watch: Send + Sync {
    /// Something happened.
    fn happened(&self, what: &Happened);
}

/// For those who show nothing.
impl Watch for () {
    fn happened(&self, _: &Happened) {}
}

/// Something that happened; `Display` is one line for a person, and the JSON is for a machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[non_exhaustive]
pub enum Happened {
    /// A wave begins, counted from 0.
    WaveBegun {
        /// Which.
        wave: usize,
        /// Whether it must be well before the others begin.
        canary: bool,
        /// Its routers.
        routers: Vec<RouterName>,
    },
    /// A wave finds its own changes in the candidate, left by what was interrupted.
    WaveContinued {
        /// Which.
        wave: usize,
        /// How many values are still missing there.
        missing: usize,
    },
    /// Changes were written into the candidate.
    Patched {
        /// The wave.
        wave: usize,
        /// The router they are of.
        router: RouterName,
    },
    /// The conductor validates.
    Validating {
        /// The wave.
        wave: usize,
    },
    /// A router is taken out of its wave.
    TakenOut {
        /// The wave.
        wave: usize,
        /// The router.
        router: RouterName,
        /// Why.
        why: Box<str>,
    },
    /// The conductor commits.
    Committing {
        /// The wave.
        wave: usize,
    },
    /// A commit was not answered, or not clearly; the running configuration is read until it shows it, or until then.
    CommitUnanswered {
        /// The wave.
        wave: usize,
        /// How long at most.
        #[serde(with = "crate::seconds")]
        within: Duration,
    },
    /// A wave is committed.
    WaveCommitted {
        /// Which.
        wave: usize,
        /// Its routers.
        routers: Vec<RouterName>,
        /// What somebody else changed, that was committed together with it.
        foreign: Vec<ConfigPath>,
    },
    /// The candidate is the running configuration again; all that was in it was ours.
    Reverted {
        /// The wave.
        wave: usize,
    },
    /// A wave stopped.
    WaveStopped {
        /// Which.
        wave: usize,
        /// Why, and what to do.
        why: Box<str>,
    },
    /// Somebody must enter commands at the conductor.
    ForPerson {
        /// The wave.
        wave: usize,
        /// Them.
        lines: Vec<Box<str>>,
    },
    /// A router waits behind others of its site.
    Queued {
        /// The router.
        router: RouterName,
        /// The site.
        site: SiteId,
        /// How many are before it.
        before: usize,
    },
    /// An onboarding token was made.
    TokenMade {
        /// The router.
        router: RouterName,
        /// What identifies it.
        token: TokenFingerprint,
        /// Until when it is taken.
        expires: Option<Timestamp>,
    },
    /// The settings of a site tell a router its token.
    SettingsWritten {
        /// The router.
        router: RouterName,
        /// The site.
        site: SiteId,
    },
    /// Devices were taken from their site.
    Unassigned {
        /// The router.
        router: RouterName,
        /// Them.
        macs: Vec<Mac>,
    },
    /// A router was assigned: its onboarding began.
    Assigned {
        /// The router.
        router: RouterName,
        /// The site.
        site: SiteId,
    },
    /// A node was looked at.
    Seen {
        /// The router.
        router: RouterName,
        /// The node.
        node: NodeName,
        /// How it is.
        health: Health,
    },
    /// A router is finished, well or not.
    Finished {
        /// The router.
        router: RouterName,
        /// How its nodes are.
        nodes: Vec<(NodeName, Health)>,
    },
    /// A router stopped.
    Failed {
        /// The router.
        router: RouterName,
        /// What happened, and what to do.
        why: Box<str>,
    },
    /// A router does not hold its site any more.
    Released {
        /// The router.
        router: RouterName,
        /// The site.
        site: SiteId,
    },
    /// What became of the token in the settings of a site.
    Cleaned {
        /// The site.
        site: SiteId,
        /// What.
        outcome: Box<str>,
    },
    /// The run waits for something.
    Waiting {
        /// What for.
        what: Box<str>,
        /// How long at most.
        #[serde(with = "crate::seconds")]
        at_most: Duration,
    },
    /// Something that a person should know.
    Warning {
        /// What.
        text: Box<str>,
    },
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaveBegun { wave, canary, routers } => {
                let canary = if *canary { ", the canary" } else { "" };
                write!(f, "wave {}{canary}: {} routers", wave + 1, routers.len())
            }
            Self::WaveContinued { wave, missing: 0 } => {
                write!(f, "wave {}: its changes are in the candidate already", wave + 1)
            }
            Self::WaveContinued { wave, missing } => {
                write!(
                    f,
                    "wave {}: a part of its changes is in the candidate, {missing} are missing",
                    wave + 1
                )
            }
            Self::Patched { router, .. } => write!(f, "{router}: written into the candidate"),
            Self::Validating { wave } => write!(f, "wave {}: the conductor validates", wave + 1),
            Self::TakenOut { wave, router, why } => {
                write!(f, "{router}: taken out of wave {}: {why}", wave + 1)
            }
            Self::Committing { wave } => write!(f, "wave {}: the conductor commits", wave + 1),
            Self::CommitUnanswered { wave, within } => write!(
                f,
                "wave {}: no clear answer to the commit; reading what runs for up to {} s",
                wave + 1,
                within.as_secs()
            ),
            Self::WaveCommitted { wave, routers, foreign } if foreign.is_empty() => {
                write!(f, "wave {}: {} routers committed", wave + 1, routers.len())
            }
            Self::WaveCommitted { wave, routers, foreign } => write!(
                f,
                "wave {}: {} routers committed, together with changes of somebody else at {}",
                wave + 1,
                routers.len(),
                foreign.iter().cloned().collect::<crate::config::Paths>()
            ),
            Self::Reverted { wave } => {
                write!(f, "wave {}: its changes were taken out of the candidate", wave + 1)
            }
            Self::WaveStopped { wave, why } => write!(f, "wave {} stopped: {why}", wave + 1),
            Self::ForPerson { wave, lines } => {
                write!(
                    f,
                    "wave {}: enter these at the conductor, then `resume`: {}",
                    wave + 1,
                    lines.join("; ")
                )
            }
            Self::Queued { router, site, before } => {
                write!(f, "{router}: waits behind {before} of site {site}")
            }
            Self::TokenMade { router, expires: Some(at), .. } => {
                write!(f, "{router}: token made, good until {at}")
            }
            Self::TokenMade { router, .. } => write!(f, "{router}: token made"),
            Self::SettingsWritten { router, site } => write!(f, "{router}: site {site} tells its token"),
            Self::Unassigned { router, macs } => write!(f, "{router}: {} unassigned", macs.len()),
            Self::Assigned { router, site } => write!(f, "{router}: assigned to site {site}"),
            Self::Seen { router, node, health } => write!(f, "{router} {node}: {health}"),
            Self::Finished { router, nodes } => {
                let nodes: Vec<String> =
                    nodes.iter().map(|(node, health)| format!("{node} {health}")).collect();
                write!(f, "{router}: finished, {}", nodes.join(", "))
            }
            Self::Failed { router, why } => write!(f, "{router}: stopped: {why}"),
            Self::Released { router, site } => write!(f, "{router}: does not hold site {site} any more"),
            Self::Cleaned { site, outcome } => write!(f, "token of site {site}: {outcome}"),
            Self::Waiting { what, at_most } => {
                write!(f, "waiting for {what}, at most {} s", at_most.as_secs())
            }
            Self::Warning { text } => f.write_str(text),
        }
    }
}
