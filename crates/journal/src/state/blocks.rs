//! Blocks of values whose keys follow each other: a row of the table each, under the first of its keys.
//!
//! A block has the keys from its own up to that of the next one. None is empty.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::packed::{self, Packed, Row};
use super::{damaged, set, whole};

/// A block as it stands in the table.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) key: Vec<u8>,
    /// `None` when it does not match its checksum.
    bytes: Option<Vec<u8>>,
}

impl Block {
    /// The one that has `key`, if any has.
    pub(crate) fn with(conn: &Connection, key: &[u8]) -> rusqlite::Result<Option<Self>> {
        Self::find(conn, WITH, key)
    }

    /// The last one that begins before `key`.
    pub(crate) fn before(conn: &Connection, key: &[u8]) -> rusqlite::Result<Option<Self>> {
        Self::find(conn, "SELECT key, crc, value FROM state WHERE key < ?1 ORDER BY key DESC LIMIT 1", key)
    }

    /// What stands under `key`; the outer one is `None` when the block that has it does not match its checksum.
    pub(crate) fn value(conn: &Connection, key: &[u8]) -> rusqlite::Result<Option<Option<Bytes>>> {
        let read = |row: &rusqlite::Row<'_>| {
            let value = whole(row).ok().and_then(|(_, block)| Packed::find(block, key));
            Ok(value.map(|value| value.map(Bytes::copy_from_slice)))
        };
        let found = conn.prepare_cached(WITH)?.query_row([key], read).optional()?;
        Ok(found.unwrap_or(Some(None)))
    }

    fn find(conn: &Connection, sql: &str, key: &[u8]) -> rusqlite::Result<Option<Self>> {
        let read = |row: &rusqlite::Row<'_>| {
            let whole = whole(row)
                .ok()
                .filter(|(key, value)| Packed::read(value).is_some_and(|packed| is_block(key, &packed)));
            let bytes = whole.map(|(_, value)| value.to_vec());
            Ok(Self { key: row.get_ref(0)?.as_blob()?.to_vec(), bytes })
        };
        conn.prepare_cached(sql)?.query_row([key], read).optional()
    }

    /// Its values by their keys; `None` when it does not match its checksum.
    pub(crate) fn rows(&self) -> Option<Vec<Row<'_>>> {
        Packed::read(self.bytes.as_deref()?).map(|packed| packed.rows)
    }
}

/// Whether this stands under `key` as a block does.
pub(crate) fn is_block(key: &[u8], packed: &Packed<'_>) -> bool {
    packed.rows.first().is_some_and(|(first, _)| *first == key)
        && packed.rows.is_sorted_by(|(one, _), (next, _)| one < next)
        && packed.rows.iter().all(|(_, value)| value.is_some())
}

/// The key of the next block behind `key`, or of the journal's own behind all blocks.
pub(crate) fn next(conn: &Connection, key: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached("SELECT key FROM state WHERE key > ?1 ORDER BY key LIMIT 1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Sets and removes values; `changed` is by keys, each once.
///
/// An error as for a damaged page when a block does not match its checksum.
pub(crate) fn merge(conn: &Connection, stamp: u64, mut changed: &[Row<'_>]) -> rusqlite::Result<()> {
    while let Some((first, _)) = changed.first() {
        let block = Block::with(conn, first)?;
        let here = match next(conn, first)? {
            Some(next) => changed.partition_point(|(key, _)| *key < &next[..]),
            None => changed.len(),
        };
        let (here, behind) = changed.split_at(here);
        let before = match &block {
            Some(block) => block.rows().ok_or_else(damaged)?,
            None => Vec::new(),
        };
        // what comes in the order of keys, as times do, leaves full blocks behind
        let appended = before.last().is_none_or(|(last, _)| last < first);
        replace(conn, stamp, block.as_ref(), &merged(&before, here), appended)?;
        changed = behind;
    }
    Ok(())
}

/// Sets values that others found.
pub(crate) fn write(conn: &Connection, values: &BTreeMap<Vec<u8>, Vec<u8>>) -> rusqlite::Result<()> {
    let rows: Vec<Row<'_>> = values.iter().map(|(key, value)| (&key[..], Some(&value[..]))).collect();
    merge(conn, 0, &rows)
}

/// Removes the values under a range of keys.
///
/// As for [`merge`].
pub(crate) fn forget(conn: &Connection, stamp: u64, range: Range<&[u8]>) -> rusqlite::Result<()> {
    let Range { start, end } = range;
    if start >= end {
        return Ok(());
    }
    let without = |block: &Block| {
        let rows = block.rows().ok_or_else(damaged)?;
        let kept: Vec<Row<'_>> =
            rows.iter().filter(|(key, _)| *key < start || *key >= end).copied().collect();
        if kept.len() == rows.len() { Ok(()) } else { replace(conn, stamp, Some(block), &kept, true) }
    };
    if let Some(block) = Block::before(conn, start)? {
        without(&block)?;
    }
    let Some(last) = Block::before(conn, end)?.filter(|block| &block.key[..] >= start) else {
        return Ok(());
    };
    conn.prepare_cached("DELETE FROM state WHERE key >= ?1 AND key < ?2")?
        .execute(params![start, last.key])?;
    without(&last)
}

/// Rows by keys with those that changed.
fn merged<'a>(rows: &[Row<'a>], changed: &[Row<'a>]) -> Vec<Row<'a>> {
    let mut merged = Vec::with_capacity(rows.len() + changed.len());
    let mut rows = rows.iter().copied().peekable();
    for (key, value) in changed {
        while let Some(row) = rows.next_if(|(before, _)| before < key) {
            merged.push(row);
        }
        let _replaced = rows.next_if(|(same, _)| same == key);
        merged.extend(value.map(|value| (*key, Some(value))));
    }
    merged.extend(rows);
    merged
}

/// Writes `rows` in place of a block, as one or several: full ones when they were `appended`, else such that each has
/// room for more.
fn replace(
    conn: &Connection,
    stamp: u64,
    block: Option<&Block>,
    rows: &[Row<'_>],
    appended: bool,
) -> rusqlite::Result<()> {
    if let Some(block) = block
        && rows.first().is_none_or(|(first, _)| *first != block.key)
    {
        conn.prepare_cached("DELETE FROM state WHERE key = ?1")?.execute([&block.key])?;
    }
    let all: usize = rows.iter().copied().map(packed::size).sum();
    let most = if appended { BYTES } else { all.div_ceil(all.div_ceil(BYTES).max(1)) };
    let mut rest = rows;
    while let Some((first, _)) = rest.first() {
        let mut size = 0;
        let mut fits = |row: &Row<'_>| {
            size += packed::size(*row);
            size <= most
        };
        let count = rest.iter().take_while(|row| fits(row)).count().max(1);
        let (piece, behind) = rest.split_at(count);
        set(conn, first, &packed::written(stamp, piece.iter().copied()))?;
        rest = behind;
    }
    Ok(())
}

const WITH: &str = "SELECT key, crc, value FROM state WHERE key <= ?1 ORDER BY key DESC LIMIT 1";

/// What the rows of a block have at most, unless it is one: four blocks fill a page of 16 KiB, and none overflows.
///
/// Source: SQLite, "Database File Format", 1.6 (`X` of an index leaf is 4,092).
const BYTES: usize = 3900;
