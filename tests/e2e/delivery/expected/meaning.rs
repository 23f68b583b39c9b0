//! What a type means, read off the bundled tables as data.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::event::{list, text};

/// The bundled definitions and pairs, as they stand in their files.
pub(super) struct Tables {
    alarms: Vec<Value>,
    devices: Vec<Value>,
    edges: Vec<Value>,
    pairs: Vec<Value>,
}

/// What a type means.
pub(super) struct Meaning {
    /// What it begins or ends; its own name when it does neither.
    pub(super) class: String,
    /// `raised`, `cleared` or `event`.
    pub(super) state: &'static str,
    /// Which of several such problems of one device.
    pub(super) sub_key: String,
    pub(super) severity: String,
    pub(super) group: String,
    pub(super) fields: Vec<String>,
    /// Whether any list has the type.
    pub(super) known: bool,
}

impl Tables {
    pub(super) fn read() -> Self {
        let file = |name: &str| -> Vec<Value> {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/alarm/data").join(name);
            serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
        };
        let mut pairs = file("event_pairs.json");
        pairs.extend(file("alarm_pairs.json"));
        Self {
            alarms: file("alarm_defs.json"),
            devices: file("device_events.json"),
            edges: file("mxedge_events.json"),
            pairs,
        }
    }

    pub(super) fn meaning(&self, topic: &str, kind: &str) -> Meaning {
        let definitions = match topic {
            "alarms" => &self.alarms[..],
            "device-events" | "device-updowns" => &self.devices,
            "mxedge-events" => &self.edges,
            _ => &[],
        };
        let kind = snake(kind);
        // the names under which these types arrive are not those of their definitions
        let kind = match kind.as_str() {
            "health_check" => "health_check_failed".to_owned(),
            "rogue_ap_detected" => "rogue_ap".to_owned(),
            "psk_failure" => "dhcp_failure".to_owned(),
            "auth_failure" => "authentication_failure".to_owned(),
            _ => kind,
        };
        let definition = definitions.iter().find(|row| snake(&text(row, &["key"])) == kind);
        let say = |name: &str| definition.map(|row| text(row, &[name])).unwrap_or_default();
        let mut meaning = Meaning {
            class: kind.clone(),
            state: "event",
            sub_key: String::new(),
            severity: say("severity"),
            group: say("group"),
            fields: definition.map(|row| list(row, "fields")).unwrap_or_default(),
            known: definition.is_some(),
        };
        let has = |row: &Value, end: &str| list(row, end).iter().any(|name| snake(name) == kind);
        let pair = self.pairs.iter().find(|row| has(row, "raise") || has(row, "clear"));
        if let Some(row) = pair.filter(|_| !definitions.is_empty()) {
            meaning.class = class(&list(row, "raise")[0]);
            meaning.state = if has(row, "raise") { "raised" } else { "cleared" };
            meaning.sub_key = text(row, &["sub_key"]);
        }
        meaning
    }
}

/// One class for every way to say that a device is not reached.
fn class(raise: &str) -> String {
    let raise = snake(raise);
    let device = [
        "ap_disconnected",
        "sw_disconnected",
        "gw_disconnected",
        "device_down",
        "switch_down",
        "gateway_down",
    ];
    if device.contains(&raise.as_str()) { DEVICE_DOWN.to_owned() } else { raise }
}

fn snake(name: &str) -> String {
    name.trim().to_lowercase().replace('-', "_")
}

/// The class of a device that is not reached.
pub(super) const DEVICE_DOWN: &str = "device_down";
