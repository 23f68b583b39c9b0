//! Short reads beside the writer.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::files::Files;
use crate::journal::Shared;
use crate::record::{row_crc, state_crc};
use crate::schema::sql;
use crate::{Entry, Log, Position, ReadError, Row, files};

/// Reads one log, and the state, over a connection of its own.
///
/// Every read is a transaction of its own: it sees what is committed, and holds nothing in between. The
/// journal's lock is kept until its last reader is dropped.
pub struct Reader {
    conn: Connection,
    /// After the connection: fields drop in order.
    _files: Option<Arc<Files>>,
    shared: Arc<Shared>,
    log: Log,
}

impl Reader {
    pub(crate) fn open(shared: Arc<Shared>, log: Log) -> Result<Self, ReadError> {
        let held = shared.files();
        let conn = files::connect_reader(&shared.path)
            .map_err(|source| ReadError::Open { path: shared.path.clone(), source })?;
        Ok(Self { conn, _files: held, shared, log })
    }

    /// What comes after `after`, oldest first: at most `max_records`, and no more once `max_bytes` of bodies
    /// are reached; at least one when there is one and `max_records` is not 0.
    ///
    /// Rows that are damaged are yielded as such, and never stop the rest; every one is also told once as
    /// [`Notice::Damaged`](crate::Notice::Damaged).
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read.
    pub fn read(
        &mut self,
        after: Position,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, ReadError> {
        let mut entries = Vec::new();
        if let Err(error) = self.rows(after.sql(), max_records, max_bytes, &mut entries) {
            let after = entries.last().map_or(after, Entry::position);
            if !is_damage(&error) || entries.len() >= max_records {
                return Err(error.into());
            }
            entries.push(self.gap(after, error)?);
        }
        for entry in &entries {
            if let Entry::Damaged { from, to } = entry {
                self.shared.said.send_if_modified(|said| said.damage(self.log, *from, *to));
            }
        }
        Ok(entries)
    }

    /// The state under `key`.
    ///
    /// # Errors
    ///
    /// [`ReadError::DamagedState`] when the value does not match its checksum.
    pub fn state(&mut self, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        let mut statement = self.conn.prepare_cached("SELECT crc, value FROM state WHERE key = ?1")?;
        let found = statement
            .query_row([key], |row| Ok((row.get::<_, i64>(0)?, bytes(row.get_ref(1)?))))
            .optional()?;
        found.map(|(crc, value)| checked(key, crc, value)).transpose()
    }

    /// State by key order, from the start of `range` up to and without its end, at most `max`.
    ///
    /// # Errors
    ///
    /// [`ReadError::DamagedState`] when a value does not match its checksum.
    pub fn states(&mut self, range: Range<&[u8]>, max: usize) -> Result<Vec<(Vec<u8>, Bytes)>, ReadError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT key, crc, value FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
        )?;
        let mut rows = statement.query(params![range.start, range.end, limit(max)])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key = bytes(row.get_ref(0)?).to_vec();
            let value = checked(&key, row.get(1)?, bytes(row.get_ref(2)?))?;
            found.push((key, value));
        }
        Ok(found)
    }

    fn rows(
        &self,
        after: i64,
        max_records: usize,
        max_bytes: usize,
        entries: &mut Vec<Entry>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.conn.prepare_cached(sql(self.log).read)?;
        let mut rows = statement.query(params![after, limit(max_records)])?;
        let mut size = 0;
        while let Some(row) = rows.next()? {
            let entry = entry(row)?;
            if let Entry::Row(row) = &entry {
                size += row.body.len();
            }
            entries.push(entry);
            if size >= max_bytes {
                break;
            }
        }
        Ok(())
    }

    /// The rows after `after` that SQLite cannot read: up to before the next one that it can, or to the end.
    ///
    /// A page that is damaged in its structure takes the rows on it along; the next page is found by trying
    /// the places behind.
    fn gap(&self, after: Position, error: rusqlite::Error) -> Result<Entry, ReadError> {
        let tail = self.shared.tails[self.log.index()].borrow().sql();
        let from = after.sql() + 1;
        if from > tail {
            return Err(error.into());
        }
        let damaged = |to| Entry::Damaged { from: Position::from_sql(from), to: Position::from_sql(to) };
        let mut step = 1;
        let mut place = from;
        while place < tail {
            let mut found = Vec::new();
            match self.rows(place, 1, 0, &mut found) {
                Ok(()) => {
                    let next = found.first().map_or(tail + 1, |entry| entry.position().sql());
                    return Ok(damaged(next - 1));
                }
                Err(error) if is_damage(&error) => {}
                Err(error) => return Err(error.into()),
            }
            // Row by row through one page, then faster: losing a few more beats looking for minutes.
            if place - from >= CAREFUL_ROWS {
                step *= 2;
            }
            place = place.saturating_add(step);
        }
        Ok(damaged(tail))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("log", &self.log).finish_non_exhaustive()
    }
}

/// Judges one row; whatever its columns hold, it is a row or damage, never an error.
fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let position = Position::from_sql(row.get(0)?);
    let whole = || {
        let (ValueRef::Integer(kind), ValueRef::Integer(at), ValueRef::Integer(crc)) =
            (row.get_ref(1).ok()?, row.get_ref(2).ok()?, row.get_ref(3).ok()?)
        else {
            return None;
        };
        let (ValueRef::Text(org), ValueRef::Text(peer), ValueRef::Blob(body)) =
            (row.get_ref(4).ok()?, row.get_ref(5).ok()?, row.get_ref(6).ok()?)
        else {
            return None;
        };
        let kind = u8::try_from(kind).ok()?;
        (i64::from(row_crc(kind, at, org, peer, body)) == crc).then_some(())?;
        Some(Row {
            position,
            kind,
            at,
            org: str::from_utf8(org).ok()?.to_owned(),
            peer: str::from_utf8(peer).ok()?.to_owned(),
            body: Bytes::copy_from_slice(body),
        })
    };
    Ok(whole().map_or(Entry::Damaged { from: position, to: position }, Entry::Row))
}

fn checked(key: &[u8], crc: i64, value: Bytes) -> Result<Bytes, ReadError> {
    if i64::from(state_crc(key, &value)) == crc {
        Ok(value)
    } else {
        Err(ReadError::DamagedState { key_bytes: key.len() })
    }
}

fn bytes(value: ValueRef<'_>) -> Bytes {
    match value {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Bytes::copy_from_slice(bytes),
        _ => Bytes::new(),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
}

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

/// Rows that are tried one by one behind a damaged place; more than a page of small rows holds.
const CAREFUL_ROWS: i64 = 512;
