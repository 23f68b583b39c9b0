//! What a client needs to know.

use std::time::Duration;

use thiserror::Error;

use crate::{ApiToken, Budget, Host, Proxy};

/// How a [`Client`](crate::Client) reaches Mist and how much it asks of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where the API is.
    pub host: Host,
    /// Who asks.
    pub token: ApiToken,
    /// Certificates, as PEM, of the authorities that may vouch for the host; those of the system without it.
    pub ca: Option<Vec<u8>>,
    /// The proxy on the way; none without it.
    pub proxy: Option<Proxy>,
    /// What the token may ask in an hour; a clone of one that others use with the same token.
    pub budget: Budget,
    /// How long a call waits for its turn when the budget is spent or held; see [`Client::patient`](crate::Client::patient).
    pub patience: Duration,
    /// How long connecting to an address may take.
    pub connect_timeout: Duration,
    /// How long one try may take, from looking for the host to the last byte of the answer.
    pub answer_timeout: Duration,
    /// When an idempotent call is repeated.
    pub retry: Retry,
    /// The largest answer that is read.
    pub max_answer_bytes: usize,
    /// The value of `User-Agent`.
    pub user_agent: String,
    /// Sends the token over plain HTTP, where everybody on the way can read it. For a fake on loopback only.
    pub danger_plain_http: bool,
}

impl Settings {
    /// The settings that fit most: 5,000 calls an hour, a minute of patience, 30 seconds for an answer, four tries.
    #[must_use]
    pub fn new(host: Host, token: ApiToken) -> Self {
        Self {
            host,
            token,
            ca: None,
            proxy: None,
            budget: Budget::default(),
            patience: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(30),
            retry: Retry::default(),
            max_answer_bytes: 32 << 20,
            user_agent: concat!("fogbell/", env!("CARGO_PKG_VERSION")).to_owned(),
            danger_plain_http: false,
        }
    }
}

/// How often and when an idempotent call is tried.
///
/// The pause doubles from try to try and is prolonged by a random part of itself, so that clients that failed together
/// do not come back together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retry {
    /// Tries in all; 1 never repeats.
    pub tries: u32,
    /// The pause before the second try.
    pub first_pause: Duration,
    /// The longest pause, without its random part.
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
