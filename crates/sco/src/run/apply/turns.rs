//! The routers of a wave, some at a time, each until there is a verdict.
//!
//! A router has a place among the `--parallel` from before its token is made until its site is free, or it is over; then it
//! is only looked at. All that is looked at shares its reads.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::{Instant, sleep_until};

use super::jobs::Jobs;
use super::{End, Halt, Stopped, was_verified};
use crate::RouterName;
use crate::decide::{Deadlines, Sample};
use crate::plan::{PlannedRouter, Steps};
use crate::run::router::{Grounds, Reached, RunEnd, Stuck, chain, is_closed};
use crate::run::sites::{Hold, Sites, is_through};
use crate::run::verify::UnderWatch;
use crate::run::{Happened, LookError, RouterEntry, Watched};

type Row<'a> = (&'a PlannedRouter, &'a Steps);

/// The routers of a wave.
pub(super) struct Turns<'a, 's> {
    grounds: &'a Grounds<'a>,
    sites: &'s mut Sites,
    waiting: VecDeque<Row<'a>>,
    jobs: Jobs<'a, Done<'a>>,
    /// Routers that are on their way to their assignment.
    under_way: BTreeMap<RouterName, Row<'a>>,
    watched: Vec<Onboarding<'a>>,
    looking: bool,
    next_look: Instant,
    pub(super) ends: BTreeMap<RouterName, End>,
    most_failures: usize,
    halt: Option<Halt>,
    deadlines: Deadlines,
}

/// A router that was assigned.
struct Onboarding<'a> {
    row: Row<'a>,
    under_watch: UnderWatch<'a>,
    /// Whether this run assigned it.
    ours: bool,
    freed: bool,
}

/// What was under way, and is done.
enum Done<'a> {
    Router(Row<'a>, Result<Reached<'a>, Stuck>),
    Look(Vec<Watched>, Result<Vec<Sample>, LookError>),
}

impl<'a, 's> Turns<'a, 's> {
    pub(super) fn new(
        grounds: &'a Grounds<'a>,
        sites: &'s mut Sites,
        rows: Vec<Row<'a>>,
        most_failures: usize,
    ) -> Self {
        Self {
            grounds,
            sites,
            waiting: rows.into(),
            jobs: Jobs::new(),
            under_way: BTreeMap::new(),
            watched: Vec::new(),
            looking: false,
            next_look: Instant::now(),
            ends: BTreeMap::new(),
            most_failures,
            halt: None,
            deadlines: grounds.world.pace.deadlines(&grounds.plan.deadlines()),
        }
    }

    pub(super) async fn run(&mut self) -> Result<(), Halt> {
        self.tell_queues();
        self.pass_finished()?;
        loop {
            self.stop_if_due();
            self.begin_some();
            self.begin_look();
            if self.jobs.is_empty() && (self.watched.is_empty() || self.halt.is_some()) {
                break;
            }
            let done = tokio::select! {
                done = self.jobs.next() => done,
                () = sleep_until(self.next_look), if self.may_look() => continue,
                () = self.grounds.stop.asked(), if self.halt.is_none() => continue,
            };
            self.take(done)?;
        }
        self.block_rest();
        self.leave_watched();
        self.halt.take().map_or(Ok(()), Err)
    }

    /// Tells who waits behind whom.
    fn tell_queues(&self) {
        let mut before: BTreeMap<_, usize> = BTreeMap::new();
        for (router, steps) in &self.waiting {
            let place = before.entry(steps.site).or_default();
            if *place > 0 {
                let (router, site) = (router.name.clone(), steps.site);
                self.grounds.watch.happened(&Happened::Queued { router, site, before: *place });
            }
            *place += 1;
        }
    }

    /// Routers that this run verified before it was interrupted are not looked at again.
    fn pass_finished(&mut self) -> Result<(), Halt> {
        let mut left = VecDeque::new();
        for row in std::mem::take(&mut self.waiting) {
            let progress = self.grounds.progress(&row.0.name);
            if progress.assigned.is_some() && was_verified(row.0, &progress.verdicts) {
                self.ends.insert(row.0.name.clone(), End::Verified);
                continue;
            }
            if progress.failed.is_some() {
                self.grounds.record.router(&row.0.name, RouterEntry::Retried)?;
            }
            left.push_back(row);
        }
        self.waiting = left;
        Ok(())
    }

    fn stop_if_due(&mut self) {
        if self.halt.is_some() {
            return;
        }
        let failures = self.ends.values().filter(|end| end.is_bad()).count();
        if self.grounds.stop.is_asked() {
            self.halt = Some(Stopped::Interrupted.into());
        } else if failures > self.most_failures && !self.waiting.is_empty() {
            // what is under way comes to its verdict
            self.waiting.clear();
        }
    }

    /// How many have a place among the parallel ones.
    fn places(&self) -> usize {
        self.under_way.len() + self.watched.iter().filter(|router| !router.freed && router.ours).count()
    }

    fn begin_some(&mut self) {
        while self.halt.is_none() && self.places() < self.grounds.options.parallel.max(1) {
            let Some((row, hold)) = self.next_row() else { return };
            self.under_way.insert(row.0.name.clone(), row);
            let grounds = self.grounds;
            self.jobs.push(async move {
                let reached = grounds.budgeted(row.0, hold.as_ref()).await;
                Done::Router(row, reached)
            });
        }
    }

    /// The first that waits and gets its site, or needs it no more.
    fn next_row(&mut self) -> Option<(Row<'a>, Option<Hold>)> {
        for place in 0..self.waiting.len() {
            let (router, steps) = self.waiting[place];
            if is_through(router, &self.grounds.progress(&router.name)) {
                return Some((self.waiting.remove(place)?, None));
            }
            let holds = self.sites.holder(steps.site) == Some(&router.name);
            // those before it in the queue of its site go first
            let is_first = !self.waiting.iter().take(place).any(|(_, before)| before.site == steps.site);
            if (holds || is_first)
                && let Some(hold) = self.sites.take(steps.site, &router.name)
            {
                return Some((self.waiting.remove(place)?, Some(hold)));
            }
        }
        None
    }

    const fn may_look(&self) -> bool {
        !self.looking && !self.watched.is_empty() && self.halt.is_none()
    }

    fn begin_look(&mut self) {
        if !self.may_look() || Instant::now() < self.next_look {
            return;
        }
        let nodes: Vec<Watched> =
            self.watched.iter().flat_map(|router| router.under_watch.nodes.iter().cloned()).collect();
        let (world, conductor) = (self.grounds.world, self.grounds.conductor);
        self.looking = true;
        self.jobs.push(async move {
            let samples = world.samples(&nodes, conductor).await;
            Done::Look(nodes, samples)
        });
    }

    fn take(&mut self, done: Done<'a>) -> Result<(), Halt> {
        match done {
            Done::Router(row, reached) => {
                self.under_way.remove(&row.0.name);
                self.reached(row, reached)
            }
            Done::Look(nodes, samples) => {
                self.looking = false;
                self.next_look = Instant::now() + self.grounds.world.pace.poll;
                self.looked(&nodes, samples)
            }
        }
    }

    fn reached(&mut self, row: Row<'a>, reached: Result<Reached<'a>, Stuck>) -> Result<(), Halt> {
        let (router, steps) = row;
        let assigned = match reached {
            Ok(Reached::Assigned(assigned)) => Some(assigned.at()),
            Ok(Reached::AtSite) => None,
            Ok(Reached::Configured) => {
                self.sites.free(steps.site, &router.name);
                self.ends.insert(router.name.clone(), End::Configured);
                return Ok(());
            }
            Err(stuck) => return self.stuck(row, stuck),
        };
        let under_watch = UnderWatch::new(router, assigned, self.deadlines, self.grounds.version);
        self.watched.push(Onboarding { row, under_watch, ours: assigned.is_some(), freed: false });
        self.next_look = self.next_look.min(Instant::now() + self.grounds.world.pace.poll);
        Ok(())
    }

    fn stuck(&mut self, (router, steps): Row<'a>, stuck: Stuck) -> Result<(), Halt> {
        let name = &router.name;
        match stuck {
            Stuck::Interrupted => {}
            Stuck::NotSent { .. } if self.grounds.stop.is_asked() => {}
            Stuck::WaitingForDevice(macs) => {
                self.ends.insert(name.clone(), End::WaitingForDevice(macs));
            }
            Stuck::Failed { step, why } | Stuck::NotSent { step, why } => {
                self.grounds.fail(name, step, &why)?;
                self.ends.insert(name.clone(), End::Failed(why));
            }
            Stuck::Run(RunEnd::Look(error)) => {
                self.grounds.fail(name, "reading", &chain(&error))?;
                self.ends.insert(name.clone(), End::Failed(chain(&error).into()));
                self.halt.get_or_insert(Stopped::ShutOut(error).into());
            }
            Stuck::Run(end) => return Err(end.into()),
        }
        // a device that may have come to the site may come for its token
        if !super::holds(router, &self.grounds.progress(name)) {
            self.sites.free(steps.site, name);
        }
        Ok(())
    }

    fn looked(&mut self, nodes: &[Watched], samples: Result<Vec<Sample>, LookError>) -> Result<(), Halt> {
        let samples = match samples {
            Ok(samples) => samples,
            Err(error) if is_closed(&error) => {
                self.halt.get_or_insert(Stopped::ShutOut(error).into());
                return Ok(());
            }
            Err(error) => {
                let text =
                    format!("the routers under way could not be looked at: {}; looking again", chain(&error));
                self.grounds.watch.happened(&Happened::Warning { text: text.into() });
                Vec::new()
            }
        };
        let mut samples = nodes.iter().zip(samples).peekable();
        let (record, watch) = (self.grounds.record, self.grounds.watch);
        for router in &mut self.watched {
            let is_its = |(node, _): &(&Watched, Sample)| node.router == router.under_watch.router.name;
            let own: Vec<Sample> =
                std::iter::from_fn(|| samples.next_if(is_its)).map(|(_, sample)| sample).collect();
            if own.is_empty() {
                continue; // it came after the look began
            }
            router.under_watch.take(own, Some(record), watch)?;
        }
        self.judge()
    }

    /// Frees the sites of those that are through, and takes out those that are over.
    fn judge(&mut self) -> Result<(), Halt> {
        let mut left = Vec::new();
        for mut router in std::mem::take(&mut self.watched) {
            let (planned, steps) = router.row;
            if !router.freed && router.under_watch.frees_site() {
                router.freed = true;
                self.sites.free(steps.site, &planned.name);
            }
            // what this run did not bring there is judged by one look: `verify` waits
            let is_over = router.under_watch.is_over() || (!router.ours && router.under_watch.was_seen());
            if is_over { self.finish(&router)? } else { left.push(router) }
        }
        self.watched = left;
        Ok(())
    }

    fn finish(&mut self, router: &Onboarding<'a>) -> Result<(), Halt> {
        let (name, nodes) = (&router.row.0.name, router.under_watch.verdict());
        let end = if router.ours && router.under_watch.is_verified() {
            // it needs its token no more
            if let Err(error) = self.grounds.keep.remove(name) {
                self.grounds.watch.happened(&Happened::Warning { text: chain(&error).into() });
            }
            End::Verified
        } else if !router.ours && router.under_watch.is_well() {
            End::AlreadyThere
        } else {
            End::NotVerified(nodes.clone())
        };
        self.ends.insert(name.clone(), end);
        self.grounds.watch.happened(&Happened::Finished { router: name.clone(), nodes });
        Ok(())
    }

    /// Those that wait for a site that nobody frees.
    fn block_rest(&mut self) {
        if self.halt.is_some() {
            return;
        }
        for (router, steps) in std::mem::take(&mut self.waiting) {
            if let Some(by) = self.sites.holder(steps.site).cloned() {
                self.ends.insert(router.name.clone(), End::Blocked { site: steps.site, by });
            }
        }
    }

    /// Those that were looked at when the run was stopped: they are where they were seen last.
    fn leave_watched(&mut self) {
        for router in std::mem::take(&mut self.watched) {
            let end = End::NotVerified(router.under_watch.verdict());
            self.ends.insert(router.row.0.name.clone(), end);
        }
    }
}
