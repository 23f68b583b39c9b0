//! How fast a journal takes entries: tasks that append and wait, each for its own.
//!
//! ```text
//! cargo run --release -p fogbell-journal --example throughput -- [directory] [seconds] [tasks]
//! ```
//!
//! The journal is made in `directory` (the current one) and removed again; the directory decides what a sync
//! costs. As in a relay, one reader follows the log and moves its cursor behind it.
#![allow(clippy::print_stdout, reason = "printing the figures is what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fogbell_journal::{CursorSpec, Journal, Log, Options, Position, Priority, Record, Start};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let directory = PathBuf::from(args.next().unwrap_or_else(|| ".".into()));
    let lasts = Duration::from_secs(args.next().map_or(Ok(5), |text| text.parse())?);
    let tasks: usize = args.next().map_or(Ok(64), |text| text.parse())?;

    let directory = tempfile::tempdir_in(directory)?;
    let options = Options { free_bytes: 0, ..Options::default() };
    let journal = Journal::open(&directory.path().join("journal.db"), &options)?;
    let spec = CursorSpec { log: Log::Inbox, start: Start::Oldest, max_bytes: None, max_age: None };
    journal.blocking_register("reader", spec)?;
    let ends = Arc::new(AtomicBool::new(false));
    let follows = follow(journal.clone(), Arc::clone(&ends));

    let cpu = cpu_micros()?;
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let mut waits = runtime.block_on(append(&journal, tasks, started + lasts))?;
    let (took, cpu) = (started.elapsed(), cpu_micros()? - cpu);
    ends.store(true, Ordering::Release);
    follows.join().map_err(|_| "the reader panicked")?;
    let status = journal.status()?;
    journal.blocking_close()?;

    waits.sort_unstable();
    let count = waits.len().max(1);
    let at = |per_mille: usize| waits.get(count * per_mille / 1000).copied().unwrap_or_default();
    println!(
        "{:.0} records/s, {:.1} us CPU per record, {:.1} records per commit; \
         an append waits p50 {:.1}, p99 {:.1}, p99.9 {:.1}, at most {:.1} ms; log {} MiB",
        count as f64 / took.as_secs_f64(),
        cpu / count as f64,
        count as f64 / status.writer.map_or(1, |writer| writer.commits).max(1) as f64,
        millis(at(500)),
        millis(at(990)),
        millis(at(999)),
        waits.last().copied().map_or(0.0, millis),
        status.wal_bytes >> 20,
    );
    Ok(())
}

/// Appends from so many tasks until `end`; how long each append waited.
async fn append(journal: &Journal, tasks: usize, end: Instant) -> Result<Vec<Duration>, Box<dyn Error>> {
    let body = Bytes::from(vec![b'x'; 1500]);
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (journal, body) = (journal.clone(), body.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < end {
                    let record = Record {
                        kind: 1,
                        at: 0,
                        org: "acme".into(),
                        peer: "192.0.2.7".into(),
                        body: body.clone(),
                    };
                    let asked = Instant::now();
                    journal.append(record, Priority::Normal).await?;
                    waits.push(asked.elapsed());
                }
                Ok::<_, fogbell_journal::AppendError>(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    Ok(waits)
}

/// Reads what comes, in the slices of an interpreter, and moves its cursor behind it.
fn follow(journal: Journal, ends: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = journal.reader(Log::Inbox).expect("the journal is open");
        let mut read = Position::ZERO;
        while !ends.load(Ordering::Acquire) {
            let entries = reader.read(read, 64, 1 << 20).expect("what is written can be read");
            let Some(last) = entries.last() else {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            };
            read = last.position();
            let commit = fogbell_journal::Commit { cursor: ("reader".into(), read), ..Default::default() };
            journal.blocking_commit(commit).expect("the journal has room");
        }
    })
}

/// CPU time of this process, user and system.
fn cpu_micros() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks * 10_000.0) // a tick is 1/100 s on Linux
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
