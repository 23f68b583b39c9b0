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
mod options;
mod outcome;
mod turns;

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use super::router::{Grounds, RunEnd, Stuck};
use super::sites::{Sites, holds, release};
use super::stop::hurry_when_asked;
use super::wave::{WaveOptions, WaveStop, change_conductor};
use super::{Entry, Happened, Keep, Record, RecordError, RestartDue, Stop, Watch, World};
use crate::RouterName;
use crate::decide::Health;
use crate::plan::{Plan, PlannedRouter, Steps, Wave};

pub use options::{Accepted, ApplyOptions, TokenTrust};
pub use outcome::{Applied, ApplyStop, End, Stopped};

use turns::Turns;

/// Carries `plan` out, or goes on with it: `record` is that of a run of this plan, new or interrupted.
///
/// Nothing is written before everything was looked at, every flag is accepted, and no row has drifted. Onboarding tokens
/// are in `keep` before they are anywhere else. When `stop` is asked, calls in flight are finished, and what was done is in
/// the record; nothing waits for a free call to Mist then. Dropped at any point, it can be gone on with.
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
    tokio::select! {
        applied = carry_out(world, plan, record, keep, options, watch, stop) => applied,
        never = budget::tell_when_held(world, watch) => match never {},
        never = hurry_when_asked(world, stop) => match never {},
    }
}

async fn carry_out(
    world: &World,
    plan: &Plan,
    record: &Record,
    keep: &dyn Keep,
    options: &ApplyOptions,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<Applied, ApplyStop> {
    let checked = tokio::select! {
        // being asked comes first: it also refuses the call that the check waits for
        biased;
        // it only reads
        () = stop.asked() => return Ok(nothing_reached(plan, record)?),
        checked = check::check(world, plan, record, options, watch) => checked?,
    };
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
        version: checked.version.as_ref(),
        turn: Mutex::new(None),
    };
    let applied = Applying::new(&grounds, checked.drifted).run().await?;
    let why = match &applied.stopped {
        None => "finished",
        Some(Stopped::Interrupted) => "interrupted",
        Some(_) => "stopped",
    };
    record.add(Entry::Ended { why: why.into() })?;
    Ok(applied)
}

/// What became of a run that was asked to stop before it began.
fn nothing_reached(plan: &Plan, record: &Record) -> Result<Applied, RecordError> {
    record.add(Entry::Ended { why: "interrupted".into() })?;
    let routers = plan.steps().map(|(router, _)| (router.name.clone(), End::NotReached)).collect();
    Ok(Applied { routers, stopped: Some(Stopped::Interrupted) })
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
                Err(Stuck::NotSent { .. }) if self.grounds.stop.is_asked() => {
                    return Err(Stopped::Interrupted.into());
                }
                Err(Stuck::Failed { step, why } | Stuck::NotSent { step, why }) => {
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
