//! What the operator asks for beside the list, and the plan that comes of both.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ids::{Mac, SiteId};
use sco::RouterName;
use sco::certificate::Certificate;
use sco::decide::Deadlines;
use sco::input::{Names, RouterRequest, Sheet};
use sco::plan::{Plan, PlanOptions};
use sco::run::World;

use crate::asking::ask;
use crate::exit::Failure;
use crate::profile::Session;
use crate::routers::{Reading, places};

/// What is asked for beside the list.
#[derive(clap::Args)]
pub(crate) struct Wishes {
    #[command(flatten)]
    reading: Reading,
    /// Let routers and nodes that the conductor does not have be made: name, role and asset id
    #[arg(long)]
    create_routers: bool,
    /// Let the identity of this router be replaced, after its machine was; once for each, and never while it is connected
    #[arg(long, value_name = "ROUTER")]
    replace_identity: Vec<RouterName>,
    /// Take this router, which is at its site and not onboarded, from the site and assign it again; once for each
    #[arg(long, value_name = "ROUTER")]
    reassign: Vec<RouterName>,
    /// Onboard devices too that are not connected to Mist; their tokens run while they are away
    #[arg(long)]
    allow_offline: bool,
    /// Let mode `weak` be set, in which a router proves nothing of itself
    #[arg(long)]
    danger_allow_weak: bool,
    /// One more name that Mist gives virtual routers
    #[arg(long, value_name = "MODEL")]
    virtual_model: Vec<Box<str>>,
    /// File with authorities of device ID certificates; without one these are `unverified`
    #[arg(long, value_name = "FILE")]
    device_id_root: Vec<PathBuf>,
    /// How many routers come first and alone
    #[arg(long, value_name = "N", default_value_t = 1)]
    canary: usize,
    /// How many routers share one commit
    #[arg(long, value_name = "N", default_value_t = 20)]
    wave_size: usize,
    /// Minutes from the assignment to the authentication; past them a router is `waiting`
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    auth_minutes: u32,
    /// Minutes from the assignment until it runs; past them it is `degraded`, and holds its site
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    running_minutes: u32,
    /// Minutes for which all must hold before a router counts as verified
    #[arg(long, value_name = "MINUTES", default_value_t = 5)]
    stable_minutes: u32,
}

/// A plan, and what it was made from.
pub(crate) struct Made {
    pub(crate) plan: Plan,
    /// The names of sites.
    pub(crate) sites: BTreeMap<SiteId, Box<str>>,
    /// The conductor's software.
    pub(crate) version: Option<conductor::Version>,
    /// What is odd, one line each.
    pub(crate) notes: Vec<Box<str>>,
}

impl Wishes {
    /// Judges the whole list, asks Mist and the conductor, and makes the plan. What is wrong with the list is told, with
    /// its places.
    pub(crate) fn plan(&self, session: &Session, file: &Path) -> Result<Made, Failure> {
        let sheet = self.reading.sheet(file)?;
        if let Err(faults) = sheet.judge() {
            return Err(faulty(file, &faults, "Mist was not asked")?);
        }
        let options = self.options()?;
        ask(async { self.made(&session.world, file, sheet, &options).await })
    }

    async fn made(
        &self,
        world: &World,
        file: &Path,
        sheet: Sheet,
        options: &PlanOptions,
    ) -> Result<Made, Failure> {
        let catalogue = world.catalogue().await?;
        let names = Names { sites: &catalogue.sites, inventory: &catalogue.inventory };
        let requests = match sheet.resolve(&names) {
            Ok(requests) => requests,
            Err(faults) => return Err(faulty(file, &faults, "nothing was changed")?),
        };
        let device_ids = device_ids(&requests)?;
        let seen = world.observe(&catalogue, &requests, &options.virtual_models, device_ids).await?;
        Ok(Made {
            plan: Plan::make(&requests, &seen.observed, options),
            sites: catalogue.sites.into_iter().collect(),
            version: seen.observed.conductor.version,
            notes: seen.notes,
        })
    }

    fn options(&self) -> Result<PlanOptions, Failure> {
        let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes) * 60);
        if self.auth_minutes == 0 || self.running_minutes < self.auth_minutes {
            return Err(Failure::usage(
                "--running-minutes cannot be less than --auth-minutes, nor either of them 0",
            ));
        }
        let mut device_id_roots = Vec::new();
        for path in &self.device_id_root {
            let wrong = |what: String| Failure::usage(format!("`{}`: {what}", path.display()));
            let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
            device_id_roots.extend(Certificate::parse_all(&bytes).map_err(|error| wrong(error.to_string()))?);
        }
        Ok(PlanOptions {
            create_routers: self.create_routers,
            replace_identity: self.replace_identity.iter().cloned().collect(),
            reassign: self.reassign.iter().cloned().collect(),
            allow_offline: self.allow_offline,
            danger_allow_weak: self.danger_allow_weak,
            allow: self.reading.allow_format.iter().copied().collect(),
            device_id_roots,
            virtual_models: self.virtual_model.clone(),
            canary: self.canary,
            wave_size: self.wave_size.max(1),
            deadlines: Deadlines {
                auth: minutes(self.auth_minutes),
                running: minutes(self.running_minutes),
                stable: minutes(self.stable_minutes),
            },
        })
    }
}

/// Tells every fault of the list with its place.
fn faulty(file: &Path, faults: &sco::input::Faults, so: &str) -> io::Result<Failure> {
    write!(io::stderr(), "{}", places(file, faults))?;
    Ok(Failure::usage(format!("{faults}; {so}")))
}

/// The device ID certificates that the list names.
fn device_ids(requests: &[RouterRequest]) -> Result<BTreeMap<Mac, Box<[u8]>>, Failure> {
    let mut read = BTreeMap::new();
    for node in requests.iter().flat_map(|request| &request.nodes) {
        let Some(path) = &node.device_id else { continue };
        let bytes = crate::input::Input::read(path, MOST_CERTIFICATE)?.bytes;
        read.insert(node.mac, bytes.as_slice().into());
    }
    Ok(read)
}

const MOST_CERTIFICATE: usize = 128 * 1024;
