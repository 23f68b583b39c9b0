//! One relay with a sink of every kind, and the peers behind them.

use std::collections::BTreeMap;
use std::path::Path;

use e2e::{
    Config, DEADLINE, Fogbell, Line, Notification, Parameters, Rsyslog, RsyslogSetup, Snmptrapd,
    SnmptrapdSetup, TlsClients, Trap, V3, ask_fogbell_in, free_port, wait_until,
};
use tempfile::TempDir;

/// What came out of each sink, by its name, in the order of the relay's outbox.
pub(super) type Deliveries<T> = BTreeMap<&'static str, Vec<T>>;

/// A relay and its receivers. A sink of syslog is known by the APP-NAME it gives, one of SNMP has a receiver of its
/// own.
pub(super) struct Receivers {
    pub(super) relay: Fogbell,
    siem: Rsyslog,
    /// Takes TLS connections with a client certificate only.
    guarded: Rsyslog,
    nms: BTreeMap<&'static str, Snmptrapd>,
    _home: TempDir,
}

impl Receivers {
    /// Starts them all; the relay is called `relay-7`.
    pub(super) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let home = folder.path();
        let users = users(home);
        let nms: BTreeMap<_, _> = [V2C_TRAP, V2C_INFORM, V3_TRAP, V3_INFORM]
            .map(|sink| {
                let setup = match users.get(sink) {
                    Some(lines) => SnmptrapdSetup { lines: vec![lines.clone()], ..Default::default() },
                    None => SnmptrapdSetup { communities: vec![COMMUNITY.to_owned()], ..Default::default() },
                };
                (sink, Snmptrapd::start(&setup))
            })
            .into();
        let siem = Rsyslog::start(&RsyslogSetup::default());
        let guarded = Rsyslog::start(&RsyslogSetup { tls_clients: TlsClients::Certified });

        let mut config = with_v3(Config::new(), |sink| nms[sink].address())
            .v2c(V2C_TRAP, &nms[V2C_TRAP].address(), COMMUNITY, Notification::Trap)
            .v2c(V2C_INFORM, &nms[V2C_INFORM].address(), COMMUNITY, Notification::Inform)
            .set("", "name", "\"relay-7\"");
        let tls = |siem: &Rsyslog, more: &str| {
            format!("tls = {{ ca = '{}', server_name = \"localhost\"{more} }}\n", siem.certs().ca().display())
        };
        let certs = guarded.certs();
        let shown = format!(
            ", certificate = '{}', key = {{ file = '{}' }}",
            certs.client().display(),
            certs.client_key().display()
        );
        for (sink, address, transport, more) in [
            (UDP, siem.udp(), "udp", String::new()),
            (COUNTED, siem.tcp(), "tcp", "framing = \"octet-counted\"\n".to_owned()),
            (NEWLINE, siem.tcp(), "tcp", "framing = \"newline\"\n".to_owned()),
            (TLS, siem.tls(), "tls", tls(&siem, "")),
            (CERTIFIED, guarded.tls(), "tls", tls(&guarded, &shown)),
        ] {
            config = config.table(&format!(
                "[[syslog]]\nname = \"{sink}\"\napp_name = \"{sink}\"\naddress = \"{address}\"\n\
                 transport = \"{transport}\"\nformat = \"rfc5424\"\n{more}"
            ));
        }
        let relay = Fogbell::start_in(home, &config);
        Self { relay, siem, guarded, nms, _home: folder }
    }

    /// The lines of every sink of syslog, once each has `count`; more fails.
    pub(super) fn wait_lines(&self, count: usize) -> Deliveries<Line> {
        let mut lines = self.siem.wait_lines(4 * count);
        lines.extend(self.guarded.wait_lines(count));
        let mut sorted = Deliveries::new();
        for (sink, input) in
            [(UDP, "udp"), (COUNTED, "tcp"), (NEWLINE, "tcp"), (TLS, "tls"), (CERTIFIED, "tls")]
        {
            let (own, rest) = lines.into_iter().partition::<Vec<_>, _>(|line| line.app == sink);
            lines = rest;
            assert_eq!(own.len(), count, "lines of {sink}");
            assert!(own.iter().all(|line| line.input == input), "lines of {sink} came by {input}");
            in_order(sink, &own, |line| line.parameters(ENTERPRISE));
            sorted.insert(sink, own);
        }
        assert_eq!(lines, [], "lines of no sink");
        sorted
    }

    /// The notifications of every sink of SNMP, once each has `count`; more fails. An inform whose answer was late is
    /// sent again; the repeat is the same in every value, and left out here.
    pub(super) fn wait_traps(&self, count: usize) -> Deliveries<Trap> {
        let mut sorted = Deliveries::new();
        for (sink, nms) in &self.nms {
            let mut traps = Vec::new();
            let enough = wait_until(DEADLINE, || {
                traps = nms.traps();
                if sink.ends_with("inform") {
                    // several are on their way at once, so that they may overtake each other
                    traps.sort_by_key(|trap| sequence(&trap.parameters(ENTERPRISE)));
                    traps.dedup_by(|a, b| (&a.name, &a.varbinds) == (&b.name, &b.varbinds));
                }
                traps.len() >= count
            });
            assert!(enough && traps.len() == count, "{sink}: {} of {count} notifications", traps.len());
            in_order(sink, &traps, |trap| trap.parameters(ENTERPRISE));
            sorted.insert(*sink, traps);
        }
        sorted
    }
}

/// Fails unless each comes later in the relay's outbox than the one before, so that none is a repeat.
fn in_order<T>(sink: &str, all: &[T], parameters: impl Fn(&T) -> Parameters) {
    let places: Vec<u64> = all.iter().map(|one| sequence(&parameters(one))).collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{sink} is out of order: {places:?}");
}

fn sequence(parameters: &Parameters) -> u64 {
    parameters["seq"].parse().unwrap()
}

/// The users as `fogbell snmp user-line` prints them, once a first start has made the relay's engine; the relay
/// that then starts in `home` is the same engine.
fn users(home: &Path) -> BTreeMap<&'static str, String> {
    let nowhere = with_v3(Config::new(), |_| format!("127.0.0.1:{}", free_port()));
    let mut relay = Fogbell::start_in(home, &nowhere);
    let users = [V3_TRAP, V3_INFORM].map(|sink| (sink, user(home, sink)));
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
    users.into()
}

/// The user of `sink` as its receiver must know it: the placeholders of the printed lines filled in by hand.
pub(super) fn user(home: &Path, sink: &str) -> String {
    let answer = ask_fogbell_in(home, &["snmp", "user-line", sink]);
    assert_eq!(answer.code, 0, "{}", answer.said);
    assert!(!answer.out.contains(AUTH) && !answer.out.contains(PRIVACY), "{}", answer.out);
    let lines = answer.out.replace("<auth passphrase>", AUTH).replace("<privacy passphrase>", PRIVACY);
    assert!(lines.contains(AUTH) && lines.contains(PRIVACY), "{lines}");
    lines
}

/// `config` with the sinks of SNMPv3.
pub(super) fn with_v3(config: Config, address: impl Fn(&str) -> String) -> Config {
    let v3 = V3 { user: USER.to_owned(), auth: AUTH.to_owned(), privacy: PRIVACY.to_owned() };
    config.v3(V3_TRAP, &address(V3_TRAP), &v3, Notification::Trap).v3(
        V3_INFORM,
        &address(V3_INFORM),
        &v3,
        Notification::Inform,
    )
}

pub(super) const UDP: &str = "udp";
pub(super) const COUNTED: &str = "octet-counted";
pub(super) const NEWLINE: &str = "newline";
pub(super) const TLS: &str = "tls";
pub(super) const CERTIFIED: &str = "tls-certified";
pub(super) const V2C_TRAP: &str = "v2c-trap";
pub(super) const V2C_INFORM: &str = "v2c-inform";
pub(super) const V3_TRAP: &str = "v3-trap";
pub(super) const V3_INFORM: &str = "v3-inform";

/// The enterprise number of a relay that was told none.
pub(super) const ENTERPRISE: u32 = 32473;

const COMMUNITY: &str = "nightwatch";
const USER: &str = "fogbell";
const AUTH: &str = "an auth passphrase";
const PRIVACY: &str = "a privacy passphrase";
