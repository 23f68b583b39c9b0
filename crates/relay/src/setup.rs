//! From a configuration to everything a relay is made of, without binding or writing anything.
//!
//! `check` and `run` share it, so that what passes the one starts in the other.

use ::snmp::Mib;
use alarm::{Alert, Catalogue, OwnKind};
use webhook::{CloudTable, Gate};
use zeroize::Zeroizing;

mod acme;
mod admin;
mod alarms;
mod api;
mod clouds;
mod gate;
mod routes;
pub(crate) mod rules;
mod secret;
mod sinks;
mod snmp;
mod syslog;
mod warnings;

pub use self::clouds::cloud_table;
pub(crate) use self::sinks::{Kind, Sink};
pub use self::snmp::snmp_credentials;
pub(crate) use self::snmp::snmp_sink;
pub(crate) use self::syslog::syslog_sink;

use crate::Error;
use crate::admin::page::door::Door;
use crate::certificate::{Acceptor, Certificate};
use crate::config::{Config, SecretHome};
use crate::error::Cause;
use crate::route::{Judged, Routes};

/// Reads secrets from their homes; the program decides how.
pub type ReadSecret<'a> = &'a dyn Fn(&SecretHome) -> Result<Zeroizing<Vec<u8>>, Cause>;

/// Everything a relay is made of, checked; nothing is bound and nothing written yet.
#[derive(Debug)]
pub struct Setup {
    pub(crate) config: Config,
    pub(crate) name: String,
    pub(crate) gate: Gate,
    pub(crate) clouds: CloudTable,
    pub(crate) tls: Acceptor,
    pub(crate) mib: Mib,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) routes: Routes,
    pub(crate) door: Door,
    /// Off loopback.
    pub(crate) admin_tls: Option<Acceptor>,
    warnings: Vec<String>,
}

impl Setup {
    /// Checks `config` with its secrets; `certificate` is the listener's.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the place in the file, what is wrong and what to do.
    pub fn new(config: Config, certificate: Certificate, read_secret: ReadSecret<'_>) -> Result<Self, Error> {
        let checks = Checks { config: &config, read_secret };
        checks.limits()?;
        checks.public_url()?;
        checks.alarms()?;
        let clouds = cloud_table(&config)?;
        let gate = checks.gate(&clouds)?;
        checks.acme()?;
        let acceptor = || {
            let made = Acceptor::new(certificate.clone());
            made.map_err(|source| checks.wrong("tls", "TLS cannot be served", Some(source.into())))
        };
        let tls = acceptor()?;
        let admin_tls = if config.admin.address.ip().is_loopback() { None } else { Some(acceptor()?) };
        let mib = checks.mib()?;
        let sinks = checks.sinks()?;
        let door = checks.door()?;
        let routes = checks.routes()?;
        if config.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(checks.wrong("name", "a relay needs a name", None));
        }
        let name = relay_name(&config);
        let mut warnings = checks.warnings(&sinks, &clouds);
        let catalogue = Catalogue::bundled();
        let knows_type = |name: &str| catalogue.knows(name) || OwnKind::knows(name);
        warnings.extend(checks.route_warnings(&routes, &knows_type));
        Ok(Self { gate, clouds, tls, mib, sinks, routes, door, admin_tls, name, warnings, config })
    }

    /// The configuration it was made of.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The addresses of the clouds it goes by.
    #[must_use]
    pub const fn clouds(&self) -> &CloudTable {
        &self.clouds
    }

    /// What is in order and still should be known: above all, everything that weakens.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the routes say of `alert`, and which sinks get it.
    #[must_use]
    pub fn judge(&self, alert: &Alert) -> Judged {
        self.routes.judge(alert)
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

/// The routes of `config`, which need no secrets.
///
/// # Errors
///
/// [`Error::Config`] names the place and what is wrong.
pub(crate) fn routes_of(config: &Config) -> Result<Routes, Error> {
    let read_secret: ReadSecret<'_> = &|_| Err("routes name no secrets".into());
    let checks = Checks { config, read_secret };
    checks.alarms()?;
    checks.routes()
}

/// The name of the relay in everything it sends: as configured, else the machine's.
pub(crate) fn relay_name(config: &Config) -> String {
    let machine = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    config.name.clone().unwrap_or_else(machine)
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

    /// The same for what is at `offset` in a text.
    fn wrong_in(&self, keys: &str, offset: usize, what: &str) -> Error {
        Error::Config {
            place: Box::new(self.config.place_in(keys, offset)),
            what: what.to_owned(),
            source: None,
        }
    }

    fn mib(&self) -> Result<Mib, Error> {
        Mib::new(self.config.enterprise).map_err(|error| self.wrong("enterprise", &error.to_string(), None))
    }
}
