//! What a client needs to know.

use std::time::Duration;

use thiserror::Error;

use crate::{Host, Password, SpkiPin};

/// Whose word is taken for the conductor's certificate.
#[derive(Clone, Debug)]
pub enum Trust {
    /// That of the system's authorities.
    System,
    /// That of the authorities in this PEM text.
    Authorities(Vec<u8>),
    /// Nobody's: the certificate has this key. For the self-signed certificate that a conductor comes with;
    /// [`Conductor::look`](crate::Conductor::look) shows it, and a person compares it.
    Pinned(SpkiPin),
}

/// How a [`Conductor`](crate::Conductor) is reached.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where it is.
    pub host: Host,
    /// The account.
    pub user: String,
    /// Its password.
    pub password: Password,
    /// Whose word is taken for its certificate.
    pub trust: Trust,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one try of a call may take, to the last byte of the answer.
    pub answer_timeout: Duration,
    /// How long a validation or a commit may take, which look at every router.
    pub commit_timeout: Duration,
    /// When a call that changes nothing is repeated.
    pub retry: Retry,
    /// The largest answer that is read.
    pub max_answer_bytes: usize,
    /// The value of `User-Agent`.
    pub user_agent: String,
}

impl Settings {
    /// The settings that fit most: the system's authorities, 30 seconds for an answer, five minutes for a commit, four
    /// tries, 64 MiB.
    #[must_use]
    pub fn new(host: Host, user: impl Into<String>, password: Password) -> Self {
        Self {
            host,
            user: user.into(),
            password,
            trust: Trust::System,
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(30),
            commit_timeout: Duration::from_secs(300),
            retry: Retry::default(),
            max_answer_bytes: 64 << 20,
            user_agent: concat!("fogbell/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How often and when a call that changes nothing is tried.
///
/// The pause doubles from try to try and is prolonged by a random part of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retry {
    /// Tries in all; 1 never repeats.
    pub tries: u32,
    /// The pause before the second try.
    pub first_pause: Duration,
    /// The longest pause, without its random part; a `Retry-After` counts up to this.
    pub longest_pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 4, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(20) }
    }
}

/// Why a client cannot be made of its settings.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The authorities' certificates cannot be read.
    #[error("the authorities' certificates are no PEM")]
    Pem {
        /// What is wrong with them.
        source: rustls_pki_types::pem::Error,
    },
    /// There is no certificate among the authorities'.
    #[error("there is no PEM certificate of an authority")]
    NoCertificate,
    /// A certificate cannot be used, or the system has none.
    #[error("TLS cannot be set up")]
    Tls {
        /// What is wrong.
        source: rustls::Error,
    },
    /// The user agent cannot be sent.
    #[error("the user agent has characters that no header can carry")]
    UserAgent,
}
