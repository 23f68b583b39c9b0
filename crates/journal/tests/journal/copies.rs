//! Copies of a journal, and journals of older formats.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fogbell_journal::{Hold, InspectError, OpenError, Priority, copy, inspect, verify};

use super::*;

/// How many rows an inbox has, all of them whole.
fn whole_rows(path: &Path) -> u64 {
    let found = verify(path, false).unwrap();
    assert!(found.whole, "{found:?}");
    found.rows[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_beside_a_busy_writer_is_whole_and_has_what_was_acknowledged_before() {
    let place = Place::new();
    let journal = place.open();
    journal.register("reader", keeps_all(Log::Inbox)).await.unwrap();
    let (acknowledged, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (journal, acknowledged, stop) =
                (journal.clone(), Arc::clone(&acknowledged), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    journal.append(record(vec![7; 2000]), Priority::Normal).await.unwrap();
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();

    let mut before = 0;
    for number in 0..5 {
        until(&journal, || acknowledged.load(Ordering::SeqCst) > before + 20).await;
        before = acknowledged.load(Ordering::SeqCst);
        let to = place.directory.path().join(format!("copy-{number}"));
        let from = place.path();
        let made = to.clone();
        tokio::task::spawn_blocking(move || copy(&from, true, &made).unwrap()).await.unwrap();
        let rows = whole_rows(&to);
        assert!(rows >= before, "{rows} of {before}");
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }

    // and it is a journal that goes on
    journal.close().await.unwrap();
    let last = place.directory.path().join("copy-4");
    let rows_then = whole_rows(&last);
    let copied = Journal::open(&last, &place.options).unwrap();
    let next = copied.append(record("next"), Priority::Normal).await.unwrap();
    assert_eq!(next, Position::new(rows_then + 1));
    copied.close().await.unwrap();
}

#[test]
fn a_copy_goes_over_nothing_and_keeps_off_a_journal_that_is_held() {
    let place = Place::new();
    let journal = place.open();
    let to = place.directory.path().join("copy");
    assert!(matches!(copy(&place.path(), false, &to), Err(InspectError::Held { .. })));
    journal.blocking_append(record("one"), Priority::Normal).unwrap();
    journal.blocking_close().unwrap();

    copy(&place.path(), false, &to).unwrap();

    assert_eq!(whole_rows(&to), 1);
    let before = fs::read(&to).unwrap();
    assert!(matches!(copy(&place.path(), false, &to), Err(InspectError::File { .. })));
    assert_eq!(fs::read(&to).unwrap(), before);
}

#[test]
fn nobody_opens_a_journal_that_is_held_for_a_restore() {
    let mut place = Place::new();
    place.options.lock_wait = Duration::ZERO;
    let hold = Hold::new(&place.path()).unwrap();
    assert!(matches!(Journal::open(&place.path(), &place.options), Err(OpenError::Held { .. })));
    drop(hold);

    let journal = place.open();

    assert!(matches!(Hold::new(&place.path()), Err(OpenError::Held { .. })));
    journal.blocking_close().unwrap();
}

#[test]
fn a_journal_of_format_1_is_read_and_goes_on_as_the_newest() {
    let place = Place::new();
    place.sql().execute_batch(include_str!("../fixtures/format-1.sql")).unwrap();
    assert_eq!(inspect(&place.path()).unwrap().format, 1, "it is shown without being changed");

    let journal = place.open();

    let bodies = |log| rows(&journal, log).into_iter().map(|row| row.body).collect::<Vec<_>>();
    assert_eq!(bodies(Log::Inbox), [r#"{"topic":"alarms"}"#, "{\"name\":\"caf\u{e9}\"}", "own"]);
    assert_eq!(bodies(Log::Outbox), ["alert one", "alert two"]);
    let status = journal.status().unwrap();
    assert_eq!(status.format, 3);
    let siem = status.cursors.iter().find(|cursor| cursor.name == "siem").unwrap();
    assert_eq!((siem.behind_records, siem.given_up_records), (1, 2));
    assert_eq!(journal.blocking_append(record("next"), Priority::Normal).unwrap(), Position::new(4));
    journal.blocking_close().unwrap();
    let found = verify(&place.path(), false).unwrap();
    assert!(found.whole && found.rows == [4, 2] && found.cursors == 2 && found.state == 1, "{found:?}");
}
