//! Taking back what a run wrote: first shown, then done in the order unassign, settings, conductor.
//!
//! A value is touched only while it still is what the run wrote. What this takes back on the conductor is what
//! [`RollbackPlan::commands`] says, for a person to enter and commit: deleting by REST is not documented, and a shared
//! candidate with somebody else's changes is not for a program to clear.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Mac, SiteId};
use mist::ssr::{SsrSetting, write_setting};
use mist::{Scope, SecretText};
use serde::Serialize;
use thiserror::Error;

use super::router::{chain, reasons};
use super::stop::hurried;
use super::{
    Happened, LookError, Progress, Record, RecordError, RouterEntry, RouterProgress, Stop, Undo, ValueHash,
    Watch, World,
};
use crate::RouterName;
use crate::config::{Changes, ConfigPath};
use crate::decide::{Held, Rollback, RollbackStep, Written, WrittenSettings, WrittenValue, rollback};
use crate::observe::{Device, SsrState, TokenState};
use crate::plan::{Plan, Steps};

/// What would be taken back, router by router.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RollbackPlan {
    /// The routers for which the run wrote something.
    pub routers: Vec<RouterRollback>,
}

/// What would be taken back of one router.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RouterRollback {
    /// Its name.
    pub router: RouterName,
    /// Why it is left alone; none when it is not.
    pub left_alone: Option<Box<str>>,
    /// The devices that are taken from their site.
    pub unassign: Vec<Mac>,
    /// The site whose addresses become these again, and whose token is taken away.
    pub settings: Option<(SiteId, Vec<Box<str>>)>,
    /// The values on the conductor that become what they were, or are deleted.
    pub config: Vec<(ConfigPath, Option<String>)>,
    /// What holds another value than this run wrote, and stays.
    pub kept: Vec<Box<str>>,
}

impl RouterRollback {
    fn of(router: &RouterName, rollback: Rollback) -> Self {
        let mut own = Self {
            router: router.clone(),
            left_alone: None,
            unassign: Vec::new(),
            settings: None,
            config: Vec::new(),
            kept: Vec::new(),
        };
        let steps = match rollback {
            Rollback::Steps(steps) => steps,
            alone @ Rollback::LeftAlone { .. } => {
                own.left_alone = Some(alone.to_string().into());
                return own;
            }
        };
        for step in steps {
            match step {
                RollbackStep::Unassign { mac } => own.unassign.push(mac),
                RollbackStep::Settings { site, hosts } => own.settings = Some((site, hosts)),
                RollbackStep::Config { path, value } => own.config.push((path, value)),
                RollbackStep::Kept { what } => own.kept.push(what.into()),
            }
        }
        own
    }
}

impl RollbackPlan {
    /// Whether there is nothing to take back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let nothing = |router: &RouterRollback| {
            router.unassign.is_empty() && router.settings.is_none() && router.config.is_empty()
        };
        self.routers.iter().all(nothing)
    }

    /// What a person enters at the conductor, each on one line, and commits after a look at `compare config running
    /// candidate`.
    ///
    /// `delete` is a word of every container of the configuration, and asks before it deletes; that it may stand at the end
    /// of a path on one line is not documented.
    /// Source: Session Smart Router command line reference, `delete`.
    #[must_use]
    pub fn commands(&self) -> Vec<Box<str>> {
        let line = |(path, value): &(ConfigPath, Option<String>)| {
            let (field, place) = path.names().split_last()?;
            let place = place.join(" ");
            Some(match value {
                Some(value) => format!("configure {place} {field} {value}").into(),
                None => format!("configure {place} delete {field}").into(),
            })
        };
        self.routers.iter().flat_map(|router| &router.config).filter_map(line).collect()
    }
}

/// Why nothing, or nothing more, is taken back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// A router that was named is not of this run.
    #[error("the plan has no steps for {router}; nothing of it was written")]
    NoRouter {
        /// It.
        router: RouterName,
    },
    /// Something could not be read.
    #[error("the rollback cannot go on; called again it does what is left")]
    Look(#[from] LookError),
    /// The record cannot be written.
    #[error("the record of the run cannot be written, so nothing more is done")]
    Record(#[from] RecordError),
}

/// What became of a router's rollback.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RolledBack {
    /// What was the run's is taken back in Mist; on the conductor nothing was to be done.
    Done,
    /// The same, and a person has commands to enter at the conductor.
    ForPerson,
    /// It was left alone, and why.
    LeftAlone(Box<str>),
    /// Something was not taken back, and why.
    Failed(Box<str>),
    /// Its turn did not come.
    NotReached,
}

/// What would be taken back of the run of `record`; `force` are the routers that were named with `--force-router`.
///
/// # Errors
///
/// [`RollbackError`].
pub async fn plan_rollback(
    world: &World,
    plan: &Plan,
    record: &Record,
    force: &BTreeSet<RouterName>,
) -> Result<RollbackPlan, RollbackError> {
    if let Some(router) = force.iter().find(|name| !plan.steps().any(|(router, _)| router.name == **name)) {
        return Err(RollbackError::NoRouter { router: router.clone() });
    }
    let progress = record.progress();
    let running = world.running().await?;
    let macs: Vec<Mac> = plan.steps().flat_map(|(_, steps)| steps.assign.iter().copied()).collect();
    let inventory = world.devices(&macs).await?;
    let devices: Vec<Device> = inventory.iter().cloned().collect();
    let mut routers = Vec::new();
    for (router, steps) in plan.steps() {
        let own = progress.router(&router.name);
        let mut written = written(&progress, &own, steps);
        // what the routers are now counts too: one that came up since it was looked at last is not cut off
        let samples = world.samples(&super::router::watched(router), None).await?;
        if own.assigned.is_some() || own.assigning.is_some() {
            written.ever_completed |=
                samples.iter().any(|sample| sample.auth == crate::observe::AuthState::Completed);
            let connected = |sample: &crate::decide::Sample| {
                sample.asset.as_ref().is_some_and(crate::observe::AssetStatus::may_be_connected)
            };
            written.ever_connected |= samples.iter().any(connected);
        }
        if written.assigned.is_empty() && written.settings.is_none() && written.config.is_empty() {
            continue;
        }
        let settings = match &written.settings {
            Some(settings) => Some(SsrState::of(Some(&world.site_setting(settings.site).await?))),
            None => None,
        };
        let held = Held {
            devices: &devices,
            settings: settings.as_ref(),
            running: &running,
            force: force.contains(&router.name),
        };
        routers.push(RouterRollback::of(&router.name, rollback(&router.name, &written, &held)));
    }
    Ok(RollbackPlan { routers })
}

/// What the record says that the run wrote for a router.
fn written(progress: &Progress, own: &RouterProgress, steps: &Steps) -> Written {
    let assigning = [own.assigning.as_ref(), own.assigned.as_ref()];
    let assigned: BTreeSet<(Mac, SiteId)> = assigning
        .iter()
        .flatten()
        .flat_map(|assigning| assigning.macs.iter().map(|mac| (*mac, assigning.site)))
        .collect();
    let first = own.settings_first.as_ref();
    let settings = own.settings.as_ref().map(|settings| WrittenSettings {
        site: settings.site,
        hosts: settings.hosts.clone(),
        hosts_before: hosts_before(progress, first.unwrap_or(settings)),
        token: settings.token,
    });
    let changes = Changes::of(&steps.changes);
    let intended: BTreeMap<&ConfigPath, _> =
        progress.intended().map(|(_, intended)| (&intended.path, intended)).collect();
    let value = |(path, value): (&ConfigPath, &str)| {
        let intended = intended.get(path)?;
        let is_ours = intended.sha256 == ValueHash::of(value.as_bytes());
        let before = intended.before.as_deref().map(str::to_owned);
        (is_ours && before.as_deref() != Some(value)).then(|| WrittenValue {
            path: path.clone(),
            value: value.to_owned(),
            before,
        })
    };
    Written {
        assigned: assigned.into_iter().collect(),
        settings,
        config: changes.iter().filter_map(value).collect(),
        ever_completed: own.ever_completed,
        ever_connected: own.ever_connected,
    }
}

/// The addresses of a site before the first router of this run changed them.
fn hosts_before(progress: &Progress, settings: &super::SettingsNote) -> Vec<Box<str>> {
    let of_site = progress.routers.values().filter_map(|router| router.settings_first.as_ref());
    let ours: BTreeSet<_> =
        progress.routers.values().flat_map(|router| router.tokens.iter().copied()).collect();
    let is_first = |note: &&super::SettingsNote| {
        note.site == settings.site
            && !matches!(note.then.token, super::TokenThen::Set(token) if ours.contains(&token))
    };
    of_site.into_iter().find(is_first).unwrap_or(settings).then.hosts.clone()
}

/// Takes back what `rollback` shows, in its order: all assignments, then settings. Every value is read once more first.
///
/// # Errors
///
/// [`RollbackError`]; what goes wrong with a router is in what became of it.
pub async fn roll_back(
    world: &World,
    record: &Record,
    rollback: &RollbackPlan,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<BTreeMap<RouterName, RolledBack>, RollbackError> {
    hurried(world, stop, take_back(world, record, rollback, watch, stop)).await
}

async fn take_back(
    world: &World,
    record: &Record,
    rollback: &RollbackPlan,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<BTreeMap<RouterName, RolledBack>, RollbackError> {
    let back = Back { world, record, watch };
    let mut done = BTreeMap::new();
    for own in &rollback.routers {
        let outcome = match &own.left_alone {
            Some(why) => RolledBack::LeftAlone(why.clone()),
            None if stop.is_asked() => RolledBack::NotReached,
            None => back.unassign(own).await?,
        };
        done.insert(own.router.clone(), outcome);
    }
    for own in &rollback.routers {
        if done.get(&own.router) != Some(&RolledBack::Done) {
            continue;
        }
        let outcome = if stop.is_asked() { RolledBack::NotReached } else { back.settings(own).await? };
        let outcome = match outcome {
            RolledBack::Done if !own.config.is_empty() => RolledBack::ForPerson,
            outcome => outcome,
        };
        done.insert(own.router.clone(), outcome);
    }
    let lines = rollback.commands();
    if !lines.is_empty() {
        let text =
            format!("enter these at the conductor, look at the candidate, and commit: {}", lines.join("; "));
        watch.happened(&Happened::Warning { text: text.into() });
    }
    Ok(done)
}

struct Back<'a> {
    world: &'a World,
    record: &'a Record,
    watch: &'a dyn Watch,
}

impl Back<'_> {
    async fn unassign(&self, own: &RouterRollback) -> Result<RolledBack, RollbackError> {
        let sites = self.record.with_progress(|progress| {
            let own = progress.router(&own.router);
            own.assigning.or(own.assigned).map(|assigning| assigning.site)
        });
        let inventory = self.world.devices(&own.unassign).await?;
        let there = |mac: &Mac| {
            inventory.device(*mac).is_some_and(|device| device.site.is_some() && device.site == sites)
        };
        let macs: Vec<Mac> = own.unassign.iter().copied().filter(there).collect();
        if macs.is_empty() {
            return Ok(RolledBack::Done);
        }
        let undo = Undo::Assignment { macs: macs.clone() };
        self.record.router(&own.router, RouterEntry::Undoing(undo.clone()))?;
        let sent = self.world.mist.send(&mist::inventory::unassign(self.world.org, &macs)).await;
        let inventory = self.world.devices(&macs).await?;
        let left: Vec<String> = macs
            .iter()
            .filter(|mac| inventory.device(**mac).is_none_or(|device| device.site.is_some()))
            .map(ToString::to_string)
            .collect();
        if !left.is_empty() {
            let why = match sent {
                Ok(outcome) => reasons(&outcome),
                Err(problem) => chain(&problem),
            };
            return Ok(RolledBack::Failed(
                format!("Mist did not unassign {} ({why}); its settings stay", left.join(", ")).into(),
            ));
        }
        self.record.router(&own.router, RouterEntry::Undone(undo))?;
        self.watch.happened(&Happened::Unassigned { router: own.router.clone(), macs });
        Ok(RolledBack::Done)
    }

    async fn settings(&self, own: &RouterRollback) -> Result<RolledBack, RollbackError> {
        let Some((site, hosts)) = &own.settings else { return Ok(RolledBack::Done) };
        let found = self.world.site_setting(*site).await?;
        let state = SsrState::of(Some(&found));
        let note = self.record.with_progress(|progress| progress.router(&own.router).settings);
        let is_ours = |note: &super::SettingsNote| {
            state.token.is(note.token) == Some(true) && crate::decide::same_hosts(&state, &note.hosts)
        };
        if !note.as_ref().is_some_and(is_ours) {
            let why = format!("the settings of site {site} are not what this run wrote any more; they stay");
            return Ok(RolledBack::Failed(why.into()));
        }
        let undo = Undo::Settings { site: *site };
        self.record.router(&own.router, RouterEntry::Undoing(undo.clone()))?;
        let mut ssr = SsrSetting {
            conductor_hosts: hosts.iter().map(ToString::to_string).collect(),
            conductor_token: None,
            extra: found.extra,
        };
        for empty in [false, true] {
            if empty {
                ssr.conductor_token = Some(SecretText::new(""));
            }
            let sent = self.world.mist.send(&write_setting(Scope::Site(*site), &ssr)).await;
            let read_back = SsrState::of(Some(&self.world.site_setting(*site).await?));
            if read_back.conductor_hosts == *hosts && read_back.token == TokenState::Absent {
                self.record.router(&own.router, RouterEntry::Undone(undo))?;
                let outcome = "removed, and the addresses are as they were".into();
                self.watch.happened(&Happened::Cleaned { site: *site, outcome });
                return Ok(RolledBack::Done);
            }
            if let Err(problem) = sent {
                return Ok(RolledBack::Failed(
                    format!("the settings of site {site}: {}", chain(&problem)).into(),
                ));
            }
        }
        Ok(RolledBack::Failed(
            format!("the token of site {site} is still there; take it away in Mist").into(),
        ))
    }
}
