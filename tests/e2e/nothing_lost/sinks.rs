//! A receiver of each kind that can tell whether something arrived: syslog over TCP and TLS, and informs.

use std::time::Duration;

use e2e::{
    Config, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, SnmptrapdUser, TlsTrust, V3,
    wait_for,
};
use testkit::Rng;

use super::arrivals::{Arrival, Figures, has_all, judge};
use super::load::Told;

/// Real receivers, each a process of its own, so that each can be down by itself.
#[derive(Debug)]
pub(crate) struct Receivers {
    tcp: Rsyslog,
    tls: Rsyslog,
    inform: Snmptrapd,
    up: [bool; 3],
}

/// One of the receivers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Tcp,
    Tls,
    Inform,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Tcp, Self::Tls, Self::Inform];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Inform => "inform",
        }
    }
}

impl Receivers {
    /// Starts one of each kind.
    pub(crate) fn start() -> Self {
        let user = SnmptrapdUser {
            name: USER.to_owned(),
            create_user: format!("createUser {USER} SHA-256 {AUTH} AES {PRIVACY}"),
        };
        Self {
            tcp: Rsyslog::start(&RsyslogSetup::default()),
            tls: Rsyslog::start(&RsyslogSetup::default()),
            inform: Snmptrapd::start(&SnmptrapdSetup { users: vec![user], ..SnmptrapdSetup::default() }),
            up: [true; 3],
        }
    }

    /// Adds all of them as sinks: the name of each is `prefix` and its kind.
    pub(crate) fn add_to(&self, config: Config, prefix: &str) -> Config {
        let certs = self.tls.certs().ca();
        let trust = TlsTrust { ca: &certs, server_name: "localhost", client: None };
        let v3 = V3 { user: USER.to_owned(), auth: AUTH.to_owned(), privacy: PRIVACY.to_owned() };
        let name = |kind: Kind| format!("{prefix}{}", kind.name());
        config
            .syslog(&name(Kind::Tcp), &self.tcp.tcp(), "tcp")
            .syslog_tls(&name(Kind::Tls), &self.tls.tls(), &trust)
            .v3(&name(Kind::Inform), &self.inform.address(), &v3, Notification::Inform)
    }

    /// What arrived at one of them so far.
    pub(crate) fn arrivals(&self, kind: Kind) -> Vec<Arrival> {
        match kind {
            Kind::Tcp => self.tcp.lines().iter().map(Arrival::from).collect(),
            Kind::Tls => self.tls.lines().iter().map(Arrival::from).collect(),
            Kind::Inform => self.inform.traps().iter().map(Arrival::from).collect(),
        }
    }

    /// Takes one down, as a service manager would, or brings it back on the same port.
    pub(crate) fn set(&mut self, kind: Kind, up: bool) {
        if std::mem::replace(&mut self.up[kind as usize], up) == up {
            return;
        }
        match (kind, up) {
            (Kind::Tcp, true) => self.tcp.start_again(),
            (Kind::Tls, true) => self.tls.start_again(),
            (Kind::Inform, true) => self.inform.start_again(),
            (Kind::Tcp, false) => self.tcp.stop(),
            (Kind::Tls, false) => self.tls.stop(),
            (Kind::Inform, false) => self.inform.stop(),
        }
    }

    /// The same for all of them.
    pub(crate) fn set_all(&mut self, up: bool) {
        for kind in Kind::ALL {
            self.set(kind, up);
        }
    }

    /// Each goes down or comes back, or stays as it is.
    pub(crate) fn change(&mut self, rng: &mut Rng) {
        for kind in Kind::ALL {
            if rng.percent(30) {
                self.set(kind, !self.up[kind as usize]);
            }
        }
    }

    /// Waits until every message answered 200 has arrived at each, and judges what did.
    pub(crate) fn judge_all(&self, told: &Told, deadline: Duration) -> [Figures; 3] {
        Kind::ALL.map(|kind| {
            let arrivals = wait_for(deadline, || Some(self.arrivals(kind)).filter(|all| has_all(all, told)));
            judge(kind.name(), &arrivals.unwrap_or_else(|| self.arrivals(kind)), told)
        })
    }
}

const USER: &str = "relay";
const AUTH: &str = "auth-passphrase";
const PRIVACY: &str = "privacy-passphrase";
