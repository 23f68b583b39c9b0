//! What was seen already: Mist may post one fact twice, by two subscriptions, late, or leave it to a search.

use std::collections::BTreeSet;
use std::ops::Range;

use ids::Timestamp;

use super::Scratch;
use crate::hash::hash_of;
use crate::reading::Event;
use crate::{AlarmKey, AlertId, StateKey, StateValue};

/// What makes two events the same fact, and where that is remembered.
///
/// A key begins with the time of the event, so that rows are written and forgotten in the order of time, and rows that
/// are written together lie together. Behind it stands a hash over topic, id, type and time, which a row of a search has in common with what was posted; where there
/// is no id, what it is about takes its place, as ports of one device that go down together. The value tells apart the
/// posted events that share these.
#[derive(Debug)]
pub(super) enum Identity {
    /// An event with an id or a time.
    Timed {
        /// Where it is remembered; the first is where it is written.
        keys: Vec<StateKey>,
        /// Hash over topic and canonical event.
        full: AlertId,
    },
    /// One with neither: it is a repeat only for a minute, and while the state of its problem has not changed.
    Timeless {
        /// Where it is remembered; the first is where it is written.
        keys: [StateKey; 2],
        /// Topic and canonical event, to be hashed with the time at which it was first seen.
        canonical: Vec<u8>,
    },
}

impl Identity {
    /// Of an event that is, in the first place, about `problem`; `by_status` when its status says what it does to that.
    pub(super) fn of(
        org: &str,
        event: &Event<'_>,
        problem: Option<&AlarmKey>,
        by_status: bool,
        received: Timestamp,
        canonical: &mut Scratch,
    ) -> Self {
        let said = event.said();
        let topic = event.topic.name();
        let canonical = canonical.write(|out| event.fields.put(out));
        let id = said.text(&["id"]);
        let minute = minute(received);
        if event.time.is_none() && id.is_empty() {
            let hash = hash_of(&[org.as_bytes(), topic.as_bytes(), canonical]);
            let key = |minute: u64| key(ONCE, minute, &hash);
            let keys = [key(minute), key(minute.saturating_sub(1))];
            return Self::Timeless { keys, canonical: canonical.to_vec() };
        }
        let full = AlertId::of(&[topic.as_bytes(), canonical, &0_i64.to_be_bytes()]);
        // Marvis tells the end of a problem under the id, type and time of its beginning
        let status = if by_status { said.text(&["status"]).to_ascii_lowercase() } else { String::new() };
        let problem: &[u8] = problem.filter(|_| id.is_empty()).map_or(&[], |key| &key.bytes()[..]);
        let micros = event.time.map_or(0, Timestamp::micros).to_be_bytes();
        let kind = said.text(&["type"]);
        let [org, topic, id, kind, status] = [org, topic, &id, &kind, &status].map(str::as_bytes);
        // what a row of a search has in common with what was posted
        let soft = hash_of(&[org, topic, id, kind, status, problem, &micros]);
        let believed = |when: &u64| {
            let when = when / MINUTE;
            minute.saturating_sub(KEEP_MINUTES) < when && when < minute + AHEAD_MINUTES
        };
        let keys = match event.time.map(self::micros).filter(believed) {
            Some(when) => vec![key(SEEN, when, &soft)],
            // a time that is not to be believed would never be forgotten, or at once
            None => {
                let day = minute / 1440;
                (0..=KEEP_MINUTES / 1440).map(|ago| key(ODD, day.saturating_sub(ago), &soft)).collect()
            }
        };
        Self::Timed { keys, full }
    }

    pub(super) fn keys(&self) -> &[StateKey] {
        match self {
            Self::Timed { keys, .. } => keys,
            Self::Timeless { keys, .. } => keys,
        }
    }
}

/// What stands under the key of a [`Identity::Timed`]: eight bytes for each event that was seen.
pub(super) struct Marks(Vec<u64>);

/// Whether an event was seen before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Before {
    Never,
    /// By the same subscription.
    Seen,
    /// By the other one: the organisation's and the site's both post it.
    SeenByTheOther,
}

impl Marks {
    pub(super) fn read<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let marks =
            values.flat_map(|value| value.as_chunks::<8>().0.iter().map(|mark| u64::from_be_bytes(*mark)));
        Self(marks.collect())
    }

    /// Whether the event with this hash was posted, or found by a search.
    pub(super) fn before(&self, full: &AlertId, for_site: bool) -> Before {
        let mark = mark(full, for_site);
        match self.0.iter().find(|known| **known | 1 == mark | 1 || **known == FOUND) {
            None => Before::Never,
            Some(known) if *known == mark || *known == FOUND => Before::Seen,
            Some(_) => Before::SeenByTheOther,
        }
    }

    /// Whether anything was seen under the key.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// The value with one more event.
    pub(super) fn with(&self, full: &AlertId, for_site: bool, found: bool) -> StateValue {
        let mark = if found { FOUND } else { mark(full, for_site) };
        let kept = &self.0[(self.0.len() + 1).saturating_sub(MAX_MARKS)..];
        let mut value = StateValue::with_capacity((kept.len() + 1) * size_of::<u64>());
        value.extend(kept.iter().chain([&mark]).flat_map(|mark| mark.to_be_bytes()));
        value
    }
}

/// Eight bytes of the hash; the lowest bit tells by which subscription the event came.
fn mark(full: &AlertId, for_site: bool) -> u64 {
    let [high, ..] = full.bytes().as_chunks::<8>().0 else { return 0 };
    u64::from_be_bytes(*high) & !1 | u64::from(for_site)
}

/// What stands under the keys of a [`Identity::Timeless`]: when it was first seen, and its problem's number then.
pub(super) struct Once {
    pub(super) first: Timestamp,
    pub(super) problem: u64,
}

impl Once {
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let [first, problem] = value.as_chunks::<8>().0 else { return None };
        Some(Self {
            first: Timestamp::from_micros(i64::from_be_bytes(*first)),
            problem: u64::from_be_bytes(*problem),
        })
    }

    pub(super) fn value(&self) -> StateValue {
        let mut value = StateValue::from_slice(&self.first.micros().to_be_bytes());
        value.extend_from_slice(&self.problem.to_be_bytes());
        value
    }

    /// Whether an event that is received now repeats it, given its problem's number now.
    pub(super) fn repeats(&self, received: Timestamp, problem: u64) -> bool {
        self.problem == problem && received.since(self.first) < super::TIMELESS_REPEAT
    }
}

/// The problem under a timeless event's key, when it has none.
pub(super) const NO_PROBLEM: u64 = 0;

/// Forgets what is too old, in the order of time, a little with every entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Forgetting {
    /// Everything before these was forgotten, each in the units of its rows' moments.
    upto: [Option<u64>; 3],
}

impl Forgetting {
    /// Begins with the oldest row there is.
    pub(super) fn recall(&mut self, key: &[u8]) {
        for (upto, kept) in self.upto.iter_mut().zip(KEPT) {
            let Some(rest) = key.strip_prefix(kept.prefix) else { continue };
            let Some(moment) = rest.first_chunk().map(|moment| u64::from_be_bytes(*moment)) else { continue };
            *upto = Some(upto.map_or(moment, |upto| upto.min(moment)));
        }
    }

    /// What to forget at this time.
    pub(super) fn due(&mut self, at: Timestamp) -> Vec<Range<StateKey>> {
        let mut ranges = Vec::new();
        for (upto, Kept { prefix, unit, keep, step }) in self.upto.iter_mut().zip(KEPT) {
            let limit = micros(at).saturating_sub(keep) / (unit * step) * step;
            let from = *upto.get_or_insert(limit);
            if from < limit {
                let to = limit.min(from + FORGET_AT_ONCE * step);
                ranges.push(key(prefix, from, &[])..key(prefix, to, &[]));
                *upto = Some(to);
            }
        }
        ranges
    }
}

/// Which of the newest rows there are, so that a new event, which nearly all are, is not looked up.
///
/// A row goes by its moment and the first bytes of its hash: two that share these are taken for one, which is looked up
/// for nothing.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    /// Of every row from this one on it is known whether it is there. Not of whole moments alone: Mist tells many
    /// times in whole seconds, and thousands of events may share one.
    from: Row,
    rows: BTreeSet<Row>,
}

/// A moment and the beginning of a hash, as they stand in a key.
type Row = [u8; 12];

impl Default for Recent {
    /// Nothing is known.
    fn default() -> Self {
        Self { from: [u8::MAX; 12], rows: BTreeSet::new() }
    }
}

impl Recent {
    /// Begins behind `newest`, the key of the newest row there is.
    pub(super) fn begin(&mut self, newest: Option<&[u8]>) {
        let moment = newest.and_then(|key| key.strip_prefix(SEEN)?.first_chunk());
        let behind = moment.map_or(0, |moment| u64::from_be_bytes(*moment).saturating_add(1));
        let mut from = Row::default();
        from[..8].copy_from_slice(&behind.to_be_bytes());
        *self = Self { from, rows: BTreeSet::new() };
    }

    /// Whether there may be a row under `key`.
    pub(super) fn may_have(&self, key: &[u8]) -> bool {
        row(key).is_none_or(|row| *row < self.from || self.rows.contains(row))
    }

    /// Takes note of a row that is written.
    pub(super) fn add(&mut self, key: &[u8]) {
        let Some(row) = row(key).filter(|row| **row >= self.from) else { return };
        self.rows.insert(*row);
        if self.rows.len() > MAX_RECENT
            && let Some(middle) = self.rows.iter().nth(MAX_RECENT / 2).copied()
        {
            // the older half goes
            self.rows = self.rows.split_off(&middle);
            self.from = middle;
        }
    }
}

fn row(key: &[u8]) -> Option<&Row> {
    key.strip_prefix(SEEN)?.first_chunk()
}

/// Half of the hash is enough to tell apart what happened in one moment: of the 30,000 events of a storm's second two
/// share it once in a thousand years of storm.
fn key(prefix: &[u8], moment: u64, hash: &[u8]) -> StateKey {
    let mut key = StateKey::from_slice(prefix);
    key.extend_from_slice(&moment.to_be_bytes());
    key.extend_from_slice(&hash[..hash.len().min(HASH_BYTES)]);
    key
}

fn minute(at: Timestamp) -> u64 {
    micros(at) / MINUTE
}

fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.micros()).unwrap_or(0)
}

/// What stands for an event that a search found, whose hash need not be that of the posted one.
const FOUND: u64 = u64::MAX;

/// The rows by the time of their event; those whose time is not to be believed, by the day of their arrival; those
/// without id and time, by the minute of their arrival.
const SEEN: &[u8] = b"seen/";
const ODD: &[u8] = b"seen-odd/";
const ONCE: &[u8] = b"seen-once/";

const HASH_BYTES: usize = 8;

/// How long which rows are kept; times are in microseconds.
struct Kept {
    prefix: &'static [u8],
    /// What the moment in their key counts.
    unit: u64,
    keep: u64,
    /// How many units are forgotten together.
    step: u64,
}

const KEPT: [Kept; 3] = [
    Kept { prefix: SEEN, unit: 1, keep: KEEP_MINUTES * MINUTE, step: SECOND },
    Kept { prefix: ODD, unit: DAY, keep: KEEP_MINUTES * MINUTE + DAY, step: 1 },
    Kept { prefix: ONCE, unit: MINUTE, keep: 2 * MINUTE, step: 1 },
];

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 1440 * MINUTE;

/// How long what was seen is remembered (48 h), and how far ahead a time is believed.
const KEEP_MINUTES: u64 = 48 * 60;
const AHEAD_MINUTES: u64 = 15;

/// How many steps of the oldest rows are forgotten with one entry at most.
const FORGET_AT_ONCE: u64 = 600;

/// Of how many rows it is known that they are there.
const MAX_RECENT: usize = if cfg!(test) { 4 } else { 65_536 };

/// How many events are told apart that share topic, id, type and time.
const MAX_MARKS: usize = 64;

/// The ranges whose first row tells where forgetting begins.
pub(super) const RANGES: [(&[u8], &[u8]); 3] = [BY_TIME, (ODD, b"seen-odd0"), (ONCE, b"seen-once0")];

/// The range of the rows that [`Recent`] knows of.
pub(super) const BY_TIME: (&[u8], &[u8]) = (SEEN, b"seen0");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_newer_than_all_that_was_known_only_what_was_written_may_be_there() {
        let row = |moment: u64, number: u8| key(SEEN, moment, &[number; 16]);
        let mut recent = Recent::default();
        assert!(recent.may_have(&row(900, 1)), "nothing is known before it begins");

        recent.begin(Some(&row(100, 1)));
        assert!(recent.may_have(&row(99, 1)) && recent.may_have(&row(100, 2)), "older rows are not known");
        assert!(!recent.may_have(&row(101, 1)));
        assert!(recent.may_have(&key(ODD, 101, &[1; 16])), "those of another kind are not known");
        for number in 0..4 {
            recent.add(&row(200, number));
        }
        assert!(recent.may_have(&row(200, 3)) && !recent.may_have(&row(200, 4)));

        // there is room for four: the older half goes, in the middle of a moment when it has to
        recent.add(&row(300, 1));
        assert!(
            recent.may_have(&row(200, 1)) && recent.may_have(&row(150, 9)),
            "what went is not known any more"
        );
        assert!(recent.may_have(&row(200, 3)) && !recent.may_have(&row(200, 4)), "what stayed is");
        assert!(recent.may_have(&row(300, 1)) && !recent.may_have(&row(300, 2)));
        let mut other_end = row(300, 1);
        *other_end.last_mut().unwrap() ^= 1;
        assert!(recent.may_have(&other_end), "looked up for nothing");
        recent.begin(None);
        assert!(!recent.may_have(&row(0, 1)));
    }
}
