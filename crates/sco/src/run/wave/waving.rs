//! One wave, from what is there to what runs.

mod candidate;
mod committing;
mod writing;

use std::collections::BTreeMap;

use conductor::Finding;
use ids::Timestamp;

use candidate::Compared;

use super::fit::Fit;
use super::{By, WaveDone, WaveOptions, WaveStop};
use crate::config::{Change, Changes, Configuration, Difference, Routers, missing};
use crate::decide::LegacyCutoff;
use crate::observe::Asset;
use crate::plan::{Plan, PlannedRouter, Steps, Wave, routers_named};
use crate::run::{
    CommittedBy, Failure, FirstMode, Happened, Record, RouterEntry, ValueHash, Watch, WaveEntry, World,
};
use crate::{AssetId, Mode, RouterName};

/// A router of the wave with its steps.
type Row<'a> = (&'a PlannedRouter, &'a Steps);

/// A wave that is worked on.
pub(super) struct Waving<'a> {
    world: &'a World,
    record: &'a Record,
    plan: &'a Plan,
    number: usize,
    wave: &'a Wave,
    options: &'a WaveOptions,
    watch: &'a dyn Watch,
    /// What ran when this began to look.
    first: Option<Configuration>,
}

/// Both configurations of the conductor, read one after the other.
struct Stores {
    running: Configuration,
    candidate: Configuration,
}

/// What comes after a step.
enum Next {
    /// All of it once more, with the routers that are left.
    Again,
    /// The wave is done.
    Done(WaveDone),
}

impl<'a> Waving<'a> {
    pub(super) fn new(
        world: &'a World,
        record: &'a Record,
        plan: &'a Plan,
        number: usize,
        options: &'a WaveOptions,
        watch: &'a dyn Watch,
    ) -> Result<Self, WaveStop> {
        let wave = plan.waves().get(number).ok_or(WaveStop::OtherPlan)?;
        if record.with_progress(|progress| progress.header.plan) != plan.hash() {
            return Err(WaveStop::OtherPlan);
        }
        Ok(Self { world, record, plan, number, wave, options, watch, first: None })
    }

    pub(super) async fn run(mut self) -> Result<WaveDone, WaveStop> {
        let (wave, canary, routers) = (self.number, self.wave.canary, self.wave.routers.clone());
        self.watch.happened(&Happened::WaveBegun { wave, canary, routers });
        let stop = match self.carry_out().await {
            Ok(done) => return Ok(done),
            Err(stop @ (WaveStop::Record(_) | WaveStop::OtherPlan)) => return Err(stop),
            Err(stop) => stop,
        };
        if stop.reverts() {
            // what cannot be taken out now is found again by whoever resumes
            if let Err(problem) = self.revert().await {
                let text = format!("wave {}: its changes are still in the candidate: {problem}", wave + 1);
                self.watch.happened(&Happened::Warning { text: text.into() });
            }
        }
        if let WaveStop::ForPerson { lines } = &stop {
            self.watch.happened(&Happened::ForPerson { wave, lines: lines.clone() });
            return Err(stop);
        }
        let why: Box<str> = chain(&stop).into();
        self.record.wave(wave, WaveEntry::Stopped { why: why.clone() })?;
        self.watch.happened(&Happened::WaveStopped { wave, why });
        Err(stop)
    }

    async fn carry_out(&mut self) -> Result<WaveDone, WaveStop> {
        // a wave that is done writes nothing, so that it waits for no other: the one whose commit is open comes behind it
        if let Some(done) = self.done_before().await? {
            return Ok(done);
        }
        self.only_one_commit()?;
        self.settle_commit().await?;
        // a turn that is not the last takes out at least one router
        for _ in 0..=self.wave.routers.len() {
            if let Next::Done(done) = self.turn().await? {
                return Ok(done);
            }
        }
        Err(WaveStop::Findings { findings: Vec::new() })
    }

    /// A wave that was committed is never written again, also where its values do not run any more: somebody changed them.
    async fn done_before(&self) -> Result<Option<WaveDone>, WaveStop> {
        let Some(by) = self.record.with_progress(|progress| progress.wave(self.number).committed) else {
            return Ok(None);
        };
        let (rows, running) = (self.rows(), self.world.running().await?);
        self.done(&rows, &changes_of(&rows), running, by).map(Some)
    }

    async fn turn(&mut self) -> Result<Next, WaveStop> {
        let (assets, _) = self.world.assets().await?;
        let stores = self.read().await?;
        self.take_out_unfit(&stores, &assets)?;
        let rows = self.rows();
        let changes = changes_of(&rows);
        if missing(&stores.running, &changes).is_empty() {
            return self.done(&rows, &changes, stores.running, self.found_by()).map(Next::Done);
        }
        let stores = self.own_candidate(stores, &changes).await?;
        let cutoff = self.check_cutoff(&rows, &stores.running, &assets)?;
        self.intend(&changes, &stores.running)?;
        self.note_first_mode(cutoff)?;
        self.write(&rows, &stores.candidate).await?;
        match self.compare(&changes).await? {
            Compared::Committed(running) => {
                return self.done(&rows, &changes, running, self.found_by()).map(Next::Done);
            }
            Compared::Ours(_) => {}
        }
        let findings = self.validate().await?;
        if !findings.is_empty() {
            self.take_out_named(&rows, findings).await?;
            return Ok(Next::Again);
        }
        self.commit(&rows, &changes).await
    }

    /// The routers that are part of it.
    fn rows(&self) -> Vec<Row<'a>> {
        let taken_out = self.record.with_progress(|progress| progress.wave(self.number).taken_out);
        let is_in = |name: &RouterName| {
            self.wave.routers.contains(name)
                && !taken_out.contains_key(name)
                && !self.options.leave_out.contains(name)
        };
        self.plan.steps().filter(|(router, _)| is_in(&router.name)).collect()
    }

    async fn read(&mut self) -> Result<Stores, WaveStop> {
        let stores =
            Stores { running: self.world.running().await?, candidate: self.world.candidate().await? };
        self.first.get_or_insert_with(|| stores.running.clone());
        Ok(stores)
    }

    /// Everything that this run has ever announced, in any wave: nothing else in the candidate is its own.
    fn recorded(&self) -> Changes {
        let planned = Changes::of(self.plan.changes());
        self.record.with_progress(|progress| {
            let announced = |path, value: &str| {
                progress.intended().any(|(_, intended)| {
                    intended.path == path && intended.sha256 == ValueHash::of(value.as_bytes())
                })
            };
            let ours = planned.iter().filter(|(path, value)| announced((*path).clone(), value));
            ours.map(|(path, value)| (path.clone(), value.to_owned())).collect()
        })
    }

    /// No other wave has a commit of which nothing is known.
    fn only_one_commit(&self) -> Result<(), WaveStop> {
        let open = self.record.with_progress(|progress| {
            let mut waves = progress.waves.iter();
            waves
                .find(|(wave, progress)| **wave != self.number && progress.committing.is_some())
                .map(|(wave, _)| *wave)
        });
        open.map_or(Ok(()), |wave| Err(WaveStop::CommitOpen { wave }))
    }

    /// Waits for a commit whose answer was lost, until its time is over: only then may it be taken for not done.
    async fn settle_commit(&mut self) -> Result<(), WaveStop> {
        let Some((_, until)) = self.record.with_progress(|progress| progress.wave(self.number).committing)
        else {
            return Ok(());
        };
        let within = until.since(Timestamp::now()).min(self.world.pace.commit);
        self.watch.happened(&Happened::CommitUnanswered { wave: self.number, within });
        self.first = None;
        let changes = changes_of(&self.rows());
        self.wait_until_running(&changes, within).await.map(drop)
    }

    /// Takes out every router that is not as the plan found it.
    fn take_out_unfit(&self, stores: &Stores, assets: &BTreeMap<AssetId, Asset>) -> Result<bool, WaveStop> {
        let running = Routers::of(&stores.running);
        let mut any = false;
        for (router, steps) in self.rows() {
            // what runs already is not judged: it may be connected by now
            if missing(&stores.running, &Changes::of(&steps.changes)).is_empty() {
                continue;
            }
            if let Err(unfit) = (Fit { router, steps, running: &running, assets }).judge() {
                self.take_out(&router.name, &unfit.to_string())?;
                any = true;
            }
        }
        Ok(any)
    }

    fn take_out(&self, router: &RouterName, why: &str) -> Result<(), WaveStop> {
        let why: Box<str> = why.into();
        self.record.wave(self.number, WaveEntry::TakenOut { router: router.clone(), why: why.clone() })?;
        let failure = Failure { step: "wave".into(), why: why.clone() };
        self.record.router(router, RouterEntry::Failed(failure))?;
        self.watch.happened(&Happened::TakenOut { wave: self.number, router: router.clone(), why });
        Ok(())
    }

    /// The change for the whole conductor, counted now; none where the wave makes none.
    fn check_cutoff(
        &self,
        rows: &[Row<'_>],
        running: &Configuration,
        assets: &BTreeMap<AssetId, Asset>,
    ) -> Result<Option<LegacyCutoff>, WaveStop> {
        let is_mode =
            |change: &Change| matches!(change, Change::Mode { mode, .. } if *mode != Mode::Disabled);
        if !rows.iter().flat_map(|(_, steps)| &steps.changes).any(is_mode) {
            return Ok(None);
        }
        let cutoff = LegacyCutoff::of(&Routers::of(running), assets);
        let accepted = self.options.accept_legacy_cutoff;
        match cutoff {
            Some(LegacyCutoff { routers }) if !LegacyCutoff::is_accepted(cutoff, accepted) => {
                Err(WaveStop::LegacyCutoff { routers, accepted })
            }
            cutoff => Ok(cutoff),
        }
    }

    /// Writes down that the commit to come is the one that turns Secure Conductor Onboarding on.
    fn note_first_mode(&self, cutoff: Option<LegacyCutoff>) -> Result<(), WaveStop> {
        let is_noted = self.record.with_progress(|progress| progress.wave(self.number).first_mode.is_some());
        if let Some(LegacyCutoff { routers }) = cutoff.filter(|_| !is_noted) {
            let first = FirstMode { legacy: routers, open: self.options.legacy_open.clone() };
            self.record.wave(self.number, WaveEntry::FirstMode(first))?;
        }
        Ok(())
    }

    async fn validate(&self) -> Result<Vec<Finding>, WaveStop> {
        self.watch.happened(&Happened::Validating { wave: self.number });
        match (self.options.ways.validate, &self.world.pcli) {
            (By::CommandLine, Some(pcli)) => {
                pcli.validate().await.map_err(|source| WaveStop::CommandLine { what: "validate", source })
            }
            _ => {
                let found = self.world.conductor.candidate().validate().await;
                found.map_err(|source| WaveStop::Conductor { what: "validate", source })
            }
        }
    }

    /// Takes out every router that `findings` name, and what was written for it.
    async fn take_out_named(&mut self, rows: &[Row<'_>], findings: Vec<Finding>) -> Result<(), WaveStop> {
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let messages: Vec<&str> = texts.iter().map(String::as_str).collect();
        let names: Vec<RouterName> = rows.iter().map(|(router, _)| router.name.clone()).collect();
        let named = routers_named(&messages, &names);
        if named.is_empty() {
            return Err(WaveStop::Findings { findings });
        }
        for router in &named {
            let name = std::slice::from_ref(router);
            let about = |message: &&&str| !routers_named(&[**message], name).is_empty();
            let said: Vec<&str> = messages.iter().filter(about).take(3).copied().collect();
            self.take_out(
                router,
                &format!("the conductor refuses it: {}; mend that, and plan again", said.join("; ")),
            )?;
        }
        self.revert().await
    }

    /// Whose commit it was, when it runs before one was sent.
    fn found_by(&self) -> CommittedBy {
        let progress = self.record.with_progress(|progress| progress.wave(self.number));
        match progress.committing {
            Some(_) => CommittedBy::UsUnanswered,
            None if progress.is_open() => CommittedBy::Another,
            None => CommittedBy::Nobody,
        }
    }

    /// Writes down that it runs, and what else changed with it.
    fn done(
        &self,
        rows: &[Row<'_>],
        changes: &Changes,
        running: Configuration,
        by: CommittedBy,
    ) -> Result<WaveDone, WaveStop> {
        let progress = self.record.with_progress(|progress| progress.wave(self.number));
        let routers: Vec<RouterName> = rows.iter().map(|(router, _)| router.name.clone()).collect();
        let mut done = WaveDone {
            routers,
            taken_out: progress.taken_out.clone(),
            by,
            foreign: progress.foreign,
            running,
        };
        if progress.committed.is_some() {
            return Ok(done);
        }
        if by != CommittedBy::Nobody
            && let Some(before) = &self.first
            && let Difference::Foreign { paths } = Difference::of(before, &done.running, changes)
        {
            done.foreign = paths.iter().cloned().collect();
        }
        // what ran before is known where this process has read it
        let seen = self.first.as_ref().is_some_and(|before| !missing(before, changes).is_empty());
        let expected = progress
            .committing
            .is_some_and(|(expected, _)| expected == ValueHash::of(&done.running.canonical()));
        let foreign_unknown = by != CommittedBy::Nobody && !seen && !expected;
        let foreign = done.foreign.clone();
        self.record
            .wave(self.number, WaveEntry::Committed { by, foreign: foreign.clone(), foreign_unknown })?;
        let routers = done.routers.clone();
        self.watch.happened(&Happened::WaveCommitted { wave: self.number, routers, foreign });
        Ok(done)
    }
}

fn changes_of(rows: &[Row<'_>]) -> Changes {
    Changes::of(rows.iter().flat_map(|(_, steps)| &steps.changes))
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
