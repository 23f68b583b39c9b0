//! Machines with a network of their own: namespaces of Linux, joined by wires. They need root.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace; it goes when this is dropped, and with it the wires.
#[derive(Debug)]
pub struct Machine {
    name: String,
}

impl Machine {
    /// A machine that sees nothing but itself.
    ///
    /// # Panics
    ///
    /// When it cannot be made: root is needed.
    #[must_use]
    pub fn new() -> Self {
        let name = format!("fb{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        must(Command::new("ip").args(["netns", "add", &name]));
        let this = Self { name };
        this.must("ip", &["link", "set", "lo", "up"]);
        this
    }

    /// Joins `interface` of this machine to `other_interface` of the other one.
    ///
    /// # Panics
    ///
    /// When that cannot be done.
    pub fn join(&self, interface: &str, other: &Self, other_interface: &str) {
        let peer = ["peer", "name", other_interface, "netns", &other.name];
        self.must("ip", &[&["link", "add", interface, "type", "veth"], peer.as_slice()].concat());
        self.must("ip", &["link", "set", interface, "up"]);
        other.must("ip", &["link", "set", other_interface, "up"]);
    }

    /// Gives `interface` an address, `10.77.0.1/24`.
    ///
    /// # Panics
    ///
    /// When that cannot be done.
    pub fn address(&self, interface: &str, address: &str) {
        // an IPv6 address is used at once, without asking who else has it
        let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
        self.must("ip", &[&["addr", "add", address, "dev", interface], nodad].concat());
    }

    /// Sends what is for nobody on its wires to `gateway`.
    ///
    /// # Panics
    ///
    /// When that cannot be done.
    pub fn route(&self, gateway: &str) {
        self.must("ip", &["route", "add", "default", "via", gateway]);
    }

    /// Words to put in front of a program and its arguments so that it runs on this machine; the program keeps the id of
    /// the process.
    #[must_use]
    pub fn wrapper(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// A program on this machine.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let [ip, words @ ..] = self.wrapper();
        let mut command = Command::new(ip);
        command.args(words).arg(program);
        command
    }

    /// Starts a thread whose sockets are on this machine.
    ///
    /// # Panics
    ///
    /// The thread, when it cannot get there.
    pub fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let name = self.name.clone();
        thread::spawn(move || {
            enter(&name);
            work()
        })
    }

    /// Does `work` in such a thread, and waits for it.
    ///
    /// # Panics
    ///
    /// When the thread cannot get there, or panics.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            enter(&self.name);
            work()
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Runs a program on this machine and gives what it printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn must(&self, program: &str, arguments: &[&str]) -> String {
        String::from_utf8_lossy(&must(self.command(program).args(arguments)).stdout).into_owned()
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// Moves this thread to the network of the machine `name`.
fn enter(name: &str) {
    let file = File::open(format!("/run/netns/{name}")).expect("the machine is there");
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may go there");
}

fn must(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Machines made so far: stories run side by side in one process.
static NEXT: AtomicU32 = AtomicU32::new(0);
