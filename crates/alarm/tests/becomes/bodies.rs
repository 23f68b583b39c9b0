//! Bodies made from the definitions, and odd ones.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// A bundled table.
pub(crate) fn table(file: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file);
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// All bodies, by name.
pub(crate) fn all() -> Vec<(String, Value)> {
    let alarms = table("alarm_defs.json");
    let mut bodies: Vec<(String, Value)> = alarms.iter().map(alarm).collect();
    bodies.extend(table("device_events.json").iter().map(|row| event("device-events", row)));
    bodies.extend(table("mxedge_events.json").iter().map(|row| event("mxedge-events", row)));
    bodies.extend(odd());
    bodies
}

/// An alarm with what its definition says it has, and neither severity nor group.
pub(crate) fn alarm(definition: &Value) -> (String, Value) {
    let kind = definition["key"].as_str().unwrap().to_owned();
    let mut event = json!({"type": kind, "id": ID, "org_id": ORG, "site_id": SITE, "timestamp": 1_767_225_000, "count": 1});
    let mut fields: Vec<String> = definition["fields"]
        .as_array()
        .map(|fields| fields.iter().map(|field| field.as_str().unwrap().to_owned()).collect())
        .unwrap_or_default();
    if definition["group"] == "marvis" {
        event["alert_id"] = json!(ID);
        event["status"] = json!("open");
        event["impacted_entities"] =
            json!([{"entity_type": "switch", "entity_mac": "020000000005", "port_id": "ge-0/0/5"}]);
    } else if fields.is_empty() {
        // what is known by name only has the list that its name suggests
        let lists = [
            ("sw_", "switches"),
            ("vc_", "switches"),
            ("gw_", "gateways"),
            ("ha_", "gateways"),
            ("vpn_", "gateways"),
        ];
        fields.extend(
            lists.iter().find(|(prefix, _)| kind.starts_with(prefix)).map(|(_, list)| (*list).to_owned()),
        );
        fields.extend(kind.contains("_port_").then(|| "port_ids".to_owned()));
    }
    for field in fields {
        event[&field] = match field.as_str() {
            "hostnames" => json!(["lobby-1"]),
            "aps" => json!(["020000000001"]),
            "switches" => json!(["020000000002"]),
            "gateways" => json!(["020000000003"]),
            "port_ids" => json!(["ge-0/0/7"]),
            "reasons" => json!(["this is why"]),
            "vlans" => json!([215]),
            other => json!([format!("one of {other}")]),
        };
    }
    (kind, json!({"topic": "alarms", "events": [event]}))
}

/// An event of a device with what all have.
fn event(topic: &str, definition: &Value) -> (String, Value) {
    let kind = definition["key"].as_str().unwrap();
    let mut event = json!({"type": kind, "org_id": ORG, "site_id": SITE, "timestamp": 1_767_225_000});
    if topic == "mxedge-events" {
        event["mxedge_id"] = json!(ID);
        event["mxedge_name"] = json!("edge-1");
    } else {
        event["mac"] = json!("020000000004");
    }
    (format!("{topic} {kind}"), json!({"topic": topic, "events": [event]}))
}

/// Casings, spellings, unknown types and bodies with less or more than there should be.
fn odd() -> Vec<(String, Value)> {
    let macs = |many: usize| -> Vec<String> { (0..many).map(|n| format!("02000000010{n:01x}")).collect() };
    let names = |many: usize| -> Vec<String> { (0..many).map(|n| format!("ap-{n}")).collect() };
    let alarm = |more: Value| {
        let mut event = json!({"id": ID, "org_id": ORG, "site_id": SITE, "timestamp": 1_767_225_000.25});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"topic": "alarms", "events": [event]})
    };
    let device = |topic: &str, event: Value| json!({"topic": topic, "events": [event]});
    [
        ("a Marvis type in capitals", alarm(json!({"type": "MISSING_VLAN", "status": "RESOLVED", "group": "marvis"}))),
        ("a Marvis type with hyphens", alarm(json!({"type": "Missing-Vlan", "details": {"state": "validated"}}))),
        ("a Marvis type without a state", alarm(json!({"type": "bad_cable"}))),
        ("the state inside details only", alarm(json!({"type": "bad_cable", "details": {"status": "reoccured"}}))),
        ("Juniper's rogue access point", alarm(json!({"type": "rogue-ap-detected", "bssids": ["020000000009"]}))),
        ("a health check under its other name", alarm(json!({"type": "HEALTH_CHECK", "status": "open"}))),
        ("the five fields that all have", alarm(json!({"type": "gw_flux"}))),
        ("an unknown type about two devices", alarm(json!({"type": "gw_flux", "gateways": macs(2), "hostnames": names(2)}))),
        ("an unknown type of security", alarm(json!({"type": "xss", "group": "security", "aps": macs(2)}))),
        ("an unknown severity", alarm(json!({"type": "device_down", "severity": "purple", "aps": macs(1)}))),
        ("three access points that are down", alarm(json!({"type": "DEVICE_DOWN", "aps": macs(3), "hostnames": names(3), "count": 3}))),
        ("fewer names than addresses", alarm(json!({"type": "device_down", "aps": macs(3), "hostnames": names(2), "count": 3}))),
        ("more devices than Mist names", alarm(json!({"type": "device_down", "aps": macs(10), "hostnames": names(10), "count": 44}))),
        ("a reason for each", alarm(json!({"type": "switch_restarted", "switches": macs(2), "hostnames": names(2), "reasons": ["power", "upgrade"]}))),
        ("one reason for both", alarm(json!({"type": "switch_restarted", "switches": macs(2), "hostnames": names(2), "reasons": ["power"]}))),
        ("a port for each", alarm(json!({"type": "sw_bpdu_error", "switches": macs(2), "hostnames": names(2), "port_ids": ["ge-0/0/1", "ge-0/0/2"]}))),
        ("names without addresses", alarm(json!({"type": "switch_down", "hostnames": names(2)}))),
        ("a plain text for a list", alarm(json!({"type": "repeated_auth_failures", "bssids": "020000000009", "aps": macs(1)}))),
        ("an empty text in a list", alarm(json!({"type": "honeypot_ssid", "ssids": ["", "x"], "aps": macs(1), "hostnames": [""]}))),
        ("a large count", alarm(json!({"type": "vpn_peer_down", "gateways": macs(1), "count": 609, "reasons": ["VPN peer hub-1 down"]}))),
        ("a node of a pair", alarm(json!({"type": "gateway_down", "gateways": macs(1), "node": "node0"}))),
        ("two entities", alarm(json!({"type": "non_compliant", "status": "open", "impacted_entities": [{"entity_name": "ap-1"}, {"entity_name": "ap-2"}]}))),
        ("an entity with nothing but an address", alarm(json!({"type": "dns_failure", "status": "open", "impacted_entities": [{"entity_type": "dns server", "entity_ip": "198.51.100.3"}]}))),
        ("a site of zeros", device("device-events", json!({"type": "SW_DISCONNECTED", "mac": "020000000004", "site_id": "00000000-0000-0000-0000-000000000000", "timestamp": 1}))),
        ("a topic with an underscore", device("device_events", json!({"type": "SW_CONNECTED", "mac": "020000000004", "timestamp": "1767225000.5"}))),
        ("nothing but a type", device("device-events", json!({"type": "AP_CONNECTED"}))),
        ("a gateway by the field of an access point", device("device-updowns", json!({"type": "GW_DISCONNECTED", "ap": "02:00:00:00:00:04", "site_id": SITE}))),
        ("a type in lower case", device("device-updowns", json!({"type": "sw_disconnected", "mac": "020000000004", "site_id": SITE, "timestamp": 5}))),
        ("a severity in ev_type", device("device-events", json!({"type": "SW_X", "mac": "020000000004", "ev_type": "NOTICE", "timestamp": 5}))),
        ("a type that is NOTICE", device("device-events", json!({"type": "NOTICE", "mac": "020000000004", "device_type": "gateway", "timestamp": 5}))),
        ("a port in the text only", device("device-events", json!({"type": "SW_PORT_DOWN", "mac": "020000000004", "text": "ifName ge-0/0/2", "timestamp": 5}))),
        ("an edge's severity", device("mxedge-events", json!({"type": "ME_RESOURCE_USAGE", "mxedge_id": ID, "severity": "high", "timestamp": "5.5"}))),
        ("an unknown edge type", device("mxedge-events", json!({"type": "ME_X", "mxedge_id": "387804a7-3474-85ce-15a2-f9a9684c9c9", "component": null}))),
        ("an audit with a site", device("audits", json!({"message": "Update Site", "site_id": SITE, "id": "a", "timestamp": 1.5}))),
        ("an audit about a device", device("audits", json!({"message": "Reboot", "device_id": "00000000-0000-0000-1000-020000000004", "id": "a", "timestamp": 1.5, "admin_name": "Jane"}))),
        ("occupancy", device("occupancy-alerts", json!({"site_id": SITE, "alert_events": [{"type": "COMPLIANCE-VIOLATION", "timestamp": 5, "map_id": "m"}, {"type": "COMPLIANCE-OK", "timestamp": 6}]}))),
        ("an unknown topic", device("tea-time", json!({"type": "x", "timestamp": 1}))),
        ("a ping without a site", device("ping", json!({"id": "i", "name": "n", "site_id": null, "timestamp": 1}))),
        ("a type that is a number", alarm(json!({"type": 7}))),
        ("no type", alarm(json!({}))),
    ]
    .map(|(name, body)| (format!("odd: {name}"), body))
    .into()
}

const ORG: &str = "0a0a0a0a-0000-4000-8000-000000000001";
const SITE: &str = "51515151-0000-4000-8000-000000000002";
const ID: &str = "1d1d1d1d-0000-4000-8000-000000000003";
