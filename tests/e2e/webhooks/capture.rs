//! `fogbell capture`: what settles the unknowns, and nothing of what is told.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::scene::{May, Scene};

/// Keys whose values are the vendor's words. It is a list of its own: one that is added there without a thought is seen here.
const WORDED: [&str; 14] = [
    "action",
    "alert_type",
    "device_type",
    "ev_type",
    "group",
    "level",
    "mode",
    "model",
    "role",
    "scope",
    "severity",
    "status",
    "topic",
    "type",
];

/// Every text of `value` that somebody else could have chosen, and every key that is one of the data.
fn texts(key: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if !WORDED.contains(&key) => {
            into.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(key, item, into)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| texts(key, value, into)),
        _ => {}
    }
}

/// Every text that is in a capture, keys too.
fn shown(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| shown(item, into)),
        Value::Object(fields) => {
            for (key, value) in fields {
                into.insert(key.clone());
                shown(value, into);
            }
        }
        _ => {}
    }
}

#[test]
fn a_capture_has_the_shape_of_everything_and_the_names_of_nobody() {
    let scene = Scene::with(May::Read, |config| config);
    let webhook = scene.add(scene.good());
    let mut told = BTreeSet::new();
    let mut posted = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/webhooks");
    for file in fs::read_dir(folder).unwrap() {
        let body = fs::read_to_string(file.unwrap().path()).unwrap();
        texts("", &serde_json::from_str(&body).unwrap(), &mut told);
        scene.relay.deliver(&body);
        posted += 1;
    }
    let nasty = json!({ "topic": "alarms", "events": [{
        "type": "device_down", "id": "one", "aps": ["5c5b35d0ffee"], "hostnames": ["canteen till 3"],
        "by_mac": { "5c5b35d0ffee": "canteen" }, "timestamp": "1700000000",
    }] });
    for _ in 0..2 {
        scene.relay.deliver(&nasty.to_string());
    }
    texts("", &nasty, &mut told);

    let file = scene.folder.path().join("capture.json");
    let answer = scene.ask(&["capture", "--api", "--out", file.to_str().unwrap()]);

    assert_eq!(answer.code, 0, "{}", answer.said);
    let text = fs::read_to_string(&file).unwrap();
    let captured: Value = serde_json::from_str(&text).unwrap();
    let webhooks = &captured["webhooks"];
    assert_eq!(webhooks["messages"], posted + 2, "{webhooks}");
    assert_eq!(webhooks["bodies_that_came_again"]["times"], 1, "{webhooks}");
    let down = &webhooks["topics"]["alarms"]["types"]["device_down"]["shape"];
    assert!(down["fields"]["timestamp"]["kinds"]["text: number"].as_u64() >= Some(2), "{down}");
    assert_eq!(down["fields"]["by_mac"]["fields"]["<key>"]["seen"], 2, "{down}");
    let calls = captured["api"].as_array().unwrap();
    let of = |call: &str| {
        let found = calls.iter().find(|one| one["call"] == call);
        found.unwrap_or_else(|| panic!("{call}: {calls:#?}"))
    };
    assert_eq!(of("/api/v1/self")["shape"]["kinds"]["object"], 1);
    assert_eq!(of("/api/v1/orgs/{org_id}/webhooks")["items"], 1);
    let log = of("/api/v1/orgs/{org_id}/webhooks/{webhook_id}/events/search");
    assert!(log["items"].is_u64() || log["refused"].is_u64(), "{log}");
    // nothing is told of the organisation
    let mut seen = BTreeSet::new();
    shown(&captured, &mut seen);
    let token = scene.cloud.read_token(scene.org);
    let org = scene.org.to_string();
    for secret in [token.as_str(), e2e::Config::SECRET, &org, &webhook, "canteen", "5c5b35d0ffee"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let leaked: Vec<&String> =
        told.iter().filter(|text| text.len() > 3 && seen.contains(*text) && !is_word_of_mist(text)).collect();
    assert_eq!(leaked, [] as [&String; 0]);
    // an existing file is left alone
    let again = scene.ask(&["capture", "--out", file.to_str().unwrap()]);
    assert_eq!(again.code, 1);
    assert!(again.said.contains("exists already"), "{}", again.said);
}

/// Words that are texts of some field and names of fields or types as well.
fn is_word_of_mist(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
