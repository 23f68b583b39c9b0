//! A plan, carried out: begun, or gone on with.
//!
//! ```text
//! look at everything ─ flags? drift? cutoff? ─ release ─ for each wave: conductor ─ routers ─ all at a verdict
//! ```
//!
//! [`apply`] is the same for a run that begins and for one that goes on: it looks at what is, reads in the record what it
//! did itself, and does what is missing. When nothing is, it writes nothing.

mod budget;
mod check;
mod jobs;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ids::{Mac, SiteId};
use thiserror::Error;
use tokio::sync::Mutex;

use super::router::{Grounds, RunEnd, Stuck};
use super::sites::{Sites, holds, release};
use super::wave::{WaveOptions, WaveStop, Ways, change_conductor};
use super::{Entry, Happened, Keep, LookError, Record, RecordError, RestartDue, Stop, Verdict, Watch, World};
use crate::RouterName;
use crate::certificate::Certificate;
use crate::decide::{Health, SettingsFlag};
use crate::ek::AllowFormats;
use crate::plan::{Drift, Flag, Plan, PlannedRouter, Steps, Wave};
use crate::token::{Anchor, TokenFlag};

use turns::Turns;

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
    pub(super) fn settings(&self, flag: &SettingsFlag) -> bool {
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
    const fn is_bad(&self) -> bool {
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
    /// A router that is to be released is not in the plan.
    #[error("the plan has no steps for {router}, so there is nothing to release")]
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

/// Carries `plan` out, or goes on with it: `record` is that of a run of this plan, new or interrupted.
///
/// Nothing is written before everything was looked at, every flag is accepted, and no row has drifted. Onboarding tokens
/// are in `keep` before they are anywhere else. When `stop` is asked, calls in flight are finished, and what was done is in
/// the record. Dropped at any point, it can be gone on with.
///
/// # Errors
///
/// [`ApplyStop`]: nothing was begun, or the record is broken. What goes wrong with a router or a wave is in [`Applied`].
pub async fn apply(
    world: &World,
    plan: &Plan,
    record: &Record,
    keep: &dyn Keep,
    options: &ApplyOptions,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<Applied, ApplyStop> {
    if record.with_progress(|progress| progress.header.plan) != plan.hash() {
        return Err(ApplyStop::OtherPlan);
    }
    let checked = check::check(world, plan, record, options, watch).await?;
    if let (Some(_), Some(how)) = (&checked.restart_due, &options.restarted) {
        record.add(Entry::Restarted { how: how.clone() })?;
    }
    let grounds = Grounds {
        world,
        plan,
        record,
        keep,
        options,
        watch,
        stop,
        conductor: checked.conductor.as_deref(),
        version: checked.version,
        turn: Mutex::new(None),
    };
    let applied = tokio::select! {
        applied = Applying::new(&grounds, checked.drifted).run() => applied?,
        never = budget::tell_when_held(world, watch) => match never {},
    };
    let why = match &applied.stopped {
        None => "finished",
        Some(Stopped::Interrupted) => "interrupted",
        Some(_) => "stopped",
    };
    record.add(Entry::Ended { why: why.into() })?;
    Ok(applied)
}

/// Looks at everything that [`apply`] looks at before it writes, and writes nothing; the routers that would be left out, as
/// they drifted.
///
/// # Errors
///
/// [`ApplyStop`]: why nothing would be begun.
pub async fn check(
    world: &World,
    plan: &Plan,
    record: &Record,
    options: &ApplyOptions,
    watch: &dyn Watch,
) -> Result<BTreeSet<RouterName>, ApplyStop> {
    check::check(world, plan, record, options, watch).await.map(|checked| checked.drifted)
}

/// A run under way.
struct Applying<'a> {
    grounds: &'a Grounds<'a>,
    sites: Sites,
    ends: BTreeMap<RouterName, End>,
}

impl<'a> Applying<'a> {
    fn new(grounds: &'a Grounds<'a>, drifted: BTreeSet<RouterName>) -> Self {
        let mut sites = Sites::default();
        let ends = drifted.into_iter().map(|router| (router, End::Drifted)).collect();
        for (router, steps) in grounds.plan.steps() {
            if holds(router, &grounds.progress(&router.name)) {
                // of two that the record has in one site the first was there first
                let _ = sites.take(steps.site, &router.name);
            }
        }
        Self { grounds, sites, ends }
    }

    async fn run(mut self) -> Result<Applied, RecordError> {
        let stopped = match self.all().await {
            Ok(()) => None,
            Err(Halt::Stopped(stopped)) => Some(*stopped),
            Err(Halt::Run(RunEnd::Look(error))) => Some(Stopped::ShutOut(error)),
            Err(Halt::Run(RunEnd::Record(error))) => return Err(error),
        };
        for (router, _) in self.grounds.plan.steps() {
            self.ends.entry(router.name.clone()).or_insert(End::NotReached);
        }
        Ok(Applied { routers: self.ends, stopped })
    }

    async fn all(&mut self) -> Result<(), Halt> {
        self.release().await?;
        for (number, wave) in self.grounds.plan.waves().iter().enumerate() {
            self.may_begin()?;
            let rows = self.configure(number, wave).await?;
            self.turns(rows).await?;
            self.may_go_on_after(wave)?;
        }
        Ok(())
    }

    /// Takes the routers that were named from the sites that they hold.
    async fn release(&mut self) -> Result<(), Halt> {
        for (router, steps) in self.grounds.plan.steps() {
            if self.grounds.progress(&router.name).released.is_some() {
                self.ends.insert(router.name.clone(), End::Released);
                continue;
            }
            if !self.grounds.options.release.contains(&router.name) {
                continue;
            }
            match release(self.grounds, router, steps).await {
                Ok(()) => {
                    self.sites.free(steps.site, &router.name);
                    self.ends.insert(router.name.clone(), End::Released);
                }
                Err(Stuck::Failed { step, why }) => {
                    self.grounds.fail(&router.name, step, &why)?;
                    self.ends.insert(router.name.clone(), End::Failed(why));
                }
                Err(Stuck::Run(end)) => return Err(end.into()),
                Err(Stuck::Interrupted | Stuck::WaitingForDevice(_)) => {
                    return Err(Stopped::Interrupted.into());
                }
            }
        }
        Ok(())
    }

    /// Whether more may be begun.
    fn may_begin(&self) -> Result<(), Stopped> {
        if self.grounds.stop.is_asked() {
            return Err(Stopped::Interrupted);
        }
        let (failures, most) = (self.failures(), self.grounds.options.max_failures);
        if failures > most { Err(Stopped::TooManyFailures { failures, most }) } else { Ok(()) }
    }

    fn failures(&self) -> usize {
        self.ends.values().filter(|end| end.is_bad()).count()
    }

    fn may_go_on_after(&self, wave: &Wave) -> Result<(), Stopped> {
        self.may_begin()?;
        let is_in_doubt = |router: &&RouterName| {
            wave.canary
                && !self.ends.get(*router).is_some_and(|end| end.is_good() || matches!(end, End::Drifted))
        };
        match wave.routers.iter().find(is_in_doubt) {
            Some(router) => Err(Stopped::Canary { router: router.clone() }),
            None => Ok(()),
        }
    }

    /// The changes of a wave on the conductor; its routers that go on.
    async fn configure(
        &mut self,
        number: usize,
        wave: &Wave,
    ) -> Result<Vec<(&'a PlannedRouter, &'a Steps)>, Halt> {
        let rows = self.grounds.plan.steps().filter(|(router, _)| wave.routers.contains(&router.name));
        let rows: Vec<_> = rows.filter(|(router, _)| !self.ends.contains_key(&router.name)).collect();
        if rows.is_empty() {
            return Ok(rows);
        }
        if self.grounds.options.skip_conductor {
            self.begun(number, wave, &rows);
            return Ok(rows);
        }
        let options = WaveOptions {
            ways: self.grounds.options.ways,
            accept_legacy_cutoff: self.grounds.options.accept_legacy_cutoff,
            legacy_open: self.grounds.options.legacy_open.clone(),
            leave_out: self.ends.keys().cloned().collect(),
        };
        let Grounds { world, record, plan, watch, .. } = self.grounds;
        let done = match change_conductor(world, record, plan, number, &options, *watch).await {
            Ok(done) => done,
            Err(WaveStop::Record(error)) => return Err(RunEnd::Record(error).into()),
            Err(stop) => return Err(Stopped::Wave { wave: number, source: Box::new(stop) }.into()),
        };
        for (router, why) in done.taken_out {
            self.ends.entry(router).or_insert(End::Failed(why));
        }
        if let Some(due) = RestartDue::of(record, &done.running, self.grounds.conductor) {
            return Err(Stopped::Restart(due).into());
        }
        Ok(rows.into_iter().filter(|(router, _)| done.routers.contains(&router.name)).collect())
    }

    fn begun(&self, number: usize, wave: &Wave, rows: &[(&PlannedRouter, &Steps)]) {
        let routers = rows.iter().map(|(router, _)| router.name.clone()).collect();
        self.grounds.watch.happened(&Happened::WaveBegun { wave: number, canary: wave.canary, routers });
    }

    /// Brings the routers of a wave to their verdicts.
    async fn turns(&mut self, rows: Vec<(&'a PlannedRouter, &'a Steps)>) -> Result<(), Halt> {
        let most = self.grounds.options.max_failures.saturating_sub(self.failures());
        let mut turns = Turns::new(self.grounds, &mut self.sites, rows, most);
        let halted = turns.run().await;
        self.ends.append(&mut turns.ends);
        halted
    }
}

/// Why a run comes to its end before it is through.
enum Halt {
    Stopped(Box<Stopped>),
    Run(RunEnd),
}

impl From<Stopped> for Halt {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(Box::new(stopped))
    }
}

impl From<RunEnd> for Halt {
    fn from(end: RunEnd) -> Self {
        Self::Run(end)
    }
}

impl From<RecordError> for Halt {
    fn from(error: RecordError) -> Self {
        Self::Run(RunEnd::Record(error))
    }
}

/// Whether a router was verified by this run, as its record says.
fn was_verified(router: &PlannedRouter, verdicts: &BTreeMap<crate::NodeName, Health>) -> bool {
    let mut nodes = router.basis.nodes.keys();
    nodes.all(|node| verdicts.get(node).is_some_and(Health::is_verified))
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
