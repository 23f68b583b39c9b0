//! A receiver of each kind that can tell whether something arrived: syslog over TCP and TLS, and informs.

use std::time::Duration;

use e2e::{
    Config, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, SnmptrapdUser, TlsTrust, V3,
    wait_for,
};
use testkit::Rng;

use super::arrivals::{Arrival, Figures, account, has_all, judge};
use super::load::Told;

/// Real receivers, each a process of its own, so that each can be down by itself.
#[derive(Debug)]
pub(crate) struct Receivers {
    tcp: Rsyslog,
    tls: Rsyslog,
    inform: Option<Snmptrapd>,
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
        let mut this = Self::start_syslog();
        let user = SnmptrapdUser {
            name: USER.to_owned(),
            create_user: format!("createUser {USER} SHA-256 {AUTH} AES {PRIVACY}"),
        };
        let setup = SnmptrapdSetup { users: vec![user], ..SnmptrapdSetup::default() };
        this.inform = Some(Snmptrapd::start(&setup));
        this
    }

    /// Starts those of syslog alone, which keep up with more than snmptrapd does.
    pub(crate) fn start_syslog() -> Self {
        Self {
            tcp: Rsyslog::start(&RsyslogSetup::default()),
            tls: Rsyslog::start(&RsyslogSetup::default()),
            inform: None,
            up: [true; 3],
        }
    }

    /// The kinds there are.
    fn kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        let informs = self.inform.is_some();
        Kind::ALL.into_iter().filter(move |kind| *kind != Kind::Inform || informs)
    }

    /// Adds all of them as sinks: the name of each is `prefix` and its kind.
    pub(crate) fn add_to(&self, config: Config, prefix: &str) -> Config {
        let certs = self.tls.certs().ca();
        let trust = TlsTrust { ca: &certs, server_name: "localhost", client: None };
        let name = |kind: Kind| format!("{prefix}{}", kind.name());
        let config = config.syslog(&name(Kind::Tcp), &self.tcp.tcp(), "tcp").syslog_tls(
            &name(Kind::Tls),
            &self.tls.tls(),
            &trust,
        );
        let Some(inform) = &self.inform else { return config };
        let v3 = V3 { user: USER.to_owned(), auth: AUTH.to_owned(), privacy: PRIVACY.to_owned() };
        config.v3(&name(Kind::Inform), &inform.address(), &v3, Notification::Inform)
    }

    /// What arrived at one of them so far.
    pub(crate) fn arrivals(&self, kind: Kind) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        match kind {
            Kind::Tcp => self.tcp.each_line(|line| arrivals.push(Arrival::from(&line))),
            Kind::Tls => self.tls.each_line(|line| arrivals.push(Arrival::from(&line))),
            Kind::Inform => {
                arrivals
                    .extend(self.inform.iter().flat_map(Snmptrapd::traps).map(|trap| Arrival::from(&trap)));
            }
        }
        arrivals
    }

    /// Takes one down, as a service manager would, or brings it back on the same port.
    pub(crate) fn set(&mut self, kind: Kind, up: bool) {
        if std::mem::replace(&mut self.up[kind as usize], up) == up {
            return;
        }
        match (kind, up, &mut self.inform) {
            (Kind::Tcp, true, _) => self.tcp.start_again(),
            (Kind::Tls, true, _) => self.tls.start_again(),
            (Kind::Tcp, false, _) => self.tcp.stop(),
            (Kind::Tls, false, _) => self.tls.stop(),
            (Kind::Inform, true, Some(inform)) => inform.start_again(),
            (Kind::Inform, false, Some(inform)) => inform.stop(),
            (Kind::Inform, _, None) => {}
        }
    }

    /// The same for all of them.
    pub(crate) fn set_all(&mut self, up: bool) {
        for kind in self.kinds() {
            self.set(kind, up);
        }
    }

    /// Each goes down or comes back, or stays as it is.
    pub(crate) fn change(&mut self, rng: &mut Rng) {
        for kind in self.kinds() {
            if rng.percent(30) {
                self.set(kind, !self.up[kind as usize]);
            }
        }
    }

    /// Waits until every message answered 200 has arrived at each, and judges what did.
    pub(crate) fn judge_all(&self, told: &Told, deadline: Duration) -> Vec<Figures> {
        self.each(told, deadline, judge)
    }

    /// The same for a relay that was killed: what was lost or overtaken is counted, and the story judges it.
    pub(crate) fn account(&self, told: &Told, deadline: Duration) -> Vec<Figures> {
        self.each(told, deadline, account)
    }

    fn each(
        &self,
        told: &Told,
        deadline: Duration,
        judge: fn(&str, &[Arrival], &Told) -> Figures,
    ) -> Vec<Figures> {
        let judged = self.kinds().map(|kind| {
            let arrivals = wait_for(deadline, || Some(self.arrivals(kind)).filter(|all| has_all(all, told)));
            let figures = judge(kind.name(), &arrivals.unwrap_or_else(|| self.arrivals(kind)), told);
            let side_by_side = kind == Kind::Inform;
            assert!(figures.misplaced == 0 || side_by_side, "{}: out of order: {figures:?}", kind.name());
            figures
        });
        judged.collect()
    }
}

const USER: &str = "relay";
const AUTH: &str = "auth-passphrase";
const PRIVACY: &str = "privacy-passphrase";
