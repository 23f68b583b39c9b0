//! The thread that copies the write-ahead log into the file beside the writer, and when it does.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode};

use crate::files::Copier;
use crate::{FullReason, Halted, files, schema};

/// What ended a transaction or a checkpoint.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nothing of it is on the disk, and a later one may succeed.
    Full(FullReason),
    /// Nothing is certain any more.
    Halt(Halted),
}

/// The thread, as the writer sees it: at most one checkpoint at a time.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    /// `None` once the thread shall end.
    ask: Option<SyncSender<()>>,
    told: Receiver<Result<(), Trouble>>,
    running: bool,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread. `copy` is one checkpoint; what stops the journal for good goes to `failed` at once,
    /// since the writer may be waiting for work.
    pub(crate) fn start(
        mut copy: impl FnMut() -> Result<(), Trouble> + Send + 'static,
        failed: impl Fn(Halted) + Send + 'static,
    ) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (tell, told) = sync_channel(1);
        let thread = thread::Builder::new().name("checkpoint".into()).spawn(move || {
            let guard = Guard(failed);
            while asked.recv().is_ok() {
                let done = copy();
                if let Err(Trouble::Halt(halted)) = &done {
                    (guard.0)(halted.clone());
                }
                if tell.send(done).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { ask: Some(ask), told, running: false, thread: Some(thread) })
    }

    pub(crate) const fn running(&self) -> bool {
        self.running
    }

    /// Lets it copy what there is now. Nothing when it does so already.
    pub(crate) fn ask(&mut self) {
        if !self.running
            && let Some(ask) = &self.ask
        {
            // When the thread is gone, the next look says so.
            let _gone = ask.try_send(());
            self.running = true;
        }
    }

    /// What the last checkpoint came to, if it ended since the last look.
    pub(crate) fn look(&mut self) -> Result<(), Trouble> {
        if !self.running {
            return Ok(());
        }
        let done = match self.told.try_recv() {
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => Err(gone()),
            Ok(done) => done,
        };
        self.running = false;
        done
    }

    /// Waits until no checkpoint runs; what the last one came to, as [`look`](Self::look).
    pub(crate) fn wait(&mut self) -> Result<(), Trouble> {
        if !std::mem::take(&mut self.running) {
            return Ok(());
        }
        self.told.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Waits for a checkpoint that runs and ends the thread, which closes its connection.
    pub(crate) fn end(&mut self) -> Result<(), Trouble> {
        let done = self.wait();
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            // That it panicked was told by its guard.
            let _panicked = thread.join();
        }
        done
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        // Who wanted to know what it came to has asked.
        let _unasked = self.end();
    }
}

/// Says that the thread is gone, should it panic.
struct Guard<F: Fn(Halted)>(F);

impl<F: Fn(Halted)> Drop for Guard<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)(halted(DOING, io::Error::other("it panicked")));
        }
    }
}

/// One checkpoint beside the writer: what can be copied without being in anybody's way.
///
/// When the writer commits meanwhile, SQLite marks what it copied as copied and leaves the sync of the file
/// to the checkpoint that reaches the end of the log; only after that one the log is written from its
/// beginning again. That one is the writer's own, so the sync of what was copied here is done here.
/// Source: SQLite's `wal.c`, `walCheckpoint`.
pub(crate) fn copy(copier: &Copier) -> Result<(), Trouble> {
    wal(&copier.conn, "PRAGMA wal_checkpoint(PASSIVE)").map_err(|error| judge(&copier.conn, DOING, error))?;
    copier.files.db.sync_data().map_err(|error| Trouble::Halt(halted(DOING, error)))
}

/// Runs a checkpoint: whether somebody was in its way, frames in the log, frames copied.
pub(crate) fn wal(conn: &Connection, sql: &str) -> rusqlite::Result<(bool, i64, i64)> {
    conn.prepare_cached(sql)?.query_row([], |row| Ok((row.get::<_, i64>(0)? != 0, row.get(1)?, row.get(2)?)))
}

/// Whether a failed statement leaves the journal usable.
pub(crate) fn judge(conn: &Connection, doing: &'static str, error: rusqlite::Error) -> Trouble {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Trouble::Full(match schema::number(conn, "page_count") {
            Ok(pages) if schema::number(conn, "max_page_count").is_ok_and(|max| pages >= max) => {
                FullReason::Bound
            }
            _ => FullReason::Disk,
        }),
        Some(ErrorCode::ReadOnly) => Trouble::Full(FullReason::ReadOnly),
        Some(ErrorCode::DatabaseBusy) => Trouble::Full(FullReason::Busy),
        // SQLite tells a full disk from a broken one by ENOSPC alone; a quota, a limit of size and a file system
        // that takes no writes are told by a write of our own. A write that failed leaves nothing behind, unlike a
        // sync that did.
        Some(ErrorCode::SystemIoFailure) if failed_to_grow(&error) => {
            match conn.path().and_then(files::refusal) {
                Some(reason) => Trouble::Full(reason),
                None => Trouble::Halt(halted(doing, error)),
            }
        }
        _ => Trouble::Halt(halted(doing, error)),
    }
}

/// Whether it was a write that failed, or the shared index of the log that could not grow.
fn failed_to_grow(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi;

    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMMAP))
}

pub(crate) fn halted(doing: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Halted {
    Halted { doing, source: std::sync::Arc::new(error) }
}

fn gone() -> Trouble {
    Trouble::Halt(halted(DOING, io::Error::other("its thread ended")))
}

/// What comes next for the write-ahead log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    Nothing,
    /// The thread copies.
    Copy,
    /// The writer copies the rest, so that its next write begins the log anew.
    Restart,
}

/// When each step is due.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Frames in the log when a copy was last asked for.
    asked: i64,
    /// Frames in the log from which it shall begin anew.
    restart_at: i64,
    /// Frames to wait for after a reader was in the way; doubles, since one that stays must not cost a wait
    /// in every turn.
    patience: i64,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { asked: 0, restart_at: RESTART_FRAMES, patience: PATIENCE_FRAMES }
    }

    /// Judges a log of so many frames, of which so many are copied.
    pub(crate) fn step(&mut self, frames: i64, copied: i64, running: bool) -> Step {
        if frames < self.asked {
            *self = Self::new();
        }
        let full = frames >= self.restart_at;
        // The thread does the long part, unless it cannot keep up.
        if full && !running && frames - copied <= SHORT_FRAMES || frames >= self.restart_at + SPARE_FRAMES {
            return Step::Restart;
        }
        let enough = if full { SHORT_FRAMES } else { COPY_FRAMES };
        if running || frames - copied.max(self.asked) < enough {
            return Step::Nothing;
        }
        self.asked = frames;
        Step::Copy
    }

    /// The writer tried to let the log begin anew at so many frames; whether a reader was in the way.
    pub(crate) const fn restarted(&mut self, busy: bool, frames: i64) {
        if busy {
            self.restart_at = frames + self.patience;
            self.patience *= 2;
        } else {
            self.restart_at = RESTART_FRAMES;
            self.patience = PATIENCE_FRAMES;
        }
    }

    /// The last copy came to nothing and may be asked for again.
    pub(crate) const fn again(&mut self) {
        self.asked = 0;
    }
}

/// In errors.
pub(crate) const DOING: &str = "checkpointing";
const COPY_FRAMES: i64 = 1000; // SQLite's own default
const RESTART_FRAMES: i64 = 3072; // 48 MiB
/// Frames the writer copies by itself without a thought.
const SHORT_FRAMES: i64 = 128;
const PATIENCE_FRAMES: i64 = 256;
/// Frames above the restart at which the writer no longer waits for the thread to copy the long part.
const SPARE_FRAMES: i64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_copies_the_long_part_and_the_writer_the_rest() {
        for (frames, copied, running, expect) in [
            (999, 0, false, Step::Nothing),
            (1000, 0, false, Step::Copy),
            (1000, 0, true, Step::Nothing),
            (3071, 2100, false, Step::Nothing),
            (3072, 2900, false, Step::Copy),
            (3072, 2900, true, Step::Nothing),
            (3072, 2944, false, Step::Restart),
            (3072, 2944, true, Step::Nothing),
            (4095, 0, true, Step::Nothing),
            (4096, 0, true, Step::Restart),
        ] {
            assert_eq!(Pace::new().step(frames, copied, running), expect, "{frames} {copied} {running}");
        }
    }

    #[test]
    fn what_a_reader_holds_back_is_not_asked_for_in_every_turn() {
        let mut pace = Pace::new();

        assert_eq!(pace.step(1000, 0, false), Step::Copy);
        assert_eq!(pace.step(1001, 0, false), Step::Nothing);
        assert_eq!(pace.step(2000, 0, false), Step::Copy);
        assert_eq!(pace.step(4096, 0, false), Step::Restart);
        pace.restarted(true, 4096);
        assert_eq!(pace.step(4351, 4351, false), Step::Nothing);
        assert_eq!(pace.step(4352, 4352, false), Step::Restart);
        pace.restarted(true, 4352);
        assert_eq!(pace.step(4863, 4863, false), Step::Nothing);
        assert_eq!(pace.step(4864, 4864, false), Step::Restart);
        assert_eq!(pace.step(10, 0, false), Step::Nothing, "it began anew");
        assert_eq!(pace.step(3072, 3072, false), Step::Restart);
    }
}
