//! What the writer is asked for, and how each kind of it is done inside a transaction.

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::journal::Bounds;
use crate::ledger::{Inserts, Ledger};
use crate::schema::PAGE_BYTES;
use crate::state::{OWN, blocks, is_put_off};
use crate::{
    AppendError, Commit, CursorError, CursorSpec, Halted, Log, MAX_RECORD_BYTES, Position, Priority, Record,
};

/// Something for the writer to do.
#[derive(Debug)]
pub(crate) enum Work {
    Append {
        record: Record,
        priority: Priority,
        answer: Answer<AppendError>,
    },
    Commit {
        commit: Arc<Commit>,
        answer: Answer<CursorError>,
    },
    Advance {
        cursor: String,
        to: Position,
        answer: Answer<CursorError>,
    },
    Register {
        cursor: String,
        spec: CursorSpec,
        answer: Answer<CursorError>,
    },
    Forget {
        cursor: String,
        answer: Answer<CursorError>,
    },
    Release {
        cursor: String,
        answer: Answer<CursorError>,
    },
    Tick,
    /// Only to be answered: whoever asks wants to know whether the writer comes by.
    Look(oneshot::Sender<()>),
    Close(oneshot::Sender<Result<(), Halted>>),
}

/// Who waits, and what will be said once the transaction is committed.
#[derive(Debug)]
pub(crate) struct Answer<E> {
    to: oneshot::Sender<Result<Position, E>>,
    pub(crate) verdict: Result<Position, E>,
}

impl<E: From<AppendError>> Answer<E> {
    pub(crate) fn new(to: oneshot::Sender<Result<Position, E>>) -> Self {
        Self { to, verdict: Err(AppendError::Full.into()) }
    }

    pub(crate) fn send(self) {
        // Who no longer waits is not told; the entry stands.
        let _gone = self.to.send(self.verdict);
    }
}

impl Work {
    /// Bytes it brings, for the bound of a turn.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self::Append { record, .. } => record.weight(),
            Self::Commit { commit, .. } => commit.weight(),
            _ => 0,
        }
    }

    pub(crate) fn writes(&self) -> bool {
        !matches!(self, Self::Tick | Self::Look(_) | Self::Close(_))
    }

    /// Says no, whatever was decided before.
    pub(crate) fn refuse(&mut self, why: AppendError) {
        match self {
            Self::Append { answer, .. } => answer.verdict = Err(why),
            Self::Commit { answer, .. }
            | Self::Advance { answer, .. }
            | Self::Register { answer, .. }
            | Self::Forget { answer, .. }
            | Self::Release { answer, .. } => answer.verdict = Err(why.into()),
            Self::Tick | Self::Look(_) | Self::Close(_) => {}
        }
    }

    pub(crate) fn answer(self) {
        match self {
            Self::Append { answer, .. } => answer.send(),
            Self::Commit { answer, .. }
            | Self::Advance { answer, .. }
            | Self::Register { answer, .. }
            | Self::Forget { answer, .. }
            | Self::Release { answer, .. } => answer.send(),
            Self::Look(answer) => {
                let _gone = answer.send(());
            }
            Self::Tick | Self::Close(_) => {}
        }
    }
}

/// Does what only touches cursors.
pub(crate) fn place(
    conn: &Connection,
    ledger: &mut Ledger,
    work: &mut Work,
    now: i64,
) -> rusqlite::Result<()> {
    match work {
        Work::Advance { cursor, to, answer } => {
            answer.verdict = ledger.judge(cursor, *to).map(|(index, _)| ledger.advance(index, *to));
        }
        Work::Register { cursor, spec, answer } => {
            answer.verdict = ledger.register(conn, cursor, spec, now)?;
        }
        Work::Forget { cursor, answer } => answer.verdict = ledger.forget(conn, cursor)?,
        Work::Release { cursor, answer } => answer.verdict = ledger.release(cursor, now),
        Work::Append { .. } | Work::Commit { .. } | Work::Tick | Work::Look(_) | Work::Close(_) => {}
    }
    Ok(())
}

/// What an entry needs, or why it is not even tried.
pub(crate) fn need_of(work: &Work, growth: bool, low_disk: bool) -> Result<i64, AppendError> {
    let bytes = work.weight();
    if bytes > MAX_RECORD_BYTES {
        return Err(AppendError::TooLarge { bytes, max: MAX_RECORD_BYTES });
    }
    let need = need(work);
    let normal = matches!(work, Work::Append { priority: Priority::Normal, .. });
    if need > 0 && !growth || normal && low_disk { Err(AppendError::Full) } else { Ok(need) }
}

/// Does what brings rows and state, as far as there is room.
pub(crate) fn fill(
    inserts: &mut Inserts<'_>,
    ledger: &mut Ledger,
    work: &mut Work,
    need: Result<i64, AppendError>,
    room: &mut i64,
    bounds: &Bounds,
) -> rusqlite::Result<()> {
    let mut fits = |most: i64| {
        let need = need?;
        if need > 0 && *room + need > most {
            return Err(AppendError::Full);
        }
        *room += need;
        Ok(())
    };
    match work {
        Work::Append { record, priority, answer } => {
            answer.verdict = match fits(bounds.room(*priority)) {
                Err(why) => Err(why),
                Ok(()) => {
                    let texts = [record.org.as_str(), record.peer.as_str()];
                    Ok(ledger.append(inserts, Log::Inbox, record.kind, record.at, texts, &record.body)?)
                }
            };
        }
        Work::Commit { commit, answer } => {
            let (cursor, to) = &commit.cursor;
            let judged = ledger.judge(cursor, *to).and_then(|(index, at)| {
                if *to < at {
                    return Err(CursorError::Passed { cursor: cursor.clone(), at });
                }
                if touches_own(commit) {
                    return Err(CursorError::OwnKey);
                }
                fits(bounds.room_for_commits())?;
                Ok(index)
            });
            answer.verdict = match judged {
                Err(why) => Err(why),
                Ok(index) => {
                    ledger.advance(index, *to);
                    Ok(write(inserts, ledger, commit)?)
                }
            };
        }
        Work::Advance { .. }
        | Work::Register { .. }
        | Work::Forget { .. }
        | Work::Release { .. }
        | Work::Tick
        | Work::Look(_)
        | Work::Close(_) => {}
    }
    Ok(())
}

/// Writes a commit's rows and state; the newest position of the outbox.
fn write(inserts: &mut Inserts<'_>, ledger: &mut Ledger, commit: &Commit) -> rusqlite::Result<Position> {
    let conn = inserts.conn;
    for alert in &commit.alerts {
        ledger.append(inserts, Log::Outbox, 0, alert.at, [""; 2], &alert.body)?;
    }
    let stamp = ledger.stamp();
    if !commit.forget.is_empty() {
        ledger.state.fold(conn, stamp)?;
    }
    for range in &commit.forget {
        blocks::forget(conn, stamp, &range.start..&range.end)?;
    }
    ledger.state.write(conn, stamp, &commit.state)?;
    Ok(Position::from_sql(ledger.ends(Log::Outbox).tail.position))
}

/// Whether a commit would touch keys that are the journal's own.
fn touches_own(commit: &Commit) -> bool {
    commit.state.iter().any(|(key, _)| &key[..] >= OWN)
        || commit.forget.iter().any(|range| range.start < range.end && &range.end[..] > OWN)
}

/// Bytes of pages that this may take.
pub(crate) fn need(work: &Work) -> i64 {
    match work {
        Work::Append { record, .. } => pages(record.weight()),
        Work::Commit { commit, .. } => {
            let alerts: i64 = commit.alerts.iter().map(|alert| pages(alert.weight())).sum();
            let state = commit.state.iter().filter_map(|(key, value)| {
                value.as_ref().map(|value| pages((key.len() + value.len()) as u64))
            });
            let times = if is_put_off(commit.state.len()) { 2 } else { 1 };
            alerts + times * state.sum::<i64>()
        }
        _ => 0,
    }
}

/// Bytes of pages that a row of this weight takes: its share of a leaf, and whole pages for what overflows.
///
/// Source: SQLite, "Database File Format", 1.6 (`U`, `X`, `M` and `K` of a table leaf).
pub(crate) fn pages(weight: u64) -> i64 {
    let weight = i64::try_from(weight).unwrap_or(i64::MAX / 2).max(1);
    let (most, least, overflow) = (PAGE_BYTES - 35, (PAGE_BYTES - 12) * 32 / 255 - 23, PAGE_BYTES - 4);
    let kept = match weight {
        weight if weight <= most => weight,
        weight => Some(least + (weight - least) % overflow).filter(|kept| *kept <= most).unwrap_or(least),
    };
    PAGE_BYTES / (most / kept) + (weight - kept + overflow - 1) / overflow * PAGE_BYTES
}
