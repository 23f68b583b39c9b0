//! The ports of a conductor's node, by connecting to them from here.

use std::io;
use std::time::Duration;

use sco::decide::{Check, Outcome, PortProbe, restart_check, restarted_check};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Due, check};

/// The ports that onboarding uses, and those that it closes.
pub(super) struct Ports {
    onboarding: PortProbe,
    tunnels: PortProbe,
    /// 4505 and 4506: open when one of them is.
    pub(super) legacy: PortProbe,
}

impl Ports {
    pub(super) async fn probe(node: &str) -> Self {
        let (onboarding, tunnels, first, second) =
            tokio::join!(probe(node, 933), probe(node, 930), probe(node, 4505), probe(node, 4506));
        let legacy = match (first, second) {
            (PortProbe::Open, _) | (_, PortProbe::Open) => PortProbe::Open,
            (PortProbe::Closed, PortProbe::Closed) => PortProbe::Closed,
            _ => PortProbe::Silent,
        };
        Self { onboarding, tunnels, legacy }
    }

    /// What that says. `enabled` says whether a router has a mode, `due` what a run waits for.
    pub(super) fn checks(&self, node: &str, enabled: bool, due: Option<&Due>) -> [Check; 3] {
        let restart = match due {
            None => restart_check(node, self.legacy, enabled),
            Some(due) => {
                let was_open = due.open.iter().any(|open| **open == *node);
                restarted_check(node, self.legacy, self.onboarding, was_open, due.said)
            }
        };
        [port(node, 933, self.onboarding, enabled), port(node, 930, self.tunnels, enabled), restart]
    }
}

fn port(node: &str, number: u16, probe: PortProbe, enabled: bool) -> Check {
    let (outcome, detail) = match (probe, enabled) {
        (PortProbe::Open, _) => (Outcome::Pass, "is open from here; routers may come another way"),
        (PortProbe::Closed, true) => (
            Outcome::Fail,
            "is closed: nothing listens there, or a firewall answers for it; routers cannot onboard",
        ),
        (PortProbe::Closed, false) => (
            Outcome::Unknown,
            "is closed, which it may be before the first router has a mode and the node was restarted",
        ),
        (PortProbe::Silent, _) => {
            (Outcome::Unknown, "does not answer from here; see that a firewall lets routers through to it")
        }
    };
    check(&format!("port-{number}"), outcome, format!("{node}: {number} {detail}"), "TCP probe")
}

async fn probe(node: &str, port: u16) -> PortProbe {
    match timeout(WITHIN, TcpStream::connect((node, port))).await {
        Ok(Ok(_)) => PortProbe::Open,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => PortProbe::Closed,
        Ok(Err(_)) | Err(_) => PortProbe::Silent,
    }
}

/// Host and port as in a URL.
pub(crate) fn at(node: &str, port: u16) -> String {
    if node.contains(':') { format!("[{node}]:{port}") } else { format!("{node}:{port}") }
}

pub(super) const WITHIN: Duration = Duration::from_secs(5);
