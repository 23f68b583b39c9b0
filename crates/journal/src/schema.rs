//! The file's format and the settings durability rests on.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use crate::ledger::{Cursor, Mark, blank};
use crate::state::{OWN, blocks};
use crate::{Log, record};

/// Marks the file as a journal: "fbJ" and the format as a digit in ASCII.
///
/// So the format stands twice in a file, here and in `user_version`, and a flipped bit is no newer format.
pub(crate) const APPLICATION_ID: i64 = 0x6662_4a30 + FORMAT;

/// The mark of a file of `format`, when it can have one.
pub(crate) fn application_id(format: i64) -> Option<i64> {
    (1..=9).contains(&format).then_some(0x6662_4a30 + format)
}

/// The format this version writes.
pub(crate) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Bytes in a page; set before anything else, since WAL mode cannot change it.
pub(crate) const PAGE_BYTES: i64 = 16_384;

/// A position never returns: the writer counts on from the newest row, which always stays.
///
/// Step n makes format n+1 from format n; an empty file has format 0.
pub(crate) const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE inbox (
        position INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        at INTEGER NOT NULL,     -- microseconds since 1970
        upto INTEGER NOT NULL,   -- bytes of this log up to and with this row, since its beginning
        crc INTEGER NOT NULL,    -- CRC-32 over kind, at, org, peer, body
        org TEXT NOT NULL,
        peer TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        position INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        at INTEGER NOT NULL,
        upto INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        org TEXT NOT NULL,
        peer TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE cursors (
        name TEXT PRIMARY KEY,
        log INTEGER NOT NULL,            -- 0 inbox, 1 outbox
        position INTEGER NOT NULL,       -- everything up to and with it is done
        upto INTEGER NOT NULL,           -- the log's upto at that position
        max_bytes INTEGER,
        max_age INTEGER,                 -- microseconds
        lost_records INTEGER NOT NULL,   -- given up in all
        lost_bytes INTEGER NOT NULL,
        seen INTEGER NOT NULL            -- when it was last known to be registered
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE state (
        key BLOB PRIMARY KEY,
        crc INTEGER NOT NULL,            -- CRC-32 over key and value
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    // CRC-32 over the whole row; those of rows cover log, position and upto too.
    "ALTER TABLE cursors ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;",
    // A row of the state holds many values, see `state.rs`; before, it was one.
    "
    ALTER TABLE state RENAME TO state_2;
    CREATE TABLE state (
        key BLOB PRIMARY KEY,
        crc INTEGER NOT NULL,            -- CRC-32 over key and value
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];

/// Makes the file's format current, in one transaction.
pub(crate) fn migrate(conn: &mut Connection, found: i64) -> rusqlite::Result<()> {
    let steps = MIGRATIONS.get(usize::try_from(found).unwrap_or(0)..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    let tx = conn.transaction()?;
    for step in steps {
        tx.execute_batch(step)?;
    }
    if found == 1 {
        recount(&tx)?;
    }
    regroup(&tx)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    tx.commit()
}

/// Brings the state of formats 1 and 2 into blocks; what is damaged stays behind.
fn regroup(conn: &Connection) -> rusqlite::Result<()> {
    {
        let mut statement = conn.prepare("SELECT key, crc, value FROM state_2 ORDER BY key")?;
        let mut rows = statement.query([])?;
        let mut values = BTreeMap::new();
        loop {
            let row = rows.next()?;
            if row.is_none() || values.len() >= VALUES {
                blocks::write(conn, &std::mem::take(&mut values))?;
            }
            let Some(row) = row else { break };
            let (key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(2)?.as_blob()?);
            if key < OWN && row.get::<_, i64>(1)? == i64::from(record::state_crc(key, value)) {
                values.insert(key.to_vec(), value.to_vec());
            }
        }
    }
    conn.execute_batch("DROP TABLE state_2")
}

/// How many values are taken over at once.
const VALUES: usize = 4096;

/// Gives rows and cursors of format 1 their checksums; what is damaged stays so.
fn recount(conn: &Connection) -> rusqlite::Result<()> {
    for log in Log::ALL {
        let sql =
            format!("SELECT position, upto, kind, at, crc, org, peer, body FROM {log} ORDER BY position");
        let mut update = conn.prepare(&format!("UPDATE {log} SET crc = ?2 WHERE position = ?1"))?;
        let mut rows = conn.prepare(&sql)?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let mark = Mark { position: row.get(0)?, upto: row.get(1)? };
            let (kind, at): (i64, i64) = (row.get(2)?, row.get(3)?);
            let texts = [row.get_ref(5)?.as_bytes()?, row.get_ref(6)?.as_bytes()?];
            let body = row.get_ref(7)?.as_blob()?;
            let Ok(kind) = u8::try_from(kind) else { continue };
            if row.get::<_, i64>(4)? == i64::from(record::row_crc_1(kind, at, texts, body)) {
                update.execute(params![mark.position, record::row_crc(log, mark, kind, at, texts, body)])?;
            }
        }
    }
    let mut statement = conn.prepare(
        "SELECT name, log, position, upto, max_bytes, max_age, lost_records, lost_bytes, seen FROM cursors",
    )?;
    let mut update = conn.prepare("UPDATE cursors SET crc = ?2 WHERE name = ?1")?;
    let cursors = statement.query_map([], |row| {
        let log = if row.get::<_, i64>(1)? == 0 { Log::Inbox } else { Log::Outbox };
        Ok(Cursor {
            mark: Mark { position: row.get(2)?, upto: row.get(3)? },
            max_bytes: row.get(4)?,
            max_age: row.get(5)?,
            lost_records: row.get(6)?,
            lost_bytes: row.get(7)?,
            seen: row.get(8)?,
            ..blank(&row.get::<_, String>(0)?, log)
        })
    })?;
    for cursor in cursors.collect::<rusqlite::Result<Vec<_>>>()? {
        update.execute(params![cursor.name, record::cursor_crc(&cursor)])?;
    }
    Ok(())
}

/// Reads a PRAGMA as text, whatever its type.
pub(crate) fn setting(conn: &Connection, name: &str) -> rusqlite::Result<String> {
    conn.pragma_query_value(None, name, |row| Ok(text(row)))
}

/// Reads a PRAGMA that is a number.
pub(crate) fn number(conn: &Connection, name: &str) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, name, |row| row.get(0))
}

/// Bytes of the pages that hold something.
pub(crate) fn live_bytes(conn: &Connection) -> rusqlite::Result<i64> {
    let pages: i64 = conn.prepare_cached("PRAGMA page_count")?.query_row([], |row| row.get(0))?;
    let free: i64 = conn.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| row.get(0))?;
    Ok((pages - free) * PAGE_BYTES)
}

/// Statements that differ only by their log.
pub(crate) struct Sql {
    pub(crate) insert: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) upto: &'static str,
    pub(crate) scan: &'static str,
    pub(crate) read: &'static str,
}

pub(crate) const fn sql(log: Log) -> &'static Sql {
    match log {
        Log::Inbox => &INBOX,
        Log::Outbox => &OUTBOX,
    }
}

macro_rules! sql {
    ($log:literal) => {
        Sql {
            insert: concat!(
                "INSERT INTO ",
                $log,
                " (position, kind, at, upto, crc, org, peer, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            ),
            delete: concat!("DELETE FROM ", $log, " WHERE position <= ?1"),
            first: concat!("SELECT position, at, upto FROM ", $log, " ORDER BY position LIMIT 1"),
            last: concat!("SELECT position, at, upto FROM ", $log, " ORDER BY position DESC LIMIT 1"),
            upto: concat!("SELECT upto FROM ", $log, " WHERE position <= ?1 ORDER BY position DESC LIMIT 1"),
            scan: concat!(
                "SELECT position, at, upto FROM ",
                $log,
                " WHERE position > ?1 ORDER BY position LIMIT ?2"
            ),
            read: concat!(
                "SELECT position, kind, at, crc, org, peer, body, upto FROM ",
                $log,
                " WHERE position > ?1 ORDER BY position LIMIT ?2"
            ),
        }
    };
}

const INBOX: Sql = sql!("inbox");
const OUTBOX: Sql = sql!("outbox");

fn text(row: &Row<'_>) -> String {
    match row.get_ref(0) {
        Ok(rusqlite::types::ValueRef::Integer(number)) => number.to_string(),
        Ok(rusqlite::types::ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::blocks::Block;

    #[test]
    fn the_state_of_format_2_is_taken_over_but_for_what_is_damaged() {
        let mut conn = Connection::open_in_memory().unwrap();
        MIGRATIONS[..2].iter().for_each(|step| conn.execute_batch(step).unwrap());
        let key = |number: usize| format!("{number:05}").into_bytes();
        let value = |number: usize| number.to_string().into_bytes();
        let count = 2 * VALUES + 5;
        for number in 0..count {
            let crc = i64::from(record::state_crc(&key(number), &value(number))) + i64::from(number == 7);
            conn.execute("INSERT INTO state VALUES (?1, ?2, ?3)", params![key(number), crc, value(number)])
                .unwrap();
        }

        migrate(&mut conn, 2).unwrap();

        for number in 0..count {
            let block = Block::with(&conn, &key(number)).unwrap().unwrap();
            let rows = block.rows().unwrap();
            let found = rows.iter().find(|(at, _)| *at == key(number)).and_then(|(_, value)| *value);
            assert_eq!(found, (number != 7).then_some(&value(number)[..]), "{number}");
        }
        let blocks: i64 = conn.query_row("SELECT count(*) FROM state", [], |row| row.get(0)).unwrap();
        assert!(blocks < 60, "{blocks}");
    }
}
