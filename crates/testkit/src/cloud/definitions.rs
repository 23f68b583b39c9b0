//! The catalogues of `/api/v1/const`.

use std::collections::HashMap;

use serde_json::{Value, json};

/// What can happen, as Mist describes it.
#[derive(Debug)]
pub(super) struct Definitions {
    lists: HashMap<&'static str, Vec<Value>>,
}

impl Definitions {
    /// What is bundled; `data/SOURCE.md` says where it is from.
    pub(super) fn bundled() -> Self {
        let mut lists = HashMap::new();
        for (name, text) in BUNDLED {
            let mut list: Vec<Value> = serde_json::from_str(text).expect("the bundled lists are arrays");
            for entry in &mut list {
                if let Some(example) = example(name, entry) {
                    entry["example"] = example;
                }
            }
            lists.insert(*name, list);
        }
        Self { lists }
    }

    /// The catalogue of this name.
    pub(super) fn list(&self, name: &str) -> Option<&Vec<Value>> {
        self.lists.get(name)
    }

    /// The entry with this key.
    pub(super) fn entry(&self, name: &str, key: &str) -> Option<&Value> {
        self.lists.get(name)?.iter().find(|entry| entry["key"] == key)
    }

    /// Adds an entry, or takes the place of the one with its key; false when there is no such catalogue.
    pub(super) fn add(&mut self, name: &str, entry: Value) -> bool {
        let Some(list) = self.lists.get_mut(name) else { return false };
        match list.iter_mut().find(|known| known["key"] == entry["key"]) {
            Some(known) => *known = entry,
            None => list.push(entry),
        }
        true
    }
}

/// The bundled lists have no examples; the contract has one in every entry.
fn example(list: &str, entry: &Value) -> Option<Value> {
    if entry.get("example").is_some() {
        return None;
    }
    let mut example = json!({
        "org_id": "09dac91f-6e73-4100-89f7-698e0fafbb1b",
        "site_id": "dcfb31a1-d615-4361-8c95-b9dde05aa704",
        "timestamp": 1_629_753_888,
        "type": entry["key"],
    });
    match list {
        "alarm_defs" => {
            example["id"] = json!("e70c308f-7007-4866-9ecd-0d01842979ea");
            example["last_seen"] = json!(1_629_753_888);
            example["count"] = json!(1);
            example["group"] = entry["group"].clone();
            example["severity"] = entry["severity"].clone();
            for field in entry["fields"].as_array()? {
                example[field.as_str()?] = json!([""]);
            }
        }
        "device_events" => example["mac"] = json!("5c5b35000001"),
        "mxedge_events" => {
            example["mxedge_id"] = json!("00000000-0000-0000-1000-020000000001");
        }
        _ => return None,
    }
    Some(example)
}

const BUNDLED: &[(&str, &str)] = &[
    ("alarm_defs", include_str!("../../data/alarm_defs.json")),
    ("device_events", include_str!("../../data/device_events.json")),
    ("mxedge_events", include_str!("../../data/mxedge_events.json")),
    ("nac_events", include_str!("../../data/nac_events.json")),
    ("otherdevice_events", include_str!("../../data/otherdevice_events.json")),
    ("system_events", include_str!("../../data/system_events.json")),
    ("webhook_topics", include_str!("../../data/webhook_topics.json")),
];
