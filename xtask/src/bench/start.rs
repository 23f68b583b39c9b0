//! `bench start`: how long the relay takes from its start until it can promise.

use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::figures::Spread;
use super::goal::{Against, Goal, Judged};
use super::lab::{Extent, Lab, Load, Relay};
use super::report::Report;
use super::stage::Stage;
use super::table::Table;

/// Bytes of the large journal for each second of the plan up to three, and of a message in it.
const BYTES_PER_SECOND: u64 = 340 << 20;
const LARGE_BODY: u64 = 900_000;

/// What is there when the relay starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum There {
    Nothing,
    EmptyJournal,
    LargeJournal,
}

const ALL: [There; 3] = [There::Nothing, There::EmptyJournal, There::LargeJournal];

/// One start; milliseconds.
#[derive(Clone, Copy, Debug)]
struct Started {
    ready_ms: f64,
    line_ms: f64,
}

/// Measures.
///
/// # Errors
///
/// When the relay does not start, or its journal cannot be filled.
pub(crate) fn run(lab: &Lab<'_>) -> Result<Report> {
    let large = lab.stage("large")?;
    let target = BYTES_PER_SECOND * lab.plan.seconds.min(3);
    let mut filling = Filling::default();
    let relay = lab.relay(&large.configure("127.0.0.1:0", &[])?)?;
    filling.grow(lab, &large, &relay, target)?;
    relay.server.kill()?;
    let (mut nothing, mut empty, mut whole, mut exec, mut sizes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..lab.plan.rounds {
        let stage = lab.stage("start")?;
        exec.push(ms(
            &lab.start(json!({ "line": "", "program": "/bin/true", "arguments": [] }))?.0,
            "ended_us",
        )?);
        nothing.push(start(lab, &stage)?);
        empty.push(start(lab, &stage)?);
        // killed in the middle of writing, as the state it is to recover from
        let relay = lab.relay(&large.configure("127.0.0.1:0", &[])?)?;
        filling.interrupt(lab, relay)?;
        sizes.push(journal_mib(&large)?);
        whole.push(start(lab, &large)?);
        eprintln!(
            "bench: start, round {}: {:.1} ms, {:.1} ms, {:.1} ms",
            round + 1,
            nothing[round].ready_ms,
            empty[round].ready_ms,
            whole[round].ready_ms
        );
    }
    Ok(report(&[nothing, empty, whole], &exec, &sizes, filling.failed))
}

/// Starts the relay of `stage` and kills it.
fn start(lab: &Lab<'_>, stage: &Stage) -> Result<Started> {
    let admin = free_address()?;
    let config = stage.configure(&admin, &[])?;
    let (said, watch) = lab.start(json!({
        "ready": admin,
        "line": "accepting webhooks",
        "program": lab.program("fogbell").display().to_string(),
        "arguments": ["run", "--config", config.display().to_string()],
    }))?;
    watch.end(false)?;
    Ok(Started { ready_ms: ms(&said, "ready_us")?, line_ms: ms(&said, "line_us")? })
}

/// An address on which nobody listens.
///
/// # Errors
///
/// When there is none.
pub(crate) fn free_address() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    Ok(listener.local_addr().context("a listener has an address")?.to_string())
}

fn ms(said: &Value, key: &str) -> Result<f64> {
    said[key].as_f64().map(|micros| micros / 1e3).with_context(|| format!("bench-start says no {key}"))
}

/// What a journal has been filled with so far.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    /// Alarms posted.
    pub(crate) posted: u64,
    /// Requests that were not answered 200.
    pub(crate) failed: u64,
    /// Alerts made by the running relay.
    alerts: f64,
}

impl Filling {
    /// Posts large messages until the journal in `stage` has `target` bytes, and waits until they are interpreted.
    ///
    /// # Errors
    ///
    /// When they are not accepted or not interpreted.
    pub(crate) fn grow(&mut self, lab: &Lab<'_>, stage: &Stage, relay: &Relay, target: u64) -> Result<()> {
        loop {
            let missing = target.saturating_sub(bytes(&stage.path("state"))?);
            if missing == 0 {
                return Ok(());
            }
            let requests = missing.div_ceil(LARGE_BODY).min(64);
            let load = Load {
                connections: 4,
                body_bytes: LARGE_BODY,
                first: self.posted,
                ..Load::new(Extent::Requests(requests))
            };
            self.load(lab, relay, &load)?;
            relay.wait_for_alerts(self.alerts)?;
        }
    }

    /// Puts the relay under `load`, whose alarms follow those before; what the load saw.
    ///
    /// # Errors
    ///
    /// As [`Lab::load`].
    pub(crate) fn load(&mut self, lab: &Lab<'_>, relay: &Relay, load: &Load) -> Result<super::lab::Loaded> {
        let loaded = lab.load(&relay.address, &relay.server, &Load { first: self.posted, ..*load })?;
        // some may have been sent and never answered
        self.posted += (loaded.accepted_in_all as u64 + loaded.failed + load.connections) * load.events;
        self.failed += loaded.failed;
        self.alerts += loaded.accepted_in_all * load.events as f64;
        Ok(loaded)
    }

    /// Puts a relay under load and kills it while the journal is busy with what came.
    fn interrupt(&mut self, lab: &Lab<'_>, relay: Relay) -> Result<()> {
        self.alerts = 0.0;
        self.load(lab, &relay, &Load::new(Extent::Window { warm_up_ms: 50, window_ms: 250 }))?;
        relay.server.kill()
    }

    /// Waits until everything that was posted is interpreted.
    ///
    /// # Errors
    ///
    /// When it is not in time.
    pub(crate) fn settle(&self, relay: &Relay) -> Result<()> {
        relay.wait_for_alerts(self.alerts)
    }
}

/// The size of the journal without SQLite's log, which keeps the size it once had; MiB.
pub(crate) fn journal_mib(stage: &Stage) -> Result<f64> {
    Ok(bytes(&stage.path("state"))? as f64 / f64::from(1 << 20))
}

/// Bytes of all files in the folder but SQLite's log and its index.
fn bytes(folder: &Path) -> Result<u64> {
    let sum = || -> std::io::Result<u64> {
        let mut sum = 0;
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            let name = file.file_name();
            let log = [".db-wal", ".db-shm"].iter().any(|end| name.to_string_lossy().ends_with(end));
            sum += if log { 0 } else { file.metadata()?.len() };
        }
        Ok(sum)
    };
    sum().with_context(|| format!("cannot look into `{}`", folder.display()))
}

fn report(starts: &[Vec<Started>; ALL.len()], exec: &[f64], sizes: &[f64], failed: u64) -> Report {
    let mut table =
        Table::new(&["what is there", "ms to the first 200 of /readyz", "ms to \"accepting webhooks\""]);
    let spread = |there: There, figure: fn(&Started) -> f64| {
        let index = ALL.iter().position(|one| *one == there).expect("all are in ALL");
        Spread::of(starts[index].iter().map(figure))
    };
    let size = Spread::of(sizes.iter().copied());
    for there in ALL {
        let what = match there {
            There::Nothing => "nothing: makes its certificate, journal and engine state".to_owned(),
            There::EmptyJournal => "an empty journal, killed by kill -9".to_owned(),
            There::LargeJournal => {
                format!("a journal of {:.0} MiB, killed under load by kill -9", size.median)
            }
        };
        let (ready, line) = (|started: &Started| started.ready_ms, |started: &Started| started.line_ms);
        table.push(vec![what, spread(there, ready).text(), spread(there, line).text()]);
    }
    table.push(vec![
        "/bin/true, to its end".to_owned(),
        Spread::of(exec.iter().copied()).text(),
        "–".to_owned(),
    ]);
    let judged = |what: &str, there, goal| Judged {
        what: format!("start: ready, {what}"),
        unit: "ms",
        measured: spread(there, |started| started.ready_ms),
        against: Against::Nothing,
        goal: Goal::AtMost(goal),
    };
    let mut notes = vec![];
    if size.median < 1000.0 {
        notes.push(
            "the large journal is smaller than the 1 GB of the goal: a run of 3 seconds or more has that"
                .to_owned(),
        );
    }
    let figures = json!({
        "exec_ms": exec,
        "journal_mib": sizes,
        "ready_ms": starts.each_ref().map(|all| all.iter().map(|one| one.ready_ms).collect::<Vec<_>>()),
        "line_ms": starts.each_ref().map(|all| all.iter().map(|one| one.line_ms).collect::<Vec<_>>()),
    });
    Report {
        name: "start",
        tables: vec![("from just before `exec`".to_owned(), table)],
        notes,
        goals: vec![
            judged("first start", There::Nothing, 20.0),
            judged("empty journal", There::EmptyJournal, 20.0),
            judged("large journal behind a kill -9", There::LargeJournal, 500.0),
        ],
        plots: Vec::new(),
        figures,
        failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_judged_by_its_own_goal() {
        let start = |ready_ms| vec![Started { ready_ms, line_ms: 1.0 }];
        let report = |size| report(&[start(19.0), start(21.0), start(400.0)], &[1.0], &[size], 0);

        let reached: Vec<bool> = report(1050.0).goals.iter().map(Judged::reached).collect();
        assert_eq!(reached, [true, false, true]);
        assert!(report(1050.0).notes.is_empty());
        assert!(report(350.0).text().contains("smaller than the 1 GB"));
    }

    #[test]
    fn a_folder_is_as_large_as_its_files_without_the_log() {
        let folder = std::env::temp_dir().join(format!("bench-bytes-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("a"), "12345").unwrap();
        std::fs::write(folder.join("b.db"), "678").unwrap();
        std::fs::write(folder.join("b.db-wal"), "9").unwrap();

        let counted = bytes(&folder);

        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(counted.unwrap(), 8);
    }
}
