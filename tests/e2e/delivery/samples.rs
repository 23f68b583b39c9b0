//! Every sample that the project keeps, posted by curl.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use e2e::{DEADLINE, Line, Parameters, Trap, wait_until};
use serde_json::Value;

use super::expected::{self, Expected, Model, utc};
use super::receivers::{ENTERPRISE, Receivers};

/// One file of `tests/fixtures/webhooks`.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) topic: String,
    pub(crate) events: Vec<Value>,
}

impl Sample {
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/webhooks");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let read = |file: &std::path::PathBuf| {
            let body = fs::read_to_string(file).unwrap();
            let value: Value = serde_json::from_str(&body).unwrap();
            let topic = value["topic"].as_str().unwrap().replace('_', "-");
            let events = value["events"].as_array().unwrap().clone();
            Self { name: file.file_stem().unwrap().to_string_lossy().into_owned(), body, topic, events }
        };
        files.iter().map(read).collect()
    }

    pub(crate) fn goes_to_every_sink(&self) -> bool {
        let topics = ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"];
        topics.contains(&self.topic.as_str())
    }
}

#[test]
fn every_sample_comes_out_of_every_sink_with_the_values_it_had() {
    let samples = Sample::all();
    let receivers = Receivers::start();
    let started = now();
    let mut model = Model::new();
    let mut expect: Vec<(String, Expected)> = Vec::new();
    let mut made = 0;

    for sample in &samples {
        receivers.relay.deliver(&sample.body);
        let told = model.post(&sample.topic, &sample.events);
        made += told.len();
        if sample.goes_to_every_sink() {
            expect.extend(told.into_iter().map(|told| (sample.name.clone(), told)));
        }
    }
    // behind the last sample, so that what must not come out would have come before it
    let last = r#"{"topic":"alarms","events":[{"id":"last","type":"last","timestamp":1767323045}]}"#;
    receivers.relay.deliver(last);
    let event: Value = serde_json::from_str(last).unwrap();
    let told = model.post("alarms", event["events"].as_array().unwrap());
    made += told.len();
    expect.extend(told.into_iter().map(|told| ("last".to_owned(), told)));

    assert!(samples.len() > 100 && made > expect.len() && expect.len() > 90, "{} samples", samples.len());
    for state in ["raised", "cleared", "event"] {
        assert!(expect.iter().any(|(_, told)| told.parameters["state"] == state), "nothing is {state}");
    }
    let lines = receivers.wait_lines(expect.len());
    let traps = receivers.wait_traps(expect.len());
    let arrival = started..now();
    let mut ids = BTreeSet::new();
    let mut keys = BTreeMap::new();
    for (index, (name, expect)) in expect.iter_mut().enumerate() {
        let identity = |parameters: &Parameters| ["id", "key", "seq"].map(|name| parameters[name].clone());
        let of = identity(&lines["udp"][index].parameters(ENTERPRISE));
        assert!(of[..2].iter().all(|hash| is_hash(hash)) && ids.insert(of[0].clone()), "{name}: {of:?}");
        let key = keys.entry(expect.about.clone()).or_insert_with(|| of[1].clone());
        assert_eq!(*key, of[1], "{name}: another key for {}", expect.about);
        if !expect.parameters.contains_key("first_seen") {
            let said = lines["udp"][index].parameters(ENTERPRISE);
            assert!(
                arrival.contains(&said["first_seen"]),
                "{name}: {} is not in {arrival:?}",
                said["first_seen"]
            );
            for time in ["first_seen", "last_seen"] {
                expect.parameters.insert(time.to_owned(), said["first_seen"].clone());
            }
        }
        for (sink, lines) in &lines {
            check_line(&format!("{name} by {sink}"), &lines[index], expect, &of);
        }
        for (sink, traps) in &traps {
            check_trap(
                &format!("{name} by {sink}"),
                &traps[index],
                expect,
                &of,
                &lines["udp"][index].message,
            );
        }
    }
    assert_eq!(keys.values().collect::<BTreeSet<_>>().len(), keys.len(), "two things have one key");
    check_metrics(&receivers, samples.len() + 1, made, expect.len());
}

fn check_line(what: &str, line: &Line, expect: &Expected, identity: &[String; 3]) {
    let mut parameters = line.parameters(ENTERPRISE);
    let found = ["id", "key", "seq"].map(|name| parameters.remove(name).unwrap());
    assert_eq!(&found, identity, "{what}");
    assert_eq!(parameters, expect.parameters, "{what}");
    assert_eq!((line.pri.as_str(), line.version.as_str()), (expect.pri.to_string().as_str(), "1"), "{what}");
    assert_eq!(line.procid, "-", "{what}");
    let kind = &parameters["type"];
    assert_eq!(line.msgid, kind[..kind.len().min(32)], "{what}");
    assert_eq!(in_utc(&line.timestamp), parameters["last_seen"], "{what}");
    let names = ["device", "site", "relay"].map(|name| host(parameters.get(name)));
    assert_eq!(Some(&line.host), names.iter().find(|name| !name.is_empty()), "{what}");
    check_text(what, &line.message, &expect.line);
}

/// The readable line, which an operator reads first.
pub(super) fn check_text(what: &str, said: &str, expect: &expected::Line) {
    match expect {
        expected::Line::Is(text) => assert_eq!(said, text, "{what}"),
        expected::Line::Names(names) => {
            let mut rest = said;
            for name in names {
                let (_, behind) =
                    rest.split_once(name).unwrap_or_else(|| panic!("{what}: no {name} in {said}"));
                rest = behind;
            }
        }
    }
}

pub(super) fn check_trap(what: &str, trap: &Trap, expect: &Expected, identity: &[String; 3], said: &str) {
    let mut parameters = trap.parameters(ENTERPRISE);
    let oid = format!(".1.3.6.1.4.1.{ENTERPRISE}.1.0.{}", expect.notification);
    assert_eq!(trap.name, oid, "{what}");
    let found = ["id", "key", "seq"].map(|name| parameters.remove(name).unwrap());
    assert_eq!(&found, identity, "{what}");
    assert_eq!(parameters.remove("severity").unwrap(), expect.perceived.to_string(), "{what}");
    let state =
        ["raised", "cleared", "event"][parameters.remove("state").unwrap().parse::<usize>().unwrap() - 1];
    assert_eq!(state, expect.parameters["state"], "{what}");
    for (name, absent) in [("count", "0"), ("duration", "-1")] {
        if parameters[name] == absent {
            parameters.remove(name);
        }
    }

    // the texts: whole, or within their caps and ended by dots, and then the notification says so
    let mut shortened = false;
    let mut check = |name: &str, found: &str, whole: &str, cap: usize| {
        if found != whole {
            shortened = true;
            let kept =
                found.strip_suffix("...").unwrap_or_else(|| panic!("{what}: {name} is {found} of {whole}"));
            assert!(whole.starts_with(kept) && whole.len() > cap, "{what}: {name} is {found} of {whole}");
            assert!((cap - 3..=cap).contains(&found.len()), "{what}: {name} has {} bytes", found.len());
        }
    };
    check("summary", &parameters.remove("summary").unwrap(), said, 160);
    let truncated = parameters.remove("truncated").unwrap();
    for (name, whole) in &expect.parameters {
        if !["state", "severity"].contains(&name.as_str()) {
            let found = parameters.remove(name).unwrap_or_else(|| panic!("{what}: no {name}"));
            check(name, &found, whole, if name == "reason" { 128 } else { 64 });
        }
    }
    assert_eq!(parameters, Parameters::new(), "{what} says more than it should");
    assert_eq!(truncated, if shortened { "1" } else { "2" }, "{what}");
    let ipv4 = expect.parameters.get("ip").filter(|ip| ip.parse::<std::net::Ipv4Addr>().is_ok());
    assert_eq!(trap.address().as_ref(), ipv4, "{what}");
}

/// Messages in, alerts made, alerts delivered: each figure is the one that was counted from outside.
fn check_metrics(receivers: &Receivers, messages: usize, made: usize, delivered: usize) {
    let relay = &receivers.relay;
    let is = |name: &str, label: &str, expect: usize| {
        let expect = u32::try_from(expect).unwrap();
        let equal = wait_until(DEADLINE, || (relay.metric(name, label) - f64::from(expect)).abs() < 0.5);
        assert!(equal, "{name}{{{label}}} is {}, not {expect}", relay.metric(name, label));
    };
    is("fogbell_messages_total", "org=\"acme\"", messages);
    is("fogbell_answers_total", "status=\"200\"", messages);
    is("fogbell_alerts_total", "", made);
    for sink in [
        "udp",
        "octet-counted",
        "newline",
        "tls",
        "tls-certified",
        "v2c-trap",
        "v2c-inform",
        "v3-trap",
        "v3-inform",
    ] {
        is("fogbell_delivered_total", &format!("sink=\"{sink}\""), delivered);
        is("fogbell_sink_behind_alerts", &format!("sink=\"{sink}\""), 0);
    }
}

/// The machine's clock, as times leave.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    utc(i64::try_from(since.as_micros()).unwrap())
}

fn is_hash(text: &str) -> bool {
    text.len() == 32 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// A name as HOSTNAME has it: what is no letter, digit, `-`, `.` or `_` becomes one `-`.
pub(super) fn host(name: Option<&String>) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let parts = name.map_or("", String::as_str).split(|c| !allowed(c));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// rsyslog's `2023-06-05T09:16:16.923Z` in UTC; it keeps the digits and the zone that came.
fn in_utc(timestamp: &str) -> String {
    timestamp.replace("+00:00", "Z")
}
