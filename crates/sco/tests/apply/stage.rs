//! An estate, everything that reaches it, and a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use fogbell_sco::RouterName;
use fogbell_sco::certificate::Certificate;
use fogbell_sco::input::RouterRequest;
use fogbell_sco::plan::{Plan, PlanOptions};
use fogbell_sco::run::{
    Applied, ApplyOptions, ApplyStop, End, Happened, Header, Keep, KeepError, Pace, Progress, Record, RunId,
    Stop, TokenTrust, Watch, World, apply,
};
use fogbell_sco::token::{Anchor, OnboardingToken};
use ids::{SiteId, Timestamp};
use testkit::conductor::ConductorSettings;
use testkit::estate::{EstateSettings, WholeEstate};

use super::clients;

/// An estate with a plan for its routers, the folder of a run, and what is kept.
pub(crate) struct Stage {
    pub(crate) estate: WholeEstate,
    pub(crate) world: World,
    pub(crate) requests: Vec<RouterRequest>,
    pub(crate) plan: Plan,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) kept: Kept,
    pub(crate) log: Log,
    _ssh: tempfile::TempDir,
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
    pub(crate) fn lines(&self) -> String {
        self.0.lock().unwrap().iter().map(|what| format!("{what}\n")).collect()
    }
}

/// Tokens that survive what a test calls a crash.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<BTreeMap<RouterName, String>>);

impl Keep for Kept {
    fn put(&self, router: &RouterName, token: &OnboardingToken) -> Result<(), KeepError> {
        self.0.lock().unwrap().insert(router.clone(), token.expose().to_owned());
        Ok(())
    }

    fn get(&self, router: &RouterName) -> Result<Option<OnboardingToken>, KeepError> {
        Ok(self.0.lock().unwrap().get(router).map(|text| OnboardingToken::parse(text).unwrap()))
    }

    fn remove(&self, router: &RouterName) -> Result<(), KeepError> {
        self.0.lock().unwrap().remove(router);
        Ok(())
    }
}

impl Stage {
    /// So many virtual routers, `store-0001` and so on, each with a site of its own.
    pub(crate) async fn of(routers: usize) -> Self {
        Self::with(EstateSettings { virtual_routers: routers, sites: routers, ..EstateSettings::default() })
            .await
    }

    pub(crate) async fn with(settings: EstateSettings) -> Self {
        Self::planned(settings, &PlanOptions { canary: 0, ..PlanOptions::default() }).await
    }

    pub(crate) async fn planned(settings: EstateSettings, options: &PlanOptions) -> Self {
        let moments = testkit::conductor::Pace {
            completed: Duration::from_millis(100),
            running: Duration::from_millis(300),
        };
        let conductor = ConductorSettings { pace: moments, ..settings.conductor };
        let mut estate = WholeEstate::start(EstateSettings { conductor, ..settings }).await.unwrap();
        let ssh = tempfile::tempdir().unwrap();
        let shell =
            PathBuf::from(std::env::var_os("FOGBELL_TESTKIT_BIN_DIR").expect("cargo xtask test sets it"));
        let config = estate.serve_ssh(ssh.path(), &shell.join("fogbell-testkit-pcli")).unwrap().ssh_config();
        let mut settings = conductor::PcliSettings::new("conductor");
        settings.config = Some(config);
        settings.timeout = Duration::from_secs(10);
        // minutes are less than a second
        let mut world = clients::world(&estate, Duration::from_secs(2), Pace::default().divided_by(FACTOR));
        world.pcli = Some(conductor::Pcli::new(settings).unwrap());
        let requests = clients::requests(&estate, &world).await;
        let folder = tempfile::tempdir().unwrap();
        let plan = clients::plan(&world, &requests, options).await;
        let (kept, log) = Default::default();
        Self { estate, world, requests, plan, folder, kept, log, _ssh: ssh }
    }

    /// The same estate with a plan that is made now, and a run that begins.
    pub(crate) async fn plan_again(self, options: &PlanOptions) -> Self {
        let plan = clients::plan(&self.world, &self.requests, options).await;
        Self { plan, folder: tempfile::tempdir().unwrap(), ..self }
    }

    /// A run of its own for the same plan.
    pub(crate) fn begin_again(&mut self) {
        self.folder = tempfile::tempdir().unwrap();
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
            options: Vec::new(),
        };
        Record::create(self.folder.path(), header).unwrap()
    }

    pub(crate) fn progress(&self) -> Progress {
        Record::read(self.folder.path()).unwrap()
    }

    /// What is asked for unless a test wants something else: the authority is known, no legacy router is cut off.
    pub(crate) fn options(&self) -> ApplyOptions {
        let pem = self.estate.conductor().onboarding_ca_pem();
        let anchor = Certificate::parse_all(pem.as_bytes()).unwrap().remove(0);
        ApplyOptions {
            accept_legacy_cutoff: Some(self.estate.legacy().len()),
            trust: TokenTrust { anchor: Some(Anchor::Certificate(anchor)), ..TokenTrust::default() },
            max_failures: 100,
            ..ApplyOptions::default()
        }
    }

    pub(crate) async fn apply(&self) -> Applied {
        self.apply_with(&self.options()).await.unwrap()
    }

    pub(crate) async fn apply_with(&self, options: &ApplyOptions) -> Result<Applied, ApplyStop> {
        self.apply_until(options, &Stop::never()).await
    }

    pub(crate) async fn apply_until(
        &self,
        options: &ApplyOptions,
        stop: &Stop,
    ) -> Result<Applied, ApplyStop> {
        let record = self.record();
        apply(&self.world, &self.plan, &record, &self.kept, options, &self.log, stop).await
    }

    pub(crate) fn site(&self, router: &str) -> SiteId {
        self.place(router).site
    }

    pub(crate) fn place(&self, router: &str) -> &testkit::estate::Place {
        self.estate.places().iter().find(|place| place.router == router).unwrap()
    }

    /// Nothing was done that may never be done, and nobody stands in another's place.
    pub(crate) fn is_safe(&self) {
        assert_eq!(self.estate.broken_rules(), [] as [String; 0], "{}", self.log.lines());
        assert_eq!(self.estate.wrong_bindings(), []);
    }

    /// Every device was assigned once, and every wave committed once.
    pub(crate) fn once(&self, context: &str) {
        let mut assigned = self.estate.assignments();
        assigned.sort();
        let macs: Vec<_> = self.estate.places().iter().map(|place| place.mac).collect();
        assert_eq!(assigned, macs, "{context}");
        assert_eq!(self.estate.commits(), self.plan.waves().len(), "{context}");
        assert_eq!(self.estate.unassignments(), [], "{context}");
    }
}

/// How a router ended.
pub(crate) fn end<'a>(applied: &'a Applied, router: &str) -> &'a End {
    &applied.routers[&router.parse::<RouterName>().unwrap()]
}

/// Why a router stopped.
pub(crate) fn why<'a>(applied: &'a Applied, router: &str) -> &'a str {
    match end(applied, router) {
        End::Failed(why) => why,
        other => panic!("{router}: {other:?}"),
    }
}

/// A quarter of an hour is six seconds.
pub(crate) const FACTOR: u32 = 150;
