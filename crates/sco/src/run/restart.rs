//! That Secure Conductor Onboarding was turned on, and is not in effect yet.

use std::fmt;

use super::{FirstMode, Record};
use crate::NodeName;
use crate::config::{Configuration, Routers};

/// Secure Conductor Onboarding was turned on by a run, and comes into effect when every node of the conductor is restarted.
/// `Display` says so, and what to do.
///
/// Source: Session Smart Router documentation, "Secure Conductor Onboarding": both nodes of a conductor are restarted after it
/// is first enabled, and 4505 and 4506 are closed from then on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestartDue {
    /// The nodes, as the running configuration names them; none where it does not tell.
    pub nodes: Vec<NodeName>,
    /// Routers that are connected without it, as they were counted before the commit.
    pub legacy: usize,
}

impl RestartDue {
    /// What `record` says of it; `conductor` is its name as a router, to which `running` has the nodes.
    pub(super) fn of(record: &Record, running: &Configuration, conductor: Option<&str>) -> Option<Self> {
        let FirstMode { legacy, .. } = record.with_progress(|progress| progress.restart_due().cloned())?;
        let routers = Routers::of(running);
        let own = conductor.and_then(|name| name.parse().ok()).and_then(|name| routers.router(&name));
        let nodes = own.map(|router| router.nodes.keys().cloned().collect()).unwrap_or_default();
        Some(Self { nodes, legacy })
    }
}

impl fmt::Display for RestartDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this run committed the first mode on this conductor, and Secure Conductor Onboarding is in effect only when ",
        )?;
        let names: Vec<&str> = self.nodes.iter().map(NodeName::as_str).collect();
        match &names[..] {
            [] => f.write_str("every node of it is restarted; restart them one after the other")?,
            [node] => write!(f, "its node {node} is restarted; restart it")?,
            [..] => write!(
                f,
                "its nodes {} are restarted; restart them one after the other",
                names.join(" and ")
            )?,
        }
        f.write_str(
            " in a change window. A node that restarts answers nobody meanwhile, and afterwards 4505 and 4506 are closed there",
        )?;
        if self.legacy > 0 {
            write!(f, ", which cuts off the {} routers that are connected without it", self.legacy)?;
        }
        f.write_str(". No token is made and nothing is assigned before; then `resume`")
    }
}
