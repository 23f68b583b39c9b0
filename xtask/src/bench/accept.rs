//! `bench accept`: how many messages a second are proven, on disk and answered 200.
//!
//! Each server runs alone on one core, the load and the syslog receiver on another; one after the other in every
//! round, with a fresh state, and in the other order in every second round.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::programs::on_path;
use crate::workspace::Workspace;

use super::disk;
use super::machine::Machine;
use super::server::{Core, Server, Speaks, on};
use super::stage::Stage;

/// How much is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    /// Rounds that count; one more goes before them.
    pub(crate) rounds: usize,
    /// Seconds each server is under load in a round.
    pub(crate) seconds: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { rounds: 5, seconds: 3 }
    }
}

/// Who is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    Bare,
    Floor,
    Relay,
    RelayWithoutSink,
}

impl Who {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Floor, Self::Relay, Self::RelayWithoutSink];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Floor => "floor",
            Self::Relay => "relay",
            Self::RelayWithoutSink => "relay_without_sink",
        }
    }

    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Bare => "hyper and rustls: reads the body, answers 200",
            Self::Floor => {
                "bare, and HMAC-SHA256 verified, body appended to a file with group-committed fdatasync"
            }
            Self::Relay => "fogbell as a user runs it: stored, interpreted, delivered by syslog over TCP",
            Self::RelayWithoutSink => "fogbell without a sink: stored and interpreted",
        }
    }
}

/// One server in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) who: Who,
    /// Answers of 200 in a second.
    pub(crate) accepted_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// The server's processor time for each answer of 200, whatever it was spent on.
    pub(crate) cpu_us: f64,
    /// The part of its core that the server used, and the load of the other one.
    pub(crate) busy: f64,
    pub(crate) load_busy: f64,
    pub(crate) idle_mib: f64,
    pub(crate) peak_mib: f64,
    /// Answers other than 200, and connections that broke.
    pub(crate) failed: u64,
    /// The part of all accepted that was delivered when the load ended, and seconds until all of it was.
    pub(crate) delivered: Option<(f64, f64)>,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) machine: Machine,
    pub(crate) pinned: bool,
    /// By rounds.
    pub(crate) rounds: Vec<Vec<Sample>>,
    /// Each `fdatasync` of a kilobyte by one writer, milliseconds, ascending.
    pub(crate) syncs: Vec<f64>,
}

impl Report {
    /// The samples of one server, in the order of the rounds.
    pub(crate) fn samples(&self, who: Who) -> impl Iterator<Item = &Sample> {
        self.rounds.iter().filter_map(move |round| round.iter().find(|sample| sample.who == who))
    }
}

/// Measures.
///
/// # Errors
///
/// When a program cannot be started or does not do what it is for.
pub(crate) fn run(workspace: &Workspace, plan: &Plan) -> Result<Report> {
    let machine = Machine::look(workspace);
    let pinned = machine_can_pin();
    let bench = Bench { workspace, plan: *plan, pinned };
    let (mut rounds, mut syncs) = (Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let mut order = Who::ALL;
        if round % 2 == 1 {
            order.reverse();
        }
        let mut samples = Vec::new();
        for who in order {
            let sample = bench.measure(who).with_context(|| format!("measuring {}", who.name()))?;
            eprintln!("bench: round {round} {}: {:.0} accepted/s", who.name(), sample.accepted_per_s);
            samples.push(sample);
        }
        let stage = Stage::new(workspace, "disk")?;
        let took = disk::syncs(&stage.path("file"), SYNCS)?;
        if round == 0 {
            eprintln!("bench: round 0 warmed up and does not count");
            continue;
        }
        syncs.extend(took);
        rounds.push(samples);
    }
    syncs.sort_unstable_by(f64::total_cmp);
    Ok(Report { plan: *plan, machine, pinned, rounds, syncs })
}

/// Whether programs can be bound to cores here.
fn machine_can_pin() -> bool {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let missing = match (on_path("taskset"), cores) {
        (Some(_), 2..) => return true,
        (None, _) => "`taskset` is missing (Debian package util-linux)",
        (Some(_), _) => "there is only one core",
    };
    eprintln!("bench: {missing}: nothing is pinned, and the figures are worth less");
    false
}

struct Bench<'a> {
    workspace: &'a Workspace,
    plan: Plan,
    pinned: bool,
}

impl Bench<'_> {
    fn measure(&self, who: Who) -> Result<Sample> {
        let stage = Stage::new(self.workspace, who.name())?;
        let mut drain = match who {
            Who::Relay => Some(self.speaker("bench-drain", &[])?),
            _ => None,
        };
        let (server, address) = match who {
            Who::Bare => self.speaker("bench-bare", &[])?,
            Who::Floor => self.speaker("bench-floor", &[&stage.path("log")])?,
            Who::Relay | Who::RelayWithoutSink => {
                let syslog = drain.as_ref().map(|(_, address)| address.as_str());
                self.relay(&stage.configure(SECRET, syslog)?)?
            }
        };
        let idle_mib = mib(server.memory("VmRSS")?);
        let figures = self.load(&address, server.pid())?;
        let ended = Instant::now();
        let peak_mib = mib(server.memory("VmHWM")?);
        let number = |key: &str| figures[key].as_f64().with_context(|| format!("the load says no {key}"));
        let accepted_in_all = number("accepted_in_all")?;
        let delivered = match &mut drain {
            Some((drain, _)) => Some(delivered(drain, accepted_in_all, ended)?),
            None => None,
        };
        let relay = matches!(who, Who::Relay | Who::RelayWithoutSink);
        server.end(relay)?;
        if let Some((drain, _)) = drain {
            drain.end(false)?;
        }
        let (accepted, window) = (number("accepted")?, number("window_us")?);
        if accepted < 1.0 {
            bail!("nothing was accepted: {figures}");
        }
        let refused = figures["refused"].as_object().into_iter().flat_map(|all| all.values());
        let refused: u64 = refused.filter_map(Value::as_u64).sum();
        Ok(Sample {
            who,
            accepted_per_s: accepted * 1e6 / window,
            p50_ms: number("p50_us")? / 1e3,
            p99_ms: number("p99_us")? / 1e3,
            cpu_us: number("server_cpu_us")? / accepted,
            busy: number("server_cpu_us")? / window,
            load_busy: number("load_cpu_us")? / window,
            idle_mib,
            peak_mib,
            failed: refused + figures["broken"].as_u64().unwrap_or(0),
            delivered,
        })
    }

    /// Starts a program of the bench that says where it listens; receivers stay off the server's core.
    fn speaker(&self, name: &'static str, arguments: &[&Path]) -> Result<(Server, String)> {
        let core = if name == "bench-drain" { Core::Others } else { Core::Server };
        let mut command = on(core, self.pinned, &self.program(name));
        command.args(arguments);
        let mut server = Server::start(name, command, Speaks::Output)?;
        let said = server.json(PATIENCE)?;
        let address = said["address"].as_str().with_context(|| format!("{name} says no address"))?;
        Ok((server, address.to_owned()))
    }

    fn relay(&self, config: &Path) -> Result<(Server, String)> {
        let mut command = on(Core::Server, self.pinned, &self.program("fogbell"));
        command.arg("run").arg("--config").arg(config).env_remove("RUST_LOG");
        let mut server = Server::start("fogbell", command, Speaks::Errors)?;
        let address = server.wait_for(PATIENCE, listening)?;
        Ok((server, address))
    }

    /// Puts the server under load; what the load saw.
    fn load(&self, address: &str, pid: u32) -> Result<Value> {
        let mut command = on(Core::Others, self.pinned, &self.program("bench-load"));
        command.arg(address);
        command.args(
            [u64::from(pid), CONNECTIONS, BODY_BYTES, WARM_UP_MS, self.plan.seconds * 1000]
                .map(|n| n.to_string()),
        );
        let mut load = Server::start("bench-load", command, Speaks::Output)?;
        let figures = load.json(Duration::from_secs(self.plan.seconds) + PATIENCE)?;
        load.ended(PATIENCE)?;
        Ok(figures)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.workspace.target.join("release").join(name)
    }
}

/// Where the relay says it accepts webhooks.
fn listening(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("accepting webhooks")?;
    let (_, rest) = rest.split_once("address=")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

/// Which part of `accepted` has arrived, and waits until all of it has; the seconds since `ended`.
fn delivered(drain: &mut Server, accepted: f64, ended: Instant) -> Result<(f64, f64)> {
    let mut first = None;
    loop {
        drain.nudge()?;
        let said = drain.json(PATIENCE)?;
        let arrived = said["messages"].as_f64().context("the receiver says no number")?;
        let part = *first.get_or_insert(arrived / accepted);
        if arrived >= accepted {
            return Ok((part.min(1.0), ended.elapsed().as_secs_f64()));
        }
        if ended.elapsed() > CLEARED {
            bail!("{accepted} messages were accepted, and only {arrived} delivered within {CLEARED:?}");
        }
        thread::sleep(LOOK);
    }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// The load signs with it: `SECRET` of `tests/src/bench/request.rs`.
const SECRET: &str = "the webhook secret of the bench";

/// The load, as the figures to reach are defined.
pub(crate) const CONNECTIONS: u64 = 64;
pub(crate) const BODY_BYTES: u64 = 1500;

/// Connections are open and everything is warm before anything counts.
const WARM_UP_MS: u64 = 500;

/// Syncs measured in each round.
const SYNCS: usize = 200;

/// How long a program may take to start, to answer or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long what was accepted may take to be delivered.
const CLEARED: Duration = Duration::from_secs(120);

const LOOK: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_a_line_of_the_log_is_found() {
        let check =
            |line: &str, expect: Option<&str>| assert_eq!(listening(line).as_deref(), expect, "{line}");
        check(
            "2026-01-01T00:00:00Z  INFO fogbell::run: accepting webhooks address=127.0.0.1:8443 version=\"1\"\n",
            Some("127.0.0.1:8443"),
        );
        check("INFO fogbell::run: serving health and metrics address=127.0.0.1:9460", None);
    }
}
