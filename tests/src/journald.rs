//! The journal of systemd, in a mount namespace of its own.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::running::Running;
use crate::wait::{DEADLINE, wait_until};

/// A running `systemd-journald` that keeps its journal in memory; it ends when this is dropped. Needs root.
#[derive(Debug)]
pub struct Journald {
    running: Running,
    namespace: String,
}

impl Journald {
    /// Starts one and waits until it takes messages.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", SCRIPT]);
        let running = Running::start("systemd-journald", &mut command);
        let namespace = format!("--mount=/proc/{}/ns/mnt", running.pid());
        let socket = format!("/proc/{}/root/run/systemd/journal/socket", running.pid());
        // the system's own may be there until the namespace is made
        let own = || fs::metadata(&socket).is_ok() && is_in_memory(running.pid());
        if !wait_until(DEADLINE, own) {
            running.give_up("takes no messages");
        }
        Self { running, namespace }
    }

    /// The program and arguments to start another one under, whose journal this is then.
    #[must_use]
    pub fn wrapper(&self) -> [&str; 2] {
        ["nsenter", &self.namespace]
    }

    /// What came in by now, as `journalctl -o json` shows it.
    ///
    /// # Panics
    ///
    /// When journalctl cannot read it.
    #[must_use]
    pub fn entries(&mut self) -> Vec<Value> {
        assert!(self.running.is_running(), "systemd-journald has ended");
        let output = Command::new("nsenter")
            .arg(&self.namespace)
            .args(["journalctl", "--output=json", "--no-pager", "--quiet", "--directory=/run/log/journal"])
            .output()
            .expect("nsenter can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }
}

/// Whether what the process sees as `/run` was mounted by the script.
fn is_in_memory(pid: u32) -> bool {
    let mounts = fs::read_to_string(format!("/proc/{pid}/mounts")).unwrap_or_default();
    mounts.lines().any(|line| line.starts_with("journald-of-a-test /run "))
}

const SCRIPT: &str = "mount -t tmpfs journald-of-a-test /run && mkdir -p /run/systemd/journal /run/log/journal && \
                      exec systemd-journald";
