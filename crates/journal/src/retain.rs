//! What goes, in small slices: history by age and for space, and what a cursor may no longer keep.

use rusqlite::{Connection, params};

use crate::Log;
use crate::ledger::{Cursor, Ledger};
use crate::schema::{live_bytes, sql};

/// What one turn shall bring about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The journal's clock.
    pub(crate) now: i64,
    /// Rows older than this many microseconds are no history.
    pub(crate) history: i64,
    /// Live bytes to get under, what this turn adds already taken off.
    pub(crate) target: i64,
    /// Most a cursor may hold back, whatever it was registered with.
    pub(crate) share: i64,
    /// Whether ages of cursors are looked at: a look-up each, so once a tick.
    pub(crate) ages: bool,
}

/// What one cursor gave up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Loss {
    pub(crate) cursor: String,
    pub(crate) records: i64,
    pub(crate) bytes: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// What one turn brought about.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    /// What cursors lost.
    pub(crate) losses: Vec<Loss>,
    /// Cursors that nobody registered for longer than their age bound, now gone.
    pub(crate) dropped: Vec<String>,
    /// There is more to do than one turn does.
    pub(crate) more: bool,
}

/// Whether [`retain`] would find something to do, ages of cursors apart.
pub(crate) fn due(ledger: &Ledger, used: i64, plan: &Plan) -> bool {
    let old = plan.now.saturating_sub(plan.history);
    plan.ages
        || ledger
            .cursors
            .iter()
            .any(|cursor| allowed(cursor, plan.share).is_some_and(|allowed| ledger.behind(cursor) > allowed))
        || Log::ALL
            .into_iter()
            .filter_map(|log| ledger.history(log))
            .any(|(oldest, _)| oldest.at < old || used > plan.target)
}

/// Does one turn's share of the work; `used` follows.
pub(crate) fn retain(
    conn: &Connection,
    ledger: &mut Ledger,
    used: &mut i64,
    plan: &Plan,
) -> rusqlite::Result<Retained> {
    let mut done = Retained::default();
    let mut budget = SLICE_ROWS;
    for index in 0..ledger.cursors.len() {
        done.losses.extend(give_up(conn, ledger, index, plan, &mut budget)?);
    }
    done.more |= budget == 0;
    if plan.ages {
        drop_forgotten(conn, ledger, plan.now, &mut done)?;
    }

    let old = plan.now.saturating_sub(plan.history);
    let mut trimmed = false;
    for log in Log::ALL {
        trimmed |= trim(conn, ledger, log, old)?;
        done.more |= ledger.history(log).is_some_and(|(oldest, _)| oldest.at < old);
    }
    let mut slices = 0;
    if trimmed {
        *used = live_bytes(conn)?;
    }
    while *used > plan.target && slices < SLICES {
        let oldest = Log::ALL
            .into_iter()
            .filter_map(|log| ledger.history(log).map(|(oldest, _)| (oldest.at, log)))
            .min();
        let Some((_, log)) = oldest else { break };
        trim(conn, ledger, log, i64::MAX)?;
        *used = live_bytes(conn)?;
        slices += 1;
    }
    done.more |= *used > plan.target && Log::ALL.into_iter().any(|log| ledger.history(log).is_some());
    Ok(done)
}

/// Whether some cursor's oldest, or a cursor nobody registered, has reached its age bound.
pub(crate) fn overdue(conn: &Connection, ledger: &Ledger, now: i64) -> rusqlite::Result<bool> {
    for cursor in &ledger.cursors {
        let Some(max_age) = cursor.max_age else { continue };
        let bound = now.saturating_sub(max_age);
        if !cursor.registered && cursor.seen < bound {
            return Ok(true);
        }
        if cursor.mark.position < ledger.ends(cursor.log).tail.position {
            let mut next = conn.prepare_cached(sql(cursor.log).scan)?;
            let mut rows = next.query(params![cursor.mark.position, 1])?;
            if let Some(row) = rows.next()?
                && row.get::<_, i64>(1)? < bound
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Deletes one slice of the log's history, oldest first, as far as it is older than `old`; whether there was
/// something to delete.
fn trim(conn: &Connection, ledger: &mut Ledger, log: Log, old: i64) -> rusqlite::Result<bool> {
    let Some((oldest, last)) = ledger.history(log) else { return Ok(false) };
    if oldest.at >= old {
        return Ok(false);
    }
    let mut bound = oldest.position;
    let mut scan = conn.prepare_cached(sql(log).scan)?;
    let mut rows = scan.query(params![oldest.position - 1, SLICE_ROWS])?;
    while let Some(row) = rows.next()? {
        let (position, at, upto): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if position > last || at >= old || upto.saturating_sub(oldest.upto) > SLICE_BYTES {
            break;
        }
        bound = position;
    }
    drop(rows);
    conn.prepare_cached(sql(log).delete)?.execute([bound])?;
    ledger.trimmed(conn, log)?;
    Ok(true)
}

/// Moves a cursor past what it may no longer keep.
fn give_up(
    conn: &Connection,
    ledger: &mut Ledger,
    index: usize,
    plan: &Plan,
    budget: &mut i64,
) -> rusqlite::Result<Option<Loss>> {
    let cursor = &ledger.cursors[index];
    let tail = ledger.ends(cursor.log).tail;
    let allowed = allowed(cursor, plan.share).unwrap_or(i64::MAX);
    let old = cursor.max_age.filter(|_| plan.ages).map_or(i64::MIN, |age| plan.now.saturating_sub(age));
    if cursor.mark.position >= tail.position || (ledger.behind(cursor) <= allowed && old == i64::MIN) {
        return Ok(None);
    }
    let mut mark = cursor.mark;
    let mut loss = Loss {
        cursor: cursor.name.clone(),
        records: 0,
        bytes: 0,
        from: cursor.mark.position + 1,
        to: cursor.mark.position,
    };
    let mut scan = conn.prepare_cached(sql(cursor.log).scan)?;
    let mut rows = scan.query(params![cursor.mark.position, *budget])?;
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(1)?;
        if tail.upto.saturating_sub(mark.upto) <= allowed && at >= old {
            break;
        }
        mark.position = row.get(0)?;
        mark.upto = row.get(2)?;
        loss.records += 1;
        *budget -= 1;
    }
    drop(rows);
    drop(scan);
    if loss.records == 0 {
        return Ok(None);
    }
    let cursor = &mut ledger.cursors[index];
    loss.to = mark.position;
    loss.bytes = mark.upto.saturating_sub(cursor.mark.upto).max(0);
    cursor.lost_records += loss.records;
    cursor.lost_bytes = cursor.lost_bytes.saturating_add(loss.bytes);
    cursor.mark = mark;
    cursor.dirty = true;
    Ok(Some(loss))
}

/// Drops cursors that nobody registered for longer than their age bound; what they had left is a loss.
fn drop_forgotten(
    conn: &Connection,
    ledger: &mut Ledger,
    now: i64,
    done: &mut Retained,
) -> rusqlite::Result<()> {
    let gone: Vec<Cursor> = ledger
        .cursors
        .iter()
        .filter(|cursor| !cursor.registered)
        .filter(|cursor| cursor.max_age.is_some_and(|age| cursor.seen < now.saturating_sub(age)))
        .cloned()
        .collect();
    for cursor in gone {
        let tail = ledger.ends(cursor.log).tail.position;
        if cursor.mark.position < tail {
            done.losses.push(Loss {
                records: tail - cursor.mark.position,
                bytes: ledger.behind(&cursor),
                from: cursor.mark.position + 1,
                to: tail,
                cursor: cursor.name.clone(),
            });
        }
        // It was found above; there is no other outcome.
        let _known = ledger.forget(conn, &cursor.name)?;
        done.dropped.push(cursor.name);
    }
    Ok(())
}

fn allowed(cursor: &Cursor, share: i64) -> Option<i64> {
    cursor.max_bytes.map(|bytes| bytes.min(share))
}

const SLICE_ROWS: i64 = 512;
const SLICE_BYTES: i64 = 8 << 20;
/// Slices a turn that needs space deletes at most.
const SLICES: u32 = 8;
