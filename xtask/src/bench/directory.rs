//! `bench directory`: what reading the names of a large organisation costs, and keeping them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{path::PathBuf, thread};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::figures::Spread;
use super::goal::{Against, Goal, Judged};
use super::lab::{Lab, Relay};
use super::report::Report;
use super::stage::{Sink, Stage};
use super::start::{free_address, journal_mib};
use super::table::Table;

mod cloud;
mod siem;

use cloud::{Calls, Cloud, Device};
use siem::Siem;

/// What one round gave.
#[derive(Clone, Copy, Debug)]
struct Round {
    first: First,
    /// The start without the cloud: until it is ready, and until a name came out, counted from when it was ready.
    ready_ms: f64,
    named_ms: f64,
    /// The start behind the renames.
    renamed: Calls,
    renamed_peak_mib: f64,
    journal_mib: f64,
}

/// The first start.
#[derive(Clone, Copy, Debug)]
struct First {
    read_s: f64,
    named_s: f64,
    cpu_s: f64,
    calls: Calls,
    peak_mib: f64,
    behind_mib: f64,
}

/// Measures.
///
/// # Errors
///
/// When the directory is not read, or a name that was read does not come out of the relay.
pub(crate) fn run(lab: &Lab<'_>) -> Result<Report> {
    let mut rounds = Vec::new();
    for number in 1..=lab.plan.rounds {
        let round = Scene::start(lab)?.play()?;
        let First { read_s, peak_mib, calls, .. } = round.first;
        eprintln!("bench: directory, round {number}: {read_s:.1} s, {} calls, {peak_mib:.1} MiB", calls.all);
        rounds.push(round);
    }
    Ok(report(&rounds))
}

/// A cloud, a receiver, and where the relay that knows both keeps its state.
struct Scene<'a> {
    lab: &'a Lab<'a>,
    stage: Stage,
    cloud: Cloud,
    siem: Siem,
    /// Where the relay accepts webhooks and is asked for its health, at every start.
    listen: String,
    admin: String,
}

impl<'a> Scene<'a> {
    fn start(lab: &'a Lab<'a>) -> Result<Self> {
        let stage = lab.stage("directory")?;
        let mut cloud = Cloud::start(lab, &stage, SITES, DEVICES)?;
        let (listen, admin) = (free_address()?, free_address()?);
        cloud.post_to(&listen)?;
        Ok(Self { lab, stage, cloud, siem: Siem::start()?, listen, admin })
    }

    fn play(mut self) -> Result<Round> {
        let devices = self.cloud.devices(RENAMED + 2)?;
        let (first, rest) = devices.split_first().context("there are devices")?;
        let (second, rest) = rest.split_first().context("there are devices")?;
        let first = self.read(first)?;
        let (ready_ms, named_ms) = self.alone(second)?;
        let (renamed, renamed_peak_mib) = self.refresh(rest)?;
        let journal_mib = journal_mib(&self.stage)?;
        self.cloud.end()?;
        Ok(Round { first, ready_ms, named_ms, renamed, renamed_peak_mib, journal_mib })
    }

    /// The first start, which reads everything and is then killed.
    fn read(&mut self, device: &Device) -> Result<First> {
        let began = Instant::now();
        let mut relay = self.relay()?;
        relay.server.wait_for(READ, |line| line.contains("the directory was read").then_some(()))?;
        let (read_s, calls) = (began.elapsed().as_secs_f64(), self.cloud.calls()?);
        // It is interpreted behind everything that was read.
        self.named(device)?;
        let first = First {
            read_s,
            named_s: began.elapsed().as_secs_f64(),
            cpu_s: relay.server.cpu()? / 1e6,
            calls,
            peak_mib: relay.server.peak()?,
            behind_mib: relay.server.resident()?,
        };
        relay.server.kill()?;
        Ok(first)
    }

    /// A start while nobody answers at the cloud's address; milliseconds until it is ready, and until a name comes out.
    fn alone(&mut self, device: &Device) -> Result<(f64, f64)> {
        self.cloud.set_there(false)?;
        let config = self.configure()?;
        let (said, watch) = self.lab.start(json!({
            "ready": self.admin,
            "line": "accepting webhooks",
            "program": self.lab.program("fogbell").display().to_string(),
            "arguments": ["run", "--config", config.display().to_string()],
        }))?;
        let ready_us = said["ready_us"].as_f64().context("bench-start says no ready_us")?;
        let began = Instant::now();
        self.named(device)?;
        let named_ms = began.elapsed().as_secs_f64() * 1e3;
        watch.end(false)?;
        Ok((ready_us / 1e3, named_ms))
    }

    /// A start once `devices` have got other names; its calls, and the most memory it took, MiB.
    fn refresh(&mut self, devices: &[Device]) -> Result<(Calls, f64)> {
        let renamed = devices.iter().map(|it| Device { name: format!("renamed-{}", it.name), ..it.clone() });
        let renamed: Vec<Device> = renamed.collect();
        for device in &renamed {
            self.cloud.rename(device)?;
        }
        self.cloud.set_there(true)?;
        let before = self.cloud.calls()?;
        let relay = self.relay()?;
        let until = Instant::now() + READ;
        let mut calls = Calls::default();
        loop {
            thread::sleep(CALM);
            let now = self.cloud.calls()?.since(before);
            if now.changed > 0 && now == calls {
                break;
            }
            if Instant::now() > until {
                bail!("what was renamed is not read: {now:?}");
            }
            calls = now;
        }
        self.named(renamed.last().context("something was renamed")?)?;
        let peak_mib = relay.server.peak()?;
        relay.server.end(true)?;
        Ok((calls, peak_mib))
    }

    /// Posts an event about `device`, and waits until it comes out of the relay with its name.
    fn named(&mut self, device: &Device) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        self.cloud.tell(device, now.as_secs())?;
        if !self.siem.wait_for(&device.name, READ) {
            bail!("{} did not come out of the relay with its name {}", device.mac, device.name);
        }
        Ok(())
    }

    fn configure(&self) -> Result<PathBuf> {
        let sink = Sink::Syslog { name: "siem".to_owned(), address: &self.siem.address };
        self.stage.configure_at(&self.listen, &self.admin, Some(&self.cloud.api()), &[sink])
    }

    fn relay(&self) -> Result<Relay> {
        self.lab.relay(&self.configure()?)
    }
}

fn report(rounds: &[Round]) -> Report {
    let spread = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(figure));
    let mut first = Table::new(&["first start", ""]);
    let mut later = Table::new(&["started again", ""]);
    let push = |table: &mut Table, what: &str, figure: Spread| {
        table.push(vec![what.to_owned(), figure.text()]);
    };
    let calls = spread(|round| round.first.calls.all as f64);
    let peak = spread(|round| round.first.peak_mib);
    push(&mut first, "s until all is read and on disk", spread(|round| round.first.read_s));
    push(
        &mut first,
        "s until a webhook comes out with its device's name",
        spread(|round| round.first.named_s),
    );
    push(&mut first, "CPU s until then", spread(|round| round.first.cpu_s));
    push(&mut first, "calls until all is read", calls);
    push(&mut first, "of them for the directory", spread(|round| round.first.calls.directory as f64));
    push(
        &mut first,
        "% of the calls of an hour",
        spread(|round| round.first.calls.all as f64 / HOUR * 100.0),
    );
    push(&mut first, "MiB at most", peak);
    push(&mut first, "MiB behind it", spread(|round| round.first.behind_mib));
    push(&mut later, "cloud gone: ms until ready", spread(|round| round.ready_ms));
    push(&mut later, "cloud gone: ms from then until a name comes out", spread(|round| round.named_ms));
    push(&mut later, "100 renamed: calls", spread(|round| round.renamed.all as f64));
    push(
        &mut later,
        "100 renamed: of them for the directory",
        spread(|round| round.renamed.directory as f64),
    );
    push(&mut later, "100 renamed: MiB at most", spread(|round| round.renamed_peak_mib));
    push(&mut later, "MiB of journal in the end", spread(|round| round.journal_mib));
    let judged = |what: &str, unit, measured, goal| Judged {
        what: format!("directory: {what}"),
        unit,
        measured,
        against: Against::Nothing,
        goal: Goal::AtMost(goal),
    };
    let refused: usize = rounds.iter().map(|round| round.first.calls.refused + round.renamed.refused).sum();
    Report {
        name: "directory",
        tables: vec![
            ("100,000 devices in 2,000 sites".to_owned(), first),
            ("the same journal behind a kill -9".to_owned(), later),
        ],
        notes: Vec::new(),
        goals: vec![
            judged("calls until all is read", "calls", calls, HOUR / 2.0),
            judged("the most memory while it is read", "MiB", peak, 32.0),
        ],
        plots: Vec::new(),
        figures: rounds.iter().map(Round::json).collect(),
        failed: refused as u64,
    }
}

impl Round {
    fn json(&self) -> Value {
        let calls = |calls: Calls| json!({ "all": calls.all, "directory": calls.directory });
        json!({
            "read_s": self.first.read_s,
            "named_s": self.first.named_s,
            "cpu_s": self.first.cpu_s,
            "calls": calls(self.first.calls),
            "peak_mib": self.first.peak_mib,
            "behind_mib": self.first.behind_mib,
            "without_cloud": { "ready_ms": self.ready_ms, "named_ms": self.named_ms },
            "renamed": { "calls": calls(self.renamed), "peak_mib": self.renamed_peak_mib },
            "journal_mib": self.journal_mib,
        })
    }
}

/// The organisation.
const SITES: u64 = 2_000;
const DEVICES: u64 = 100_000;

/// How many devices get another name.
const RENAMED: usize = 100;

/// Calls that Mist allows a token in an hour; the relay takes half of them unless told otherwise.
const HOUR: f64 = 5_000.0;

/// How long reading may take.
const READ: Duration = Duration::from_secs(180);

/// No call for as long: the relay has asked for all it wanted.
const CALM: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_memory_are_judged() {
        let calls = |all| Calls { all, directory: all, changed: 0, refused: 0 };
        let round = |all, peak_mib| Round {
            first: First {
                read_s: 1.0,
                named_s: 2.0,
                cpu_s: 1.0,
                calls: calls(all),
                peak_mib,
                behind_mib: 1.0,
            },
            ready_ms: 1.0,
            named_ms: 1.0,
            renamed: calls(3),
            renamed_peak_mib: 1.0,
            journal_mib: 1.0,
        };
        let reached = |round| report(&[round]).goals.iter().map(Judged::reached).collect::<Vec<_>>();

        assert_eq!(reached(round(2_500, 33.0)), [true, false]);
        assert_eq!(reached(round(2_501, 32.0)), [false, true]);
    }
}
