//! From a configuration to everything a relay is made of, without binding or writing anything.
//!
//! `check` and `run` share it, so that what passes the one starts in the other.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use snmp::{Community, Credentials, Limits, Mib, Passphrase, Security, UserName};
use syslog::{Cef, Format, Framing, Json, MaxBytes, Rfc3164, Rfc5424};
use webhook::{Allowlist, CloudTable, Gate, Organisation, SigningSecret};
use zeroize::Zeroizing;

use crate::Error;
use crate::config::{
    Config, SecretHome, Snmp, SnmpVersion, Start, Syslog, SyslogFormat, SyslogFraming, Transport,
};
use crate::error::Cause;
use crate::sink::Receiver;
use crate::tls::{self, Identity};

/// Reads secrets from their homes; the program decides how.
pub type ReadSecret<'a> = &'a dyn Fn(&SecretHome) -> Result<Zeroizing<Vec<u8>>, Cause>;

/// Everything a relay is made of, checked; nothing is bound and nothing written yet.
#[derive(Debug)]
pub struct Setup {
    pub(crate) config: Config,
    pub(crate) name: String,
    pub(crate) gate: Gate,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) mib: Mib,
    pub(crate) sinks: Vec<Sink>,
    warnings: Vec<String>,
}

/// One sink, checked.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) name: String,
    pub(crate) receiver: Receiver,
    pub(crate) start: Start,
    pub(crate) kind: Kind,
}

/// What a sink speaks.
pub(crate) enum Kind {
    Notifications {
        credentials: Credentials,
        delivery: snmp::Delivery,
        limits: Limits,
        rate: u32,
        burst: u32,
    },
    Datagrams {
        format: Format,
    },
    Stream {
        format: Format,
        framing: Framing,
        settle: Duration,
        tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    },
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Notifications { .. } => "Notifications",
            Self::Datagrams { .. } => "Datagrams",
            Self::Stream { .. } => "Stream",
        })
    }
}

impl Setup {
    /// Checks `config` with its secrets; `identity` is the listener's certificate and key.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the place in the file, what is wrong and what to do.
    pub fn new(config: Config, identity: Identity, read_secret: ReadSecret<'_>) -> Result<Self, Error> {
        let checks = Checks { config: &config, read_secret };
        checks.limits()?;
        let gate = checks.gate()?;
        let tls = tls::server(identity).map_err(|source| {
            checks.wrong("tls", "the certificate and its key cannot be used together", Some(source.into()))
        })?;
        let mib = checks.mib()?;
        let sinks = checks.sinks()?;
        if config.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(checks.wrong("name", "a relay needs a name", None));
        }
        let name = relay_name(&config);
        let warnings = checks.warnings(&sinks);
        Ok(Self { gate, tls: Arc::new(tls), mib, sinks, name, warnings, config })
    }

    /// The configuration it was made of.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What is in order and still should be known: above all, everything that weakens.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// One line for people: what would run.
    #[must_use]
    pub fn summary(&self) -> String {
        let plural =
            |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        format!(
            "{}, {}, listening on {}",
            plural(self.config.org.len(), "organisation"),
            plural(self.sinks.len(), "sink"),
            self.config.listen.address
        )
    }
}

/// The name of the relay in everything it sends: as configured, else the machine's.
pub(crate) fn relay_name(config: &Config) -> String {
    let machine = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    config.name.clone().unwrap_or_else(machine)
}

/// The credentials of an SNMP sink, read from their homes.
///
/// # Errors
///
/// [`Error::Config`] names the place and what is wrong.
pub fn snmp_credentials(
    config: &Config,
    index: usize,
    read_secret: ReadSecret<'_>,
) -> Result<Credentials, Error> {
    let checks = Checks { config, read_secret };
    checks.credentials(&format!("snmp[{index}]"), &config.snmp[index])
}

/// One SNMP sink, checked, and what its notifications are named by.
///
/// # Errors
///
/// [`Error::Config`] names the place and what is wrong.
pub(crate) fn snmp_sink(
    config: &Config,
    index: usize,
    read_secret: ReadSecret<'_>,
) -> Result<(Sink, Mib), Error> {
    let checks = Checks { config, read_secret };
    Ok((checks.snmp(&format!("snmp[{index}]"), &config.snmp[index])?, checks.mib()?))
}

/// The checks, each with a way to say where something is wrong.
struct Checks<'a> {
    config: &'a Config,
    read_secret: ReadSecret<'a>,
}

impl Checks<'_> {
    fn wrong(&self, keys: &str, what: &str, source: Option<Cause>) -> Error {
        Error::Config { place: Box::new(self.config.place(keys)), what: what.to_owned(), source }
    }

    fn mib(&self) -> Result<Mib, Error> {
        Mib::new(self.config.enterprise).map_err(|error| self.wrong("enterprise", &error.to_string(), None))
    }

    fn limits(&self) -> Result<(), Error> {
        let gate = &self.config.gate;
        for (key, value) in [
            ("max_body_bytes", gate.max_body_bytes),
            ("handshake_secs", gate.handshake_secs),
            ("header_secs", gate.header_secs),
            ("body_secs", gate.body_secs),
            ("idle_secs", gate.idle_secs),
            ("max_connections", gate.max_connections as u64),
            ("max_connections_per_address", gate.max_connections_per_address as u64),
        ] {
            if value == 0 {
                return Err(self.wrong(
                    &format!("gate.{key}"),
                    "0 would let nothing in; use at least 1",
                    None,
                ));
            }
        }
        if gate.max_body_bytes > MAX_BODY_BYTES {
            let what = format!("at most {MAX_BODY_BYTES} bytes can be stored as one message");
            return Err(self.wrong("gate.max_body_bytes", &what, None));
        }
        let journal = &self.config.journal;
        if journal.max_bytes < MIN_JOURNAL_BYTES {
            let what = format!("a journal needs at least {MIN_JOURNAL_BYTES} bytes");
            return Err(self.wrong("journal.max_bytes", &what, None));
        }
        if journal.max_bytes / gate.max_body_bytes < MIN_BODIES {
            let what = format!(
                "a journal must have room for {MIN_BODIES} of the longest messages (gate.max_body_bytes)"
            );
            return Err(self.wrong("journal.max_bytes", &what, None));
        }
        for (key, value) in
            [("sink_max_bytes", journal.sink_max_bytes), ("sink_max_age_secs", journal.sink_max_age_secs)]
        {
            if value == 0 {
                let what = "0 would give everything up at once; use at least 1";
                return Err(self.wrong(&format!("journal.{key}"), what, None));
            }
        }
        Ok(())
    }

    fn gate(&self) -> Result<Gate, Error> {
        let table = CloudTable::bundled();
        let own = Allowlist::new(self.config.gate.networks.iter().copied());
        let mut organisations = Vec::new();
        for (i, org) in self.config.org.iter().enumerate() {
            let mut organisation = Organisation::new(&org.name, &org.path);
            if org.name.trim().is_empty() {
                return Err(self.wrong(&format!("org[{i}].name"), "an organisation needs a name", None));
            }
            for (j, home) in org.secrets.iter().enumerate() {
                let keys = format!("org[{i}].secrets[{j}].file");
                let bytes = self.secret(&keys, home)?;
                let secret = SigningSecret::new(&bytes)
                    .map_err(|error| self.wrong(&keys, &error.to_string(), None))?;
                let same = |known: &&Organisation| known.secrets.iter().any(|other| other.same_as(&secret));
                if let Some(known) = organisations.iter().chain([&organisation]).find(same) {
                    let what =
                        format!("`{}` has this secret too; a secret names one organisation", known.name);
                    return Err(self.wrong(&keys, &what, None));
                }
                organisation.secrets.push(secret);
            }
            let cloud = org.cloud.map_or_else(Allowlist::default, |cloud| table.allowlist(cloud));
            organisation.allowlist = cloud.union(&own);
            if organisation.allowlist.networks().is_empty() {
                let what = "its webhooks may come from nowhere; set `cloud`, or `networks` in [gate]";
                return Err(self.wrong(&format!("org[{i}]"), what, None));
            }
            organisation.danger_accept_sha1 = org.danger_accept_sha1;
            organisation.danger_accept_unsigned = org.danger_accept_unsigned;
            organisations.push(organisation);
        }
        Gate::new(organisations, self.config.gate.max_body_bytes)
            .map_err(|error| self.wrong("org", &error.to_string(), None))
    }

    fn sinks(&self) -> Result<Vec<Sink>, Error> {
        let mut names = HashSet::new();
        let mut sinks = Vec::new();
        for (i, snmp) in self.config.snmp.iter().enumerate() {
            let keys = format!("snmp[{i}]");
            self.sink_name(&mut names, &keys, snmp.name.as_str())?;
            sinks.push(self.snmp(&keys, snmp)?);
        }
        for (i, syslog) in self.config.syslog.iter().enumerate() {
            let keys = format!("syslog[{i}]");
            self.sink_name(&mut names, &keys, syslog.name.as_str())?;
            sinks.push(self.syslog(&keys, syslog)?);
        }
        Ok(sinks)
    }

    fn sink_name(&self, names: &mut HashSet<String>, keys: &str, name: &str) -> Result<(), Error> {
        if names.insert(name.to_owned()) {
            return Ok(());
        }
        let what =
            format!("another sink is called `{name}`; its place in the journal is kept under its name");
        Err(self.wrong(&format!("{keys}.name"), &what, None))
    }

    fn address(&self, keys: &str, address: &str) -> Result<String, Error> {
        let port = address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
        match port {
            Some((host, Ok(1..))) if !host.is_empty() => Ok(host.trim_matches(['[', ']']).to_owned()),
            _ => {
                let what =
                    format!("`{address}` is not host:port, as nms.example.net:162 or [2001:db8::1]:162");
                Err(self.wrong(&format!("{keys}.address"), &what, None))
            }
        }
    }

    fn snmp(&self, keys: &str, snmp: &Snmp) -> Result<Sink, Error> {
        self.address(keys, &snmp.address)?;
        if !(Limits::MIN_BYTES..=Limits::MAX_BYTES).contains(&snmp.max_bytes) {
            let what = format!("a datagram has {} to {} bytes", Limits::MIN_BYTES, Limits::MAX_BYTES);
            return Err(self.wrong(&format!("{keys}.max_bytes"), &what, None));
        }
        let credentials = self.credentials(keys, snmp)?;
        let limits =
            Limits { max_bytes: snmp.max_bytes, header_bytes: credentials.header_bytes(), ascii: snmp.ascii };
        Ok(Sink {
            name: snmp.name.to_string(),
            receiver: Receiver { address: snmp.address.clone(), bind: snmp.bind },
            start: snmp.start,
            kind: Kind::Notifications {
                credentials,
                delivery: snmp.notification,
                limits,
                rate: snmp.rate,
                burst: snmp.burst,
            },
        })
    }

    fn credentials(&self, keys: &str, snmp: &Snmp) -> Result<Credentials, Error> {
        let unused = |key: &str, set: bool, version: &str| {
            let what = format!("`{key}` means nothing with version \"{version}\"; remove it");
            if set { Err(self.wrong(&format!("{keys}.{key}"), &what, None)) } else { Ok(()) }
        };
        let missing = |key: &str, version: &str| {
            self.wrong(keys, &format!("version \"{version}\" needs `{key}`"), None)
        };
        match snmp.version {
            SnmpVersion::V2c => {
                unused("user", snmp.user.is_some(), "2c")?;
                unused("auth", snmp.auth.is_some(), "2c")?;
                unused("privacy", snmp.privacy.is_some(), "2c")?;
                unused("danger_without_auth", snmp.danger_without_auth, "2c")?;
                unused("danger_without_privacy", snmp.danger_without_privacy, "2c")?;
                let home = snmp.community.as_ref().ok_or_else(|| missing("community", "2c"))?;
                let keys = format!("{keys}.community.file");
                let community = Community::new(&self.text(&keys, home)?)
                    .map_err(|error| self.wrong(&keys, &error.to_string(), None))?;
                Ok(Credentials::V2c { community })
            }
            SnmpVersion::V3 => {
                unused("community", snmp.community.is_some(), "3")?;
                let user = snmp.user.as_ref().ok_or_else(|| missing("user", "3"))?;
                let user = UserName::new(user)
                    .map_err(|error| self.wrong(&format!("{keys}.user"), &error.to_string(), None))?;
                Ok(Credentials::V3 { user, security: self.security(keys, snmp)? })
            }
        }
    }

    /// How packets of version 3 are protected. Whatever is left out must be said to be left out.
    fn security(&self, keys: &str, snmp: &Snmp) -> Result<Security, Error> {
        let contradicts = |key: &str, other: &str| {
            let what = format!("`{key}` and `{other}` contradict each other; remove one");
            self.wrong(&format!("{keys}.{key}"), &what, None)
        };
        if snmp.danger_without_auth {
            return match () {
                () if snmp.auth.is_some() => Err(contradicts("danger_without_auth", "auth")),
                // encryption needs a user that proves itself
                () if snmp.privacy.is_some() => Err(contradicts("danger_without_auth", "privacy")),
                () if snmp.danger_without_privacy => {
                    let what = "`danger_without_auth` leaves out `privacy` too; remove this";
                    Err(self.wrong(&format!("{keys}.danger_without_privacy"), what, None))
                }
                () => Ok(Security::DangerNoAuthNoPriv),
            };
        }
        let Some(auth) = &snmp.auth else {
            let what = "version \"3\" needs `auth`; without it anybody can send in the user's name: if that is \
                        wanted, `danger_without_auth = true` says so";
            return Err(self.wrong(keys, what, None));
        };
        let auth = || -> Result<_, Error> {
            Ok((auth.protocol, self.passphrase(&format!("{keys}.auth"), &auth.secret)?))
        };
        match &snmp.privacy {
            Some(_) if snmp.danger_without_privacy => Err(contradicts("danger_without_privacy", "privacy")),
            Some(privacy) => Ok(Security::AuthPriv {
                auth: auth()?,
                privacy: (privacy.protocol, self.passphrase(&format!("{keys}.privacy"), &privacy.secret)?),
            }),
            None if snmp.danger_without_privacy => Ok(Security::DangerAuthNoPriv { auth: auth()? }),
            None => {
                let what = "version \"3\" needs `privacy`; without it everybody on the way can read what is \
                            sent: if that is wanted, `danger_without_privacy = true` says so";
                Err(self.wrong(keys, what, None))
            }
        }
    }

    fn passphrase(&self, keys: &str, home: &SecretHome) -> Result<Passphrase, Error> {
        let keys = format!("{keys}.secret.file");
        Passphrase::new(&self.text(&keys, home)?).map_err(|error| self.wrong(&keys, &error.to_string(), None))
    }

    fn syslog(&self, keys: &str, syslog: &Syslog) -> Result<Sink, Error> {
        let host = self.address(keys, &syslog.address)?;
        let default = match (syslog.format, syslog.transport) {
            (SyslogFormat::Rfc3164, _) => MaxBytes::PACKET,
            (_, Transport::Udp) => MaxBytes::DATAGRAM,
            (_, Transport::Tcp | Transport::Tls) => MaxBytes::STREAM,
        };
        let max_bytes = syslog.max_bytes.unwrap_or(default);
        if syslog.transport == Transport::Udp && max_bytes.bytes() > Limits::MAX_BYTES {
            let what = format!("a datagram has at most {} bytes", Limits::MAX_BYTES);
            return Err(self.wrong(&format!("{keys}.max_bytes"), &what, None));
        }
        let (facility, app_name) = (syslog.facility, syslog.app_name.clone());
        let format = match syslog.format {
            SyslogFormat::Rfc5424 => {
                Format::Rfc5424(Rfc5424 { facility, app_name, enterprise: self.config.enterprise, max_bytes })
            }
            SyslogFormat::Rfc3164 => Format::Rfc3164(Rfc3164 { facility, app_name, max_bytes }),
            SyslogFormat::Json => Format::Json(Json { facility, app_name, max_bytes }),
            SyslogFormat::Cef => Format::Cef(Cef { facility, app_name, max_bytes }),
        };
        let tls = &syslog.tls;
        let set =
            tls.ca.is_some() || tls.server_name.is_some() || tls.certificate.is_some() || tls.key.is_some();
        if syslog.transport != Transport::Tls && set {
            return Err(self.wrong(
                &format!("{keys}.tls"),
                "this means something only with transport \"tls\"",
                None,
            ));
        }
        let kind = match syslog.transport {
            Transport::Udp => Kind::Datagrams { format },
            _ if syslog.settle_secs >= self.config.journal.sink_max_age_secs => {
                let what =
                    "journal.sink_max_age_secs must be longer, or what is still settling would be given up";
                return Err(self.wrong(&format!("{keys}.settle_secs"), what, None));
            }
            transport => Kind::Stream {
                format,
                framing: match syslog.framing {
                    SyslogFraming::OctetCounted => Framing::OctetCounted,
                    SyslogFraming::Newline => Framing::Newline,
                },
                settle: Duration::from_secs(syslog.settle_secs),
                tls: match transport {
                    Transport::Tls => Some(self.syslog_tls(keys, syslog, &host)?),
                    _ => None,
                },
            },
        };
        Ok(Sink {
            name: syslog.name.to_string(),
            receiver: Receiver { address: syslog.address.clone(), bind: syslog.bind },
            start: syslog.start,
            kind,
        })
    }

    fn syslog_tls(
        &self,
        keys: &str,
        syslog: &Syslog,
        host: &str,
    ) -> Result<(Arc<rustls::ClientConfig>, ServerName<'static>), Error> {
        let tls = &syslog.tls;
        let name = tls.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| self.wrong(&format!("{keys}.tls.server_name"), &error.to_string(), None))?;
        let identity = match (&tls.certificate, &tls.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(self.identity(&format!("{keys}.tls"), certificate, key)?)
            }
            _ => {
                let what = "a client certificate needs both `certificate` and `key`";
                return Err(self.wrong(&format!("{keys}.tls"), what, None));
            }
        };
        let config = tls::client(tls.ca.as_deref(), identity).map_err(|source| {
            let what = "TLS towards this receiver cannot be set up with these files";
            self.wrong(&format!("{keys}.tls.ca"), what, Some(source))
        })?;
        Ok((Arc::new(config), name))
    }

    fn identity(&self, keys: &str, certificate: &Path, key: &SecretHome) -> Result<Identity, Error> {
        let chain = tls::certificates(certificate).map_err(|source| {
            let what = format!("`{}` is not a PEM certificate", certificate.display());
            self.wrong(&format!("{keys}.certificate"), &what, Some(source))
        })?;
        let keys = format!("{keys}.key.file");
        let pem = self.secret(&keys, key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|source| self.wrong(&keys, "this is not a PEM private key", Some(source.into())))?;
        Ok(Identity { chain, key })
    }

    /// The bytes of a secret without the line end at their end.
    fn secret(&self, keys: &str, home: &SecretHome) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = (self.read_secret)(home).map_err(|source| {
            self.wrong(keys, &format!("the secret in `{}` cannot be used", home.file.display()), Some(source))
        })?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Ok(bytes)
    }

    fn text(&self, keys: &str, home: &SecretHome) -> Result<Zeroizing<String>, Error> {
        let mut bytes = self.secret(keys, home)?;
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(self.wrong(keys, "this secret is not UTF-8 text", None))
            }
        }
    }

    fn warnings(&self, sinks: &[Sink]) -> Vec<String> {
        let mut warnings = Vec::new();
        for (i, org) in self.config.org.iter().enumerate() {
            if org.danger_accept_sha1 {
                let place = self.config.place(&format!("org[{i}].danger_accept_sha1"));
                warnings.push(format!("{place}: webhooks with only a SHA-1 signature are let in"));
            }
            if org.danger_accept_unsigned {
                let place = self.config.place(&format!("org[{i}].danger_accept_unsigned"));
                warnings.push(format!(
                    "{place}: webhooks without any signature are let in; whoever can send from the allowed \
                     networks can forge alerts"
                ));
            }
        }
        for (i, snmp) in self.config.snmp.iter().enumerate() {
            for (set, key, what) in [
                (
                    snmp.danger_without_auth,
                    "danger_without_auth",
                    "can be read by everybody on the way, and forged by anybody",
                ),
                (
                    snmp.danger_without_privacy,
                    "danger_without_privacy",
                    "can be read by everybody on the way",
                ),
            ] {
                if set {
                    let place = self.config.place(&format!("snmp[{i}].{key}"));
                    warnings.push(format!("{place}: what is sent to `{}` {what}", snmp.name));
                }
            }
        }
        if let Some(i) = self.config.gate.networks.iter().position(|network| network.prefix_len() == 0) {
            let place = self.config.place(&format!("gate.networks[{i}]"));
            warnings.push(format!("{place}: webhooks may come from anywhere"));
        }
        if sinks.is_empty() {
            warnings.push("no sink is configured: messages are stored and delivered nowhere".to_owned());
        }
        warnings
    }
}

/// The longest body of which every alert still fits a record of the journal.
const MAX_BODY_BYTES: u64 = 4 << 20;

/// How many of the longest messages a journal has room for, at the least.
const MIN_BODIES: u64 = 4;

/// The smallest journal that can be kept.
const MIN_JOURNAL_BYTES: u64 = 4 << 20;
