//! A damaged journal made whole again: everything that proves itself goes into a new file, the damaged one is set
//! aside.
//!
//! Nothing of the structure is trusted. Every page, of the file and of the write-ahead log, is looked through for
//! rows, cursors and state that match their checksums; a page whose structure does not hold is looked through byte
//! by byte. Where a row is missing between others, its place is kept, so that positions stay what they were.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Statement, params};

use crate::cells::{self, Found, INDEX_INNER, INDEX_LEAF, TABLE_LEAF};
use crate::ledger::{Cursor, LOST_CURSORS, Ledger, Mark, blank};
use crate::pages::{PAGE, Pages};
use crate::record::lost_crc;
use crate::schema::{self, PAGE_BYTES};
use crate::state::{blocks, found::Found as State};
use crate::{Log, OpenError, damaged, files};

/// What came of a damaged journal when it was opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Salvaged {
    /// What was damaged.
    pub why: String,
    /// Where the damaged file is now, its write-ahead log beside it.
    pub kept: PathBuf,
    /// Older damaged files that were removed for it.
    pub removed: Vec<PathBuf>,
    /// Rows of the inbox and of the outbox that were whole.
    pub saved: [u64; 2],
    /// Rows of each that were not, by the places they left.
    pub lost: [u64; 2],
    /// Cursors that were whole.
    pub cursors: u64,
    /// Cursors may be missing: one that is registered now and not known starts at the oldest row.
    pub cursors_lost: bool,
    /// State values that were whole.
    pub state: u64,
    /// How long it took.
    pub took: Duration,
}

/// Salvages the journal at `path`, or goes on with what a crash left of that.
pub(crate) fn run(path: &Path, why: String) -> Result<Salvaged, OpenError> {
    let started = Instant::now();
    let failed = |source| OpenError::Salvage { path: path.to_owned(), source };
    let kept = damaged::set_aside(path).map_err(failed)?;
    let pages = Pages::open(&kept).map_err(failed)?;
    let whole = files::beside(path, ".salvaged");
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let _none = std::fs::remove_file(files::beside(&whole, suffix));
    }
    files::create(&whole).map_err(failed)?;
    let mut salvaged =
        build(&pages, &whole).map_err(|source| OpenError::Sqlite { path: whole.clone(), source })?;
    damaged::replace(&whole, path).map_err(failed)?;
    // What cannot be removed is in nobody's way.
    salvaged.removed = damaged::prune(path).unwrap_or_default();
    Ok(Salvaged { why, kept, took: started.elapsed(), ..salvaged })
}

/// Whether an earlier start, or a relay that met damage, left a salvage to do.
pub(crate) fn is_due(path: &Path) -> Result<bool, OpenError> {
    let due =
        damaged::requested(path).map_err(|source| OpenError::Salvage { path: path.to_owned(), source })?;
    Ok(due.is_some())
}

/// Where a row was found.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    position: i64,
    /// On a page as it is now, and named there as a cell.
    live: bool,
    /// Frame of the log and 1; 0 is the file.
    version: u32,
    page: u32,
    at: u16,
}

/// Everything in both files that proves itself.
#[derive(Default)]
struct Finds {
    rows: [Vec<Place>; 2],
    cursors: BTreeMap<String, Cursor>,
    cursors_lost: bool,
    state: State,
}

fn build(pages: &Pages, whole: &Path) -> rusqlite::Result<Salvaged> {
    let mut finds = find(pages);
    let state = std::mem::take(&mut finds.state).into_values();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut conn = Connection::open_with_flags(whole, flags)?;
    conn.pragma_update(None, "page_size", PAGE_BYTES)?;
    // Nobody relies on it before it is synced and renamed.
    conn.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "off")?;
    schema::migrate(&mut conn, 0)?;
    let tx = conn.transaction()?;
    let mut salvaged = Salvaged {
        why: String::new(),
        kept: PathBuf::new(),
        removed: Vec::new(),
        saved: [0; 2],
        lost: [0; 2],
        cursors: finds.cursors.values().filter(|cursor| cursor.name != LOST_CURSORS).count() as u64,
        cursors_lost: finds.cursors_lost,
        state: state.len() as u64,
        took: Duration::ZERO,
    };
    for log in Log::ALL {
        let of_log = || finds.cursors.values().filter(|cursor| cursor.log == log);
        let passed = of_log().map(|cursor| cursor.mark.position).min();
        let reached = of_log().map(|cursor| cursor.mark.position).max().unwrap_or(0);
        let rows = needed(std::mem::take(&mut finds.rows[log.index()]), passed);
        let (saved, lost) = copy(pages, &tx, log, &rows, reached)?;
        salvaged.saved[log.index()] = saved;
        salvaged.lost[log.index()] = lost;
    }
    blocks::write(&tx, &state)?;
    let mut cursors: Vec<Cursor> = finds.cursors.into_values().collect();
    let mut ledger = Ledger::default();
    ledger.load(&tx)?;
    if finds.cursors_lost {
        cursors.retain(|cursor| cursor.name != LOST_CURSORS);
        let position = ledger.ends(Log::Outbox).oldest.map_or(0, |oldest| oldest.position - 1);
        let mark = Mark { position, upto: 0 };
        cursors.push(Cursor { mark, ..blank(LOST_CURSORS, Log::Outbox) });
    }
    ledger.restore(&tx, cursors)?;
    tx.commit()?;
    Ok(salvaged)
}

/// The places of the rows that go over, one for each position, ascending.
///
/// What is no cell of a page as it is now may have been deleted: it counts where a cursor still needs it, since
/// nothing such is ever deleted, and between rows that count.
fn needed(mut rows: Vec<Place>, passed: Option<i64>) -> Vec<Place> {
    rows.sort_unstable();
    let oldest = rows.iter().filter(|place| place.live).map(|place| place.position).min();
    let needed = passed.map(|position| position + 1);
    let from = [oldest, needed].into_iter().flatten().min().unwrap_or(0);
    let mut kept: Vec<Place> = Vec::new();
    for place in rows.into_iter().filter(|place| place.position >= from) {
        match kept.last_mut() {
            // The last of them by order is the newest, and a live one before any other.
            Some(before) if before.position == place.position => *before = place,
            _ => kept.push(place),
        }
    }
    kept
}

/// Writes the rows and keeps the places of those that are missing; how many were saved and how many lost.
fn copy(
    pages: &Pages,
    conn: &Connection,
    log: Log,
    places: &[Place],
    reached: i64,
) -> rusqlite::Result<(u64, u64)> {
    let mut insert = conn.prepare(schema::sql(log).insert)?;
    let (mut saved, mut lost) = (0, 0);
    let mut open: Option<((u32, u32), Vec<u8>)> = None;
    let mut last: Option<(Mark, i64)> = None;
    for place in places {
        let key = (place.version, place.page);
        if open.as_ref().is_none_or(|(open, _)| *open != key) {
            open = version(pages, place.page, place.version).map(|page| (key, page));
        }
        let row = open.as_ref().and_then(|(_, page)| cells::row(pages, page, usize::from(place.at)));
        let Some(row) = row else { continue };
        if let Some((mark, at)) = last {
            lost += fill(&mut insert, log, mark, row.mark.position, at)?;
        }
        let Found { mark, kind, at, crc, .. } = row;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        insert.execute(params![
            mark.position,
            kind,
            at,
            mark.upto,
            crc,
            text(&row.org),
            text(&row.peer),
            row.body
        ])?;
        last = Some((mark, at));
        saved += u64::from(!row.lost);
    }
    // A cursor stood there, so there were rows; the next one has to come behind it.
    if reached == 0 && last.is_none() {
        return Ok((0, 0));
    }
    let (mark, at) = last.unwrap_or((Mark { position: reached - 1, upto: 0 }, 0));
    lost += fill(&mut insert, log, mark, reached + 1, at)?;
    Ok((saved, lost))
}

/// Keeps the places after `mark` and before `end`; how many they are.
fn fill(insert: &mut Statement<'_>, log: Log, mark: Mark, end: i64, at: i64) -> rusqlite::Result<u64> {
    let mut filled = 0;
    for position in mark.position + 1..end {
        let mark = Mark { position, upto: mark.upto };
        let nothing: &[u8] = &[];
        insert.execute(params![position, 0, at, mark.upto, lost_crc(log, mark, at), "", "", nothing])?;
        filled += 1;
    }
    Ok(filled)
}

fn version(pages: &Pages, number: u32, version: u32) -> Option<Vec<u8>> {
    match version.checked_sub(1) {
        None => pages.file(number),
        Some(frame) => pages.frame(usize::try_from(frame).ok()?),
    }
}

/// Looks through every version of every page.
fn find(pages: &Pages) -> Finds {
    let mut finds = Finds::default();
    let mut newest: HashMap<u32, u32> = HashMap::new();
    let mut spoilt: BTreeSet<u32> = BTreeSet::new();
    for (index, frame) in pages.frames.iter().enumerate() {
        if frame.whole() {
            newest.insert(frame.page, index as u32 + 1);
        } else {
            spoilt.insert(frame.page);
        }
    }
    let mut suspects = BTreeSet::new();
    for number in 2..=pages.count() {
        let now = newest.get(&number).copied().unwrap_or(0);
        let seen = Seen { version: now, page: number, live: true, doubted: true };
        let whole =
            version(pages, number, now).is_some_and(|page| look_through(pages, &mut finds, &page, seen));
        if !whole {
            suspects.insert(number);
        }
    }
    // Older versions, newest first, hold the rows that a newer one lost; cursors and state of old count only where
    // the new are in doubt.
    let frames = pages.frames.iter().enumerate().map(|(index, frame)| (index as u32 + 1, frame.page));
    let old: Vec<(u32, u32)> = (2..=pages.count()).map(|number| (0, number)).chain(frames).collect();
    for (old, number) in old.into_iter().rev() {
        let doubted = suspects.contains(&number) || spoilt.contains(&number);
        if newest.get(&number).copied().unwrap_or(0) == old {
            continue;
        }
        if let Some(page) = version(pages, number, old) {
            look_through(pages, &mut finds, &page, Seen { version: old, page: number, live: false, doubted });
        }
    }
    finds.cursors_lost |= finds.cursors.is_empty();
    finds
}

/// The page that is looked through.
#[derive(Clone, Copy)]
struct Seen {
    version: u32,
    page: u32,
    /// It is the newest version of the page.
    live: bool,
    /// Its cursors and state count, the newest anyway.
    doubted: bool,
}

/// Takes what proves itself on one page; whether the page is as it should be.
fn look_through(pages: &Pages, finds: &mut Finds, page: &[u8], seen: Seen) -> bool {
    let sound = cells::is_sound(page, 0);
    let places = cells::places(page, 0).unwrap_or_default();
    if page[0] == TABLE_LEAF {
        let mut whole = sound;
        for at in places {
            match cells::row(pages, page, at) {
                Some(row) => finds.row(&row, seen, at),
                None => whole = false,
            }
        }
        if sound {
            return whole;
        }
    }
    for at in hints(page) {
        if let Some(row) = cells::row(pages, page, at) {
            finds.row(&row, Seen { live: false, ..seen }, at);
        }
    }
    if !(near(page[0], INDEX_LEAF) || near(page[0], INDEX_INNER)) || !seen.doubted {
        return sound || page[0] & !0x0f != 0 || page[0] == 0;
    }
    let mut whole = sound && matches!(page[0], INDEX_LEAF | INDEX_INNER);
    let before = finds.cursors.len();
    if matches!(page[0], INDEX_LEAF | INDEX_INNER) {
        for at in cells::places(page, 0).unwrap_or_default() {
            let at = if page[0] == INDEX_INNER { at + 4 } else { at };
            whole &= finds.keyed(pages, page, at, seen.live);
        }
    }
    if !whole {
        let mut known = false;
        for at in 0..PAGE - 4 {
            known |= finds.keyed(pages, page, at, false);
        }
        // It may have held the cursors.
        finds.cursors_lost |= seen.live && (finds.cursors.len() > before || !known);
    }
    whole
}

/// Where a row may begin: before a header's length and the NULL that every row begins with.
fn hints(page: &[u8]) -> impl Iterator<Item = usize> {
    let heads = (2..page.len()).filter(|at| page[*at] == 0 && (9..=24).contains(&page[*at - 1]));
    heads.flat_map(|at| (at.saturating_sub(14)..at - 2).rev())
}

/// Whether at most one bit makes the difference.
fn near(kind: u8, wanted: u8) -> bool {
    (kind ^ wanted).count_ones() <= 1
}

impl Finds {
    fn row(&mut self, row: &Found, seen: Seen, at: usize) {
        let Seen { version, page, live, .. } = seen;
        let at = u16::try_from(at).expect("a page has fewer bytes");
        self.rows[row.log.index()].push(Place { position: row.mark.position, live, version, page, at });
    }

    /// Takes the cursor or state at `at`; whether there is one.
    fn keyed(&mut self, pages: &Pages, page: &[u8], at: usize, live: bool) -> bool {
        if let Some(cursor) = cells::cursor(pages, page, at) {
            if live || !self.cursors.contains_key(&cursor.name) {
                self.cursors.insert(cursor.name.clone(), cursor);
            }
        } else if let Some((key, value)) = cells::state(pages, page, at) {
            self.state.take(key, value, live);
        } else {
            return false;
        }
        true
    }
}
