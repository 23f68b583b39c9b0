//! `[tls.acme]`: a certificate from a public authority.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::SecretHome;

/// `[tls.acme]`: have an authority issue the certificate of the listener, and renew it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// The DNS names of the listener, as Mist is told them. A wildcard, `*.example.net`, only with `dns-01`.
    pub names: Vec<String>,
    /// Whether you agree to the terms of service of the authority. Without it nothing is asked for.
    #[serde(default)]
    pub agree_terms: bool,
    /// URL of the authority's ACME directory.
    #[serde(default = "default_directory")]
    pub directory: String,
    /// How the authority may reach you, `mailto:noc@example.net`. May stay empty where the authority allows it.
    #[serde(default)]
    pub contact: Vec<String>,
    /// How the names are proven to be yours: by a record in DNS, or by the listener itself, whose port 443 must then be
    /// open to all.
    #[serde(default)]
    pub challenge: Challenge,
    /// With `dns-01`: the command that sets the record, an absolute path and arguments. It is called without a shell,
    /// with `present` or `cleanup`, the record's name and its value behind them.
    #[serde(default)]
    pub hook: Vec<String>,
    /// Seconds that one call of the hook may take.
    #[serde(default = "default_hook")]
    pub hook_secs: u64,
    /// Seconds to wait, when the hook has ended, for the record to be everywhere.
    #[serde(default = "default_propagation")]
    pub propagation_secs: u64,
    /// Account at the authority that is to be used, where it asks for one (external account binding).
    #[serde(default)]
    pub external_account: Option<ExternalAccount>,
    /// PEM file with the authorities that may vouch for the directory. Default: those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Profile of certificates to ask for, where the authority has several.
    #[serde(default)]
    pub profile: Option<String>,
}

/// How a name is proven.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Challenge {
    /// By a TXT record that the hook sets.
    #[default]
    #[serde(rename = "dns-01")]
    Dns01,
    /// By the TLS handshake of the listener.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// `external_account` of `[tls.acme]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalAccount {
    /// Its id, as the authority told it.
    pub id: String,
    /// Its key, base64url as the authority told it.
    pub key: SecretHome,
}

fn default_directory() -> String {
    "https://acme-v02.api.letsencrypt.org/directory".to_owned()
}

const fn default_hook() -> u64 {
    60
}

const fn default_propagation() -> u64 {
    30
}
