//! Streams to one rsyslog, TCP and TLS, each through a bad network of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use e2e::{Config, Fogbell, Line, Rsyslog, RsyslogSetup, wait_until};
use testkit::{Proxy, Rng};
use tokio::runtime::Runtime;

use super::arrivals::{Arrival, judge};
use super::load::Told;
use super::{DRAINED, admin};

/// A rsyslog and the proxies in front of it. What came by which is told by the application name of its lines.
#[derive(Debug)]
pub(crate) struct Wires {
    siem: Rsyslog,
    runtime: Runtime,
    wires: Vec<Wire>,
}

/// A sink's way to the receiver.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The sink's name, and the application name of its lines.
    pub(crate) name: String,
    pub(crate) proxy: Proxy,
    tls: bool,
    /// How many connections there were at the last break.
    before: AtomicU64,
}

impl Wires {
    /// Starts so many ways over TCP and as many over TLS.
    pub(crate) fn start(of_each: usize) -> Self {
        let siem = Rsyslog::start(&RsyslogSetup::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let wire = |number: usize| {
            let tls = number % 2 == 1;
            let to: SocketAddr =
                if tls { siem.tls() } else { siem.tcp() }.parse().expect("rsyslog has addresses");
            Wire {
                name: format!("{}{}", if tls { "tls" } else { "tcp" }, number / 2),
                proxy: runtime.block_on(Proxy::start(to)).expect("a port of loopback is free"),
                tls,
                before: AtomicU64::new(0),
            }
        };
        let wires = (0..2 * of_each).map(wire).collect();
        Self { siem, runtime, wires }
    }

    /// Adds a sink for each, whose lines settle for a second.
    pub(crate) fn add_to(&self, config: Config) -> Config {
        self.wires.iter().fold(config, |config, wire| {
            let (name, address) = (&wire.name, wire.proxy.address());
            let transport = if wire.tls { "tls" } else { "tcp" };
            let tls = if wire.tls {
                format!(
                    "tls = {{ ca = \"{}\", server_name = \"localhost\" }}\n",
                    self.siem.certs().ca().display()
                )
            } else {
                String::new()
            };
            config.table(&format!(
                "[[syslog]]\nname = \"{name}\"\napp_name = \"{name}\"\naddress = \"{address}\"\n\
                 transport = \"{transport}\"\nsettle_secs = 1\n{tls}"
            ))
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.wires.len()
    }

    pub(crate) fn all(&self) -> &[Wire] {
        &self.wires
    }

    /// Runs what its proxies are asked, or anything else that needs a runtime.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> u64 {
        self.wires.iter().map(|wire| wire.proxy.counters().connections).sum()
    }

    /// Lets everything pass again.
    pub(crate) fn heal(&self) {
        for wire in &self.wires {
            self.runtime.block_on(wire.proxy.pass()).expect("a port that was left can be taken again");
        }
    }

    /// Waits until each is connected again since its last break, and something was delivered by it: only a
    /// receiver that something was delivered to is tried again soon.
    pub(crate) fn wait_flow(&self, relay: &mut Fogbell) {
        for wire in &self.wires {
            let before = wire.before.load(Ordering::Relaxed);
            let connected = || wire.proxy.counters().connections > before;
            assert!(wait_until(DRAINED, connected), "{} does not connect again", wire.name);
        }
        self.heal();
        let figures =
            |wire: &Wire, relay: &Fogbell| (wire.delivered(relay), wire.proxy.counters().forwarded_bytes);
        let before: Vec<(u64, u64)> = self.wires.iter().map(|wire| figures(wire, relay)).collect();
        for (wire, before) in self.wires.iter().zip(before) {
            let flows = wait_until(DRAINED, || {
                let now = figures(wire, relay);
                now.0 > before.0 && now.1 > before.1
            });
            if !flows {
                let about = |line: &String| line.contains(&wire.name);
                let said: Vec<String> = relay.process().lines().into_iter().filter(about).collect();
                panic!("nothing flows to {}; {:?}:\n{}", wire.name, wire.proxy.counters(), said.join("\n"));
            }
        }
    }

    /// Breaks each, in one way or another: most are reset at once, some in the middle of a line, some end
    /// politely in the middle of a line, some are half-closed.
    pub(crate) fn break_all(&self, rng: &mut Rng) {
        for wire in &self.wires {
            wire.before.store(wire.proxy.counters().connections, Ordering::Relaxed);
            let bytes = rng.below(2_000) as u64;
            match rng.below(10) {
                0 => wire.proxy.half_close_all(),
                1 => wire.proxy.cut_after(bytes),
                2 => wire.proxy.reset_after(bytes),
                _ => wire.proxy.reset_all(),
            }
        }
    }

    /// What arrived by one of them.
    pub(crate) fn arrivals(&self, wire: &Wire) -> Vec<Arrival> {
        arrivals(&self.siem.lines(), wire)
    }

    /// Judges what arrived by each, once rsyslog has written it: different messages and repeats in all.
    pub(crate) fn judge(&self, told: &Told) -> (usize, usize) {
        // Delivered is what rsyslog has got; it may still write. Reading all it wrote takes long, so that is done
        // when it rests.
        let mut all = self.siem.size();
        let rests = |size: &mut u64| {
            let before = std::mem::replace(size, self.siem.size());
            before == *size
        };
        let mut resting = 0;
        let _ = wait_until(DRAINED, || {
            resting = if rests(&mut all) { resting + 1 } else { 0 };
            resting > LOOKS
        });
        let lines = self.siem.lines();
        let figures = self.wires.iter().map(|wire| judge(&wire.name, &arrivals(&lines, wire), told));
        figures.fold((0, 0), |sum, figures| (sum.0 + figures.messages, sum.1 + figures.repeats))
    }
}

/// Those of `lines` that came by `wire`.
fn arrivals(lines: &[Line], wire: &Wire) -> Vec<Arrival> {
    lines.iter().filter(|line| line.app == wire.name).map(Arrival::from).collect()
}

impl Wire {
    /// The label of its sink in the relay's figures.
    pub(crate) fn label(&self) -> String {
        format!("sink=\"{}\"", self.name)
    }

    /// Alerts delivered to it so far, as the relay says; 0 while it says nothing.
    pub(crate) fn delivered(&self, relay: &Fogbell) -> u64 {
        admin::metric(relay, "fogbell_delivered_total", &self.label()).unwrap_or(0)
    }
}

/// After how many looks without change a file is taken to be written: a second.
const LOOKS: u32 = 50;
