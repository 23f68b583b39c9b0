//! The file's format and the settings durability rests on.

use rusqlite::{Connection, Row};

use crate::Log;

/// Marks the file as a journal: "fbJ1" in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x6662_4a31;

/// The format this version writes.
pub(crate) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Bytes in a page; set before anything else, since WAL mode cannot change it.
pub(crate) const PAGE_BYTES: i64 = 16_384;

/// A position never returns: the writer counts on from the newest row, which always stays.
///
/// Step n makes format n+1 from format n; an empty file has format 0.
pub(crate) const MIGRATIONS: [&str; 1] = ["
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
"];

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
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    tx.commit()
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
                "SELECT position, kind, at, crc, org, peer, body FROM ",
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
