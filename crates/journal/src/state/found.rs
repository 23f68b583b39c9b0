//! The state as a salvage finds it: blocks and changes in any order, old ones among them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::packed::Packed;
use super::{FOLDED, OWN, blocks, number_in, number_of};

/// Rows of the table that match their checksum.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// By key and stamp; a block may have been found in several versions.
    rows: BTreeMap<(u64, Vec<u8>), Vec<u8>>,
    /// Values that are no rows of many: an earlier format had them.
    single: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Up to where changes were folded.
    folded: u64,
}

impl Found {
    /// Takes a row in; `live` when it stands on a page as it is now, and is named there.
    pub(crate) fn take(&mut self, key: Vec<u8>, value: Vec<u8>, live: bool) {
        if key == FOLDED {
            self.folded = self.folded.max(number_in(&value));
            return;
        }
        let packed = Packed::read(&value).filter(|packed| &key[..] >= OWN || blocks::is_block(&key, packed));
        match packed {
            Some(packed) => drop(self.rows.insert((packed.stamp, key), value)),
            None if live => drop(self.single.insert(key, value)),
            None => drop(self.single.entry(key).or_insert(value)),
        }
    }

    /// The values: what is newer goes over what is older.
    pub(crate) fn into_values(self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut values = self.single;
        // of one stamp the changes were there before the blocks, whose keys are before theirs
        let mut rows: Vec<_> = self.rows.into_iter().collect();
        rows.sort_by_key(|((stamp, key), _)| (*stamp, &key[..] < OWN));
        for ((_, key), value) in &rows {
            let Some(packed) = Packed::read(value) else { continue };
            if &key[..] < OWN {
                // what a block does not have between its ends was gone when it was written
                let within = packed.rows.first().zip(packed.rows.last());
                let Some(((first, _), (last, _))) = within else { continue };
                let within = (Bound::Included(*first), Bound::Included(*last));
                let gone: Vec<Vec<u8>> =
                    values.range::<[u8], _>(within).map(|(key, _)| key.clone()).collect();
                gone.iter().for_each(|key| drop(values.remove(key)));
            } else if number_of(key).is_none_or(|number| number <= self.folded) {
                continue;
            }
            for (key, value) in packed.rows {
                match value {
                    Some(value) => drop(values.insert(key.to_vec(), value.to_vec())),
                    None => drop(values.remove(key)),
                }
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::super::key;
    use super::super::packed::{Row, written};
    use super::*;

    type Texts<'a> = &'a [(&'a str, Option<&'a str>)];

    fn row(stamp: u64, rows: Texts<'_>) -> Vec<u8> {
        let rows: Vec<Row<'_>> =
            rows.iter().map(|(key, value)| (key.as_bytes(), value.map(str::as_bytes))).collect();
        written(stamp, rows.into_iter())
    }

    #[test]
    fn what_is_newer_counts_wherever_it_is_found() {
        let mut found = Found::default();
        let block = |found: &mut Found, stamp, rows: Texts<'_>, live| {
            found.take(rows[0].0.into(), row(stamp, rows), live);
        };
        block(&mut found, 9, &[("a", Some("new")), ("d", Some("new"))], false);
        block(&mut found, 4, &[("a", Some("old")), ("b", Some("gone")), ("d", Some("old"))], true);
        block(&mut found, 4, &[("f", Some("kept")), ("g", Some("old"))], true);
        found.take(b"single".to_vec(), b"of an earlier format".to_vec(), true);
        found.take(FOLDED.to_vec(), 7_u64.to_be_bytes().to_vec(), true);
        found.take(FOLDED.to_vec(), 5_u64.to_be_bytes().to_vec(), false);
        found.take(key(7).to_vec(), row(12, &[("c", Some("folded before"))]), true);
        found.take(key(8).to_vec(), row(9, &[("d", Some("over by the block of its stamp"))]), true);
        found.take(key(9).to_vec(), row(10, &[("c", Some("changed")), ("g", None)]), true);
        found.take(key(300).to_vec(), row(10, &[("c", Some("changed again"))]), true);

        let values: Vec<(String, String)> = found
            .into_values()
            .into_iter()
            .map(|(key, value)| (String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap()))
            .collect();
        let expected = [
            ("a", "new"),
            ("c", "changed again"),
            ("d", "new"),
            ("f", "kept"),
            ("single", "of an earlier format"),
        ];
        assert_eq!(values, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
