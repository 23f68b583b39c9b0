//! `fogbell journal status`: what is stored, with the relay running or stopped.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use ids::Timestamp;
use relay::{Config, JOURNAL_STATUS};
use serde_json::Value;

use crate::socket;

/// Shows the state of the journal of the configuration at `path`.
pub(crate) fn show(path: &Path, json: bool) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let (running, status) = match socket::ask(&config, JOURNAL_STATUS)? {
        Some(status) => (true, status),
        None => (false, serde_json::to_value(journal::inspect(&config.journal_path())?)?),
    };
    let text = if json {
        serde_json::to_string_pretty(&status)? + "\n"
    } else {
        table(&config.journal_path(), running, &status, Timestamp::now())
    };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// The status as a person reads it.
fn table(path: &Path, running: bool, status: &Value, now: Timestamp) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let ago = |value: &Value| {
        value.as_i64().map_or_else(
            || "-".to_owned(),
            |at| format!("{} s ago", now.since(Timestamp::from_micros(at)).as_secs()),
        )
    };
    let mut text = String::new();
    let relay = if running { "running" } else { "stopped" };
    let _ = writeln!(text, "journal   {} (relay {relay})", path.display());
    let _ = write!(text, "size      {} bytes used", number(&status["live_bytes"]));
    if let Some(max) = status["max_bytes"].as_u64() {
        let _ = write!(text, " of {max}");
    }
    let _ = writeln!(text, ", file {}, log {}", number(&status["file_bytes"]), number(&status["wal_bytes"]));
    if let Some(writer) = status["writer"].as_object() {
        let state = match writer["full"].as_str() {
            None => "takes messages".to_owned(),
            Some(why) => format!("takes NO messages: {why}"),
        };
        let _ = writeln!(
            text,
            "writer    {state}; {} commits, last took {} µs, largest held {}",
            number(&writer["commits"]),
            number(&writer["last_commit_micros"]),
            number(&writer["largest_group"])
        );
    }
    for log in ["inbox", "outbox"] {
        let rows = &status[log];
        let _ = writeln!(
            text,
            "{log:<9} {} kept, newest {} ({})",
            number(&rows["rows"]),
            number(&rows["newest"]["position"]),
            ago(&rows["newest"]["at"])
        );
    }
    let _ = writeln!(
        text,
        "\n{:<24} {:>10} {:>12} {:>14} {:>10}",
        "READER", "BEHIND", "BYTES", "OLDEST", "GIVEN UP"
    );
    for cursor in status["cursors"].as_array().map_or(&[][..], Vec::as_slice) {
        let gone = if running && cursor["registered"] == false { " (not configured)" } else { "" };
        let _ = writeln!(
            text,
            "{:<24} {:>10} {:>12} {:>14} {:>10}{gone}",
            cursor["name"].as_str().unwrap_or("?"),
            number(&cursor["behind_records"]),
            number(&cursor["behind_bytes"]),
            ago(&cursor["oldest_undelivered_at"]),
            number(&cursor["given_up_records"])
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_as_a_table() {
        let status = serde_json::json!({
            "live_bytes": 4096, "file_bytes": 65536, "wal_bytes": 0, "max_bytes": 1_000_000,
            "writer": {"full": "disk", "commits": 3, "last_commit_micros": 900, "largest_group": 2},
            "inbox": {"rows": 2, "newest": {"position": 2, "at": 5_000_000}}, "outbox": {"rows": 0, "newest": null},
            "cursors": [{"name": "noc", "behind_records": 7, "behind_bytes": 700, "oldest_undelivered_at": 1_000_000,
                         "given_up_records": 1, "registered": true}]
        });

        let text = table(Path::new("j.db"), true, &status, Timestamp::from_micros(11_000_000));

        for part in
            ["4096 bytes used of 1000000", "takes NO messages: disk", "newest 2 (6 s ago)", "10 s ago"]
        {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
