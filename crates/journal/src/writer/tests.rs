//! Turns driven by hand, for what no caller can bring about from outside.

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::schema::PAGE_BYTES;
use crate::work::Answer;
use crate::{CursorError, CursorSpec, Options, Record, Start};

type Told<E> = oneshot::Receiver<Result<Position, E>>;

fn writer(directory: &TempDir) -> Writer {
    let options = Options { free_bytes: 0, ..Options::default() };
    let bounds = Bounds::new(&options).unwrap();
    let held = files::open(&directory.path().join("j.db"), bounds.max, Duration::ZERO).unwrap();
    let shared = Arc::new(Shared::new(held.path.clone(), &bounds));
    Writer::new(held, shared, bounds).unwrap()
}

fn append(bytes: usize) -> (Work, Told<AppendError>) {
    let (to, told) = oneshot::channel();
    let body = Bytes::from(vec![7; bytes]);
    let record = Record { kind: 0, at: 0, org: String::new(), peer: String::new(), body };
    (Work::Append { record, priority: Priority::Normal, answer: Answer::new(to) }, told)
}

fn register(cursor: &str) -> (Work, Told<CursorError>) {
    let (to, told) = oneshot::channel();
    let spec = CursorSpec { log: Log::Inbox, start: Start::Oldest, max_bytes: None, max_age: None };
    (Work::Register { cursor: cursor.into(), spec, answer: Answer::new(to) }, told)
}

fn advance(cursor: &str, to: u64) -> (Work, Told<CursorError>) {
    let (answer, told) = oneshot::channel();
    (Work::Advance { cursor: cursor.into(), to: Position::new(to), answer: Answer::new(answer) }, told)
}

fn rows(writer: &Writer) -> i64 {
    writer.held.conn.query_row("SELECT count(*) FROM inbox", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_turn_that_sqlite_has_no_room_for_is_refused_as_a_whole_but_for_its_cursors() {
    let directory = TempDir::new().unwrap();
    let mut writer = writer(&directory);
    let ((first, _), (cursor, _)) = (append(10), register("c"));
    writer.turn(&mut vec![cursor, first]).unwrap();
    let pages = schema::number(&writer.held.conn, "page_count").unwrap();
    writer.held.conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();

    let (small, mut small_told) = append(10);
    let (large, mut large_told) = append(100_000);
    let (moved, mut moved_told) = advance("c", 1);
    writer.turn(&mut vec![small, large, moved]).unwrap();

    assert_eq!(small_told.try_recv().unwrap(), Err(AppendError::Full));
    assert_eq!(large_told.try_recv().unwrap(), Err(AppendError::Full));
    assert_eq!(moved_told.try_recv().unwrap(), Ok(Position::new(1)));
    assert_eq!(rows(&writer), 1);
    assert_eq!(writer.shared.said.borrow().full, Some(FullReason::Bound));
    assert!(!writer.shared.writable.load(Ordering::Acquire));

    writer.held.conn.pragma_update_and_check(None, "max_page_count", 1000, |_| Ok(())).unwrap();
    writer.stalled = writer.stalled.map(|(reason, _)| (reason, Instant::now()));
    let (again, mut again_told) = append(100_000);
    writer.turn(&mut vec![again]).unwrap();

    assert_eq!(again_told.try_recv().unwrap(), Ok(Position::new(2)));
    assert_eq!(writer.shared.said.borrow().full, None);
    assert!(writer.shared.writable.load(Ordering::Acquire));
}

#[test]
fn the_writer_syncs_every_commit_and_checkpoints_by_itself() {
    let directory = TempDir::new().unwrap();
    let writer = writer(&directory);

    for (name, expect) in
        [("journal_mode", "wal"), ("synchronous", "2"), ("wal_autocheckpoint", "0"), ("mmap_size", "0")]
    {
        assert_eq!(schema::setting(&writer.held.conn, name).unwrap(), expect, "{name}");
    }
}

#[test]
fn a_tick_finds_out_that_the_disk_takes_writes_again() {
    let directory = TempDir::new().unwrap();
    let mut writer = writer(&directory);
    writer.stalled = Some((FullReason::Disk, Instant::now()));

    writer.turn(&mut vec![Work::Tick]).unwrap();

    assert!(writer.stalled.is_none());
    assert!(writer.shared.writable.load(Ordering::Acquire));
}

#[test]
fn a_turn_that_fails_for_good_promises_nothing() {
    let directory = TempDir::new().unwrap();
    let mut writer = writer(&directory);
    writer.held.conn.execute_batch("DROP TABLE inbox").unwrap();

    let (work, mut told) = append(10);
    let halted = writer.turn(&mut vec![work]).unwrap_err();

    assert_eq!(told.try_recv().unwrap(), Err(AppendError::Halted));
    assert_eq!(halted.to_string(), "the journal stopped: writing a transaction failed");
}

#[test]
fn below_the_disks_reserve_only_own_entries_are_taken() {
    let directory = TempDir::new().unwrap();
    let mut writer = writer(&directory);
    writer.bounds.free = u64::MAX;
    writer.disk_seen = None;

    let (normal, mut normal_told) = append(10);
    let (mut own, mut own_told) = append(10);
    if let Work::Append { priority, .. } = &mut own {
        *priority = Priority::Own;
    }
    writer.turn(&mut vec![normal, own]).unwrap();

    assert_eq!(normal_told.try_recv().unwrap(), Err(AppendError::Full));
    assert_eq!(own_told.try_recv().unwrap(), Ok(Position::new(1)));
    assert_eq!(writer.shared.said.borrow().full, Some(FullReason::Disk));
}

#[test]
fn the_write_ahead_log_is_copied_back_and_used_again() {
    let directory = TempDir::new().unwrap();
    let mut writer = writer(&directory);
    let log = files::beside(&writer.held.path, "-wal");
    for _ in 0..12 {
        let (work, _told) = append(8 << 20);
        writer.turn(&mut vec![work]).unwrap();
    }

    let bytes = std::fs::metadata(log).unwrap().len();

    assert!(bytes < 40 << 20, "{bytes}");
}

#[test]
fn a_page_estimate_is_never_below_what_rows_take() {
    for bytes in [1, 100, 1_500, 5_500, 8_200, 16_000, 16_400, 40_000, 300_000] {
        let directory = TempDir::new().unwrap();
        let mut writer = writer(&directory);
        let (before, count) = (writer.used, 40);
        let mut batch: Vec<Work> = (0..count).map(|_| append(bytes).0).collect();
        let estimate: i64 = batch.iter().map(work::need).sum();
        writer.turn(&mut batch).unwrap();

        let took = writer.used - before;

        assert!(took <= estimate + 3 * PAGE_BYTES, "{bytes}: took {took}, estimated {estimate}");
        assert!(estimate <= took * 3 / 2 + 3 * PAGE_BYTES, "{bytes}: took {took}, estimated {estimate}");
    }
}
