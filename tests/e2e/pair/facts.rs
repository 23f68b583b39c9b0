//! Each of two relays interprets by itself, and both call the same thing by the same name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use e2e::{Config, DEADLINE, Fogbell, Notification, V3, ask_fogbell_in, wait_for};
use serde_json::{Value, json};

use crate::delivery::samples::Sample;

/// Every alert that a relay made: key, state and type by id.
fn made(relay: &Fogbell, last: &str) -> BTreeMap<String, [String; 3]> {
    let made = || {
        let answer = ask_fogbell_in(relay.home(), &["tail", "--number", "10000", "--json"]);
        assert_eq!(answer.code, 0, "{}", answer.said);
        let mut alerts = BTreeMap::new();
        for line in answer.out.lines() {
            let alert: Value = serde_json::from_str(line).unwrap();
            let text =
                |name: &str| alert[name].as_str().unwrap_or_else(|| panic!("no {name}: {alert}")).to_owned();
            alerts.insert(text("id"), ["key", "state", "type"].map(text));
        }
        alerts.values().any(|[_, _, kind]| kind == last).then_some(alerts)
    };
    wait_for(DEADLINE, made).expect("the last message becomes an alert")
}

/// Whether the identity of every event is in its body.
fn is_named(sample: &Sample) -> bool {
    sample
        .events
        .iter()
        .all(|event| ["id", "timestamp", "when", "time"].iter().any(|name| !event[name].is_null()))
}

#[test]
fn every_sample_becomes_alerts_with_the_same_ids_and_keys_on_both() {
    let samples: Vec<Sample> = Sample::all().into_iter().filter(is_named).collect();
    let (one, two) = (Fogbell::start(&Config::new()), Fogbell::start(&Config::new()));
    let last =
        json!({"topic": "alarms", "events": [{"id": "last", "type": LAST, "timestamp": 1_767_323_045}]})
            .to_string();

    for sample in &samples {
        one.deliver(&sample.body);
    }
    // what one was told first the other is told last: neither depends on what was there before
    for sample in samples.iter().rev() {
        two.deliver(&sample.body);
    }
    for relay in [&one, &two] {
        relay.deliver(&last);
    }

    let keys = |relay| {
        let alerts = made(relay, LAST).into_iter();
        alerts.map(|(id, [key, ..])| (id, key)).collect::<BTreeMap<String, String>>()
    };
    let (one, two) = (keys(&one), keys(&two));
    assert!(samples.len() > 90 && one.len() > 90, "{} samples, {} alerts", samples.len(), one.len());
    assert_eq!(one, two);
}

#[test]
fn a_clear_carries_the_key_of_the_raise_that_the_other_one_saw() {
    let (one, two) = (Fogbell::start(&Config::new()), Fogbell::start(&Config::new()));
    let event = |kind: &str, time: u64| {
        json!({"topic": "device-updowns", "events": [{"type": kind, "mac": "020000000001", "device_type": "switch",
            "org_id": "0a0a0a0a-0000-4000-8000-000000000001", "site_id": "51515151-0000-4000-8000-000000000002",
            "timestamp": time}]})
        .to_string()
    };

    one.deliver(&event("SW_DISCONNECTED", 1_767_323_045));
    two.deliver(&event("SW_CONNECTED", 1_767_323_099));

    let only = |relay: &Fogbell, kind: &str| made(relay, kind).into_values().next().unwrap();
    let (raise, clear) = (only(&one, "SW_DISCONNECTED"), only(&two, "SW_CONNECTED"));
    assert_eq!((raise[1].as_str(), clear[1].as_str()), ("raised", "cleared"));
    assert_eq!(raise[0], clear[0], "the key");
}

#[test]
fn each_has_an_snmp_engine_of_its_own() {
    let v3 = V3 {
        user: "relay".to_owned(),
        auth: "auth-passphrase".to_owned(),
        privacy: "privacy-passphrase".to_owned(),
    };
    let config = Config::new().v3("nms", "127.0.0.1:9", &v3, Notification::Trap);
    let (one, two) = (Fogbell::start(&config), Fogbell::start(&config));

    let [one, two] = [&one, &two].map(|relay| engine(relay.home()));

    assert_ne!(one, two);
}

fn engine(home: &Path) -> String {
    let text = fs::read_to_string(home.join("state/snmp-engine")).unwrap();
    text.lines().find(|line| line.starts_with("engine_id")).unwrap().to_owned()
}

/// The type of the last alarm.
const LAST: &str = "the_last_one";
