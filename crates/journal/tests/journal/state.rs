//! The state is rows of many values, and what a busy commit changes is put off: nobody can tell.

use std::collections::BTreeMap;

use fogbell_journal::{AppendError, CursorError, ReadError};

use super::*;

/// So many values, each other ones or the same with another `round`.
fn many(round: usize) -> Vec<(Bytes, Option<Bytes>)> {
    (0..200).map(|at| (format!("{:04}", (at + round * 50) % 1000).into(), Some(value(round)))).collect()
}

fn value(round: usize) -> Bytes {
    format!("{round:060}").into()
}

async fn set(journal: &Journal, state: Vec<(Bytes, Option<Bytes>)>) {
    journal.commit(Commit { state, ..commit("interpret", Position::ZERO, vec![]) }).await.unwrap();
}

async fn open(place: &Place) -> Journal {
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    journal
}

/// The files of a journal that is open, as a kill leaves them.
fn killed(place: &Place) -> Place {
    let killed = Place::new();
    for file in ["journal.db", "journal.db-wal"] {
        std::fs::copy(place.directory.path().join(file), killed.directory.path().join(file)).unwrap();
    }
    killed
}

/// All of the state as a reader has it.
fn read(journal: &Journal) -> Vec<(Vec<u8>, Option<Bytes>)> {
    journal.reader(Log::Inbox).unwrap().states(b"".as_slice()..b"\xff", usize::MAX).unwrap()
}

/// Blocks in the table, and changes that wait.
fn in_the_table(place: &Place) -> (u32, u32) {
    let count = "SELECT coalesce(sum(key < x'ff'), 0), coalesce(sum(key >= x'ff01'), 0) FROM state";
    place.sql().query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[tokio::test]
async fn what_a_busy_commit_changes_is_one_row_until_a_second_has_passed() {
    let place = Place::new();
    let journal = open(&place).await;
    for round in 0..3 {
        set(&journal, many(round)).await;
    }
    assert_eq!(in_the_table(&place), (0, 3));
    // a small one goes behind them
    set(&journal, vec![("0299".into(), None)]).await;
    assert_eq!(in_the_table(&place), (0, 4));
    let before = read(&journal);
    assert_eq!(before.len(), 299);

    until(&journal, || in_the_table(&place).1 == 0).await;

    // some 66 bytes each
    assert_eq!(in_the_table(&place), (6, 0));
    assert_eq!(read(&journal), before);
    // and a small one that finds none waiting goes to its place at once
    set(&journal, vec![("0298".into(), None)]).await;
    assert_eq!(in_the_table(&place), (6, 0));
    assert_eq!(read(&journal).len(), 298);
}

#[tokio::test]
async fn so_many_changes_wait_and_no_more() {
    let place = Place::new();
    let journal = open(&place).await;
    let mut most = 0;
    for round in 0..100 {
        set(&journal, many(round)).await;
        most = most.max(in_the_table(&place).1);
    }

    assert_eq!(most, 40, "each has 200 values, and 8,192 are folded");
    assert_eq!(in_the_table(&place).1, 100 - 2 * 41);
    let all: BTreeMap<_, _> = (0..100).flat_map(many).map(|(key, value)| (key.to_vec(), value)).collect();
    assert_eq!(read(&journal), all.into_iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn changes_that_wait_outlast_a_kill_and_are_folded_at_an_orderly_end() {
    let place = Place::new();
    let journal = open(&place).await;
    for round in 0..3 {
        set(&journal, many(round)).await;
    }
    let before = read(&journal);
    let killed = killed(&place);
    journal.close().await.unwrap();
    assert_eq!(in_the_table(&place), (6, 0));

    let journal = open(&killed).await;
    assert_eq!(in_the_table(&killed), (0, 3));
    assert_eq!(read(&journal), before);
    set(&journal, many(3)).await;
    assert_eq!(in_the_table(&killed), (0, 4));
    assert_eq!(read(&journal).len(), 350);
    drop(journal);

    // their numbers go on, or a salvage would take them for folded
    let journal = open(&place).await;
    set(&journal, many(3)).await;
    let newest = "SELECT hex(max(key)) FROM state";
    let newest: String = place.sql().query_row(newest, [], |row| row.get(0)).unwrap();
    assert_eq!(newest, "FF010000000000000004");
}

#[tokio::test]
async fn changes_that_were_there_at_the_start_are_folded() {
    let place = Place::new();
    let journal = open(&place).await;
    set(&journal, many(0)).await;
    let killed = killed(&place);

    let journal = open(&killed).await;
    until(&journal, || in_the_table(&killed).1 == 0).await;

    assert_eq!(read(&journal).len(), 200);
}

#[tokio::test]
async fn a_view_that_is_held_is_of_when_it_began() {
    let place = Place::new();
    let journal = open(&place).await;
    let mut reader = journal.reader(Log::Inbox).unwrap();
    for round in 0..3 {
        set(&journal, many(20 * round)).await;
        reader.hold().unwrap();
        assert_eq!(reader.state(b"0000").unwrap(), Some(value(20 * round)), "round {round}");
        set(&journal, many(20 * round + 1)).await;
        assert_eq!(reader.state(b"0249").unwrap(), round.checked_sub(1).map(|it| value(20 * it + 1)));
        reader.release().unwrap();
        assert_eq!(reader.state(b"0249").unwrap(), Some(value(20 * round + 1)));
    }
}

#[tokio::test]
async fn keys_of_the_journal_are_nobody_elses() {
    let place = Place::new();
    let journal = open(&place).await;
    set(&journal, many(0)).await;

    let state = vec![(Bytes::from_static(b"\xff"), Some("value".into()))];
    let refused = journal.commit(Commit { state, ..commit("interpret", Position::ZERO, vec![]) }).await;
    assert_eq!(refused, Err(CursorError::OwnKey));
    let forget = vec![b"a".to_vec()..b"\xff\xff".to_vec()];
    let refused = journal.commit(Commit { forget, ..commit("interpret", Position::ZERO, vec![]) }).await;
    assert_eq!(refused, Err(CursorError::OwnKey));
    let mut reader = journal.reader(Log::Inbox).unwrap();
    assert_eq!(reader.states(b"\xff".as_slice()..b"\xff\xff", 10).unwrap(), []);
    assert_eq!(reader.last_key(b"".as_slice()..b"\xff\xff").unwrap(), Some(b"0199".to_vec()));
}

#[tokio::test]
async fn damaged_changes_are_left_out_by_a_salvage_and_what_is_whole_is_folded() {
    let place = Place::new();
    let journal = open(&place).await;
    for round in 0..3 {
        set(&journal, many(round)).await;
    }
    place.sql().execute("UPDATE state SET crc = crc + 1 WHERE key = x'ff010000000000000002'", []).unwrap();
    // a salvage would find them in the log as they were
    place.sql().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();

    let error = journal.reader(Log::Inbox).unwrap().state(b"0000").unwrap_err();
    assert!(matches!(error, ReadError::Sqlite(_)), "{error}");
    let _halted = journal.close().await;

    let journal = open(&place).await;
    assert!(journal.salvaged().is_some());
    let found = |key: &[u8]| journal.reader(Log::Inbox).unwrap().state(key).unwrap();
    for (key, round) in [(b"0000", 0), (b"0099", 0), (b"0249", 2), (b"0299", 2)] {
        assert_eq!(found(key), Some(value(round)));
    }
    assert_eq!(in_the_table(&place), (6, 0));
}

#[tokio::test]
async fn blocks_are_full_behind_what_comes_in_order_and_half_full_else() {
    for (step, most) in [(1, 180), (7919, 330)] {
        let place = Place::new();
        let journal = open(&place).await;
        // by tens, which are not put off; 7919 and 10,000 have no divisor in common
        for ten in 0..1000_usize {
            let key = |at: usize| Bytes::from(format!("{:06}", at * step % 10_000));
            set(&journal, (0..10).map(|at| (key(ten * 10 + at), Some(value(ten)))).collect()).await;
        }
        let (blocks, _) = in_the_table(&place);
        // 57 values of 68 bytes fill one
        assert!((160..most).contains(&blocks), "step {step}: {blocks}");
        assert_eq!(read(&journal).len(), 10_000);
        let forget = vec![b"000100".to_vec()..b"009900".to_vec()];
        let to = Position::ZERO;
        journal.commit(Commit { forget, ..commit("interpret", to, vec![]) }).await.unwrap();
        assert_eq!(read(&journal).len(), 200);
        assert!(in_the_table(&place).0 < 8);
    }
}

#[tokio::test]
async fn a_damaged_block_is_told_once_and_hides_no_other() {
    let place = Place::new();
    let journal = open(&place).await;
    for round in 0..3 {
        set(&journal, many(round)).await;
    }
    until(&journal, || in_the_table(&place) == (6, 0)).await;
    let second = "SELECT key FROM state ORDER BY key LIMIT 1 OFFSET 1";
    let damage = format!("UPDATE state SET crc = crc + 1 WHERE key = ({second})");
    place.sql().execute(&damage, []).unwrap();
    let key: Vec<u8> = place.sql().query_row(second, [], |row| row.get(0)).unwrap();

    let mut reader = journal.reader(Log::Inbox).unwrap();
    let error = reader.state(&key).unwrap_err();
    assert!(matches!(error, ReadError::DamagedState { key_bytes: 4 }), "{error}");
    let found = states(&mut reader, 1);
    let damaged: Vec<_> = found.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key).collect();
    assert_eq!(damaged, [&key]);
    assert!((235..300).contains(&found.len()), "{}", found.len());
    // who changes it has to stop: only a salvage can tell what was there
    let state = vec![(key.into(), None)];
    let refused = journal.commit(Commit { state, ..commit("interpret", Position::ZERO, vec![]) }).await;
    assert_eq!(refused, Err(AppendError::Halted.into()));
    let _halted = journal.close().await;
    drop(reader);
    assert!(place.open().salvaged().is_some());
}
