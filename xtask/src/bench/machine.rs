//! What was measured, and on what.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::workspace::Workspace;

/// The machine and the source.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    revision: String,
    /// Whether the tree differs from the revision.
    changed: bool,
}

impl Machine {
    /// Looks; what cannot be found out is `unknown`.
    pub(crate) fn look(workspace: &Workspace) -> Self {
        let unknown = || "unknown".to_owned();
        let git = |arguments: &[&str]| {
            let output = Command::new("git").args(arguments).current_dir(&workspace.root).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            cpu: model(&cpuinfo).map_or_else(unknown, str::to_owned),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            revision: git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown),
            changed: git(&["status", "--porcelain"]).is_some_and(|status| !status.is_empty()),
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self { cpu, cores, kernel, revision, changed } = self;
        let changed = if *changed { " with changes" } else { "" };
        format!("{cpu}, {cores} cores, Linux {kernel}; revision {revision}{changed}")
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "cpu": self.cpu, "cores": self.cores, "kernel": self.kernel })
    }

    pub(crate) fn revision(&self) -> Value {
        json!({ "commit": self.revision, "changed": self.changed })
    }
}

/// The processor's name in `/proc/cpuinfo`.
fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processors_name_is_found() {
        assert_eq!(
            model("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a\n"),
            Some("Some CPU @ 2 GHz")
        );
        assert_eq!(model("processor\t: 0\n"), None);
    }
}
