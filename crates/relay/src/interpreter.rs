//! Reads the inbox in order and writes alerts to the outbox: the only place where both are touched.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use alarm::{Alert, Effects, Known};
use bytes::Bytes;
use ids::Timestamp;
use journal::{Commit, CursorSpec, Journal, Log, OutRecord, Position, ReadError, Reader};
use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use crate::Error;
use crate::error::{Cause, Chain};
use crate::inbox;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::stop::Stop;
use crate::supervisor::Voice;

/// Reads the inbox and writes the outbox.
#[derive(Debug)]
pub(crate) struct Interpreter {
    pub(crate) journal: Journal,
    pub(crate) intake: Arc<Intake>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) voice: Voice,
}

impl Interpreter {
    /// Interprets until `stop` turns true and the inbox is read to its end.
    pub(crate) async fn run(self, mut stop: Stop) -> Result<(), Error> {
        let spec =
            CursorSpec { log: Log::Inbox, start: journal::Start::Oldest, max_bytes: None, max_age: None };
        let mut at =
            self.journal.register(CURSOR, spec).await.map_err(failed("registering the interpreter"))?;
        let mut reader = self.journal.reader(Log::Inbox).map_err(failed("opening the inbox"))?;
        let mut tail = self.journal.tail(Log::Inbox);
        let mut interpreted: Option<Batch> = None;
        loop {
            let end = *tail.borrow_and_update();
            if interpreted.is_none() && end <= at {
                if stop.is_told() {
                    return Ok(());
                }
                tokio::select! {
                    changed = tail.changed() => changed.map_err(failed("waiting for the inbox"))?,
                    () = stop.told() => {}
                }
                continue;
            }
            // While one batch is written, which is waiting for the disk, the next one is interpreted.
            let unwritten: State = interpreted.iter().flat_map(|batch| batch.effects.state.clone()).collect();
            let write = async {
                match interpreted.take() {
                    Some(batch) => {
                        self.yield_to_intake(batch.oldest, &stop).await;
                        self.commit(batch).await
                    }
                    None => Ok(()),
                }
            };
            let interpret = async {
                let next = || self.interpret(&mut reader, at, &unwritten);
                if end > at { tokio::task::block_in_place(next) } else { Ok(None) }
            };
            let (written, next) = tokio::join!(write, interpret);
            written?;
            interpreted = next?;
            at = interpreted.as_ref().map_or_else(|| end.max(at), |batch| batch.to);
        }
    }

    /// Reads some entries and interprets them, given the state that the journal does not have yet; `None` when there
    /// is nothing behind `after`.
    fn interpret(
        &self,
        reader: &mut Reader,
        after: Position,
        unwritten: &State,
    ) -> Result<Option<Batch>, Error> {
        let entries = reader.read(after, BATCH_ENTRIES, BATCH_BYTES).map_err(failed("reading the inbox"))?;
        if entries.is_empty() {
            return Ok(None);
        }
        let mut batch = Batch { from: after, to: after, oldest: None, effects: Effects::default() };
        let mut known = Known::new();
        // what was looked up is not looked up again: the journal does not know yet what this batch changes
        let mut looked_up = HashSet::new();
        for entry in &entries {
            if batch.effects.alerts.len() >= BATCH_ALERTS {
                break;
            }
            batch.to = entry.position();
            let row = match entry {
                journal::Entry::Row(row) => row,
                journal::Entry::Damaged { from, to } => {
                    error!(%from, %to, "damaged entries in the inbox cannot be interpreted");
                    continue;
                }
            };
            let at = Timestamp::from_micros(row.at);
            batch.oldest = batch.oldest.or(Some(at));
            let Some(entry) = inbox::entry(row) else {
                error!(position = %row.position, kind = row.kind, "an entry of an unknown kind was passed over");
                self.voice.unusable(Log::Inbox, row.position);
                continue;
            };
            for key in alarm::keys_needed(&entry) {
                if looked_up.insert(key.clone()) {
                    let value = match unwritten.get(&key) {
                        Some(value) => value.clone(),
                        None => self.state(reader, &key)?,
                    };
                    known.extend(value.map(|value| (key, value)));
                }
            }
            let effects = alarm::step(&known, &entry);
            for (key, value) in &effects.state {
                match value {
                    Some(value) => known.insert(key.clone(), value.clone()),
                    None => known.remove(key),
                };
            }
            batch.effects.alerts.extend(effects.alerts);
            batch.effects.state.extend(effects.state);
        }
        Ok(Some(batch))
    }

    /// What the journal knows under `key`; what is damaged is not known any more.
    fn state(&self, reader: &mut Reader, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match reader.state(key) {
            Ok(value) => Ok(value.map(|value| value.to_vec())),
            Err(error @ ReadError::DamagedState { .. }) => {
                error!(error = %Chain(&error), "what was known of a problem is lost; it counts as new");
                Ok(None)
            }
            Err(source) => Err(failed("reading the state")(source)),
        }
    }

    /// Lets the intake go first while it is busy, but never for long: an alert is no use when it is late.
    async fn yield_to_intake(&self, oldest: Option<Timestamp>, stop: &Stop) {
        let limit = Instant::now() + MAX_YIELD;
        while self.intake.in_flight() >= BUSY
            && !stop.is_told()
            && Instant::now() < limit
            && oldest.is_none_or(|oldest| Timestamp::now().since(oldest) < MAX_YIELD)
        {
            sleep(YIELD_STEP).await;
        }
    }

    async fn commit(&self, batch: Batch) -> Result<(), Error> {
        let now = Timestamp::now().micros();
        let unread = batch.effects.alerts.iter().filter(|alert| alert.kind == "uninterpretable").count();
        if unread > 0 {
            warn!(entries = unread, "messages could not be understood; they were stored, and alerts say so");
            self.metrics.uninterpretable.inc_by(unread as u64);
        }
        self.metrics.alerts.inc_by(batch.effects.alerts.len() as u64);
        let mut commit = Commit { cursor: (CURSOR.to_owned(), batch.from), ..Commit::default() };
        let mut alerts = batch.effects.alerts.into_iter().peekable();
        loop {
            let (rows, told) = rows(&mut alerts, now);
            commit.alerts = rows;
            if alerts.peek().is_none() {
                commit.state = batch.effects.state;
                commit.cursor.1 = batch.to;
                return self.write(&commit, told).await;
            }
            // a single message can hold more alerts than one commit takes: they go ahead, and the cursor
            // follows with the last of them, so that a crash between the two repeats and never loses
            self.write(&commit, told).await?;
        }
    }

    /// Writes, waiting while there is no room: what is in the inbox is kept meanwhile. Then tells the sinks.
    async fn write(&self, commit: &Commit, told: Vec<(Arc<Alert>, usize)>) -> Result<(), Error> {
        loop {
            match self.journal.commit(commit.clone()).await {
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

/// As many of `alerts` as one commit takes: the rows of the outbox, and each alert with the bytes of its row.
fn rows(alerts: &mut impl Iterator<Item = Alert>, at: i64) -> (Vec<OutRecord>, Vec<(Arc<Alert>, usize)>) {
    let mut bytes = Vec::new();
    let mut told = Vec::new();
    while bytes.len() < COMMIT_BYTES
        && let Some(alert) = alerts.next()
    {
        let before = bytes.len();
        serde_json::to_writer(&mut bytes, &alert).expect("texts and numbers are JSON");
        told.push((Arc::new(alert), bytes.len() - before));
    }
    // one buffer holds the bodies of all rows
    let mut rest = Bytes::from(bytes);
    let rows = told.iter().map(|(_, length)| OutRecord { at, body: rest.split_to(*length) }).collect();
    (rows, told)
}

/// What some keys stand for; `None` for one that is forgotten.
type State = HashMap<Vec<u8>, Option<Vec<u8>>>;

/// What came of some entries.
#[derive(Debug)]
struct Batch {
    from: Position,
    to: Position,
    oldest: Option<Timestamp>,
    effects: Effects,
}

pub(crate) fn is_full(error: &journal::CursorError) -> bool {
    matches!(error, journal::CursorError::NotWritten(journal::AppendError::Full))
}

pub(crate) fn failed<E: Into<Cause>>(action: &'static str) -> impl FnOnce(E) -> Error {
    move |source| Error::Journal { action, source: source.into() }
}

/// The interpreter's own cursor in the inbox.
const CURSOR: &str = "@interpret";

/// How much is interpreted in one commit.
const BATCH_ENTRIES: usize = 512;
const BATCH_BYTES: usize = 4 << 20;
/// How many alerts end a batch; the message that brings them is still finished.
const BATCH_ALERTS: usize = 4096;
const COMMIT_BYTES: usize = 8 << 20;

/// Requests in flight from which on the intake counts as busy.
const BUSY: usize = 16;

/// How long interpreting may wait for the intake, and in which steps it looks.
const MAX_YIELD: Duration = Duration::from_secs(2);
const YIELD_STEP: Duration = Duration::from_millis(5);

/// How long to wait before writing is tried again on a full journal.
const FULL_PAUSE: Duration = Duration::from_millis(500);
