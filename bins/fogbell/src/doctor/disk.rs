//! The disk that messages are promised on.

use std::path::Path;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;

const WHAT: &str = "disk";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    let journal = config.journal_path();
    let folder = journal.parent().unwrap_or_else(|| Path::new("/"));
    let target = folder.display().to_string();
    let free = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let mend = format!(
                "fogbell run makes it; or make it: install -d -m 0700 -o fogbell -g fogbell {target}"
            );
            let text = format!("it cannot be looked at: {error}");
            return vec![Finding::fail(Code::DiskUnseen, target, text, mend)];
        }
    };
    let used = std::fs::metadata(&journal).map_or(0, |file| file.len());
    let may_grow = config.journal.max_bytes.saturating_sub(used);
    let (free_mib, grow_mib) = (free >> 20, may_grow >> 20);
    let path = patient.path();
    vec![if free < LEAST_BYTES {
        let text = format!("{free_mib} MiB are free: messages will soon be answered 503");
        Finding::fail(
            Code::DiskNearlyFull,
            target,
            text,
            format!("make room on the disk of {}", folder.display()),
        )
    } else if may_grow > free {
        let text = format!("the journal may grow by {grow_mib} MiB, and {free_mib} MiB are free");
        let mend = format!(
            "set `max_bytes` of [journal] to {} or less in {path}, or make room",
            (used + free) / 10 * 9
        );
        Finding::warn(Code::DiskOutgrown, target, text, mend)
    } else {
        Finding::pass(
            WHAT,
            target,
            format!("{free_mib} MiB are free; the journal may grow by {grow_mib} MiB"),
        )
    }]
}

/// Below this the journal is about to have no room.
const LEAST_BYTES: u64 = 64 << 20;
