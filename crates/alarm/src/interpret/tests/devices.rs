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
    assert_eq!((several.device.as_str(), several.mac), ("", None));
    assert_eq!(several.summary, "bad_cable raised: sw-1, 020000000002");
    assert_eq!((server.device_type.as_str(), server.ip.as_str()), ("dns server", "198.51.100.3"));
}
