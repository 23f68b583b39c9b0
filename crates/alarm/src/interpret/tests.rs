use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::OwnKind;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_micros(secs * 1_000_000)
}

fn read(topic: &str, events: Value) -> Vec<Alert> {
    read_at(topic, events, at(1_700_000_000))
}

fn read_at(topic: &str, events: Value, received: Timestamp) -> Vec<Alert> {
    let body = json!({"topic": topic, "events": events}).to_string();
    step(&Known::new(), &Entry::Admitted { org: "acme", received, body: body.as_bytes() }).alerts
}

#[test]
fn an_infrastructure_alarm_says_what_its_body_says() {
    let alerts = read(
        "alarms",
        json!([{
            "severity": "warn", "timestamp": 1629753888, "last_seen": 1629753800, "aps": ["0209e45575a6"],
            "org_id": "66e41377-02f6-44c7-8485-ceaf0c1d91e4", "site_id": "c510dddd-d26d-4e5a-aecb-55dfa80529ba",
            "count": 1, "hostnames": ["example-device-01"], "id": "539bbbcc-0528-4e3a-bb4f-3c83f75409fc",
            "type": "device_down", "group": "infrastructure"
        }]),
    );

    let [alert] = alerts.as_slice() else { panic!("{alerts:?}") };
    assert_eq!(alert.kind, "device_down");
    assert_eq!(alert.state, State::Event);
    assert_eq!((alert.severity, alert.mist_severity.as_str()), (Severity::Warning, "warn"));
    assert_eq!((alert.device.as_str(), alert.device_type.as_str()), ("example-device-01", "ap"));
    assert_eq!(alert.mac.unwrap().to_string(), "0209e45575a6");
    assert_eq!((alert.org.as_str(), alert.group.as_str(), alert.count), ("acme", "infrastructure", 1));
    assert_eq!(alert.first_seen, at(1_629_753_888));
    assert_eq!(alert.last_seen, alert.first_seen, "a last_seen before the time is not believed");
    assert_eq!(alert.summary, "device_down: example-device-01");
}

#[test]
fn a_marvis_alarm_names_its_state_and_its_entity() {
    let event = |status: &str| {
        json!([{
            "severity": "critical", "timestamp": 1629760130, "site_name": "Example Site", "status": status,
            "suggestion": "test_replace_cable", "id": "a", "category": "switch", "type": "bad_cable", "group": "marvis",
            "impacted_entities": [{"entity_mac": "02033c563d5d", "entity_name": "sw-15", "entity_type": "switch",
                                   "port_id": "ge-0/0/1"}],
            "details": {"action": "test_replace_cable", "status": "open"}
        }])
    };

    let raised = read("alarms", event("open")).remove(0);
    let cleared = read("alarms", event("resolved")).remove(0);

    assert_eq!((raised.state, cleared.state), (State::Raised, State::Cleared));
    assert_eq!(raised.key, cleared.key, "a key never contains the state");
    assert_ne!(raised.id, cleared.id);
    assert_eq!(
        raised.summary,
        "bad_cable raised: sw-15, port ge-0/0/1, site Example Site: suggested test_replace_cable"
    );
}

#[test]
fn several_devices_are_counted_not_guessed() {
    let macs: Vec<String> = (0..5).map(|n| format!("0200000000{n:02}")).collect();
    let names: Vec<String> = (0..5).map(|n| format!("ap-{n}")).collect();

    let alert =
        read("alarms", json!([{"type": "x", "timestamp": 1, "aps": macs, "hostnames": names}])).remove(0);

    assert_eq!((alert.device.as_str(), alert.mac), ("", None));
    assert_eq!(alert.summary, "x: ap-0, ap-1, ap-2 and 2 more");
}

#[test]
fn an_audit_carries_its_message_and_who_did_it() {
    let alert = read(
        "audits",
        json!([{"message": "Accessed Org \"Example Org\"", "admin_name": "Jane Admin jane.admin@example.com",
                "src_ip": "203.0.113.10", "timestamp": 1695171740.805999, "id": "x", "org_id": "y"}]),
    )
    .remove(0);

    assert_eq!(alert.message, "Accessed Org \"Example Org\"");
    assert_eq!(alert.reason, "by Jane Admin jane.admin@example.com from 203.0.113.10");
    assert!(alert.is_audit());
}

#[test]
fn the_same_fact_has_the_same_id_by_whichever_subscription_it_comes() {
    let event = |more: Value| {
        let mut event = json!({"id": "1", "timestamp": 5, "type": "AP_CONNECTED", "ap": "020000000001"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read("device-updowns", json!([event])).remove(0).id
    };

    assert_eq!(event(json!({})), event(json!({"for_site": true})));
    assert_ne!(event(json!({})), event(json!({"type": "AP_DISCONNECTED"})), "an id alone never identifies");
    assert_ne!(event(json!({})), event(json!({"timestamp": 6})));
}

#[test]
fn an_event_with_neither_id_nor_time_is_told_apart_by_its_arrival() {
    let id = |secs, event: Value| read_at("device-events", json!([event]), at(secs)).remove(0).id;

    assert_ne!(id(1, json!({"type": "GW_CONNECTED"})), id(2, json!({"type": "GW_CONNECTED"})));
    assert_eq!(id(1, json!({"type": "X", "timestamp": 9})), id(2, json!({"type": "X", "timestamp": 9})));
    assert_eq!(id(1, json!({"type": "X", "id": "a"})), id(2, json!({"type": "X", "id": "a"})));
}

#[test]
fn what_cannot_be_read_becomes_an_alert_that_says_so() {
    let deep = format!(r#"{{"topic":"alarms","events":[{}]}}"#, "[".repeat(500) + &"]".repeat(500));
    for body in [r#"{"topic":"alarms","events":7}"#, r#"{"topic":"alarms","events":[7]}"#, &deep, "garbage"] {
        let entry = Entry::Admitted { org: "acme", received: at(1), body: body.as_bytes() };

        let alerts = step(&Known::new(), &entry).alerts;

        assert_eq!(alerts.len(), 1, "{body:.40}");
        assert_eq!(alerts[0].kind, "uninterpretable");
        assert!(alerts[0].is_own());
    }
}

#[test]
fn one_bad_event_does_not_take_its_neighbours_along() {
    let alerts = read("alarms", json!([{"type": "a", "timestamp": 1}, 7, {"type": "b", "timestamp": 1}]));

    assert_eq!(
        alerts.iter().map(|alert| alert.kind.as_str()).collect::<Vec<_>>(),
        ["a", "uninterpretable", "b"]
    );
}

#[test]
fn a_message_of_more_events_than_are_read_says_so() {
    let events = vec![json!({}); MAX_EVENTS + 2];

    let alerts = read("alarms", json!(events));

    assert_eq!(alerts.len(), MAX_EVENTS + 1);
    assert!(alerts[MAX_EVENTS].summary.contains("2 events beyond"), "{}", alerts[MAX_EVENTS].summary);
}

#[test]
fn a_summary_stays_a_line_however_long_the_texts_are() {
    let long = "é".repeat(100_000);

    for topic in ["alarms", "audits"] {
        let alert =
            read(topic, json!([{"type": long, "reason": long, "message": long, "timestamp": 1}])).remove(0);
        assert!(alert.summary.chars().count() <= SUMMARY_CHARS + 1, "{topic}");
        assert!(alert.summary.ends_with('…'), "{topic}");
    }
}

#[test]
fn a_problem_of_the_relay_is_counted_and_its_end_says_how_long() {
    let own =
        |state| Own { kind: OwnKind::SinkBehind, resource: "noc".into(), state, text: "t".into(), count: 0 };
    let mut known = Known::new();
    let mut play = |secs, state| {
        let entry = Entry::Own { at: at(secs), own: own(state) };
        assert_eq!(keys_needed(&entry).len(), 1);
        let mut effects = step(&known, &entry);
        for (key, value) in effects.state {
            match value {
                Some(value) => known.insert(key, value),
                None => known.remove(&key),
            };
        }
        effects.alerts.remove(0)
    };

    let first = play(100, State::Raised);
    let again = play(160, State::Raised);
    let end = play(200, State::Cleared);
    let fresh = play(300, State::Raised);

    assert_eq!((first.count, again.count, end.count, fresh.count), (1, 2, 2, 1));
    assert_eq!((again.first_seen, end.duration_secs), (at(100), Some(100)));
    assert_eq!(fresh.first_seen, at(300));
    assert!(first.key == end.key && first.id != again.id);
}

#[test]
fn every_sample_of_a_delivery_becomes_alerts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/webhooks");
    let mut read = 0;
    for file in fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        let body = fs::read(&path).unwrap();
        let events = serde_json::from_slice::<Value>(&body).unwrap()["events"].as_array().unwrap().len();

        let alerts =
            step(&Known::new(), &Entry::Admitted { org: "acme", received: at(1), body: &body }).alerts;

        assert_eq!(alerts.len(), events, "{}", path.display());
        assert!(alerts.iter().all(|alert| alert.kind != "uninterpretable"), "{}", path.display());
        assert!(alerts.iter().all(|alert| !alert.summary.is_empty()), "{}", path.display());
        read += 1;
    }
    assert!(read > 100, "only {read} samples in {}", dir.display());
}
