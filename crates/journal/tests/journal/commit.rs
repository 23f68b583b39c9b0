//! What is promised is there.

use fogbell_journal::{AppendError, CursorError, Log, MAX_RECORD_BYTES, Position, Priority, Start};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_returned_is_seen_by_everybody() {
    let place = Place::new();
    let journal = place.open();
    let other = place.sql();
    let tail = journal.tail(Log::Inbox);

    for number in 1..=50_u32 {
        let position = journal.append(record("body"), Priority::Normal).await.unwrap();

        let seen: u32 = other.query_row("SELECT max(position) FROM inbox", [], |row| row.get(0)).unwrap();
        assert_eq!((position, seen), (Position::new(number.into()), number));
        assert_eq!(*tail.borrow(), position);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_together_shares_a_commit() {
    let place = Place::new();
    let journal = place.open();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..400 {
        let journal = journal.clone();
        tasks.spawn(async move { journal.append(record(vec![0; 1500]), Priority::Normal).await.unwrap() });
    }
    let mut positions = tasks.join_all().await;
    positions.sort_unstable();

    let writer = journal.status().unwrap().writer.unwrap();

    assert_eq!(positions, (1..=400).map(Position::new).collect::<Vec<_>>());
    assert!(writer.largest_group > 1 && writer.largest_group <= 256, "{writer:?}");
    assert!(writer.commits < 400, "{writer:?}");
}

#[tokio::test]
async fn a_row_comes_back_as_it_went_in() {
    let place = Place::new();
    let journal = place.open();
    let went = record(&b"\0{\"topic\":\"\xc3\xa9\"}\n"[..]);
    journal.append(went.clone(), Priority::Own).await.unwrap();

    let row = rows(&journal, Log::Inbox).remove(0);

    assert_eq!(
        (row.kind, row.at, row.org, row.peer, row.body),
        (went.kind, went.at, went.org, went.peer, went.body)
    );
}

#[tokio::test]
async fn a_read_stops_at_its_bounds_and_goes_on_behind() {
    let place = Place::new();
    let journal = place.open();
    for _ in 0..10 {
        journal.append(record(vec![0; 100]), Priority::Normal).await.unwrap();
    }
    let mut reader = journal.reader(Log::Inbox).unwrap();

    for (after, records, bytes, expect) in
        [(0, 3, 10_000, 1..=3), (3, 100, 250, 4..=6), (6, 100, 0, 7..=7), (7, 100, 10_000, 8..=10)]
    {
        let got: Vec<u64> = reader
            .read(Position::new(after), records, bytes)
            .unwrap()
            .iter()
            .map(|entry| entry.position().number())
            .collect();
        assert_eq!(got, expect.collect::<Vec<_>>(), "after {after}");
    }
    assert_eq!(reader.read(Position::new(10), 10, 10).unwrap(), []);
}

#[tokio::test]
async fn a_commit_is_all_there_and_its_cursor_with_it() {
    let place = Place::new();
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    let entry = journal.append(record("in"), Priority::Normal).await.unwrap();
    let key = |minute: u8| vec![b's', minute];
    let set = |minute| (key(minute).into(), Some(vec![minute; 3].into()));

    let first = Commit {
        state: (0..5).map(set).collect(),
        ..commit("interpret", entry, vec![alert("a"), alert("b")])
    };
    assert_eq!(journal.commit(first).await, Ok(Position::new(2)));
    let second = Commit {
        forget: std::iter::once(key(0)..key(3)).collect(),
        state: vec![(key(1).into(), Some("again".into())), (key(4).into(), None)],
        ..commit("interpret", entry, vec![])
    };
    assert_eq!(journal.commit(second).await, Ok(Position::new(2)));
    journal.close().await.unwrap();

    let journal = place.open();
    let mut reader = journal.reader(Log::Outbox).unwrap();
    let bodies: Vec<_> = rows(&journal, Log::Outbox).into_iter().map(|row| row.body).collect();
    assert_eq!(bodies, ["a", "b"]);
    let states = reader.states(b"s"..b"t", 10).unwrap();
    assert_eq!(states, [(key(1), Some("again".into())), (key(3), Some(vec![3; 3].into()))]);
    assert_eq!(reader.last_key(b"s"..b"t").unwrap(), Some(key(3)));
    assert_eq!(reader.last_key(b"s"..&key(3)).unwrap(), Some(key(1)));
    assert_eq!(reader.last_key(b"s"..&key(1)).unwrap(), None);
    assert_eq!(reader.state(&key(3)).unwrap(), Some(vec![3; 3].into()));
    assert_eq!(reader.state(&key(0)).unwrap(), None);
    let at = journal.register("interpret", keeps_all(Log::Inbox)).await;
    assert_eq!(at, Ok(entry));
}

#[tokio::test]
async fn a_commit_that_is_refused_leaves_nothing() {
    let place = Place::new();
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    for _ in 0..3 {
        journal.append(record("in"), Priority::Normal).await.unwrap();
    }
    let to = |cursor: &str, to| commit(cursor, Position::new(to), vec![alert("a")]);
    journal.commit(to("interpret", 2)).await.unwrap();

    let cursor = || "interpret".to_owned();
    for (what, why) in [
        (to("interpret", 1), CursorError::Passed { cursor: cursor(), at: Position::new(2) }),
        (to("interpret", 4), CursorError::Beyond { cursor: cursor(), tail: Position::new(3) }),
        (to("nobody", 2), CursorError::Unknown { cursor: "nobody".into() }),
    ] {
        assert_eq!(journal.commit(what).await, Err(why));
    }
    assert_eq!(rows(&journal, Log::Outbox).len(), 1);
}

#[tokio::test]
async fn a_cursor_moves_forward_only_and_never_beyond_the_end() {
    let place = Place::new();
    let journal = place.open();
    for _ in 0..3 {
        journal.append(record("in"), Priority::Normal).await.unwrap();
    }
    journal.register("c", keeps_all(Log::Inbox)).await.unwrap();

    assert_eq!(journal.advance("c", Position::new(2)).await, Ok(Position::new(2)));
    assert_eq!(journal.advance("c", Position::new(1)).await, Ok(Position::new(2)));
    let beyond = CursorError::Beyond { cursor: "c".into(), tail: Position::new(3) };
    assert_eq!(journal.advance("c", Position::new(4)).await, Err(beyond));
    let other = CursorError::OtherLog { cursor: "c".into() };
    assert_eq!(journal.register("c", keeps_all(Log::Outbox)).await, Err(other));
    assert_eq!(journal.forget("c").await, Ok(Position::new(2)));
    let unknown = CursorError::Unknown { cursor: "c".into() };
    assert_eq!(journal.advance("c", Position::new(3)).await, Err(unknown));
}

#[tokio::test]
async fn a_new_cursor_starts_at_the_end_or_at_the_oldest_row() {
    let place = Place::new();
    let journal = place.open();
    for _ in 0..3 {
        journal.append(record("in"), Priority::Normal).await.unwrap();
    }
    let new = CursorSpec { start: Start::Now, ..keeps_all(Log::Inbox) };

    assert_eq!(journal.register("new", new).await, Ok(Position::new(3)));
    assert_eq!(journal.register("all", keeps_all(Log::Inbox)).await, Ok(Position::ZERO));
    assert_eq!(journal.register("new", keeps_all(Log::Inbox)).await, Ok(Position::new(3)));
    let status = journal.status().unwrap();
    let behind: Vec<_> =
        status.cursors.iter().map(|cursor| (cursor.behind_records, cursor.registered)).collect();
    assert_eq!(behind, [(3, true), (0, true)]);
}

#[tokio::test]
async fn a_record_beyond_all_bounds_is_refused_alone() {
    let place = Place::new();
    let journal = place.open();
    let large = record(vec![0; usize::try_from(MAX_RECORD_BYTES).unwrap()]);

    let (large, small) = tokio::join!(
        journal.append(large, Priority::Normal),
        journal.append(record("small"), Priority::Normal)
    );

    assert!(matches!(large, Err(AppendError::TooLarge { .. })), "{large:?}");
    assert_eq!(small, Ok(Position::new(1)));
}

#[tokio::test]
async fn what_waits_at_close_is_answered_and_what_comes_later_is_refused() {
    let place = Place::new();
    let journal = place.open();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let journal = journal.clone();
        tasks.spawn(async move { journal.append(record("in"), Priority::Normal).await });
    }
    let first = tasks.join_next().await.unwrap().unwrap();
    let late = journal.clone();
    journal.close().await.unwrap();

    assert_eq!(late.append(record("late"), Priority::Normal).await, Err(AppendError::Closed));
    assert!(!late.writable());
    let answers = tasks.join_all().await;
    let taken = answers.iter().chain([&first]).filter(|answer| answer.is_ok()).count();
    assert!(answers.iter().all(|answer| answer.is_ok() || *answer == Err(AppendError::Closed)));
    drop(late);
    assert_eq!(rows(&place.open(), Log::Inbox).len(), taken);
}
