//! Damage is told and costs only what it hit.

use std::os::unix::fs::FileExt;

use fogbell_journal::{Notice, Priority, ReadError};

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

#[tokio::test]
async fn a_page_that_cannot_be_read_costs_its_rows_and_no_others() {
    let place = Place::new();
    with_rows(&place, 200).await.close().await.unwrap();
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
    file.write_all_at(&[0xff; 64], u64::from(page - 1) * 16_384).unwrap();
    drop(file);

    let journal = place.open();
    let mut reader = journal.reader(Log::Inbox).unwrap();
    let mut cursor = Position::ZERO;
    let mut whole = 0;
    let mut damaged = 0;
    loop {
        let entries = reader.read(cursor, 50, 1 << 20).unwrap();
        let Some(last) = entries.last() else { break };
        cursor = last.position();
        for entry in entries {
            match entry {
                Entry::Row(_) => whole += 1,
                Entry::Damaged { from, to } => damaged += to.number() - from.number() + 1,
            }
        }
    }

    assert_eq!(whole + damaged, 200);
    assert!((10..40).contains(&damaged), "{damaged} rows lost to one page");
    assert_eq!(cursor, Position::new(200));
}

#[tokio::test]
async fn a_damaged_state_value_is_not_returned() {
    let place = Place::new();
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    let state = vec![(b"key".to_vec(), Some(b"value".to_vec()))];
    journal.commit(Commit { state, ..commit("interpret", Position::ZERO, vec![]) }).await.unwrap();
    place.sql().execute("UPDATE state SET value = x'76616c7565ff'", []).unwrap();

    let error = journal.reader(Log::Inbox).unwrap().state(b"key").unwrap_err();

    assert!(matches!(error, ReadError::DamagedState { key_bytes: 3 }), "{error}");
}
