//! Everything of a journal read and judged, beside a running relay or with it stopped.

use std::path::Path;

use bytes::BytesMut;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde::Serialize;

use crate::check::{self, Look};
use crate::ledger::{Cursor, Mark, blank};
use crate::reader::{Judged, judge};
use crate::record::{cursor_crc, state_crc};
use crate::schema::sql;
use crate::state;
use crate::state::packed::Packed;
use crate::status::Opened;
use crate::{InspectError, Log, salvage};

/// What a journal is like.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Verified {
    /// Nothing is damaged.
    pub whole: bool,
    /// Rows of the inbox and of the outbox that match their checksums.
    pub rows: [u64; 2],
    /// Places in each that an earlier salvage kept for rows that were lost; no damage of now.
    pub lost_before: [u64; 2],
    /// Cursors that match their checksums and lie within their logs.
    pub cursors: u64,
    /// State values that match their checksums.
    pub state: u64,
    /// What is damaged and where, at most [`MAX_DAMAGE`](Self::MAX_DAMAGE) of it.
    pub damage: Vec<String>,
    /// Damage that is not in the list any more.
    pub more_damage: u64,
}

impl Verified {
    /// Things said of damage at most.
    pub const MAX_DAMAGE: usize = 1000;

    fn damaged(&mut self, what: String) {
        if self.damage.len() < Self::MAX_DAMAGE {
            self.damage.push(what);
        } else {
            self.more_damage += 1;
        }
    }
}

/// Reads and judges everything of the journal at `path`: structure, rows, state, positions, cursors. Changes
/// nothing.
///
/// With `running`, the relay that has it goes on meanwhile; without, the lock is held shared.
///
/// # Errors
///
/// See [`InspectError`]; damage is none.
pub fn verify(path: &Path, running: bool) -> Result<Verified, InspectError> {
    let failed = |source| InspectError::File { path: path.to_owned(), source };
    let opened = Opened::new(path, running)?;
    let mut found = Verified::default();
    if !running {
        if salvage::is_due(&opened.path).is_ok_and(|due| due) {
            found.damaged(
                "the relay met a damaged page and stopped; its next start salvages the journal".to_owned(),
            );
        }
        if let Look::Damaged(why) = check::look(&opened.path).map_err(failed)? {
            found.damaged(why);
        }
    }
    match opened.connect() {
        Ok(conn) => read(&conn, &mut found),
        Err(InspectError::Sqlite { source, .. }) => found.damaged(source.to_string()),
        // Without damage that was seen above it is no journal.
        Err(error) if found.damage.is_empty() => return Err(error),
        Err(_) => {}
    }
    found.whole = found.damage.is_empty();
    Ok(found)
}

fn read(conn: &Connection, found: &mut Verified) {
    // One transaction: what a relay writes meanwhile is not half seen.
    let Ok(tx) = conn.unchecked_transaction() else {
        return found.damaged("no transaction can be begun".to_owned());
    };
    if let Err(error) = structure(&tx, found) {
        found.damaged(format!("structure: {error}"));
    }
    let mut ends = [(0, 0); 2];
    for log in Log::ALL {
        match rows(&tx, log, found) {
            Ok(end) => ends[log.index()] = end,
            Err((after, error)) => {
                found.damaged(format!("{log}: nothing can be read after {after}: {error}"))
            }
        }
    }
    if let Err(error) = cursors(&tx, ends, found) {
        found.damaged(format!("cursors: {error}"));
    }
    if let Err(error) = values(&tx, found) {
        found.damaged(format!("state: {error}"));
    }
}

/// What SQLite itself finds.
fn structure(conn: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            found.damaged(format!("structure: {said}"));
        }
    }
    Ok(())
}

/// The oldest and the newest position; where reading ended when it did.
fn rows(conn: &Connection, log: Log, found: &mut Verified) -> Result<(i64, i64), (i64, rusqlite::Error)> {
    let (mut first, mut last) = (0, 0);
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = conn.prepare(sql(log).read)?;
        let mut rows = statement.query([0, -1])?;
        let mut bodies = BytesMut::new();
        while let Some(row) = rows.next()? {
            let judged = judge(log, row, &mut bodies)?;
            let position = judged.position().sql();
            if first == 0 {
                first = position;
            } else if position != last + 1 {
                found.damaged(format!("{log}: no rows between {last} and {position}"));
            }
            last = position;
            match judged {
                Judged::Whole(_) => found.rows[log.index()] += 1,
                Judged::Lost(_) => found.lost_before[log.index()] += 1,
                Judged::Damaged(position) => {
                    found.damaged(format!("{log}: row {position} does not match its checksum"));
                }
            }
        }
        Ok(())
    };
    match read() {
        Ok(()) => Ok((first, last)),
        Err(error) => Err((last, error)),
    }
}

fn cursors(conn: &Connection, ends: [(i64, i64); 2], found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(
        "SELECT name, log, position, upto, max_bytes, max_age, lost_records, lost_bytes, seen, crc FROM cursors",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let read = || -> rusqlite::Result<(Cursor, i64)> {
            let log = if row.get::<_, i64>(1)? == 0 { Log::Inbox } else { Log::Outbox };
            let cursor = Cursor {
                mark: Mark { position: row.get(2)?, upto: row.get(3)? },
                max_bytes: row.get(4)?,
                max_age: row.get(5)?,
                lost_records: row.get(6)?,
                lost_bytes: row.get(7)?,
                seen: row.get(8)?,
                ..blank(&row.get::<_, String>(0)?, log)
            };
            Ok((cursor, row.get(9)?))
        };
        match read() {
            Ok((cursor, crc)) if i64::from(cursor_crc(&cursor)) == crc => {
                let (first, last) = ends[cursor.log.index()];
                let at = cursor.mark.position;
                if at > last {
                    found.damaged(format!("cursor `{name}` is at {at}, beyond the newest row {last}"));
                } else if at < first - 1 {
                    found.damaged(format!("cursor `{name}` is at {at}, and the rows up to {first} are gone"));
                } else {
                    found.cursors += 1;
                }
            }
            _ => found.damaged(format!("cursor `{name}` does not match its checksum")),
        }
    }
    Ok(())
}

fn values(conn: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("SELECT key, crc, value FROM state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match (row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?) {
            (ValueRef::Blob(key), ValueRef::Integer(crc), ValueRef::Blob(value))
                if i64::from(state_crc(key, value)) == crc && state::is_sound(key, value) =>
            {
                let values = Packed::read(value).filter(|_| key < state::OWN);
                found.state += values.map_or(0, |packed| packed.rows.len() as u64);
            }
            (key, ..) => {
                let bytes = key.as_bytes().map_or(0, <[u8]>::len);
                found.damaged(format!("state under a key of {bytes} bytes does not match its checksum"));
            }
        }
    }
    Ok(())
}
