//! What becomes of a run, and why it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ids::{Mac, SiteId};
use thiserror::Error;

use crate::RouterName;
use crate::plan::{Drift, Flag};
use crate::run::wave::WaveStop;
use crate::run::{LookError, RecordError, RestartDue, Verdict};

/// What became of a run.
#[derive(Debug)]
pub struct Applied {
    /// What became of each router that has steps.
    pub routers: BTreeMap<RouterName, End>,
    /// Why not everything was begun; none when it was.
    pub stopped: Option<Stopped>,
}

impl Applied {
    /// Whether every router is where the plan wants it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stopped.is_none() && self.routers.values().all(End::is_good)
    }
}

/// What became of a router.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum End {
    /// It is onboarded beyond doubt.
    Verified,
    /// It was there, and well, before this run did anything to it.
    AlreadyThere,
    /// There was nothing to assign: what the plan changes on the conductor runs.
    Configured,
    /// It was assigned, and is not verified: these are its nodes.
    NotVerified(Verdict),
    /// Devices are not connected to Mist: no token was made, no site is held.
    WaitingForDevice(Vec<Mac>),
    /// It waits for a site that another router holds; `--release` takes that one away.
    Blocked {
        /// The site.
        site: SiteId,
        /// Who holds it.
        by: RouterName,
    },
    /// It stopped.
    Failed(Box<str>),
    /// It was taken from its site on demand.
    Released,
    /// It is not as the plan found it, and was left out.
    Drifted,
    /// Its turn did not come.
    NotReached,
}

impl End {
    /// Whether it is where the plan wants it.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Verified | Self::AlreadyThere | Self::Configured)
    }

    /// Whether it counts against `--max-failures`.
    pub(super) const fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::NotVerified(_))
    }
}

/// Why not everything was begun.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Stopped {
    /// It was asked to.
    #[error("interrupted; nothing is under way, and `resume` goes on")]
    Interrupted,
    /// Too many routers failed or were not verified.
    #[error(
        "{failures} routers failed or are not verified, and --max-failures is {most}; look at them, then `resume`"
    )]
    TooManyFailures {
        /// How many.
        failures: usize,
        /// How many were allowed.
        most: usize,
    },
    /// A canary is not verified.
    #[error(
        "the canary {router} is not verified, so that no other router is begun; look at it, then `resume`"
    )]
    Canary {
        /// It.
        router: RouterName,
    },
    /// A wave goes no further.
    #[error("wave {}", wave + 1)]
    Wave {
        /// Which, counted from 0.
        wave: usize,
        /// Why.
        source: Box<WaveStop>,
    },
    /// The first mode runs, and is not in effect.
    #[error("{0}")]
    Restart(RestartDue),
    /// Nobody is let in any more.
    #[error("the run was shut out; mend that, then `resume`")]
    ShutOut(#[source] LookError),
}

/// Why nothing was begun.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApplyStop {
    /// The record is of another plan.
    #[error("the record of this run is not of this plan; take the plan in the folder of the run")]
    OtherPlan,
    /// Something must be accepted first.
    #[error("not accepted: {}", list(flags))]
    Flags {
        /// What.
        flags: BTreeSet<Flag>,
    },
    /// Rows are not as the plan found them.
    #[error("{} routers are not as the plan found them; plan again, or `--skip-drifted` for the others: {}", drift.len(), drifted(drift))]
    Drift {
        /// Them.
        drift: Vec<Drift>,
    },
    /// The clocks here and on the conductor are too far apart.
    #[error(
        "the conductor's clock is {} s {} this machine's, and tokens are judged by it; set both by NTP, then begin again",
        skew.as_secs(),
        if *ahead { "ahead of" } else { "behind" }
    )]
    Clock {
        /// How far.
        skew: Duration,
        /// Whether the conductor's is ahead.
        ahead: bool,
    },
    /// The first mode runs since this run was here last, and it is not known to be in effect.
    #[error("{0}")]
    Restart(RestartDue),
    /// A router that was named, to be released or assigned again, is not in the plan.
    #[error("the plan has no steps for {router}, so there is nothing to release or to assign again")]
    NoRouter {
        /// It.
        router: RouterName,
    },
    /// Something could not be read.
    #[error("nothing was begun")]
    Look(#[from] LookError),
    /// The record cannot be written.
    #[error("the record of the run cannot be written, so nothing more is done")]
    Record(#[from] RecordError),
}

fn list(flags: &BTreeSet<Flag>) -> String {
    flags.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn drifted(drift: &[Drift]) -> String {
    let one = |drift: &Drift| {
        let items: Vec<String> = drift.items.iter().map(ToString::to_string).collect();
        format!("{} ({})", drift.router, items.join(", "))
    };
    let shown: Vec<String> = drift.iter().take(MOST_SHOWN).map(one).collect();
    let more = drift.len().saturating_sub(MOST_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

const MOST_SHOWN: usize = 5;
