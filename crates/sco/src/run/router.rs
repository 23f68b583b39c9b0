//! One router, from what runs on the conductor to its assignment, by the types of [`step`](crate::step).
//!
//! ```text
//! look ─ what is left? ─ Committed ─ token ─ Invited ─ settings ─ SiteReady ─ (unassign) ─ read again ─ Assignment ─ Assigned
//! ```
//!
//! Whatever a record says, the inventory is looked at first: a device that this run has assigned already is not assigned
//! again, and one that somebody else assigned stops the router.

mod assign;
mod left;
mod settings;
mod token;

use conductor::Version;
use ids::{Mac, Timestamp};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use left::Left;

use super::apply::ApplyOptions;
use super::sites::{Hold, unassign};
use super::{
    Failure, Happened, Keep, LookError, Record, RecordError, RouterEntry, RouterProgress, Stop, Watch,
    Watched, World,
};
use crate::RouterName;
use crate::observe::{Device, Inventory};
use crate::plan::{Plan, PlannedRouter, RouterOutcome, Steps};
use crate::step::{Assigned, Committed, StepError};

/// What every router of a run stands on.
pub(super) struct Grounds<'a> {
    pub(super) world: &'a World,
    pub(super) plan: &'a Plan,
    pub(super) record: &'a Record,
    pub(super) keep: &'a dyn Keep,
    pub(super) options: &'a ApplyOptions,
    pub(super) watch: &'a dyn Watch,
    pub(super) stop: &'a Stop,
    /// The conductor's name as a router.
    pub(super) conductor: Option<&'a str>,
    pub(super) version: Option<&'a Version>,
    /// When the next assignment may be sent; held while one is under way.
    pub(super) turn: Mutex<Option<Instant>>,
}

/// How far a router came.
pub(super) enum Reached<'p> {
    /// It was assigned by this run, now or before.
    Assigned(Assigned<'p>),
    /// It is at its site, and this run did not bring it there.
    AtSite,
    /// There was nothing to assign: what the plan changes on the conductor runs.
    Configured,
}

/// Why a router goes no further.
#[derive(Debug)]
pub(super) enum Stuck {
    /// It was asked to stop, at a point at which nothing is under way.
    Interrupted,
    /// Devices are not connected to Mist.
    WaitingForDevice(Vec<Mac>),
    /// Something is not proven.
    Failed { step: &'static str, why: Box<str> },
    /// A call to Mist was not sent: none was free for as long as it was waited for.
    NotSent { step: &'static str, why: Box<str> },
    /// The whole run goes no further.
    Run(RunEnd),
}

/// Why a whole run goes no further.
#[derive(Debug)]
pub(super) enum RunEnd {
    /// Mist or the conductor does not let this run in.
    Look(LookError),
    /// The record cannot be written.
    Record(RecordError),
}

impl From<RunEnd> for Stuck {
    fn from(end: RunEnd) -> Self {
        match end {
            // what one router cannot read another may: only a closed door is everybody's
            RunEnd::Look(error) if !is_closed(&error) => {
                let (step, why) = ("reading", format!("{}; `resume` looks again", chain(&error)).into());
                match error {
                    LookError::Mist { source, .. } if is_unsent(&source) => Self::NotSent { step, why },
                    _ => Self::Failed { step, why },
                }
            }
            end => Self::Run(end),
        }
    }
}

impl From<RecordError> for Stuck {
    fn from(error: RecordError) -> Self {
        Self::Run(RunEnd::Record(error))
    }
}

impl From<LookError> for Stuck {
    fn from(error: LookError) -> Self {
        RunEnd::Look(error).into()
    }
}

impl Stuck {
    pub(super) fn failed(step: &'static str, why: impl Into<Box<str>>) -> Self {
        Self::Failed { step, why: why.into() }
    }

    /// Mist did not do what was asked of it.
    fn mist(step: &'static str, problem: mist::Problem) -> Self {
        if is_closed_to_all(&problem) {
            return Self::Run(RunEnd::Look(LookError::Mist {
                what: "whether this may be done",
                source: problem,
            }));
        }
        let why = format!("{}; nothing more was done, and `resume` looks again", chain(&problem)).into();
        if is_unsent(&problem) { Self::NotSent { step, why } } else { Self::Failed { step, why } }
    }

    fn step(step: &'static str) -> impl Fn(StepError) -> Self {
        move |error| Self::Failed { step, why: error.to_string().into() }
    }
}

/// Whether nobody is let in any more: every router would find the same.
pub(super) fn is_closed(error: &LookError) -> bool {
    match error {
        LookError::Mist { source, .. } => is_closed_to_all(source),
        LookError::Conductor { source, .. } => source.status().is_some_and(|status| status.as_u16() == 401),
    }
}

/// Whether a call did not even leave.
fn is_unsent(problem: &mist::Problem) -> bool {
    matches!(problem, mist::Problem::OutOfBudget { .. })
}

fn is_closed_to_all(problem: &mist::Problem) -> bool {
    problem.status().is_some_and(|status| status.as_u16() == 401)
}

impl Grounds<'_> {
    pub(super) fn note(&self, router: &RouterName, entry: RouterEntry) -> Result<(), Stuck> {
        Ok(self.record.router(router, entry)?)
    }

    pub(super) fn progress(&self, router: &RouterName) -> RouterProgress {
        self.record.with_progress(|progress| progress.router(router))
    }

    /// The nodes of a router, as they are looked at.
    pub(super) fn watched(&self, router: &PlannedRouter) -> Vec<Watched> {
        watched(router)
    }

    /// Writes down and tells that a router stopped.
    pub(super) fn fail(&self, router: &RouterName, step: &str, why: &str) -> Result<(), RunEnd> {
        let failure = Failure { step: step.into(), why: why.into() };
        self.record.router(router, RouterEntry::Failed(failure)).map_err(RunEnd::Record)?;
        self.watch.happened(&Happened::Failed { router: router.clone(), why: why.into() });
        Ok(())
    }

    fn go_on(&self) -> Result<(), Stuck> {
        if self.stop.is_asked() { Err(Stuck::Interrupted) } else { Ok(()) }
    }

    /// Takes `router` as far as it comes. Its site is in its hand.
    pub(super) async fn onboard<'p>(
        &self,
        router: &'p PlannedRouter,
        hold: Option<&Hold>,
    ) -> Result<Reached<'p>, Stuck> {
        let RouterOutcome::Onboard(steps) = &router.outcome else {
            return Err(Stuck::step("plan")(StepError::NoSteps));
        };
        self.go_on()?;
        let running = self.world.running().await?;
        let committed = Committed::prove(router, &running).map_err(Stuck::step("conductor"))?;
        drop(committed);
        if steps.assign.is_empty() {
            return Ok(Reached::Configured);
        }
        let progress = self.progress(&router.name);
        let inventory = self.settled(steps, &progress).await?;
        let again = self.options.assign_again.contains(&router.name);
        let left = match Left::of(&router.name, steps, &progress, &inventory, again) {
            Left::TakenAway(why) | Left::InDoubt(why) => return Err(Stuck::failed("assignment", why)),
            Left::Assigned(at) => return self.found_assigned(router, steps, &progress, &inventory, at),
            Left::AtSite => return Ok(Reached::AtSite),
            Left::ToDo(left) => left,
        };
        // one that was through needs its site no more, and somebody took it away since
        let hold = hold.filter(|hold| hold.is_of(steps.site)).ok_or_else(|| {
            Stuck::failed(
                "assignment",
                "somebody took it from its site after it was onboarded; find out who, then plan again",
            )
        })?;
        self.check_devices(router, &left, &inventory).await?;
        // the same router with what is left of its steps: what this run assigned already is not assigned again
        let rest =
            PlannedRouter { outcome: RouterOutcome::Onboard(Box::new(left.clone())), ..router.clone() };
        let at = self.invite_and_assign(&rest, &left, &running, hold).await?;
        let inventory = self.world.devices(&steps.assign).await?;
        let assigned = Assigned::recorded(router, &inventory, at).map_err(Stuck::step("assignment"))?;
        self.watch.happened(&Happened::Assigned { router: router.name.clone(), site: steps.site });
        Ok(Reached::Assigned(assigned))
    }

    /// The inventory, once an assignment whose answer was lost has had its time: it may still be under way in Mist.
    async fn settled(&self, steps: &Steps, progress: &RouterProgress) -> Result<Inventory, Stuck> {
        let at_site = |device: &Device| device.site == Some(steps.site);
        let last = Instant::now() + self.world.pace.assigned;
        loop {
            let inventory = self.world.devices(&steps.assign).await?;
            let Some(assigning) = &progress.assigning else { return Ok(inventory) };
            let is_there = |mac: &Mac| inventory.device(*mac).is_some_and(at_site);
            let over = Timestamp::now().since(assigning.at) >= self.world.pace.assigned;
            if assigning.macs.iter().all(is_there) || over || Instant::now() >= last {
                return Ok(inventory);
            }
            tokio::select! {
                () = sleep(self.world.pace.poll / 4) => {}
                () = self.stop.asked() => return Err(Stuck::Interrupted),
            }
        }
    }

    /// A router that this run assigned before it was interrupted.
    fn found_assigned<'p>(
        &self,
        router: &'p PlannedRouter,
        steps: &Steps,
        progress: &RouterProgress,
        inventory: &Inventory,
        at: Timestamp,
    ) -> Result<Reached<'p>, Stuck> {
        let assigned = Assigned::recorded(router, inventory, at).map_err(Stuck::step("assignment"))?;
        if let Some(assigning) = &progress.assigning {
            self.note(&router.name, RouterEntry::Assigned(assigning.clone()))?;
            self.watch.happened(&Happened::Assigned { router: router.name.clone(), site: steps.site });
        }
        Ok(Reached::Assigned(assigned))
    }

    /// Nothing is made for a device that is not there, and a router that is connected is not onboarded once more.
    async fn check_devices(
        &self,
        router: &PlannedRouter,
        left: &Steps,
        inventory: &Inventory,
    ) -> Result<(), Stuck> {
        let away = |mac: &Mac| inventory.device(*mac).is_some_and(|device| device.connected != Some(true));
        let away: Vec<Mac> = left.assign.iter().copied().filter(away).collect();
        if !away.is_empty() && !self.options.allow_offline {
            return Err(Stuck::WaitingForDevice(away));
        }
        let (assets, _) = self.world.assets().await?;
        let nodes = router.basis.nodes.values().filter(|node| left.assign.contains(&node.mac));
        for asset_id in nodes.filter_map(|node| node.wanted_asset_id.as_ref()) {
            let Some(asset) = assets.get(asset_id).filter(|asset| asset.status.may_be_connected()) else {
                continue;
            };
            let why = format!(
                "`{asset_id}` is {} on the conductor and not assigned by this run; assigning would onboard a live router once \
                 more, so do that by hand in a change window",
                asset.status
            );
            return Err(Stuck::failed("assignment", why));
        }
        Ok(())
    }

    /// The steps themselves; when the request was sent.
    async fn invite_and_assign(
        &self,
        rest: &PlannedRouter,
        left: &Steps,
        running: &crate::config::Configuration,
        hold: &Hold,
    ) -> Result<Timestamp, Stuck> {
        self.go_on()?;
        let committed = Committed::prove(rest, running).map_err(Stuck::step("conductor"))?;
        let invited = self.invite(committed, left).await?;
        self.go_on()?;
        let ready = self.tell_site(invited, &rest.name, left, hold).await?;
        if !left.unassign.is_empty() {
            self.go_on()?;
            unassign(self, rest, &left.unassign).await?;
        }
        self.assign(ready, &rest.name, left).await
    }
}

/// The nodes of a router, as they are looked at.
pub(super) fn watched(router: &PlannedRouter) -> Vec<Watched> {
    let nodes = router.basis.nodes.iter().filter_map(|(node, basis)| {
        let asset_id = basis.wanted_asset_id.clone()?;
        Some(Watched { router: router.name.clone(), node: node.clone(), asset_id, mac: basis.mac })
    });
    nodes.collect()
}

/// Devices that were looked at until something is true of them.
pub(super) struct Looked {
    /// Those of which it is not.
    pub(super) left: Vec<Mac>,
    pub(super) inventory: Inventory,
}

/// Reads the inventory until `is_so` of each of `macs`, some times: an answer may be ahead of what can be read.
pub(super) async fn look_until(
    grounds: &Grounds<'_>,
    macs: &[Mac],
    is_so: impl Fn(&Device) -> bool,
) -> Result<Looked, Stuck> {
    let mut looks = 1;
    loop {
        let looked = grounds.world.devices(macs).await;
        let error = match looked {
            Ok(inventory) => {
                let is_not = |mac: &Mac| !inventory.device(*mac).is_some_and(&is_so);
                let left: Vec<Mac> = macs.iter().copied().filter(is_not).collect();
                if left.is_empty() || looks >= LOOKS {
                    return Ok(Looked { left, inventory });
                }
                None
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error
            && (looks >= LOOKS || !error.retry_helps() || grounds.stop.is_asked())
        {
            return Err(error.into());
        }
        looks += 1;
        sleep(grounds.world.pace.poll / 4).await;
    }
}

/// An error and its causes on one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Why Mist refused devices.
pub(super) fn reasons(outcome: &mist::inventory::Outcome) -> String {
    let reasons: Vec<&str> = outcome.refused.iter().filter_map(|refused| refused.reason.as_deref()).collect();
    if reasons.is_empty() {
        "it does not say why".to_owned()
    } else {
        crate::names::shown(&reasons.join(", ")).into()
    }
}

/// How often is looked for what was done.
const LOOKS: u32 = 4;
