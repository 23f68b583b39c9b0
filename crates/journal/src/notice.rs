//! What the journal has to say by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

use crate::retain::Loss;
use crate::{Log, Position};

/// Something an operator has to know. Several of a kind are told as one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A cursor lost its oldest rows to its bounds.
    GaveUp {
        /// Its name.
        cursor: String,
        /// Rows lost since the last notice.
        records: u64,
        /// Their bytes.
        bytes: u64,
        /// All of them lie at or after this,
        from: Position,
        /// and at or before this.
        to: Position,
    },
    /// What is not history fills more than four fifths of the space.
    NearBound {
        /// Bytes that are not history.
        used: u64,
        /// Bytes there are, without the reserve.
        max: u64,
    },
    /// It fills less than seven tenths again.
    BelowBound,
    /// An append was refused, or would be.
    Full(FullReason),
    /// What was refused would now fit.
    NotFull,
    /// Rows that do not match their checksum, or cannot be read, were met by a reader.
    Damaged {
        /// The log they are in.
        log: Log,
        /// How many since the last notice.
        rows: u64,
        /// The last one met.
        position: Position,
    },
}

/// Why appends are refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FullReason {
    /// The journal's own bound is reached and nothing may be given up.
    Bound,
    /// The file system has too little left, or a quota or a limit of file sizes is reached.
    Disk,
    /// The file system or the file takes no writes.
    ReadOnly,
    /// Another program holds the database.
    Busy,
}

/// Notices in the order of importance, each change once.
///
/// Bounded: it holds totals, not a queue; what happens between two calls of [`next`](Self::next) is told as
/// one.
#[derive(Debug)]
pub struct Notices {
    now: watch::Receiver<Said>,
    told: Said,
}

impl Notices {
    pub(crate) fn new(now: watch::Receiver<Said>) -> Self {
        Self { now, told: Said::default() }
    }

    /// Waits until there is something to say; `None` when the journal is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Vec<Notice>> {
        loop {
            let notices = self.take();
            if !notices.is_empty() {
                return Some(notices);
            }
            self.now.changed().await.ok()?;
        }
    }

    /// What there is to say now, without waiting; often nothing.
    pub fn take(&mut self) -> Vec<Notice> {
        let said = self.now.borrow_and_update().clone();
        let notices = said.since(&self.told);
        self.told = said;
        notices
    }
}

/// Everything said since the journal was opened, as totals.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Said {
    lost: BTreeMap<Arc<str>, Lost>,
    pub(crate) full: Option<FullReason>,
    pub(crate) near: Option<(u64, u64)>,
    damaged: [Damage; 2],
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Lost {
    records: u64,
    bytes: u64,
    first: u64,
    last: u64,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Damage {
    rows: u64,
    last: u64,
    /// Ends of what was met, so that a row is counted once however many readers meet it.
    known: BTreeSet<u64>,
}

impl Said {
    pub(crate) fn lose(&mut self, loss: &Loss) {
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        if self.lost.len() >= REMEMBERED {
            self.lost.pop_first();
        }
        let lost = self
            .lost
            .entry(loss.cursor.as_str().into())
            .or_insert_with(|| Lost { first: number(loss.from), ..Lost::default() });
        lost.records += number(loss.records);
        lost.bytes += number(loss.bytes);
        lost.last = number(loss.to);
    }

    /// Whether these rows were not known yet.
    pub(crate) fn damage(&mut self, log: Log, from: Position, to: Position) -> bool {
        let damage = &mut self.damaged[log.index()];
        let new = damage.known.insert(to.number());
        if new {
            damage.rows += to.number().saturating_sub(from.number()) + 1;
            damage.last = to.number();
            if damage.known.len() > REMEMBERED {
                damage.known.pop_first();
            }
        }
        new
    }

    fn since(&self, told: &Self) -> Vec<Notice> {
        let mut notices = Vec::new();
        if self.full != told.full {
            notices.push(self.full.map_or(Notice::NotFull, Notice::Full));
        }
        match (self.near, told.near) {
            (Some((used, max)), None) => notices.push(Notice::NearBound { used, max }),
            (None, Some(_)) => notices.push(Notice::BelowBound),
            _ => {}
        }
        for (cursor, lost) in &self.lost {
            let before = told.lost.get(cursor);
            let (records, bytes) = before.map_or((0, 0), |before| (before.records, before.bytes));
            if lost.records > records {
                notices.push(Notice::GaveUp {
                    cursor: cursor.to_string(),
                    records: lost.records - records,
                    bytes: lost.bytes - bytes,
                    from: Position::new(before.map_or(lost.first, |before| before.last + 1)),
                    to: Position::new(lost.last),
                });
            }
        }
        for log in Log::ALL {
            let (now, before) = (&self.damaged[log.index()], &told.damaged[log.index()]);
            if now.rows > before.rows {
                notices.push(Notice::Damaged {
                    log,
                    rows: now.rows - before.rows,
                    position: Position::new(now.last),
                });
            }
        }
        notices
    }
}

/// Names and positions remembered at most; above the number of cursors a journal keeps.
const REMEMBERED: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(cursor: &str, from: i64, to: i64) -> Loss {
        Loss { cursor: cursor.into(), records: to - from + 1, bytes: 10, from, to }
    }

    #[test]
    fn losses_between_two_looks_are_told_as_one() {
        let mut said = Said::default();
        let told = said.clone();
        said.lose(&loss("a", 3, 5));
        said.lose(&loss("a", 6, 6));

        let notices = said.since(&told);

        let expect = Notice::GaveUp {
            cursor: "a".into(),
            records: 4,
            bytes: 20,
            from: Position::new(3),
            to: Position::new(6),
        };
        assert_eq!(notices, [expect]);
        assert_eq!(said.since(&said.clone()), []);
    }

    #[test]
    fn a_damaged_row_is_counted_once_however_often_it_is_met() {
        let mut said = Said::default();

        assert!(said.damage(Log::Inbox, Position::new(4), Position::new(5)));
        assert!(!said.damage(Log::Inbox, Position::new(4), Position::new(5)));
        assert!(said.damage(Log::Outbox, Position::new(5), Position::new(5)));

        let rows = |log, rows| Notice::Damaged { log, rows, position: Position::new(5) };
        assert_eq!(said.since(&Said::default()), [rows(Log::Inbox, 2), rows(Log::Outbox, 1)]);
    }

    #[test]
    fn the_ends_of_full_and_near_are_told() {
        let full = Said { full: Some(FullReason::Disk), near: Some((9, 10)), ..Said::default() };

        let begins = full.since(&Said::default());
        let ends = Said::default().since(&full);

        assert_eq!(begins, [Notice::Full(FullReason::Disk), Notice::NearBound { used: 9, max: 10 }]);
        assert_eq!(ends, [Notice::NotFull, Notice::BelowBound]);
    }
}
