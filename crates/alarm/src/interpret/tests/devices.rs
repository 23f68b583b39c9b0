//! Whom an alert is about, and which of several problems of theirs.

use serde_json::{Value, json};

use super::*;

/// A Marvis alarm with the id of its problem, about these entities.
fn marvis(entities: Value) -> Alert {
    read(
        "alarms",
        json!([{"type": "bad_cable", "group": "marvis", "id": "m", "alert_id": "m", "site_id": "s", "timestamp": 100,
                "status": "open", "severity": "critical", "impacted_entities": entities}]),
    )
    .remove(0)
}

#[test]
fn a_marvis_alarm_about_one_device_carries_it() {
    let entity =
        json!({"entity_type": "switch", "entity_mac": "020000000001", "entity_name": "sw-1", "port_id": "p"});
    let mut other_port = entity.clone();
    other_port["port_id"] = json!("q");

    let one = marvis(json!([entity]));
    let twice = marvis(json!([entity, other_port]));
    let several = marvis(json!([entity, {"entity_type": "ap", "entity_mac": "020000000002"}]));
    let server = marvis(json!([{"entity_type": "dns server", "entity_ip": "198.51.100.3"}]));

    assert_eq!((one.device.as_str(), one.port.as_str()), ("sw-1", "p"));
    assert_eq!(one.mac.unwrap().to_string(), "020000000001");
    assert_eq!((twice.device.as_str(), twice.port.as_str()), ("sw-1", ""), "two ports of one device");
    assert_eq!((twice.device_type.as_str(), several.device_type.as_str()), ("switch", ""));
    assert_eq!((several.device.as_str(), several.mac), ("", None));
    assert_eq!(several.summary, "bad_cable raised: sw-1, 020000000002");
    assert_eq!((server.device_type.as_str(), server.ip.as_str()), ("dns server", "198.51.100.3"));
}

#[test]
fn what_a_device_is_follows_from_its_type_in_any_case() {
    for (kind, device_type, severity) in [
        ("AP_DISCONNECTED", "ap", Severity::Warning),
        ("sw_disconnected", "switch", Severity::Critical),
        ("GW_DISCONNECTED", "gateway", Severity::Critical),
        ("ME_CLAIMED", "mxedge", Severity::Info),
        ("CLIENT_DNS_OK", "", Severity::Unknown),
        ("é_", "", Severity::Unknown),
    ] {
        let alert =
            read("device-events", json!([{"type": kind, "mac": "020000000001", "timestamp": 1}])).remove(0);
        assert_eq!((alert.device_type.as_str(), alert.severity), (device_type, severity), "{kind}");
    }
}

#[test]
fn a_state_in_a_text_is_no_name_of_a_peer() {
    let mut play = Play::default();
    let event = |kind: &str, text: &str, time: i64| json!([{"type": kind, "mac": "020000000001", "text": text, "timestamp": time}]);

    let down = play.post(100, "device-events", event("GW_VPN_PEER_DOWN", "VPN peer down", 100)).remove(0);
    let up = play.post(160, "device-events", event("GW_VPN_PEER_UP", "VPN peer up", 160)).remove(0);
    let named =
        play.post(200, "device-events", event("GW_VPN_PEER_DOWN", "VPN peer hub-1 down", 200)).remove(0);

    assert_eq!((down.state, up.state, up.duration_secs), (State::Raised, State::Cleared, Some(60)));
    assert_eq!(down.key, up.key);
    assert_ne!(named.key, down.key);
}

#[test]
fn an_alarm_about_ports_of_several_devices_is_ended_port_by_port() {
    let mut play = Play::default();
    let down = json!([{"type": "gw_port_down", "id": "i", "timestamp": 100, "gateways": ["020000000001", "020000000002"],
                       "port_ids": ["ge-0/0/1", "ge-0/0/2"], "count": 2}]);
    let up = json!([{"type": "GW_PORT_UP", "mac": "020000000002", "port_id": "ge-0/0/2", "timestamp": 160}]);

    let raised = play.post(100, "alarms", down);
    let cleared = play.post(160, "device-events", up).remove(0);

    assert_eq!((raised.len(), raised[1].port.as_str()), (2, "ge-0/0/2"));
    assert_eq!(
        (cleared.state, cleared.duration_secs, cleared.key),
        (State::Cleared, Some(60), raised[1].key)
    );
}

#[test]
fn two_ports_of_one_device_are_two_alerts() {
    let raised = read(
        "alarms",
        json!([{"type": "gw_port_down", "id": "i", "timestamp": 100, "gateways": ["020000000001", "020000000001"],
                "port_ids": ["ge-0/0/1", "ge-0/0/2"]}]),
    );

    let [first, second] = raised.as_slice() else { panic!("{raised:?}") };
    assert!(first.id != second.id && first.key != second.key);
    assert_eq!((first.count, second.count), (1, 1));
}

#[test]
fn pairs_that_follow_from_their_names_are_told_apart_by_port() {
    let mut play = Play::default();
    let event = |kind: &str, port: &str, time: i64| json!([{"type": kind, "id": format!("{kind}{port}"), "timestamp": time, "switches": ["020000000001"], "port_ids": [port]}]);

    let one = play.post(100, "alarms", event("sw_critical_port_down", "ge-0/0/1", 100)).remove(0);
    let two = play.post(110, "alarms", event("sw_critical_port_down", "ge-0/0/2", 110)).remove(0);
    let end = play.post(160, "alarms", event("sw_critical_port_up", "ge-0/0/1", 160)).remove(0);

    assert_ne!(one.key, two.key);
    assert_eq!((end.key, end.state, end.duration_secs), (one.key, State::Cleared, Some(60)));
}

#[test]
fn an_alarm_that_nobody_grades_is_a_warning_and_has_a_group() {
    let kind = |kind: &str| read("alarms", json!([{"type": kind, "id": "i", "timestamp": 1}])).remove(0);

    for (name, severity, group) in [
        ("idp_attack_detected", Severity::Unknown, "security"),
        ("port_stuck", Severity::Unknown, "marvis"),
        ("sw_critical_port_down", Severity::Warning, "infrastructure"),
        ("gw_flux", Severity::Unknown, "unknown"),
    ] {
        let alert = kind(name);
        assert_eq!((alert.severity, alert.group.as_str()), (severity, group), "{name}");
    }
}

#[test]
fn an_alarm_is_an_alert_for_a_bounded_number_of_devices() {
    let macs: Vec<String> = (0..5_000).map(|n| format!("02{n:010x}")).collect();
    let event = |count: u64| json!([{"type": "device_down", "id": "i", "timestamp": 1, "site_id": "s", "aps": macs, "reasons": macs, "count": count}]);

    for (count, rest) in [(1, 5_000 - 128), (9_000, 9_000 - 128)] {
        let alerts = read("alarms", event(count));

        assert_eq!(alerts.len(), 129);
        assert_eq!((alerts[128].state, alerts[128].count), (State::Event, rest));
    }
}

#[test]
fn an_edge_is_one_thing_whatever_its_events_carry_and_says_which_part_it_is() {
    let mut play = Play::default();
    let edge = "00000000-0000-0000-1000-020000000007";
    let event = |kind: &str, more: Value, time: i64| {
        let mut event = json!({"type": kind, "mxedge_id": edge, "service": "tunterm", "timestamp": time});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([event])
    };

    let crash = event("ME_SERVICE_CRASHED", json!({"site_id": "s-1", "mac": "020000000007"}), 100);
    let crash = play.post(100, "mxedge-events", crash).remove(0);
    let start = play.post(160, "mxedge-events", event("ME_SERVICE_STARTED", json!({}), 160)).remove(0);
    let other =
        json!([{"type": "ME_PSU_UNPLUGGED", "mxedge_id": "an-id", "component": "PS1", "timestamp": 1}]);
    let other = play.post(200, "mxedge-events", other).remove(0);

    assert_eq!((start.key, start.state, start.duration_secs), (crash.key, State::Cleared, Some(60)));
    assert_eq!(crash.mac.unwrap().to_string(), "020000000007");
    assert_eq!(crash.summary, "ME_SERVICE_CRASHED raised: 020000000007: service tunterm");
    assert_eq!(other.summary, "ME_PSU_UNPLUGGED raised: an-id: component PS1");
    assert_eq!((other.device.as_str(), other.mac), ("an-id", None), "what has no name is called by its id");
}

#[test]
fn a_server_without_a_name_is_called_by_its_address_in_the_summary() {
    let server = marvis(json!([{"entity_type": "dns server", "entity_ip": "198.51.100.3"}]));

    assert_eq!(server.summary, "bad_cable raised: 198.51.100.3");
}

#[test]
fn an_address_among_the_names_gives_way_to_the_name_that_is_known() {
    let mut play = Play::default();
    let event = json!([{"type": "secpolicy_violation", "id": "i", "timestamp": 1, "aps": ["020000000001"], "hostnames": ["020000000009"]}]);
    let device = directory::Device { name: "ap-1".into(), ..directory::Device::default() };
    let mac: Mac = "020000000001".parse().unwrap();
    let lesson = directory::Lesson { devices: [(mac, Some(device))].into(), ..directory::Lesson::default() };

    let before = Play::default().post(1, "alarms", event.clone()).remove(0);
    play.entry(Entry::Learned { org: "acme", at: at(1), lesson: Box::new(lesson) });
    let after = play.post(2, "alarms", event).remove(0);

    assert_eq!((before.device.as_str(), after.device.as_str()), ("020000000009", "ap-1"));
}

#[test]
fn an_alarm_that_names_only_names_is_about_what_its_type_says() {
    let alert =
        read("alarms", json!([{"type": "switch_down", "id": "i", "timestamp": 1, "hostnames": ["sw-1"]}]));

    assert_eq!((alert[0].device_type.as_str(), alert[0].severity), ("switch", Severity::Critical));
}

#[test]
fn an_alarm_without_a_reason_says_what_was_seen() {
    let alert = read(
        "alarms",
        json!([{"type": "honeypot_ssid", "id": "i", "timestamp": 1, "aps": ["020000000001"], "ssids": ["", "free wifi"],
                "bssids": ["020000000008", "020000000009"], "vlans": [7]}]),
    );

    assert_eq!(alert[0].reason, "SSID free wifi, BSSID 020000000008 020000000009, VLAN 7");
}

#[test]
fn an_event_that_mist_does_not_grade_is_info_unless_its_name_says_that_something_failed() {
    for (kind, severity) in [
        ("AP_RESTARTED", Severity::Info),
        ("SW_ZTP_PRE_SCRIPT_CONNECTION_FAIL", Severity::Warning),
        ("SW_RADIUS_SERVER_UNREACHABLE", Severity::Warning),
        ("GW_DHCP_POOL_EXHAUSTED", Severity::Warning),
        ("SW_ROGUE_DHCP_SERVER_DETECTED", Severity::Warning),
        ("never_seen", Severity::Unknown),
    ] {
        let alert = read("device-events", json!([{"type": kind, "mac": "020000000001", "timestamp": 1}]));
        assert_eq!(alert[0].severity, severity, "{kind}");
    }
}
