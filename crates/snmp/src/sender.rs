//! Sending; the only module that knows `async-snmp`.

mod engine;
mod failure;
mod probe;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_snmp as wire;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::{
    AuthProtocol, Credentials, Limits, Notification, Oid, Passphrase, PrivacyProtocol, Security, UserName,
    Value,
};
pub use engine::{Engine, StartError};
pub use failure::{Failure, Retry};
pub use probe::{Answer, Finding, probe};

/// Sends notifications to one receiver over UDP.
///
/// One socket for its whole life; several traps and informs may be under way at once. It must be made and
/// used inside a tokio runtime.
pub struct Sender {
    client: wire::UdpClient,
    started: Instant,
    /// How often the receiver's engine was looked up again.
    generation: AtomicU64,
    rediscovery: Mutex<()>,
}

impl Sender {
    /// Binds a socket for `target`. Nothing is sent yet.
    ///
    /// `engine` is needed for SNMPv3 traps alone, of which the sender is the authority. An SNMPv3 sender makes
    /// its keys here, which takes some milliseconds of computing.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when the socket cannot be bound or cannot reach the address family.
    pub async fn connect(
        endpoint: &Endpoint,
        credentials: &Credentials,
        engine: Option<&Engine>,
    ) -> Result<Self, ConnectError> {
        let bind = endpoint.bind.unwrap_or_else(|| any_port(endpoint.address));
        let failed = |source| ConnectError { address: endpoint.address, bind, source };

        // The limit on what leaves is the encoder's to keep; 1,472 here would be a second one.
        let transport = wire::UdpTransport::builder()
            .bind(bind.to_string())
            .send_capacity(Limits::MAX_BYTES)
            .build()
            .await
            .map_err(failed)?;
        let mut builder = wire::ClientBuilder::new(auth(credentials).map_err(failed)?)
            .request_timeout(endpoint.timeout)
            .send_timeout(endpoint.timeout)
            // Whether and when to send again is the caller's to say.
            .retry(wire::Retry::none());
        if let Some(engine) = engine {
            builder = builder.local_authoritative_engine(engine.inner().clone());
        }
        let handle = transport.handle(endpoint.address).map_err(failed)?;
        let client = builder.build_with_transport(handle).map_err(failed)?;
        Ok(Self {
            client,
            started: endpoint.started,
            generation: AtomicU64::new(0),
            rediscovery: Mutex::new(()),
        })
    }

    /// Sends a trap once. `Ok` means that the kernel took it; whether anybody listens, nobody says.
    ///
    /// # Errors
    ///
    /// [`Failure`]: it did not leave.
    pub async fn trap(&self, notification: &Notification) -> Result<(), Failure> {
        self.client
            .send_trap(&oid(&notification.trap), uptime(self.started), varbinds(notification))
            .await
            .map_err(|error| Failure::from_wire(&error))
    }

    /// Sends an inform once and waits for its acknowledgement, at most the target's timeout; the first of an
    /// SNMPv3 sender may take twice that, since it asks for the receiver's engine before.
    ///
    /// # Errors
    ///
    /// [`Failure`]: nobody acknowledged it. It may have arrived all the same.
    pub async fn inform(&self, notification: &Notification) -> Result<Acknowledged, Failure> {
        if self.generation.load(Ordering::Acquire) == 0 {
            // Asked apart, so that a bad answer to this is never taken for one to the inform.
            self.rediscover().await?;
        }
        let generation = self.generation.load(Ordering::Acquire);
        let sent = self
            .client
            .send_inform(&oid(&notification.trap), uptime(self.started), varbinds(notification))
            .await;
        match sent {
            Ok(()) => Ok(Acknowledged::Whole),
            Err(error) if error.kind() == wire::ErrorKind::MalformedResponse => {
                // An answer that crosses a rediscovery ends like this too, and may have been a refusal.
                let crossed = self.rediscovery.try_lock().is_err()
                    || self.generation.load(Ordering::Acquire) != generation;
                if crossed { Err(Failure::Timeout) } else { Ok(Acknowledged::Altered) }
            }
            Err(error) => Err(Failure::from_wire(&error)),
        }
    }

    /// Asks the receiver again who it is: after it came back with a new engine id, SNMPv3 informs time out
    /// until this was done. Without an answer what was known stays. Does nothing for SNMPv2c; calls at the
    /// same time share one answer.
    ///
    /// # Errors
    ///
    /// [`Failure::Timeout`] when no receiver answers: it is down, or not reachable.
    pub async fn rediscover(&self) -> Result<(), Failure> {
        if self.client.security_level().is_none() {
            return Ok(());
        }
        let before = self.generation.load(Ordering::Acquire);
        let _one_at_a_time = self.rediscovery.lock().await;
        if self.generation.load(Ordering::Acquire) != before {
            return Ok(());
        }
        self.client.rediscover_engine().await.map_err(|error| Failure::from_wire(&error))?;
        self.generation.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("endpoint", &self.client.peer_addr()).finish_non_exhaustive()
    }
}

/// Where a sender sends.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The receiver.
    pub address: SocketAddr,
    /// The local address to send from; the system chooses without. Port 0 lets it choose the port.
    pub bind: Option<SocketAddr>,
    /// How long one attempt waits.
    pub timeout: Duration,
    /// When the relay started: `sysUpTime` counts from here.
    pub started: Instant,
}

/// How the receiver acknowledged an inform.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acknowledged {
    /// With what was sent, as RFC 3416 4.2.7 demands.
    Whole,
    /// With something else, such as an empty list: it arrived, but the receiver is worth a warning.
    Altered,
}

/// A sender could not be made.
#[derive(Debug, Error)]
#[error("cannot send to {address} from {bind}")]
pub struct ConnectError {
    address: SocketAddr,
    bind: SocketAddr,
    source: Box<wire::Error>,
}

/// Any port of the address family of `to`.
fn any_port(to: SocketAddr) -> SocketAddr {
    match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// Hundredths of a second since the start, beginning again after 497 days as TimeTicks do.
fn uptime(started: Instant) -> u32 {
    let ticks = started.elapsed().as_millis() / 10;
    u32::try_from(ticks % (1 << 32)).expect("the remainder has 32 bits")
}

fn auth(credentials: &Credentials) -> Result<wire::Auth, Box<wire::Error>> {
    Ok(match credentials {
        Credentials::V2c { community } => wire::Auth::v2c(community.text().to_owned()),
        Credentials::V3 { user, security } => usm(user, security)?.into(),
    })
}

/// The user as the library takes it; makes its keys, which takes some milliseconds of computing.
fn usm(user: &UserName, security: &Security) -> Result<wire::UsmConfig, Box<wire::Error>> {
    match security {
        Security::AuthPriv { auth, privacy } => {
            let keys = wire::MasterKeys::new(hash(auth.0), auth.1.text().as_bytes())
                .and_then(|keys| keys.with_privacy(cipher(privacy.0), privacy.1.text().as_bytes()));
            with_keys(user, keys)
        }
        Security::DangerAuthNoPriv { auth } => signing(user, auth),
        Security::DangerNoAuthNoPriv => Ok(wire::UsmConfig::new(user.as_str().to_owned())),
    }
}

/// A user that signs and does not encrypt.
fn signing(user: &UserName, auth: &(AuthProtocol, Passphrase)) -> Result<wire::UsmConfig, Box<wire::Error>> {
    with_keys(user, wire::MasterKeys::new(hash(auth.0), auth.1.text().as_bytes()))
}

fn with_keys(
    user: &UserName,
    keys: Result<wire::MasterKeys, wire::CryptoError>,
) -> Result<wire::UsmConfig, Box<wire::Error>> {
    keys.and_then(|keys| wire::UsmConfig::new(user.as_str().to_owned()).with_master_keys(keys))
        .map_err(|error| wire::Error::Config(error.to_string().into()).boxed())
}

const fn hash(protocol: AuthProtocol) -> wire::AuthProtocol {
    match protocol {
        AuthProtocol::Sha1 => wire::AuthProtocol::Sha1,
        AuthProtocol::Sha224 => wire::AuthProtocol::Sha224,
        AuthProtocol::Sha256 => wire::AuthProtocol::Sha256,
        AuthProtocol::Sha384 => wire::AuthProtocol::Sha384,
        AuthProtocol::Sha512 => wire::AuthProtocol::Sha512,
    }
}

const fn cipher(protocol: PrivacyProtocol) -> wire::PrivProtocol {
    match protocol {
        PrivacyProtocol::Aes128 => wire::PrivProtocol::Aes128,
        PrivacyProtocol::Aes192 => wire::PrivProtocol::Aes192Blumenthal,
        PrivacyProtocol::Aes192Reeder => wire::PrivProtocol::Aes192Reeder,
        PrivacyProtocol::Aes256 => wire::PrivProtocol::Aes256Blumenthal,
        PrivacyProtocol::Aes256Reeder => wire::PrivProtocol::Aes256Reeder,
    }
}

fn oid(oid: &Oid) -> wire::Oid {
    wire::Oid::from_slice(oid.arcs())
}

/// The bindings as the library takes them; no text is copied.
fn varbinds(notification: &Notification) -> Vec<wire::VarBind> {
    let value = |value: &Value| match value {
        Value::Integer(value) => wire::Value::Integer(*value),
        Value::Gauge32(value) => wire::Value::Gauge32(*value),
        Value::Counter64(value) => wire::Value::Counter64(*value),
        Value::OctetString(text) => wire::Value::OctetString(text.bytes().clone()),
        Value::IpAddress(address) => wire::Value::IpAddress(address.octets()),
    };
    notification
        .varbinds
        .iter()
        .map(|varbind| wire::VarBind::new(oid(&varbind.oid), value(&varbind.value)))
        .collect()
}
