//! From the entries of the inbox to alerts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use ids::{Mac, Timestamp};
use smallvec::SmallVec;

use crate::catalogue::{Catalogue, Role};
use crate::directory::{self, Names};
use crate::entry::Entry;
use crate::reading::{Reading, Unread};
use crate::sorted::last_of_each;
use crate::{AlarmKey, Alert, Rules, State};

mod facts;
mod message;
mod own;
mod problems;
mod remarks;
mod scratch;
mod seen;
mod work;

use facts::Told;
pub use remarks::{Occasion, PerOccasion, PerTeller, Remarks, Teller};

use own::{own_alert, own_key, own_role};
use problems::{Problem, Problems, number_of_forms, number_of_row, raise_key};
use scratch::Scratch;
use seen::{Forgetting, Recent};
use work::Work;

/// What the journal knew under the keys that [`Interpreter::keys`] named.
pub type Known = HashMap<StateKey, StateValue>;

/// A key of the state. Those that nearly every event has lie in place, so that they cost no memory of their own.
pub type StateKey = SmallVec<[u8; 24]>;

/// What stands under one; a problem's row lies in place too.
pub type StateValue = SmallVec<[u8; 72]>;

/// What an entry brings about; all of it is stored in one commit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Effects {
    /// The alerts, in the order of the events.
    pub alerts: Vec<Alert>,
    /// What the journal is to know from now on; `None` forgets a key.
    pub state: Vec<(StateKey, Option<StateValue>)>,
    /// Ranges of keys that the journal forgets, before it learns the rest.
    pub forget: Vec<Range<StateKey>>,
    /// What is worth knowing and is no alert.
    pub remarks: Remarks,
}

impl Effects {
    /// Sorts the state, so that rows that lie together are written one after the other, and leaves of what was changed
    /// more than once the last.
    pub fn settle(&mut self) {
        last_of_each(&mut self.state);
    }
}

/// Something that the directory does not name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Unnamed {
    /// A device.
    Device(Mac),
    /// A site, by its id.
    Site(String),
    /// A map, by the ids of its site and of itself.
    Map(String, String),
}

/// An open problem, as far as others need to know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenProblem {
    /// Its raise as it was told last.
    pub alert: Alert,
    /// When anything was heard of it last.
    pub heard: Timestamp,
}

/// Interprets the entries of an inbox in order.
///
/// Without I/O, clock or chance: the same entries give the same alerts, on whichever relay reads them. What it has to
/// remember is in [`Effects::state`]; what it needs again of that it asks for by [`keys`](Self::keys), but for the
/// problems that are there, which it keeps in memory in short and reads once with [`recall`](Self::recall).
#[derive(Clone, Debug, Default)]
pub struct Interpreter {
    rules: Rules,
    catalogue: Catalogue,
    problems: Problems,
    forgetting: Forgetting,
    recent: Recent,
    /// When it was last said that organisation and site post the same topic, by organisation, site and topic.
    doubles: BTreeMap<Vec<u8>, Timestamp>,
    /// Whether the directory names anything at all.
    named: bool,
    scratch: Scratch,
}

/// An entry that has been read.
#[derive(Debug)]
pub struct Read<'a> {
    entry: Entry<'a>,
    /// The events of a message; in their place, what of it could not be understood.
    told: Vec<Result<Told<'a>, Unread>>,
}

impl Interpreter {
    /// An interpreter with nothing to remember.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// The catalogue as it is now.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The ranges of the state that have to be [recalled](Self::recall) at a start, in this order, and how many rows of
    /// each at most.
    #[must_use]
    pub fn ranges(&self) -> Vec<(Range<StateKey>, usize)> {
        let mut ranges = vec![
            (problems::rows(), usize::MAX),
            (problems::rows_of_forms(), usize::MAX),
            (range(DEFINED, b"defined0"), usize::MAX),
            (range(DOUBLE, b"double0"), usize::MAX),
            (directory::rows(), 1),
        ];
        ranges.extend(seen::RANGES.map(|(from, to)| (range(from, to), 1)));
        ranges
    }

    /// Takes a row of the state back in.
    pub fn recall(&mut self, key: &[u8], value: &[u8]) {
        if let Some(number) = number_of_row(key) {
            if let Some(problem) = Problem::read(value) {
                self.problems.set(number, problem, &self.rules);
            }
        } else if let Some(number) = number_of_forms(key) {
            self.problems.set_forms(number, serde_json::from_slice(value).unwrap_or_default());
        } else if let Some(kind) = key.strip_prefix(DEFINED).and_then(|key| serde_json::from_slice(key).ok())
        {
            self.define(kind, serde_json::from_slice(value).unwrap_or_default());
        } else if let Some(double) = key.strip_prefix(DOUBLE) {
            if let Ok(micros) = value.try_into().map(i64::from_be_bytes) {
                self.doubles.insert(double.to_vec(), Timestamp::from_micros(micros));
            }
        } else if directory::is_row(key) {
            self.named = true;
        } else {
            self.forgetting.recall(key);
        }
    }

    /// The range of the state whose last key has to be told to [`begin`](Self::begin) at a start.
    #[must_use]
    pub fn newest(&self) -> Range<StateKey> {
        range(seen::BY_TIME.0, seen::BY_TIME.1)
    }

    /// Takes in the last key of [`newest`](Self::newest); `None` where there is none. From then on the state must have
    /// everything that [`step`](Self::step) brings about and nothing else. Without it every event is looked up.
    pub fn begin(&mut self, newest: Option<&[u8]>) {
        self.recent.begin(newest);
    }

    fn define(&mut self, kind: crate::catalogue::Kind, definitions: Vec<crate::catalogue::Definition>) {
        for definition in definitions {
            self.catalogue.define(kind, definition);
        }
    }

    /// When the next [`Entry::Tick`] is due.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.problems.due().map(Timestamp::from_micros)
    }

    /// How many raises are held down now: nobody was told of them yet.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.problems.held()
    }

    /// How many problems are there now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.problems.open()
    }

    /// Reads an entry.
    #[must_use]
    pub fn read<'a>(&mut self, entry: Entry<'a>) -> Read<'a> {
        let (catalogue, scratch) = (&self.catalogue, &mut self.scratch);
        let told = match entry {
            Entry::Admitted { org, received, body } | Entry::Fetched { org, received, body, .. } => {
                let events = Reading::of(body).0.into_iter();
                let mut told = |event| Told::of(org, event, received, catalogue, scratch);
                events.map(|event| event.map(&mut told)).collect()
            }
            _ => Vec::new(),
        };
        Read { entry, told }
    }

    /// The keys of the state that [`step`](Self::step) will want to know, as far as what is `known` already shows:
    /// ask again until nothing new comes, which is once more at most.
    #[must_use]
    pub fn keys(&self, read: &Read<'_>, known: &Known) -> Vec<StateKey> {
        let mut keys = Vec::new();
        match &read.entry {
            Entry::Admitted { org, .. } | Entry::Fetched { org, .. } => {
                let told = || read.told.iter().flatten();
                for told in told() {
                    keys.extend(told.identity.keys().iter().filter(|key| self.recent.may_have(key)).cloned());
                    if self.named {
                        told.places(Names { org, known, any: true }, &mut keys);
                    }
                    for fact in &told.facts {
                        let (topic, kind) = (told.event.topic.name(), told.event.kind());
                        self.raise_keys(&fact.key, told.role, topic, &kind, &mut keys);
                    }
                }
                self.oldest_keys(told().map(|told| told.facts.len()).sum(), &mut keys);
            }
            Entry::Learned { org, lesson, .. } => {
                keys = directory::keys(org, lesson);
                keys.extend(lesson.definitions.keys().map(|kind| defined_key(*kind)));
            }
            Entry::Own { own, .. } if own.state != State::Event => {
                self.raise_keys(&own_key(own), own_role(own), Alert::OWN_TOPIC, own.kind.word(), &mut keys);
                self.oldest_keys(1, &mut keys);
            }
            Entry::Own { .. } | Entry::Replayed { .. } => {}
            Entry::Tick { at } => {
                keys.extend(self.problems.due_at(at.micros()).into_iter().map(raise_key));
            }
        }
        keys
    }

    /// The row of the raise that what is told now ends, or adds to in a form that is new.
    fn raise_keys(&self, key: &AlarmKey, role: Role, topic: &str, kind: &str, keys: &mut Vec<StateKey>) {
        let found = if role == Role::Tells { None } else { self.problems.find(key) };
        let found =
            found.filter(|(_, problem)| role == Role::Clears || !work::is_told_as(problem, topic, kind));
        keys.extend(found.map(|(number, _)| raise_key(number)));
    }

    /// The rows of the problems that have to go when `more` are raised.
    fn oldest_keys(&self, more: usize, keys: &mut Vec<StateKey>) {
        let over = (self.problems.len() + more).saturating_sub(self.rules.max_open);
        // those that are over go first, and nothing is said of them
        let open = self.problems.iter().filter(|(_, problem)| !problem.is_gone());
        let open = open.take(over.saturating_sub(self.problems.gone()));
        keys.extend(open.map(|(number, _)| raise_key(number)));
    }

    /// What an entry brings about, given what is known.
    ///
    /// What cannot be read becomes an alert that says so; it never stops the entries behind it.
    #[must_use]
    pub fn step(&mut self, known: &Known, read: Read<'_>) -> Effects {
        let mut effects = Effects::default();
        self.step_into(known, read, &mut effects);
        effects
    }

    /// Does a [`step`](Self::step) and adds what it brings about to the `effects` of those before it; the state that
    /// they changed must be `known`, but for the rows of problems.
    pub fn step_into(&mut self, known: &Known, read: Read<'_>, effects: &mut Effects) {
        let before = effects.state.len();
        let (rules, problems, scratch) = (&self.rules, &mut self.problems, &mut self.scratch);
        let mut work = Work::new(known, rules, self.named, problems, scratch, effects);
        match read.entry {
            Entry::Admitted { org, received, .. } => {
                message::events(&mut work, &mut self.doubles, org, received, None, read.told);
                work.effects.forget.extend(self.forgetting.due(received));
            }
            Entry::Fetched { org, received, fetched, .. } => {
                message::events(&mut work, &mut self.doubles, org, received, Some(fetched), read.told);
                work.effects.forget.extend(self.forgetting.due(received));
            }
            Entry::Learned { org, at, lesson } => {
                self.named = true;
                for (key, value) in directory::learn(org, at, &lesson, known) {
                    work.set(key, value);
                }
                for (kind, definitions) in lesson.definitions {
                    let key = defined_key(kind);
                    let before = known.get(&key).and_then(|value| serde_json::from_slice(value).ok());
                    // what this list lacks another cloud may have told, and what was raised by it has to end
                    let mut all: Vec<crate::catalogue::Definition> = before.unwrap_or_default();
                    let told: HashSet<&str> = definitions.iter().map(|it| it.key.as_str()).collect();
                    all.retain(|it| !told.contains(it.key.as_str()));
                    all.extend_from_slice(&definitions);
                    work.set(key, Some(serde_json::to_vec(&all).expect("texts are JSON").into()));
                    for definition in definitions {
                        self.catalogue.define(kind, definition);
                    }
                }
            }
            Entry::Own { at, own } => own_alert(&mut work, at, &own),
            Entry::Replayed { alert } => {
                work.effects.remarks.told(Teller::Operator);
                work.effects.alerts.push(*alert);
            }
            Entry::Tick { at } => work.tick(at),
        }
        work.finish();
        for (key, _) in effects.state[before..].iter().filter(|(_, value)| value.is_some()) {
            self.recent.add(key);
        }
    }
}

/// The open problem in a row of the state; `None` when it is over, or the row is none of a problem. `look_up` finds the
/// row of its raise by its key.
#[must_use]
pub fn open_problem(
    key: &[u8],
    value: &[u8],
    look_up: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<OpenProblem> {
    let number = number_of_row(key)?;
    let problem = Problem::read(value)?;
    if problem.is_gone() {
        return None;
    }
    let alert = work::told(&look_up(&raise_key(number))?, &problem)?;
    Some(OpenProblem { alert, heard: Timestamp::from_micros(problem.heard) })
}

/// Whether the row of the state under `key` says that an event was seen: nothing else may be written behind it.
#[must_use]
pub fn says_seen(key: &[u8]) -> bool {
    seen::RANGES.iter().any(|(from, to)| (*from..*to).contains(&key))
}

/// The range of the rows of problems.
#[must_use]
pub fn problem_rows() -> Range<StateKey> {
    problems::rows()
}

/// The range of keys from `from` on and before `to`.
pub(crate) fn range(from: &[u8], to: &[u8]) -> Range<StateKey> {
    from.into()..to.into()
}

/// How long an event with neither id nor time counts as a repeat.
const TIMELESS_REPEAT: Duration = Duration::from_secs(60);

/// Definitions of types that the API told, by their list.
const DEFINED: &[u8] = b"defined/";

fn defined_key(kind: crate::catalogue::Kind) -> StateKey {
    [DEFINED, &serde_json::to_vec(&kind).expect("a word is JSON")].concat().into()
}

/// When it was last said that organisation and site post the same topic.
const DOUBLE: &[u8] = b"double/";

#[cfg(test)]
mod tests;
