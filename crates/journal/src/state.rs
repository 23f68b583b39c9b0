//! The state: keys and values in a table of few rows.
//!
//! A value is tens of bytes, and a busy commit changes a thousand of them that lie all over the table. A row for each,
//! written at once, costs more than everything else in the commit. So
//! - a row of the table is a [block](blocks): some hundred values whose keys follow each other;
//! - what a busy commit changes is one row, its *changes*, and the blocks get what came of several of these at once, in
//!   the order of keys. Until then whoever reads the state lays the changes [over](overlay) the blocks.
//!
//! Changes stand in the same table under keys that are the journal's own, behind all others: `ff 01` and eight bytes of
//! a number that grows. `ff 00` has the number up to which all were folded. Each is written, folded and removed in a
//! transaction with what it belongs to, so that a crash finds all of a commit's changes or none.

use rusqlite::{Connection, OptionalExtension, params};

use crate::reader::corrupt;
use crate::record::state_crc;

pub(crate) mod blocks;
pub(crate) mod found;
pub(crate) mod overlay;
pub(crate) mod packed;

use packed::{Packed, Row};

/// The state in the file, as the writer knows it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Number of the newest changes, or up to which they were folded.
    newest: u64,
    /// How many values wait to be folded; a key counts as often as it was changed.
    waiting: usize,
}

impl State {
    /// Looks what is in the file.
    pub(crate) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let folded: Option<Vec<u8>> = conn
            .prepare_cached("SELECT value FROM state WHERE key = ?1")?
            .query_row([FOLDED], |row| row.get(0))
            .optional()?;
        let mut state = Self { newest: folded.map_or(0, |value| number_in(&value)), waiting: 0 };
        let mut statement = conn.prepare_cached(CHANGES_BEHIND)?;
        let mut rows = statement.query([CHANGES])?;
        while let Some(row) = rows.next()? {
            state.newest = state.newest.max(number_of(row.get_ref(0)?.as_blob()?).unwrap_or(0));
            // one that is damaged is met when it is folded
            let count = Packed::read(row.get_ref(2)?.as_blob()?).map_or(1, |packed| packed.rows.len());
            state.waiting += count.max(1);
        }
        Ok(state)
    }

    /// Whether changes wait to be folded.
    pub(crate) const fn waits(&self) -> bool {
        self.waiting > 0
    }

    /// Writes what a commit changes; `stamp` is as in [`Packed`].
    ///
    /// An error as for a damaged page when a block or changes do not match their checksum.
    pub(crate) fn write(
        &mut self,
        conn: &Connection,
        stamp: u64,
        changed: &[packed::Change],
    ) -> rusqlite::Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let rows = changed.iter().map(|(key, value)| (&key[..], value.as_deref()));
        let size: usize = rows.clone().map(packed::size).sum();
        if size > MOST_BYTES || !self.waits() && !is_put_off(changed.len()) {
            self.fold(conn, stamp)?;
            return blocks::merge(conn, stamp, &in_order(rows.collect()));
        }
        let (newest, value) = (self.newest + 1, packed::written(stamp, rows));
        set(conn, &key(newest), &value)?;
        (self.newest, self.waiting) = (newest, self.waiting + changed.len());
        if self.waiting >= MOST_WAITING { self.fold(conn, stamp) } else { Ok(()) }
    }

    /// Brings all changes into the blocks.
    ///
    /// An error as for a damaged page when a block or changes do not match their checksum.
    pub(crate) fn fold(&mut self, conn: &Connection, stamp: u64) -> rusqlite::Result<()> {
        if !self.waits() {
            return Ok(());
        }
        let mut waiting = Vec::new();
        {
            let mut statement = conn.prepare_cached(CHANGES_BEHIND)?;
            let mut rows = statement.query([CHANGES])?;
            while let Some(row) = rows.next()? {
                waiting.push(whole(row)?.1.to_vec());
            }
        }
        let packed = waiting.iter().map(|value| Packed::read(value).ok_or_else(damaged));
        let packed = packed.collect::<rusqlite::Result<Vec<_>>>()?;
        blocks::merge(conn, stamp, &in_order(packed.into_iter().flat_map(|packed| packed.rows).collect()))?;
        conn.prepare_cached("DELETE FROM state WHERE key >= ?1")?.execute([CHANGES])?;
        set(conn, FOLDED, &self.newest.to_be_bytes())?;
        self.waiting = 0;
        Ok(())
    }
}

/// Whether `value` is what stands under `key` in the table.
pub(crate) fn is_sound(key: &[u8], value: &[u8]) -> bool {
    let packed = Packed::read(value);
    match key < OWN {
        true => packed.is_some_and(|packed| blocks::is_block(key, &packed)),
        false => key == FOLDED || number_of(key).is_some() && packed.is_some(),
    }
}

/// Whether so many values are changed at once that they are put off.
pub(crate) const fn is_put_off(changed: usize) -> bool {
    changed >= FEW
}

/// Rows by their keys, of each key the last.
fn in_order(mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    // runs of rows that are in order already cost it little
    rows.sort_by_key(|(key, _)| *key);
    rows.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            *kept = *later;
        }
        same
    });
    rows
}

/// Key and value of a row of the table (`key, crc, value`) that matches its checksum.
fn whole<'a>(row: &'a rusqlite::Row<'_>) -> rusqlite::Result<(&'a [u8], &'a [u8])> {
    let (key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(2)?.as_blob()?);
    let whole = row.get::<_, i64>(1)? == i64::from(state_crc(key, value));
    whole.then_some((key, value)).ok_or_else(damaged)
}

fn damaged() -> rusqlite::Error {
    corrupt("state does not match its checksum")
}

fn set(conn: &Connection, key: &[u8], value: &[u8]) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO state (key, crc, value) VALUES (?1, ?2, ?3)")?
        .execute(params![key, state_crc(key, value), value])
        .map(drop)
}

fn key(number: u64) -> [u8; 10] {
    let mut key = [0; 10];
    key[..2].copy_from_slice(CHANGES);
    key[2..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number in a key of changes.
pub(crate) fn number_of(key: &[u8]) -> Option<u64> {
    key.strip_prefix(CHANGES)?.try_into().ok().map(u64::from_be_bytes)
}

/// The number up to which changes were folded, in its row.
pub(crate) fn number_in(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_be_bytes)
}

/// Keys from here on are the journal's own.
pub(crate) const OWN: &[u8] = &[0xff];
pub(crate) const FOLDED: &[u8] = &[0xff, 0];
const CHANGES: &[u8] = &[0xff, 1];

const CHANGES_BEHIND: &str = "SELECT key, crc, value FROM state WHERE key > ?1 ORDER BY key";

/// From how many values on those of a commit are put off.
const FEW: usize = 32;

/// How many values wait at most before they are folded: some eight full commits of an interpreter.
const MOST_WAITING: usize = 8192;

/// More than this is not written twice.
const MOST_BYTES: usize = 256 << 10;
