//! The journal: what waits in it, and for whom.

use ids::Timestamp;
use relay::JOURNAL_STATUS;

use super::finding::Finding;
use super::patient::Patient;
use crate::socket;

const WHAT: &str = "journal";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let (config, path) = (patient.config, patient.path());
    let target = config.journal_path().display().to_string();
    let status = match socket::ask(config, JOURNAL_STATUS) {
        Ok(Some(status)) => status,
        Ok(None) => match journal::inspect(&config.journal_path()) {
            Ok(status) => serde_json::to_value(status).unwrap_or_default(),
            Err(_) if !config.journal_path().exists() => {
                return vec![Finding::pass(WHAT, target, "there is none yet: the first start makes it")];
            }
            Err(error) => {
                let text = relay::Chain(&error).to_string();
                return vec![Finding::fail(
                    WHAT,
                    target,
                    text,
                    format!("fogbell journal verify --config {path}"),
                )];
            }
        },
        Err(error) => return vec![Finding::fail(WHAT, target, error.to_string(), "run this as root")],
    };
    let mut found = Vec::new();
    if let Some(why) = status["writer"]["full"].as_str() {
        let mend = format!("mend the sinks that are behind, or raise `max_bytes` of [journal] in {path}");
        found.push(Finding::fail(WHAT, &target, format!("it takes no messages: {why}"), mend));
    }
    let cursors = status["cursors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let configured: Vec<&str> = config.sink_names().collect();
    for cursor in cursors.iter().filter(|cursor| cursor["log"] == "outbox") {
        let name = cursor["name"].as_str().unwrap_or_default();
        let behind = cursor["behind_records"].as_u64().unwrap_or(0);
        let age = cursor["oldest_undelivered_at"].as_i64().map_or(0, age_secs);
        if !configured.contains(&name) {
            let text =
                format!("it keeps {behind} alerts for sink `{name}`, which is not configured any more");
            found.push(Finding::warn(
                WHAT,
                &target,
                text,
                format!("fogbell journal forget {name} --config {path}"),
            ));
        } else if behind > 0 && age >= BEHIND_SECS {
            let text = format!("sink `{name}` has {behind} alerts waiting, the oldest for {age} s");
            found.push(Finding::warn(
                WHAT,
                &target,
                text,
                format!("fogbell test --sink {name} --config {path}"),
            ));
        }
    }
    if found.is_empty() {
        let bytes = status["live_bytes"].as_u64().unwrap_or(0);
        found.push(Finding::pass(
            WHAT,
            target,
            format!("{} MiB are used, and no sink is behind", bytes >> 20),
        ));
    }
    found
}

fn age_secs(at: i64) -> u64 {
    Timestamp::now().since(Timestamp::from_micros(at)).as_secs()
}

/// From when on a sink counts as behind: as the relay's own alert does.
const BEHIND_SECS: u64 = 60;
