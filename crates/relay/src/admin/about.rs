//! What only the process itself knows.

use std::fs;
use std::sync::Arc;

use ids::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::sources::{Sight, Sources};

/// What a relay tells of itself.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) started: Timestamp,
    /// Fingerprint of the configuration that it goes by.
    pub(crate) configuration: watch::Receiver<String>,
    pub(crate) sources: Arc<Sources>,
}

impl About {
    /// As JSON; `unready` is why no message can be promised now.
    pub(super) fn tell(&self, unready: Option<&str>) -> Value {
        let hidden = match self.sources.sight() {
            Sight::Hidden(address) => Some(address),
            Sight::Unknown | Sight::Clear => None,
        };
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "started": self.started.to_string(),
            "configuration": *self.configuration.borrow(),
            "unready": unready,
            "sources_hidden_by": hidden,
            "resident_bytes": resident(),
            "open_files_limit": open_files(),
        })
    }
}

/// Bytes of memory that the process holds now; see proc_pid_status(5).
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// How many files it may have open; see proc_pid_limits(5).
fn open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_its_memory_and_its_limits() {
        assert!(resident().unwrap() > 1 << 20);
        assert!(open_files().unwrap() > 16);
    }
}
