//! Short reads beside the writer.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, params};

use crate::files::Files;
use crate::journal::Shared;
use crate::ledger::Mark;
use crate::record::{lost_crc, row_crc};
use crate::schema::sql;
use crate::state::OWN;
use crate::state::blocks::{self, Block};
use crate::state::overlay::Overlay;
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
    /// Changes of the state that are not in its table yet.
    overlay: Overlay,
    /// They are those of the view that is held.
    fresh: bool,
}

impl Reader {
    pub(crate) fn open(shared: Arc<Shared>, log: Log) -> Result<Self, ReadError> {
        let held = shared.files();
        let conn = files::connect_reader(&shared.path)
            .map_err(|source| ReadError::Open { path: shared.path.clone(), source })?;
        Ok(Self { conn, _files: held, shared, log, overlay: Overlay::default(), fresh: false })
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
        self.fresh = false;
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
    /// [`ReadError::DamagedState`] when what stands there does not match its checksum.
    pub fn state(&mut self, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        let found = self.view(|conn, overlay| match overlay.over(key) {
            Some(over) => Ok(Some(over.clone())),
            None => Block::value(conn, key),
        });
        let found = found.map_err(|error| self.failed(error))?;
        found.ok_or(ReadError::DamagedState { key_bytes: key.len() })
    }

    /// State by key order, from the start of `range` up to and without its end, at most `max`; `None` where what stands
    /// there does not match its checksum.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read.
    pub fn states(&mut self, range: Range<&[u8]>, max: usize) -> Result<Vec<StateRow>, ReadError> {
        let end = range.end.min(OWN);
        let found = self.view(|conn, overlay| {
            let mut found = Vec::new();
            let mut from = range.start.to_vec();
            while &from[..] < end && found.len() < max {
                let upto = blocks::next(conn, &from)?.filter(|next| &next[..] < end);
                let upto = upto.unwrap_or_else(|| end.to_vec());
                let here = &from[..]..&upto[..];
                let mut rows = BTreeMap::new();
                if let Some(block) = Block::with(conn, &from)? {
                    match block.rows() {
                        Some(all) => rows.extend(
                            all.into_iter()
                                .filter(|(key, _)| here.contains(key))
                                .map(|(key, value)| (key.to_vec(), Some(value.map(Bytes::copy_from_slice)))),
                        ),
                        // it is told where it begins, and not again to who reads on from within
                        None if block.key == from => drop(rows.insert(block.key, Some(None))),
                        None => {}
                    }
                }
                for (key, value) in overlay.within(here) {
                    rows.insert(key.to_vec(), value.clone().map(Some));
                }
                found.extend(rows.into_iter().filter_map(|(key, value)| Some((key, value?))));
                from = upto;
            }
            found.truncate(max);
            Ok(found)
        });
        found.map_err(|error| self.failed(error))
    }

    /// The last key of the state that lies in `range`, whose end is left out.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sqlite`] when nothing more can be read.
    pub fn last_key(&mut self, range: Range<&[u8]>) -> Result<Option<Vec<u8>>, ReadError> {
        let start = range.start;
        let mut end = range.end.min(OWN).to_vec();
        let found = self.view(|conn, overlay| {
            while start < &end[..] {
                let block = Block::before(conn, &end)?;
                let begins = block.as_ref().map(|block| block.key.clone()).unwrap_or_default();
                let here = start.max(&begins)..&end[..];
                let rows = block.as_ref().and_then(Block::rows).unwrap_or_default();
                let stands =
                    |key: &[u8]| here.contains(&key) && overlay.over(key).is_none_or(Option::is_some);
                let last = rows.iter().rev().map(|(key, _)| *key).find(|key| stands(key));
                let over = overlay.within(here.clone()).rev().find(|(_, value)| value.is_some());
                if let Some(last) = last.max(over.map(|(key, _)| &key[..])) {
                    return Ok(Some(last.to_vec()));
                }
                end = begins;
            }
            Ok(None)
        });
        found.map_err(|error| self.failed(error))
    }

    /// Reads with one view of the table and of the changes that lie over it.
    fn view<T>(
        &mut self,
        read: impl FnOnce(&Connection, &Overlay) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // ends when this does, unless one is held
        let own = if self.conn.is_autocommit() { Some(self.conn.unchecked_transaction()?) } else { None };
        if own.is_some() || !self.fresh {
            self.overlay.refresh(&self.conn)?;
            self.fresh = own.is_none();
        }
        read(&self.conn, &self.overlay)
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
