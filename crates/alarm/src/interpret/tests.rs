use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::reading::MAX_EVENTS;
use crate::text::SUMMARY_CHARS;
use crate::{About, Audience, DampingRule, Fetched, Origin, Own, OwnKind, Severity, SeverityRule, Window};

mod devices;
mod order;
mod pairs;
mod play;
mod replay;

use play::{Play, at};

fn read(topic: &str, events: Value) -> Vec<Alert> {
    Play::default().post(1_700_000_000, topic, events)
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
    assert_eq!(alert.state, State::Raised);
    assert_eq!((alert.severity, alert.mist_severity.as_str()), (Severity::Warning, "warn"));
    assert_eq!((alert.device.as_str(), alert.device_type.as_str()), ("example-device-01", "ap"));
    assert_eq!(alert.mac.unwrap().to_string(), "0209e45575a6");
    assert_eq!((alert.org.as_str(), alert.group.as_str(), alert.count), ("acme", "infrastructure", 1));
    assert_eq!(alert.first_seen, at(1_629_753_888));
    assert_eq!(alert.last_seen, alert.first_seen, "a last_seen before the time is not believed");
    assert_eq!(alert.summary, "device_down raised: example-device-01");
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

/// An alarm about so many access points, as Mist samples them.
fn several(kind: &str, named: usize, names: usize, count: usize) -> Value {
    let macs: Vec<String> = (0..named).map(|n| format!("0200000000{n:02}")).collect();
    let names: Vec<String> = (0..names).map(|n| format!("ap-{n}")).collect();
    json!([{"type": kind, "timestamp": 1, "id": "i", "site_id": "s-1", "aps": macs, "hostnames": names, "count": count}])
}

#[test]
fn an_alarm_about_devices_is_one_alert_for_each() {
    let alerts = read("alarms", several("device_down", 3, 3, 3));

    let told: Vec<_> =
        alerts.iter().map(|it| (it.device.as_str(), it.mac.unwrap().to_string(), it.count)).collect();
    assert_eq!(
        told,
        [
            ("ap-0", "020000000000".to_owned(), 1),
            ("ap-1", "020000000001".to_owned(), 1),
            ("ap-2", "020000000002".to_owned(), 1)
        ]
    );
    assert!(alerts[0].id != alerts[1].id && alerts[0].key != alerts[1].key);
}

#[test]
fn lists_are_paired_only_when_they_are_equally_long() {
    let alerts = read("alarms", several("device_down", 3, 2, 3));

    assert_eq!(alerts.len(), 3);
    assert!(alerts.iter().all(|alert| alert.device.is_empty()));
}

#[test]
fn devices_that_mist_does_not_name_are_counted_for_their_site() {
    let alerts = read("alarms", several("device_down", 10, 10, 44));

    assert_eq!(alerts.len(), 11);
    let rest = &alerts[10];
    assert_eq!((rest.state, rest.count, rest.mac, rest.site_id.as_str()), (State::Event, 34, None, "s-1"));
    assert_eq!(rest.reason, "34 more devices that Mist does not name");
    // one device may have many events
    assert_eq!(read("alarms", several("vpn_peer_down", 1, 1, 609)).len(), 1);
}

#[test]
fn an_alarm_about_clients_is_one_alert_whoever_saw_them() {
    let alerts = read(
        "alarms",
        json!([{"type": "rogue_ap", "timestamp": 1, "id": "i", "site_id": "s", "aps": ["020000000001", "020000000002"],
                "hostnames": ["ap-1", "ap-2"], "bssids": ["020000000009"], "ssids": ["x"]}]),
    );

    let [alert] = alerts.as_slice() else { panic!("{alerts:?}") };
    assert_eq!(
        (alert.state, alert.severity, alert.group.as_str()),
        (State::Event, Severity::Critical, "security")
    );
    assert_eq!(alert.summary, "rogue_ap: ap-1, ap-2: SSID x, BSSID 020000000009");
}

#[test]
fn an_unknown_type_is_read_from_its_body_and_remarked() {
    let mut play = Play::default();
    let body = json!({"topic": "alarms", "events": [{"type": "gw_flux", "timestamp": 1, "gateways": ["020000000001", "020000000002"]}]}).to_string();

    let effects = play.entry(Entry::Admitted { org: "acme", received: at(2), body: body.as_bytes() });

    assert_eq!(effects.alerts.len(), 2);
    assert_eq!(effects.remarks.unknown_types, ["gw_flux"]);
    assert_eq!((effects.alerts[0].state, effects.alerts[0].severity), (State::Event, Severity::Unknown));
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
fn what_cannot_be_read_becomes_an_alert_that_says_so() {
    let deep = format!(r#"{{"topic":"alarms","events":[{}]}}"#, "[".repeat(500) + &"]".repeat(500));
    for body in [r#"{"topic":"alarms","events":7}"#, r#"{"topic":"alarms","events":[7]}"#, &deep, "garbage"] {
        let entry = Entry::Admitted { org: "acme", received: at(1), body: body.as_bytes() };

        let alerts = Play::default().entry(entry).alerts;

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
    let events: Vec<Value> = (0..MAX_EVENTS + 2).map(|n| json!({"n": n})).collect();

    let alerts = read("alarms", json!(events));

    assert_eq!(alerts.len(), MAX_EVENTS + 1);
    assert!(alerts[MAX_EVENTS].summary.contains("2 events beyond"), "{}", alerts[MAX_EVENTS].summary);
}

#[test]
fn what_stands_around_a_list_of_events_is_not_repeated_without_bound() {
    let around = |bytes: usize| json!({"site_name": "x".repeat(bytes), "site_id": "s", "alert_events": vec![json!({}); 2_000]});

    let alerts = read("occupancy-alerts", json!([around(100_000), around(3_000), around(3_000)]));

    let kinds: Vec<_> = alerts.iter().map(|alert| alert.kind.as_str()).collect();
    assert_eq!(kinds, ["uninterpretable", "occupancy-alerts", "uninterpretable"]);
    assert!(alerts[0].reason.contains("around 2000 alert_events"), "{}", alerts[0].reason);
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
    let mut play = Play::default();
    let mut said = |secs, state| {
        let kind = OwnKind::SinkBehind;
        let own = Own {
            kind,
            resource: "noc".into(),
            state,
            text: "t".into(),
            count: 0,
            severity: None,
            duration_secs: None,
        };
        play.entry(Entry::Own { at: at(secs), own }).alerts.remove(0)
    };

    let first = said(100, State::Raised);
    let again = said(160, State::Raised);
    let end = said(200, State::Cleared);
    let fresh = said(300, State::Raised);

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

        let entry = Entry::Admitted { org: "acme", received: at(1), body: &body };
        let alerts = Play::default().entry(entry).alerts;

        assert!(alerts.len() >= events, "{}", path.display());
        assert!(alerts.iter().all(|alert| alert.kind != "uninterpretable"), "{}", path.display());
        assert!(alerts.iter().all(|alert| !alert.summary.is_empty()), "{}", path.display());
        read += 1;
    }
    assert!(read > 100, "only {read} samples in {}", dir.display());
}

#[test]
fn names_come_from_the_directory_and_what_it_lacks_is_remarked() {
    let mut play = Play::default();
    let body = json!({"topic": "device-events", "events": [{"type": "SW_PORT_DOWN", "mac": "020000000001", "port_id": "ge-0/0/1", "timestamp": 5}]}).to_string();
    let before = play.entry(Entry::Admitted { org: "acme", received: at(6), body: body.as_bytes() });
    let mac: Mac = "020000000001".parse().unwrap();
    assert_eq!(before.remarks.unnamed, [("acme".into(), Unnamed::Device(mac))]);

    let device = directory::Device {
        name: "sw-1".into(),
        site_id: "s-1".into(),
        kind: "switch".into(),
        model: "EX4100".into(),
        serial: "S1".into(),
        ip: "192.0.2.7".into(),
    };
    let lesson = directory::Lesson {
        sites: [("s-1".to_owned(), directory::Site { name: "Lisboa".into() })].into(),
        devices: [(mac, Some(device))].into(),
        ..directory::Lesson::default()
    };
    play.entry(Entry::Learned { org: "acme", at: at(7), lesson: Box::new(lesson) });
    play.restart();
    let up = json!([{"type": "SW_PORT_UP", "mac": "020000000001", "port_id": "ge-0/0/1", "timestamp": 65}]);
    let clear = play.post(66, "device-events", up).remove(0);

    assert_eq!(
        (clear.device.as_str(), clear.site.as_str(), clear.ip.as_str()),
        ("sw-1", "Lisboa", "192.0.2.7")
    );
    assert_eq!(
        (clear.model.as_str(), clear.serial.as_str(), clear.port.as_str()),
        ("EX4100", "S1", "ge-0/0/1")
    );
    assert_eq!(clear.summary, "SW_PORT_UP cleared: sw-1, port ge-0/0/1, site Lisboa after 1m");
    assert_eq!(clear.key, before.alerts[0].key, "names are no part of a key");
}

#[test]
fn marvis_tells_its_own_states() {
    let mut play = Play::default();
    let event = |status: &str, update: bool| {
        json!([{"type": "MISSING_VLAN", "group": "marvis", "id": "m", "action_id": "m", "site_id": "s", "timestamp": 100, "status": status,
                "update": update, "severity": "critical", "details": {"status": "open"}, "count": 3,
                "impacted_entities": [{"entity_type": "switch", "entity_mac": "020000000001", "entity_name": "sw-1", "port_id": "ge-0/0/1"}]}])
    };

    let states: Vec<_> = ["open", "reoccured", "resolved", "open", "validated"]
        .iter()
        .enumerate()
        .flat_map(|(n, status)| play.post(200 + n as i64, "alarms", event(status, n > 0)))
        .map(|alert| (alert.state, alert.count))
        .collect();

    // the second `open` is, byte for byte but for `update`, the raise again
    use State::{Cleared, Raised};
    assert_eq!(states, [(Raised, 3), (Raised, 3), (Cleared, 3), (Raised, 3), (Cleared, 3)]);
}

#[test]
fn what_comes_late_changes_nothing_and_is_told_as_an_event() {
    let mut play = Play::default();
    let event = |kind: &str, time: i64| json!([{"type": kind, "mac": "020000000001", "timestamp": time}]);

    play.post(1_000, "device-updowns", event("AP_DISCONNECTED", 1_000));
    play.post(1_100, "device-updowns", event("AP_CONNECTED", 1_100));
    let late = play.post(1_200, "device-updowns", event("AP_DISCONNECTED", 1_050)).remove(0);
    let wrong = play.post(10_000, "device-updowns", event("AP_DISCONNECTED", -90_000)).remove(0);

    assert_eq!(late.state, State::Event);
    assert_eq!(wrong.state, State::Raised, "a clock that is far off must not hide a problem");
}

#[test]
fn a_raise_that_is_held_down_is_told_only_when_it_stays() {
    let about = About { types: vec!["ap-disconnected".into()], ..About::default() };
    let rule = DampingRule { about, hold_down: Some(Duration::from_secs(60)), flapping: None };
    let mut play = Play::with(Rules { dampings: vec![rule], ..Rules::default() });
    let event = |kind: &str, time: i64| json!([{"type": kind, "mac": "020000000001", "timestamp": time}]);

    assert_eq!(play.post(1_000, "device-updowns", event("AP_DISCONNECTED", 1_000)), []);
    assert_eq!(play.post(1_030, "device-updowns", event("AP_CONNECTED", 1_030)), []);
    assert_eq!(play.post(2_000, "device-updowns", event("AP_DISCONNECTED", 2_000)), []);
    play.restart();
    assert_eq!(play.tick(2_059), []);
    let told = play.tick(2_060);
    let end = play.post(2_100, "device-updowns", event("AP_CONNECTED", 2_100)).remove(0);

    assert_eq!((told.len(), told[0].state, told[0].first_seen), (1, State::Raised, at(2_000)));
    assert_eq!((end.state, end.duration_secs), (State::Cleared, Some(100)));
}

#[test]
fn a_flapping_problem_is_told_once_and_again_when_it_is_calm() {
    let about = About { types: vec!["SW_PORT_DOWN".into()], ..About::default() };
    let rule = DampingRule { about, hold_down: None, flapping: Some((3, Duration::from_secs(300))) };
    let mut play = Play::with(Rules { dampings: vec![rule], ..Rules::default() });
    let event = |kind: &str, time: i64| json!([{"type": kind, "mac": "020000000001", "port_id": "p", "timestamp": time}]);

    let mut told = Vec::new();
    for n in 0..10 {
        told.extend(play.post(1_000 + 20 * n, "device-events", event("SW_PORT_DOWN", 1_000 + 20 * n)));
        told.extend(play.post(1_010 + 20 * n, "device-events", event("SW_PORT_UP", 1_010 + 20 * n)));
        play.restart();
    }
    let told: Vec<_> = told.iter().map(|alert| (alert.state, alert.reason.starts_with("flapping"))).collect();
    use State::{Cleared, Raised};
    assert_eq!(told, [(Raised, false), (Cleared, false), (Raised, false), (Cleared, false), (Raised, true)]);
    assert_eq!(play.tick(1_480), []);
    let calm = play.tick(1_500);

    assert_eq!((calm.len(), calm[0].state, calm[0].count), (1, Cleared, 8));
}

#[test]
fn a_window_mutes_and_at_its_end_tells_what_is_still_there() {
    let about = About { sites: vec!["s-1".into()], ..About::default() };
    let window = Window { name: "upgrade".into(), about, from: at(1_000), until: at(2_000) };
    let mut play = Play::with(Rules { windows: vec![window], ..Rules::default() });
    let event = |kind: &str, mac: u8, time: i64| json!([{"type": kind, "mac": format!("0200000000{mac:02}"), "site_id": "s-1", "timestamp": time}]);
    let exempt = Audience::Exempt { window: "upgrade".into() };

    let before = play.post(900, "device-updowns", event("AP_DISCONNECTED", 1, 900)).remove(0);
    let stays = play.post(1_100, "device-updowns", event("AP_DISCONNECTED", 2, 1_100)).remove(0);
    let goes = play.post(1_100, "device-updowns", event("AP_DISCONNECTED", 3, 1_100)).remove(0);
    let gone = play.post(1_200, "device-updowns", event("AP_CONNECTED", 3, 1_200)).remove(0);
    let over = play.post(1_300, "device-updowns", event("AP_CONNECTED", 1, 1_300)).remove(0);
    play.restart();
    let end = play.tick(2_000);
    let cleared = play.post(2_100, "device-updowns", event("AP_CONNECTED", 2, 2_100)).remove(0);

    assert!([&stays, &goes, &gone].iter().all(|alert| alert.audience == exempt));
    assert!(before.audience.is_all() && over.audience.is_all(), "a clear goes where its raise went");
    assert_eq!(end.len(), 1);
    assert_eq!((end[0].id, &end[0].audience), (stays.id, &Audience::Muted { window: "upgrade".into() }));
    assert!(cleared.audience.is_all());
}

#[test]
fn sinks_that_forget_are_told_again_while_it_is_there() {
    let mut play = Play::with(Rules { repeats: [1_800].into(), ..Rules::default() });
    let down = json!([{"type": "AP_DISCONNECTED", "mac": "020000000001", "timestamp": 1_000}]);
    let up = json!([{"type": "AP_CONNECTED", "mac": "020000000001", "timestamp": 5_000}]);

    let raised = play.post(1_000, "device-updowns", down).remove(0);
    let told: Vec<_> =
        (1..4).map(|n| (play.tick(1_000 + 1_800 * n - 1).len(), play.tick(1_000 + 1_800 * n))).collect();
    play.post(5_000 + 1_800, "device-updowns", up);

    for (early, again) in told {
        assert_eq!((early, again.len()), (0, 1));
        assert_eq!((again[0].id, &again[0].audience), (raised.id, &Audience::Repeat { every_secs: 1_800 }));
    }
    assert_eq!(play.tick(90_000), []);
}

#[test]
fn what_nobody_confirms_expires_and_what_somebody_does_does_not() {
    let mut play = Play::default();
    let down = |mac: u8| json!([{"type": "AP_DISCONNECTED", "mac": format!("0200000000{mac:02}"), "timestamp": 1_000}]);
    play.post(1_000, "device-updowns", down(1));
    play.post(1_000, "device-updowns", down(2));
    let day = 86_400;

    let confirm = json!([{"type": "AP_DISCONNECTED", "mac": "020000000002", "timestamp": 1_000 + 5 * day}]);
    assert_eq!(play.fetch(1_000 + 5 * day, Fetched::Reconcile, "device-updowns", confirm), []);
    assert_eq!(play.tick(1_000 + 7 * day), [], "there is an hour to hear of it");
    let expired = play.tick(1_000 + 7 * day + 3_600);
    let clear = json!([{"type": "AP_CONNECTED", "mac": "020000000002", "timestamp": 1_000 + 8 * day}]);
    let reconciled = play.fetch(1_000 + 8 * day, Fetched::Reconcile, "device-updowns", clear.clone());
    let nothing = play.fetch(1_000 + 8 * day + 1, Fetched::Reconcile, "device-updowns", clear);

    assert_eq!((expired.len(), expired[0].origin, expired[0].state), (1, Origin::Expired, State::Cleared));
    assert_eq!((reconciled[0].origin, reconciled[0].duration_secs), (Origin::Reconcile, Some(8 * 86_400)));
    assert_eq!(nothing, []);
}

#[test]
fn what_was_posted_is_not_fetched_again_nor_the_other_way_round() {
    let mut play = Play::default();
    let event =
        |n: i64| json!({"type": "rogue_ap", "id": format!("i-{n}"), "timestamp": 1_000 + n, "site_id": "s"});
    let row = |n: i64| json!({"type": "rogue_ap", "id": format!("i-{n}"), "timestamp": 1_000 + n, "site_id": "s", "status": null, "acked": false});

    assert_eq!(play.post(1_001, "alarms", json!([event(1)])).len(), 1);
    assert_eq!(play.fetch(2_000, Fetched::Rows, "alarms", json!([row(1)])), []);
    let fetched = play.fetch(2_000, Fetched::Rows, "alarms", json!([row(2)]));
    assert_eq!((fetched.len(), fetched[0].origin), (1, Origin::Backfill));
    assert_eq!(play.post(2_001, "alarms", json!([event(2)])), []);
    assert_eq!(play.fetch(2_002, Fetched::Delivery, "alarms", json!([event(2)])), []);
    assert_eq!(play.fetch(2_003, Fetched::Delivery, "alarms", json!([event(3)])).len(), 1);
    assert_eq!(play.fetch(2_003, Fetched::Rows, "alarms", json!([row(3)])), []);
}

#[test]
fn a_double_subscription_is_said_once_a_day() {
    let mut play = Play::default();
    let mut said = 0;
    for n in 0..5 {
        let mut event =
            json!({"type": "rogue_ap", "id": format!("i-{n}"), "timestamp": 1_000 + n, "site_id": "s"});
        assert_eq!(play.post(1_000 + n, "alarms", json!([event])).len(), 1);
        event["for_site"] = json!(true);
        let alerts = play.post(1_000 + n, "alarms", json!([event]));
        assert!(alerts.iter().all(|alert| alert.kind == "double_subscription"));
        said += alerts.len();
        play.restart();
    }
    assert_eq!(said, 1);
}

#[test]
fn what_was_seen_is_forgotten_after_two_days_whatever_its_time() {
    let mut play = Play::default();
    let day = 86_400;
    let event = |time: i64| json!([{"type": "rogue_ap", "id": "i", "timestamp": time}]);
    let start = 100 * day;
    for time in [start, 5, 4_000_000_000] {
        assert_eq!(play.post(start, "alarms", event(time)).len(), 1, "{time}");
        assert_eq!(play.post(start + day, "alarms", event(time)).len(), 0, "{time}");
    }
    for minute in 0..6_000 {
        play.post(start + 2 * day + 60 * minute, "device-events", json!([{"type": "x", "n": minute}]));
    }
    assert!(play.state.keys().filter(|key| key.starts_with(b"seen")).count() < 20, "{:?}", play.state.len());
}

#[test]
fn an_operators_severity_replaces_mists_and_mists_is_kept() {
    let about = About { types: vec!["device_down".into()], sites: vec!["s-1".into()], ..About::default() };
    let rules =
        Rules { severities: vec![SeverityRule { about, severity: Severity::Critical }], ..Rules::default() };
    let mut play = Play::with(rules);
    let event = |site: &str| json!([{"type": "device_down", "id": site, "timestamp": 1, "site_id": site, "aps": ["020000000001"], "severity": "warn"}]);

    let here = play.post(1, "alarms", event("s-1")).remove(0);
    let there = play.post(2, "alarms", event("s-2")).remove(0);

    assert_eq!((here.severity, here.mist_severity.as_str()), (Severity::Critical, "warn"));
    assert_eq!(there.severity, Severity::Warning);
}

#[test]
fn problems_are_bounded_and_the_one_that_goes_is_said_to() {
    let mut play = Play::with(Rules { max_open: 3, ..Rules::default() });
    let mut told = Vec::new();
    for n in 0..5 {
        told.extend(play.post(
            1_000 + n,
            "device-updowns",
            json!([{"type": "AP_DISCONNECTED", "mac": format!("0200000000{n:02}"), "timestamp": 1_000 + n}]),
        ));
    }

    let expired: Vec<_> = told.iter().filter(|alert| alert.origin == Origin::Expired).collect();
    assert_eq!(expired.len(), 2);
    assert!(expired[0].reason.contains("more than 3 problems"), "{}", expired[0].reason);
    assert_eq!(play.interpreter.open(), 3);
}
