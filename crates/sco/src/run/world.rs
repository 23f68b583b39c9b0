//! What a run acts on, and reading all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use ids::{Mac, OrgId, SiteId, Timestamp};
use mist::{Scope, ssr};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::LookError;
use super::look::{AT_ONCE, routers};
use crate::RouterName;
use crate::decide::Deadlines;
use crate::ek::{Export, Exported, SpkiFingerprint};
use crate::input::RouterRequest;
use crate::observe::{ConductorState, Inventory, Observed, Platform, Site, SsrState};

/// Mist, an organisation of it, and a conductor.
#[derive(Debug)]
pub struct World {
    /// Mist, with its budget and its patience.
    pub mist: mist::Client,
    /// The organisation.
    pub org: OrgId,
    /// The conductor by REST and GraphQL.
    pub conductor: conductor::Conductor,
    /// Its command line, where the operator has one.
    pub pcli: Option<conductor::Pcli>,
    /// How fast both are asked.
    pub pace: Pace,
}

/// How long a run waits where it waits.
///
/// [`divided_by`](Self::divided_by) makes all of it shorter, for tests and demonstrations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// Between two looks at the same thing.
    pub poll: Duration,
    /// How long a commit without a clear answer is looked for in the running configuration.
    pub commit: Duration,
    /// Between two assignments.
    pub assignment: Duration,
    /// How long an assignment without an answer is looked for in the inventory, from when it was sent.
    pub assigned: Duration,
    /// By what every wait is divided.
    pub factor: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(20),
            commit: Duration::from_secs(300),
            assignment: Duration::from_secs(1),
            assigned: Duration::from_secs(120),
            factor: 1,
        }
    }
}

impl Pace {
    /// The same, with every wait divided by `factor`; 0 is taken for 1.
    #[must_use]
    pub fn divided_by(self, factor: u32) -> Self {
        let factor = factor.max(1);
        Self {
            poll: self.poll / factor,
            commit: self.commit / factor,
            assignment: self.assignment / factor,
            assigned: self.assigned / factor,
            factor: self.factor.saturating_mul(factor),
        }
    }

    /// Deadlines that are divided as every wait is. The lifetime of tokens is told from the undivided ones.
    #[must_use]
    pub fn deadlines(&self, deadlines: &Deadlines) -> Deadlines {
        Deadlines {
            auth: deadlines.auth / self.factor,
            running: deadlines.running / self.factor,
            stable: deadlines.stable / self.factor,
        }
    }
}

/// What names in the operator's list may stand for.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Every site of the organisation with its name.
    pub sites: Vec<(SiteId, Box<str>)>,
    /// Every router of the organisation.
    pub inventory: Inventory,
    /// When it was read.
    pub time: Timestamp,
}

/// Everything that was read, and what of it a person should know.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What a plan is made from.
    pub observed: Observed,
    /// The conductor's name as a router.
    pub conductor: Option<Box<str>>,
    /// How far the conductor's clock is from this machine's, and whether it is ahead; none when it does not tell.
    pub skew: Option<(Duration, bool)>,
    /// What is odd, one line each.
    pub notes: Vec<Box<str>>,
}

impl World {
    /// The sites and the routers of the organisation, each listed once.
    ///
    /// # Errors
    ///
    /// [`LookError::Mist`].
    pub async fn catalogue(&self) -> Result<Catalogue, LookError> {
        let time = Timestamp::now();
        let devices = self.inventory_rows(&routers()).await?;
        let listed = self.mist.pages(mist::sites::list(self.org)).all().await;
        let sites = listed.map_err(LookError::mist("the sites"))?;
        let site = |site: mist::sites::Site| Some((site.id?, site.name.unwrap_or_default().into()));
        Ok(Catalogue {
            sites: sites.into_iter().filter_map(site).collect(),
            inventory: Inventory::of(&devices),
            time,
        })
    }

    /// Everything that a plan for `requests` needs beside the `catalogue`.
    ///
    /// `virtual_models` are more names of virtual routers, which are the ones whose ID token is exported; `device_ids`
    /// are the certificates from the operator's files. Calls to Mist: one for each site, one for the organisation, and
    /// one for each fifty ID tokens. What stands under `requests` and is not in the inventory is not asked for.
    ///
    /// # Errors
    ///
    /// [`LookError`]; a plan is made from all of it or not at all.
    pub async fn observe(
        &self,
        catalogue: &Catalogue,
        requests: &[RouterRequest],
        virtual_models: &[Box<str>],
        device_ids: BTreeMap<Mac, Box<[u8]>>,
    ) -> Result<Seen, LookError> {
        let mut notes = Vec::new();
        let named: BTreeSet<SiteId> = requests.iter().map(|request| request.site).collect();
        let sites = self.sites(catalogue, &named).await?;
        let org_ssr = SsrState::of(Some(&self.org_setting().await?));
        let wanted = requests.iter().flat_map(|request| &request.nodes).map(|node| node.mac);
        let is_virtual = |mac: &Mac| {
            let device = catalogue.inventory.device(*mac);
            device.is_some_and(|device| device.platform(virtual_models) == Platform::Virtual)
        };
        let macs: BTreeSet<Mac> = wanted.filter(is_virtual).collect();
        let exports = self.export(&macs, &mut notes).await?;
        let names = requests.iter().map(|request| request.name.clone()).collect();
        let system = self.conductor.system().await.map_err(LookError::conductor("the version"))?;
        let skew = system.skew(SystemTime::now());
        let (conductor, name) = self.conductor_state(names, system).await?;
        let observed = Observed {
            time: catalogue.time,
            org: self.org,
            inventory: catalogue.inventory.clone(),
            sites,
            org_ssr,
            exports,
            device_ids,
            conductor,
        };
        Ok(Seen { observed, conductor: name, skew, notes })
    }

    /// The settings of the `named` sites, some at a time.
    async fn sites(
        &self,
        catalogue: &Catalogue,
        named: &BTreeSet<SiteId>,
    ) -> Result<BTreeMap<SiteId, Site>, LookError> {
        let known = catalogue.sites.iter().filter(|(site, _)| named.contains(site));
        let mut waiting = known.cloned();
        let mut asked: JoinSet<(SiteId, Box<str>, Result<ssr::Setting, mist::Problem>)> = JoinSet::new();
        let mut sites = BTreeMap::new();
        loop {
            while asked.len() < AT_ONCE
                && let Some((site, name)) = waiting.next()
            {
                let mist = self.mist.clone();
                asked.spawn(async move {
                    let setting = mist.send(&ssr::setting(Scope::Site(site))).await;
                    (site, name, setting)
                });
            }
            let Some(done) = asked.join_next().await else { return Ok(sites) };
            let (site, name, setting) = done.expect("a question is neither aborted nor does it panic");
            let setting = setting.map_err(LookError::mist("a site's settings"))?;
            sites.insert(site, Site { name, ssr: SsrState::of(setting.ssr.as_ref()) });
        }
    }

    /// The ID tokens of `macs`, each accounted for.
    async fn export(
        &self,
        macs: &BTreeSet<Mac>,
        notes: &mut Vec<Box<str>>,
    ) -> Result<BTreeMap<Mac, Exported>, LookError> {
        let macs: Vec<Mac> = macs.iter().copied().collect();
        let mut exports = BTreeMap::new();
        for batch in macs.chunks(ID_TOKENS_A_CALL) {
            let export = self.export_batch(batch).await?;
            if !export.unasked.is_empty() {
                let macs: Vec<String> = export.unasked.iter().map(ToString::to_string).collect();
                notes.push(
                    format!("Mist returned ID tokens that nobody asked for, of {}", macs.join(", ")).into(),
                );
            }
            if export.nameless > 0 {
                notes.push(format!("Mist returned {} ID tokens without an address", export.nameless).into());
            }
            exports.extend(export.routers);
        }
        Ok(exports)
    }

    /// The client does not repeat an export, since it is a POST; it changes nothing, so it is repeated here.
    async fn export_batch(&self, batch: &[Mac]) -> Result<Export, LookError> {
        let mut tries = 1;
        loop {
            match self.mist.send(&ssr::export_id_tokens(self.org, batch)).await {
                Ok(answer) => return Ok(Export::account(batch, &answer)),
                Err(problem) if problem.retry_helps() && tries < EXPORT_TRIES => {
                    tracing::warn!(problem = %problem, "asking for ID tokens once more");
                    tries += 1;
                    sleep(self.pace.poll / 4).await;
                }
                Err(source) => return Err(LookError::Mist { what: "ID tokens", source }),
            }
        }
    }

    /// The conductor, and its name as a router.
    async fn conductor_state(
        &self,
        routers: BTreeSet<RouterName>,
        system: conductor::System,
    ) -> Result<(ConductorState, Option<Box<str>>), LookError> {
        let looked = conductor::Conductor::look(self.conductor.host(), LOOK).await;
        let pin = looked.map_err(LookError::conductor("the certificate"))?;
        let (running, candidate) = (self.running().await?, self.candidate().await?);
        let (assets, duplicate_assets) = self.assets().await?;
        let connected = self.connected(&routers, system.router.as_deref()).await?;
        let state = ConductorState {
            pin: SpkiFingerprint::from(pin),
            version: Some(system.version),
            running,
            candidate,
            assets,
            duplicate_assets,
            connected,
        };
        Ok((state, system.router.map(Into::into)))
    }
}

/// Ours: the vendor's document names no bound.
const ID_TOKENS_A_CALL: usize = 50;
const EXPORT_TRIES: u32 = 4;
const LOOK: Duration = Duration::from_secs(10);
