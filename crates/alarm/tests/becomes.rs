//! What bodies become, line by line: those that the project keeps, and many that it does not.
//!
//! The tables are in `tests/golden`; `UPDATE_GOLDEN=1` writes them. They are read by people: every line is what an
//! operator finds in the NMS.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use fogbell_alarm as alarm;
use serde_json::Value;

#[path = "becomes/bodies.rs"]
mod bodies;
#[path = "becomes/play.rs"]
mod play;
#[path = "becomes/table.rs"]
mod table;

use alarm::{Alert, Severity};
use play::Play;
use table::Table;

/// The samples by name, each a body.
fn samples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/webhooks");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&fs::read(file).unwrap()).unwrap())
    };
    files.iter().map(read).collect()
}

/// Whether alerts of this topic go to sinks that ask for nothing.
fn goes_everywhere(topic: &str) -> bool {
    ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"].contains(&topic)
}

/// What holds for every alert that an operator gets.
fn check(what: &str, alert: &Alert) {
    if !goes_everywhere(&alert.topic) {
        return;
    }
    assert!(!alert.group.is_empty(), "{what}: no group");
    assert!(!alert.summary.is_empty(), "{what}: no summary");
    assert!(alert.site_id.is_empty() || !alert.site.is_empty(), "{what}: a site without its name");
    assert!(alert.mac.is_none() || !alert.device.is_empty(), "{what}: a device without its name");
}

#[test]
fn every_sample_becomes_what_the_table_says() {
    let samples = samples();
    let mut table = Table::new();
    for (name, body) in &samples {
        let mut play = Play::knowing(samples.iter().map(|(_, body)| body));
        let alerts = play.post(body);
        assert!(!alerts.is_empty(), "{name} becomes nothing");
        table.head(name);
        for alert in &alerts {
            check(name, alert);
            table.add(alert);
        }
    }

    assert!(samples.len() > 100);
    table.compare("samples.txt");
}

#[test]
fn bodies_that_nobody_kept_become_what_the_table_says() {
    let bodies = bodies::all();
    let mut table = Table::new();
    for (name, body) in &bodies {
        let alerts = Play::knowing([body]).post(body);
        table.head(name);
        for alert in &alerts {
            check(name, alert);
            table.add(alert);
        }
    }

    assert!(bodies.len() > 400, "{}", bodies.len());
    table.compare("bodies.txt");
}

#[test]
fn what_a_definition_says_is_what_its_alarms_have() {
    for definition in bodies::table("alarm_defs.json") {
        let (name, body) = bodies::alarm(&definition);
        let alerts = Play::knowing([&body]).post(&body);

        let [alert] = alerts.as_slice() else { panic!("{name}: {alerts:?}") };
        let group = definition["group"].as_str().unwrap_or_default();
        // one of these has another's name
        if !["psk_failure", "auth_failure"].contains(&name.as_str()) {
            assert_eq!(alert.group, group, "{name}");
        }
        let severity = match definition["severity"].as_str() {
            Some("critical") => Some(Severity::Critical),
            Some("warn") => Some(Severity::Warning),
            Some("info") => Some(Severity::Info),
            _ => None,
        };
        let down = ["switch_down", "gateway_down"].contains(&name.as_str());
        if let Some(severity) = severity.filter(|_| !down) {
            assert_eq!(alert.severity, severity, "{name}");
        }
    }
}
