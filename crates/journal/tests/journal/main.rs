//! A journal as its callers see it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fogbell_journal::{
    Commit, CursorSpec, Entry, Journal, Log, Options, OutRecord, Position, Reader, Record, Row, Start,
    StateRow,
};
use tempfile::TempDir;

mod bounds;
mod commit;
mod copies;
mod crash;
mod damage;
mod files;
mod flips;
mod model;
mod state;

struct Place {
    directory: TempDir,
    options: Options,
}

impl Place {
    fn new() -> Self {
        let options = Options { free_bytes: 0, lock_wait: Duration::from_secs(10), ..Options::default() };
        Self { directory: TempDir::new().unwrap(), options }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("journal.db")
    }

    fn open(&self) -> Journal {
        Journal::open(&self.path(), &self.options).unwrap()
    }

    fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn record(body: impl Into<Bytes>) -> Record {
    Record { kind: 1, at: now(), org: "acme".into(), peer: "192.0.2.7".into(), body: body.into() }
}

fn alert(body: impl Into<Bytes>) -> OutRecord {
    OutRecord { at: now(), body: body.into() }
}

fn commit(cursor: &str, to: Position, alerts: Vec<OutRecord>) -> Commit {
    Commit { alerts, cursor: (cursor.into(), to), ..Commit::default() }
}

fn keeps_all(log: Log) -> CursorSpec {
    CursorSpec { log, start: Start::Oldest, max_bytes: None, max_age: None }
}

fn rows(journal: &Journal, log: Log) -> Vec<Row> {
    let entries = journal.reader(log).unwrap().read(Position::ZERO, usize::MAX, usize::MAX).unwrap();
    entries
        .into_iter()
        .map(|entry| match entry {
            Entry::Row(row) => row,
            damaged => panic!("{damaged:?}"),
        })
        .collect()
}

/// All of the state, `most` values at a time.
fn states(reader: &mut Reader, most: usize) -> Vec<StateRow> {
    let (mut found, mut from) = (Vec::new(), Vec::new());
    loop {
        let some = reader.states(&from..b"\xff\xff", most).unwrap();
        let Some((last, _)) = some.last() else { return found };
        from = [&last[..], &[0]].concat();
        found.extend(some);
    }
}

/// Ticks until `what` holds.
async fn until(journal: &Journal, mut what: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < deadline, "it did not come about: {:?}", journal.status());
        journal.tick();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
