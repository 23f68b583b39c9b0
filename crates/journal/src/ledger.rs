//! What the writer knows of the file without asking it: ends of the logs and cursors.

use std::mem;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::reader::corrupt;
use crate::record::{ROW_BYTES, cursor_crc, row_crc};
use crate::schema::sql;
use crate::state::State;
use crate::{CursorError, CursorSpec, Log, Position, Start};

/// A place and the bytes of its log up to there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Mark {
    pub(crate) position: i64,
    pub(crate) upto: i64,
}

/// A row at an end of a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Edge {
    pub(crate) position: i64,
    pub(crate) at: i64,
    pub(crate) upto: i64,
}

/// The ends of one log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    pub(crate) oldest: Option<Edge>,
    pub(crate) tail: Mark,
}

/// One cursor.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) name: String,
    pub(crate) log: Log,
    pub(crate) mark: Mark,
    pub(crate) max_bytes: Option<i64>,
    pub(crate) max_age: Option<i64>,
    pub(crate) lost_records: i64,
    pub(crate) lost_bytes: i64,
    pub(crate) seen: i64,
    pub(crate) registered: bool,
    pub(crate) dirty: bool,
    /// The position moved and `mark.upto` is still the old one.
    pub(crate) moved: bool,
}

/// The writer's mirror of the file; loaded again whenever a transaction was rolled back.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    logs: [Ends; 2],
    pub(crate) cursors: Vec<Cursor>,
    pub(crate) state: State,
}

impl Ledger {
    /// Reads everything anew; a cursor that was registered stays so.
    pub(crate) fn load(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let known = mem::take(&mut self.cursors);
        self.cursors = conn
            .prepare_cached(
                "SELECT name, log, position, upto, max_bytes, max_age, lost_records, lost_bytes, seen, crc \
                 FROM cursors ORDER BY name",
            )?
            .query_map([], |row| {
                let name: String = row.get(0)?;
                let registered = known.iter().any(|cursor| cursor.registered && cursor.name == name);
                let cursor = Cursor {
                    name,
                    log: if row.get::<_, i64>(1)? == 0 { Log::Inbox } else { Log::Outbox },
                    mark: Mark { position: row.get(2)?, upto: row.get(3)? },
                    max_bytes: row.get(4)?,
                    max_age: row.get(5)?,
                    lost_records: row.get(6)?,
                    lost_bytes: row.get(7)?,
                    seen: row.get(8)?,
                    registered,
                    dirty: false,
                    moved: false,
                };
                // One that is wrong could pass what was not delivered.
                if row.get::<_, i64>(9)? == i64::from(cursor_crc(&cursor)) {
                    Ok(cursor)
                } else {
                    Err(corrupt("a cursor does not match its checksum"))
                }
            })?
            .collect::<rusqlite::Result<_>>()?;
        for log in Log::ALL {
            let tail = edge(conn, sql(log).last)?
                .map_or_else(Mark::default, |edge| Mark { position: edge.position, upto: edge.upto });
            self.logs[log.index()] = Ends { oldest: edge(conn, sql(log).first)?, tail };
        }
        self.state = State::load(conn)?;
        Ok(())
    }

    /// Takes cursors over into a file that has none, and finds the bytes at their places anew.
    pub(crate) fn restore(&mut self, conn: &Connection, cursors: Vec<Cursor>) -> rusqlite::Result<()> {
        self.cursors =
            cursors.into_iter().map(|cursor| Cursor { moved: true, dirty: true, ..cursor }).collect();
        self.save(conn)
    }

    pub(crate) const fn ends(&self, log: Log) -> &Ends {
        &self.logs[log.index()]
    }

    /// Grows with everything that is appended.
    pub(crate) const fn stamp(&self) -> u64 {
        self.logs[0].tail.position.saturating_add(self.logs[1].tail.position).unsigned_abs()
    }

    /// Looks the oldest row up again, after rows were deleted.
    pub(crate) fn trimmed(&mut self, conn: &Connection, log: Log) -> rusqlite::Result<()> {
        self.logs[log.index()].oldest = edge(conn, sql(log).first)?;
        Ok(())
    }

    /// The place every cursor of the log has passed; its end when there is none.
    pub(crate) fn passed(&self, log: Log) -> Mark {
        self.cursors
            .iter()
            .filter(|cursor| cursor.log == log)
            .map(|cursor| cursor.mark)
            .min_by_key(|mark| mark.position)
            .unwrap_or_else(|| self.ends(log).tail)
    }

    /// The last row that may go as history, when there is one that may.
    pub(crate) fn history(&self, log: Log) -> Option<(Edge, i64)> {
        let ends = self.ends(log);
        let last = self.passed(log).position.min(ends.tail.position - 1);
        ends.oldest.filter(|oldest| oldest.position <= last).map(|oldest| (oldest, last))
    }

    /// Bytes of the rows that may go as history.
    pub(crate) fn history_bytes(&self) -> i64 {
        Log::ALL
            .into_iter()
            .filter_map(|log| {
                let (oldest, _) = self.history(log)?;
                Some(self.passed(log).upto.saturating_sub(oldest.upto).max(0))
            })
            .sum()
    }

    /// Bytes of `cursor`'s log after it.
    pub(crate) fn behind(&self, cursor: &Cursor) -> i64 {
        self.ends(cursor.log).tail.upto.saturating_sub(cursor.mark.upto).max(0)
    }

    /// Inserts one row at the end of `log`.
    pub(crate) fn append(
        &mut self,
        inserts: &mut Inserts<'_>,
        log: Log,
        kind: u8,
        at: i64,
        [org, peer]: [&str; 2],
        body: &[u8],
    ) -> rusqlite::Result<Position> {
        let ends = &mut self.logs[log.index()];
        let weight = (org.len() + peer.len() + body.len()) as i64 + ROW_BYTES as i64;
        let mark = Mark { position: ends.tail.position + 1, upto: ends.tail.upto.saturating_add(weight) };
        let crc = row_crc(log, mark, kind, at, [org.as_bytes(), peer.as_bytes()], body);
        inserts.of(log)?.execute(params![mark.position, kind, at, mark.upto, crc, org, peer, body])?;
        ends.tail = mark;
        ends.oldest.get_or_insert(Edge { position: mark.position, at, upto: mark.upto });
        Ok(Position::from_sql(mark.position))
    }

    /// Checks that `name` is a cursor that can be at `to`; its index and whether it is there or after already.
    pub(crate) fn judge(&self, name: &str, to: Position) -> Result<(usize, Position), CursorError> {
        let (index, cursor) = self
            .cursors
            .iter()
            .enumerate()
            .find(|(_, cursor)| cursor.name == name)
            .ok_or_else(|| CursorError::Unknown { cursor: name.to_owned() })?;
        let tail = self.ends(cursor.log).tail.position;
        if to.sql() > tail {
            return Err(CursorError::Beyond { cursor: name.to_owned(), tail: Position::from_sql(tail) });
        }
        Ok((index, Position::from_sql(cursor.mark.position)))
    }

    /// Moves a cursor forward; never back.
    pub(crate) fn advance(&mut self, index: usize, to: Position) -> Position {
        let cursor = &mut self.cursors[index];
        if to.sql() > cursor.mark.position {
            cursor.mark.position = to.sql();
            cursor.moved = true;
            cursor.dirty = true;
        }
        Position::from_sql(cursor.mark.position)
    }

    /// Makes a cursor, or takes a known one up again with these bounds.
    pub(crate) fn register(
        &mut self,
        conn: &Connection,
        name: &str,
        spec: &CursorSpec,
        now: i64,
    ) -> rusqlite::Result<Result<Position, CursorError>> {
        let max_bytes = spec.max_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        let max_age = spec.max_age.map(|age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        if let Some(cursor) = self.cursors.iter_mut().find(|cursor| cursor.name == name) {
            if cursor.log != spec.log {
                return Ok(Err(CursorError::OtherLog { cursor: name.to_owned() }));
            }
            *cursor = Cursor {
                max_bytes,
                max_age,
                seen: now,
                registered: true,
                dirty: true,
                ..mem::replace(cursor, blank(name, spec.log))
            };
            return Ok(Ok(Position::from_sql(cursor.mark.position)));
        }
        if self.cursors.len() >= MAX_CURSORS {
            return Ok(Err(CursorError::TooMany { max: MAX_CURSORS }));
        }
        let mark = match (spec.start, self.ends(spec.log).oldest) {
            (Start::Oldest, Some(oldest)) => {
                Mark { position: oldest.position - 1, upto: before(conn, spec.log, oldest)? }
            }
            // A cursor that was lost may have this name: it repeats rather than loses.
            _ => match self.cursors.iter().find(|cursor| cursor.name == LOST_CURSORS) {
                Some(lost) if lost.log == spec.log => lost.mark,
                _ => self.ends(spec.log).tail,
            },
        };
        self.cursors.push(Cursor {
            mark,
            max_bytes,
            max_age,
            seen: now,
            registered: true,
            dirty: true,
            ..blank(name, spec.log)
        });
        Ok(Ok(Position::from_sql(mark.position)))
    }

    /// Takes a cursor for one that nobody registered, from now on; where it is.
    pub(crate) fn release(&mut self, name: &str, now: i64) -> Result<Position, CursorError> {
        let cursor = self.cursors.iter_mut().find(|cursor| cursor.name == name);
        let cursor = cursor.ok_or_else(|| CursorError::Unknown { cursor: name.to_owned() })?;
        (cursor.registered, cursor.seen, cursor.dirty) = (false, now, true);
        Ok(Position::from_sql(cursor.mark.position))
    }

    /// Drops a cursor; where it was.
    pub(crate) fn forget(
        &mut self,
        conn: &Connection,
        name: &str,
    ) -> rusqlite::Result<Result<Position, CursorError>> {
        let Some(index) = self.cursors.iter().position(|cursor| cursor.name == name) else {
            return Ok(Err(CursorError::Unknown { cursor: name.to_owned() }));
        };
        conn.prepare_cached("DELETE FROM cursors WHERE name = ?1")?.execute([name])?;
        let cursor = self.cursors.swap_remove(index);
        Ok(Ok(Position::from_sql(cursor.mark.position)))
    }

    /// Finds the bytes at the places cursors moved to.
    pub(crate) fn resolve(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.moved) {
            let tail = self.logs[cursor.log.index()].tail;
            cursor.mark.upto = if cursor.mark.position == tail.position {
                tail.upto
            } else {
                conn.prepare_cached(sql(cursor.log).upto)?
                    .query_row([cursor.mark.position], |row| row.get(0))
                    .optional()?
                    .unwrap_or(cursor.mark.upto)
            };
            cursor.moved = false;
        }
        Ok(())
    }

    /// Writes the cursors that changed, each once however often it moved.
    pub(crate) fn save(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        self.resolve(conn)?;
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.dirty) {
            conn.prepare_cached(
                "INSERT INTO cursors \
                 (name, log, position, upto, max_bytes, max_age, lost_records, lost_bytes, seen, crc) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                 ON CONFLICT (name) DO UPDATE SET position = ?3, upto = ?4, max_bytes = ?5, max_age = ?6, \
                 lost_records = ?7, lost_bytes = ?8, seen = ?9, crc = ?10",
            )?
            .execute(params![
                cursor.name,
                cursor.log.index() as i64,
                cursor.mark.position,
                cursor.mark.upto,
                cursor.max_bytes,
                cursor.max_age,
                cursor.lost_records,
                cursor.lost_bytes,
                cursor.seen,
                cursor_crc(cursor),
            ])?;
            cursor.dirty = false;
        }
        Ok(())
    }
}

/// The statements that insert, looked up once for all rows of a turn.
pub(crate) struct Inserts<'a> {
    pub(crate) conn: &'a Connection,
    logs: [Option<CachedStatement<'a>>; 2],
}

impl<'a> Inserts<'a> {
    pub(crate) const fn new(conn: &'a Connection) -> Self {
        Self { conn, logs: [None, None] }
    }

    fn of(&mut self, log: Log) -> rusqlite::Result<&mut CachedStatement<'a>> {
        let found = &mut self.logs[log.index()];
        match found {
            Some(statement) => Ok(statement),
            None => Ok(found.insert(self.conn.prepare_cached(sql(log).insert)?)),
        }
    }
}

/// The first or last row, by the statement given.
fn edge(conn: &Connection, sql: &str) -> rusqlite::Result<Option<Edge>> {
    conn.prepare_cached(sql)?
        .query_row([], |row| Ok(Edge { position: row.get(0)?, at: row.get(1)?, upto: row.get(2)? }))
        .optional()
}

/// The bytes of the log before its oldest row.
fn before(conn: &Connection, log: Log, oldest: Edge) -> rusqlite::Result<i64> {
    let sql = format!(
        "SELECT octet_length(org) + octet_length(peer) + octet_length(body) FROM {log} WHERE position = ?1"
    );
    let weight: i64 = conn.query_row(&sql, [oldest.position], |row| row.get(0))?;
    Ok(oldest.upto.saturating_sub(weight).saturating_sub(ROW_BYTES as i64))
}

pub(crate) fn blank(name: &str, log: Log) -> Cursor {
    Cursor {
        name: name.to_owned(),
        log,
        mark: Mark::default(),
        max_bytes: None,
        max_age: None,
        lost_records: 0,
        lost_bytes: 0,
        seen: 0,
        registered: false,
        dirty: false,
        moved: false,
    }
}

/// The cursor of the outbox that stands for those whose names were lost with a damaged page: a new cursor starts
/// there instead of at the end. Whoever has registered all theirs forgets it.
pub const LOST_CURSORS: &str = "@lost";

/// Cursors a journal keeps at most.
const MAX_CURSORS: usize = 1024;
