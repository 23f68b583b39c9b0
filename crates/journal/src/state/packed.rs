//! Keys and values in one row of the table.

use std::cmp::Ordering;

use bytes::Bytes;

/// A key and what stands under it from now on; `None` for nothing.
pub(crate) type Change = (Bytes, Option<Bytes>);

/// The same, lying in a row of the table.
pub(crate) type Row<'a> = (&'a [u8], Option<&'a [u8]>);

/// What a row of the table says.
#[derive(Debug)]
pub(crate) struct Packed<'a> {
    /// Grows from commit to commit, so that a salvage can tell what is newer.
    pub(crate) stamp: u64,
    pub(crate) rows: Vec<Row<'a>>,
}

impl<'a> Packed<'a> {
    /// What [`written`] wrote; `None` when it is something else.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (stamp, mut rest) = bytes.split_first_chunk()?;
        let mut rows = Vec::with_capacity(rest.len() / USUAL_ROW_BYTES);
        while !rest.is_empty() {
            rows.push(row(&mut rest)?);
        }
        Some(Self { stamp: u64::from_le_bytes(*stamp), rows })
    }

    /// What stands under `key` in what [`written`] wrote by the order of keys; `None` when it is something else.
    pub(crate) fn find(bytes: &'a [u8], key: &[u8]) -> Option<Option<&'a [u8]>> {
        let (_stamp, mut rest) = bytes.split_first_chunk::<8>()?;
        while !rest.is_empty() {
            let (at, value) = row(&mut rest)?;
            match at.cmp(key) {
                Ordering::Less => {}
                Ordering::Equal => return Some(value),
                Ordering::Greater => break,
            }
        }
        Some(None)
    }
}

fn row<'a>(rest: &mut &'a [u8]) -> Option<Row<'a>> {
    Some((text(rest)??, text(rest)?))
}

/// The stamp in eight bytes, least first, then each key and value behind its length: in one byte, or in four, least
/// first, behind the byte `fe`; `ff` stands for no value.
pub(crate) fn written<'a>(stamp: u64, rows: impl Iterator<Item = Row<'a>> + Clone) -> Vec<u8> {
    let mut written = Vec::with_capacity(8 + rows.clone().map(size).sum::<usize>());
    written.extend_from_slice(&stamp.to_le_bytes());
    for (key, value) in rows {
        for text in [Some(key), value] {
            let Some(text) = text else {
                written.push(NOTHING);
                continue;
            };
            match u8::try_from(text.len()) {
                Ok(length) if length < LONG => written.push(length),
                _ => {
                    written.push(LONG);
                    // a record has fewer bytes
                    written.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                }
            }
            written.extend_from_slice(text);
        }
    }
    written
}

/// How many bytes a row takes.
pub(crate) fn size((key, value): Row<'_>) -> usize {
    let text = |text: &[u8]| text.len() + if text.len() < usize::from(LONG) { 1 } else { 5 };
    text(key) + value.map_or(1, text)
}

/// One text; what it holds is `None` for no value.
fn text<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = match *rest.split_off_first()? {
        NOTHING => return Some(None),
        LONG => {
            let (length, behind) = rest.split_first_chunk()?;
            *rest = behind;
            u32::from_le_bytes(*length).try_into().ok().filter(|length| *length >= usize::from(LONG))?
        }
        length => usize::from(length),
    };
    rest.split_off(..length).map(Some)
}

const LONG: u8 = 0xfe;
const NOTHING: u8 = 0xff;

/// What a row seldom falls below.
const USUAL_ROW_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn again(packed: &Packed<'_>) -> Vec<u8> {
        written(packed.stamp, packed.rows.iter().copied())
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(
            stamp: u64,
            rows in vec((vec(any::<u8>(), 0..300), option::of(vec(any::<u8>(), 0..300))), 0..9)
        ) {
            let rows: Vec<Row<'_>> = rows.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
            let bytes = written(stamp, rows.iter().copied());
            prop_assert_eq!(bytes.len(), 8 + rows.iter().copied().map(size).sum::<usize>());
            let packed = Packed::read(&bytes).unwrap();
            prop_assert_eq!((packed.stamp, packed.rows), (stamp, rows));
            for end in 8..bytes.len() {
                let cut = Packed::read(&bytes[..end]);
                prop_assert!(cut.is_none_or(|cut| again(&cut) == bytes[..end]));
            }
        }

        #[test]
        fn a_value_is_found_under_its_key(
            rows in btree_map(vec(0..3_u8, 0..4), vec(any::<u8>(), 0..3), 0..30),
            key in vec(0..3_u8, 0..4)
        ) {
            let bytes = written(7, rows.iter().map(|(key, value)| (&key[..], Some(&value[..]))));
            prop_assert_eq!(Packed::find(&bytes, &key), Some(rows.get(&key).map(|value| &value[..])));
        }

        #[test]
        fn anything_else_is_nothing(bytes in vec(prop_oneof![0..4_u8, 0xfc..=0xff_u8], 0..40)) {
            if let Some(packed) = Packed::read(&bytes) {
                prop_assert_eq!(again(&packed), bytes);
            } else {
                prop_assert_eq!(Packed::find(&bytes, &[0xff; 64]), None);
            }
        }
    }
}
