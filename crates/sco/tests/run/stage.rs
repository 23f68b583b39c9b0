//! An estate, and everything that reaches it.

use std::sync::Mutex;
use std::time::Duration;

use fogbell_sco::input::RouterRequest;
use fogbell_sco::plan::{Plan, PlanOptions};
use fogbell_sco::run::wave::{WaveDone, WaveOptions, WaveStop, change_conductor};
use fogbell_sco::run::{Happened, Header, Pace, Record, RunId, Watch, World};
use ids::Timestamp;
use serde_json::Value;
use testkit::conductor::{ConductorSettings, FakeConductor, Foreign};
use testkit::estate::{EstateSettings, WholeEstate};

use super::clients;

/// An estate with a plan for all of its routers, in one wave, and the folder of a run.
pub(crate) struct Stage {
    pub(crate) estate: WholeEstate,
    pub(crate) world: World,
    pub(crate) requests: Vec<RouterRequest>,
    pub(crate) plan: Plan,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) seen: Log,
}

/// Everything that happened.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Happened>>);

impl Watch for Log {
    fn happened(&self, what: &Happened) {
        self.0.lock().unwrap().push(what.clone());
    }
}

impl Log {
    pub(crate) fn take(&self) -> Vec<Happened> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Stage {
    /// So many virtual routers, `store-0001` and so on, which the conductor has; none there has a mode yet.
    pub(crate) async fn of(routers: usize) -> Self {
        Self::with(EstateSettings { virtual_routers: routers, sites: routers, ..EstateSettings::default() })
            .await
    }

    pub(crate) async fn with(settings: EstateSettings) -> Self {
        let options =
            PlanOptions { canary: 0, create_routers: !settings.configured, ..PlanOptions::default() };
        Self::planned(settings, &options).await
    }

    pub(crate) async fn planned(settings: EstateSettings, options: &PlanOptions) -> Self {
        let conductor = ConductorSettings { in_effect: false, ..settings.conductor };
        let estate = WholeEstate::start(EstateSettings { conductor, ..settings }).await.unwrap();
        let world = world(&estate);
        let requests = clients::requests(&estate, &world).await;
        let plan = clients::plan(&world, &requests, options).await;
        let folder = tempfile::tempdir().unwrap();
        Self { estate, world, requests, plan, folder, seen: Log::default() }
    }

    pub(crate) fn conductor(&self) -> &FakeConductor {
        self.estate.conductor()
    }

    /// The record of the run: a new one, or the one that is there.
    pub(crate) fn record(&self) -> Record {
        if self.folder.path().join(Record::FILE).exists() {
            return Record::open(self.folder.path()).unwrap().record;
        }
        let header = Header {
            run: RunId::at(Timestamp::now(), 1),
            plan: self.plan.hash(),
            program: "fogpilot 0.0.0".into(),
            options: vec!["--parallel=4".into()],
        };
        Record::create(self.folder.path(), header).unwrap()
    }

    /// The first wave, with the cut-off of no legacy router accepted.
    pub(crate) async fn wave(&self) -> Result<WaveDone, WaveStop> {
        self.wave_with(&options()).await
    }

    pub(crate) async fn wave_with(&self, options: &WaveOptions) -> Result<WaveDone, WaveStop> {
        change_conductor(&self.world, &self.record(), &self.plan, 0, options, &self.seen).await
    }

    /// The mode that runs for a router.
    pub(crate) fn mode(&self, router: &str) -> Option<Value> {
        self.conductor().running_at(&mode_path(router))
    }

    /// The key that runs for a router's node.
    pub(crate) fn key(&self, router: &str) -> Option<Value> {
        self.conductor().running_at(&key_path(router))
    }

    /// How often a call with `part` in it was made.
    pub(crate) fn asked(&self, part: &str) -> usize {
        self.conductor().asked_for(part).len()
    }

    /// Asserts that every router has its mode and its own key, once, by one commit of ours.
    pub(crate) fn all_run(&self) {
        for place in self.estate.places() {
            assert_eq!(self.mode(&place.router).unwrap(), "strong", "{}", place.router);
            let key = self.key(&place.router).unwrap();
            assert_eq!(key.as_str(), place.endorsement_key, "{}", place.router);
        }
        assert!(!self.conductor().is_dirty());
    }

    /// Asserts that nothing of the plan runs or is left in the candidate.
    pub(crate) fn nothing_runs(&self) {
        for place in self.estate.places() {
            assert_eq!((self.mode(&place.router), self.key(&place.router)), (None, None), "{}", place.router);
        }
        assert!(!self.conductor().is_dirty());
    }
}

pub(crate) fn options() -> WaveOptions {
    WaveOptions { accept_legacy_cutoff: Some(0), ..WaveOptions::default() }
}

pub(crate) fn mode_path(router: &str) -> String {
    format!("/authority/router/{router}/system/secure-conductor-onboarding/mode")
}

pub(crate) fn key_path(router: &str) -> String {
    format!("/authority/router/{router}/node/node0/secure-conductor-onboarding/endorsement-key")
}

/// Clients that wait a second for an answer; waits are some hundred milliseconds.
pub(crate) fn world(estate: &WholeEstate) -> World {
    let pace = Pace {
        poll: Duration::from_millis(80),
        commit: Duration::from_millis(400),
        assignment: Duration::ZERO,
        assigned: Duration::ZERO,
        factor: 1,
    };
    clients::world(estate, Duration::from_secs(1), pace)
}

impl Stage {
    /// Somebody takes away what runs of the plan, and a new run begins.
    pub(crate) fn begin_anew(&mut self) {
        for place in self.estate.places() {
            for path in [mode_path(&place.router), key_path(&place.router)] {
                let (container, _) = path.rsplit_once('/').unwrap();
                self.conductor().foreign(Foreign::Delete(container.to_owned()));
            }
        }
        if self.conductor().is_dirty() {
            self.conductor().commit_by_another().unwrap();
        }
        self.nothing_runs();
        self.folder = tempfile::tempdir().unwrap();
    }

    /// The same estate, with a plan that is made now.
    pub(crate) async fn plan_again(self, options: &PlanOptions) -> Self {
        let plan = clients::plan(&self.world, &self.requests, options).await;
        Self { plan, ..self }
    }
}
