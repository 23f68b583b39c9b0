//! Reads the inbox in order and writes alerts to the outbox: the only place where both are touched.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alarm::{Alert, Remarks, Rules, Unnamed};
use bytes::Bytes;
use ids::Timestamp;
use journal::{AppendError, Commit, CursorSpec, Journal, Log, OutRecord, Position, Priority};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::Error;
use crate::admin::page::tops::Tops;
use crate::error::{Cause, Chain};
use crate::inbox::{self, Inbox};
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::stop::Stop;
use crate::supervisor::Voice;

mod thread;

use thread::{Batch, Thread};

/// Reads the inbox and writes the outbox.
#[derive(Debug)]
pub(crate) struct Interpreter {
    pub(crate) journal: Journal,
    pub(crate) inbox: Inbox,
    /// Where the inbox ended when the journal was opened.
    pub(crate) opened_at: Position,
    pub(crate) intake: Arc<Intake>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) voice: Voice,
    /// What it goes by; another one counts for what is not interpreted yet.
    pub(crate) rules: watch::Receiver<Arc<Rules>>,
    /// Whoever looks up what the directory does not name.
    pub(crate) unnamed: mpsc::Sender<(String, Unnamed)>,
    /// Types that were said to be in no catalogue.
    pub(crate) unknown: UnknownTypes,
    pub(crate) tops: Arc<Tops>,
}

/// Types that are in no catalogue, each said once.
#[derive(Debug, Default)]
pub(crate) struct UnknownTypes(HashSet<String>);

impl UnknownTypes {
    fn say(&mut self, name: String) {
        if self.0.len() < MOST_UNKNOWN && !self.0.contains(&name) {
            info!(r#type = name, "a type that is in no catalogue passes through; this is said once");
            self.0.insert(name);
        }
    }
}

impl Interpreter {
    /// Interprets until `stop` turns true and the inbox is read to its end.
    pub(crate) async fn run(mut self, mut stop: Stop) -> Result<(), Error> {
        let spec =
            CursorSpec { log: Log::Inbox, start: journal::Start::Oldest, max_bytes: None, max_age: None };
        let mut at =
            self.journal.register(CURSOR, spec).await.map_err(failed("registering the interpreter"))?;
        let waiting = self.opened_at.number().saturating_sub(at.number());
        self.metrics.inbox_at_start.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        let (mut thread, mut due) = self.start()?;
        self.metrics.held_at_start.set(self.metrics.held.get());
        let mut tail = self.journal.tail(Log::Inbox);
        let mut interpreted: Option<Batch> = None;
        let mut ticked = Position::ZERO;
        let mut seen = *tail.borrow();
        loop {
            if interpreted.is_none() && self.rules.has_changed().unwrap_or(false) {
                // everything is written down, so that another one remembers all of it
                (thread, due) = self.start()?;
            }
            let end = *tail.borrow_and_update();
            if ticked <= at && due.is_some_and(|due| due <= Timestamp::now()) && !stop.is_told() {
                ticked = self.tick().await?.unwrap_or(ticked);
                continue;
            }
            if interpreted.is_none() && end <= at {
                if stop.is_told() {
                    return Ok(());
                }
                let wait = due.map_or(LONG, |due| due.since(Timestamp::now()).min(LONG));
                tokio::select! {
                    changed = tail.changed() => changed.map_err(failed("waiting for the inbox"))?,
                    () = sleep(wait), if ticked <= at => {}
                    Ok(()) = self.rules.changed() => self.rules.mark_changed(),
                    () = stop.told() => {}
                }
                continue;
            }
            // While one batch is written, which is waiting for the disk, the next one is interpreted.
            let most = entries_at_once(came_in(seen, end));
            // one that goes by other rules takes over once what there is is written
            let changed = self.rules.has_changed().unwrap_or(false);
            let write = async {
                match interpreted.take() {
                    Some(batch) => {
                        self.yield_to_intake(batch.oldest, end, &stop).await;
                        self.commit(batch).await
                    }
                    None => Ok(()),
                }
            };
            seen = end;
            let interpret = async {
                match end > at && !changed {
                    true => thread.interpret(at, most).await.map(Some),
                    false => Ok(None),
                }
            };
            let (written, next) = tokio::join!(write, interpret);
            written?;
            interpreted = None;
            if let Some(answer) = next? {
                due = answer.due;
                interpreted = answer.batch;
                self.metrics.problems_open.set(i64::try_from(answer.open).unwrap_or(i64::MAX));
            }
            at = match &interpreted {
                Some(batch) => batch.to,
                None if changed => at,
                None => end.max(at),
            };
        }
    }

    /// The thread that interprets, by the rules as they are now, and when a tick is due.
    fn start(&mut self) -> Result<(Thread, Option<Timestamp>), Error> {
        let reader = self.journal.reader(Log::Inbox).map_err(failed("opening the inbox"))?;
        let rules = Rules::clone(&self.rules.borrow_and_update());
        let (thread, remembered) = Thread::start(reader, rules, self.voice.clone())?;
        self.metrics.problems_open.set(i64::try_from(remembered.open).unwrap_or(i64::MAX));
        self.metrics.held.set(i64::try_from(remembered.held).unwrap_or(i64::MAX));
        Ok((thread, remembered.due))
    }

    /// Lets the intake go first while it is busy, but never for long: an alert is no use when it is late. When it is
    /// late, only until a few more messages than `seen` came in: they are written in one go, and so are the alerts.
    async fn yield_to_intake(&self, oldest: Option<Timestamp>, seen: Position, stop: &Stop) {
        let tail = self.journal.tail(Log::Inbox);
        let limit = Instant::now() + MAX_YIELD;
        let late = |oldest: Timestamp| Timestamp::now().since(oldest) >= MAX_YIELD;
        while self.intake.in_flight() >= BUSY
            && !stop.is_told()
            && Instant::now() < limit
            && (!oldest.is_some_and(late) || came_in(seen, *tail.borrow()) < FEW_ENTRIES)
        {
            sleep(YIELD_STEP).await;
        }
    }

    /// Says in the inbox that time has passed; `None` when there is no room, and a while later there may be.
    async fn tick(&self) -> Result<Option<Position>, Error> {
        match self.inbox.store(inbox::tick(Timestamp::now()), Priority::Own).await {
            Ok(position) => Ok(Some(position)),
            Err(AppendError::Full) => {
                sleep(FULL_PAUSE).await;
                Ok(None)
            }
            Err(source) => Err(failed("storing that time has passed")(source)),
        }
    }

    /// Passes on what was come across.
    fn remark(&mut self, remarks: Remarks, held: usize) {
        self.metrics.remarked(&remarks, held);
        for name in remarks.unknown_types {
            self.unknown.say(name);
        }
        for (org, unnamed) in remarks.unnamed {
            // whoever looks them up has enough to do; it will be met again
            let Ok(room) = self.unnamed.try_reserve() else { break };
            room.send((org.into(), unnamed));
        }
    }

    async fn commit(&mut self, mut batch: Batch) -> Result<(), Error> {
        let now = Timestamp::now().micros();
        self.remark(std::mem::take(&mut batch.effects.remarks), batch.held);
        for (kind, count) in std::mem::take(&mut batch.kinds) {
            self.metrics.interpreted(kind, count);
        }
        self.tops.add(&batch.effects.alerts, std::time::Instant::now());
        let unread = batch.effects.alerts.iter().filter(|alert| alert.kind == "uninterpretable").count();
        if unread > 0 {
            warn!(entries = unread, "messages could not be understood; they were stored, and alerts say so");
            self.metrics.uninterpretable.inc_by(unread as u64);
        }
        let mut commit = Commit { cursor: (CURSOR.to_owned(), batch.from), ..Commit::default() };
        let mut alerts = batch.effects.alerts.into_iter().peekable();
        let forget = batch.effects.forget.into_iter().map(|keys| keys.start.into_vec()..keys.end.into_vec());
        let forget: Vec<_> = forget.collect();
        let mut stored = batch.stored.into_bodies();
        let (ahead, state) = in_parts(batch.state);
        loop {
            let (rows, told) = rows(&mut alerts, &mut stored, now);
            commit.alerts = rows;
            if alerts.peek().is_none() && ahead.is_empty() {
                commit.forget = forget;
                commit.state = state;
                commit.cursor.1 = batch.to;
                return self.write(commit, told).await;
            }
            // a single message can hold more alerts than one commit takes: they go ahead, and the cursor
            // follows with the last of them, so that a crash between the two repeats and never loses
            self.write(commit.clone(), told).await?;
            if alerts.peek().is_none() {
                break;
            }
        }
        // and it can hold more problems: they are there before what says that their events were seen, so that a
        // crash between the two tells them again
        commit.alerts = Vec::new();
        for part in ahead {
            commit.state = part;
            self.write(commit.clone(), Vec::new()).await?;
        }
        (commit.forget, commit.state, commit.cursor.1) = (forget, state, batch.to);
        self.write(commit, Vec::new()).await
    }

    /// Writes, waiting while there is no room: what is in the inbox is kept meanwhile. Then tells the sinks.
    async fn write(&self, commit: Commit, told: Vec<(Arc<Alert>, usize)>) -> Result<(), Error> {
        let commit = Arc::new(commit);
        loop {
            match self.journal.commit(Arc::clone(&commit)).await {
                Ok(newest) => {
                    self.outbox.wrote(newest, told);
                    return Ok(());
                }
                Err(error) if is_full(&error) => {
                    warn!(error = %Chain(&error), "interpreting waits for room in the journal");
                    sleep(FULL_PAUSE).await;
                }
                Err(source) => return Err(failed("writing alerts")(source)),
            }
        }
    }
}

/// How many entries came in between two ends of the inbox.
fn came_in(before: Position, now: Position) -> usize {
    usize::try_from(now.number().saturating_sub(before.number())).unwrap_or(usize::MAX)
}

/// How many entries are interpreted in the next commit, when `arrived` came in since the last one.
///
/// A quarter more than came in: what is behind shrinks, and the intake, which waits while a commit is written, is not
/// starved by long ones. As many as fit while the intake rests.
fn entries_at_once(arrived: usize) -> usize {
    match arrived < FEW_ENTRIES {
        true => MOST_ENTRIES,
        false => arrived.saturating_add(arrived / 4).min(MOST_ENTRIES),
    }
}

/// As many of `alerts` as one commit takes: the rows of the outbox, and each alert with the bytes of its row; `stored`
/// are the bodies of the first ones.
fn rows(
    alerts: &mut impl Iterator<Item = Alert>,
    stored: &mut impl Iterator<Item = Bytes>,
    at: i64,
) -> (Vec<OutRecord>, Vec<(Arc<Alert>, usize)>) {
    let few = alerts.size_hint().0.min(MOST_ENTRIES);
    let (mut rows, mut told) = (Vec::with_capacity(few), Vec::with_capacity(few));
    let mut bytes = 0;
    while bytes < COMMIT_BYTES
        && let Some(alert) = alerts.next()
    {
        let body = stored.next().unwrap_or_else(|| {
            let mut body = Vec::new();
            alert.put_json(&mut body);
            body.into()
        });
        bytes += body.len();
        told.push((Arc::new(alert), body.len()));
        rows.push(OutRecord { at, body });
    }
    (rows, told)
}

/// Keys of the state and what they stand for, in the order in which they are written.
type Rows = Vec<(Bytes, Option<Bytes>)>;

/// What of the state has to go ahead in commits of its own, and what is left for the last one: everything, unless it is
/// more than one commit takes; then only what says that events were seen.
fn in_parts(state: Rows) -> (Vec<Rows>, Rows) {
    let weight = |(key, value): &(Bytes, Option<Bytes>)| key.len() + value.as_ref().map_or(0, Bytes::len);
    if state.iter().map(weight).sum::<usize>() <= COMMIT_BYTES {
        return (Vec::new(), state);
    }
    let (last, ahead): (Rows, Rows) = state.into_iter().partition(|(key, _)| alarm::says_seen(key));
    let mut parts: Vec<Rows> = Vec::new();
    let mut bytes = COMMIT_BYTES;
    for row in ahead {
        if bytes >= COMMIT_BYTES {
            parts.push(Rows::new());
            bytes = 0;
        }
        bytes += weight(&row);
        parts.last_mut().expect("one was pushed").push(row);
    }
    (parts, last)
}

pub(crate) fn is_full(error: &journal::CursorError) -> bool {
    matches!(error, journal::CursorError::NotWritten(AppendError::Full))
}

pub(crate) fn failed<E: Into<Cause>>(action: &'static str) -> impl FnOnce(E) -> Error {
    move |source| Error::Journal { action, source: source.into() }
}

/// The interpreter's own cursor in the inbox.
const CURSOR: &str = "@interpret";

/// How many bytes of alerts, and of the state, are written in one commit, and one row more: both together have room
/// in one record of the journal.
const COMMIT_BYTES: usize = 4 << 20;

/// Requests in flight from which on the intake counts as busy.
const BUSY: usize = 16;

/// How many entries are few enough to wait for, and at most interpreted in one commit.
const FEW_ENTRIES: usize = 400;
const MOST_ENTRIES: usize = 512;

/// How long interpreting may wait for the intake, and in which steps it looks.
const MAX_YIELD: Duration = Duration::from_secs(2);
const YIELD_STEP: Duration = Duration::from_millis(2);

/// How long nothing may be due at most.
const LONG: Duration = Duration::from_secs(3600);

/// Of how many types it is remembered that they were said to be unknown.
const MOST_UNKNOWN: usize = 4096;

/// How long to wait before writing is tried again on a full journal.
const FULL_PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
