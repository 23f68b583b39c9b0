//! The journal: what waits in it, and for whom.

use ids::Timestamp;
use relay::JOURNAL_STATUS;
use serde_json::Value;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;
use crate::socket;

const WHAT: &str = "journal";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    let target = config.journal_path().display().to_string();
    if patient.relay.is_err() {
        // that it cannot be asked was said of the configuration
        return Vec::new();
    }
    let status = match socket::ask(config, JOURNAL_STATUS) {
        Ok(Some(status)) => status,
        Ok(None) => match journal::inspect(&config.journal_path()) {
            Ok(status) => serde_json::to_value(status).unwrap_or_default(),
            Err(_) if !config.journal_path().exists() => {
                return vec![Finding::pass(WHAT, target, "there is none yet: the first start makes it")];
            }
            Err(error) => {
                let text = relay::Chain(&error).to_string();
                let mend = "systemctl restart fogbell: the start saves what is whole into a new journal, and keeps the old \
                            one beside it; look at the disk first. When it says that this is no journal, nothing of it is \
                            left: fogbell restore, or move the file away";
                return vec![Finding::fail(Code::JournalUnreadable, target, text, mend)];
            }
        },
        // it has ended meanwhile
        Err(error) => {
            let mend = "systemctl restart fogbell";
            return vec![Finding::fail(Code::RelayNotAsked, target, error.to_string(), mend)];
        }
    };
    let mut found: Vec<Finding> = full(patient, &target, &status).into_iter().collect();
    let cursors = status["cursors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_sinks = cursors.iter().filter(|cursor| cursor["log"] == "outbox");
    found.extend(of_sinks.filter_map(|cursor| sink(patient, &target, cursor)));
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

/// Why it takes no messages, when it takes none.
fn full(patient: &Patient<'_>, target: &str, status: &Value) -> Option<Finding> {
    let why = status["writer"]["full"].as_str()?;
    let (text, mend) = match why {
        "bound" => (
            "its bound is reached",
            format!(
                "mend the sinks that are behind, or raise `max_bytes` of [journal] in {}",
                patient.path()
            ),
        ),
        "disk" => {
            ("the disk has no room", "make room on its disk: it takes messages again by itself".to_owned())
        }
        "read_only" => (
            "its file or disk cannot be written",
            "mount the disk for writing (`dmesg` says why it is not), then systemctl restart fogbell"
                .to_owned(),
        ),
        _ => {
            ("another program holds it", "end the program that has it open (`fuser -v` names it)".to_owned())
        }
    };
    Some(Finding::fail(Code::JournalFull, target, format!("it takes no messages: {text}"), mend))
}

/// What is wrong with the place of a sink.
fn sink(patient: &Patient<'_>, target: &str, cursor: &Value) -> Option<Finding> {
    let path = patient.path();
    let name = cursor["name"].as_str().unwrap_or_default();
    let behind = cursor["behind_records"].as_u64().unwrap_or(0);
    let age = cursor["oldest_undelivered_at"].as_i64().map_or(0, age_secs);
    if !patient.config.sink_names().any(|known| known == name) {
        let text = format!("it keeps {behind} alerts for sink `{name}`, which is not configured any more");
        let mend = format!("fogbell journal forget {name} --config {path}");
        return Some(Finding::warn(Code::JournalForgotten, target, text, mend));
    }
    if behind == 0 || age < BEHIND_SECS {
        return None;
    }
    let text = format!("sink `{name}` has {behind} alerts waiting, the oldest for {age} s");
    Some(Finding::warn(Code::SinkBehind, target, text, format!("fogbell test --sink {name} --config {path}")))
}

fn age_secs(at: i64) -> u64 {
    Timestamp::now().since(Timestamp::from_micros(at)).as_secs()
}

/// From when on a sink counts as behind: as the relay's own alert does.
const BEHIND_SECS: u64 = 60;
