//! Every level, hash and cipher of SNMPv3, as traps and as informs: what a real snmptrapd shows is what was posted.

use std::collections::BTreeMap;

use e2e::{
    Config, DEADLINE, Fogbell, Parameters, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, Trap,
    ask_fogbell_in, free_port, wait_until,
};
use tempfile::TempDir;

use super::expected::Model;
use super::receivers::ENTERPRISE;
use super::samples::{Sample, check_trap};

const HASHES: [&str; 5] = ["sha-1", "sha-224", "sha-256", "sha-384", "sha-512"];
const CIPHERS: [&str; 5] = ["aes-128", "aes-192", "aes-192-reeder", "aes-256", "aes-256-reeder"];
const KINDS: [&str; 2] = ["trap", "inform"];

/// One sink; its name is its user's, too.
struct Sink {
    name: String,
    hash: Option<&'static str>,
    cipher: Option<&'static str>,
    kind: &'static str,
}

impl Sink {
    fn new(hash: Option<&'static str>, cipher: Option<&'static str>, kind: &'static str) -> Self {
        let protection: Vec<&str> = [hash, cipher].into_iter().flatten().collect();
        let name = if protection.is_empty() { "open".to_owned() } else { protection.join("-") };
        Self { name: format!("{name}-{kind}"), hash, cipher, kind }
    }

    /// No protection, every hash alone, and every hash with every cipher; as a trap and as an inform.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for kind in KINDS {
            all.push(Self::new(None, None, kind));
            for hash in HASHES {
                all.push(Self::new(Some(hash), None, kind));
                all.extend(CIPHERS.map(|cipher| Self::new(Some(hash), Some(cipher), kind)));
            }
        }
        all
    }

    /// Adds it to `config`.
    fn add_to(&self, config: Config, address: &str) -> Config {
        let (name, kind) = (&self.name, self.kind);
        // all of them at once are more than the receiver's socket holds while it has no processor
        let mut table = format!(
            "[[snmp]]\nname = \"{name}\"\naddress = \"{address}\"\nversion = \"3\"\nuser = \"{name}\"\n\
             notification = \"{kind}\"\nrate = 4\nburst = 1\n"
        );
        table += &match self.hash {
            Some(hash) => {
                format!("auth = {{ protocol = \"{hash}\", secret = {{ file = \"SECRETS/auth\" }} }}\n")
            }
            None => "danger_without_auth = true\n".to_owned(),
        };
        table += &match (self.hash, self.cipher) {
            (_, Some(cipher)) => format!(
                "privacy = {{ protocol = \"{cipher}\", secret = {{ file = \"SECRETS/privacy\" }} }}\n"
            ),
            (Some(_), None) => "danger_without_privacy = true\n".to_owned(),
            (None, None) => String::new(),
        };
        config.table(&table)
    }

    /// What the receiver must know of it, as the relay in `home` prints it.
    fn lines(&self, home: &std::path::Path) -> String {
        let answer = ask_fogbell_in(home, &["snmp", "user-line", &self.name]);
        assert_eq!(answer.code, 0, "{}", answer.said);
        answer.out.replace("<auth passphrase>", AUTH).replace("<privacy passphrase>", PRIVACY)
    }
}

/// A relay without a receiver for its v3 sinks, which makes its engine; what it prints for each of them.
fn lines(home: &std::path::Path, sinks: &[Sink]) -> Vec<String> {
    let nowhere = format!("127.0.0.1:{}", free_port());
    let mut relay = Fogbell::start_in(home, &config(sinks, &nowhere));
    let lines = sinks.iter().map(|sink| sink.lines(home)).collect();
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
    lines
}

fn config(sinks: &[Sink], address: &str) -> Config {
    let config = Config::new().set("", "name", "\"relay-7\"").secret("auth", AUTH).secret("privacy", PRIVACY);
    sinks.iter().fold(config, |config, sink| sink.add_to(config, address))
}

/// Who sent it and how, as this module's sinks are named.
fn sink_of(trap: &Trap) -> String {
    let kind = match trap.sender.split_once(", ").unwrap().0 {
        "TRAP2" => "trap",
        "INFORM" => "inform",
        other => panic!("{other} from {}", trap.sender),
    };
    if trap.sender.contains("SNMP v2c, community nightwatch") {
        return format!("v2c-{kind}");
    }
    let user = trap.sender.split_once(", user ").unwrap_or_else(|| panic!("no user: {}", trap.sender)).1;
    let user = user.split(',').next().unwrap();
    assert!(user.ends_with(kind), "{user} sent a {kind}");
    user.to_owned()
}

/// What arrived, by sink, in the order of the outbox and without the repeats of informs that were answered late.
fn by_sink(nms: &Snmptrapd) -> BTreeMap<String, Vec<Trap>> {
    let mut sorted = BTreeMap::<String, Vec<Trap>>::new();
    for trap in nms.traps() {
        sorted.entry(sink_of(&trap)).or_default().push(trap);
    }
    for traps in sorted.values_mut() {
        traps.sort_by_key(|trap| trap.parameters(ENTERPRISE)["seq"].parse::<u64>().unwrap());
        traps.dedup_by(|a, b| (&a.name, &a.varbinds) == (&b.name, &b.varbinds));
    }
    sorted
}

#[test]
fn every_level_hash_and_cipher_is_understood_value_by_value() {
    let folder = TempDir::new().unwrap();
    let sinks = Sink::all();
    let setup = SnmptrapdSetup {
        communities: vec!["nightwatch".to_owned()],
        lines: lines(folder.path(), &sinks),
        ..SnmptrapdSetup::default()
    };
    let nms = Snmptrapd::start(&setup);
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let mut config =
        config(&sinks, &nms.address()).syslog("siem", &siem.udp(), "udp").secret("v2c", "nightwatch");
    for kind in KINDS {
        config = config.table(&format!(
            "[[snmp]]\nname = \"v2c-{kind}\"\naddress = \"{}\"\nversion = \"2c\"\nnotification = \"{kind}\"\n\
             community = {{ file = \"SECRETS/v2c\" }}\n",
            nms.address()
        ));
    }
    let mut relay = Fogbell::start_in(folder.path(), &config);
    let (mut model, mut expect) = (Model::new(), Vec::new());

    for topic in ["alarms", "audits", "device-updowns"] {
        let sample = Sample::all().into_iter().find(|sample| sample.topic == topic).unwrap();
        relay.deliver(&sample.body);
        let told = model.post(topic, &sample.events);
        expect.extend(told.into_iter().map(|told| (sample.name.clone(), told)));
    }

    let count = sinks.len() + KINDS.len();
    assert_eq!(count, 64);
    let mut arrived = BTreeMap::new();
    let complete = wait_until(2 * DEADLINE, || {
        arrived = by_sink(&nms);
        arrived.len() == count && arrived.values().all(|traps| traps.len() >= expect.len())
    });
    let missing: Vec<&str> = sinks
        .iter()
        .filter(|sink| arrived.get(&sink.name).is_none_or(|traps| traps.len() < expect.len()))
        .map(|sink| sink.name.as_str())
        .collect();
    if !complete {
        // what the relay knows of it, or nobody can tell why
        for sink in &missing {
            let figure =
                |name: &str| relay.metric(&format!("fogbell_{name}_total"), &format!("sink=\"{sink}\""));
            let [delivered, failed, aside] = ["delivered", "delivery_failures", "set_aside"].map(figure);
            eprintln!("{sink}: {delivered} delivered, {failed} attempts failed, {aside} set aside");
        }
        relay.process().lines().iter().for_each(|line| eprintln!("{line}"));
    }
    assert!(complete, "not everything arrived from {missing:?}");
    let lines = siem.wait_lines(expect.len());
    for (sink, traps) in &arrived {
        assert_eq!(traps.len(), expect.len(), "{sink}");
        for ((trap, line), (name, expect)) in traps.iter().zip(&lines).zip(&mut expect) {
            let said = line.parameters(ENTERPRISE);
            let identity = ["id", "key", "seq"].map(|name| said[name].clone());
            arrival(&mut expect.parameters, &said);
            check_trap(&format!("{name} by {sink}"), trap, expect, &identity, &line.message);
        }
    }
}

/// What has no time of its own has that of its arrival, which no sample says.
fn arrival(expect: &mut Parameters, said: &Parameters) {
    for time in ["first_seen", "last_seen"] {
        if !expect.contains_key(time) {
            expect.insert(time.to_owned(), said[time].clone());
        }
    }
}

#[test]
fn a_receiver_that_demands_more_than_the_sink_has_takes_nothing() {
    let folder = TempDir::new().unwrap();
    let weak: Vec<Sink> = KINDS
        .into_iter()
        .flat_map(|kind| [Sink::new(None, None, kind), Sink::new(Some("sha-256"), None, kind)])
        .collect();
    // the receiver knows the user, at one level more
    let strict = lines(folder.path(), &weak).into_iter().map(|lines| {
        let lines = lines.trim();
        match lines.strip_suffix(" noauth") {
            Some(lines) => format!("{lines} auth"),
            None => format!("{} priv", lines.strip_suffix(" auth").unwrap()),
        }
    });
    let nms = Snmptrapd::start(&SnmptrapdSetup {
        communities: vec!["nightwatch".to_owned()],
        lines: strict.collect(),
        ..SnmptrapdSetup::default()
    });
    let config = config(&weak, &nms.address()).secret("v2c", "nightwatch").table(&format!(
        "[[snmp]]\nname = \"v2c-trap\"\naddress = \"{}\"\nversion = \"2c\"\nnotification = \"trap\"\n\
         community = {{ file = \"SECRETS/v2c\" }}\n",
        nms.address()
    ));
    let relay = Fogbell::start_in(folder.path(), &config);
    let alarm = r#"{"topic":"alarms","events":[{"id":"1","type":"device_down","timestamp":1767323045}]}"#;

    relay.deliver(alarm);
    let tried = |sink: &Sink| match sink.kind {
        "trap" => relay.metric("fogbell_delivered_total", &format!("sink=\"{}\"", sink.name)) > 0.5,
        _ => relay.metric("fogbell_delivery_failures_total", &format!("sink=\"{}\"", sink.name)) > 1.5,
    };
    assert!(wait_until(DEADLINE, || weak.iter().all(tried)), "not every sink has tried");
    // it came behind everything that was sent by then, so that the receiver has judged all of that
    relay.deliver(&alarm.replace("\"1\"", "\"2\""));
    let arrived = nms.wait_traps(2);

    let senders: Vec<String> = arrived.iter().map(sink_of).collect();
    assert_eq!(senders, ["v2c-trap", "v2c-trap"]);
    for sink in weak.iter().filter(|sink| sink.kind == "inform") {
        let delivered = relay.metric("fogbell_delivered_total", &format!("sink=\"{}\"", sink.name));
        assert!(delivered < 0.5, "{} was acknowledged and not taken", sink.name);
    }
}

const AUTH: &str = "an auth passphrase";
const PRIVACY: &str = "a privacy passphrase";
