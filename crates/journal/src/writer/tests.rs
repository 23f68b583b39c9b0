//! Turns driven by hand, for what no caller can bring about from outside.

use std::sync::mpsc as channel;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::checkpoint;
use crate::journal::stop;
use crate::schema::PAGE_BYTES;
use crate::work::Answer;
use crate::{CursorError, CursorSpec, Options, Record, Start};

type Told<E> = oneshot::Receiver<Result<Position, E>>;

fn writer(directory: &TempDir) -> Writer {
    writer_beside(directory, |held| {
        let copier = files::connect_copier(held).unwrap();
        Box::new(move || checkpoint::copy(&copier))
    })
}

type Copy = Box<dyn FnMut() -> Result<(), Trouble> + Send>;

/// A writer whose checkpoints beside it are `copy`; nobody hands it work.
fn writer_beside(directory: &TempDir, copy: impl FnOnce(&Held) -> Copy) -> Writer {
    let (nobody, _) = mpsc::channel(1);
    writer_of(directory, copy, nobody.downgrade())
}

fn writer_of(directory: &TempDir, copy: impl FnOnce(&Held) -> Copy, queue: mpsc::WeakSender<Work>) -> Writer {
    let options = Options { free_bytes: 0, ..Options::default() };
    let bounds = Bounds::new(&options).unwrap();
    let held = files::open(&directory.path().join("j.db"), bounds.max, Duration::ZERO).unwrap();
    let shared = Arc::new(Shared::new(&held, &bounds));
    let checkpointer = Checkpointer::start(copy(&held), stop(Arc::clone(&shared), queue)).unwrap();
    Writer::new(held, shared, bounds, checkpointer).unwrap()
}

/// A checkpoint that says when it begins and ends when it is told how.
fn by_hand() -> (Copy, channel::Receiver<()>, channel::SyncSender<Result<(), Trouble>>) {
    let (begin, began) = channel::sync_channel(8);
    let (end, ends) = channel::sync_channel(8);
    let copy = move || {
        begin.send(()).unwrap();
        ends.recv().unwrap()
    };
    (Box::new(copy), began, end)
}

fn failed() -> Trouble {
    Trouble::Halt(halted(DOING, std::io::Error::from_raw_os_error(5)))
}

/// Appends until a checkpoint is due.
fn fill(writer: &mut Writer) {
    for _ in 0..3 {
        let (work, mut told) = append(8 << 20);
        writer.turn(&mut vec![work]).unwrap();
        assert!(told.try_recv().unwrap().is_ok());
    }
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
    for _ in 0..20 {
        let (work, _told) = append(8 << 20);
        writer.turn(&mut vec![work]).unwrap();
    }

    let bytes = std::fs::metadata(log).unwrap().len();

    assert!(bytes < 80 << 20, "{bytes}");
}

#[test]
fn no_append_waits_for_a_checkpoint_beside_the_writer() {
    let directory = TempDir::new().unwrap();
    let (copy, began, end) = by_hand();
    let mut writer = writer_beside(&directory, |_| copy);
    fill(&mut writer);
    began.recv_timeout(DEADLINE).unwrap();

    for position in 4..7 {
        let (work, mut told) = append(1 << 20);
        writer.turn(&mut vec![work]).unwrap();
        assert_eq!(told.try_recv().unwrap(), Ok(Position::new(position)));
    }

    assert!(began.try_recv().is_err(), "one at a time");
    end.send(Ok(())).unwrap();
    writer.finish().unwrap();
}

#[test]
fn nothing_is_promised_once_a_checkpoint_failed() {
    let directory = TempDir::new().unwrap();
    let (copy, began, end) = by_hand();
    let mut writer = writer_beside(&directory, |_| copy);
    fill(&mut writer);
    began.recv_timeout(DEADLINE).unwrap();

    end.send(Err(failed())).unwrap();
    let started = Instant::now();
    while writer.shared.ended().is_ok() {
        assert!(started.elapsed() < DEADLINE, "it was not published");
        std::thread::yield_now();
    }
    let (work, mut told) = append(10);
    let halted = writer.turn(&mut vec![work]).unwrap_err();

    assert_eq!(told.try_recv().unwrap(), Err(AppendError::Halted));
    assert_eq!(halted.to_string(), "the journal stopped: checkpointing failed");
    assert_eq!(writer.ledger.ends(Log::Inbox).tail.position, 3, "nothing was written");
    assert!(!writer.shared.writable.load(Ordering::Acquire));
    assert!(writer.finish().is_err());
}

#[test]
fn a_checkpoint_that_fails_or_panics_ends_a_writer_that_waits_for_work() {
    for panics in [false, true] {
        let directory = TempDir::new().unwrap();
        let (copy, began, end) = by_hand();
        let (queue, waiting) = mpsc::channel(1);
        let mut writer = writer_of(&directory, |_| copy, queue.downgrade());
        let shared = Arc::clone(&writer.shared);
        fill(&mut writer);
        let thread = std::thread::spawn(|| writer.run(waiting));
        began.recv_timeout(DEADLINE).unwrap();

        if panics {
            drop(end);
        } else {
            end.send(Err(failed())).unwrap();
        }
        thread.join().unwrap();

        assert!(queue.is_closed());
        let halted = shared.ended().unwrap_err();
        assert_eq!(halted.to_string(), "the journal stopped: checkpointing failed", "panics: {panics}");
    }
}

#[test]
fn a_checkpoint_that_finds_the_disk_full_stops_appends_until_one_succeeds() {
    let directory = TempDir::new().unwrap();
    let (copy, began, end) = by_hand();
    let mut writer = writer_beside(&directory, |_| copy);
    fill(&mut writer);
    began.recv_timeout(DEADLINE).unwrap();

    end.send(Err(Trouble::Full(FullReason::Disk))).unwrap();
    let started = Instant::now();
    while writer.stalled.is_none() {
        assert!(started.elapsed() < DEADLINE, "it was not seen");
        writer.turn(&mut vec![Work::Tick]).unwrap();
    }
    began.recv_timeout(DEADLINE).expect("it is tried again");
    writer.stalled = writer.stalled.map(|(reason, _)| (reason, Instant::now() + DEADLINE));
    let (refused, mut told) = append(10);
    writer.turn(&mut vec![refused]).unwrap();
    assert_eq!(told.try_recv().unwrap(), Err(AppendError::Full));

    end.send(Ok(())).unwrap();
    writer.stalled = writer.stalled.map(|(reason, _)| (reason, Instant::now()));
    let (taken, mut told) = append(10);
    writer.turn(&mut vec![taken]).unwrap();
    assert_eq!(told.try_recv().unwrap(), Ok(Position::new(4)));
}

#[test]
fn a_checkpoint_beside_the_writer_copies_what_was_committed() {
    let directory = TempDir::new().unwrap();
    let (copy, _began, _end) = by_hand();
    let mut writer = writer_beside(&directory, |_| copy);
    let copier = files::connect_copier(&writer.held).unwrap();
    let (work, _told) = append(8 << 20);
    writer.turn(&mut vec![work]).unwrap();

    checkpoint::copy(&copier).unwrap();

    let (_, frames, copied) = wal(&writer.held.conn, "PRAGMA wal_checkpoint(NOOP)").unwrap();
    assert!(frames > 500 && copied == frames, "{frames} {copied}");
    for (name, expect) in [("synchronous", "2"), ("wal_autocheckpoint", "0"), ("mmap_size", "0")] {
        assert_eq!(schema::setting(&copier.conn, name).unwrap(), expect, "{name}");
    }
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

const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn a_machine_that_boots_far_ahead_ages_nothing_at_once() {
    let directory = TempDir::new().unwrap();
    let day = Duration::from_secs(24 * 3600);
    let month = 30 * 24 * 3_600_000_000_i64;
    let register = || {
        let spec = CursorSpec { log: Log::Inbox, start: Start::Oldest, max_bytes: None, max_age: Some(day) };
        let (answer, _told) = oneshot::channel();
        Work::Register { cursor: "noc".into(), spec, answer: Answer::new(answer) }
    };
    let mut before = writer(&directory);
    let now = before.clock.now();
    let record =
        Record { kind: 1, at: now - month, org: String::new(), peer: String::new(), body: Bytes::new() };
    let (answer, _told) = oneshot::channel();
    let append = Work::Append { record, priority: Priority::Normal, answer: Answer::new(answer) };
    before.turn(&mut vec![register(), append]).unwrap();
    // Seen from a clock that is a month ahead, this is where the journal was written last.
    before.ledger.cursors[0].seen = now - month;
    before.ledger.cursors[0].dirty = true;
    before.turn(&mut vec![append_of(1)]).unwrap();
    drop(before);

    let mut after = writer(&directory);
    after.turn(&mut vec![register()]).unwrap();
    after.turn(&mut vec![Work::Tick]).unwrap();

    let cursor = &after.ledger.cursors[0];
    assert_eq!((cursor.lost_records, cursor.mark.position), (0, 0));
    assert!(cursor.seen < now - month + 60_000_000, "it goes on from what is on the disk");
}

fn append_of(bytes: usize) -> Work {
    append(bytes).0
}

#[test]
fn a_statement_is_planned_once_whatever_is_bound_to_it() {
    let directory = TempDir::new().unwrap();
    let writer = writer(&directory);
    let reader = files::connect_reader(&directory.path().join("j.db")).unwrap();
    for conn in [&writer.held.conn, &reader] {
        let mut statement =
            conn.prepare("SELECT key FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3").unwrap();
        for bound in 0..3_u8 {
            let mut rows =
                statement.query(rusqlite::params![[bound], [bound + 1], i64::from(bound)]).unwrap();
            while rows.next().unwrap().is_some() {}
        }
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }
}
