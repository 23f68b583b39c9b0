//! The programs of a bench at work: references, relay, load and receivers, each on its core.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::programs::on_path;
use crate::workspace::Workspace;

use super::admin;
use super::server::{Core, PATIENCE, Server, Speaks, on};
use super::stage::Stage;
use super::trial::Who;

/// How much is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Seconds of a window in which a steady state is measured.
    pub(crate) seconds: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { rounds: 5, seconds: 3 }
    }
}

/// Where everything is measured.
#[derive(Debug)]
pub(crate) struct Lab<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) plan: Plan,
    pub(crate) pinned: bool,
    /// Another relay to measure: the program that `--before` names.
    before: Option<PathBuf>,
}

/// A relay that accepts webhooks.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) server: Server,
    pub(crate) address: String,
    admin: String,
}

/// A load, as the figures to reach are defined unless something else is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: u64,
    pub(crate) body_bytes: u64,
    pub(crate) events: u64,
    /// The number of its first alarm.
    pub(crate) first: u64,
    /// Requests a second, whatever the answers do; `None` for as many as get answers.
    pub(crate) per_second: Option<u64>,
    pub(crate) extent: Extent,
}

/// How long a load goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    Window { warm_up_ms: u64, window_ms: u64 },
    Requests(u64),
}

/// What a load saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub(crate) accepted_before: f64,
    pub(crate) accepted: f64,
    pub(crate) accepted_in_all: f64,
    /// Answers other than 200, and connections that broke.
    pub(crate) failed: u64,
    /// When the window began, microseconds of Unix time, and how long it was.
    pub(crate) began_us: u64,
    pub(crate) window_us: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) server_cpu_us: f64,
    pub(crate) load_cpu_us: f64,
}

impl Load {
    pub(crate) const fn new(extent: Extent) -> Self {
        Self {
            connections: CONNECTIONS,
            body_bytes: BODY_BYTES,
            events: 1,
            first: 0,
            per_second: None,
            extent,
        }
    }

    fn json(&self, address: &str, pid: u32) -> Value {
        let mut all = json!({
            "address": address,
            "pid": pid,
            "connections": self.connections,
            "body_bytes": self.body_bytes,
            "events": self.events,
            "first": self.first,
            "per_second": self.per_second,
        });
        match self.extent {
            Extent::Window { warm_up_ms, window_ms } => {
                all["warm_up_ms"] = warm_up_ms.into();
                all["window_ms"] = window_ms.into();
            }
            Extent::Requests(requests) => all["requests"] = requests.into(),
        }
        all
    }

    /// How long it may take.
    fn patience(&self) -> Duration {
        match self.extent {
            Extent::Window { warm_up_ms, window_ms } => {
                Duration::from_millis(warm_up_ms + window_ms) + PATIENCE
            }
            Extent::Requests(_) => CLEARED,
        }
    }
}

impl Loaded {
    fn read(figures: &Value) -> Result<Self> {
        let number = |key: &str| figures[key].as_f64().with_context(|| format!("the load says no {key}"));
        let refused = figures["refused"].as_object().into_iter().flat_map(|all| all.values());
        let refused: u64 = refused.filter_map(Value::as_u64).sum();
        let broken = figures["broken"].as_u64().context("the load says no broken")?;
        let this = Self {
            accepted_before: number("accepted_before")?,
            accepted: number("accepted")?,
            accepted_in_all: number("accepted_in_all")?,
            failed: refused + broken,
            began_us: figures["began_us"].as_u64().context("the load says no began_us")?,
            window_us: number("window_us")?,
            p50_ms: number("p50_us")? / 1e3,
            p99_ms: number("p99_us")? / 1e3,
            server_cpu_us: number("server_cpu_us")?,
            load_cpu_us: number("load_cpu_us")?,
        };
        if this.accepted_in_all < 1.0 {
            bail!("nothing was accepted: {figures}");
        }
        Ok(this)
    }
}

impl<'a> Lab<'a> {
    pub(crate) fn new(workspace: &'a Workspace, plan: Plan, before: Option<PathBuf>) -> Self {
        Self { workspace, plan, pinned: can_pin(), before }
    }

    /// Who is measured in every round.
    pub(crate) fn whos(&self) -> Vec<Who> {
        Who::ALL.into_iter().filter(|who| *who != Who::Before || self.before.is_some()).collect()
    }

    /// The program of a relay.
    pub(crate) fn relay_program(&self, who: Who) -> PathBuf {
        match &self.before {
            Some(before) if who == Who::Before => before.clone(),
            _ => self.program("fogbell"),
        }
    }

    /// A folder of its own on the disk of the target directory.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(crate) fn stage(&self, name: &str) -> Result<Stage> {
        Stage::new(self.workspace, name)
    }

    /// Starts a reference or a receiver, which says where it listens; receivers stay off the server's core.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn speaker(&self, name: &'static str, arguments: &[&Path]) -> Result<(Server, String)> {
        let core =
            if matches!(name, "bench-drain" | "bench-datagrams") { Core::Others } else { Core::Server };
        let mut command = on(core, self.pinned, &self.program(name));
        command.args(arguments);
        let mut server = Server::start(name, command, Speaks::Output)?;
        let said = server.json(PATIENCE)?;
        let address = said["address"].as_str().with_context(|| format!("{name} says no address"))?;
        Ok((server, address.to_owned()))
    }

    /// Starts the relay of the configuration at `config`.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn relay(&self, config: &Path) -> Result<Relay> {
        self.relay_of(&self.relay_program(Who::Relay), config)
    }

    /// Starts `program` as the relay of the configuration at `config`.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn relay_of(&self, program: &Path, config: &Path) -> Result<Relay> {
        let mut command = on(Core::Server, self.pinned, program);
        command.arg("run").arg("--config").arg(config).env_remove("RUST_LOG");
        let mut server = Server::start("fogbell", command, Speaks::Errors)?;
        let admin = server.wait_for(PATIENCE, |line| address(line, "serving health and metrics"))?;
        let address = server.wait_for(PATIENCE, |line| address(line, "accepting webhooks"))?;
        Ok(Relay { server, address, admin })
    }

    /// Puts the server at `address` under `load`; what the load saw.
    ///
    /// # Errors
    ///
    /// When the load does not end, or nothing was accepted.
    pub(crate) fn load(&self, address: &str, server: &Server, load: &Load) -> Result<Loaded> {
        let mut command = on(Core::Others, self.pinned, &self.program("bench-load"));
        command.arg(load.json(address, server.pid()).to_string());
        let mut running = Server::start("bench-load", command, Speaks::Output)?;
        let figures = running.json(load.patience())?;
        running.ended(PATIENCE)?;
        Loaded::read(&figures)
    }

    /// What `bench-start` measures of `start`, and the program of it, which goes on until it is ended.
    ///
    /// # Errors
    ///
    /// When the started program is not there in time.
    pub(crate) fn start(&self, mut start: Value) -> Result<(Value, Server)> {
        if self.pinned {
            start["core"] = 0.into();
        }
        let mut command = on(Core::Others, self.pinned, &self.program("bench-start"));
        command.arg(start.to_string());
        let mut watch = Server::start("bench-start", command, Speaks::Output)?;
        Ok((watch.json(PATIENCE * 2)?, watch))
    }

    /// Brings the processor and its caches to work, and shows early when a program does not do what it is for.
    ///
    /// # Errors
    ///
    /// When one does not.
    pub(crate) fn warm_up(&self) -> Result<()> {
        let (server, address) = self.speaker("bench-bare", &[])?;
        self.load(&address, &server, &Load::new(Extent::Window { warm_up_ms: 100, window_ms: 1000 }))?;
        server.end(false)
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.workspace.target.join("release").join(name)
    }
}

impl Relay {
    /// Waits until `alerts` have been made since its start.
    ///
    /// # Errors
    ///
    /// When they are not made in time.
    pub(crate) fn wait_for_alerts(&self, alerts: f64) -> Result<()> {
        self.wait_for("fogbell_alerts_total{occasion=\"event\"}", alerts)
    }

    /// Waits until the metric `name` is at least `least`.
    ///
    /// # Errors
    ///
    /// When it is not in time.
    pub(crate) fn wait_for(&self, name: &str, least: f64) -> Result<()> {
        let until = Instant::now() + CLEARED;
        loop {
            let value = self.metric(name)?;
            if value >= least {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{name} is {value} and not {least} after {CLEARED:?}");
            }
            thread::sleep(LOOK);
        }
    }

    /// The metric `name`, labels and all.
    ///
    /// # Errors
    ///
    /// When the relay does not answer.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        Ok(admin::value(&admin::metrics(&self.admin)?, name))
    }
}

/// Waits until `drain` has got `messages`; how many it has by then.
///
/// # Errors
///
/// When they do not come in time.
pub(crate) fn wait_for_messages(drain: &mut Server, messages: f64) -> Result<f64> {
    let until = Instant::now() + CLEARED;
    loop {
        let arrived = messages_at(drain, None)?;
        if arrived >= messages {
            return Ok(arrived);
        }
        if Instant::now() > until {
            bail!("{messages} messages were accepted, and only {arrived} delivered {CLEARED:?} later");
        }
        thread::sleep(LOOK);
    }
}

/// How many messages `drain` had at a time, in microseconds of Unix time; else how many it has now.
///
/// # Errors
///
/// When it does not answer.
pub(crate) fn messages_at(drain: &mut Server, time: Option<u64>) -> Result<f64> {
    let line = time.map_or_else(String::new, |time| time.to_string());
    drain.ask(&line)?["messages"].as_f64().context("the receiver says no number")
}

/// The address in a line of the relay's log that says `what`.
fn address(line: &str, what: &str) -> Option<String> {
    let (_, rest) = line.split_once(what)?;
    let (_, rest) = rest.split_once("address=")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

/// Whether programs can be bound to cores here.
fn can_pin() -> bool {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let missing = match (on_path("taskset"), cores) {
        (Some(_), 2..) => return true,
        (None, _) => "`taskset` is missing (Debian package util-linux)",
        (Some(_), _) => "there is only one core",
    };
    eprintln!("bench: {missing}: nothing is pinned, and the figures are worth less");
    false
}

/// The load, as the figures to reach are defined.
pub(crate) const CONNECTIONS: u64 = 64;
pub(crate) const BODY_BYTES: u64 = 1500;

/// How long what was accepted may take to be delivered.
const CLEARED: Duration = Duration::from_secs(180);

const LOOK: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_in_the_log_are_found() {
        let check = |line: &str, what: &str, expect: Option<&str>| {
            assert_eq!(address(line, what).as_deref(), expect, "{line}");
        };
        let line = "2026-01-01T00:00:00Z  INFO fogbell::run: accepting webhooks address=127.0.0.1:8443 version=\"1\"\n";
        check(line, "accepting webhooks", Some("127.0.0.1:8443"));
        check(line, "serving health and metrics", None);
        check(
            "INFO serving health and metrics address=127.0.0.1:9460",
            "serving health",
            Some("127.0.0.1:9460"),
        );
    }

    #[test]
    fn what_the_load_saw_is_read_and_what_failed_is_added_up() {
        let mut figures = json!({
            "accepted_before": 1, "accepted": 2, "accepted_in_all": 4, "refused": { "503": 2, "401": 1 }, "broken": 3,
            "began_us": 7, "window_us": 1000, "p50_us": 500, "p99_us": 1500, "server_cpu_us": 9, "load_cpu_us": 8,
        });
        let loaded = Loaded::read(&figures).unwrap();
        assert_eq!((loaded.failed, loaded.accepted, loaded.p99_ms), (6, 2.0, 1.5));

        figures["accepted_in_all"] = 0.into();
        assert!(Loaded::read(&figures).is_err());
        figures["accepted"] = Value::Null;
        assert!(Loaded::read(&figures).is_err());
    }

    #[test]
    fn a_load_is_told_its_extent_alone() {
        let load = |extent| Load::new(extent).json("127.0.0.1:1", 7);

        let window = load(Extent::Window { warm_up_ms: 300, window_ms: 1200 });
        assert_eq!((&window["warm_up_ms"], &window["requests"]), (&json!(300), &Value::Null));
        let requests = load(Extent::Requests(9));
        assert_eq!((&requests["requests"], &requests["window_ms"]), (&json!(9), &Value::Null));
    }
}
