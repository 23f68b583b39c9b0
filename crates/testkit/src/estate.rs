//! Everything around an onboarding at once: a cloud, a conductor, and routers that live by themselves.
//!
//! [`WholeEstate`] is made from numbers: so many virtual routers, pairs, routers of hardware and legacy routers on so many
//! sites, all of them in Mist and on the conductor, none of them assigned. Its routers act as soon as they are assigned. What
//! was done to it is told by its [judge](WholeEstate::broken_rules).
//!
//! ```
//! use fogbell_testkit::estate::{EstateSettings, WholeEstate};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = EstateSettings { virtual_routers: 2, pairs: 1, sites: 2, ..EstateSettings::default() };
//! let estate = WholeEstate::start(settings).await?;
//! assert_eq!(estate.places().len(), 4); // a pair has two nodes
//!
//! let before = estate.mark();
//! // … onboard them …
//! assert_eq!(estate.writes_since(before), [] as [String; 0]);
//! assert_eq!(estate.broken_rules(), [] as [String; 0]);
//! # Ok(())
//! # }
//! ```

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ids::{Mac, OrgId, SiteId, Timestamp};
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::cloud::{self, CloudSettings, FakeCloud, NoSuch};
use crate::conductor::{self, ConductorSettings, FakeConductor, Ports};
use crate::rng::Rng;
use crate::router::{Attempt, Fleet};
use crate::{SshServer, SshdError, Switch, UnknownSwitch};

mod files;
mod judge;
mod make;
mod rules;

pub use judge::Mark;

/// What a [`WholeEstate`] is made from.
#[derive(Clone, Debug)]
pub struct EstateSettings {
    /// Virtual routers of one node: their endorsement keys are those of TPMs.
    pub virtual_routers: usize,
    /// Routers of hardware (SSR400) of one node, which are known by their serial numbers.
    pub hardware: usize,
    /// Virtual routers of two nodes.
    pub pairs: usize,
    /// Routers that were onboarded in the legacy way and run; Mist has them too, unassigned.
    pub legacy: usize,
    /// The sites, over which the routers are spread in turn.
    pub sites: usize,
    /// Whether the conductor has the routers already; else they are to be made.
    pub configured: bool,
    /// Whether the conductor has the documented ports 930, 933, 4505 and 4506, on loopback addresses of its own, which are
    /// then those that routers are told. Needs root.
    pub documented_ports: bool,
    /// The cloud, its organisations aside.
    pub cloud: CloudSettings,
    /// The conductor, its ports and hosts aside when it has the documented ones. Secure onboarding is in effect there unless
    /// told otherwise.
    pub conductor: ConductorSettings,
    /// What the ids are made from.
    pub seed: u64,
}

impl Default for EstateSettings {
    fn default() -> Self {
        Self {
            virtual_routers: 1,
            hardware: 0,
            pairs: 0,
            legacy: 0,
            sites: 1,
            configured: true,
            documented_ports: false,
            cloud: CloudSettings::default(),
            conductor: ConductorSettings { in_effect: true, ..ConductorSettings::default() },
            seed: 1,
        }
    }
}

/// One node of one router, and where it is meant to come: the truth that bindings are judged by.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Place {
    /// The router on the conductor.
    pub router: String,
    /// The node on the conductor.
    pub node: String,
    /// The device in Mist.
    pub mac: Mac,
    /// The asset id of the node.
    pub asset_id: String,
    /// The model in Mist.
    pub model: &'static str,
    /// The serial number in Mist.
    pub serial: String,
    /// The site that it is for.
    pub site: SiteId,
    /// The name of the site.
    pub site_name: String,
    /// The endorsement key of its TPM; hardware has none here.
    pub endorsement_key: Option<&'static str>,
}

/// A cloud, a conductor and routers that live by themselves; they end when it is dropped.
#[derive(Debug)]
pub struct WholeEstate {
    cloud: Arc<FakeCloud>,
    conductor: Arc<FakeConductor>,
    org: OrgId,
    places: Vec<Place>,
    legacy: Vec<Place>,
    fleet: Arc<Mutex<Fleet>>,
    attempts: Arc<Mutex<Vec<(Timestamp, Mac, Attempt)>>>,
    life: JoinHandle<()>,
    ssh: Option<SshServer>,
}

impl WholeEstate {
    /// Starts everything.
    ///
    /// # Errors
    ///
    /// [`StartError`] when something cannot listen, or there is no `openssl`.
    pub async fn start(settings: EstateSettings) -> Result<Self, StartError> {
        let made = make::make(&settings);
        let cloud = CloudSettings { estate: made.estate.clone(), ..settings.cloud.clone() };
        let cloud = Arc::new(FakeCloud::start(cloud).await?);
        let conductor = Arc::new(start_conductor(&settings).await?);
        let org = made.fill(&settings, &cloud, &conductor)?;
        let fleet = Arc::new(Mutex::new(Fleet::new(made.routers())));
        let attempts = Arc::default();
        let life =
            live(Arc::clone(&cloud), Arc::clone(&conductor), Arc::clone(&fleet), Arc::clone(&attempts));
        let life = tokio::spawn(life);
        let make::Made { places, legacy, .. } = made;
        Ok(Self { cloud, conductor, org, places, legacy, fleet, attempts, life, ssh: None })
    }

    /// Puts the command line of the conductor behind a real OpenSSH server, whose login shell is the program
    /// `fogbell-testkit-pcli` at `shell`; its files are in `folder`, which exists. Needs root.
    ///
    /// # Errors
    ///
    /// [`SshdError`].
    pub fn serve_ssh(&mut self, folder: &Path, shell: &Path) -> Result<&SshServer, SshdError> {
        let socket = folder.join("pcli.sock");
        self.conductor.serve_command_line(&socket)?;
        let socket = socket.display().to_string();
        let server = SshServer::start(folder, shell, &[("FOGBELL_TESTKIT_PCLI", &socket)])?;
        Ok(self.ssh.insert(server))
    }

    /// The cloud.
    #[must_use]
    pub fn cloud(&self) -> &FakeCloud {
        &self.cloud
    }

    /// The conductor.
    #[must_use]
    pub fn conductor(&self) -> &FakeConductor {
        &self.conductor
    }

    /// The server for the command line, once it is there.
    #[must_use]
    pub const fn ssh(&self) -> Option<&SshServer> {
        self.ssh.as_ref()
    }

    /// The organisation.
    #[must_use]
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// Every node that is to be onboarded, router by router.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Every node that runs in the legacy way.
    #[must_use]
    pub fn legacy(&self) -> &[Place] {
        &self.legacy
    }

    /// The routers themselves: to change their keys and clocks, and when they try again.
    pub fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every switch of cloud, conductor and routers.
    #[must_use]
    pub fn switches() -> Vec<Switch> {
        [cloud::Readings::SWITCHES, conductor::Readings::SWITCHES, Fleet::SWITCHES].concat()
    }

    /// Sets a switch, whosever it is.
    ///
    /// # Errors
    ///
    /// [`UnknownSwitch`] for what is not among the [`switches`](Self::switches).
    pub fn switch(&self, name: &str, value: &str) -> Result<(), UnknownSwitch> {
        let mut done = self.fleet().set(name, value);
        self.cloud.read_as(|readings| done = done.clone().or_else(|_| readings.set(name, value)));
        self.conductor.read_as(|readings| done = done.clone().or_else(|_| readings.set(name, value)));
        done
    }

    /// What routers did after they were assigned, oldest first.
    #[must_use]
    pub fn attempts(&self) -> Vec<(Timestamp, Mac, Attempt)> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for WholeEstate {
    fn drop(&mut self) {
        self.life.abort();
    }
}

/// The routers look around after every call to the cloud, and now and then without one.
async fn live(
    cloud: Arc<FakeCloud>,
    conductor: Arc<FakeConductor>,
    fleet: Arc<Mutex<Fleet>>,
    attempts: Arc<Mutex<Vec<(Timestamp, Mac, Attempt)>>>,
) {
    loop {
        let seen = cloud.call_count();
        let looked = fleet.lock().unwrap_or_else(PoisonError::into_inner).look(&cloud, &conductor);
        let now = Timestamp::now();
        let looked = looked.into_iter().flatten().map(|(mac, attempt)| (now, mac, attempt));
        attempts.lock().unwrap_or_else(PoisonError::into_inner).extend(looked);
        let _ = cloud.wait_for_calls(seen + 1, NOW_AND_THEN).await; // nothing was asked
    }
}

/// With the documented ports: on addresses that nobody else has them on.
async fn start_conductor(settings: &EstateSettings) -> Result<FakeConductor, conductor::StartError> {
    if !settings.documented_ports {
        return FakeConductor::start(settings.conductor.clone()).await;
    }
    let mut rng =
        Rng::new(u64::try_from(Timestamp::now().micros()).unwrap_or(1) ^ u64::from(std::process::id()));
    let nodes = if settings.conductor.pair { 2 } else { 1 };
    let mut tries = 0;
    loop {
        let hosts: Vec<IpAddr> = (0..nodes).map(|_| loopback(&mut rng)).collect();
        let conductor = ConductorSettings {
            public_hosts: hosts.iter().map(ToString::to_string).collect(),
            ports: Some(Ports { legacy_open: !settings.conductor.in_effect, ..Ports::documented(hosts) }),
            ..settings.conductor.clone()
        };
        tries += 1;
        match FakeConductor::start(conductor).await {
            Err(conductor::StartError::Listen(error))
                if error.kind() == std::io::ErrorKind::AddrInUse && tries < MOST_TRIES => {}
            done => return done,
        }
    }
}

/// An address of loopback that is not `127.0.0.1`.
fn loopback(rng: &mut Rng) -> IpAddr {
    let [.., a, b, c] = rng.bits().to_be_bytes();
    Ipv4Addr::new(127, a.clamp(1, 254), b, c.clamp(1, 254)).into()
}

/// Why an estate could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The cloud could not.
    #[error("no cloud")]
    Cloud(#[from] cloud::StartError),
    /// The conductor could not.
    #[error("no conductor")]
    Conductor(#[from] conductor::StartError),
    /// Something is not in the cloud that was just made.
    #[error("the cloud is not as it was made")]
    NoSuch(#[from] NoSuch),
}

const NOW_AND_THEN: Duration = Duration::from_millis(250);
const MOST_TRIES: u32 = 16;

#[cfg(test)]
mod tests;
