//! The pages of a journal's file and of its write-ahead log, read without SQLite.
//!
//! SQLite ends the replay of a write-ahead log at the first frame that does not match its checksum, and everything
//! behind is gone without a word. Here every frame is judged by itself.
//! Source: SQLite, "Database File Format", 1.3 to 1.6 and 4.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::files;
use crate::schema::PAGE_BYTES;

/// Bytes in a page.
pub(crate) const PAGE: usize = PAGE_BYTES as usize;

/// Both files of a journal.
#[derive(Debug)]
pub(crate) struct Pages {
    db: Option<File>,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    log: Option<File>,
    /// Frames of the log up to its last commit, as far as they belong to it.
    pub(crate) frames: Vec<Frame>,
    /// How many of them SQLite would replay.
    replayed: usize,
    /// Why SQLite would replay less than was committed.
    pub(crate) cut: Option<String>,
    /// The newest frame of each page.
    newest: HashMap<u32, usize>,
}

/// One frame of the write-ahead log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) page: u32,
    /// Pages the file has after the transaction that ends here; 0 within one.
    size: u32,
    state: State,
    /// A byte of the page and the bit of it that is flipped.
    mend: Option<(usize, u8)>,
    at: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// It matches its checksum.
    Whole,
    /// It does but for one bit, which is known.
    Mended,
    /// It does not, or belongs to an earlier round of the log.
    Broken,
}

impl Frame {
    /// What it says is what was written.
    pub(crate) fn whole(&self) -> bool {
        self.state != State::Broken
    }
}

impl Pages {
    /// Opens the file at `path` and the log beside it; what is missing is empty.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let db = optional(path)?;
        let bytes = db.as_ref().map_or(Ok(0), |file| file.metadata().map(|meta| meta.len()))?;
        let log = optional(&files::beside(path, "-wal"))?;
        let mut this =
            Self { db, bytes, log, frames: Vec::new(), replayed: 0, cut: None, newest: HashMap::new() };
        this.read_log()?;
        for (index, frame) in this.frames.iter().enumerate().filter(|(_, frame)| frame.whole()) {
            this.newest.insert(frame.page, index);
        }
        Ok(this)
    }

    /// Pages of the file, a cut one included, and whatever the log adds.
    pub(crate) fn count(&self) -> u32 {
        let file = u32::try_from(self.bytes.div_ceil(PAGE as u64)).unwrap_or(u32::MAX);
        let most = self.frames.iter().filter(|frame| frame.whole()).map(|frame| frame.page).max();
        file.max(most.unwrap_or(0))
    }

    /// A page as it was last written; for SQLite too, unless the log is cut.
    pub(crate) fn page(&self, number: u32) -> Option<Vec<u8>> {
        match self.newest.get(&number) {
            Some(index) => self.frame(*index),
            None => self.file(number),
        }
    }

    /// A page as it stands in the file; what lies behind its end is zero.
    pub(crate) fn file(&self, number: u32) -> Option<Vec<u8>> {
        let at = u64::from(number.checked_sub(1)?) * PAGE as u64;
        if at >= self.bytes {
            return None;
        }
        let mut page = vec![0; PAGE];
        let there = usize::try_from(self.bytes - at).unwrap_or(PAGE).min(PAGE);
        self.db.as_ref()?.read_exact_at(&mut page[..there], at).ok()?;
        Some(page)
    }

    /// The page in a frame.
    pub(crate) fn frame(&self, index: usize) -> Option<Vec<u8>> {
        let mut page = vec![0; PAGE];
        let frame = self.frames.get(index)?;
        self.log.as_ref()?.read_exact_at(&mut page, frame.at).ok()?;
        if let Some((place, mask)) = frame.mend {
            page[place] ^= mask;
        }
        Some(page)
    }

    fn read_log(&mut self) -> io::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let end = log.metadata()?.len();
        let mut head = [0; LOG_HEAD];
        if end < (LOG_HEAD + FRAME_HEAD + PAGE) as u64 || log.read_exact_at(&mut head, 0).is_err() {
            return Ok(());
        }
        let mut big = word(&head, 0) == MAGIC | 1;
        let stored = (word(&head, 24), word(&head, 28));
        let head_whole = sum(big, (0, 0), &head[..24]) == stored
            && word(&head, 0) & !1 == MAGIC
            && word(&head, 8) == PAGE as u32;
        big &= head_whole;
        let mut salts: Salts = [word(&head, 16), word(&head, 20)];
        let mut seed = stored;
        let mut frames = Vec::new();
        let mut buffer = vec![0; FRAME_HEAD + PAGE];
        let mut at = LOG_HEAD as u64;
        while at + buffer.len() as u64 <= end {
            if log.read_exact_at(&mut buffer, at).is_err() {
                // A sector that cannot be read is a frame that is not whole.
                buffer.fill(0);
            }
            if !head_whole && frames.is_empty() {
                // Every frame says the salts that the header should, and the header's checksum covers its bytes.
                salts = [word(&buffer, 8), word(&buffer, 12)];
                let computed = sum(big, (0, 0), &head[..24]);
                if chain(big, computed, &buffer) == told(&buffer) {
                    seed = computed;
                }
            }
            let (frame, next) = judge(big, seed, salts, &buffer, at);
            seed = next;
            frames.push(frame);
            at += buffer.len() as u64;
        }

        let broken = if head_whole {
            frames.iter().position(|frame| frame.state != State::Whole).unwrap_or(frames.len())
        } else {
            0
        };
        let commits = frames[broken..].iter().filter(|frame| frame.whole() && frame.size > 0).count();
        // One transaction alone that is not whole may be one that never was synced; with a second behind it, or
        // with a single bit that makes it whole, it was.
        let flipped = frames.get(broken).is_some_and(|frame| frame.whole());
        if !head_whole && commits > 0 {
            self.cut = Some(format!(
                "the header of its write-ahead log is damaged; {commits} commits are behind it"
            ));
        } else if commits > usize::from(!flipped) {
            self.cut = Some(format!(
                "frame {} of its write-ahead log is damaged; {commits} commits are at or behind it",
                broken + 1
            ));
        }
        self.replayed =
            frames[..broken].iter().rposition(|frame| frame.size > 0).map_or(0, |index| index + 1);
        let last = frames.iter().rposition(|frame| frame.whole() && frame.size > 0);
        let keep = if self.cut.is_some() { last.map_or(0, |index| index + 1) } else { self.replayed };
        frames.truncate(keep);
        self.frames = frames;
        Ok(())
    }
}

/// Judges the frame in `buffer`; what the checksum of the next one carries on from.
fn judge(big: bool, seed: Sum, salts: Salts, buffer: &[u8], at: u64) -> (Frame, Sum) {
    let at = at + FRAME_HEAD as u64;
    let mut frame =
        Frame { page: word(buffer, 0), size: word(buffer, 4), state: State::Broken, mend: None, at };
    let found: Salts = [word(buffer, 8), word(buffer, 12)];
    let off = distance(found, salts);
    if off > 1 {
        // An earlier round of the log, or nothing.
        return (frame, told(buffer));
    }
    let (told, computed) = (told(buffer), chain(big, seed, buffer));
    if computed == told {
        frame.state = if off == 0 { State::Whole } else { State::Mended };
        return (frame, told);
    }
    if distance([told.0, told.1], [computed.0, computed.1]) == 1 {
        frame.state = State::Mended;
        return (frame, computed);
    }
    if let Some((place, mask)) = mend(big, told, computed, buffer) {
        frame.state = State::Mended;
        let mut numbers = [0; 8];
        numbers.copy_from_slice(&buffer[..8]);
        match place.checked_sub(8) {
            None => numbers[place] ^= mask,
            Some(place) => frame.mend = Some((place, mask)),
        }
        (frame.page, frame.size) = (word(&numbers, 0), word(&numbers, 4));
    }
    (frame, told)
}

/// The one bit that makes the frame match what it was told to be: the place among the bytes that are summed (eight
/// of the head, then the page), and the bit.
///
/// The checksum is linear: a word that is off by some amount is off by that amount times a factor of its place in
/// both halves. So a flip is found without trying, and 64 bits of checksum leave no doubt about it.
fn mend(big: bool, told: Sum, computed: Sum, buffer: &[u8]) -> Option<(usize, u8)> {
    let off = (told.0.wrapping_sub(computed.0), told.1.wrapping_sub(computed.1));
    let summed = |place: usize| if place < 8 { buffer[place] } else { buffer[FRAME_HEAD + place - 8] };
    let mut factors: [Sum; 2] = [(1, 1), (0, 1)];
    for pair in (0..(8 + PAGE) / 8).rev() {
        for (half, factor) in factors.iter_mut().enumerate() {
            for bit in 0..32_u32 {
                let amount = 1_u32 << bit;
                let by = (factor.0.wrapping_mul(amount), factor.1.wrapping_mul(amount));
                let up = by == off;
                if up || (by.0.wrapping_neg(), by.1.wrapping_neg()) == off {
                    let byte = if big { 3 - bit / 8 } else { bit / 8 };
                    let place = pair * 8 + half * 4 + byte as usize;
                    let mask = 1_u8 << (bit % 8);
                    // Added when it is clear, taken off when it is set.
                    if (summed(place) & mask == 0) == up {
                        return Some((place, mask));
                    }
                }
            }
            *factor = (factor.0.wrapping_add(factor.1), factor.0.wrapping_add(factor.1.wrapping_mul(2)));
        }
    }
    None
}

fn chain(big: bool, seed: Sum, buffer: &[u8]) -> Sum {
    sum(big, sum(big, seed, &buffer[..8]), &buffer[FRAME_HEAD..])
}

/// The checksum in the head of a frame.
fn told(buffer: &[u8]) -> Sum {
    (word(buffer, 16), word(buffer, 20))
}

type Sum = (u32, u32);

type Salts = [u32; 2];

fn distance(a: Salts, b: Salts) -> u32 {
    (a[0] ^ b[0]).count_ones() + (a[1] ^ b[1]).count_ones()
}

fn optional(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Four bytes at `at` as SQLite writes numbers.
pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_be_bytes(four.try_into().expect("four bytes")))
}

/// Two bytes at `at` as SQLite writes numbers.
pub(crate) fn half(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 2).map_or(0, |two| usize::from(u16::from_be_bytes([two[0], two[1]])))
}

/// The checksum of the write-ahead log, carried on from `seed`.
fn sum(big: bool, (mut a, mut b): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    for eight in bytes.chunks_exact(8) {
        let number = |four: &[u8]| {
            let four = [four[0], four[1], four[2], four[3]];
            if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        a = a.wrapping_add(number(&eight[..4])).wrapping_add(b);
        b = b.wrapping_add(number(&eight[4..])).wrapping_add(a);
    }
    (a, b)
}

const MAGIC: u32 = 0x377f_0682;
const LOG_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
