//! The thread that reads entries and interprets them.
//!
//! It has one of its own, so that computing keeps no other task waiting, and so that what a large message takes while
//! it is read comes from one place: memory that each of several threads had needed once would stay with each.

use std::collections::{BTreeMap, HashSet};
use std::sync::mpsc::{SyncSender, sync_channel};

use alarm::{Alert, Effects, Known, Rules, StateKey, StateValue};
use bytes::Bytes;
use ids::Timestamp;
use journal::{Log, Position, ReadError, Reader};
use tokio::sync::oneshot;
use tracing::error;

use super::{COMMIT_BYTES, failed};
use crate::Error;
use crate::error::Chain;
use crate::inbox;
use crate::supervisor::Voice;

/// The thread, as who asks it sees it; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Thread(SyncSender<Question>);

/// What is behind a position?
#[derive(Debug)]
struct Question {
    after: Position,
    most: usize,
    answer: oneshot::Sender<Result<Answer, Error>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// `None` when there is nothing behind the position.
    pub(super) batch: Option<Batch>,
    /// When a tick is due.
    pub(super) due: Option<Timestamp>,
    /// How many problems are there.
    pub(super) open: usize,
    /// How many raises are held down.
    pub(super) held: usize,
}

/// What came of some entries.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) from: Position,
    pub(super) to: Position,
    pub(super) oldest: Option<Timestamp>,
    /// How many entries of each kind.
    pub(super) kinds: BTreeMap<&'static str, u64>,
    /// Everything but the state.
    pub(super) effects: Effects,
    pub(super) state: super::Rows,
    /// The first of its alerts as they are stored.
    pub(super) stored: Stored,
    /// How many raises are held down behind it.
    pub(super) held: usize,
}

/// Alerts as they are stored, written while they are at hand: a batch later the processor has to fetch them again.
#[derive(Debug, Default)]
pub(super) struct Stored {
    bodies: Vec<u8>,
    /// How many bytes of `bodies` each has.
    lengths: Vec<usize>,
}

impl Stored {
    /// Writes those of `alerts` that have room in one commit.
    pub(super) fn add(&mut self, alerts: &[Alert]) {
        for alert in alerts {
            let before = self.bodies.len();
            if before >= COMMIT_BYTES {
                return;
            }
            alert.put_json(&mut self.bodies);
            self.lengths.push(self.bodies.len() - before);
        }
    }

    /// The body of each; one piece of memory holds all of them.
    pub(super) fn into_bodies(self) -> impl Iterator<Item = Bytes> {
        let mut rest = Bytes::from(self.bodies);
        self.lengths.into_iter().map(move |length| rest.split_to(length))
    }
}

impl Thread {
    /// Starts it over the inbox, with what the journal remembers; what is due by that, before any entry is read: one
    /// that is interpreted has to be written down, or it would be interpreted once more.
    pub(super) fn start(mut reader: Reader, rules: Rules, voice: Voice) -> Result<(Self, Answer), Error> {
        let interpreter = recall(&mut reader, rules)?;
        let remembered = Answer {
            batch: None,
            due: interpreter.due(),
            open: interpreter.open(),
            held: interpreter.held(),
        };
        let (ask, asked) = sync_channel::<Question>(1);
        let mut interpreting = Interpreting { reader, voice, interpreter, last: Seen::default() };
        let run = move || {
            for Question { after, most, answer } in asked {
                let answered = interpreting.held(after, most).map(|batch| Answer {
                    batch,
                    due: interpreting.interpreter.due(),
                    open: interpreting.interpreter.open(),
                    held: interpreting.interpreter.held(),
                });
                // Who no longer waits is being stopped.
                let _gone = answer.send(answered);
            }
        };
        let thread = std::thread::Builder::new().name("interpret".into()).spawn(run);
        thread.map_err(failed("starting the interpreter"))?;
        Ok((Self(ask), remembered))
    }

    /// Reads at most `most` entries and interprets them. All batches but the one before must have been written.
    pub(super) async fn interpret(&self, after: Position, most: usize) -> Result<Answer, Error> {
        let (answer, answered) = oneshot::channel();
        // One question at a time: there is room, unless the thread has ended.
        let _ended = self.0.try_send(Question { after, most, answer });
        answered.await.unwrap_or(Err(Error::Ended { part: "the interpreter" }))
    }
}

/// An interpreter that remembers what the journal does.
fn recall(reader: &mut Reader, rules: Rules) -> Result<alarm::Interpreter, Error> {
    let mut interpreter = alarm::Interpreter::new(rules);
    for (range, most) in interpreter.ranges() {
        let (mut from, mut left) = (range.start, most);
        while left > 0 {
            let rows = reader.states(&from..&range.end, left.min(ROWS));
            let rows = rows.map_err(failed("reading what is remembered"))?;
            let Some((last, _)) = rows.last() else { break };
            from = [&last[..], &[0]].concat().into();
            left -= rows.len();
            for (key, value) in &rows {
                match value {
                    Some(value) => interpreter.recall(key, value),
                    None => {
                        error!("a damaged row of what was remembered is lost; a problem of it counts as new")
                    }
                }
            }
        }
    }
    let newest = interpreter.newest();
    let newest = reader.last_key(&newest.start..&newest.end).map_err(failed("reading what is remembered"))?;
    interpreter.begin(newest.as_deref());
    Ok(interpreter)
}

/// What the thread works with.
struct Interpreting {
    reader: Reader,
    voice: Voice,
    interpreter: alarm::Interpreter,
    /// What the batch before changed: the journal may not have it yet.
    last: Seen,
}

/// What one batch looked up and changed: the journal does not know the latter yet.
#[derive(Default)]
struct Seen {
    known: Known,
    /// Keys that stand for nothing.
    absent: HashSet<StateKey>,
}

impl Seen {
    fn knows(&self, key: &[u8]) -> bool {
        self.known.contains_key(key) || self.absent.contains(key)
    }

    /// Room for what a batch of `entries` is likely to know.
    fn with_room(entries: usize) -> Self {
        Self { known: Known::with_capacity(entries), absent: HashSet::new() }
    }

    fn forget(&mut self, key: &[u8]) {
        self.known.remove(key);
        self.absent.remove(key);
    }

    fn set(&mut self, key: StateKey, value: Option<StateValue>) {
        match value {
            Some(value) => {
                if !self.absent.is_empty() {
                    self.absent.remove(&key);
                }
                self.known.insert(key, value);
            }
            None => {
                self.known.remove(&key);
                self.absent.insert(key);
            }
        }
    }
}

impl Interpreting {
    /// Interprets with one view of the journal.
    fn held(&mut self, after: Position, most: usize) -> Result<Option<Batch>, Error> {
        self.reader.hold().map_err(failed("reading the inbox"))?;
        let interpreted = self.interpret(after, most);
        self.reader.release().map_err(failed("reading the inbox"))?;
        interpreted
    }

    /// Reads at most `most` entries and interprets them; `None` when there is nothing behind `after`.
    fn interpret(&mut self, after: Position, most: usize) -> Result<Option<Batch>, Error> {
        let entries = self.reader.read(after, most, BATCH_BYTES).map_err(failed("reading the inbox"))?;
        if entries.is_empty() {
            return Ok(None);
        }
        let mut batch = Batch {
            from: after,
            to: after,
            oldest: None,
            kinds: BTreeMap::new(),
            effects: Effects::default(),
            state: Vec::new(),
            stored: Stored::default(),
            held: 0,
        };
        batch.effects.alerts.reserve(entries.len());
        batch.stored.bodies.reserve(entries.len() * USUAL_ALERT_BYTES);
        batch.effects.state.reserve(2 * entries.len());
        let mut seen = Seen::with_room(entries.len());
        // what is only read is left to the journal, which may have forgotten it by the next batch
        let mut only_read = HashSet::new();
        let problems = alarm::problem_rows();
        let problems = &problems.start[..]..&problems.end[..];
        for entry in &entries {
            if batch.effects.alerts.len() >= BATCH_ALERTS {
                break;
            }
            batch.to = entry.position();
            let row = match entry {
                journal::Entry::Row(row) => row,
                journal::Entry::Damaged { from, to } => {
                    error!(%from, %to, "damaged entries in the inbox cannot be interpreted");
                    let count = to.number() - from.number() + 1;
                    *batch.kinds.entry(inbox::DAMAGED).or_default() += count;
                    continue;
                }
            };
            *batch.kinds.entry(inbox::word(row.kind)).or_default() += 1;
            let at = Timestamp::from_micros(row.at);
            batch.oldest = batch.oldest.or(Some(at));
            let Some(entry) = inbox::entry(row) else {
                error!(position = %row.position, kind = row.kind, "an entry of an unknown kind was passed over");
                self.voice.unusable(Log::Inbox, row.position);
                continue;
            };
            let read = self.interpreter.read(entry);
            loop {
                let mut news = false;
                for key in self.interpreter.keys(&read, &seen.known) {
                    if seen.knows(&key) {
                        continue;
                    }
                    let value = self.state(&key)?;
                    // only a device's row leads to another one: its site's
                    news |= value.is_some() && alarm::directory::is_row(&key);
                    only_read.insert(key.clone());
                    seen.set(key, value);
                }
                if !news {
                    break;
                }
            }
            let before = batch.effects.state.len();
            let told = batch.effects.alerts.len();
            self.interpreter.step_into(&seen.known, read, &mut batch.effects);
            batch.stored.add(&batch.effects.alerts[told..]);
            // nothing asks for a problem's row again: the interpreter has it in memory
            let again = batch.effects.state[before..].iter().filter(|(key, _)| !problems.contains(&&key[..]));
            for (key, value) in again {
                if !only_read.is_empty() {
                    only_read.remove(key);
                }
                seen.set(key.clone(), value.clone());
            }
        }
        batch.held = self.interpreter.held();
        batch.effects.settle();
        batch.state = in_one_piece(&std::mem::take(&mut batch.effects.state));
        for key in &only_read {
            seen.forget(key);
        }
        self.last = seen;
        Ok(Some(batch))
    }

    /// What stands under `key` before this batch; what is damaged in the journal is not known any more.
    fn state(&mut self, key: &[u8]) -> Result<Option<StateValue>, Error> {
        if self.last.knows(key) {
            return Ok(self.last.known.get(key).cloned());
        }
        match self.reader.state(key) {
            Ok(value) => Ok(value.map(|value| StateValue::from_slice(&value))),
            Err(error @ ReadError::DamagedState { .. }) => {
                error!(error = %Chain(&error), "what was known of a problem is lost; it counts as new");
                Ok(None)
            }
            Err(source) => Err(failed("reading the state")(source)),
        }
    }
}

/// Rows of the state in one piece of memory: another thread frees it at once, and not two pieces for each row.
fn in_one_piece(state: &[(StateKey, Option<StateValue>)]) -> super::Rows {
    let length =
        |(key, value): &(StateKey, Option<StateValue>)| key.len() + value.as_ref().map_or(0, StateValue::len);
    let mut bytes = Vec::with_capacity(state.iter().map(length).sum());
    for (key, value) in state {
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    let mut rest = Bytes::from(bytes);
    let row = |(key, value): &(StateKey, Option<StateValue>)| {
        (rest.split_to(key.len()), value.as_ref().map(|value| rest.split_to(value.len())))
    };
    state.iter().map(row).collect()
}

/// How many rows of what is remembered are read at once.
const ROWS: usize = 1024;

/// What an alert seldom exceeds as JSON; only a first guess at a buffer.
const USUAL_ALERT_BYTES: usize = 1536;

/// How many bytes of entries are interpreted in one commit.
const BATCH_BYTES: usize = 4 << 20;
/// How many alerts end a batch; the message that brings them is still finished.
const BATCH_ALERTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_one_piece_are_the_rows() {
        let rows = [("open/1", None), ("open/9", Some("last")), ("seen/2", Some(""))];
        let state = rows.map(|(key, value)| {
            (StateKey::from_slice(key.as_bytes()), value.map(|it| StateValue::from_slice(it.as_bytes())))
        });

        assert_eq!(in_one_piece(&state), rows.map(|(key, value)| (Bytes::from(key), value.map(Bytes::from))));
    }
}
