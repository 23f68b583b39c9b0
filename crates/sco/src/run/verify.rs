//! Looking at routers until there is a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conductor::Version;
use ids::Timestamp;
use tokio::time::{Instant, sleep};

use super::router::watched;
use super::stop::hurried;
use super::{Happened, LookError, Record, RecordError, RouterEntry, Stop, Watch, Watched, World};
use crate::decide::{Deadlines, Evidence, Health, Sample, health};
use crate::observe::AuthState;
use crate::plan::{Plan, PlannedRouter};
use crate::{AssetId, NodeName, RouterName};

/// Which routers are looked at, and for how long.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Them; all of the plan when there is none.
    pub routers: BTreeSet<RouterName>,
    /// Whether they are looked at until each has a verdict, else once.
    pub watch: bool,
    /// What a person gave of `show secure-conductor-onboarding`, for conductors without a command line: when the output was
    /// made, and what it says. It counts when it is newer than the assignment, for an hour.
    pub given: BTreeMap<AssetId, (Timestamp, AuthState)>,
}

/// Why routers cannot be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The plan has no such router.
    #[error("the plan has no router {router}; see `status` for those that it has")]
    NoRouter {
        /// It.
        router: RouterName,
    },
    /// Something could not be read.
    #[error("nothing can be said of the routers")]
    Look(#[from] LookError),
    /// The record cannot be written.
    #[error("what was seen cannot be written down")]
    Record(#[from] RecordError),
}

/// How the nodes of a router are.
pub type Verdict = Vec<(NodeName, Health)>;

/// Looks at routers of `plan`. Evidence counts from their assignment by the run of `record` on, where there is one; what is
/// seen is written down there.
///
/// # Errors
///
/// [`VerifyError`]; when watching, a look that fails is repeated as long as that may help.
pub async fn verify(
    world: &World,
    plan: &Plan,
    record: Option<&Record>,
    options: &VerifyOptions,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<BTreeMap<RouterName, Verdict>, VerifyError> {
    for router in &options.routers {
        if !plan.routers().iter().any(|planned| planned.name == *router) {
            return Err(VerifyError::NoRouter { router: router.clone() });
        }
    }
    let system = world.conductor.system().await.map_err(LookError::conductor("the version"))?;
    let version = Some(&system.version);
    let deadlines = world.pace.deadlines(&plan.deadlines());
    let named =
        |router: &&PlannedRouter| options.routers.is_empty() || options.routers.contains(&router.name);
    let mut looked: Vec<UnderWatch<'_>> = plan
        .routers()
        .iter()
        .filter(named)
        .map(|router| UnderWatch::recorded(router, record, deadlines, version))
        .filter(|router| !router.nodes.is_empty())
        .collect();
    let last = Instant::now() + deadlines.running + deadlines.stable;
    loop {
        let nodes: Vec<Watched> = looked
            .iter()
            .filter(|router| !router.is_over())
            .flat_map(|router| router.nodes.clone())
            .collect();
        match hurried(world, stop, world.samples(&nodes, system.router.as_deref())).await {
            Ok(samples) => {
                let mut samples = nodes.iter().zip(samples);
                for router in looked.iter_mut().filter(|router| !router.is_over()) {
                    let own = samples.by_ref().take(router.nodes.len());
                    let own = own
                        .map(|(node, sample)| {
                            with_given(sample, options.given.get(&node.asset_id), router.assigned)
                        })
                        .collect();
                    router.take(own, record, watch)?;
                }
            }
            Err(error) if options.watch && error.retry_helps() => {
                watch.happened(&Happened::Warning { text: format!("{error}; looking again").into() });
            }
            Err(error) => return Err(error.into()),
        }
        let over = looked.iter().all(UnderWatch::is_over) || Instant::now() >= last;
        if over || !options.watch || stop.is_asked() {
            return Ok(looked
                .into_iter()
                .map(|router| (router.router.name.clone(), router.verdict()))
                .collect());
        }
        tokio::select! {
            () = sleep(world.pace.poll) => {}
            () = stop.asked() => {}
        }
    }
}

/// A sample with what a person gave, where the command line told nothing. What was given counts when it is newer than the
/// assignment and not older than an hour; that all else holds for long enough is seen here.
fn with_given(sample: Sample, given: Option<&(Timestamp, AuthState)>, assigned: Option<Timestamp>) -> Sample {
    let counts = |time: Timestamp| {
        assigned.is_none_or(|assigned| time > assigned) && sample.time.since(time) <= GIVEN_FOR
    };
    match given {
        Some((time, auth)) if sample.auth == AuthState::NotSeen && counts(*time) => {
            Sample { auth: auth.clone(), ..sample }
        }
        _ => sample,
    }
}

/// A router that is looked at.
pub(super) struct UnderWatch<'p> {
    pub(super) router: &'p PlannedRouter,
    pub(super) nodes: Vec<Watched>,
    /// When it was assigned; none when no run that is known did it.
    assigned: Option<Timestamp>,
    /// What was seen of each node since this began to look: what was not looked at is not known to have held.
    samples: BTreeMap<NodeName, Vec<Sample>>,
    health: BTreeMap<NodeName, Health>,
    /// What was verified before, and still holds as long as nothing else is seen.
    verified: BTreeMap<NodeName, Health>,
    deadlines: Deadlines,
    version: Option<&'p Version>,
}

impl<'p> UnderWatch<'p> {
    pub(super) fn new(
        router: &'p PlannedRouter,
        assigned: Option<Timestamp>,
        deadlines: Deadlines,
        version: Option<&'p Version>,
    ) -> Self {
        let nodes = watched(router);
        let (samples, health, verified) = Default::default();
        Self { router, nodes, assigned, samples, health, verified, deadlines, version }
    }

    /// A router as a record has it.
    fn recorded(
        router: &'p PlannedRouter,
        record: Option<&Record>,
        deadlines: Deadlines,
        version: Option<&'p Version>,
    ) -> Self {
        let progress = record.map(|record| record.with_progress(|progress| progress.router(&router.name)));
        let progress = progress.unwrap_or_default();
        let assigned =
            progress.assigned.as_ref().or(progress.assigning.as_ref()).map(|assigning| assigning.at);
        let mut new = Self::new(router, assigned, deadlines, version);
        new.verified = progress.verdicts.into_iter().filter(|(_, health)| health.is_verified()).collect();
        new
    }

    /// Takes what was seen of its nodes, in their order. What is new is written down and told.
    pub(super) fn take(
        &mut self,
        seen: Vec<Sample>,
        record: Option<&Record>,
        watch: &dyn Watch,
    ) -> Result<(), RecordError> {
        let name = &self.router.name;
        for (node, sample) in self.nodes.iter().map(|watched| &watched.node).zip(seen) {
            let samples = self.samples.entry(node.clone()).or_default();
            let changed =
                samples.last().is_none_or(|last| Sample { time: sample.time, ..last.clone() } != sample);
            // nobody knows what was in between
            if samples
                .last()
                .is_some_and(|last| sample.time.since(last.time) > self.deadlines.stable.max(GAP))
            {
                samples.clear();
            }
            samples.push(sample.clone());
            let evidence =
                Evidence { assigned: self.assigned, samples, conductor: self.version, now: Timestamp::now() };
            let health = match (health(&evidence, &self.deadlines), self.verified.get(node)) {
                (Health::Settling { .. }, Some(verified)) => verified.clone(),
                (health, _) => {
                    self.verified.remove(node);
                    health
                }
            };
            let before = self.health.insert(node.clone(), health.clone());
            if let Some(record) = record {
                if changed {
                    record.router(name, RouterEntry::Seen { node: node.clone(), sample })?;
                }
                if before.as_ref() != Some(&health) {
                    record
                        .router(name, RouterEntry::Verdict { node: node.clone(), health: health.clone() })?;
                }
            }
            if before.as_ref() != Some(&health) {
                watch.happened(&Happened::Seen { router: name.clone(), node: node.clone(), health });
            }
            bound(samples);
        }
        Ok(())
    }

    pub(super) fn verdict(&self) -> Verdict {
        let health = |watched: &Watched| self.health.get(&watched.node).cloned().unwrap_or(Health::Stale);
        self.nodes.iter().map(|watched| (watched.node.clone(), health(watched))).collect()
    }

    pub(super) fn is_verified(&self) -> bool {
        self.verdict().iter().all(|(_, health)| health.is_verified())
    }

    /// Whether all that matters holds now, for however long.
    pub(super) fn is_well(&self) -> bool {
        let is_well = |health: &Health| matches!(health, Health::Verified { .. } | Health::Settling { .. });
        self.verdict().iter().all(|(_, health)| is_well(health))
    }

    pub(super) fn frees_site(&self) -> bool {
        self.verdict().iter().all(|(_, health)| health.frees_site())
    }

    /// Whether it was looked at.
    pub(super) fn was_seen(&self) -> bool {
        !self.health.is_empty()
    }

    /// Whether looking on changes nothing that may be waited for.
    pub(super) fn is_over(&self) -> bool {
        let past =
            self.assigned.is_some_and(|assigned| Timestamp::now().since(assigned) > self.deadlines.running);
        let verdict = self.verdict();
        if self.health.is_empty() {
            return false;
        }
        let newest = |node: &NodeName| self.samples.get(node).and_then(|samples| samples.last());
        verdict.iter().all(|(node, health)| is_settled(health, newest(node), past, self.deadlines.stable))
    }
}

/// Whether looking on at a node changes nothing; `past` says that its deadlines are over.
///
/// That its authentication is not seen has to last up to the newest look: one answer of the command line that failed is no
/// state that lasts, however long ago it was.
fn is_settled(health: &Health, newest: Option<&Sample>, past: bool, stable: Duration) -> bool {
    match health {
        Health::Verified { .. } => true,
        Health::AuthNotSeen { since } => past || newest.is_some_and(|it| it.time.since(*since) > stable),
        Health::Settling { .. } => false,
        _ => past,
    }
}

/// How long counts what a person gave.
const GIVEN_FOR: Duration = Duration::from_secs(60 * 60);

/// How long at least nothing may be seen before what was seen earlier is forgotten.
const GAP: Duration = Duration::from_secs(60);

/// Samples of one state: only the first and the last tell something, and there may be many.
fn bound(samples: &mut Vec<Sample>) {
    if let [.., a, b, c] = &samples[..] {
        let same = |one: &Sample, other: &Sample| Sample { time: one.time, ..other.clone() } == *one;
        if same(a, b) && same(b, c) {
            let last = samples.len() - 2;
            samples.remove(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_that_failed_is_no_state_that_lasts() {
        let at = |minutes: i64| Timestamp::from_micros(minutes * 60_000_000);
        let seen = |minutes| Sample {
            time: at(minutes),
            auth: AuthState::NotSeen,
            asset: None,
            conductor: None,
            mist: None,
        };
        let not_seen = Health::AuthNotSeen { since: at(10) };
        let stable = Duration::from_secs(5 * 60);

        for (newest, past, expect) in [
            (None, false, false),
            (Some(10), false, false),
            (Some(15), false, false),
            (Some(16), false, true),
            (Some(10), true, true),
        ] {
            let newest = newest.map(seen);
            assert_eq!(is_settled(&not_seen, newest.as_ref(), past, stable), expect, "{newest:?} {past}");
        }
        assert!(!is_settled(&Health::Settling { since: at(10) }, Some(&seen(99)), true, stable));
    }

    #[test]
    fn what_a_person_gave_counts_after_the_assignment_for_an_hour_and_never_over_the_command_line() {
        let at = |minutes: i64| Timestamp::from_micros(minutes * 60_000_000);
        let sample = |auth| Sample { time: at(100), auth, asset: None, conductor: None, mist: None };
        let completed = AuthState::Completed;
        let waiting = AuthState::new("waiting");
        for (seen, given, assigned, expect) in [
            (AuthState::NotSeen, Some(at(90)), Some(at(80)), completed.clone()),
            (AuthState::NotSeen, Some(at(90)), None, completed.clone()),
            (AuthState::NotSeen, Some(at(70)), Some(at(80)), AuthState::NotSeen),
            (AuthState::NotSeen, Some(at(80)), Some(at(80)), AuthState::NotSeen),
            (AuthState::NotSeen, Some(at(39)), Some(at(20)), AuthState::NotSeen),
            (AuthState::NotSeen, None, Some(at(80)), AuthState::NotSeen),
            (waiting.clone(), Some(at(90)), Some(at(80)), waiting),
        ] {
            let given = given.map(|time| (time, completed.clone()));
            let found = with_given(sample(seen.clone()), given.as_ref(), assigned);
            assert_eq!((found.auth, found.time), (expect, at(100)), "{seen:?} {given:?} {assigned:?}");
        }
    }
}
