//! What the operator wrote.
//!
//! Every section is a struct with its final types: a parsed configuration is well formed. What spans fields,
//! files and secrets is checked by [`Setup`](crate::Setup), which `check` and `run` share.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

mod acme;
mod alarms;
mod org;
mod place;
mod route;
mod schema;
mod secret;
mod sinks;
mod vault;
mod version;

pub use acme::{Acme, Challenge, ExternalAccount};
pub use alarms::{Alarms, Damping, Maintenance, SeverityRule};
pub use org::{Org, OrgApi};
pub use place::Place;
pub use route::{Matcher, Route};
pub use secret::SecretHome;
pub use sinks::{
    Auth, InMaintenance, Node, Privacy, SinkName, Snmp, SnmpVersion, Start, Syslog, SyslogFormat,
    SyslogFraming, SyslogTls, Transport,
};
pub use vault::{KeyHome, VaultFile};

pub(crate) use alarms::{MAX_HOLD_DOWN, MIN_FLAPS};
pub(crate) use sinks::MIN_REPEAT;

use crate::Error;

/// The whole configuration of a relay.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of this file's format. A newer one is refused as a whole.
    #[serde(default = "version::current")]
    pub version: u32,
    /// Name of this relay in everything it sends. Default: the machine's host name.
    #[serde(default)]
    pub name: Option<String>,
    /// Directory for everything the relay keeps.
    #[serde(default = "default_state")]
    pub state: PathBuf,
    /// Seconds a stopping relay has to finish what it began.
    #[serde(default = "default_grace")]
    pub grace_secs: u64,
    /// Private enterprise number of traps and structured data. RFC 5612 sets 32473 aside for documentation.
    #[serde(default = "default_enterprise")]
    pub enterprise: u32,
    /// Where webhooks are received.
    #[serde(default)]
    pub listen: Listen,
    /// The certificate of the listener.
    #[serde(default)]
    pub tls: Tls,
    /// Where health and metrics are served.
    #[serde(default)]
    pub admin: Admin,
    /// What is let in, and how long it may take.
    #[serde(default)]
    pub gate: GateLimits,
    /// The organisations whose webhooks are received; at least one.
    #[serde(default)]
    pub org: Vec<Org>,
    /// Where messages are kept, and how many.
    #[serde(default)]
    pub journal: JournalBounds,
    /// The vault that secrets are kept in.
    #[serde(default)]
    pub vault: VaultFile,
    /// Receivers of traps and informs.
    #[serde(default)]
    pub snmp: Vec<Snmp>,
    /// Receivers of syslog.
    #[serde(default)]
    pub syslog: Vec<Syslog>,
    /// Which sink gets which alert, in this order. Without any, every sink gets what goes everywhere by default.
    #[serde(default)]
    pub route: Vec<Route>,
    /// The open problems that are kept in mind.
    #[serde(default)]
    pub alarms: Alarms,
    /// Other severities than the catalogue's.
    #[serde(default)]
    pub severity: Vec<SeverityRule>,
    /// What is held back until it lasts, or said once while it flaps.
    #[serde(default)]
    pub damping: Vec<Damping>,
    /// Windows in which sinks that are not exempt are told nothing of some devices.
    #[serde(default)]
    pub maintenance: Vec<Maintenance>,
    /// The text this was parsed from, so that an error found later can name its line.
    #[serde(skip)]
    source: Source,
}

#[derive(Clone, Debug, Default)]
struct Source {
    path: PathBuf,
    text: String,
}

impl Config {
    /// Reads and parses the configuration at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::ReadConfig`] and [`Error::ParseConfig`]; the latter names line, column, key and, for a key
    /// that does not exist, those that do.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text =
            fs::read_to_string(path).map_err(|source| Error::ReadConfig { path: path.to_owned(), source })?;
        Self::parse(path, text)
    }

    /// Parses `text`; `path` is named in errors.
    ///
    /// # Errors
    ///
    /// [`Error::ParseConfig`], as [`load`](Self::load).
    pub fn parse(path: &Path, text: String) -> Result<Self, Error> {
        version::check(path, &text)?;
        let mut config: Self = toml::from_str(&text).map_err(|error| Error::ParseConfig {
            path: path.to_owned(),
            at: error.span().map_or_else(String::new, |span| place::describe(&text, span.start)),
            what: place::without_value(error.message()),
        })?;
        config.source = Source { path: path.to_owned(), text };
        Ok(config)
    }

    /// 32 hexadecimal digits that are others when the text is another; no fingerprint of secrets, which are not in it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        alarm::AlarmKey::of(&[b"configuration", self.source.text.as_bytes()]).to_string()
    }

    /// The file and the text that this was parsed from.
    #[must_use]
    pub fn source(&self) -> (&Path, &str) {
        (&self.source.path, &self.source.text)
    }

    /// The place in the file of the value that `keys` lead to, as near as it can be found.
    #[must_use]
    pub fn place(&self, keys: &str) -> Place {
        Place::find(&self.source.path, &self.source.text, keys)
    }

    /// The place in the file of what is at `offset` in the text that `keys` lead to.
    pub(crate) fn place_in(&self, keys: &str, offset: usize) -> Place {
        Place::find_in(&self.source.path, &self.source.text, keys, offset)
    }

    /// Path of the journal.
    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.journal.path.clone().unwrap_or_else(|| self.state.join("journal.db"))
    }

    /// Path of the vault.
    #[must_use]
    pub fn vault_path(&self) -> PathBuf {
        self.vault.path.clone().unwrap_or_else(|| self.state.join("vault"))
    }

    /// Names of all sinks.
    pub fn sink_names(&self) -> impl Iterator<Item = &str> {
        let snmp = self.snmp.iter().map(|sink| &sink.name);
        snmp.chain(self.syslog.iter().map(|sink| &sink.name)).map(SinkName::as_str)
    }

    /// How long a stopping relay may take.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_secs)
    }
}

/// `[listen]`: where webhooks are received.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Address and port.
    #[serde(default = "default_listen")]
    #[schemars(with = "schema::Address")]
    pub address: SocketAddr,
    /// Whether every connection begins with a PROXY header, version 2, as haproxy's `send-proxy-v2` writes it. Only the
    /// `trusted_proxies` may connect then.
    #[serde(default)]
    pub proxy_protocol: bool,
    /// Networks of the proxies in front of the relay. What they say of where a webhook comes from counts: in a PROXY
    /// header, and in `X-Forwarded-For`.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Network>")]
    pub trusted_proxies: Vec<IpNet>,
    /// The listener as Mist is told it, without a path, `https://mist-relay.example.net`; what `fogbell webhook` and
    /// `fogbell doctor` go by. Default: the first name of the certificate.
    #[serde(default)]
    pub public_url: Option<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: default_listen(),
            proxy_protocol: false,
            trusted_proxies: Vec::new(),
            public_url: None,
        }
    }
}

/// `[tls]`: the certificate of the listener, from files or made by the relay.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate chain, the listener's own first.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The private key, PEM.
    #[serde(default)]
    pub key: Option<SecretHome>,
    /// Instead of both: names for a self-signed certificate, made at the first start and kept.
    #[serde(default)]
    pub self_signed: Vec<String>,
    /// Instead of either: a public authority that issues and renews it.
    #[serde(default)]
    pub acme: Option<Acme>,
}

/// `[admin]`: health and metrics, and the socket the subcommands use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Address and port of the page, `/livez`, `/readyz` and `/metrics`. Off loopback it speaks HTTPS with the certificate of
    /// the listener, and needs `token`.
    #[serde(default = "default_admin")]
    #[schemars(with = "schema::Address")]
    pub address: SocketAddr,
    /// Path of the socket. Default: `admin.sock` in the runtime directory that systemd made, else in `state`.
    #[serde(default)]
    pub socket: Option<PathBuf>,
    /// The token for the buttons of the page, and off loopback for everything but `/livez` and `/readyz`: as the password of
    /// any user, or as `Bearer`; at least 16 bytes.
    #[serde(default)]
    pub token: Option<SecretHome>,
    /// Further names under which the page is asked for, without port, as of a proxy in front of it.
    #[serde(default)]
    pub hosts: Vec<String>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { address: default_admin(), socket: None, token: None, hosts: Vec::new() }
    }
}

/// `[gate]`: what is let in besides each organisation's cloud, and how long it may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GateLimits {
    /// Networks webhooks may come from, besides those of the organisations' clouds.
    #[schemars(with = "Vec<schema::Network>")]
    pub networks: Vec<IpNet>,
    /// File with the addresses of the clouds, as `fogbell clouds --json` prints it. Default: those that came with this
    /// version.
    pub clouds: Option<PathBuf>,
    /// Weakens: read the body of a webhook from an address that is not listed, to tell whether Mist signed it. The
    /// answer stays 403.
    pub danger_read_unlisted: bool,
    /// Longest body that is read.
    pub max_body_bytes: u64,
    /// Seconds for a TLS handshake, counted from when the connection was accepted.
    pub handshake_secs: u64,
    /// Seconds for the head of a request; of the first one, the handshake before it is part of them.
    pub header_secs: u64,
    /// Seconds for the body of a request.
    pub body_secs: u64,
    /// Seconds a connection may rest between requests.
    pub idle_secs: u64,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections from one address; Mist posts from very few.
    pub max_connections_per_address: usize,
}

impl Default for GateLimits {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            clouds: None,
            danger_read_unlisted: false,
            max_body_bytes: 1024 * 1024,
            handshake_secs: 5,
            header_secs: 5,
            body_secs: 8,
            idle_secs: 75,
            max_connections: 1024,
            max_connections_per_address: 256,
        }
    }
}

/// `[journal]`: where messages are kept, and how many.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JournalBounds {
    /// Path of the file. Default: `journal.db` in `state`.
    pub path: Option<PathBuf>,
    /// Most bytes the journal may take.
    pub max_bytes: u64,
    /// Seconds that what was delivered is kept, space permitting.
    pub history_secs: u64,
    /// Most bytes one sink may be behind before its oldest are given up.
    pub sink_max_bytes: u64,
    /// Most seconds one sink may be behind before its oldest are given up.
    pub sink_max_age_secs: u64,
}

impl Default for JournalBounds {
    fn default() -> Self {
        Self {
            path: None,
            max_bytes: 4 << 30,
            history_secs: 7 * 86_400,
            sink_max_bytes: 1 << 30,
            sink_max_age_secs: 7 * 86_400,
        }
    }
}

fn default_state() -> PathBuf {
    "/var/lib/fogbell".into()
}

const fn default_grace() -> u64 {
    10
}

const fn default_enterprise() -> u32 {
    32_473
}

fn default_listen() -> SocketAddr {
    ([0, 0, 0, 0], 8443).into()
}

fn default_admin() -> SocketAddr {
    ([127, 0, 0, 1], 9460).into()
}

#[cfg(test)]
mod tests;
