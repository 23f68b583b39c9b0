//! keepalived moves the virtual IP between the two while messages come in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::{Certs, Config, DEADLINE, Machine, Parameters, Rsyslog, wait_for, wait_until};
use rustix::process::Resource;
use serde_json::json;
use testkit::Rng;

use super::client::{Client, Told};
use super::node::{Node, VIRTUAL, printed, tested};
use crate::nothing_lost::limits::{FILE_BYTES, limit};
use crate::nothing_lost::{rounds, seeded, tell};

#[test]
fn keepalived_takes_what_is_printed_and_refuses_what_is_not() {
    let (machine, other) = (Machine::new(), Machine::new());
    machine.join("eth0", &other, "eth0");
    machine.address("eth0", OWN[0]);
    let folder = tempfile::tempdir().unwrap();
    Config::new().write(folder.path());
    let file = folder.path().join("keepalived.conf");
    let text = printed(folder.path(), "10.77.0.1", "10.77.0.2");

    fs::write(&file, &text).unwrap();
    let good = tested(&machine, &file);
    fs::write(&file, text.replace("unicast_peer", "unicast_pear")).unwrap();
    let bad = tested(&machine, &file);

    // before 2.2.8 keepalived ends itself with SIGTERM once it has found a script that another user than root runs:
    // https://github.com/acassen/keepalived/issues/2587
    let ended_well = good.status.success() || good.status.signal() == Some(15);
    assert!(ended_well && good.stderr.is_empty() && good.stdout.is_empty(), "{good:?}");
    assert!(String::from_utf8_lossy(&bad.stderr).contains("Unknown keyword 'unicast_pear'"), "{bad:?}");
}

#[test]
fn nothing_acknowledged_is_lost_while_the_virtual_ip_moves() {
    let mut rng = seeded("ha");
    let (switch, mist, noc) = (Machine::new(), Machine::new(), Machine::new());
    switch.must("ip", &["link", "add", "br0", "type", "bridge"]);
    switch.must("ip", &["link", "set", "br0", "up"]);
    plug(&switch, &mist, "to-mist", "10.77.0.3/24");
    plug(&switch, &noc, "to-noc", "10.77.0.4/24");
    let mut siem = Rsyslog::start_on(&noc, "10.77.0.4");
    let config = Config::new()
        .set("listen", "address", "\"0.0.0.0:8443\"")
        .set("gate", "networks", "[\"10.77.0.3/32\"]")
        .syslog("siem", &siem.tcp(), "tcp");
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // both show the certificate of the one name
    let _ = Certs::make(&homes[0].path().join("certs"));
    copy(&homes[0].path().join("certs"), &homes[1].path().join("certs"));
    let mut nodes: Vec<Node> =
        [("to-a", OWN[0], ["10.77.0.1", "10.77.0.2"]), ("to-b", OWN[1], ["10.77.0.2", "10.77.0.1"])]
            .into_iter()
            .zip(&homes)
            .map(|((name, address, addresses), home)| {
                let machine = Machine::new();
                plug(&switch, &machine, name, address);
                let config = config.clone().set("", "name", &format!("{name:?}"));
                Node::start(machine, home.path(), &config, name, addresses)
            })
            .collect();
    let mut master =
        wait_for(DEADLINE, || nodes.iter().position(Node::holds)).expect("one takes the address");
    let client = Client::start(&mist, &format!("{VIRTUAL}:8443"), nodes[0].relay.ca());

    let mut failovers: Vec<(Fault, Instant, Instant)> = Vec::new();
    for fault in faults(&mut rng, rounds(4, 30)) {
        let (old, new) = (master, 1 - master);
        nodes[new].wait_standby();
        // what is acknowledged from now on is in the journal of the machine that is struck, and nowhere else
        siem.stop();
        more(&client, &nodes, "before");
        let struck = Instant::now();
        fault.strike(&mut nodes[old], &switch);
        let moved = wait_until(DEADLINE, || nodes[new].holds());
        assert!(moved, "{fault:?}: the address does not move:\n{}\n{}", nodes[old].said(), nodes[new].said());
        assert_eq!(nodes[old].holds(), fault == Fault::KeepalivedKilled, "{fault:?}: two masters, or one");
        siem.start_again();
        more(&client, &nodes, "behind");
        failovers.push((fault, struck, Instant::now()));
        fault.mend(&mut nodes[old], &switch);
        master = new;
    }
    nodes[1 - master].wait_standby();
    let told = client.finish();
    for node in &mut nodes {
        node.wait_drained();
    }

    let mut gaps: BTreeMap<Fault, Duration> = BTreeMap::new();
    for (fault, from, to) in &failovers {
        let gap = told.gap(*from, *to);
        let longest = gaps.entry(*fault).or_default();
        *longest = gap.max(*longest);
    }
    let found = wait_for(DEADLINE, || Some(Found::of(&siem, &told)).filter(|found| found.lost == 0));
    let found = found.unwrap_or_else(|| Found::of(&siem, &told));
    let slowest = gaps.values().max().copied().unwrap_or_default();
    let ms = |fault: Fault| gaps.get(&fault).copied().unwrap_or_default().as_millis();
    tell(&json!({
        "failovers": failovers.len(),
        "acknowledged": told.times.len(),
        "lost": found.lost,
        "open": found.open,
        "repeats": found.repeats,
        "retries": told.retries,
        "late_raises": found.late_raises,
        "relays": found.relays.len(),
        "gap_s": slowest.as_secs_f64(),
        "not_ready_gap_ms": ms(Fault::NotReady),
        "link_gap_ms": ms(Fault::LinkCut),
        "relay_killed_gap_ms": ms(Fault::RelayKilled),
        "keepalived_killed_gap_ms": ms(Fault::KeepalivedKilled),
    }));
    assert_eq!((found.lost, found.open), (0, 0), "acknowledged messages are lost, or alarms stay open");
    assert!(told.times.len() > 20 * failovers.len() && told.retries > 0, "{} is no load", told.times.len());
    assert_eq!(found.relays.len(), 2, "both delivered: {:?}", found.relays);
}

/// What happens to the machine that has the address.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    /// Its journal cannot be written, and `/readyz` says so.
    NotReady,
    /// Its cable is pulled.
    LinkCut,
    /// `kill -9` of the relay.
    RelayKilled,
    /// `kill -9` of keepalived: the address stays, and the other machine takes it too.
    KeepalivedKilled,
}

impl Fault {
    const ALL: [Self; 4] = [Self::NotReady, Self::LinkCut, Self::RelayKilled, Self::KeepalivedKilled];

    fn strike(self, node: &mut Node, switch: &Machine) {
        match self {
            Self::NotReady => limit(&mut node.relay, Resource::Fsize, Some(FILE_BYTES)),
            Self::LinkCut => drop(switch.must("ip", &["link", "set", node.plug, "down"])),
            Self::RelayKilled => node.relay.kill9(),
            Self::KeepalivedKilled => node.kill_keepalived(),
        }
    }

    fn mend(self, node: &mut Node, switch: &Machine) {
        match self {
            Self::NotReady => limit(&mut node.relay, Resource::Fsize, None),
            Self::LinkCut => drop(switch.must("ip", &["link", "set", node.plug, "up"])),
            Self::RelayKilled => node.start_relay(),
            Self::KeepalivedKilled => node.start_keepalived(),
        }
    }
}

/// So many, each kind as often as another, in an order by chance.
fn faults(rng: &mut Rng, count: usize) -> Vec<Fault> {
    let mut all = Vec::new();
    while all.len() < count {
        let mut four = Fault::ALL.to_vec();
        while !four.is_empty() {
            all.push(four.swap_remove(rng.below(four.len())));
        }
    }
    all.truncate(count);
    all
}

/// What the receiver was told, both relays together.
#[derive(Debug, Default)]
struct Found {
    /// Raises and clears that were answered 200 and did not arrive.
    lost: usize,
    /// Devices whose clear has another key than their raise.
    open: usize,
    /// Arrivals of what had arrived before, under the same id.
    repeats: usize,
    /// Raises that arrived behind their clear, from the machine that was away.
    late_raises: usize,
    /// Who delivered.
    relays: BTreeSet<String>,
}

impl Found {
    fn of(siem: &Rsyslog, told: &Told) -> Self {
        let mut found = Self::default();
        let mut first: HashMap<(String, String), (usize, Parameters)> = HashMap::new();
        for (place, line) in siem.lines().into_iter().enumerate() {
            let said = line.parameters(ENTERPRISE);
            let Some(device) = said.get("device").filter(|device| device.starts_with("sw-")) else {
                continue;
            };
            found.relays.insert(said["relay"].clone());
            let fact = (device.clone(), said["type"].clone());
            match first.get(&fact) {
                None => drop(first.insert(fact, (place, said))),
                Some((_, before)) => {
                    let same = ["id", "key"].map(|name| said[name] == before[name]);
                    assert_eq!(same, [true; 2], "repeated as another: {before:?} and {said:?}");
                    found.repeats += 1;
                }
            }
        }
        for device in &told.devices {
            let [raise, clear] =
                ["SW_DISCONNECTED", "SW_CONNECTED"].map(|kind| first.get(&(device.clone(), kind.to_owned())));
            found.lost += [raise, clear].into_iter().filter(Option::is_none).count();
            let (Some((raised_at, raise)), Some((cleared_at, clear))) = (raise, clear) else { continue };
            assert_ne!(raise["id"], clear["id"]);
            found.open += usize::from(raise["key"] != clear["key"] || clear["state"] != "cleared");
            found.late_raises += usize::from(raised_at > cleared_at);
        }
        found
    }
}

/// Waits until some more messages are acknowledged.
fn more(client: &Client, nodes: &[Node], when: &str) {
    let before = client.acknowledged();
    let went_on = wait_until(DEADLINE, || client.acknowledged() > before + MORE);
    let said: Vec<String> = nodes.iter().map(Node::said).collect();
    assert!(went_on, "nothing is acknowledged {when} a failover:\n{}", said.join("\n----\n"));
}

/// Puts a machine on the switch.
fn plug(switch: &Machine, machine: &Machine, name: &str, address: &str) {
    machine.join("eth0", switch, name);
    switch.must("ip", &["link", "set", name, "master", "br0"]);
    machine.address("eth0", address);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// The machines' own addresses.
const OWN: [&str; 2] = ["10.77.0.1/24", "10.77.0.2/24"];

const ENTERPRISE: u32 = 32473;

/// Messages that show that the client goes on.
const MORE: usize = 20;
