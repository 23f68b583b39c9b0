//! A fake Mist cloud that keeps state, behind HTTPS.
//!
//! [`FakeCloud`] serves the part of Mist's REST API that clients of the relay and of router onboarding call,
//! and posts signed deliveries when something happens. What is done by a call or by the handle shows in every
//! later answer. Everything is built from documented shapes; what Mist does not document is a field of
//! [`CloudSettings`] or is said where it was decided. Misbehaviour comes on order, by [`FakeCloud::misbehave`].
//!
//! ```
//! use fogbell_testkit::cloud::{CloudSettings, FakeCloud, Misbehaviour, NewWebhook};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cloud = FakeCloud::start(CloudSettings::default()).await?;
//! let org = cloud.organisations()[0];
//! let switch = cloud.devices(org)?.into_iter().find(|device| device.model.starts_with("EX")).unwrap();
//! cloud.add_webhook(org, NewWebhook::new("https://127.0.0.1:9/", b"secret", &["alarms"]))?;
//!
//! let happened = cloud.device_down(switch.mac).await?; // inventory, alarm, event, deliveries
//! assert!(!happened.deliveries[0].is_success()); // nobody listens there, and the log says so
//!
//! cloud.misbehave(Misbehaviour::Status(503)).on("/inventory").times(3);
//! println!("https://{}/api/v1 with {}", cloud.base_host(), cloud.token(org));
//! # Ok(())
//! # }
//! ```
//!
//! What it does not do: sign-in with a password or a session, hold back a `device-down` by a threshold, send to
//! webhooks of another `type` than `http-post`, retry a delivery, aggregate events, refuse by source address.
//! Source of the shapes: Mist OpenAPI 2607.1.0.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ids::{Mac, OrgId, SiteId};
use thiserror::Error;

use crate::door::Door;
use crate::inbox::Missed;
use crate::tls::{TlsVersion, server_config};
use crate::{TestCa, TlsError};

mod ask;
mod calls;
mod change;
mod definitions;
mod deliver;
mod device;
mod estate;
mod foreign;
mod happen;
mod idtoken;
pub(crate) mod misbehaviour;
mod occur;
mod readings;
pub(crate) mod reply;
mod routes;
mod rows;
mod search;
mod server;
mod settings;
mod switches;
mod token;
mod webhook;
mod world;

pub use crate::orders::Misbehaving;
pub(crate) use ask::matches;
pub use calls::Call;
pub use change::NewWebhook;
pub use deliver::{Delivered, Posting};
pub use device::{CloudDevice, Conducted};
pub use estate::Estate;
pub use foreign::{AssignmentFault, Foreign};
pub use happen::MarvisState;
pub use misbehaviour::{Misbehaviour, UnknownMisbehaviour};
pub use occur::Happened;
pub use readings::{Derived, EmptyToken, NoIdToken, Readings, SsrPut, TokenShown, TooManyMacs};
pub use settings::{CloudSettings, PageHeaders, Payloads};

use foreign::Waiting;
use server::Shared;

/// A Mist cloud on loopback; it ends when it is dropped.
pub struct FakeCloud {
    shared: Arc<Shared>,
    door: Door,
    ca_pem: String,
}

impl FakeCloud {
    /// Starts a cloud, with a certificate of its own authority for the address and `localhost`.
    ///
    /// # Errors
    ///
    /// [`StartError`] when it cannot listen.
    pub async fn start(settings: CloudSettings) -> Result<Self, StartError> {
        let address = settings.address;
        let ca = TestCa::new();
        let certificate = ca.server(&["localhost", &address.ip().to_string()]);
        let tls = server_config(&certificate, None, TlsVersion::Both)?;
        let shared = Arc::new(Shared::new(settings));
        let on_accept = server::on_accept(&shared, tls);
        let door = Door::start(address, None, on_accept).map_err(StartError::Listen)?;
        Ok(Self { shared, door, ca_pem: ca.pem() })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Host and port, as a client is told instead of `api.mist.com`.
    #[must_use]
    pub fn base_host(&self) -> String {
        self.address().to_string()
    }

    /// The authority that has signed its certificate, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Stops listening: whoever connects from now on is refused. Connections that are open stay.
    pub async fn close(&self) {
        self.door.close().await;
    }

    /// Listens again at the same port.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] when somebody else has the port.
    pub async fn open(&self) -> Result<(), StartError> {
        self.door.open().await.map_err(StartError::Listen)
    }

    /// The calls so far, oldest first; the oldest are forgotten when there are too many.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.all()
    }

    /// The calls so far whose path has `part` in it.
    #[must_use]
    pub fn calls_to(&self, part: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.path.contains(part)).collect()
    }

    /// How many calls there were since the start.
    #[must_use]
    pub fn call_count(&self) -> u64 {
        self.shared.calls.arrived()
    }

    /// Waits until there were `count` calls since the start.
    ///
    /// # Errors
    ///
    /// [`Missed`] when there were fewer within the time.
    pub async fn wait_for_calls(&self, count: u64, within: Duration) -> Result<(), Missed> {
        self.shared.calls.wait_for(count, within).await
    }

    /// Orders a misbehaviour; nothing happens before [`Misbehaving::times`] or [`Misbehaving::always`] is said.
    pub fn misbehave(&self, what: Misbehaviour) -> Misbehaving<'_> {
        Misbehaving::new(&self.shared.orders, what)
    }

    /// Forgets every order to misbehave.
    pub fn behave(&self) {
        self.shared.orders().clear();
    }

    /// Reads the undocumented in another way from now on.
    pub fn read_as(&self, change: impl FnOnce(&mut Readings)) {
        change(&mut self.shared.world().readings);
    }

    /// Somebody else does this now; what is not there is not changed.
    pub fn foreign(&self, what: Foreign) {
        self.shared.world().foreign(what);
    }

    /// Somebody else does this, once, right before the `nth` call from now on whose method, path and query (as in
    /// `PUT /api/v1/orgs/…/inventory`) have `part` in them. The next one is the first.
    pub fn foreign_before(&self, part: &str, nth: u64, what: Foreign) {
        let waiting = Waiting { part: part.to_owned(), calls_left: nth.max(1), what };
        self.shared.world().waiting.push(waiting);
    }

    /// Treats the messages from now on in another way.
    pub fn post(&self, posting: Posting) {
        self.shared.world().posting = posting;
    }

    /// Sets the cloud's clock so far ahead of the machine's, or behind it: what happens from now on bears that
    /// time, searches look back from it, and hours of the rate limit go by it. A century is the most.
    pub fn set_clock(&self, ahead_secs: i64) {
        self.shared.world().set_clock(ahead_secs.clamp(-CENTURY_SECS, CENTURY_SECS) * 1_000_000);
    }
}

impl Drop for FakeCloud {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl std::fmt::Debug for FakeCloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeCloud").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// Something that is not there.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum NoSuch {
    /// No organisation of this id.
    #[error("no organisation {0}")]
    Organisation(OrgId),
    /// No site of this id.
    #[error("no site {0}")]
    Site(SiteId),
    /// No device with this MAC address.
    #[error("no device {0}")]
    Device(Mac),
    /// An alarm about no device at all.
    #[error("an alarm needs at least one device")]
    FirstDevice,
    /// No open Marvis action of this type about the device.
    #[error("no open `{0}` about the device")]
    OpenAction(String),
    /// No token with this key.
    #[error("no such token")]
    Token,
    /// No webhook of this id.
    #[error("no webhook {0}")]
    Webhook(String),
    /// No catalogue of this name under `/api/v1/const`.
    #[error("no definitions `{0}`")]
    Definitions(String),
}

/// Why a cloud could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be bound.
    #[error("cannot listen")]
    Listen(#[source] std::io::Error),
    /// The certificate cannot be used.
    #[error("no TLS")]
    Tls(#[from] TlsError),
}

const CENTURY_SECS: i64 = 100 * 365 * 86_400;

#[cfg(test)]
mod tests;
