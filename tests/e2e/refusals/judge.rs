//! What the relay says of itself: its counters, and what is in its journal.

use std::collections::BTreeMap;
use std::process::Command;

use e2e::{Curl, DEADLINE, Fogbell, fogbell_program, wait_until};

/// The counters of `/metrics` at one moment.
#[derive(Debug)]
pub(super) struct Counters(BTreeMap<String, u64>);

impl Counters {
    pub(super) fn of(relay: &Fogbell) -> Self {
        let answer = Curl::new(&relay.admin_url("/metrics")).run();
        assert_eq!(answer.status, 200, "{}", answer.said);
        let text = answer.text();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(pairs.collect())
    }

    /// Requests refused for `reason`.
    pub(super) fn refused(&self, reason: &str) -> u64 {
        self.count(&format!("fogbell_refusals_total{{reason=\"{reason}\"}}"))
    }

    /// Requests refused for any reason.
    pub(super) fn refused_in_all(&self) -> u64 {
        let all = self.0.iter().filter(|(name, _)| name.starts_with("fogbell_refusals_total{"));
        all.map(|(_, count)| count).sum()
    }

    /// Connections closed for `reason`.
    pub(super) fn closed(&self, reason: &str) -> u64 {
        self.count(&format!("fogbell_connections_closed_total{{reason=\"{reason}\"}}"))
    }

    /// Answers with `status`.
    pub(super) fn answered(&self, status: u16) -> u64 {
        self.count(&format!("fogbell_answers_total{{status=\"{status}\"}}"))
    }

    /// A counter that never counted may be missing.
    fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// Waits until `reason` has closed exactly `count` connections: an end is counted behind what the client sees.
pub(super) fn closed_in_the_end(relay: &Fogbell, reason: &str, count: u64) {
    let closed = || Counters::of(relay).closed(reason);
    assert!(wait_until(DEADLINE, || closed() >= count), "{reason}: {} of {count}", closed());
    assert_eq!(closed(), count, "{reason}");
}

/// How many entries the journal's inbox holds, as `fogbell journal status` says.
pub(super) fn inbox_rows(relay: &Fogbell) -> u64 {
    let config = relay.home().join("fogbell.toml");
    let mut command = Command::new(fogbell_program());
    let output = command.args(["journal", "status", "--json", "--config"]).arg(config).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    status["inbox"]["rows"].as_u64().unwrap_or_else(|| panic!("no rows in {status}"))
}
