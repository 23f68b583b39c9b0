//! What is to be certified, by whom and how.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

/// One certificate and the authority that issues it.
#[derive(Debug)]
pub struct Settings {
    /// URL of the directory.
    pub directory: String,
    /// How the authority may reach the operator: `mailto:` URLs.
    pub contact: Vec<String>,
    /// DNS names; `*.example.net` only with DNS-01.
    pub names: Vec<String>,
    /// How they are proven.
    pub challenge: Challenge,
    /// Where the authority asks for an account of its own.
    pub external_account: Option<ExternalAccount>,
    /// PEM of the authorities that may vouch for the directory; those of the system when there is none.
    pub ca: Option<Vec<u8>>,
    /// Profile to ask for.
    pub profile: Option<String>,
    /// Folder for the account, the certificate and what is remembered; made when it is missing.
    pub folder: PathBuf,
}

/// How names are proven.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Challenge {
    /// By a TXT record in DNS (RFC 8555 8.4).
    Dns01(Hook),
    /// By the TLS handshake of the [`Server`](crate::Server) (RFC 8737).
    TlsAlpn01,
}

/// The command that sets and removes a TXT record.
///
/// It is called without a shell, with three arguments behind its own: `present` or `cleanup`, the name of the record
/// (`_acme-challenge.relay.example.net`) and its value. With `present` it is done when the record is set, and says so
/// by exit status 0. A name may have several values at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hook {
    /// Absolute path of the program, and its arguments.
    pub command: Vec<String>,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long to wait after the last `present`, for the records to be everywhere.
    pub propagation: Duration,
}

/// An account at the authority that exists already (RFC 8555 7.3.4).
pub struct ExternalAccount {
    /// Its id.
    pub id: String,
    /// Its key as the authority told it, base64url.
    pub key: Zeroizing<String>,
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount").field("id", &self.id).finish_non_exhaustive()
    }
}
