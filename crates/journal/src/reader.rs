//! Short reads beside the writer.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::files::Files;
use crate::journal::Shared;
use crate::ledger::Mark;
use crate::record::{lost_crc, row_crc, state_crc};
use crate::schema::sql;
use crate::{Entry, Log, Position, ReadError, Row, files};

/// Reads one log, and the state, over a connection of its own.
///
/// Every read is a transaction of its own, unless it is [held](Self::hold): it sees what is committed, and holds nothing in between. The
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
    /// [`Notice::Damaged`](crate::Notice::Damaged), but for those that an earlier salvage lost and told.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read. When that is because a page is damaged or rows are
    /// missing, the journal stops as well ([`Journal::halted`](crate::Journal::halted)), and the next
    /// [`Journal::open`](crate::Journal::open) salvages it.
    pub fn read(
        &mut self,
        after: Position,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, ReadError> {
        let tail = self.shared.tails[self.log.index()].borrow().sql();
        let mut found = Found::default();
        let read = self.rows(after.sql(), max_records, max_bytes, &mut found);
        let read =
            read.and_then(|()| match found.entries.is_empty() && max_records > 0 && tail > after.sql() {
                true => Err(corrupt("the newest rows are missing")),
                false => Ok(()),
            });
        if let Err(error) = read {
            // What comes before is whole, and the next read meets it again.
            if found.entries.is_empty() || !is_damage(&error) {
                return Err(self.failed(error));
            }
        }
        for (from, to) in found.damaged {
            self.shared.said.send_if_modified(|said| said.damage(self.log, from, to));
        }
        Ok(found.entries)
    }

    /// Begins a row of reads that all see what is committed now; it costs less to look many things up in one.
    /// [`release`](Self::release) it soon: the journal cannot give back room meanwhile.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read.
    pub fn hold(&mut self) -> Result<(), ReadError> {
        self.conn.execute_batch("BEGIN").map_err(|error| self.failed(error))
    }

    /// Ends what [`hold`](Self::hold) began.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read.
    pub fn release(&mut self) -> Result<(), ReadError> {
        self.conn.execute_batch("COMMIT").map_err(|error| self.failed(error))
    }

    /// The state under `key`.
    ///
    /// # Errors
    ///
    /// [`ReadError::DamagedState`] when the value does not match its checksum.
    pub fn state(&mut self, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        let look = || {
            let mut statement = self.conn.prepare_cached("SELECT crc, value FROM state WHERE key = ?1")?;
            statement.query_row([key], |row| Ok((row.get::<_, i64>(0)?, bytes(row.get_ref(1)?)))).optional()
        };
        let found = look().map_err(|error| self.failed(error))?;
        found.map(|(crc, value)| checked(key, crc, value)).transpose()
    }

    /// State by key order, from the start of `range` up to and without its end, at most `max`; `None` for a value
    /// that does not match its checksum.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read.
    pub fn states(&mut self, range: Range<&[u8]>, max: usize) -> Result<Vec<StateRow>, ReadError> {
        let look = || {
            let mut statement = self.conn.prepare_cached(
                "SELECT key, crc, value FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
            )?;
            let rows = statement.query_map(params![range.start, range.end, limit(max)], |row| {
                Ok((bytes(row.get_ref(0)?).to_vec(), row.get(1)?, bytes(row.get_ref(2)?)))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let found = look().map_err(|error| self.failed(error))?;
        let checked = |(key, crc, value): (Vec<u8>, i64, Bytes)| {
            let value = checked(&key, crc, value).ok();
            (key, value)
        };
        Ok(found.into_iter().map(checked).collect())
    }

    /// The last key of the state that lies in `range`, whose end is left out.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read.
    pub fn last_key(&mut self, range: Range<&[u8]>) -> Result<Option<Vec<u8>>, ReadError> {
        let look = || {
            let mut statement = self.conn.prepare_cached(
                "SELECT key FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT 1",
            )?;
            statement.query_row([range.start, range.end], |row| row.get(0)).optional()
        };
        look().map_err(|error| self.failed(error))
    }

    fn rows(
        &self,
        after: i64,
        max_records: usize,
        max_bytes: usize,
        found: &mut Found,
    ) -> rusqlite::Result<()> {
        let mut statement = self.conn.prepare_cached(sql(self.log).read)?;
        let mut rows = statement.query(params![after, limit(max_records)])?;
        let mut bodies =
            BytesMut::with_capacity(BODIES_BYTES.min(max_records.saturating_mul(USUAL_BODY_BYTES)));
        let mut size = 0;
        let mut last = after;
        while let Some(row) = rows.next()? {
            let judged = judge(self.log, row, &mut bodies)?;
            let position = judged.position();
            // a damaged page may yield what stands before it
            if position.sql() <= last {
                return Err(corrupt("rows are out of order"));
            }
            if position.sql() != last.saturating_add(1)
                && !(last == after && self.is_oldest(position.sql())?)
            {
                return Err(corrupt("rows are missing"));
            }
            last = position.sql();
            match judged {
                Judged::Whole(row) => {
                    size += row.body.len();
                    found.entries.push(Entry::Row(row));
                }
                Judged::Damaged(_) => {
                    found.damaged.push((position, position));
                    found.entries.push(Entry::Damaged { from: position, to: position });
                }
                Judged::Lost(_) => found.entries.push(Entry::Damaged { from: position, to: position }),
            }
            if size >= max_bytes {
                break;
            }
        }
        Ok(())
    }

    /// Whether what comes before `position` may be gone because it was history: positions have no holes else.
    fn is_oldest(&self, position: i64) -> rusqlite::Result<bool> {
        let mut oldest = self.conn.prepare_cached(sql(self.log).first)?;
        Ok(position <= oldest.query_row([], |row| row.get::<_, i64>(0))?)
    }

    /// Ends the journal when the file itself is damaged: only a salvage at the next start gets at what is behind.
    fn failed(&self, error: rusqlite::Error) -> ReadError {
        if is_damage(&error) {
            let told = error.to_string();
            self.shared.broken("reading", std::io::Error::other(told));
        }
        error.into()
    }
}

/// A key of the state and its value; `None` for one that is damaged.
pub type StateRow = (Vec<u8>, Option<Bytes>);

/// What one read found.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    /// Damage that nobody told of yet.
    damaged: Vec<(Position, Position)>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("log", &self.log).finish_non_exhaustive()
    }
}

/// A row as it was found.
pub(crate) enum Judged {
    /// It matches its checksum.
    Whole(Row),
    /// It does not.
    Damaged(Position),
    /// A salvage put it where a row was lost.
    Lost(Position),
}

impl Judged {
    pub(crate) const fn position(&self) -> Position {
        match self {
            Self::Whole(row) => row.position,
            Self::Damaged(position) | Self::Lost(position) => *position,
        }
    }
}

/// Judges one row as [`Sql::read`](crate::schema::Sql) has it; whatever its columns hold, it is a row or damage,
/// never an error. Its body lies in `bodies` with those of others: one piece of memory for many costs less.
pub(crate) fn judge(log: Log, row: &rusqlite::Row<'_>, bodies: &mut BytesMut) -> rusqlite::Result<Judged> {
    let position = Position::from_sql(row.get(0)?);
    let mut whole = || {
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
        let ValueRef::Integer(upto) = row.get_ref(7).ok()? else { return None };
        let kind = u8::try_from(kind).ok()?;
        let mark = Mark { position: position.sql(), upto };
        if i64::from(row_crc(log, mark, kind, at, [org, peer], body)) != crc {
            let lost = kind == 0 && [org, peer, body].iter().all(|bytes| bytes.is_empty());
            return (lost && i64::from(lost_crc(log, mark, at)) == crc).then_some(Judged::Lost(position));
        }
        let (org, peer) = (str::from_utf8(org).ok()?.to_owned(), str::from_utf8(peer).ok()?.to_owned());
        bodies.extend_from_slice(body);
        Some(Judged::Whole(Row { position, kind, at, org, peer, body: bodies.split().freeze() }))
    };
    Ok(whole().unwrap_or(Judged::Damaged(position)))
}

/// What SQLite says of a damaged page, for damage that SQLite does not see.
pub(crate) fn corrupt(what: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
        Some(what.to_owned()),
    )
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

/// Whether the file itself is damaged.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// How much memory is taken at once for the bodies of rows, and what a body seldom exceeds.
const BODIES_BYTES: usize = 32 << 10;
const USUAL_BODY_BYTES: usize = 2 << 10;

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
