//! What an event is by itself: an alert, or one for each device it is about.

use serde_json::Value;

use super::Alert;
use super::event::{Devices, list, micros, site_id, text, who, why};
use super::meaning::{DEVICE_DOWN, Meaning};

/// The alerts an event would be by itself.
pub(super) fn facts(topic: &str, event: &Value, meaning: &Meaning, stateful: bool) -> Vec<Alert> {
    let devices = Devices::of(topic, event);
    let marvis = text(event, &["action_id", "alert_id", "id"]);
    let site = site_id(event);
    let edge = if topic == "mxedge-events" { text(event, &["mxedge_id"]) } else { String::new() };
    let known = |name: &str| meaning.fields.iter().any(|field| field == name);
    let lists = |names: &[&str]| names.iter().any(|name| !list(event, name).is_empty());
    let of_a_site = topic == "alarms"
        && match meaning.group.as_str() {
            "security" => true,
            _ if SEEN.iter().any(|name| known(name)) => true,
            _ if DEVICES.iter().any(|name| known(name)) => false,
            // the definition says nothing, so the body does
            _ => !lists(&DEVICES) || lists(&SEEN) || event["group"] == "security",
        };
    let mut base = base(topic, event, meaning, &devices);
    let named = devices.named.clone();
    let count = event["count"].as_u64().unwrap_or(0);
    base.count = count.max(u64::from(meaning.state != "event"));
    let about = |site: &str, resource: &str, sub: &str| format!("{site}|{resource}|{}|{sub}", meaning.class);
    let sub = if stateful { String::new() } else { sub_key(event, meaning, &devices) };
    let of_one = |mut alert: Alert| {
        if let [(name, mac)] = named.as_slice() {
            alert.texts.insert("device", name.clone());
            alert.texts.insert("mac", mac.clone());
        } else {
            let name =
                |(name, mac): &(String, String)| if name.is_empty() { mac.clone() } else { name.clone() };
            alert.several = named.iter().map(name).collect();
        }
        alert
    };
    if stateful && !marvis.is_empty() {
        return vec![of_one(Alert { about: about(&site, &marvis, &sub), ..base })];
    }
    if of_a_site || named.is_empty() {
        return vec![of_one(Alert { about: about(&site, "", &sub), ..base })];
    }
    let paired =
        |list: &[String], at: usize| (named.len() > 1 && list.len() == named.len()).then(|| list[at].clone());
    let (reasons, ports) = (list(event, "reasons"), list(event, "port_ids"));
    let mut alerts: Vec<Alert> = named
        .iter()
        .enumerate()
        .map(|(at, (name, mac))| {
            let mut alert = base.clone();
            alert.texts.insert("device", name.clone());
            alert.texts.insert("mac", mac.clone());
            alert.texts.extend(paired(&reasons, at).map(|reason| ("reason", reason)));
            alert.texts.extend(paired(&ports, at).map(|port| ("port", port)));
            alert.about = match (edge.as_str(), mac.as_str()) {
                ("", "") => about(&site, name, &sub),
                ("", mac) => about("", mac, &sub),
                (edge, _) => about("", edge, &sub),
            };
            if named.len() > 1 {
                alert.count = 1;
            }
            alert
        })
        .collect();
    let rest = count.saturating_sub(named.len() as u64);
    if topic == "alarms" && named.len() >= 10 && rest > 0 {
        let mut alert = Alert { count: rest, about: about(&site, "unnamed", &sub), ..base };
        let several = if rest == 1 { "device" } else { "devices" };
        alert.texts.insert("reason", format!("{rest} more {several} that Mist does not name"));
        alerts.push(alert);
    }
    alerts
}

/// What all alerts of an event have in common.
fn base(topic: &str, event: &Value, meaning: &Meaning, devices: &Devices) -> Alert {
    let or = |own: String, otherwise: &str| if own.is_empty() { otherwise.to_owned() } else { own };
    let word = or(text(event, &["severity", "ev_type"]), &meaning.severity);
    let failed = meaning.class.split('_').any(|word| FAILED.contains(&word));
    let severity = match word.to_lowercase().as_str() {
        "critical" | "high" => "critical",
        "info" | "normal" | "notice" => "info",
        "warn" | "warning" => "warning",
        "" if meaning.state == "raised" => "warning",
        "" if meaning.state == "cleared" => "info",
        "" if meaning.known && topic != "alarms" && failed => "warning",
        "" if meaning.known && topic != "alarms" => "info",
        "" => "",
        other => panic!("a severity that these samples do not have: {other}"),
    };
    let carries = meaning.class == DEVICE_DOWN && meaning.state == "raised";
    let severity = match devices.kind.as_str() {
        "switch" | "gateway" if carries => "critical",
        _ => severity,
    };
    let of_topic = match topic {
        "device-events" | "device-updowns" | "mxedge-events" => "infrastructure",
        "audits" => "audit",
        "alarms" => "unknown",
        _ => "",
    };
    let ip = if devices.named.len() < 2 { devices.ip.clone() } else { text(event, &["ip"]) };
    let texts = [
        ("mist_severity", word),
        ("group", or(or(text(event, &["group"]), &meaning.group), of_topic)),
        ("category", text(event, &["category"])),
        ("site", text(event, &["site_name"])),
        ("site_id", site_id(event)),
        ("device_type", devices.kind.clone()),
        ("device", String::new()),
        ("mac", String::new()),
        ("model", text(event, &["model"])),
        ("serial", text(event, &["serial"])),
        ("ip", ip),
        ("port", devices.port.clone()),
        ("reason", if topic == "audits" { who(event) } else { why(event) }),
    ];
    let first_seen = micros(&event["timestamp"]).or_else(|| micros(&event["last_seen"]));
    let last_seen = micros(&event["last_seen"]).max(first_seen);
    Alert { texts: texts.into(), first_seen, last_seen, severity, ..Alert::default() }
}

/// What a Marvis body says of the state of its problem.
pub(super) fn marvis_state(event: &Value, meaning: &Meaning) -> Option<&'static str> {
    let marvis = meaning.group == "marvis" || event["group"] == "marvis" || event["details"].is_object();
    let status = text(event, &["status"]);
    let status = if status.is_empty() { text(&event["details"], &["status", "state"]) } else { status };
    match status.to_lowercase().as_str() {
        _ if !marvis => None,
        "open" | "reoccured" | "reoccurred" => Some("raised"),
        "resolved" | "validated" => Some("cleared"),
        _ => None,
    }
}

/// Which of several such problems of a device, or which of several clients.
fn sub_key(event: &Value, meaning: &Meaning, devices: &Devices) -> String {
    let one = |list: Vec<String>| if let [one] = list.as_slice() { one.clone() } else { String::new() };
    if meaning.state == "event" {
        let clients = ["bssids", "client_macs", "wcids"].map(|name| list(event, name));
        let clients = clients.into_iter().find(|list| !list.is_empty()).unwrap_or_default();
        return if devices.port.is_empty() { one(clients) } else { devices.port.clone() };
    }
    match meaning.sub_key.split_once(':') {
        Some((_, word)) => {
            let said = why(event);
            let mut words =
                said.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
            words.find(|found| found.eq_ignore_ascii_case(word));
            words.next().filter(|found| !STATES.contains(found)).unwrap_or_default().to_owned()
        }
        None if meaning.sub_key.starts_with("port") => devices.port.clone(),
        None => text(event, &[&meaning.sub_key]),
    }
}

/// Lists of devices, and lists of what devices saw.
const DEVICES: [&str; 3] = ["aps", "switches", "gateways"];
const SEEN: [&str; 7] = ["bssids", "client_macs", "servers", "ssids", "vlans", "wcids", "wlan_ids"];

/// Words behind which no name stands.
const STATES: [&str; 2] = ["down", "up"];

/// Words that say that something is not as it should be, as far as the samples have them.
const FAILED: [&str; 3] = ["failed", "exhausted", "error"];
