//! The certificate that the listener shows: swapped while it runs, without touching a connection.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use ids::Timestamp;
use rustls::ServerConfig;
use rustls::server::{Acceptor as HelloReader, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};
use tracing::{debug, info};

use crate::tls::{self, Identity};

/// A certificate with its key, and what the relay says of it.
///
/// The relay reads no certificates: whoever brings one says what it holds.
#[derive(Debug)]
pub struct Served {
    /// The chain and the key.
    pub identity: Identity,
    /// The names it is for.
    pub names: Vec<String>,
    /// From when it may be used.
    pub not_before: SystemTime,
    /// Until when it may be used.
    pub not_after: SystemTime,
    /// The SHA-256 of the certificate itself, in digits.
    pub fingerprint: String,
    /// Who sees to it that another one comes in time.
    pub renewed: Renewed,
}

/// Who renews a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renewed {
    /// A person, or another program: told 30, 14, 7 and 1 days before its end.
    ByOperator,
    /// The relay: told when it should have done so long ago.
    ByRelay,
}

/// What is shown, without the key.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) names: Vec<String>,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
    pub(crate) fingerprint: String,
    pub(crate) renewed: Renewed,
}

/// A handle on the certificate that a listener shows; every clone is the same one.
///
/// What is [`swap`](Self::swap)ped in is shown to every handshake that begins from then on.
#[derive(Clone)]
pub struct Certificate(Arc<State>);

struct State {
    current: ArcSwap<(Arc<CertifiedKey>, Shown)>,
    /// What is shown to who asks for nothing but `acme-tls/1`, by name.
    challenges: ArcSwap<HashMap<String, Arc<CertifiedKey>>>,
    /// Why another certificate did not come, for as long as that is so.
    trouble: ArcSwap<Option<String>>,
    /// Somebody wants it renewed now.
    wanted: Notify,
}

impl Certificate {
    /// One that shows `served` from the start, expired or not: a webhook may come from who does not verify.
    ///
    /// # Errors
    ///
    /// When the key does not belong to the certificate, or TLS here cannot sign with it.
    pub fn new(served: Served) -> Result<Self, rustls::Error> {
        let current = ArcSwap::from_pointee(certified(served)?);
        let (challenges, trouble) = (ArcSwap::default(), ArcSwap::default());
        Ok(Self(Arc::new(State { current, challenges, trouble, wanted: Notify::new() })))
    }

    /// Shows `served` from now on. Connections that are open stay as they are.
    ///
    /// # Errors
    ///
    /// [`SwapError`]; what was shown is then shown on.
    pub fn swap(&self, served: Served, now: SystemTime) -> Result<(), SwapError> {
        if now > served.not_after {
            return Err(SwapError::Expired { not_after: served.not_after.into() });
        }
        if now < served.not_before {
            return Err(SwapError::NotYetValid { not_before: served.not_before.into() });
        }
        let new = certified(served).map_err(|source| SwapError::Key { source })?;
        let (after, fingerprint) = (Timestamp::from(new.1.not_after), new.1.fingerprint.clone());
        let old = self.0.current.swap(Arc::new(new));
        info!(
            old = old.1.fingerprint,
            old_expires = %Timestamp::from(old.1.not_after),
            new = fingerprint,
            new_expires = %after,
            "the listener shows another certificate"
        );
        Ok(())
    }

    /// The SHA-256 of the certificate that is shown, in digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.current.load().1.fingerprint.clone()
    }

    /// Until when the certificate that is shown may be used.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.0.current.load().1.not_after
    }

    /// Shows `identity` to whoever asks for `name` and for nothing but `acme-tls/1` (RFC 8737), and then closes.
    ///
    /// # Errors
    ///
    /// When TLS here cannot sign with the key.
    pub fn show_challenge(&self, name: &str, identity: Identity) -> Result<(), rustls::Error> {
        // not looked into: whoever does not know the extension that answers must refuse it
        let signing = tls::provider().key_provider.load_private_key(identity.key)?;
        let key = Arc::new(CertifiedKey::new(identity.chain, signing));
        self.0.challenges.rcu(|challenges| {
            let mut challenges = HashMap::clone(challenges);
            challenges.insert(name.to_ascii_lowercase(), Arc::clone(&key));
            challenges
        });
        Ok(())
    }

    /// Ends what [`show_challenge`](Self::show_challenge) began.
    pub fn end_challenge(&self, name: &str) {
        self.0.challenges.rcu(|challenges| {
            let mut challenges = HashMap::clone(challenges);
            challenges.remove(&name.to_ascii_lowercase());
            challenges
        });
    }

    /// Has the relay's own alert say that the certificate could not be renewed, and why and what to do; `None` ends it.
    pub fn set_trouble(&self, trouble: Option<String>) {
        self.0.trouble.store(Arc::new(trouble));
    }

    /// Resolves when somebody wants the certificate renewed now.
    pub async fn renewal_wanted(&self) {
        self.0.wanted.notified().await;
    }

    pub(crate) fn want_renewal(&self) {
        self.0.wanted.notify_one();
    }

    pub(crate) fn trouble(&self) -> Arc<Option<String>> {
        self.0.trouble.load_full()
    }

    pub(crate) fn shown(&self) -> Shown {
        self.0.current.load().1.clone()
    }

    fn has_challenges(&self) -> bool {
        !self.0.challenges.load().is_empty()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.0.current.load().1).finish()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.current.load().0))
    }
}

/// The same handle, as seen by an authority that validates a name.
#[derive(Debug)]
struct Challenges(Certificate);

impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        self.0.0.challenges.load().get(&name).map(Arc::clone)
    }
}

/// Makes TLS of connections.
#[derive(Clone)]
pub(crate) struct Acceptor {
    certificate: Certificate,
    usual: TlsAcceptor,
    challenge: Arc<ServerConfig>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acceptor").field(&self.certificate).finish()
    }
}

impl Acceptor {
    pub(crate) fn new(certificate: Certificate) -> Result<Self, rustls::Error> {
        let usual = tls::server(Arc::new(certificate.clone()), b"http/1.1")?;
        let challenge = tls::server(Arc::new(Challenges(certificate.clone())), ACME_TLS)?;
        Ok(Self { certificate, usual: TlsAcceptor::from(Arc::new(usual)), challenge: Arc::new(challenge) })
    }

    pub(crate) const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Shakes hands; `None` when it was an authority's look at a challenge, after which nothing follows.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<Option<TlsStream<S>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if !self.certificate.has_challenges() {
            return self.usual.accept(stream).await.map(Some);
        }
        let start = LazyConfigAcceptor::new(HelloReader::default(), stream).await?;
        let is_challenge = start
            .client_hello()
            .alpn()
            .is_some_and(|mut protocols| protocols.next() == Some(ACME_TLS) && protocols.next().is_none());
        if !is_challenge {
            return start.into_stream(Arc::clone(self.usual.config())).await.map(Some);
        }
        let mut stream = start.into_stream(Arc::clone(&self.challenge)).await?;
        debug!("showed the answer to an ACME challenge");
        stream.shutdown().await?;
        Ok(None)
    }
}

fn certified(served: Served) -> Result<(Arc<CertifiedKey>, Shown), rustls::Error> {
    let Served { identity, names, not_before, not_after, fingerprint, renewed } = served;
    Ok((Arc::new(key(identity)?), Shown { names, not_before, not_after, fingerprint, renewed }))
}

/// Refuses a key that does not belong to its certificate.
fn key(identity: Identity) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(identity.chain, identity.key, &tls::provider())
}

/// Why a certificate was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SwapError {
    /// Its time is over.
    #[error("the new certificate expired at {not_after}; the old one is kept")]
    Expired {
        /// Its end.
        not_after: Timestamp,
    },
    /// Its time has not come.
    #[error("the new certificate is valid only from {not_before} on; the old one is kept")]
    NotYetValid {
        /// Its beginning.
        not_before: Timestamp,
    },
    /// The key is another one's.
    #[error("the new certificate and its key cannot be used together; the old ones are kept")]
    Key {
        /// What TLS says.
        source: rustls::Error,
    },
}

/// How near the end of a certificate is, from the first notice to the last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Nearness {
    Far,
    /// 30 days.
    Month,
    /// 14 days.
    Fortnight,
    /// 7 days.
    Week,
    /// 1 day.
    Day,
    Over,
}

/// How near the end of `shown` is at `now`.
///
/// One that the relay renews is renewed when a third of its life is left, which may be fewer than 30 days: it is near
/// its end only with less than a quarter left, then a sixth, a twelfth and a ninetieth, as 22, 15, 7 and 1 days of 90.
pub(crate) fn nearness(shown: &Shown, now: SystemTime) -> Nearness {
    let Ok(left) = shown.not_after.duration_since(now) else { return Nearness::Over };
    let life = shown.not_after.duration_since(shown.not_before).unwrap_or_default();
    let step = |days: u32, part: u32| match shown.renewed {
        Renewed::ByOperator => DAY * days,
        Renewed::ByRelay => (DAY * days).min(life / part),
    };
    let steps = [
        (step(1, 90), Nearness::Day),
        (step(7, 12), Nearness::Week),
        (step(14, 6), Nearness::Fortnight),
        (step(30, 4), Nearness::Month),
    ];
    steps.into_iter().find(|(within, _)| left <= *within).map_or(Nearness::Far, |(_, nearness)| nearness)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The protocol of RFC 8737.
const ACME_TLS: &[u8] = b"acme-tls/1";

#[cfg(test)]
mod tests;
