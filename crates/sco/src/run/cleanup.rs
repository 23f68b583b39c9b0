//! The onboarding tokens in the settings of sites, taken away once nobody needs them.
//!
//! One site goes first, and its routers are seen to stay connected before another follows. Only the token is touched: the
//! key is left out of what is written, and where it is still there then, an empty text is written.

use std::collections::BTreeMap;

use ids::SiteId;
use mist::ssr::{SsrSetting, write_setting};
use mist::{Scope, SecretText};
use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::router::{chain, watched};
use super::stop::hurried;
use super::{Happened, LookError, Record, RecordError, RouterEntry, RouterProgress, Stop, Watch, World};
use crate::RouterName;
use crate::decide::{Cleanup, CleanupDone, Health, SiteAtCleanup, cleanup};
use crate::observe::{SsrState, TokenState};
use crate::plan::{Plan, PlannedRouter, RouterOutcome, Steps};
use crate::token::TokenFingerprint;

/// What is accepted when tokens are taken away.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CleanupOptions {
    /// Whether the organisation's token may apply then: `--accept-organisation-token`.
    pub accept_org_token: bool,
    /// Whether a token that cannot be read may be taken away: `--accept-unreadable-token`.
    pub accept_unreadable: bool,
    /// Whether it is only told what would be done: `--dry-run`.
    pub dry_run: bool,
}

/// What became of the token of a site.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SiteCleanup {
    /// It was decided, and nothing was done; with [`Cleanup::Remove`] that was asked for.
    Decided(Cleanup),
    /// It was to be taken away.
    Done(CleanupDone),
    /// It was not taken away, and why.
    Failed(Box<str>),
}

/// Why tokens are not taken away.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CleanupError {
    /// Something could not be read; what was done is in the record.
    #[error("the cleanup cannot go on; called again it does what is left")]
    Look(#[from] LookError),
    /// The record cannot be written.
    #[error("the record of the run cannot be written, so nothing more is done")]
    Record(#[from] RecordError),
}

/// Takes away the tokens that the run of `record` put into the settings of sites; what became of each.
///
/// # Errors
///
/// [`CleanupError`].
pub async fn clean_up(
    world: &World,
    plan: &Plan,
    record: &Record,
    options: CleanupOptions,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<BTreeMap<SiteId, SiteCleanup>, CleanupError> {
    hurried(world, stop, clean(world, plan, record, options, watch, stop)).await
}

async fn clean(
    world: &World,
    plan: &Plan,
    record: &Record,
    options: CleanupOptions,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<BTreeMap<SiteId, SiteCleanup>, CleanupError> {
    let org_token = SsrState::of(Some(&world.org_setting().await?)).token;
    let cleaning = Cleaning { world, plan, record, options, watch, org_token };
    let mut sites = BTreeMap::new();
    let mut canary = cleaning.earlier_canary();
    let mut passed = None;
    for site in cleaning.sites() {
        if stop.is_asked() {
            break;
        }
        if let (Some(canary), None) = (canary, passed) {
            passed = Some(cleaning.stays_connected(canary, stop).await?);
        }
        let done = cleaning.site(site, passed.unwrap_or(true)).await?;
        if matches!(done, SiteCleanup::Done(CleanupDone::Removed)) {
            canary = canary.or(Some(site));
        }
        sites.insert(site, done);
    }
    Ok(sites)
}

struct Cleaning<'a> {
    world: &'a World,
    plan: &'a Plan,
    record: &'a Record,
    options: CleanupOptions,
    watch: &'a dyn Watch,
    org_token: TokenState,
}

impl<'a> Cleaning<'a> {
    /// The sites whose settings this run wrote, in the order of the plan.
    fn sites(&self) -> Vec<SiteId> {
        let wrote = |site: SiteId| self.at(site).any(|(router, _)| self.progress(router).settings.is_some());
        self.plan.queues().iter().map(|queue| queue.site).filter(|site| wrote(*site)).collect()
    }

    fn at(&self, site: SiteId) -> impl Iterator<Item = (&'a PlannedRouter, &'a Steps)> {
        self.plan.steps().filter(move |(_, steps)| steps.site == site)
    }

    fn progress(&self, router: &PlannedRouter) -> RouterProgress {
        self.record.with_progress(|progress| progress.router(&router.name))
    }

    /// A site whose token this run took away before.
    fn earlier_canary(&self) -> Option<SiteId> {
        let removed = |(router, steps): (&PlannedRouter, &Steps)| {
            self.progress(router).cleaned.is_some_and(|(removed, _)| removed).then_some(steps.site)
        };
        self.plan.steps().find_map(removed)
    }

    async fn site(&self, site: SiteId, canary_passed: bool) -> Result<SiteCleanup, CleanupError> {
        let found = self.world.site_setting(site).await?;
        let state = SsrState::of(Some(&found));
        let Some((holder, ours)) = self.holder(site, state.token) else {
            return Ok(SiteCleanup::Decided(Cleanup::NotOurs));
        };
        let unfinished = self.unfinished(site);
        let decision = cleanup(&SiteAtCleanup {
            token: state.token,
            ours,
            unfinished: &unfinished,
            org_token: self.org_token,
            accept_org_token: self.options.accept_org_token,
            accept_unreadable: self.options.accept_unreadable,
            canary_passed,
        });
        if decision != Cleanup::Remove || self.options.dry_run {
            self.tell(site, &decision.to_string());
            return Ok(SiteCleanup::Decided(decision));
        }
        self.record.router(&holder, RouterEntry::Cleaning { site, token: ours })?;
        let expires = self
            .record
            .with_progress(|progress| progress.router(&holder).token)
            .and_then(|token| token.expires);
        let done = match self.remove(site, found, expires).await? {
            Ok(done) => SiteCleanup::Done(done),
            Err(why) => SiteCleanup::Failed(why),
        };
        let outcome = match &done {
            SiteCleanup::Done(done) => done.to_string(),
            SiteCleanup::Failed(why) => why.to_string(),
            SiteCleanup::Decided(decision) => decision.to_string(),
        };
        let removed = matches!(done, SiteCleanup::Done(CleanupDone::Removed));
        self.record
            .router(&holder, RouterEntry::Cleaned { site, removed, outcome: outcome.as_str().into() })?;
        self.tell(site, &outcome);
        Ok(done)
    }

    fn tell(&self, site: SiteId, outcome: &str) {
        self.watch.happened(&Happened::Cleaned { site, outcome: outcome.into() });
    }

    /// The router whose token stands there; where that cannot be told, the last one of the site that had one.
    fn holder(&self, site: SiteId, found: TokenState) -> Option<(RouterName, TokenFingerprint)> {
        let wrote = |(router, _): (&PlannedRouter, &Steps)| {
            let settings = self.progress(router).settings?;
            Some((router.name.clone(), settings.token))
        };
        let all: Vec<(RouterName, TokenFingerprint)> = self.at(site).filter_map(wrote).collect();
        let standing = all.iter().find(|(_, token)| found == TokenState::Set(*token));
        standing.or_else(|| all.last()).cloned()
    }

    /// The routers of the site that are not verified, whether or not this run began with them.
    fn unfinished(&self, site: SiteId) -> Vec<RouterName> {
        let of_site = self.plan.routers().iter().filter(|router| router.basis.site == site);
        let is_unfinished = |router: &&PlannedRouter| match &router.outcome {
            RouterOutcome::Done | RouterOutcome::Refused(_) => false,
            RouterOutcome::WaitingForDevice(_) => true,
            RouterOutcome::Onboard(_) => {
                let progress = self.progress(router);
                let mut nodes = router.basis.nodes.keys();
                let verified = nodes.all(|node| progress.verdicts.get(node).is_some_and(Health::is_verified));
                !verified && progress.released.is_none()
            }
        };
        of_site.filter(is_unfinished).map(|router| router.name.clone()).collect()
    }

    /// Leaves the key out, then writes an empty text; what is read back says whether that helped.
    async fn remove(
        &self,
        site: SiteId,
        found: SsrSetting,
        expires: Option<ids::Timestamp>,
    ) -> Result<Result<CleanupDone, Box<str>>, CleanupError> {
        let mut ssr = SsrSetting { conductor_token: None, ..found };
        let mut tried_empty = false;
        loop {
            let sent = self.world.mist.send(&write_setting(Scope::Site(site), &ssr)).await;
            let read_back = SsrState::of(Some(&self.world.site_setting(site).await?));
            let done = CleanupDone::of(read_back.token, tried_empty, expires);
            match (done, sent) {
                (CleanupDone::TryEmpty, Err(problem)) => {
                    return Ok(
                        Err(format!("not removed: {}; `cleanup` tries again", chain(&problem)).into()),
                    );
                }
                (CleanupDone::TryEmpty, Ok(_)) => {
                    ssr.conductor_token = Some(SecretText::new(""));
                    tried_empty = true;
                }
                (done, _) => return Ok(Ok(done)),
            }
        }
    }

    /// Whether the verified routers of a site stay connected for as long as a router must hold to be verified.
    async fn stays_connected(&self, site: SiteId, stop: &Stop) -> Result<bool, CleanupError> {
        let nodes: Vec<_> = self.at(site).flat_map(|(router, _)| watched(router)).collect();
        let system = self.world.conductor.system().await.map_err(LookError::conductor("the version"))?;
        let stable = self.world.pace.deadlines(&self.plan.deadlines()).stable;
        let end = Instant::now() + stable;
        let text = format!("the routers of site {site} to stay connected without their token");
        self.watch.happened(&Happened::Waiting { what: text.into(), at_most: stable });
        let mut looks = 0_u32;
        loop {
            let samples = self.world.samples(&nodes, system.router.as_deref()).await?;
            looks += 1;
            let is_connected = |sample: &crate::decide::Sample| {
                sample.asset.as_ref().is_some_and(crate::observe::AssetStatus::is_running)
                    && sample.conductor == Some(true)
                    && sample.mist == Some(true)
            };
            if !samples.iter().all(is_connected) || stop.is_asked() {
                return Ok(false);
            }
            if Instant::now() >= end && looks > 1 {
                return Ok(true);
            }
            tokio::select! {
                () = sleep(self.world.pace.poll) => {}
                () = stop.asked() => {}
            }
        }
    }
}
