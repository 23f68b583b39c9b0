//! What is given up, by whom, and what is never.

use fogbell_journal::{AppendError, CursorError, FullReason, Notice, Priority, Start};

use super::*;

const BODY: usize = 20_000;

fn tiny() -> Place {
    let mut place = Place::new();
    place.options.max_bytes = 4 << 20;
    place
}

async fn fill(journal: &Journal) -> u64 {
    for taken in 0..1000 {
        match journal.append(record(vec![0; BODY]), Priority::Normal).await {
            Ok(_) => {}
            Err(AppendError::Full) => return taken,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("a journal of 4 MiB took 20 MB");
}

#[tokio::test]
async fn a_full_journal_takes_its_own_entries_and_heals_when_a_cursor_moves() {
    let place = tiny();
    let journal = place.open();
    let mut notices = journal.notices();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();

    let taken = fill(&journal).await;

    assert!(!journal.writable());
    assert_eq!(rows(&journal, Log::Inbox).len() as u64, taken);
    let said = notices.take();
    assert!(said.contains(&Notice::Full(FullReason::Bound)), "{said:?}");
    assert!(said.iter().any(|notice| matches!(notice, Notice::NearBound { .. })), "{said:?}");
    let own = journal.append(record(vec![0; BODY]), Priority::Own).await;
    let goes_on = commit("interpret", Position::new(taken / 2), vec![alert(vec![0; BODY])]);
    assert_eq!(own, Ok(Position::new(taken + 1)));
    assert_eq!(journal.commit(goes_on).await, Ok(Position::new(1)));
    until(&journal, || journal.writable()).await;
    assert_eq!(journal.append(record(vec![0; BODY]), Priority::Normal).await, Ok(Position::new(taken + 2)));
    assert_eq!(notices.take(), [Notice::NotFull, Notice::BelowBound]);
    assert!(std::fs::metadata(place.path()).unwrap().len() <= place.options.max_bytes);
    let kept = rows(&journal, Log::Inbox);
    assert!(kept.iter().any(|row| row.position == Position::new(taken / 2 + 1)), "an unread row went");
}

#[tokio::test]
async fn the_reserve_ends_too_and_then_nothing_is_promised() {
    let place = tiny();
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    let taken = fill(&journal).await;

    let mut own = 0;
    while journal.append(record(vec![0; BODY]), Priority::Own).await.is_ok() {
        own += 1;
    }

    assert!(own > 10, "{own}");
    let alerts = commit("interpret", Position::new(1), vec![alert("a")]);
    assert_eq!(journal.commit(alerts).await, Err(CursorError::NotWritten(AppendError::Full)));
    assert_eq!(rows(&journal, Log::Inbox).len() as u64, taken + own);
    let moved = journal.advance("interpret", Position::new(taken + own)).await;
    assert_eq!(moved, Ok(Position::new(taken + own)), "only this can make room");
    until(&journal, || journal.writable()).await;
}

#[tokio::test]
async fn the_write_ahead_log_stays_bounded_while_a_reader_reads_all_the_time() {
    let place = Place::new();
    let journal = place.open();
    let reader = journal.clone();
    let reads = tokio::task::spawn_blocking(move || {
        let mut inbox = reader.reader(Log::Inbox).unwrap();
        while reader.status().unwrap().inbox.rows < 600 {
            inbox.read(Position::ZERO, 4, usize::MAX).unwrap();
        }
    });
    let mut most = 0;
    for _ in 0..200 {
        let appends = (0..3).map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(record(vec![0; 400_000]), Priority::Normal).await })
        });
        for append in appends.collect::<Vec<_>>() {
            append.await.unwrap().unwrap();
        }
        most = most.max(journal.status().unwrap().wal_bytes);
    }
    reads.await.unwrap();

    let written = journal.status().unwrap().inbox.bytes;
    // 64 MiB when no read is in the way; each try that finds one waits for 4, 8 and then 16 MiB more
    assert!(written > 200 << 20 && most < 100 << 20, "{written} written, {most} in the log");
}

#[tokio::test]
async fn history_goes_before_anything_is_refused() {
    let place = tiny();
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();

    for _ in 0..500 {
        let position = journal.append(record(vec![0; BODY]), Priority::Normal).await.unwrap();
        journal.advance("interpret", position).await.unwrap();
    }

    let kept = rows(&journal, Log::Inbox);
    assert!(kept.len() > 80, "{} rows of history", kept.len());
    assert_eq!(kept.last().unwrap().position, Position::new(500));
    assert_eq!(journal.notices().take(), []);
}

#[tokio::test]
async fn history_ends_with_its_age_but_the_newest_row_stays() {
    let mut place = Place::new();
    place.options.history = Duration::from_secs(60);
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    let old = || Record { at: now() - 61_000_000, ..record("old") };
    for _ in 0..1500 {
        let journal = journal.clone();
        let appended = tokio::spawn(async move { journal.append(old(), Priority::Normal).await });
        drop(appended);
    }
    let mut tail = journal.tail(Log::Inbox);
    tail.wait_for(|tail| *tail == Position::new(1500)).await.unwrap();

    journal.advance("interpret", Position::new(1000)).await.unwrap();
    until(&journal, || journal.status().unwrap().inbox.rows == 500).await;
    journal.advance("interpret", Position::new(1500)).await.unwrap();
    until(&journal, || journal.status().unwrap().inbox.rows == 1).await;
    journal.close().await.unwrap();

    let journal = place.open();
    assert_eq!(journal.append(record("next"), Priority::Normal).await, Ok(Position::new(1501)));
}

#[tokio::test]
async fn what_the_slowest_cursor_still_needs_is_no_history() {
    let mut place = tiny();
    place.options.history = Duration::ZERO;
    let journal = place.open();
    for cursor in ["fast", "slow"] {
        journal.register(cursor, keeps_all(Log::Inbox)).await.unwrap();
    }
    let taken = fill(&journal).await;
    journal.advance("fast", Position::new(taken)).await.unwrap();
    journal.advance("slow", Position::new(7)).await.unwrap();

    until(&journal, || rows(&journal, Log::Inbox)[0].position >= Position::new(8)).await;

    let kept: Vec<_> = rows(&journal, Log::Inbox).iter().map(|row| row.position.number()).collect();
    assert_eq!(kept, (8..=taken).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sink_that_is_too_far_behind_loses_its_own_oldest_and_nobody_elses() {
    let place = Place::new();
    let journal = place.open();
    let mut notices = journal.notices();
    let bound = CursorSpec { max_bytes: Some(10_000), ..keeps_all(Log::Outbox) };
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    journal.register("bounded", bound).await.unwrap();
    journal.register("patient", keeps_all(Log::Outbox)).await.unwrap();
    let entry = journal.append(record("in"), Priority::Normal).await.unwrap();
    journal.commit(commit("interpret", entry, (0..20).map(|_| alert(vec![0; 952])).collect())).await.unwrap();
    until(&journal, || journal.status().unwrap().cursors[0].behind_bytes <= 10_000).await;

    let status = journal.status().unwrap();

    let [bounded, _, patient] = &status.cursors[..] else { panic!("{status:?}") };
    assert_eq!((bounded.position, bounded.behind_records), (Position::new(10), 10));
    assert_eq!((bounded.given_up_records, bounded.given_up_bytes), (10, 10_000));
    assert_eq!((patient.position, patient.given_up_records), (Position::ZERO, 0));
    assert_eq!(rows(&journal, Log::Outbox).len(), 20);
    let gave_up = Notice::GaveUp {
        cursor: "bounded".into(),
        records: 10,
        bytes: 10_000,
        from: Position::new(1),
        to: Position::new(10),
    };
    assert_eq!(notices.next().await, Some(vec![gave_up]));
    journal.close().await.unwrap();
    let journal = place.open();
    assert_eq!(journal.register("bounded", bound).await, Ok(Position::new(10)));
    assert_eq!(journal.status().unwrap().cursors[0].given_up_records, 10, "counted across a restart");
}

#[tokio::test]
async fn what_is_too_old_for_a_sink_is_lost_to_it() {
    let place = Place::new();
    let journal = place.open();
    let aged = CursorSpec { max_age: Some(Duration::from_secs(60)), ..keeps_all(Log::Inbox) };
    journal.register("aged", aged).await.unwrap();
    for age_secs in [90, 80, 10, 70] {
        let record = Record { at: now() - age_secs * 1_000_000, ..record("in") };
        journal.append(record, Priority::Normal).await.unwrap();
    }

    let lost = || journal.status().unwrap().cursors[0].given_up_records;
    until(&journal, || lost() > 0).await;

    let status = journal.status().unwrap();
    assert_eq!(lost(), 2, "what is behind a young one waits for it");
    assert_eq!(status.cursors[0].position, Position::new(2));
}

#[tokio::test]
async fn a_released_cursor_keeps_its_place_and_is_not_registered_any_more() {
    let place = Place::new();
    let journal = place.open();
    journal.register("sink", keeps_all(Log::Inbox)).await.unwrap();
    for _ in 0..3 {
        journal.append(record("in"), Priority::Normal).await.unwrap();
    }
    journal.advance("sink", Position::new(2)).await.unwrap();

    assert_eq!(journal.release("sink").await, Ok(Position::new(2)));
    let status = journal.status().unwrap();
    assert_eq!((status.cursors[0].registered, status.cursors[0].behind_records), (false, 1));
    let unknown = journal.release("another").await;
    assert_eq!(unknown, Err(CursorError::Unknown { cursor: "another".to_owned() }));
    let now = CursorSpec { start: Start::Now, ..keeps_all(Log::Inbox) };
    assert_eq!(journal.register("sink", now).await, Ok(Position::new(2)), "it goes on");
    assert!(journal.status().unwrap().cursors[0].registered);
}

#[tokio::test]
async fn a_removed_sinks_cursor_stays_until_its_age_bound() {
    let place = Place::new();
    let journal = place.open();
    let aged = CursorSpec { max_age: Some(Duration::from_secs(3600)), ..keeps_all(Log::Inbox) };
    journal.register("lately", aged).await.unwrap();
    let soon = CursorSpec { max_age: Some(Duration::from_secs(3)), ..aged };
    journal.register("gone", soon).await.unwrap();
    journal.append(record("in"), Priority::Normal).await.unwrap();
    journal.close().await.unwrap();

    let journal = place.open();
    let mut notices = journal.notices();
    let names =
        || -> Vec<_> { journal.status().unwrap().cursors.into_iter().map(|cursor| cursor.name).collect() };
    assert_eq!(names(), ["gone", "lately"]);
    until(&journal, || names() == ["lately"]).await;

    let said = notices.next().await.unwrap();
    assert!(matches!(&said[..], [Notice::GaveUp { cursor, records: 1, .. }] if cursor == "gone"), "{said:?}");
    let new = CursorSpec { start: Start::Now, ..aged };
    assert_eq!(journal.register("lately", new).await, Ok(Position::ZERO), "it goes on from where it was");
}

#[test]
fn bounds_that_contradict_each_other_are_refused() {
    for (max_bytes, reserve_bytes) in [(1 << 20, None), (4 << 20, Some(3 << 20)), (4 << 20, Some(1))] {
        let mut place = Place::new();
        place.options.max_bytes = max_bytes;
        place.options.reserve_bytes = reserve_bytes;

        let refused = Journal::open(&place.path(), &place.options).unwrap_err();

        assert!(matches!(refused, fogbell_journal::OpenError::Bounds { .. }), "{refused}");
        assert!(!place.path().exists());
    }
}
