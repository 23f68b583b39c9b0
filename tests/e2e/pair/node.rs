//! One of the two machines: a relay, and keepalived as `fogbell ha keepalived` configures it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use e2e::{Config, DEADLINE, Fogbell, Machine, Running, ask_fogbell_in, wait_until};
use rustix::process::{Pid, Signal, kill_process};

use crate::nothing_lost::admin;

/// A machine of the pair.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) machine: Machine,
    pub(super) relay: Fogbell,
    /// Its plug in the switch.
    pub(super) plug: &'static str,
    keepalived: Option<Running>,
    files: PathBuf,
}

impl Node {
    /// Starts both in `home`, on a machine at `own`; the other one is at `peer`.
    pub(super) fn start(
        machine: Machine,
        home: &Path,
        config: &Config,
        plug: &'static str,
        [own, peer]: [&str; 2],
    ) -> Self {
        let relay = Fogbell::start_in_under(home, &machine.wrapper(), config);
        let text = printed(home, own, peer);
        let files = home.join("keepalived");
        fs::create_dir(&files).unwrap();
        fs::write(files.join("keepalived.conf"), text).unwrap();
        let mut this = Self { machine, relay, plug, keepalived: None, files };
        this.start_keepalived();
        this
    }

    pub(super) fn start_keepalived(&mut self) {
        let mut command = self.machine.command("keepalived");
        command.args(["--dont-fork", "--log-console", "--log-detail", "--vrrp"]);
        for (option, name) in [("--use-file", "keepalived.conf"), ("--pid", PID), ("--vrrp_pid", VRRP_PID)] {
            command.arg(option).arg(self.files.join(name));
        }
        self.keepalived = Some(Running::start("keepalived", &mut command));
    }

    /// Ends keepalived and its child without a chance to take the address away.
    pub(super) fn kill_keepalived(&mut self) {
        let Some(mut keepalived) = self.keepalived.take() else { return };
        // so that it does not start another child in between
        keepalived.signal(Signal::STOP);
        self.kill_child();
        keepalived.kill9();
        // a child that nobody waits for keeps its id, and the next keepalived would take it for one that runs
        for name in [PID, VRRP_PID] {
            let _ = fs::remove_file(self.files.join(name));
        }
    }

    /// Starts the relay again after a kill.
    pub(super) fn start_relay(&mut self) {
        self.relay.start_again_under(&self.machine.wrapper());
    }

    /// Whether it has the virtual IP.
    pub(super) fn holds(&self) -> bool {
        self.machine
            .must("ip", &["-4", "-o", "addr", "show", "dev", "eth0"])
            .contains(&format!(" {VIRTUAL}/"))
    }

    /// Waits until its relay is ready and keepalived stands by.
    pub(super) fn wait_standby(&self) {
        let ready = wait_until(DEADLINE, || self.machine.inside(|| admin::is_ready(&self.relay)));
        assert!(ready, "the relay on {} is not ready", self.plug);
        let stands_by = wait_until(DEADLINE, || self.state() == "BACKUP" && !self.holds());
        assert!(stands_by, "keepalived on {} does not stand by:\n{}", self.plug, self.said());
    }

    /// Waits until everything that it acknowledged is delivered.
    pub(super) fn wait_drained(&mut self) {
        let (machine, relay) = (&self.machine, &mut self.relay);
        machine.inside(|| admin::wait_drained(relay, DEADLINE));
    }

    /// What keepalived says.
    pub(super) fn said(&self) -> String {
        self.keepalived.as_ref().map(Running::lines).unwrap_or_default().join("\n")
    }

    /// What state keepalived entered last.
    fn state(&self) -> String {
        let said = self.said();
        let entered = said.rsplit_once("Entering ").map_or("", |(_, rest)| rest);
        entered.split(' ').next().unwrap_or_default().to_owned()
    }

    fn kill_child(&self) {
        let Ok(text) = fs::read_to_string(self.files.join(VRRP_PID)) else { return };
        let pid: i32 = text.trim().parse().unwrap();
        // it is the one that was started here, and no other that got its number
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let ours = self.files.display().to_string();
        if String::from_utf8_lossy(&arguments).contains(&ours) {
            kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill_keepalived();
    }
}

/// What `fogbell ha keepalived` prints for the machine at `own`.
pub(super) fn printed(home: &Path, own: &str, peer: &str) -> String {
    let words =
        ["ha", "keepalived", "--interface", "eth0", "--own", own, "--peer", peer, "--virtual-ip", VIRTUAL];
    let answer = ask_fogbell_in(home, &words);
    assert_eq!((answer.code, answer.said.as_str()), (0, ""));
    answer.out
}

/// What keepalived says of a configuration.
pub(super) fn tested(machine: &Machine, file: &Path) -> Output {
    machine.command("keepalived").arg("--config-test").arg("--use-file").arg(file).output().unwrap()
}

/// The address of the pair.
pub(super) const VIRTUAL: &str = "10.77.0.100";

const PID: &str = "keepalived.pid";

const VRRP_PID: &str = "vrrp.pid";
