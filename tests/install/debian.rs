//! A Debian in a folder, booted by `systemd-nspawn`. Its network is the one of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use e2e::{DEADLINE, Running, wait_for, wait_until};
use tempfile::TempDir;

/// A booted Debian; it ends with this.
#[derive(Debug)]
pub(crate) struct Debian {
    root: TempDir,
    running: Running,
    /// Its first process, as this machine counts.
    leader: u32,
}

impl Debian {
    /// Unpacks a root in which nothing was installed yet, and boots it.
    pub(crate) fn boot() -> Self {
        let root = tempfile::tempdir().unwrap();
        let archive = from_environment("FOGBELL_DEBIAN");
        let tar = Command::new("tar")
            .args(["--numeric-owner", "-xf"])
            .arg(archive)
            .arg("-C")
            .arg(root.path())
            .status();
        assert!(tar.unwrap().success());
        let mut command = Command::new(from_environment("FOGBELL_NSPAWN"));
        command
            .args(["--boot", "--register=no", "--keep-unit", "--quiet", "--console=pipe", "--directory"])
            .arg(root.path());
        command.arg(format!("--machine=fogbell-{}", std::process::id()));
        command.arg(format!("--bind-ro={}:/packages", from_environment("FOGBELL_PACKAGES").display()));
        let running = Running::start("systemd-nspawn", &mut command);
        let leader = wait_for(DEADLINE, || first_process(running.pid()))
            .expect("systemd-nspawn starts a first process");
        let this = Self { root, running, leader };
        let up = wait_until(DEADLINE, || this.try_run(&["systemctl", "is-system-running"]).is_up());
        assert!(
            up,
            "does not boot: {:?}",
            this.try_run(&["systemctl", "--no-pager", "list-units", "--failed"])
        );
        this
    }

    /// Runs a command inside and answers what it printed; both outputs, in this order.
    pub(crate) fn run(&self, command: &[&str]) -> String {
        let ran = self.try_run(command);
        assert_eq!(ran.code, 0, "{command:?}: {}", ran.said);
        ran.said
    }

    pub(crate) fn try_run(&self, command: &[&str]) -> Ran {
        let mut enter = Command::new("nsenter");
        enter.args([
            "--target",
            &self.leader.to_string(),
            "--mount",
            "--uts",
            "--ipc",
            "--pid",
            "--root",
            "--wd",
            "--",
        ]);
        enter.args([
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
        ]);
        // what waits for something that never comes, as apt for a script that hangs, is ended and said
        enter.args(["timeout", "--kill-after=5", &PATIENCE.as_secs().to_string()]);
        let ran: Ran = enter.args(command).output().unwrap().into();
        assert!(
            ![124, 137].contains(&ran.code),
            "{command:?} did not end within {} s: {}\n{}",
            PATIENCE.as_secs(),
            ran.said,
            self.processes()
        );
        ran
    }

    /// What runs inside, so that whoever waits can be seen with what it waits for.
    fn processes(&self) -> String {
        let leader = self.leader.to_string();
        let listed = Command::new("nsenter")
            .args(["--target", &leader, "--mount", "--pid", "--", "sh", "-c"])
            .arg("for it in /proc/[0-9]*; do echo \"${it#/proc/} $(tr '\\0' ' ' < $it/cmdline)\"; done")
            .output();
        listed.map_or_else(|error| error.to_string(), |it| String::from_utf8_lossy(&it.stdout).into_owned())
    }

    /// A line of a shell, run inside.
    pub(crate) fn shell(&self, line: &str) -> String {
        self.run(&["sh", "-ec", line])
    }

    /// Installs a package as an administrator does, and answers what apt said.
    pub(crate) fn apt(&self, arguments: &[&str]) -> String {
        self.run(
            &[&["apt-get", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"][..], arguments].concat(),
        )
    }

    /// Writes a file inside.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.root.path().join(file.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Everything on its disk with kind, mode, owner and, under `/etc`, sum; but for what apt, dpkg and systemd keep of what they
    /// do.
    pub(crate) fn files(&self) -> Vec<String> {
        let listed = self.shell(
            "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /packages \
             -o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt \
             -o -path /var/lib/systemd \\) -prune -o -printf '%y %m %u %g %p\\n'; \
             find /etc -xdev -type f ! -name '*-' ! -name ld.so.cache -exec sha256sum {} +",
        );
        // the copy that a tool for users leaves behind of what was
        let copies = ["/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock"];
        let mut lines: Vec<String> = listed
            .lines()
            .filter(|line| !copies.iter().any(|copy| line.ends_with(copy)))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        // what systemd-nspawn takes as the wish to shut down
        self.running.sigterm();
        let _ = wait_until(DEADLINE, || !self.running.is_running());
    }
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) said: String,
}

impl Ran {
    /// Whether systemd says so of the whole system; one unit that does not work in a folder is no fault of ours.
    fn is_up(&self) -> bool {
        ["running", "degraded"].contains(&self.said.trim())
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        Self { code: output.status.code().unwrap_or(-1), said: String::from_utf8_lossy(&said).into_owned() }
    }
}

/// The process that `systemd-nspawn` booted the root with, once it is systemd.
fn first_process(nspawn: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let is_systemd = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "systemd")
    };
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_systemd)
}

/// How long a command inside may take: apt, on a slow disk, for the longest.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn from_environment(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    let value =
        value.unwrap_or_else(|| panic!("{name} is not set: this is run by `cargo xtask test install`"));
    Path::new(&value).to_owned()
}
