//! What goes in and what comes out.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ledger::{Cursor, Mark};

/// A place in a log: the id of its row, which only grows and never returns.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Position(u64);

impl Position {
    /// Before the first row.
    pub const ZERO: Self = Self(0);

    /// The place with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn from_sql(id: i64) -> Self {
        Self(u64::try_from(id).unwrap_or(0))
    }

    pub(crate) fn sql(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of the two logs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// What came in.
    Inbox,
    /// What has to go out.
    Outbox,
}

impl Log {
    /// Both, in the order the data meets them.
    pub const ALL: [Self; 2] = [Self::Inbox, Self::Outbox];

    /// Its name: `inbox` or `outbox`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Outbox => "outbox",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One entry for the inbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// What the body is; the caller's numbering.
    pub kind: u8,
    /// When it came, microseconds since 1970, UTC.
    pub at: i64,
    /// Organisation it is for, as configured; may be empty.
    pub org: String,
    /// Who sent it; may be empty.
    pub peer: String,
    /// The bytes, unchanged.
    pub body: Bytes,
}

impl Record {
    pub(crate) fn weight(&self) -> u64 {
        (self.org.len() + self.peer.len() + self.body.len()) as u64 + ROW_BYTES
    }
}

/// Which part of the space an append may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Priority {
    /// All but the reserve.
    Normal,
    /// The reserve too: for what the relay says itself.
    Own,
}

/// One row for the outbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutRecord {
    /// When it was made, microseconds since 1970, UTC.
    pub at: i64,
    /// The bytes, unchanged.
    pub body: Bytes,
}

impl OutRecord {
    pub(crate) fn weight(&self) -> u64 {
        self.body.len() as u64 + ROW_BYTES
    }
}

/// What came of interpreting entries: all of it becomes durable together, or none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Commit {
    /// Rows for the outbox, in order.
    pub alerts: Vec<OutRecord>,
    /// Ranges of state keys to remove, end excluded; done before `state`. The caller keeps them small: all
    /// keys of one commit are removed in one turn.
    pub forget: Vec<Range<Vec<u8>>>,
    /// State to set, or with `None` to remove. Keys that begin with `ff` are the journal's own.
    pub state: Vec<(Bytes, Option<Bytes>)>,
    /// The cursor that moves, and where to: the last entry this accounts for.
    pub cursor: (String, Position),
}

impl Commit {
    pub(crate) fn weight(&self) -> u64 {
        let alerts: u64 = self.alerts.iter().map(OutRecord::weight).sum();
        let state: usize = self
            .state
            .iter()
            .filter_map(|(key, value)| value.as_ref().map(|value| key.len() + value.len()))
            .sum();
        alerts + state as u64
    }
}

/// What a cursor is and how far it may fall behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CursorSpec {
    /// The log it reads.
    pub log: Log,
    /// Where it starts when it is new; a known cursor goes on from where it was.
    pub start: Start,
    /// Bytes it may be behind before it loses its oldest; `None` never loses. The journal holds it to half
    /// of the space that is not reserved, since more could not be kept beside the other log.
    pub max_bytes: Option<u64>,
    /// Age its oldest may reach before it is lost; `None` never loses. A cursor that nobody registers is
    /// dropped after the same time.
    pub max_age: Option<Duration>,
}

/// Where a new cursor starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// After the newest row.
    Now,
    /// Before the oldest row that is kept.
    Oldest,
}

/// One row of a log, as it was appended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Its place.
    pub position: Position,
    /// As in [`Record::kind`]; 0 in the outbox.
    pub kind: u8,
    /// As in [`Record::at`].
    pub at: i64,
    /// As in [`Record::org`]; empty in the outbox.
    pub org: String,
    /// As in [`Record::peer`]; empty in the outbox.
    pub peer: String,
    /// The bytes, unchanged.
    pub body: Bytes,
}

/// What a reader yields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entry {
    /// A row that matches its checksum.
    Row(Row),
    /// Rows that do not, or that cannot be read at all.
    Damaged {
        /// The first of them.
        from: Position,
        /// The last of them.
        to: Position,
    },
}

impl Entry {
    /// The last position it accounts for: where a cursor goes after it.
    #[must_use]
    pub const fn position(&self) -> Position {
        match self {
            Self::Row(row) => row.position,
            Self::Damaged { to, .. } => *to,
        }
    }
}

/// CRC-32 (IEEE) over everything a row says, and over where it stands, so that a row that is found anywhere in a
/// file proves itself; lengths go in so that no two rows share their bytes.
pub(crate) fn row_crc(log: Log, mark: Mark, kind: u8, at: i64, [org, peer]: [&[u8]; 2], body: &[u8]) -> u32 {
    let mut head = [0; 34];
    head[0] = kind;
    head[1..9].copy_from_slice(&at.to_le_bytes());
    head[9..13].copy_from_slice(&(org.len() as u32).to_le_bytes());
    head[13..17].copy_from_slice(&(peer.len() as u32).to_le_bytes());
    head[17] = log.index() as u8;
    head[18..26].copy_from_slice(&mark.position.to_le_bytes());
    head[26..].copy_from_slice(&mark.upto.to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head);
    crc.update(org);
    crc.update(peer);
    crc.update(body);
    crc.finalize()
}

/// The checksum of a row in format 1: without its place.
pub(crate) fn row_crc_1(kind: u8, at: i64, [org, peer]: [&[u8]; 2], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(&at.to_le_bytes());
    crc.update(&(org.len() as u32).to_le_bytes());
    crc.update(&(peer.len() as u32).to_le_bytes());
    crc.update(org);
    crc.update(peer);
    crc.update(body);
    crc.finalize()
}

/// CRC-32 (IEEE) over a state key and its value.
pub(crate) fn state_crc(key: &[u8], value: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&(key.len() as u32).to_le_bytes());
    crc.update(key);
    crc.update(value);
    crc.finalize()
}

/// CRC-32 (IEEE) over everything a cursor says.
pub(crate) fn cursor_crc(cursor: &Cursor) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(cursor.name.as_bytes());
    let bound = |bound: Option<i64>| [i64::from(bound.is_some()), bound.unwrap_or(0)];
    let ([bytes, max_bytes], [age, max_age]) = (bound(cursor.max_bytes), bound(cursor.max_age));
    for number in [
        cursor.log.index() as i64,
        cursor.mark.position,
        cursor.mark.upto,
        bytes,
        max_bytes,
        age,
        max_age,
        cursor.lost_records,
        cursor.lost_bytes,
        cursor.seen,
    ] {
        crc.update(&number.to_le_bytes());
    }
    crc.finalize()
}

/// The checksum of a row whose place is known and nothing else: it was lost, and that is known.
pub(crate) fn lost_crc(log: Log, mark: Mark, at: i64) -> u32 {
    !row_crc(log, mark, 0, at, [b"", b""], b"")
}

/// What a row counts besides its texts and body, in bytes: ids, times, checksum, SQLite's own.
pub const ROW_BYTES: u64 = 48;

/// Largest record, commit or state the journal takes, in bytes.
pub const MAX_RECORD_BYTES: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_row_changes_its_checksum() {
        let mark = |position, upto| Mark { position, upto };
        let at = mark(3, 4);
        let crc = row_crc(Log::Inbox, at, 1, 2, [b"org", b"peer"], b"body");
        for other in [
            row_crc(Log::Outbox, at, 1, 2, [b"org", b"peer"], b"body"),
            row_crc(Log::Inbox, mark(4, 4), 1, 2, [b"org", b"peer"], b"body"),
            row_crc(Log::Inbox, mark(3, 5), 1, 2, [b"org", b"peer"], b"body"),
            row_crc(Log::Inbox, at, 2, 2, [b"org", b"peer"], b"body"),
            row_crc(Log::Inbox, at, 1, 3, [b"org", b"peer"], b"body"),
            row_crc(Log::Inbox, at, 1, 2, [b"orgp", b"eer"], b"body"),
            row_crc(Log::Inbox, at, 1, 2, [b"org", b"peerb"], b"ody"),
            row_crc(Log::Inbox, at, 1, 2, [b"org", b"peer"], b"bodY"),
        ] {
            assert_ne!(crc, other);
        }
    }

    #[test]
    fn a_position_reads_as_its_number() {
        assert_eq!(serde_json::to_string(&Position::new(7)).unwrap(), "7");
        assert_eq!(Position::new(7).to_string(), "7");
        assert_eq!(serde_json::to_string(&Log::Inbox).unwrap(), "\"inbox\"");
    }
}
