//! Rows of a log for somebody else, beside a running relay or with it stopped.

use std::path::Path;

use bytes::BytesMut;
use rusqlite::{Connection, OptionalExtension, params};

use crate::reader::{Judged, is_damage, judge};
use crate::schema::sql;
use crate::status::Opened;
use crate::{Entry, InspectError, Log, Position};

/// Reads a log from its file, whatever of it can be read.
#[derive(Debug)]
pub struct Export {
    conn: Connection,
    opened: Opened,
    log: Log,
    after: i64,
}

impl Export {
    /// Opens the journal at `path` for reading `log` behind `after`. Changes nothing.
    ///
    /// With `running`, the relay that has it goes on meanwhile; without, the lock is held shared.
    ///
    /// # Errors
    ///
    /// See [`InspectError`].
    pub fn open(path: &Path, running: bool, log: Log, after: Position) -> Result<Self, InspectError> {
        let opened = Opened::new(path, running)?;
        let conn = opened.connect()?;
        Ok(Self { conn, opened, log, after: after.sql() })
    }

    /// Goes on behind where the cursor `name` is; `None` when there is no such cursor of this log.
    ///
    /// # Errors
    ///
    /// [`InspectError::Sqlite`] when the cursors cannot be read.
    pub fn from_cursor(mut self, name: &str) -> Result<Option<Self>, InspectError> {
        let index = self.log.index() as i64;
        let at = self
            .conn
            .query_row(
                "SELECT position FROM cursors WHERE name = ?1 AND log = ?2",
                params![name, index],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.opened.failed(error))?;
        Ok(at.map(|at| {
            self.after = at;
            self
        }))
    }

    /// The next rows, oldest first; none at the end. What cannot be read is told as [`Entry::Damaged`].
    ///
    /// # Errors
    ///
    /// [`InspectError::Sqlite`] when it fails for another reason than damage.
    pub fn next_rows(&mut self) -> Result<Vec<Entry>, InspectError> {
        let mut entries = Vec::new();
        let read = self.read(self.after, BATCH, &mut entries);
        if let Err(error) = read {
            if !is_damage(&error) {
                return Err(self.opened.failed(error));
            }
            if entries.is_empty() {
                entries.extend(self.gap()?);
            }
        }
        if let Some(last) = entries.last() {
            self.after = last.position().sql();
        }
        Ok(entries)
    }

    fn read(&self, after: i64, most: i64, entries: &mut Vec<Entry>) -> rusqlite::Result<()> {
        let mut statement = self.conn.prepare_cached(sql(self.log).read)?;
        let mut rows = statement.query([after, most])?;
        let mut bodies = BytesMut::new();
        while let Some(row) = rows.next()? {
            let judged = judge(self.log, row, &mut bodies)?;
            let position = judged.position();
            if let Some(before) = entries.last().map(Entry::position)
                && position.number() > before.number() + 1
            {
                let from = Position::new(before.number() + 1);
                entries.push(Entry::Damaged { from, to: Position::new(position.number() - 1) });
            }
            entries.push(match judged {
                Judged::Whole(row) => Entry::Row(row),
                Judged::Damaged(_) | Judged::Lost(_) => Entry::Damaged { from: position, to: position },
            });
        }
        Ok(())
    }

    /// What lies before the next row that can be read; nothing when none can.
    fn gap(&self) -> Result<Option<Entry>, InspectError> {
        let from = Position::from_sql(self.after + 1);
        let damaged = |to| Some(Entry::Damaged { from, to: Position::from_sql(to) });
        let tail = self.conn.query_row(sql(self.log).last, [], |row| row.get::<_, i64>(0)).optional();
        // Without an end that can be read, what is behind cannot be told from what never was.
        let tail = tail.ok().flatten().unwrap_or(self.after);
        let (mut place, mut step) = (self.after + 1, 1);
        while place < tail {
            let mut found = Vec::new();
            match self.read(place, 1, &mut found) {
                Ok(()) => return Ok(damaged(found.first().map_or(tail, |entry| entry.position().sql() - 1))),
                Err(error) if is_damage(&error) => {}
                Err(error) => return Err(self.opened.failed(error)),
            }
            // Row by row through one page, then faster: some more are left out rather than look for hours.
            if place - self.after >= CAREFUL_ROWS {
                step *= 2;
            }
            place = place.saturating_add(step);
        }
        Ok(damaged(tail.max(self.after + 1)))
    }
}

const BATCH: i64 = 256;
/// Rows that are tried one by one behind a damaged place; more than a page of small rows holds.
const CAREFUL_ROWS: i64 = 512;
