//! One relay, every occasion for an alert, and what left the relay for it in every format.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use e2e::{Config, DEADLINE, Fogbell, ask_fogbell, ask_fogbell_in, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The formats of syslog, each with the name of its sink.
pub(super) const FORMATS: [&str; 4] = ["rfc5424", "rfc3164", "json", "cef"];

/// Texts that would pass for something else where one is read carelessly.
const DEVICE: &str = "lobby \"ap\" \\ key=\"0\" ünter";
const AUDIT: &str = "changed] [fogbell@32473 key=\"0\" state=\"cleared\"] x|y cs1=0";

/// What comes about: a device that goes down and comes up, a port that does, an event, an audit; then the relay's own test.
pub(super) fn posts() -> [String; 6] {
    let alarm = |kind: &str, id: &str, time: u32| {
        json!({"id": id, "type": kind, "severity": "critical", "timestamp": time, "count": 1, "site_name": "HQ, state=\"event\"",
            "org_id": "2818e386-8dec-4562-9ede-5b8a0fbbdc71", "aps": ["5c5b35000001"], "hostnames": [DEVICE]})
    };
    let port = |kind: &str, time: u32| {
        json!({"type": kind, "mac": "5c5b35000002", "device_name": "core-1", "device_type": "switch", "port_id": "ge-0/0/1",
            "ip": "192.0.2.17", "severity": "warn", "timestamp": time, "text": "it said reason=\"x\" and seq=1",
            "site_name": "HQ"})
    };
    let event = json!({"type": "SW_STP_TOPO_CHANGED", "mac": "5c5b35000002", "device_name": "core-1", "device_type": "switch",
        "severity": "info", "timestamp": 1_767_323_049, "site_name": "HQ"});
    let audit = json!({"id": "6", "message": AUDIT, "admin_name": "a", "timestamp": 1_767_323_050});
    [
        ("alarms", alarm("device_down", "1", 1_767_323_045)),
        ("alarms", alarm("device_reconnected", "2", 1_767_323_046)),
        ("device-events", port("SW_PORT_DOWN", 1_767_323_047)),
        ("device-events", port("SW_PORT_UP", 1_767_323_048)),
        ("device-events", event),
        ("audits", audit),
    ]
    .map(|(topic, event)| json!({"topic": topic, "events": [event]}).to_string())
}

/// The alerts that come of [`posts`] and of the test, by type and state.
pub(super) const ALERTS: [(&str, &str); 8] = [
    ("device_down", "raised"),
    ("device_reconnected", "cleared"),
    ("SW_PORT_DOWN", "raised"),
    ("SW_PORT_UP", "cleared"),
    ("SW_STP_TOPO_CHANGED", "event"),
    ("audits", "event"),
    ("test", "raised"),
    ("test", "cleared"),
];

/// How many of them come of [`posts`]; the test tells each sink something of its own.
pub(super) const POSTED: usize = 6;

/// Posts it all, and has the relay test its sinks.
pub(super) fn let_happen(relay: &Fogbell) {
    for body in posts() {
        relay.deliver(&body);
    }
    let answer = ask_fogbell_in(relay.home(), &["test", "--json"]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.said);
}

/// A relay with one sink of SNMP, which hears every second that the relay is alive.
pub(super) fn with_traps(address: &str, notification: &str) -> Fogbell {
    let sink = format!(
        "[[snmp]]\nname = \"noc\"\naddress = \"{address}\"\nversion = \"2c\"\nnotification = \"{notification}\"\n\
         community = {{ file = \"SECRETS/community\" }}\nheartbeat_secs = 1\n"
    );
    Fogbell::start(&Config::new().secret("community", "public").table(&sink))
}

/// What `look` finds, once there is one for each alert and a heartbeat: the alerts, and one heartbeat.
pub(super) fn told<T: Clone + std::fmt::Debug>(
    look: impl Fn() -> Vec<T>,
    is_heartbeat: impl Fn(&T) -> bool,
) -> (Vec<T>, T) {
    let mut found = Vec::new();
    let all = wait_until(DEADLINE, || {
        found = look();
        let heartbeats = found.iter().filter(|it| is_heartbeat(it)).count();
        heartbeats > 0 && found.len() - heartbeats >= ALERTS.len()
    });
    assert!(all, "{found:#?}");
    let (mut heartbeats, alerts): (Vec<T>, Vec<T>) = found.into_iter().partition(is_heartbeat);
    (alerts, heartbeats.swap_remove(0))
}

/// The lines that left, by format, in the order of the outbox and each alert once; those of one format are those of another.
pub(super) fn lines() -> BTreeMap<&'static str, Vec<String>> {
    let sockets = FORMATS.map(|format| (format, UdpSocket::bind("127.0.0.1:0").unwrap()));
    let mut config = Config::new().set("", "name", "\"relay-a\"");
    for (format, socket) in &sockets {
        let address = socket.local_addr().unwrap();
        config = config.table(&format!(
            "[[syslog]]\nname = \"{format}\"\naddress = \"{address}\"\ntransport = \"udp\"\nformat = \"{format}\"\n\
             heartbeat_secs = 0\nmax_bytes = 2048\n"
        ));
    }
    let relay = Fogbell::start(&config);
    let_happen(&relay);
    let mut lines = BTreeMap::new();
    for (format, socket) in sockets {
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut seen: Vec<String> = Vec::new();
        let all = wait_until(DEADLINE, || {
            let mut datagram = [0; 4096];
            if let Ok(length) = socket.recv(&mut datagram) {
                let line = String::from_utf8(datagram[..length].to_vec()).unwrap();
                if !seen.contains(&line) {
                    seen.push(line);
                }
            }
            seen.len() >= ALERTS.len()
        });
        assert!(all, "{format}: {seen:#?}");
        lines.insert(format, seen);
    }
    lines
}

/// What each alert says, as the object of its line in the format `json`.
pub(super) fn objects(lines: &BTreeMap<&'static str, Vec<String>>) -> Vec<Value> {
    let object = |line: &String| {
        let (_, rest) = line.split_once(" - {").unwrap();
        serde_json::from_str(&format!("{{{rest}")).unwrap()
    };
    let objects: Vec<Value> = lines["json"].iter().map(object).collect();
    let told: Vec<(&str, &str)> =
        objects.iter().map(|it| (it["type"].as_str().unwrap(), it["state"].as_str().unwrap())).collect();
    assert_eq!(told, ALERTS);
    objects
}

/// A pack, written into a folder of its own.
pub(super) fn pack(receiver: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let answer = ask_fogbell(&["pack", receiver, "--out", &folder.path().display().to_string()]);
    assert_eq!((answer.code, answer.said.as_str()), (0, ""));
    folder
}

/// A file of the story.
pub(super) fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/packs").join(name)
}

/// Runs a script over a file and `given`, and reads the JSON that it answers.
pub(super) fn asked(program: &str, script: &str, file: Option<&Path>, given: &Value) -> Value {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("given.json");
    fs::write(&input, given.to_string()).unwrap();
    let mut command = Command::new(program);
    command.arg(beside(script)).args(file).arg(&input);
    let output = command.output().unwrap_or_else(|error| panic!("{program} is on PATH: {error}"));
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&said));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{script}: {}", String::from_utf8_lossy(&said)))
}
