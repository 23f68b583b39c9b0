//! Damage is told and costs only what it hit.

use std::os::unix::fs::FileExt;

use fogbell_journal::{AppendError, LOST_CURSORS, Notice, Priority, ReadError};

use super::*;

async fn with_rows(place: &Place, count: usize) -> Journal {
    let journal = place.open();
    for _ in 0..count {
        journal.append(record(vec![b'x'; 500]), Priority::Normal).await.unwrap();
    }
    journal
}

#[tokio::test]
async fn a_flipped_byte_is_told_and_the_rest_is_delivered() {
    for change in [
        "body = CAST(x'00' || substr(body, 2) AS BLOB)",
        "kind = kind + 1",
        "kind = 4711",
        "at = at + 1",
        "org = 'other'",
        "org = CAST(x'ff' AS TEXT)",
        "peer = 'other'",
        "crc = crc + 1",
    ] {
        let place = Place::new();
        let journal = with_rows(&place, 5).await;
        let mut notices = journal.notices();
        place.sql().execute(&format!("UPDATE inbox SET {change} WHERE position = 3"), []).unwrap();

        let mut reader = journal.reader(Log::Inbox).unwrap();
        for _ in 0..2 {
            let entries = reader.read(Position::ZERO, 100, 1 << 20).unwrap();
            let whole: Vec<_> = entries.iter().map(|entry| matches!(entry, Entry::Row(_))).collect();
            assert_eq!(whole, [true, true, false, true, true], "{change}");
            assert_eq!(entries[2].position(), Position::new(3));
        }

        let told = Notice::Damaged { log: Log::Inbox, rows: 1, position: Position::new(3) };
        assert_eq!(notices.take(), [told], "{change}");
    }
}

/// Overwrites what stands at `at` of the page with the third dozen of rows.
fn spoil(place: &Place, at: u64, bytes: &[u8]) {
    let sql = place.sql();
    let page: u32 = sql
        .query_row(
            "SELECT pageno FROM dbstat WHERE name = 'inbox' AND pagetype = 'leaf' LIMIT 1 OFFSET 2",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(sql);
    let file = std::fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    file.write_all_at(bytes, u64::from(page - 1) * 16_384 + at).unwrap();
}

/// Reads the inbox to its end: positions of what is whole, and of what is not.
fn read_all(journal: &Journal) -> Result<(Vec<u64>, Vec<u64>), ReadError> {
    let mut reader = journal.reader(Log::Inbox).unwrap();
    let (mut cursor, mut whole, mut damaged) = (Position::ZERO, Vec::new(), Vec::new());
    loop {
        let entries = reader.read(cursor, 50, 1 << 20)?;
        let Some(last) = entries.last() else { return Ok((whole, damaged)) };
        cursor = last.position();
        for entry in entries {
            match entry {
                Entry::Row(row) => whole.push(row.position.number()),
                Entry::Damaged { from, to } => damaged.extend(from.number()..=to.number()),
            }
        }
    }
}

#[tokio::test]
async fn what_a_damaged_page_holds_is_salvaged_at_the_next_start() {
    // The head of the page; then all of it, of which nothing can be saved.
    for (spoilt, least, most) in [(vec![0xff; 64], 0, 0), (vec![0xa5; 16_384], 15, 40)] {
        let place = Place::new();
        let journal = with_rows(&place, 200).await;
        journal.register("noc", keeps_all(Log::Inbox)).await.unwrap();
        journal.advance("noc", Position::new(70)).await.unwrap();
        journal.close().await.unwrap();
        spoil(&place, 0, &spoilt);

        let journal = place.open();
        assert_eq!(journal.salvaged(), None, "nobody has met it yet");
        assert!(matches!(read_all(&journal), Err(ReadError::Sqlite(_))));
        let halted = journal.halted().await;
        assert_eq!(halted.to_string(), "the journal stopped: reading failed");
        assert_eq!(journal.append(record("in"), Priority::Normal).await, Err(AppendError::Halted));
        assert!(journal.close().await.is_err());

        for start in 0..2 {
            let journal = place.open();
            let (whole, damaged) = read_all(&journal).unwrap();
            let lost = damaged.len() as u64;
            assert_eq!(whole.len() + damaged.len(), 200);
            assert!((least..=most).contains(&lost), "{lost} rows lost to one page");
            assert_eq!(journal.notices().take(), [], "what a salvage lost is told once");
            match journal.salvaged() {
                Some(salvaged) if start == 0 => {
                    assert_eq!((salvaged.saved, salvaged.lost), ([200 - lost, 0], [lost, 0]));
                    assert_eq!((salvaged.cursors, salvaged.cursors_lost), (1, false));
                    assert!(salvaged.kept.exists(), "{salvaged:?}");
                }
                salvaged => assert!(start == 1 && salvaged.is_none(), "{salvaged:?}"),
            }
            let noc = journal.register("noc", keeps_all(Log::Inbox)).await.unwrap();
            assert_eq!(noc, Position::new(70));
            journal.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_lost_its_head_or_its_end_is_salvaged() {
    let head = |file: &std::fs::File, _: u64| file.write_all_at(&[0; 512], 0).unwrap();
    let end = |file: &std::fs::File, bytes: u64| file.set_len(bytes - 20_000).unwrap();
    let version = |file: &std::fs::File, _: u64| file.write_all_at(&[0, 0, 0, 4], 60).unwrap();
    for (cut, most) in [(&head as &dyn Fn(&std::fs::File, u64), 0), (&end, 60), (&version, 0)] {
        let place = Place::new();
        let journal = with_rows(&place, 200).await;
        journal.register("noc", keeps_all(Log::Inbox)).await.unwrap();
        journal.advance("noc", Position::new(200)).await.unwrap();
        journal.close().await.unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(place.path()).unwrap();
        cut(&file, file.metadata().unwrap().len());

        let journal = place.open();

        let salvaged = journal.salvaged().unwrap();
        assert!(salvaged.lost[0] <= most, "{salvaged:?}");
        assert_eq!(read_all(&journal).unwrap().0.len() as u64, salvaged.saved[0]);
        assert_eq!(salvaged.saved[0] + salvaged.lost[0], 200);
        // A position that was ever told does not return, though the newest row may be lost.
        let next = journal.append(record("in"), Priority::Normal).await.unwrap();
        assert_eq!(next, Position::new(201));
    }
}

#[tokio::test]
async fn a_cursor_whose_row_is_lost_repeats_and_does_not_lose() {
    let place = Place::new();
    let journal = place.open();
    for name in ["interpret", "noc", "siem"] {
        let log = if name == "interpret" { Log::Inbox } else { Log::Outbox };
        journal.register(name, keeps_all(log)).await.unwrap();
    }
    let alerts = (0..20).map(|_| alert("out")).collect();
    journal.commit(commit("interpret", Position::ZERO, alerts)).await.unwrap();
    for name in ["noc", "siem"] {
        journal.advance(name, Position::new(15)).await.unwrap();
    }
    journal.close().await.unwrap();
    place.sql().execute("UPDATE cursors SET position = position + 4 WHERE name = 'noc'", []).unwrap();

    let journal = place.open();
    let now = |log| CursorSpec { start: Start::Now, ..keeps_all(log) };

    let salvaged = journal.salvaged().unwrap();
    assert_eq!((salvaged.cursors, salvaged.cursors_lost), (2, true));
    assert_eq!(journal.register("siem", now(Log::Outbox)).await, Ok(Position::new(15)));
    assert_eq!(journal.register("noc", now(Log::Outbox)).await, Ok(Position::ZERO));
    journal.forget(LOST_CURSORS).await.unwrap();
    assert_eq!(journal.register("new", now(Log::Outbox)).await, Ok(Position::new(20)));
}

#[tokio::test]
async fn damaged_files_are_kept_and_no_more_than_two() {
    let place = Place::new();
    for round in 0..4_usize {
        with_rows(&place, 5).await.close().await.unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(place.path()).unwrap();
        file.write_all_at(b"X", 3).unwrap();
        let journal = place.open();
        let salvaged = journal.salvaged().unwrap();
        assert_eq!(salvaged.saved[0], 5 * (round as u64 + 1));
        assert_eq!(salvaged.removed.len(), usize::from(round >= 2));
        let kept = files::listing(place.directory.path()).into_keys();
        assert_eq!(kept.filter(|name| name.contains(".damaged-")).count(), (round + 1).min(2));
        journal.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_salvage_that_a_crash_ended_is_taken_up_again() {
    // What each step leaves behind it, by the names of the files.
    for step in ["asked for", "named", "moved", "half written", "replaced"] {
        let place = Place::new();
        with_rows(&place, 50).await.close().await.unwrap();
        let beside = |suffix: &str| place.directory.path().join(format!("journal.db{suffix}"));
        let aside = beside(".damaged-00000000007");
        std::fs::write(
            beside(".salvage"),
            if step == "asked for" { "" } else { "journal.db.damaged-00000000007" },
        )
        .unwrap();
        match step {
            "moved" => std::fs::rename(place.path(), &aside).unwrap(),
            "half written" => {
                std::fs::rename(place.path(), &aside).unwrap();
                std::fs::write(beside(".salvaged"), "half").unwrap();
            }
            "replaced" => {
                std::fs::copy(place.path(), &aside).unwrap();
            }
            _ => {}
        }

        let journal = place.open();

        assert_eq!(read_all(&journal).unwrap().0.len(), 50, "{step}");
        assert_eq!(journal.salvaged().unwrap().saved, [50, 0], "{step}");
        journal.close().await.unwrap();
        assert_eq!(place.open().salvaged(), None, "{step}");
    }
}

#[tokio::test]
async fn a_damaged_state_value_is_not_returned() {
    let place = Place::new();
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    let state = vec![("key".into(), Some("value".into()))];
    journal.commit(Commit { state, ..commit("interpret", Position::ZERO, vec![]) }).await.unwrap();
    place.sql().execute("UPDATE state SET value = x'76616c7565ff'", []).unwrap();

    let error = journal.reader(Log::Inbox).unwrap().state(b"key").unwrap_err();

    assert!(matches!(error, ReadError::DamagedState { key_bytes: 3 }), "{error}");
}
