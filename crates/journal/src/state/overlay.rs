//! Changes that are not in the blocks yet, as a reader lays them over these.

use std::collections::{BTreeMap, btree_map};
use std::ops::{Bound, Range};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};

use super::{CHANGES, CHANGES_BEHIND, Packed, damaged, whole};

/// Changes that lie over the blocks.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Keys of the oldest and the newest changes that were taken in.
    taken: Option<(Vec<u8>, Vec<u8>)>,
    rows: BTreeMap<Bytes, Option<Bytes>>,
}

impl Overlay {
    /// Takes in the changes that came, or all that there are when others were folded.
    ///
    /// An error as for a damaged page when changes do not match their checksum.
    pub(crate) fn refresh(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let oldest: Option<Vec<u8>> = conn
            .prepare_cached("SELECT key FROM state WHERE key >= ?1 ORDER BY key LIMIT 1")?
            .query_row([CHANGES], |row| row.get(0))
            .optional()?;
        if oldest.as_ref() != self.taken.as_ref().map(|(oldest, _)| oldest) {
            *self = Self::default();
        }
        let Some(oldest) = oldest else { return Ok(()) };
        let newest = self.taken.as_ref().map_or(CHANGES, |(_, newest)| newest).to_vec();
        let mut statement = conn.prepare_cached(CHANGES_BEHIND)?;
        let mut rows = statement.query([newest])?;
        while let Some(row) = rows.next()? {
            let (key, value) = whole(row)?;
            let value = Bytes::copy_from_slice(value);
            let packed = Packed::read(&value).ok_or_else(damaged)?;
            let part = |part: &[u8]| value.slice_ref(part);
            self.rows.extend(packed.rows.into_iter().map(|(key, value)| (part(key), value.map(part))));
            self.taken = Some((oldest.clone(), key.to_vec()));
        }
        Ok(())
    }

    /// What lies over `key`; `None` for nothing, so that the block counts.
    pub(crate) fn over(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.rows.get(key)
    }

    /// What lies over a range of keys.
    pub(crate) fn within(&self, range: Range<&[u8]>) -> btree_map::Range<'_, Bytes, Option<Bytes>> {
        let end = range.end.max(range.start);
        self.rows.range::<[u8], _>((Bound::Included(range.start), Bound::Excluded(end)))
    }
}
