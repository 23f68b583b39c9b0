//! The files of the journal, damaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use journal::{
    Commit, CursorSpec, Entry, Journal, Log, Options, OutRecord, Position, Priority, Record, Row, Start,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::source::Source;

/// Whatever the files hold, opening ends, with a journal or an error. A journal then yields only rows that were
/// appended, each as it was, in order; takes another or says why not; and can be closed.
pub fn journal(data: &[u8]) {
    let mut source = Source::new(data);
    let folder = folder();
    let path = folder.path().join("journal.db");
    let choice = source.byte();
    let known = match choice % 4 {
        0 => {
            write(&path, source.rest());
            false
        }
        1 => {
            let written = &*WRITTEN;
            write(&path, &damaged(&written.closed, &mut source));
            true
        }
        2 => {
            let written = &*WRITTEN;
            write(&path, &written.open);
            write(&wal(&path), &damaged(&written.wal, &mut source));
            true
        }
        _ => {
            let written = &*WRITTEN;
            let log = damaged(&written.wal, &mut source);
            write(&path, &damaged(&written.open, &mut source));
            write(&wal(&path), &log);
            true
        }
    };
    let Ok(journal) = Journal::open(&path, &options()) else { return };
    for log in Log::ALL {
        if let Ok(mut reader) = journal.reader(log) {
            let mut after = Position::ZERO;
            let mut reads = 0;
            while let Ok(entries) = reader.read(after, 4, 1 << 20)
                && !entries.is_empty()
            {
                reads += 1;
                assert!(reads <= MOST_READS, "reading does not end");
                for entry in entries {
                    assert!(entry.position() > after, "{entry:?} behind {after}");
                    after = entry.position();
                    if let (Entry::Row(row), true) = (&entry, known) {
                        assert_eq!(WRITTEN.rows[log as usize].get(&row.position.number()), Some(row));
                    }
                }
            }
            for key in KEYS {
                if let (Ok(Some(value)), true) = (reader.state(key), known) {
                    assert_eq!(value, *key, "a state is as it was, or an error");
                }
            }
        }
    }
    let _ = journal.status();
    let _ = RUNTIME.block_on(journal.append(record(99), Priority::Normal));
    let _ = journal.blocking_close();
}

/// A copy with bytes exchanged here and there, or cut.
fn damaged(bytes: &[u8], source: &mut Source<'_>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let wounds = source.byte() % 16;
    for _ in 0..wounds {
        let shape = source.byte();
        let at = match shape % 4 {
            // the head of a page
            0 => source.below(bytes.len() / PAGE + 1) * PAGE + usize::from(source.byte()),
            // a frame of the log
            1 => 32 + source.below(bytes.len() / PAGE + 1) * (PAGE + 24) + usize::from(source.byte() % 32),
            _ => source.below(bytes.len().max(1)),
        };
        if shape == 0xff {
            bytes.truncate(at);
            continue;
        }
        let length = usize::from(source.byte() % 24);
        let new = source.bytes(length);
        let end = (at + new.len()).min(bytes.len());
        if at < end {
            bytes[at..end].copy_from_slice(&new[..end - at]);
        }
    }
    bytes
}

/// The files of a journal with rows and state, and what is in them.
#[derive(Debug)]
struct Written {
    /// Closed, without a log beside it.
    closed: Vec<u8>,
    /// While it was open, as a kill leaves it.
    open: Vec<u8>,
    /// The log beside that.
    wal: Vec<u8>,
    rows: [BTreeMap<u64, Row>; 2],
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, &options()).expect("a new journal opens");
    for (cursor, log) in [("interpreter", Log::Inbox), ("sink", Log::Outbox)] {
        let spec = CursorSpec { log, start: Start::Oldest, max_bytes: None, max_age: None };
        journal.blocking_register(cursor, spec).expect("a cursor is made");
    }
    for number in 1..=ROWS {
        RUNTIME.block_on(journal.append(record(number), Priority::Normal)).expect("a row is taken");
        let key = KEYS[usize::from(number) % KEYS.len()];
        let commit = Commit {
            alerts: vec![OutRecord { at: i64::from(number), body: record(number).body }],
            state: state(key, number),
            cursor: ("interpreter".to_owned(), Position::new(u64::from(number))),
            ..Commit::default()
        };
        journal.blocking_commit(commit).expect("a commit is taken");
    }
    let rows = Log::ALL.map(|log| {
        let mut reader = journal.reader(log).expect("a reader opens");
        let entries = reader.read(Position::ZERO, 1_000, 1 << 24).expect("whole rows are read").into_iter();
        entries
            .map(|entry| match entry {
                Entry::Row(row) => (row.position.number(), row),
                Entry::Damaged { .. } => panic!("nothing is damaged yet"),
            })
            .collect()
    });
    let (open, wal) = (read(&path), read(&wal(&path)));
    journal.blocking_close().expect("it closes");
    Written { closed: read(&path), open, wal, rows }
});

/// One value, or with it so many that they wait to be folded.
fn state(key: &[u8], number: u8) -> Vec<(Bytes, Option<Bytes>)> {
    let other = |at: u8| (Bytes::from(vec![b'o', at]), Some(Bytes::from(vec![number; 60])));
    let others = if number.is_multiple_of(4) { 100 } else { 0 };
    let own = Bytes::copy_from_slice(key);
    std::iter::once((own.clone(), Some(own))).chain((0..others).map(other)).collect()
}

fn record(number: u8) -> Record {
    // some rows spill into pages of their own
    let body = Bytes::from(vec![number; 40 + usize::from(number) * 1_500]);
    Record { kind: 1, at: i64::from(number) * 1_000_000, org: "acme".into(), peer: "192.0.2.1".into(), body }
}

fn options() -> Options {
    Options {
        max_bytes: 8 << 20,
        free_bytes: 0,
        history: Duration::from_secs(1 << 40),
        lock_wait: Duration::ZERO,
        ..Options::default()
    }
}

/// In memory where there is such a place: what is tried here is reading, not the disk.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a temporary folder can be made")
}

fn wal(path: &Path) -> std::path::PathBuf {
    path.with_file_name("journal.db-wal")
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a temporary file can be written");
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("a file of the journal can be read")
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers always starts")
});

const ROWS: u8 = 12;
const KEYS: [&[u8]; 3] = [b"problem/a", b"problem/b", b"seen"];
const PAGE: usize = 16_384;

/// More reads of four than any damage can make rows of.
const MOST_READS: usize = 10_000;
