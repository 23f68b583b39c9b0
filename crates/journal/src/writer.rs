//! The one thread that writes: everything that waits, one transaction, one sync, then the answers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::{Checkpointer, DOING, Pace, Step, Trouble, halted, judge, wal};
use crate::clock::Clock;
use crate::damaged;
use crate::files::{self, Held};
use crate::journal::{Bounds, Shared};
use crate::ledger::{Inserts, Ledger};
use crate::retain::{self, Retained};
use crate::schema;
use crate::work::{self, Work};
use crate::{AppendError, FullReason, Halted, Log, Position, Priority};

/// The thread's own state.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Ends before the file is closed: fields drop in order.
    checkpointer: Checkpointer,
    pace: Pace,
    held: Held,
    shared: Arc<Shared>,
    bounds: Bounds,
    clock: Clock,
    ledger: Ledger,
    /// Live bytes after the last commit.
    used: i64,
    /// What the last transaction gave up; told only after its commit.
    retained: Retained,
    /// Ages of cursors are due.
    ages: bool,
    /// A second has passed: changes of the state are folded.
    fold: bool,
    /// Need and reason of the last refused append, until it would fit.
    refused: Option<(i64, FullReason)>,
    /// The disk refused; the next try is due then.
    stalled: Option<(FullReason, Instant)>,
    /// The file system is below its reserve; looked at when.
    low_disk: bool,
    disk_seen: Option<Instant>,
    registered_seen: i64,
}

impl Writer {
    pub(crate) fn new(
        held: Held,
        shared: Arc<Shared>,
        bounds: Bounds,
        checkpointer: Checkpointer,
    ) -> rusqlite::Result<Self> {
        let mut ledger = Ledger::default();
        ledger.load(&held.conn)?;
        let used = schema::live_bytes(&held.conn)?;
        let mut clock = Clock::new(ledger.cursors.iter().map(|cursor| cursor.seen).max());
        let registered_seen = clock.now();
        let mut writer = Self {
            checkpointer,
            pace: Pace::new(),
            held,
            shared,
            bounds,
            clock,
            ledger,
            used,
            retained: Retained::default(),
            ages: false,
            fold: false,
            refused: None,
            stalled: None,
            low_disk: false,
            disk_seen: None,
            registered_seen,
        };
        writer.look_at_disk();
        writer.publish();
        Ok(writer)
    }

    /// Works until the last handle is gone, [`Work::Close`] came, or a write failed.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Work>) {
        let guard = Guard(Arc::clone(&self.shared));
        let mut batch = Vec::with_capacity(TURN_ITEMS);
        let mut closing = None;
        let ended = loop {
            let ControlFlow::Continue(()) = self.collect(&mut queue, &mut batch, &mut closing) else {
                break self.finish();
            };
            if let Err(halted) = self.turn(&mut batch) {
                break Err(halted);
            }
        };
        if let Err(halted) = &ended {
            if halted.is_damage() {
                // Without the mark the next start looks for itself.
                let _best_effort = damaged::request(&self.held.path);
            }
            self.shared.halt(halted.clone());
        }
        queue.close();
        while let Ok(work) = queue.try_recv() {
            batch.push(work);
        }
        // A failed sync is not retried, so the file is not checkpointed when it closes either.
        if ended.is_err() {
            let _best_effort = self.held.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
        let why = if ended.is_err() { AppendError::Halted } else { AppendError::Closed };
        drop(self);
        for mut work in batch {
            work.refuse(why);
            match work {
                Work::Close(answer) => closing = closing.or(Some(answer)),
                work => work.answer(),
            }
        }
        drop(guard);
        if let Some(answer) = closing {
            let _gone = answer.send(ended);
        }
    }

    /// Waits for work and takes all there is, up to the bounds of a turn; nothing when only the writer's own
    /// work waits. Breaks when no more can come.
    fn collect(
        &self,
        queue: &mut mpsc::Receiver<Work>,
        batch: &mut Vec<Work>,
        closing: &mut Option<oneshot::Sender<Result<(), Halted>>>,
    ) -> ControlFlow<()> {
        let mut bytes = 0;
        let mut next = if self.retained.more {
            match queue.try_recv() {
                Ok(work) => Some(work),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return ControlFlow::Break(()),
            }
        } else {
            match queue.blocking_recv() {
                Some(work) => Some(work),
                None => return ControlFlow::Break(()),
            }
        };
        while let Some(work) = next {
            if let Work::Close(answer) = work {
                // What is in the queue is still done; nothing more comes in.
                queue.close();
                closing.get_or_insert(answer);
            } else {
                bytes += work.weight();
                batch.push(work);
            }
            if batch.len() >= TURN_ITEMS || bytes >= TURN_BYTES {
                break;
            }
            next = queue.try_recv().ok();
        }
        ControlFlow::Continue(())
    }

    /// One turn: a transaction with everything in `batch`, then the answers.
    pub(crate) fn turn(&mut self, batch: &mut Vec<Work>) -> Result<(), Halted> {
        // A checkpoint may fail at any time; from then on nothing is promised.
        let result = self.shared.ended().and_then(|()| self.settle(batch)).and_then(|()| self.shared.ended());
        if result.is_err() {
            batch.iter_mut().for_each(|work| work.refuse(AppendError::Halted));
            self.shared.writable.store(false, Ordering::Release);
        } else {
            self.publish();
        }
        batch.drain(..).for_each(Work::answer);
        result.and_then(|()| self.checkpoint())
    }

    fn settle(&mut self, batch: &mut [Work]) -> Result<(), Halted> {
        if batch.iter().any(|work| matches!(work, Work::Tick)) {
            self.tick()?;
        }
        self.look_at_disk();
        let probe = self.stalled.is_some_and(|(_, retry)| retry <= Instant::now());
        if !probe && !batch.iter().any(Work::writes) && !self.due() {
            self.retained = Retained::default();
            return Ok(());
        }
        let mut growth = probe || self.stalled.is_none();
        loop {
            let started = Instant::now();
            match self.transact(batch, growth, probe) {
                Ok(()) => {
                    if growth {
                        self.stalled = None;
                    }
                    self.count(batch, started.elapsed());
                    return Ok(());
                }
                Err(trouble) => {
                    self.undo(trouble)?;
                    // What moves cursors and frees rows must not wait for room that only it can make.
                    if !growth {
                        batch.iter_mut().for_each(|work| work.refuse(AppendError::Full));
                        return Ok(());
                    }
                    growth = false;
                }
            }
        }
    }

    /// Everything of one turn between `BEGIN` and `COMMIT`.
    fn transact(&mut self, batch: &mut [Work], growth: bool, probe: bool) -> Result<(), Trouble> {
        self.retained = Retained::default();
        let conn = &self.held.conn;
        execute(conn, "BEGIN IMMEDIATE").map_err(|error| judge(conn, "beginning a transaction", error))?;
        self.apply(batch, growth, probe)
            .map_err(|error| judge(&self.held.conn, "writing a transaction", error))?;
        let conn = &self.held.conn;
        execute(conn, "COMMIT").map(drop).map_err(|error| judge(conn, "committing", error))
    }

    fn apply(&mut self, batch: &mut [Work], growth: bool, probe: bool) -> rusqlite::Result<()> {
        let conn = &self.held.conn;
        let now = self.clock.now();
        if probe && growth {
            conn.pragma_update(None, "user_version", schema::FORMAT)?;
        }
        for work in &mut *batch {
            work::place(conn, &mut self.ledger, work, now)?;
        }
        self.ledger.resolve(conn)?;

        let mut need: i64 = batch.iter().map(work::need).sum();
        if let Some((refused, _)) = self.refused {
            need = need.max(refused);
        }
        let plan = self.bounds.plan(now, need, self.ages);
        // The figure of the last commit stands, unless cursors were made since.
        let made = batch.iter().any(|work| matches!(work, Work::Register { .. }));
        let mut room = if made { schema::live_bytes(conn)? } else { self.used };
        self.retained = retain::retain(conn, &mut self.ledger, &mut room, &plan)?;
        let mut inserts = Inserts::new(conn);
        for work in &mut *batch {
            let need = work::need_of(work, growth, self.low_disk);
            work::fill(&mut inserts, &mut self.ledger, work, need, &mut room, &self.bounds)?;
        }
        if self.fold && growth {
            let stamp = self.ledger.stamp();
            self.ledger.state.fold(conn, stamp)?;
            self.fold = false;
        }
        self.ledger.save(conn)?;
        self.used = schema::live_bytes(conn)?;
        Ok(())
    }

    /// Takes back a transaction that failed; an error when the journal has to stop.
    fn undo(&mut self, trouble: Trouble) -> Result<(), Halted> {
        self.retained = Retained::default();
        let reason = match trouble {
            Trouble::Full(reason) => reason,
            Trouble::Halt(halted) => return Err(halted),
        };
        let conn = &self.held.conn;
        if !conn.is_autocommit() {
            execute(conn, "ROLLBACK").map_err(|error| halted("rolling back", error))?;
        }
        self.ledger.load(conn).map_err(|error| halted("reading back", error))?;
        self.used = schema::live_bytes(conn).map_err(|error| halted("reading back", error))?;
        self.stalled = Some((reason, Instant::now() + RETRY));
        Ok(())
    }

    /// What is looked at once a second.
    fn tick(&mut self) -> Result<(), Halted> {
        let path = &self.held.path;
        match files::identity(path) {
            Ok(identity) if identity == self.held.identity => {}
            // What is written now goes to a file that nobody will open again.
            Ok(_) => return Err(halted("finding its file", std::io::Error::other("another file is there"))),
            Err(error) => return Err(halted("finding its file", error)),
        }
        let now = self.clock.now();
        if now.saturating_sub(self.registered_seen) > SEEN_MICROS {
            self.touch(now);
        }
        let conn = &self.held.conn;
        self.fold = self.ledger.state.waits();
        self.ages = retain::overdue(conn, &self.ledger, now).map_err(|error| halted("reading", error))?;
        Ok(())
    }

    /// Remembers that the registered cursors still are.
    fn touch(&mut self, now: i64) {
        self.registered_seen = now;
        for cursor in self.ledger.cursors.iter_mut().filter(|cursor| cursor.registered) {
            cursor.seen = now;
            cursor.dirty = true;
        }
    }

    fn due(&mut self) -> bool {
        let now = self.clock.now();
        let need = self.refused.map_or(0, |(need, _)| need);
        let plan = self.bounds.plan(now, need, self.ages);
        self.fold
            || self.ledger.cursors.iter().any(|cursor| cursor.dirty)
            || retain::due(&self.ledger, self.used, &plan)
    }

    fn look_at_disk(&mut self) {
        if self.disk_seen.is_some_and(|seen| seen.elapsed() < RETRY) {
            return;
        }
        self.disk_seen = Some(Instant::now());
        let directory = self.held.path.parent().unwrap_or(&self.held.path);
        if let Ok(found) = rustix::fs::statvfs(directory) {
            self.low_disk = found.f_bavail.saturating_mul(found.f_frsize) < self.bounds.free;
        }
    }

    fn count(&mut self, batch: &[Work], took: Duration) {
        let refused = batch.iter().filter_map(|work| match work {
            Work::Append { record, priority: Priority::Normal, answer }
                if answer.verdict == Err(AppendError::Full) =>
            {
                Some(work::pages(record.weight()))
            }
            _ => None,
        });
        if let Some(need) = refused.max() {
            let reason = if self.low_disk { FullReason::Disk } else { FullReason::Bound };
            self.refused = Some((need, reason));
        }
        let mut pulse = self.shared.pulse.lock().expect("nothing panics while it holds the pulse");
        pulse.commits += 1;
        pulse.largest_group = pulse.largest_group.max(batch.len() as u64);
        pulse.last_commit = took;
    }

    /// Tells everybody who looks on where the journal is now.
    fn publish(&mut self) {
        if let Some((need, _)) = self.refused
            && !self.low_disk
            && self.used + need <= self.bounds.room(Priority::Normal)
        {
            self.refused = None;
        }
        let full = self
            .stalled
            .map(|(reason, _)| reason)
            .or_else(|| self.low_disk.then_some(FullReason::Disk))
            .or_else(|| self.refused.map(|(_, reason)| reason));
        self.shared.writable.store(full.is_none(), Ordering::Release);

        for log in Log::ALL {
            let tail = Position::from_sql(self.ledger.ends(log).tail.position);
            self.shared.tails[log.index()].send_if_modified(|known| {
                let new = *known != tail;
                *known = tail;
                new
            });
        }
        let max = self.bounds.room(Priority::Normal);
        let kept = self.used.saturating_sub(self.ledger.history_bytes());
        let retained = std::mem::take(&mut self.retained);
        self.shared.said.send_if_modified(|said| {
            let before = (said.full, said.near);
            said.full = full;
            if kept > max / 5 * 4 {
                said.near.get_or_insert_with(|| (kept.unsigned_abs(), max.unsigned_abs()));
            } else if kept < max / 10 * 7 {
                said.near = None;
            }
            retained.losses.iter().for_each(|loss| said.lose(loss));
            before != (said.full, said.near) || !retained.losses.is_empty()
        });
        self.retained.more = retained.more;
    }

    /// Keeps the write-ahead log short, after everybody was answered.
    fn checkpoint(&mut self) -> Result<(), Halted> {
        let looked = self.checkpointer.look();
        self.copied(looked)?;
        let conn = &self.held.conn;
        let (_, frames, copied) =
            wal(conn, "PRAGMA wal_checkpoint(NOOP)").map_err(|error| halted(DOING, error))?;
        match self.pace.step(frames, copied, self.checkpointer.running()) {
            Step::Nothing => Ok(()),
            Step::Copy => {
                self.checkpointer.ask();
                Ok(())
            }
            Step::Restart => {
                let waited = self.checkpointer.wait();
                self.copied(waited)?;
                let restarted = self.restart();
                self.copied(restarted)
            }
        }
    }

    /// Copies what is left and waits a moment for readers, so that the next write begins the log anew.
    fn restart(&mut self) -> Result<(), Trouble> {
        let conn = &self.held.conn;
        let timeout = |wait| conn.busy_timeout(wait).map_err(|error| Trouble::Halt(halted(DOING, error)));
        timeout(READER_WAIT)?;
        let done = wal(conn, "PRAGMA wal_checkpoint(RESTART)");
        timeout(files::BUSY)?;
        let (busy, frames, _) = done.map_err(|error| judge(conn, DOING, error))?;
        self.pace.restarted(busy, frames);
        Ok(())
    }

    /// What a checkpoint came to; an error when the journal has to stop.
    fn copied(&mut self, done: Result<(), Trouble>) -> Result<(), Halted> {
        match done {
            Ok(()) => Ok(()),
            Err(Trouble::Full(reason)) => {
                self.stalled = Some((reason, Instant::now() + RETRY));
                self.pace.again();
                Ok(())
            }
            Err(Trouble::Halt(halted)) => Err(halted),
        }
    }

    /// The orderly end.
    fn finish(&mut self) -> Result<(), Halted> {
        self.shared.ended()?;
        let now = self.clock.now();
        self.touch(now);
        self.fold = true;
        for growth in [true, false] {
            match self.transact(&mut [], growth, false) {
                Ok(()) => break,
                Err(trouble) => self.undo(trouble)?,
            }
        }
        self.publish();
        self.checkpointer
            .end()
            .and_then(|()| {
                let conn = &self.held.conn;
                wal(conn, "PRAGMA wal_checkpoint(TRUNCATE)").map_err(|error| judge(conn, DOING, error))
            })
            .map(drop)
            .or_else(|trouble| match trouble {
                // The log stays beside the file and the next start reads it.
                Trouble::Full(_) => Ok(()),
                Trouble::Halt(halted) => Err(halted),
            })
    }
}

/// Says that the writer is gone, should it panic.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halt(halted("the writer", std::io::Error::other("it panicked")));
        }
        self.0.writable.store(false, Ordering::Release);
    }
}

fn execute(conn: &Connection, sql: &str) -> rusqlite::Result<usize> {
    conn.prepare_cached(sql)?.execute([])
}

const TURN_ITEMS: usize = 256;
const TURN_BYTES: u64 = 4 << 20;
const RETRY: Duration = Duration::from_secs(1);
const SEEN_MICROS: i64 = 3_600_000_000;
/// How long a checkpoint of the writer's own waits for readers; their reads are short.
const READER_WAIT: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
