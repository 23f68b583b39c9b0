//! A fake Session Smart Conductor that keeps state: REST and GraphQL behind HTTPS, and a command line.
//!
//! [`FakeConductor`] has a running and a candidate configuration, validation, assets, and an authority of its own that
//! signs onboarding tokens with keys made by OpenSSL. Its shapes are those of documents and of public code that works
//! against the product; whatever is not documented is a field of [`Readings`], with each plausible reading.
//! Misbehaviour comes on order, by [`FakeConductor::misbehave`].
//!
//! Its append-only log of [`Binding`]s says which machine was taken for which node: it is the judge of tests of
//! onboarding. The machine is a [`FakeRouter`](crate::router::FakeRouter), which presents itself.
//!
//! ```
//! use fogbell_testkit::conductor::{ConductorSettings, FakeConductor};
//! use fogbell_testkit::cloud::Misbehaviour;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let conductor = FakeConductor::start(ConductorSettings::default()).await?;
//! conductor.add_router("store-0014", &[("node0", "LR1")]);
//!
//! conductor.edit_candidate("/authority/router/store-0014", json!({ "description": "somebody else's" }));
//! assert!(conductor.is_dirty());
//!
//! conductor.misbehave(Misbehaviour::DoneButSilence).on("/config/commit").times(1);
//! println!("https://{} with {} and {}", conductor.base_host(), conductor.user(), conductor.password());
//! # Ok(())
//! # }
//! ```
//!
//! What it does not do: the protocol on ports 930 and 933 (a router's presenting is a call; the ports are there, and 933
//! shows its certificate), roles of accounts, templates, upgrades, alarms.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use thiserror::Error;

use crate::cloud::{Misbehaving, Misbehaviour};
use crate::door::Door;
use crate::tls::{TlsVersion, server_config};
use crate::{TestCa, TlsError};

mod authority;
mod binding;
mod disturbance;
mod foreign;
mod graphql;
pub(crate) mod jwt;
mod pcli;
mod ports;
mod rest;
mod server;
mod settings;
mod socket;
mod switches;
mod tree;
mod validate;
mod world;

pub use authority::OpensslError;
pub use binding::{Binding, Outcome, Presented};
pub use disturbance::{Disturbance, UnknownDisturbance};
pub use foreign::Foreign;
pub use ports::{Knock, Onboarding, Ports};
pub use settings::{
    AbsentPlace, CertificateForm, CommandWay, CommitAnswer, ConductorSettings, DeleteMeans, Pace, PutMeans,
    Readings, SecretShown, TokenPlace,
};
pub use world::{Ask, Commit};

use authority::Authority;
use ports::Port;
use server::Shared;

/// A conductor on loopback, of one node or two; it ends when it is dropped.
pub struct FakeConductor {
    shared: Arc<Shared>,
    doors: Vec<Door>,
    ports: Vec<Port>,
    ca_pem: String,
    certificate_pem: String,
}

impl FakeConductor {
    /// Starts a conductor: keys and certificates for onboarding by OpenSSL, and for HTTPS one of its own authority, for
    /// the address and `localhost`.
    ///
    /// # Errors
    ///
    /// [`StartError`] when it cannot listen, or there is no `openssl`.
    pub async fn start(settings: ConductorSettings) -> Result<Self, StartError> {
        let address = settings.address;
        let ca = TestCa::new();
        let hosts: Vec<String> = settings.hosts().iter().map(ToString::to_string).collect();
        let names: Vec<&str> = std::iter::once("localhost").chain(hosts.iter().map(String::as_str)).collect();
        let certificate = ca.server(&names);
        let tls = server_config(&certificate, None, TlsVersion::Both)?;
        let nodes = settings.nodes();
        let authority =
            tokio::task::spawn_blocking(Authority::make).await.map_err(|_| StartError::Ended)??;
        let shared = Arc::new(Shared::new(settings, authority));
        let mut doors = Vec::new();
        let hosts = shared.settings.hosts();
        for node in 0..nodes {
            let host = hosts.get(node).copied().unwrap_or_else(|| address.ip());
            // the second node of a pair takes any port
            let port = if node == 0 { address.port() } else { 0 };
            let address = SocketAddr::new(host, port);
            let on_accept = server::on_accept(&shared, Arc::clone(&tls), node);
            doors.push(Door::start(address, None, on_accept).map_err(StartError::Listen)?);
        }
        let ports = ports::open(&shared, nodes).await.map_err(StartError::Listen)?;
        Ok(Self { shared, doors, ports, ca_pem: ca.pem(), certificate_pem: certificate.chain_pem })
    }

    /// Where its first node listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.doors[0].address()
    }

    /// Where each of its nodes listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().map(Door::address).collect()
    }

    /// Host and port of its first node.
    #[must_use]
    pub fn base_host(&self) -> String {
        self.address().to_string()
    }

    /// The authority that has signed its HTTPS certificate, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Its HTTPS certificate, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority that has signed the certificate for onboarding, as PEM (RSA).
    #[must_use]
    pub fn onboarding_ca_pem(&self) -> String {
        self.shared.world().authority.ca_pem.clone()
    }

    /// The certificate for onboarding, as PEM (RSA).
    #[must_use]
    pub fn onboarding_certificate_pem(&self) -> String {
        self.shared.world().authority.server_pem.clone()
    }

    /// Makes a new certificate for onboarding: every token made before is worthless.
    ///
    /// # Errors
    ///
    /// [`OpensslError`].
    pub fn renew_onboarding_certificate(&self) -> Result<(), OpensslError> {
        let authority = Authority::make()?;
        self.shared.world().authority = authority;
        Ok(())
    }

    /// The account that may do everything.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.shared.settings.user
    }

    /// Its password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.shared.settings.password
    }

    /// The address that routers are told, in `conductor_hosts`.
    #[must_use]
    pub fn public_hosts(&self) -> &[String] {
        &self.shared.settings.public_hosts
    }

    /// Stops listening: whoever connects from now on is refused.
    pub async fn close(&self) {
        for door in &self.doors {
            door.close().await;
        }
    }

    /// Listens again at the same ports.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] when somebody else has a port.
    pub async fn open(&self) -> Result<(), StartError> {
        for door in &self.doors {
            door.open().await.map_err(StartError::Listen)?;
        }
        Ok(())
    }

    /// The calls and commands so far, oldest first.
    #[must_use]
    pub fn asked(&self) -> Vec<Ask> {
        self.shared.world().asked.clone()
    }

    /// The calls and commands so far that have `part` in them.
    #[must_use]
    pub fn asked_for(&self, part: &str) -> Vec<Ask> {
        self.asked().into_iter().filter(|ask| ask.what.contains(part)).collect()
    }

    /// The calls and commands so far that were to change something.
    #[must_use]
    pub fn writes(&self) -> Vec<Ask> {
        self.asked().into_iter().filter(|ask| ask.writes).collect()
    }

    /// The commits so far, oldest first.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        self.shared.world().commits.clone()
    }

    /// Every attempt of a machine to be onboarded, oldest first. Nothing is ever taken out.
    #[must_use]
    pub fn bindings(&self) -> Vec<Binding> {
        self.shared.world().bindings.clone()
    }

    /// A machine presents itself, as a router does after it was assigned.
    pub fn present(&self, presented: &Presented) -> Outcome {
        self.shared.world().present(presented)
    }

    /// Orders a misbehaviour of REST; nothing happens before `times` or `always` is said.
    pub fn misbehave(&self, what: Misbehaviour) -> Misbehaving<'_> {
        Misbehaving::new(&self.shared.orders, what)
    }

    /// Forgets every order to misbehave or disturb.
    pub fn behave(&self) {
        self.shared.orders().clear();
        self.shared.disturbances().clear();
    }

    /// Reads the undocumented in another way from now on.
    pub fn read_as(&self, change: impl FnOnce(&mut Readings)) {
        change(&mut self.shared.world().readings);
    }

    /// Orders a disturbance of the command line; nothing happens before `times` or `always` is said. It concerns what
    /// a line runs: an order about `commit` follows the `y` that answers its question.
    pub fn disturb(&self, what: Disturbance) -> Misbehaving<'_, Disturbance> {
        Misbehaving::new(&self.shared.disturbances, what)
    }

    /// Ends every session: the next call with one gets 401.
    pub fn end_sessions(&self) {
        self.shared.world().sessions.clear();
    }

    /// The running configuration, pre-shared secrets and all.
    #[must_use]
    pub fn running(&self) -> Value {
        self.shared.world().running.clone()
    }

    /// The candidate configuration.
    #[must_use]
    pub fn candidate(&self) -> Value {
        self.shared.world().candidate.clone()
    }

    /// What is at a path of the running configuration, as in `/authority/router/r1/node/node0`.
    #[must_use]
    pub fn running_at(&self, path: &str) -> Option<Value> {
        tree::find(&self.shared.world().running, &tree::segments(path)).cloned()
    }

    /// Whether the candidate differs from the running configuration.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.shared.world().is_dirty()
    }

    /// Adds a router with these nodes and their asset ids to both configurations.
    pub fn add_router(&self, name: &str, nodes: &[(&str, &str)]) {
        self.shared.world().add_router(name, nodes);
    }

    /// Validation finds a problem at `path` whenever the candidate has something there that the running configuration
    /// has not in the same way.
    pub fn find_fault(&self, path: &str, message: &str) {
        self.shared.world().faults.push((path.to_owned(), message.to_owned()));
    }

    /// A router that was onboarded in the legacy way runs under this asset id.
    pub fn add_legacy_asset(&self, asset_id: &str) {
        self.shared.world().add_legacy_asset(asset_id);
    }

    /// A second device comes with this asset id.
    pub fn duplicate_asset(&self, asset_id: &str) {
        self.shared.world().duplicates.push(asset_id.to_owned());
    }

    /// The state of an asset as it is shown, as in `running`.
    #[must_use]
    pub fn asset_status(&self, asset_id: &str) -> String {
        self.shared.world().states(asset_id, &self.shared.settings).1
    }

    /// Sets the state of an asset by hand, as in `running` or `disconnected`.
    pub fn set_asset_status(&self, asset_id: &str, status: &str) {
        self.shared.world().set_asset_status(asset_id, status);
    }

    /// The conductor forgets that routers were onboarded: they are shown as `waiting` (known fault I95-65609).
    pub fn forget_onboarded(&self) {
        self.shared.world().forget_onboarded();
    }

    /// Sets the conductor's clock so far ahead of the machine's, or behind it.
    pub fn set_clock(&self, ahead_secs: i64) {
        self.shared.world().ahead_secs = ahead_secs;
    }

    /// Makes a token as the command line does, whatever the conductor's state.
    ///
    /// # Errors
    ///
    /// What the command line would say.
    pub fn make_token(&self, router: &str, hours: u32) -> Result<String, String> {
        let settings = &self.shared.settings;
        self.shared.world().token(router, i64::from(hours) * 3_600, settings)
    }

    /// Serves the command line at a Unix socket at `path`, which the program `fogbell-testkit-pcli` connects to.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn serve_command_line(&self, path: &Path) -> std::io::Result<()> {
        socket::serve(&self.shared, path)
    }
}

impl Drop for FakeConductor {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl std::fmt::Debug for FakeConductor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeConductor").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// Why a conductor could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be bound.
    #[error("cannot listen")]
    Listen(#[source] std::io::Error),
    /// The certificate cannot be used.
    #[error("no TLS")]
    Tls(#[from] TlsError),
    /// OpenSSL made no keys.
    #[error("no keys for onboarding")]
    Keys(#[from] OpensslError),
    /// The runtime ended.
    #[error("the runtime ended")]
    Ended,
}

/// Puts the same text for every pre-shared secret.
pub(crate) fn hide_secrets(tree: &mut Value) {
    tree::change_all(tree, "pre-shared-secret", &|_| Some("a secret".into()));
}

/// Whether a call changes something.
fn writes(method: &Method, path: &str) -> bool {
    let reads = ["/login", "/graphql", "/config/validate"];
    *method != Method::GET && !reads.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests;
