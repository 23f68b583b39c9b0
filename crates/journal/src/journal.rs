//! The handle everybody holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::checkpoint::{self, Checkpointer};
use crate::files::{Files, Held};
use crate::notice::Said;
use crate::retain::Plan;
use crate::salvage::Salvaged;
use crate::status::WriterStatus;
use crate::work::{Answer, Work};
use crate::writer::Writer;
use crate::{
    AppendError, Commit, CursorError, CursorSpec, Halted, Log, Notices, OpenError, Position, Priority,
    ReadError, Reader, Record, Status, damaged, files, status,
};

/// Bounds of a journal.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most bytes the file may have. The write-ahead log beside it has some 64 MiB more, and another 4, 8, 16 MiB
    /// and so on each time it should begin anew and a read is in the way for 100 ms. At least 4 MiB.
    pub max_bytes: u64,
    /// Bytes of it kept for [`Priority::Own`], half of them also for commits; `None` is 1/64, at least 1 MiB.
    pub reserve_bytes: Option<u64>,
    /// Bytes the file system has to have left for [`Priority::Normal`].
    pub free_bytes: u64,
    /// How long rows are kept that every cursor has passed.
    pub history: Duration,
    /// How long to wait for another process to let the journal go.
    pub lock_wait: Duration,
}

impl Default for Options {
    /// 4 GiB, a reserve of 1/64, 64 MiB free on the disk, 7 days of history, 10 s for the lock.
    fn default() -> Self {
        Self {
            max_bytes: 4 << 30,
            reserve_bytes: None,
            free_bytes: 64 << 20,
            history: Duration::from_secs(7 * 24 * 3600),
            lock_wait: Duration::from_secs(10),
        }
    }
}

/// A durable journal, open for writing. Clones are handles of the same one.
///
/// When the last handle is dropped, what waits is still written and the file is closed in the background;
/// [`close`](Self::close) waits for that.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Work>,
}

impl Journal {
    /// Opens the journal at `path`, creating the file (mode 0600) but not its directory. Blocks for as long
    /// as [`Options::lock_wait`], and otherwise for milliseconds.
    ///
    /// A lock file `<path>.lock` beside it keeps a second process out.
    ///
    /// # Errors
    ///
    /// A journal that is damaged is salvaged first ([`salvaged`](Self::salvaged)), which takes seconds for each
    /// GB.
    ///
    /// See [`OpenError`]; a file of a newer version or of another program is left as it is.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let bounds = Bounds::new(options)?;
        let held = files::open(path, bounds.max, options.lock_wait)?;
        let shared = Arc::new(Shared::new(&held, &bounds));
        let (queue, waiting) = mpsc::channel(QUEUE);
        let checkpointer = checkpointer(&held, Arc::clone(&shared), queue.downgrade())?;
        let writer = Writer::new(held, Arc::clone(&shared), bounds, checkpointer)
            .map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })?;
        thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(waiting))
            .map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        Ok(Self { shared, queue })
    }

    /// Appends one entry to the inbox and returns its place once it is committed and synced.
    ///
    /// Dropping the future does not take the entry back.
    ///
    /// # Errors
    ///
    /// See [`AppendError`]; after any of them nobody may be told that the entry was taken.
    pub async fn append(&self, record: Record, priority: Priority) -> Result<Position, AppendError> {
        self.ask(|answer| Work::Append { record, priority, answer }).await
    }

    /// [`append`](Self::append) before there is a runtime.
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    ///
    /// # Panics
    ///
    /// Inside an asynchronous runtime, which it would block.
    pub fn blocking_append(&self, record: Record, priority: Priority) -> Result<Position, AppendError> {
        self.blocking_ask(|answer| Work::Append { record, priority, answer })
    }

    /// Makes what came of interpreting durable, all of it or nothing; the newest position of the outbox.
    ///
    /// # Errors
    ///
    /// [`CursorError::Passed`] when the cursor is already after the commit's position, so that nothing is
    /// accounted for twice; else see [`CursorError`].
    pub async fn commit(&self, commit: impl Into<Arc<Commit>>) -> Result<Position, CursorError> {
        let commit = commit.into();
        self.ask(|answer| Work::Commit { commit, answer }).await
    }

    /// [`commit`](Self::commit) for a thread of its own.
    ///
    /// # Errors
    ///
    /// As for [`commit`](Self::commit).
    ///
    /// # Panics
    ///
    /// Inside an asynchronous runtime, which it would block.
    pub fn blocking_commit(&self, commit: impl Into<Arc<Commit>>) -> Result<Position, CursorError> {
        let commit = commit.into();
        self.blocking_ask(|answer| Work::Commit { commit, answer })
    }

    /// Moves a cursor to `to`, never back; where it is then.
    ///
    /// # Errors
    ///
    /// [`CursorError::Unknown`], [`CursorError::Beyond`], or not written.
    pub async fn advance(&self, cursor: &str, to: Position) -> Result<Position, CursorError> {
        self.ask(|answer| Work::Advance { cursor: cursor.to_owned(), to, answer }).await
    }

    /// Makes a cursor, or takes a known one up again with new bounds; everything up to and with the
    /// position returned is done.
    ///
    /// A cursor that is not registered in this run keeps its rows, within its bounds, and is dropped once
    /// it was not registered for its age bound.
    ///
    /// # Errors
    ///
    /// [`CursorError::OtherLog`], [`CursorError::TooMany`], or not written.
    pub async fn register(&self, cursor: &str, spec: CursorSpec) -> Result<Position, CursorError> {
        let position = self.ask(|answer| Work::Register { cursor: cursor.to_owned(), spec, answer }).await?;
        self.shared.registered().insert(cursor.to_owned());
        Ok(position)
    }

    /// [`register`](Self::register) before there is a runtime.
    ///
    /// # Errors
    ///
    /// As for [`register`](Self::register).
    ///
    /// # Panics
    ///
    /// Inside an asynchronous runtime, which it would block.
    pub fn blocking_register(&self, cursor: &str, spec: CursorSpec) -> Result<Position, CursorError> {
        let position =
            self.blocking_ask(|answer| Work::Register { cursor: cursor.to_owned(), spec, answer })?;
        self.shared.registered().insert(cursor.to_owned());
        Ok(position)
    }

    /// Takes a cursor for one that is not registered in this run, from now on; where it is.
    ///
    /// # Errors
    ///
    /// [`CursorError::Unknown`], or not written.
    pub async fn release(&self, cursor: &str) -> Result<Position, CursorError> {
        let position = self.ask(|answer| Work::Release { cursor: cursor.to_owned(), answer }).await?;
        self.shared.registered().remove(cursor);
        Ok(position)
    }

    /// Drops a cursor and what only it kept; where it was.
    ///
    /// # Errors
    ///
    /// [`CursorError::Unknown`], or not written.
    pub async fn forget(&self, cursor: &str) -> Result<Position, CursorError> {
        let position = self.ask(|answer| Work::Forget { cursor: cursor.to_owned(), answer }).await?;
        self.shared.registered().remove(cursor);
        Ok(position)
    }

    /// [`forget`](Self::forget) before there is a runtime.
    ///
    /// # Errors
    ///
    /// As for [`forget`](Self::forget).
    ///
    /// # Panics
    ///
    /// Inside an asynchronous runtime, which it would block.
    pub fn blocking_forget(&self, cursor: &str) -> Result<Position, CursorError> {
        let position = self.blocking_ask(|answer| Work::Forget { cursor: cursor.to_owned(), answer })?;
        self.shared.registered().remove(cursor);
        Ok(position)
    }

    /// Lets the writer do what time asks for: ages, space, a disk that may take writes again. Call it every
    /// second; it never waits.
    pub fn tick(&self) {
        // A writer with a full queue does the same between its turns.
        let _full = self.queue.try_send(Work::Tick);
    }

    /// Resolves when the writer has done a turn: `false` when it has ended. While it hangs in a write or a sync this
    /// does not resolve at all.
    pub async fn responds(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Work::Look(answer)).await.is_ok()
            && answered.await.is_ok()
            && self.shared.ended().is_ok()
    }

    /// Opens a reader with a connection of its own.
    ///
    /// # Errors
    ///
    /// [`ReadError::Open`].
    pub fn reader(&self, log: Log) -> Result<Reader, ReadError> {
        Reader::open(Arc::clone(&self.shared), log)
    }

    /// The newest committed position of a log, for readers that wait.
    #[must_use]
    pub fn tail(&self, log: Log) -> watch::Receiver<Position> {
        self.shared.tails[log.index()].subscribe()
    }

    /// What became of the journal when it was opened damaged; `None` when it was whole.
    #[must_use]
    pub fn salvaged(&self) -> Option<&Salvaged> {
        self.shared.salvaged.as_ref()
    }

    /// What the journal has to say from now on, together with what it said since it was opened.
    #[must_use]
    pub fn notices(&self) -> Notices {
        Notices::new(self.shared.said.subscribe())
    }

    /// Everything an operator may want to know, read from the file and the writer. Short, but it reads the
    /// disk.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn status(&self) -> Result<Status, ReadError> {
        let held = self.shared.files();
        let mut status = status::read(&files::connect_reader(&self.shared.path)?, &self.shared.path)?;
        drop(held);
        let registered = self.shared.registered().clone();
        for cursor in &mut status.cursors {
            cursor.registered = registered.contains(&cursor.name);
        }
        let pulse = self.shared.pulse.lock().expect("nothing panics while it holds the pulse").clone();
        status.max_bytes = Some(self.shared.max_bytes);
        status.writer = Some(WriterStatus {
            writable: self.writable(),
            full: self.shared.said.borrow().full,
            commits: pulse.commits,
            largest_group: pulse.largest_group,
            last_commit_micros: u64::try_from(pulse.last_commit.as_micros()).unwrap_or(u64::MAX),
        });
        Ok(status)
    }

    /// Whether an append of normal priority would be taken now.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.shared.writable.load(Ordering::Acquire)
    }

    /// Resolves when a failed write ended the writer; then the process has to exit. Cancel safe.
    pub async fn halted(&self) -> Halted {
        let mut halted = self.shared.halted.subscribe();
        let found = halted.wait_for(Option::is_some).await.expect("the sender is in `self`");
        found.clone().expect("waited for")
    }

    /// Writes everything that waits, checkpoints, closes the file and ends the threads. The lock goes with
    /// the last [`Reader`].
    ///
    /// # Errors
    ///
    /// [`Halted`] when the writer had ended by itself, or ended now.
    pub async fn close(self) -> Result<(), Halted> {
        let (answer, answered) = oneshot::channel();
        match self.queue.send(Work::Close(answer)).await {
            Ok(()) => answered.await.unwrap_or_else(|_| self.shared.ended()),
            Err(_) => self.shared.ended(),
        }
    }

    /// [`close`](Self::close) for a thread of its own.
    ///
    /// # Errors
    ///
    /// As for [`close`](Self::close).
    ///
    /// # Panics
    ///
    /// Inside an asynchronous runtime, which it would block.
    pub fn blocking_close(self) -> Result<(), Halted> {
        let (answer, answered) = oneshot::channel();
        match self.queue.blocking_send(Work::Close(answer)) {
            Ok(()) => answered.blocking_recv().unwrap_or_else(|_| self.shared.ended()),
            Err(_) => self.shared.ended(),
        }
    }

    async fn ask<E: From<AppendError>>(&self, work: impl FnOnce(Answer<E>) -> Work) -> Result<Position, E> {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(work(Answer::new(answer))).await.is_err() {
            return Err(self.shared.gone().into());
        }
        answered.await.unwrap_or_else(|_| Err(AppendError::Halted.into()))
    }

    fn blocking_ask<E: From<AppendError>>(
        &self,
        work: impl FnOnce(Answer<E>) -> Work,
    ) -> Result<Position, E> {
        let (answer, answered) = oneshot::channel();
        if self.queue.blocking_send(work(Answer::new(answer))).is_err() {
            return Err(self.shared.gone().into());
        }
        answered.blocking_recv().unwrap_or_else(|_| Err(AppendError::Halted.into()))
    }
}

/// Ends the journal from beside the writer, and wakes it.
pub(crate) fn stop(shared: Arc<Shared>, queue: mpsc::WeakSender<Work>) -> impl Fn(Halted) {
    move |halted| {
        shared.halt(halted);
        // A writer with a full queue, or without one, is awake.
        if let Some(queue) = queue.upgrade() {
            let _awake = queue.try_send(Work::Tick);
        }
    }
}

/// Starts the thread that checkpoints beside the writer.
fn checkpointer(
    held: &Held,
    shared: Arc<Shared>,
    queue: mpsc::WeakSender<Work>,
) -> Result<Checkpointer, OpenError> {
    let copier = files::connect_copier(held)?;
    Checkpointer::start(move || checkpoint::copy(&copier), stop(shared, queue))
        .map_err(|source| OpenError::File { path: held.path.clone(), source })
}

/// What handles, readers and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) max_bytes: u64,
    salvaged: Option<Salvaged>,
    pub(crate) tails: [watch::Sender<Position>; 2],
    pub(crate) halted: watch::Sender<Option<Halted>>,
    pub(crate) said: watch::Sender<Said>,
    pub(crate) writable: AtomicBool,
    pub(crate) pulse: Mutex<Pulse>,
    /// For readers, which hold them as long as their connection.
    files: Weak<Files>,
    registered: Mutex<BTreeSet<String>>,
}

impl Shared {
    pub(crate) fn new(held: &Held, bounds: &Bounds) -> Self {
        Self {
            path: held.path.clone(),
            salvaged: held.salvaged.clone(),
            files: Arc::downgrade(&held.files),
            max_bytes: bounds.max.unsigned_abs(),
            tails: [watch::Sender::new(Position::ZERO), watch::Sender::new(Position::ZERO)],
            halted: watch::Sender::new(None),
            said: watch::Sender::new(Said::default()),
            writable: AtomicBool::new(true),
            pulse: Mutex::default(),
            registered: Mutex::default(),
        }
    }

    /// Says why the writer ended; the first reason stands.
    pub(crate) fn halt(&self, halted: Halted) {
        self.writable.store(false, Ordering::Release);
        self.halted.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert(halted);
            first
        });
    }

    /// Ends the journal because its file is damaged, and has the next start salvage it.
    pub(crate) fn broken(&self, doing: &'static str, source: std::io::Error) {
        // Without the mark the next start may not see it, and then the same reader stops it again.
        let _best_effort = damaged::request(&self.path);
        self.halt(checkpoint::halted(doing, source));
    }

    /// What a connection holds while it is open; `None` when the writer has closed the file.
    pub(crate) fn files(&self) -> Option<Arc<Files>> {
        self.files.upgrade()
    }

    fn registered(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.registered.lock().expect("nothing panics while it holds the names")
    }

    fn gone(&self) -> AppendError {
        if self.halted.borrow().is_some() { AppendError::Halted } else { AppendError::Closed }
    }

    /// An error once the writer or its checkpoints failed.
    pub(crate) fn ended(&self) -> Result<(), Halted> {
        self.halted.borrow().clone().map_or(Ok(()), Err)
    }
}

/// Figures of the writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse {
    pub(crate) commits: u64,
    pub(crate) largest_group: u64,
    pub(crate) last_commit: Duration,
}

/// [`Options`], checked, in the numbers the writer uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) max: i64,
    pub(crate) reserve: i64,
    pub(crate) free: u64,
    pub(crate) history: i64,
}

impl Bounds {
    pub(crate) fn new(options: &Options) -> Result<Self, OpenError> {
        let max = i64::try_from(options.max_bytes).unwrap_or(i64::MAX).min(MAX_BYTES);
        if max < MIN_BYTES {
            return Err(OpenError::Bounds { why: "at least 4 MiB in all" });
        }
        let reserve = match options.reserve_bytes {
            Some(bytes) => i64::try_from(bytes).unwrap_or(i64::MAX),
            None => (max / 64).max(1 << 20),
        };
        if !(1 << 18..=max / 2).contains(&reserve) {
            return Err(OpenError::Bounds { why: "a reserve of 256 KiB to half of all" });
        }
        let history = i64::try_from(options.history.as_micros()).unwrap_or(i64::MAX);
        Ok(Self { max, reserve, free: options.free_bytes, history })
    }

    /// Live bytes up to which appends are taken.
    pub(crate) const fn room(&self, priority: Priority) -> i64 {
        match priority {
            Priority::Normal => self.max - self.reserve,
            Priority::Own => self.max,
        }
    }

    /// Live bytes up to which commits are taken: above what appends fill, so that the interpreter goes on
    /// and makes history of the inbox, below what the relay's own entries need.
    pub(crate) const fn room_for_commits(&self) -> i64 {
        self.max - self.reserve / 2
    }

    /// What has to go in a turn that brings `need` bytes; a little before it is too late.
    pub(crate) fn plan(&self, now: i64, need: i64, ages: bool) -> Plan {
        let room = self.room(Priority::Normal);
        let slack = (room / 16).min(SLACK_BYTES);
        Plan { now, history: self.history, target: room - slack - need, share: room / 2, ages }
    }
}

/// Work that may wait for the writer; who comes later waits to hand in.
const QUEUE: usize = 1024;
const MIN_BYTES: i64 = 4 << 20;
const MAX_BYTES: i64 = 1 << 44; // SQLite's most pages times their size
const SLACK_BYTES: i64 = 64 << 20;
