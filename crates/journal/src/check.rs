//! A look at a journal's files before SQLite opens them: cheap, whatever their size.
//!
//! Read are the write-ahead log, the first page, the inner pages of every tree, the list of free pages, the pages
//! with the newest rows, and the cursors; for a journal of 1 GB some hundred pages. What is damaged elsewhere is met by
//! whoever reads it, and then the next start salvages.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use rusqlite::Connection;

use crate::cells::{self, INDEX_INNER, INDEX_LEAF, TABLE_INNER, TABLE_LEAF, Value};
use crate::pages::{PAGE, Pages, half, word};
use crate::schema::{self, FORMAT};

/// What a look found.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Look {
    /// Nothing there, nothing wrong, or nothing of ours: SQLite decides.
    Open,
    /// A journal of ours that is damaged.
    Damaged(String),
}

/// Looks at the journal at `path`.
pub(crate) fn look(path: &Path) -> io::Result<Look> {
    let pages = Pages::open(path)?;
    if pages.bytes == 0 && pages.frames.is_empty() {
        return Ok(Look::Open);
    }
    let first = pages.page(1).unwrap_or_else(|| vec![0; PAGE]);
    if !is_ours(&pages, &first) {
        return Ok(Look::Open);
    }
    let bytes = half(&first, 16);
    if bytes.is_power_of_two() && bytes >= 512 && bytes != PAGE {
        // More than one bit apart from ours: somebody wrote it anew.
        return Ok(Look::Open);
    }
    let (mark, format) = (word(&first, 68), word(&first, 60));
    if schema::application_id(i64::from(format)) == Some(i64::from(mark)) && i64::from(format) != FORMAT {
        // A journal of another version, said twice: not for this look.
        return Ok(Look::Open);
    }
    let found = if let Some(why) = pages.cut.clone() { Err(why) } else { structure(&pages, &first) };
    Ok(found.map_or_else(Look::Damaged, |()| Look::Open))
}

/// Whether the files are a journal's, whatever else is wrong with them: two marks of three, or something in it
/// that only a journal has.
fn is_ours(pages: &Pages, first: &[u8]) -> bool {
    let has = |text: &[u8]| first.windows(text.len()).any(|window| window == text);
    let marks = [
        first.starts_with(MAGIC),
        first[68..71] == *b"fbJ" && first[71].is_ascii_digit(),
        has(b"CREATE TABLE inbox (") && has(b"CREATE TABLE outbox (") && has(b"CREATE TABLE cursors ("),
    ];
    match marks.into_iter().filter(|mark| *mark).count() {
        2.. => true,
        // An SQLite file of somebody else has that one mark.
        _ if marks[0] => false,
        _ => (1..=pages.count().min(SAMPLE))
            .any(|number| pages.page(number).is_some_and(|page| knows(pages, &page))),
    }
}

/// Whether a page holds a row or a cursor that proves itself.
fn knows(pages: &Pages, page: &[u8]) -> bool {
    let places = cells::places(page, 0).unwrap_or_default();
    places.into_iter().any(|at| match page[0] {
        TABLE_LEAF => cells::row(pages, page, at).is_some(),
        INDEX_LEAF => cells::cursor(pages, page, at).is_some(),
        _ => false,
    })
}

fn structure(pages: &Pages, first: &[u8]) -> Result<(), String> {
    let head = "the head of its file is damaged";
    let fixed = [
        first.starts_with(MAGIC),
        half(first, 16) == PAGE,
        // WAL mode, or what a journal has for a moment before
        matches!(first[18..20], [2, 2] | [1, 1]),
        first[20..24] == [0, 64, 32, 32],
        word(first, 44) == 4,
        word(first, 52) == 0,
        word(first, 56) == 1,
        word(first, 64) == 0,
        first[72..92].iter().all(|byte| *byte == 0),
        schema::application_id(i64::from(word(first, 60))) == Some(i64::from(word(first, 68))),
    ];
    if fixed.contains(&false) {
        return Err(head.to_owned());
    }
    let size = u64::from(word(first, 28));
    if word(first, 24) == word(first, 92) && pages.frames.is_empty() && size * PAGE as u64 != pages.bytes {
        return Err(format!("its file has {} bytes and should have {}", pages.bytes, size * PAGE as u64));
    }
    let mut walk = Walk { pages, count: pages.count(), seen: HashSet::from([1]) };
    let roots = roots(pages, first)?;
    for (name, root) in &roots {
        let newest = walk.tree(name, *root)?;
        match name.as_str() {
            "inbox" | "outbox" => rows(pages, name, &newest)?,
            "cursors" => cursors(pages, &newest)?,
            _ => {}
        }
    }
    walk.free(first)
}

/// The tables and where they begin, when they are the ones of this format.
fn roots(pages: &Pages, first: &[u8]) -> Result<Vec<(String, u32)>, String> {
    let wrong = || "its list of tables is damaged".to_owned();
    if first[100] != TABLE_LEAF || !cells::is_sound(first, 100) {
        return Err(wrong());
    }
    let mut roots = Vec::new();
    let mut texts = Vec::new();
    for at in cells::places(first, 100).ok_or_else(wrong)? {
        let record = cells::table_record(pages, first, at).ok_or_else(wrong)?;
        let [Value::Text(kind), Value::Text(name), Value::Text(_), Value::Number(root), sql] =
            cells::columns::<5>(&record).ok_or_else(wrong)?
        else {
            return Err(wrong());
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = text(name);
        if name == "sqlite_sequence" {
            // Files of before this format's first release may count ids in a table of their own.
            continue;
        }
        let sql =
            if let Value::Text(sql) = sql { text(sql).replace(" AUTOINCREMENT", "") } else { String::new() };
        if kind != b"table" {
            return Err(wrong());
        }
        roots.push((name.clone(), u32::try_from(root).map_err(|_| wrong())?));
        texts.push((name, sql));
    }
    texts.sort();
    if texts == expected().map_err(|error| error.to_string())? { Ok(roots) } else { Err(wrong()) }
}

/// Names and texts of the tables as a new file has them.
fn expected() -> rusqlite::Result<Vec<(String, String)>> {
    let mut conn = Connection::open_in_memory()?;
    schema::migrate(&mut conn, 0)?;
    let mut statement = conn.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

struct Walk<'a> {
    pages: &'a Pages,
    count: u32,
    seen: HashSet<u32>,
}

impl Walk<'_> {
    /// Walks the inner pages of a tree; the page with its newest rows.
    fn tree(&mut self, name: &str, root: u32) -> Result<Vec<u8>, String> {
        let wrong = |number: u32| format!("page {number} of `{name}` is damaged");
        self.take(root).ok_or_else(|| wrong(root))?;
        let mut level = vec![root];
        loop {
            let last = *level.last().expect("a level has pages");
            let page = self.pages.page(last).ok_or_else(|| wrong(last))?;
            match page[0] {
                TABLE_LEAF | INDEX_LEAF => return Ok(page),
                _ => {}
            }
            let mut below = Vec::new();
            let mut before = i64::MIN;
            for number in level {
                let page = self.pages.page(number).ok_or_else(|| wrong(number))?;
                if !matches!(page[0], TABLE_INNER | INDEX_INNER) || !cells::is_sound(&page, 0) {
                    return Err(wrong(number));
                }
                for at in cells::places(&page, 0).ok_or_else(|| wrong(number))? {
                    below.push(word(&page, at));
                    if page[0] == TABLE_INNER {
                        let (key, _) = cells::varint(&page[at + 4..]).ok_or_else(|| wrong(number))?;
                        let key = key as i64;
                        if key <= before {
                            return Err(wrong(number));
                        }
                        before = key;
                    }
                }
                below.push(word(&page, 8));
            }
            if below.iter().any(|number| self.take(*number).is_none()) {
                return Err(format!("`{name}` and something else share a page"));
            }
            level = below;
        }
    }

    /// Walks the list of free pages: none of them may be in use.
    fn free(&mut self, first: &[u8]) -> Result<(), String> {
        let wrong = || "its list of free pages is damaged".to_owned();
        let mut next = word(first, 32);
        let mut found = 0_u64;
        while next != 0 {
            self.take(next).ok_or_else(wrong)?;
            let trunk = self.pages.page(next).ok_or_else(wrong)?;
            let leaves = usize::try_from(word(&trunk, 4)).unwrap_or(usize::MAX);
            if leaves > PAGE / 4 - 2 {
                return Err(wrong());
            }
            for index in 0..leaves {
                self.take(word(&trunk, 8 + 4 * index)).ok_or_else(wrong)?;
            }
            found += 1 + leaves as u64;
            next = word(&trunk, 0);
        }
        if found == u64::from(word(first, 36)) { Ok(()) } else { Err(wrong()) }
    }

    fn take(&mut self, number: u32) -> Option<()> {
        ((1..=self.count).contains(&number) && self.seen.insert(number)).then_some(())
    }
}

/// The newest row gives the next its place, so it has to be what it says.
fn rows(pages: &Pages, name: &str, page: &[u8]) -> Result<(), String> {
    let wrong = || format!("the page with the newest rows of `{name}` is damaged");
    if page[0] != TABLE_LEAF || !cells::is_sound(page, 0) {
        return Err(wrong());
    }
    match cells::places(page, 0).ok_or_else(wrong)?.last() {
        Some(at) if cells::row(pages, page, *at).is_none_or(|row| row.log.name() != name) => Err(wrong()),
        _ => Ok(()),
    }
}

/// A cursor that is wrong could pass what was not delivered.
fn cursors(pages: &Pages, page: &[u8]) -> Result<(), String> {
    let wrong = || "the cursors are damaged".to_owned();
    if page[0] != INDEX_LEAF || !cells::is_sound(page, 0) {
        return Err(wrong());
    }
    let places = cells::places(page, 0).ok_or_else(wrong)?;
    if places.iter().all(|at| cells::cursor(pages, page, *at).is_some()) { Ok(()) } else { Err(wrong()) }
}

const MAGIC: &[u8] = b"SQLite format 3\0";
/// Pages that are looked through for something of ours when the first one says nothing.
const SAMPLE: u32 = 4096;
