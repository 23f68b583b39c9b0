//! The problems that are there, and those that were a moment ago.
//!
//! All are in memory in short, and each is a row of the state with everything, under a number that grows: rows are
//! written in the order of time, which costs the disk least.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::range;
use crate::{AlarmKey, RaisedAs, Rules, Severity, StateKey};

mod row;

/// A problem in short; times are microseconds since 1970.
///
/// It is a row of the state, its raise with all its texts is another, and so are its forms: what happens often changes
/// the short one.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Problem {
    pub(super) key: AlarmKey,
    pub(super) phase: Phase,
    /// Of the event that changed it last, when that said.
    pub(super) changed: i64,
    /// When anything was heard of it last.
    pub(super) heard: i64,
    /// Until when its repeats were sent.
    pub(super) repeated: i64,
    /// When it was first and last seen, as the events say.
    pub(super) first_seen: i64,
    pub(super) last_seen: i64,
    pub(super) count: u64,
    /// Of its last raise.
    pub(super) severity: Severity,
    /// The forms in which its raise was told.
    pub(super) forms: Arc<Vec<RaisedAs>>,
    /// The window that kept its raise from some sinks.
    pub(super) muted: Option<Box<str>>,
    /// When it was raised lately, oldest first; only where flapping is damped.
    pub(super) raises: Vec<i64>,
    /// Whether it expires unless something is heard of it within an hour.
    pub(super) expiring: bool,
    /// For how long raises count as flapping, and it has to be calm after it; 0 where flapping is not damped.
    pub(super) flap_micros: i64,
    /// Whether it was over before anybody was told, so that nobody is told of its end either.
    pub(super) untold: bool,
}

/// Where a problem stands.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// Raised, and nobody was told: it may be over before this time.
    Held(i64),
    /// Raised, and told.
    #[default]
    Open,
    /// Raised, cleared and raised again so often that only the first raise was told; `there` says what it is now.
    Flapping {
        /// Whether it is raised now.
        there: bool,
    },
    /// Cleared; remembered for a while, so that what comes late is known as late.
    Gone,
}

impl Phase {
    fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

impl Problem {
    pub(super) const fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Gone)
    }

    pub(super) const fn is_held(&self) -> bool {
        matches!(self.phase, Phase::Held(_))
    }

    /// Takes note that something was heard of it.
    pub(super) fn hear(&mut self, at: i64) {
        self.heard = self.heard.max(at);
        self.expiring = false;
    }

    /// When nothing was heard of it for too long. A clock that jumps, or a relay that was away for long, must not end
    /// everything at once: there is an hour in which what Mist says now can be heard.
    pub(super) fn expires(&self, rules: &Rules) -> i64 {
        let more = if self.expiring { EXPIRING_MICROS } else { 0 };
        self.heard.saturating_add(micros(rules.expire_after)).saturating_add(more)
    }

    /// When something is due for it.
    fn timer(&self, number: u64, rules: &Rules) -> i64 {
        let expires = self.expires(rules);
        let unmuted = self.muted.as_ref().map(|window| rules.window_end(window).micros());
        match self.phase {
            Phase::Held(until) => until,
            Phase::Gone => self.heard.saturating_add(LATE_MICROS.max(self.flap_micros)),
            Phase::Flapping { there } => {
                let calm = self.heard.saturating_add(self.flap_micros).min(expires);
                unmuted.filter(|_| there).map_or(calm, |unmuted| unmuted.min(calm))
            }
            Phase::Open => {
                let repeats = rules.repeats.iter().map(|every| self.next_repeat(number, *every));
                let repeats = repeats.filter(|_| self.muted.is_none());
                repeats.chain(unmuted).fold(expires, i64::min)
            }
        }
    }

    /// When sinks that want to be told again every so many seconds are due.
    pub(super) fn next_repeat(&self, number: u64, every: u64) -> i64 {
        let every = i64::try_from(every).unwrap_or(i64::MAX).saturating_mul(1_000_000).max(1);
        let since = i64::try_from(number).unwrap_or(i64::MAX);
        let times = self.repeated.saturating_sub(since).max(0) / every;
        since.saturating_add(every.saturating_mul(times + 1))
    }
}

/// All problems in short.
#[derive(Clone, Debug, Default)]
pub(super) struct Problems {
    /// Each with the time at which something is due for it.
    by_number: BTreeMap<u64, (Problem, i64)>,
    by_key: HashMap<AlarmKey, u64>,
    /// The numbers of those that are over.
    gone: BTreeSet<u64>,
    timers: BTreeSet<(i64, u64)>,
    newest: u64,
    held: usize,
}

impl Problems {
    /// The number of the problem with this key, and it.
    pub(super) fn find(&self, key: &AlarmKey) -> Option<(u64, &Problem)> {
        let number = *self.by_key.get(key)?;
        self.number(number).map(|problem| (number, problem))
    }

    pub(super) fn number(&self, number: u64) -> Option<&Problem> {
        self.by_number.get(&number).map(|(problem, _)| problem)
    }

    /// The number for a new problem: about the microsecond of its entry, and never one that was used.
    pub(super) fn next_number(&self, at: i64) -> u64 {
        u64::try_from(at).unwrap_or(0).max(self.newest + 1)
    }

    /// Takes a problem in, or what became of it.
    pub(super) fn set(&mut self, number: u64, problem: Problem, rules: &Rules) {
        self.newest = self.newest.max(number);
        let timer = problem.timer(number, rules);
        // what was told again of it changes where it stands, and seldom more
        if let Some((known, due)) = self.by_number.get_mut(&number)
            && known.key == problem.key
        {
            if *due != timer {
                self.timers.remove(&(*due, number));
                self.timers.insert((timer, number));
            }
            if known.is_gone() != problem.is_gone() {
                match problem.is_gone() {
                    true => self.gone.insert(number),
                    false => self.gone.remove(&number),
                };
            }
            self.held = self.held + usize::from(problem.is_held()) - usize::from(known.is_held());
            (*known, *due) = (problem, timer);
            return;
        }
        self.remove(number);
        if let Some(older) = self.by_key.insert(problem.key, number) {
            self.remove(older);
            self.by_key.insert(problem.key, number);
        }
        self.timers.insert((timer, number));
        if problem.is_gone() {
            self.gone.insert(number);
        }
        self.held += usize::from(problem.is_held());
        self.by_number.insert(number, (problem, timer));
    }

    /// Gives a problem that was read the forms in which its raise was told.
    pub(super) fn set_forms(&mut self, number: u64, forms: Vec<RaisedAs>) {
        if let Some((problem, _)) = self.by_number.get_mut(&number) {
            problem.forms = Arc::new(forms);
        }
    }

    /// Forgets a problem.
    pub(super) fn remove(&mut self, number: u64) {
        if let Some((problem, timer)) = self.by_number.remove(&number) {
            self.timers.remove(&(timer, number));
            self.held -= usize::from(problem.is_held());
            self.gone.remove(&number);
            if self.by_key.get(&problem.key) == Some(&number) {
                self.by_key.remove(&problem.key);
            }
        }
    }

    /// How many are held: nobody was told of them.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// How many are there now.
    pub(super) fn open(&self) -> usize {
        self.by_number.len() - self.gone.len()
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// How many of them are over.
    pub(super) fn gone(&self) -> usize {
        self.gone.len()
    }

    /// The oldest that is over.
    pub(super) fn oldest_gone(&self) -> Option<u64> {
        self.gone.first().copied()
    }

    /// The problem that goes when there is no more room: the oldest that is over, or else the oldest.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.oldest_gone().or_else(|| self.by_number.keys().next().copied())
    }

    /// When the next thing is due.
    pub(super) fn due(&self) -> Option<i64> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The problems for which something is due, a bounded number of them.
    pub(super) fn due_at(&self, at: i64) -> Vec<u64> {
        self.timers
            .iter()
            .take_while(|(due, _)| *due <= at)
            .take(DUE_AT_ONCE)
            .map(|(_, number)| *number)
            .collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Problem)> {
        self.by_number.iter().map(|(number, (problem, _))| (*number, problem))
    }
}

/// The key under which the state holds the raise of a problem.
pub(super) fn raise_key(number: u64) -> StateKey {
    numbered(RAISE, number)
}

/// The key under which the state holds a problem.
pub(super) fn row_key(number: u64) -> StateKey {
    numbered(PREFIX, number)
}

/// The key under which the state holds the forms of a problem.
pub(super) fn forms_key(number: u64) -> StateKey {
    numbered(FORMS_OF, number)
}

fn numbered(prefix: &[u8], number: u64) -> StateKey {
    let mut key = StateKey::from_slice(prefix);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

pub(super) fn number_of_row(key: &[u8]) -> Option<u64> {
    key.strip_prefix(PREFIX)?.try_into().ok().map(u64::from_be_bytes)
}

/// The number of the problem whose forms stand under `key`.
pub(super) fn number_of_forms(key: &[u8]) -> Option<u64> {
    key.strip_prefix(FORMS_OF)?.try_into().ok().map(u64::from_be_bytes)
}

/// The range of the rows of all problems.
pub(super) fn rows() -> Range<StateKey> {
    range(PREFIX, b"open0")
}

/// The range of the rows of their forms.
pub(super) fn rows_of_forms() -> Range<StateKey> {
    range(FORMS_OF, b"forms0")
}

pub(super) fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

const PREFIX: &[u8] = b"open/";
const RAISE: &[u8] = b"raise/";
const FORMS_OF: &[u8] = b"forms/";

/// How many forms of a raise are remembered: topics, types and severities are few.
pub(super) const FORMS: usize = 16;

/// How much later than the end of a problem its beginning may be told, and still be known as late: an hour.
pub(super) const LATE_MICROS: i64 = 3_600_000_000;

/// How long an old problem has before it expires.
const EXPIRING_MICROS: i64 = 3_600_000_000;

/// For how many problems something is done with one tick.
const DUE_AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn problem(key: u8, phase: Phase, heard: i64) -> Problem {
        Problem {
            key: AlarmKey::of(&[&[key]]),
            phase,
            changed: 0,
            heard,
            repeated: 0,
            first_seen: 0,
            last_seen: 0,
            count: 1,
            severity: Severity::Warning,
            forms: Arc::default(),
            muted: None,
            raises: Vec::new(),
            expiring: false,
            flap_micros: 0,
            untold: false,
        }
    }

    pub(super) fn phase() -> impl Strategy<Value = Phase> {
        let flapping = any::<bool>().prop_map(|there| Phase::Flapping { there });
        prop_oneof![(0..100_i64).prop_map(Phase::Held), Just(Phase::Open), flapping, Just(Phase::Gone)]
    }

    proptest! {
        #[test]
        fn whatever_becomes_of_a_problem_it_is_found_by_all_it_is_found_by(
            changes in prop::collection::vec(
                (1..6_u64, 0..4_u8, prop::option::weighted(0.9, phase()), 0..100_i64),
                1..60,
            )
        ) {
            let rules = Rules::default();
            let mut problems = Problems::default();
            let mut model: BTreeMap<u64, Problem> = BTreeMap::new();
            for (number, key, phase, heard) in changes {
                let Some(phase) = phase else {
                    problems.remove(number);
                    model.remove(&number);
                    continue;
                };
                let problem = problem(key, phase, heard);
                model.retain(|known, other| *known == number || other.key != problem.key);
                model.insert(number, problem.clone());
                problems.set(number, problem, &rules);

                let timers = model.iter().map(|(number, it)| (it.timer(*number, &rules), *number)).collect();
                let gone = model.iter().filter(|(_, it)| it.is_gone()).map(|(number, _)| *number).collect();
                let keys = model.iter().map(|(number, it)| (it.key, *number)).collect();
                prop_assert_eq!(&problems.timers, &timers);
                prop_assert_eq!(&problems.gone, &gone);
                prop_assert_eq!(&problems.by_key, &keys);
                prop_assert_eq!(problems.held(), model.values().filter(|it| it.is_held()).count());
                let phases = model.iter().map(|(number, it)| (*number, it.phase));
                prop_assert!(problems.iter().map(|(number, it)| (number, it.phase)).eq(phases));
            }
        }
    }
}
