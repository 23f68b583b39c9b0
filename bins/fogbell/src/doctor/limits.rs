//! Memory and open files of the running relay.

use std::fs;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;

const FILES: &str = "open files";
const MEMORY: &str = "memory";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(about) = patient.about() else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(granted) = about.open_files_limit {
        let needed = patient.config.gate.max_connections as u64 + BESIDES;
        found.push(match granted < needed {
            true => Finding::warn(
                Code::OpenFilesFew,
                "relay",
                format!("{granted} may be open, and `max_connections` of [gate] may need {needed}"),
                format!(
                    "set `max_connections` of [gate] to {} or less in {}, or LimitNOFILE={needed} in a drop-in of the unit",
                    granted.saturating_sub(BESIDES),
                    patient.path()
                ),
            ),
            false => Finding::pass(FILES, "relay", format!("{granted} may be open, {needed} may be needed")),
        });
    }
    if let (Some(resident), Some(available)) = (about.resident_bytes, available()) {
        let (used, left) = (resident >> 20, available >> 20);
        found.push(match left < LEAST_MIB {
            true => Finding::warn(
                Code::MemoryShort,
                "machine",
                format!("{left} MiB are available; the relay holds {used} MiB"),
                "end what takes it (`ps -eo rss,comm --sort -rss | head`), or give the machine more",
            ),
            false => Finding::pass(
                MEMORY,
                "machine",
                format!("{left} MiB are available; the relay holds {used} MiB"),
            ),
        });
    }
    found
}

/// Bytes that programs can have without swapping; see proc_meminfo(5).
fn available() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// File descriptors the relay needs besides those of its connections.
const BESIDES: u64 = 128;

/// What should be left: twice what a loaded relay takes.
const LEAST_MIB: u64 = 64;
