//! Net-SNMP's trap receiver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::ports::free_port;
use crate::programs::{base_mibs, fogbell_program};
use crate::running::Running;
use crate::wait::{DEADLINE, wait_for, wait_until};

pub(crate) mod trap;

use trap::{END_OF_TRAP, Trap};

/// A real `snmptrapd` on 127.0.0.1, and the notifications it logged.
#[derive(Debug)]
pub struct Snmptrapd {
    folder: TempDir,
    port: u16,
    reading: Reading,
    under: Vec<String>,
    running: Option<Running>,
}

/// Whom it listens to.
#[derive(Clone, Debug, Default)]
pub struct SnmptrapdSetup {
    /// Communities of v1 and v2c.
    pub communities: Vec<String>,
    /// Users of v3.
    pub users: Vec<SnmptrapdUser>,
    /// More of its configuration, as it is: what `fogbell snmp user-line` prints, for one.
    pub lines: Vec<String>,
    /// How it writes names and values.
    pub reading: Reading,
    /// A program, with its arguments, that becomes it.
    pub under: Vec<String>,
}

/// A user of SNMPv3 with authentication and privacy.
#[derive(Clone, Debug)]
pub struct SnmptrapdUser {
    /// The user's name.
    pub name: String,
    /// The whole line that makes the user, as `fogbell snmp user-line` prints it: `createUser …`. Traps need the
    /// sender's engine id in it (`-e 0x…`), informs must not have it.
    pub create_user: String,
}

/// How names and values are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Reading {
    /// Without any MIB: numeric names, strings as the exact bytes that came.
    #[default]
    Exact,
    /// With the base MIBs and what `fogbell mib` prints: names such as `FOGBELL-MIB::fbAlarmSummary.0`, values
    /// as an operator sees them.
    Names,
    /// Without any MIB: numeric names, values as whoever is handed them sees them. What it logs is not read.
    Numbers,
    /// The same with the MIBs of [`Self::Names`], so that values have names.
    NumbersOfNames,
}

impl Snmptrapd {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(setup: &SnmptrapdSetup) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let mut config = String::from("disableAuthorization no\n");
        for community in &setup.communities {
            config += &format!("authCommunity log {community}\n");
        }
        for user in &setup.users {
            config += &format!("{}\nauthUser log {} priv\n", user.create_user.trim(), user.name);
        }
        for line in &setup.lines {
            config += &format!("{}\n", line.trim());
        }
        fs::write(folder.path().join("snmptrapd.conf"), config).expect("a temporary file can be written");
        for name in ["persist", "mibs"] {
            fs::create_dir(folder.path().join(name)).expect("a temporary folder can be made");
        }
        if matches!(setup.reading, Reading::Names | Reading::NumbersOfNames) {
            write_mib(&folder.path().join("mibs/FOGBELL-MIB"));
        }
        let mut this = Self {
            folder,
            port: free_port(),
            reading: setup.reading,
            under: setup.under.clone(),
            running: None,
        };
        this.start_again();
        this
    }

    /// The address to send to, as `IP:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Stops it as a service manager would: its engine id, boots and users are kept.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.sigterm();
            let _ = running.wait_exit(DEADLINE);
        }
    }

    /// Starts it on the same port with what it kept.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.stop();
        let log = self.log();
        let started = count(&log, STARTED);
        let mut words = self.under.iter().map(String::as_str).chain(["snmptrapd"]);
        let mut command = Command::new(words.next().expect("there is its own name"));
        command.args(words);
        // Where it looks for files: ours, and what it keeps itself. (`-C` would forget the latter.)
        let (folder, kept) = (self.folder.path(), self.folder.path().join("persist"));
        let folders = [folder, &kept].map(|path| path.display().to_string()).join(":");
        command.env("SNMP_PERSISTENT_DIR", &kept).env("SNMPCONFPATH", folders);
        // In the foreground, appending to its own log.
        command.args(["-f", "-A", "-n", "-Ot", "-F", &trap::format()]).arg("-Lf").arg(&log);
        match self.reading {
            Reading::Exact => command.env("MIBS", "").args(["-On", "-Ox"]),
            Reading::Numbers => command.env("MIBS", "").arg("-On"),
            Reading::Names | Reading::NumbersOfNames => {
                let folders =
                    [base_mibs(), self.folder.path().join("mibs")].map(|path| path.display().to_string());
                command.args(["-m", "ALL", "-M", &folders.join(":")]);
                command.args((self.reading == Reading::NumbersOfNames).then_some("-On"))
            }
        };
        let mut running = Running::start("snmptrapd", command.arg(format!("udp:{}", self.address())));
        let up = wait_until(DEADLINE, || !running.is_running() || count(&log, STARTED) > started);
        if !up || !running.is_running() {
            running.give_up(&format!("did not start; its log:\n{}", read(&log)));
        }
        self.running = Some(running);
    }

    /// Changes what it keeps between starts, its engine id, boots and users, while it is stopped.
    ///
    /// # Panics
    ///
    /// When it runs, or keeps nothing.
    pub fn rewrite_kept(&mut self, change: impl FnOnce(String) -> String) {
        assert!(self.running.is_none(), "a running snmptrapd writes its file when it stops");
        let file = self.folder.path().join("persist/snmptrapd.conf");
        let kept = fs::read_to_string(&file).expect("snmptrapd keeps a file");
        fs::write(&file, change(kept)).expect("a temporary file can be written");
    }

    /// What it logged so far, oldest first.
    ///
    /// # Panics
    ///
    /// When a line in the log is no notification as it writes them.
    #[must_use]
    pub fn traps(&self) -> Vec<Trap> {
        trap::parse(&read(&self.log()))
            .unwrap_or_else(|error| panic!("snmptrapd logged something else: {error}"))
    }

    /// What it logged, once there are `count` or more.
    ///
    /// # Panics
    ///
    /// When fewer came within the deadline.
    #[must_use]
    pub fn wait_traps(&self, count: usize) -> Vec<Trap> {
        let enough = wait_for(DEADLINE, || {
            let text = read(&self.log());
            (text.matches(END_OF_TRAP).count() >= count).then_some(())
        });
        let traps = self.traps();
        assert!(enough.is_some(), "snmptrapd has {} of {count} notifications", traps.len());
        traps
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("traps.log")
    }
}

/// Writes the MIB that the built program prints.
fn write_mib(file: &Path) {
    let output = Command::new(fogbell_program()).arg("mib").stdin(Stdio::null()).output();
    let output = output.expect("the built fogbell can be run");
    assert!(output.status.success(), "`fogbell mib` failed: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(file, output.stdout).expect("a temporary file can be written");
}

/// The log's text, empty before there is one.
fn read(log: &Path) -> String {
    fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn count(log: &Path, what: &str) -> usize {
    read(log).lines().filter(|line| line.contains(what) && !line.contains("Stopped")).count()
}

/// What it logs when it listens.
const STARTED: &str = "NET-SNMP version";
