//! What stands on a page: cells, and the rows, cursors and state in them, each proven by its checksum.
//!
//! Source: SQLite, "Database File Format", 1.6 and 2.1.

use crate::ledger::{Cursor, Mark, blank};
use crate::pages::{PAGE, Pages, half, word};
use crate::record::{cursor_crc, lost_crc, row_crc, state_crc};
use crate::{Log, MAX_RECORD_BYTES};

/// A row that matches its checksum.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) log: Log,
    pub(crate) mark: Mark,
    pub(crate) kind: u8,
    pub(crate) at: i64,
    pub(crate) crc: i64,
    pub(crate) org: Vec<u8>,
    pub(crate) peer: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// An earlier salvage put it where a row was lost.
    pub(crate) lost: bool,
}

/// Kinds of b-tree pages.
pub(crate) const TABLE_LEAF: u8 = 0x0d;
pub(crate) const TABLE_INNER: u8 = 0x05;
pub(crate) const INDEX_LEAF: u8 = 0x0a;
pub(crate) const INDEX_INNER: u8 = 0x02;

/// Places of the cells, when the header and every place can be right.
pub(crate) fn places(page: &[u8], start: usize) -> Option<Vec<usize>> {
    let head = match page[start] {
        TABLE_LEAF | INDEX_LEAF => 8,
        TABLE_INNER | INDEX_INNER => 12,
        _ => return None,
    };
    let count = half(page, start + 3);
    let array = start + head;
    let end = array + 2 * count;
    if end > PAGE {
        return None;
    }
    let places: Vec<usize> = (0..count).map(|index| half(page, array + 2 * index)).collect();
    places.iter().all(|place| (end..=PAGE - 4).contains(place)).then_some(places)
}

/// Whether the cells of a page, its free blocks and its fragments make up all of it: a flipped bit in a count, a
/// place or a length does not pass.
pub(crate) fn is_sound(page: &[u8], start: usize) -> bool {
    let Some(places) = places(page, start) else { return false };
    let mut spans: Vec<(usize, usize)> = Vec::with_capacity(places.len());
    for place in places {
        let Some(length) = length(page, page[start], place) else { return false };
        spans.push((place, place + length.max(4)));
    }
    let mut free = half(page, start + 1);
    while free != 0 {
        let length = half(page, free + 2);
        if free + 4 > PAGE || length < 4 || spans.len() > PAGE {
            return false;
        }
        spans.push((free, free + length));
        let next = half(page, free);
        if next != 0 && next <= free {
            return false;
        }
        free = next;
    }
    spans.sort_unstable();
    let content = match half(page, start + 5) {
        0 => 65_536,
        content => content,
    };
    let covered: usize = spans.iter().map(|(from, to)| to - from).sum();
    let apart = spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    let inside = spans.first().is_none_or(|(from, _)| *from >= content)
        && spans.last().is_none_or(|(_, to)| *to <= PAGE);
    apart && inside && content <= PAGE && covered + usize::from(page[start + 7]) == PAGE - content
}

/// Bytes of the cell at `place`.
fn length(page: &[u8], kind: u8, place: usize) -> Option<usize> {
    let mut at = place;
    if matches!(kind, TABLE_INNER | INDEX_INNER) {
        at += 4;
    }
    let (first, taken) = varint(page.get(at..)?)?;
    at += taken;
    if kind == TABLE_INNER {
        return Some(at - place);
    }
    if kind == TABLE_LEAF {
        at += varint(page.get(at..)?)?.1;
    }
    let payload = usize::try_from(first).ok()?;
    let (local, spills) = local(payload, kind == TABLE_LEAF);
    at += local + if spills { 4 } else { 0 };
    (at <= PAGE).then_some(at - place)
}

/// Bytes of a payload that stand on its page, and whether more stand elsewhere.
fn local(payload: usize, table: bool) -> (usize, bool) {
    let most = if table { PAGE - 35 } else { (PAGE - 12) * 64 / 255 - 23 };
    let least = (PAGE - 12) * 32 / 255 - 23;
    if payload <= most {
        return (payload, false);
    }
    let kept = least + (payload - least) % (PAGE - 4);
    (if kept <= most { kept } else { least }, true)
}

/// A number as SQLite packs it, and the bytes it took.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for index in 0..9 {
        let byte = *bytes.get(index)?;
        if index == 8 {
            return Some((value << 8 | u64::from(byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// The payload that begins at `at`, its length known, gathered over its overflow pages.
fn payload(pages: &Pages, page: &[u8], at: usize, length: usize, table: bool) -> Option<Vec<u8>> {
    let (here, spills) = local(length, table);
    let mut bytes = page.get(at..at + here)?.to_vec();
    let mut next = if spills { word(page.get(at + here..at + here + 4)?, 0) } else { 0 };
    while bytes.len() < length {
        let more = pages.page(next)?;
        let rest = (length - bytes.len()).min(PAGE - 4);
        bytes.extend_from_slice(&more[4..4 + rest]);
        next = word(&more, 0);
    }
    Some(bytes)
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Number(i64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// The columns of a record; `None` when it is none, or none of so many.
pub(crate) fn columns<const N: usize>(record: &[u8]) -> Option<[Value<'_>; N]> {
    let (head, mut at) = varint(record)?;
    let head = usize::try_from(head).ok().filter(|head| *head <= record.len())?;
    let mut body = head;
    let mut found = [Value::Null; N];
    for column in &mut found {
        let (kind, taken) = varint(record.get(at..head)?)?;
        at += taken;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 => 8,
            12.. => usize::try_from((kind - 12) / 2).ok()?,
            _ => return None,
        };
        let bytes = record.get(body..body.checked_add(length)?)?;
        body += length;
        *column = match kind {
            0 => Value::Null,
            8 => Value::Number(0),
            9 => Value::Number(1),
            1..=6 => {
                let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
                Value::Number(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
            }
            kind if kind % 2 == 0 => Value::Blob(bytes),
            _ => Value::Text(bytes),
        };
    }
    (at == head && body == record.len()).then_some(found)
}

/// The record in the table cell at `at`.
pub(crate) fn table_record(pages: &Pages, page: &[u8], at: usize) -> Option<Vec<u8>> {
    let (length, taken) = varint(page.get(at..)?)?;
    let (_, more) = varint(page.get(at + taken..)?)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= MOST)?;
    payload(pages, page, at + taken + more, length, true)
}

/// The row in the cell at `at`, when there is one that proves itself.
pub(crate) fn row(pages: &Pages, page: &[u8], at: usize) -> Option<Found> {
    let (length, taken) = varint(page.get(at..)?)?;
    let length = usize::try_from(length).ok()?;
    let (position, more) = varint(page.get(at + taken..)?)?;
    let begin = at + taken + more;
    // nine bytes of header at least, the first column always NULL
    let head = usize::from(*page.get(begin)?);
    if !(9..=24).contains(&head) || *page.get(begin + 1)? != 0 || length < head || length > MOST {
        return None;
    }
    let record = payload(pages, page, begin, length, true)?;
    let [
        Value::Null,
        Value::Number(kind),
        Value::Number(at),
        Value::Number(upto),
        Value::Number(crc),
        Value::Text(org),
        Value::Text(peer),
        Value::Blob(body),
    ] = columns::<8>(&record)?
    else {
        return None;
    };
    let kind = u8::try_from(kind).ok()?;
    let mark = Mark { position: i64::try_from(position).ok().filter(|position| *position > 0)?, upto };
    Log::ALL.into_iter().find_map(|log| {
        let lost =
            kind == 0 && length_is_zero([org, peer, body]) && i64::from(lost_crc(log, mark, at)) == crc;
        let whole = lost || i64::from(row_crc(log, mark, kind, at, [org, peer], body)) == crc;
        whole.then(|| Found {
            log,
            mark,
            kind,
            at,
            crc,
            org: org.to_vec(),
            peer: peer.to_vec(),
            body: body.to_vec(),
            lost,
        })
    })
}

fn length_is_zero(texts: [&[u8]; 3]) -> bool {
    texts.iter().all(|text| text.is_empty())
}

/// The cursor in the cell whose length stands at `at`.
pub(crate) fn cursor(pages: &Pages, page: &[u8], at: usize) -> Option<Cursor> {
    let (record, _) = keyed(pages, page, at, 4096)?;
    let [
        Value::Text(name),
        Value::Number(log @ 0..=1),
        Value::Number(position),
        Value::Number(upto),
        max_bytes,
        max_age,
        Value::Number(lost_records),
        Value::Number(lost_bytes),
        Value::Number(seen),
        Value::Number(crc),
    ] = columns::<10>(&record)?
    else {
        return None;
    };
    let optional = |value: Value<'_>| match value {
        Value::Number(number) => Some(Some(number)),
        Value::Null => Some(None),
        _ => None,
    };
    let log = if log == 0 { Log::Inbox } else { Log::Outbox };
    let cursor = Cursor {
        mark: Mark { position, upto },
        max_bytes: optional(max_bytes)?,
        max_age: optional(max_age)?,
        lost_records,
        lost_bytes,
        seen,
        ..blank(str::from_utf8(name).ok()?, log)
    };
    (i64::from(cursor_crc(&cursor)) == crc).then_some(cursor)
}

/// The state in the cell whose length stands at `at`.
pub(crate) fn state(pages: &Pages, page: &[u8], at: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let (record, _) = keyed(pages, page, at, MOST)?;
    let [Value::Blob(key), Value::Number(crc), Value::Blob(value)] = columns::<3>(&record)? else {
        return None;
    };
    (i64::from(state_crc(key, value)) == crc).then(|| (key.to_vec(), value.to_vec()))
}

fn keyed(pages: &Pages, page: &[u8], at: usize, most: usize) -> Option<(Vec<u8>, usize)> {
    let (length, taken) = varint(page.get(at..)?)?;
    let length = usize::try_from(length).ok().filter(|length| (4..=most).contains(length))?;
    let head = usize::from(*page.get(at + taken)?);
    if !(4..=24).contains(&head) {
        return None;
    }
    payload(pages, page, at + taken, length, false).map(|record| (record, taken))
}

/// Longest payload: the largest record and its numbers.
const MOST: usize = MAX_RECORD_BYTES as usize + 128;
