//! One server under load, alone on its core, with a fresh state.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::lab::{Lab, Load, Loaded, messages_at, wait_for_messages};
use super::server::Server;
use super::stage::Sink;

/// Who is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    Bare,
    Floor,
    Relay,
    /// The relay as it was: the program of `--before`.
    Before,
}

impl Who {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Floor, Self::Relay, Self::Before];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Floor => "floor",
            Self::Relay => "relay",
            Self::Before => "before",
        }
    }

    /// Whether it is one that delivers, and no reference.
    pub(crate) const fn delivers(self) -> bool {
        matches!(self, Self::Relay | Self::Before)
    }
}

/// What one server did in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) who: Who,
    pub(crate) loaded: Loaded,
    /// Resident memory before the first connection, and the most there was until everything was delivered; MiB.
    pub(crate) idle_mib: f64,
    pub(crate) peak_mib: f64,
    pub(crate) delivered: Option<Delivered>,
}

/// What came to the relay's receiver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    /// Until the window began.
    pub(crate) before: f64,
    /// Inside the window.
    pub(crate) within: f64,
    /// Once everything that was accepted was there.
    pub(crate) in_all: f64,
    /// How long after the load that was.
    pub(crate) after_s: f64,
}

impl Trial {
    /// Measures; the relay has a receiver of syslog over TCP and is given time to deliver everything.
    ///
    /// # Errors
    ///
    /// When a program does not do what it is for, or something accepted is not delivered.
    pub(crate) fn run(lab: &Lab<'_>, who: Who, load: &Load) -> Result<Self> {
        Self::measure(lab, who, load).with_context(|| format!("measuring {}", who.name()))
    }

    fn measure(lab: &Lab<'_>, who: Who, load: &Load) -> Result<Self> {
        let stage = lab.stage(who.name())?;
        let mut drain = None;
        let (server, address) = match who {
            Who::Bare => lab.speaker("bench-bare", &[])?,
            Who::Floor => lab.speaker("bench-floor", &[&stage.path("log")])?,
            Who::Relay | Who::Before => {
                let (running, syslog) = lab.speaker("bench-drain", &[])?;
                drain = Some(running);
                let sink = Sink::Syslog { name: "siem".to_owned(), address: &syslog };
                let config = stage.configure("127.0.0.1:0", &[sink])?;
                let relay = lab.relay_of(&lab.relay_program(who), &config)?;
                (relay.server, relay.address)
            }
        };
        let idle_mib = server.resident()?;
        let loaded = lab.load(&address, &server, load)?;
        let delivered = drain.as_mut().map(|drain| Delivered::of(&loaded, drain)).transpose()?;
        let peak_mib = server.peak()?;
        server.end(who.delivers())?;
        if let Some(drain) = drain {
            drain.end(false)?;
        }
        Ok(Self { who, loaded, idle_mib, peak_mib, delivered })
    }

    /// Messages answered 200 in a second of the window.
    pub(crate) fn accepted_per_s(&self) -> f64 {
        self.loaded.accepted * 1e6 / self.loaded.window_us
    }

    /// Messages that came to the receiver in a second of the window; of a reference those answered.
    pub(crate) fn delivered_per_s(&self) -> f64 {
        self.within() * 1e6 / self.loaded.window_us
    }

    /// The server's processor time inside the window for each message accepted in it, microseconds.
    pub(crate) fn cpu_per_accepted(&self) -> f64 {
        self.loaded.server_cpu_us / self.loaded.accepted
    }

    /// The same for each message delivered in it.
    pub(crate) fn cpu_per_delivered(&self) -> f64 {
        self.loaded.server_cpu_us / self.within()
    }

    /// The part of its core that the server had, and the load of the other.
    pub(crate) fn busy(&self) -> (f64, f64) {
        (self.loaded.server_cpu_us / self.loaded.window_us, self.loaded.load_cpu_us / self.loaded.window_us)
    }

    /// Messages accepted and not yet delivered when the window began and when it ended.
    pub(crate) fn backlog(&self) -> Option<(f64, f64)> {
        let delivered = self.delivered?;
        let before = self.loaded.accepted_before - delivered.before;
        Some((before, before + self.loaded.accepted - delivered.within))
    }

    fn within(&self) -> f64 {
        self.delivered.map_or(self.loaded.accepted, |delivered| delivered.within)
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "server": self.who.name(),
            "accepted_per_s": self.accepted_per_s(),
            "delivered_per_s": self.delivered.map(|_| self.delivered_per_s()),
            "accepted_in_all": self.loaded.accepted_in_all,
            "delivered_in_all": self.delivered.map(|delivered| delivered.in_all),
            "delivered_all_after_s": self.delivered.map(|delivered| delivered.after_s),
            "backlog": self.backlog(),
            "cpu_us_per_accepted": self.cpu_per_accepted(),
            "cpu_us_per_delivered": self.cpu_per_delivered(),
            "busy": self.busy().0,
            "load_busy": self.busy().1,
            "p50_ms": self.loaded.p50_ms,
            "p99_ms": self.loaded.p99_ms,
            "idle_mib": self.idle_mib,
            "peak_mib": self.peak_mib,
            "failed": self.loaded.failed,
        })
    }
}

impl Delivered {
    fn of(loaded: &Loaded, drain: &mut Server) -> Result<Self> {
        let ended = Instant::now();
        let in_all = wait_for_messages(drain, loaded.accepted_in_all)?;
        let after_s = ended.elapsed().as_secs_f64();
        let before = messages_at(drain, Some(loaded.began_us))?;
        let until = messages_at(drain, Some(loaded.began_us + loaded.window_us as u64))?;
        Ok(Self { before, within: until - before, in_all, after_s })
    }
}

/// Trials of all rounds.
#[derive(Debug, Default)]
pub(crate) struct Trials(Vec<Trial>);

impl Trials {
    /// Measures every server in every round, one after the other, and in the other order in every second
    /// round.
    ///
    /// # Errors
    ///
    /// As [`Trial::run`].
    pub(crate) fn run(lab: &Lab<'_>, bench: &str, load: &Load) -> Result<Self> {
        let mut all = Vec::new();
        for round in 0..lab.plan.rounds {
            let mut order = lab.whos();
            if round % 2 == 1 {
                order.reverse();
            }
            for who in order {
                let trial = Trial::run(lab, who, load)?;
                eprintln!(
                    "bench: {bench}, round {}, {}: {:.0} accepted/s",
                    round + 1,
                    who.name(),
                    trial.accepted_per_s()
                );
                all.push(trial);
            }
        }
        Ok(Self(all))
    }

    /// The trials of one server, in the order of the rounds.
    pub(crate) fn of(&self, who: Who) -> impl Iterator<Item = &Trial> {
        self.0.iter().filter(move |trial| trial.who == who)
    }

    /// Who was measured.
    pub(crate) fn whos(&self) -> Vec<Who> {
        Who::ALL.into_iter().filter(|who| self.of(*who).next().is_some()).collect()
    }

    /// A figure of one server, round by round.
    pub(crate) fn figures(&self, who: Who, figure: impl Fn(&Trial) -> f64) -> Vec<f64> {
        self.of(who).map(figure).collect()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.0.iter().map(|trial| trial.loaded.failed).sum()
    }

    pub(crate) fn json(&self) -> Value {
        self.0.iter().map(Trial::json).collect()
    }

    /// Says so when bare did not get its core: then rates are not its own.
    pub(crate) fn note_busy(&self, notes: &mut Vec<String>) {
        let busy = super::figures::Spread::of(self.figures(Who::Bare, |trial| trial.busy().0)).median;
        if busy < BUSY {
            notes.push(format!(
                "bare got only {:.0} % of its core, so that other programs or the load were its limit: rates and their \
                 ratios say little, CPU µs stand",
                busy * 100.0
            ));
        }
    }
}

/// The part of its core that a server must get for its rate to be its own.
const BUSY: f64 = 0.8;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A trial of so many accepted in a second.
    pub(in super::super) fn trial(who: Who, accepted: f64, within: f64) -> Trial {
        let loaded = Loaded {
            accepted_before: 100.0,
            accepted,
            accepted_in_all: accepted + 150.0,
            failed: 0,
            began_us: 0,
            window_us: 1e6,
            p50_ms: 1.0,
            p99_ms: 2.0,
            server_cpu_us: 9e5,
            load_cpu_us: 5e5,
        };
        let delivered = who.delivers().then_some(Delivered {
            before: 60.0,
            within,
            in_all: accepted + 150.0,
            after_s: 0.5,
        });
        Trial { who, loaded, idle_mib: 10.0, peak_mib: 20.0, delivered }
    }

    impl Trials {
        /// Rounds of bare, floor and relay, or of the relay before too.
        pub(in super::super) fn made_up<const N: usize>(rounds: &[[f64; N]]) -> Self {
            let trials = rounds.iter().flat_map(|round| {
                Who::ALL.into_iter().zip(round).map(|(who, accepted)| trial(who, *accepted, accepted - 10.0))
            });
            Self(trials.collect())
        }
    }

    #[test]
    fn a_backlog_is_what_was_accepted_and_has_not_come_yet() {
        let relay = trial(Who::Relay, 1000.0, 900.0);
        assert_eq!(relay.backlog(), Some((40.0, 140.0)));
        assert!((relay.cpu_per_delivered() - 1000.0).abs() < 1e-9);
        assert!((relay.delivered_per_s() - 900.0).abs() < 1e-9);

        let bare = trial(Who::Bare, 1000.0, 0.0);
        assert_eq!(bare.backlog(), None);
        assert!((bare.cpu_per_delivered() - 900.0).abs() < 1e-9);
    }
}
