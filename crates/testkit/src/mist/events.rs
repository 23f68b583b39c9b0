//! What happens, in the shapes that Mist documents.

use ids::{DeviceId, Timestamp};
use serde_json::{Value, json};

use super::Topic;
use super::estate::{Device, DeviceKind, Organisation, Site, mac, uuid};
use crate::rng::Rng;

/// Something new about `topic`, and the event that would end it; both still without time and id.
pub(super) fn happen(rng: &mut Rng, organisation: &Organisation, topic: Topic) -> (Value, Option<Value>) {
    let site = &organisation.sites[rng.below(organisation.sites.len())];
    let (mut event, mut clear) = match topic {
        Topic::Alarms => alarm(rng, organisation, site),
        Topic::DeviceEvents => device_event(rng, site),
        Topic::DeviceUpdowns => updown(rng, site),
        Topic::MxedgeEvents => mxedge(rng, organisation, site),
        Topic::Audits => (audit(rng, organisation, site), None),
        Topic::Ping => return (json!({ "name": "example webhook", "site_id": site.id }), None),
    };
    for event in std::iter::once(&mut event).chain(clear.as_mut()) {
        event["org_id"] = json!(organisation.id);
        event["site_id"] = json!(site.id);
    }
    (event, clear)
}

/// Gives `event` its time, written as `topic` writes it, and its id where the topic has one.
pub(super) fn stamp(rng: &mut Rng, topic: Topic, event: &mut Value, now: Timestamp) {
    let seconds = now.micros() / 1_000_000;
    let fraction = format!("{seconds}.{:06}", now.micros() % 1_000_000);
    let float = || json!(fraction.parse::<f64>().expect("digits, a point and digits are a number"));
    match topic {
        Topic::Alarms => {
            event["timestamp"] = json!(seconds);
            event["last_seen"] = json!(seconds);
        }
        // Unlike its schema, this topic really sends a text.
        Topic::MxedgeEvents => event["timestamp"] = json!(fraction),
        Topic::DeviceEvents | Topic::DeviceUpdowns | Topic::Audits | Topic::Ping => {
            event["timestamp"] = float();
        }
    }
    if matches!(topic, Topic::Alarms | Topic::Audits | Topic::Ping) {
        let id = uuid(rng);
        if event["group"] == "marvis" {
            event["alert_id"] = json!(id);
        }
        event["id"] = json!(id);
    }
}

fn alarm(rng: &mut Rng, organisation: &Organisation, site: &Site) -> (Value, Option<Value>) {
    match rng.below(10) {
        0 | 1 => pair(site.device(rng, DeviceKind::Ap), "aps", ["device_down", "device_reconnected"], None),
        2 => pair(
            site.device(rng, DeviceKind::Switch),
            "switches",
            ["switch_down", "switch_reconnected"],
            None,
        ),
        3 => pair(
            site.device(rng, DeviceKind::Gateway),
            "gateways",
            ["gateway_down", "gateway_reconnected"],
            None,
        ),
        4 => pair(
            site.device(rng, DeviceKind::Gateway),
            "gateways",
            ["gw_vpn_path_down", "gw_vpn_path_up"],
            Some(["peer path hub01 via wan0 down", "peer path hub01 via wan0 up"]),
        ),
        5 => pair(
            site.device(rng, DeviceKind::Gateway),
            "gateways",
            ["vpn_peer_down", "vpn_peer_up"],
            Some(["VPN peer hub01 down", "VPN peer hub01 up"]),
        ),
        6 => {
            let switch = site.device(rng, DeviceKind::Switch);
            let mut event = infrastructure(switch, "switches", "sw_alarm_chassis_psu", "warn");
            event["reasons"] = json!(["FPC 0 PSU Sensor too Warm"]);
            (event, None)
        }
        7 => {
            let aps = site.device(rng, DeviceKind::Ap);
            let mut event = infrastructure(aps, "aps", "infra_dhcp_failure", "critical");
            event.as_object_mut().expect("it is made as an object").remove("hostnames");
            let mut clear = event.clone();
            clear["type"] = json!("infra_dhcp_success");
            clear["severity"] = json!("info");
            (event, Some(clear))
        }
        8 => {
            let ap = site.device(rng, DeviceKind::Ap);
            let mut event = infrastructure(ap, "aps", "rogue_ap", "critical");
            event["group"] = json!("security");
            event["count"] = json!(1 + rng.below(5));
            event["ssids"] = json!(["example-guest", "free \"wifi\""]);
            event["bssids"] = json!([mac(rng), mac(rng)]);
            (event, None)
        }
        _ => (marvis(rng, organisation, site), None),
    }
}

/// An alarm that another one ends; `types` and `reasons` are those of the raise and of the clear.
fn pair(device: &Device, list: &str, types: [&str; 2], reasons: Option<[&str; 2]>) -> (Value, Option<Value>) {
    let mut event = infrastructure(device, list, types[0], "warn");
    let mut clear = infrastructure(device, list, types[1], "info");
    if let Some([down, up]) = reasons {
        event["reasons"] = json!([down]);
        clear["reasons"] = json!([up]);
    }
    (event, Some(clear))
}

fn infrastructure(device: &Device, list: &str, kind: &str, severity: &str) -> Value {
    let mut event = json!({
        "type": kind,
        "group": "infrastructure",
        "severity": severity,
        "hostnames": [device.name],
        "count": 1,
    });
    event[list] = json!([device.mac]);
    event
}

fn marvis(rng: &mut Rng, organisation: &Organisation, site: &Site) -> Value {
    let (kind, action, severity) =
        *rng.pick(&[("port_flap", "check_port", "warn"), ("bad_cable", "test_replace_cable", "critical")]);
    let switch = site.device(rng, DeviceKind::Switch);
    json!({
        "type": kind,
        "group": "marvis",
        "severity": severity,
        "category": "switch",
        "status": "open",
        "suggestion": action,
        "count": 1,
        "org_name": organisation.name,
        "site_name": site.name,
        "details": { "action": action, "category": "switch", "status": "open", "symptom": kind },
        "impacted_entities": [{
            "entity_mac": switch.mac,
            "entity_name": switch.name,
            "entity_type": "switch",
            "port_id": port(rng),
        }],
    })
}

fn device_event(rng: &mut Rng, site: &Site) -> (Value, Option<Value>) {
    match rng.below(6) {
        0 | 1 => {
            let port = port(rng);
            let switch = site.device(rng, DeviceKind::Switch);
            let text = |status: &str, name: &str| {
                json!(format!(
                    "{name}: ifIndex 515, ifAdminStatus up(1), ifOperStatus {status}, ifName {port}"
                ))
            };
            let mut event = about(switch, site, "SW_PORT_DOWN", "warn");
            event["port_id"] = json!(port);
            let mut clear = event.clone();
            event["text"] = text("down(2)", "SNMP_TRAP_LINK_DOWN");
            clear["text"] = text("up(1)", "SNMP_TRAP_LINK_UP");
            clear["type"] = json!("SW_PORT_UP");
            clear["ev_type"] = json!("notice");
            (event, Some(clear))
        }
        2 => {
            let ap = site.device(rng, DeviceKind::Ap);
            let both = |mut event: Value| {
                event["ap"] = json!(ap.mac);
                event["ap_name"] = json!(ap.name);
                event
            };
            let down = both(about(ap, site, "AP_DISCONNECTED", "warn"));
            (down, Some(both(about(ap, site, "AP_CONNECTED", "notice"))))
        }
        3 => {
            let gateway = site.device(rng, DeviceKind::Gateway);
            let mut event = about(gateway, site, "GW_VPN_PEER_DOWN", "warn");
            event["text"] = json!("VPN peer down");
            let mut clear = about(gateway, site, "GW_VPN_PEER_UP", "notice");
            clear["text"] = json!("VPN peer up");
            (event, Some(clear))
        }
        4 => {
            let ap = site.device(rng, DeviceKind::Ap);
            let mut event = about(ap, site, "AP_RESTARTED", "notice");
            event["reason"] = json!(*rng.pick(&["upgrade", "power_cycle"]));
            event["ap"] = json!(ap.mac);
            (event, None)
        }
        _ => {
            let switch = site.device(rng, DeviceKind::Switch);
            let down = about(switch, site, "SW_DISCONNECTED", "warn");
            (down, Some(about(switch, site, "SW_CONNECTED", "notice")))
        }
    }
}

fn about(device: &Device, site: &Site, kind: &str, ev_type: &str) -> Value {
    json!({
        "type": kind,
        "ev_type": ev_type,
        "mac": device.mac,
        "device_name": device.name,
        "device_type": device.kind.name(),
        "model": device.model,
        "version": device.version,
        "site_name": site.name,
    })
}

fn updown(rng: &mut Rng, site: &Site) -> (Value, Option<Value>) {
    let (kind, prefix) = *rng.pick(&[
        (DeviceKind::Ap, "AP"),
        (DeviceKind::Ap, "AP"),
        (DeviceKind::Switch, "SW"),
        (DeviceKind::Gateway, "GW"),
    ]);
    let device = site.device(rng, kind);
    let said = |what: &str| {
        let mut event = json!({
            "type": format!("{prefix}_{what}"),
            "device_type": kind.name(),
            "device_name": device.name,
            "mac": device.mac,
            "site_name": site.name,
            "for_site": false,
        });
        if kind == DeviceKind::Ap {
            event["ap"] = json!(device.mac);
            event["ap_name"] = json!(device.name);
        }
        event
    };
    if rng.percent(15) { (said("RESTARTED"), None) } else { (said("DISCONNECTED"), Some(said("CONNECTED"))) }
}

fn mxedge(rng: &mut Rng, organisation: &Organisation, site: &Site) -> (Value, Option<Value>) {
    let edge = site.device(rng, DeviceKind::MxEdge);
    let said = |kind: &str, field: Option<(&str, &str)>, severity: Option<&str>| {
        let mut event = json!({
            "type": kind,
            "mxedge_id": DeviceId::from(edge.mac),
            "mxedge_name": edge.name,
            "mxcluster_id": organisation.mxcluster_id,
        });
        for (name, value) in field.into_iter().chain(severity.map(|severity| ("severity", severity))) {
            event[name] = json!(value);
        }
        event
    };
    match rng.below(4) {
        0 => (said("ME_DISCONNECTED", None, None), Some(said("ME_CONNECTED", None, None))),
        1 => {
            let part = Some(("component", "PS1"));
            (
                said("ME_PSU_UNPLUGGED", part, Some("critical")),
                Some(said("ME_PSU_PLUGGED", part, Some("normal"))),
            )
        }
        2 => {
            let part = Some(("service", "tunterm"));
            (said("ME_SERVICE_CRASHED", part, None), Some(said("ME_SERVICE_STARTED", part, None)))
        }
        _ => {
            let part = Some(("port", "port0"));
            (said("TT_PORT_LINK_DOWN", part, None), Some(said("TT_PORT_LINK_RECOVERY", part, None)))
        }
    }
}

fn audit(rng: &mut Rng, organisation: &Organisation, site: &Site) -> Value {
    let mut event = json!({
        "admin_name": rng.pick(&organisation.administrators),
        "site_name": site.name,
        "src_ip": "203.0.113.10",
        "user_agent": "Mozilla/5.0 (example)",
    });
    match rng.below(3) {
        0 => event["message"] = json!(format!("Accessed Org \"{}\"", organisation.name)),
        1 => event["message"] = json!(format!("Login with Role \"Network Admin\" to {}", organisation.name)),
        _ => {
            event["message"] = json!("Update Site Settings");
            event["before"] = json!(json!({ "radio_config": { "band_24": { "power": null } } }).to_string());
            event["after"] = json!(json!({ "radio_config": { "band_24": { "power": 10 } } }).to_string());
        }
    }
    event
}

fn port(rng: &mut Rng) -> String {
    format!("ge-0/0/{}", rng.below(48))
}
