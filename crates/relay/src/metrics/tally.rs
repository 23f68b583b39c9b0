//! What became of each alert at one sink, counted once each.
//!
//! A sink may try an alert more than once, be delivered a later one first, and begin again behind its cursor after a
//! failure or a reload. So what became of an alert is only noted at first, and counted when the cursor that passes it
//! is on disk: what the counters say is what no restart repeats.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use ids::Timestamp;
use journal::Position;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// What became of an alert at a sink.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Delivered,
    /// No route gives it to this sink.
    NotRouted,
    /// The receiver refuses it.
    SetAside,
    /// Its row is damaged, or no alert.
    Unreadable,
}

/// The counters of one sink.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: Counter,
    pub(crate) not_routed: Counter,
    pub(crate) set_aside: Counter,
    pub(crate) unreadable: Counter,
    pub(crate) given_up: Counter,
    /// When one was delivered last, in seconds since 1970.
    pub(crate) last: Gauge<f64, AtomicU64>,
}

/// Counts what became of the alerts of one sink.
#[derive(Debug)]
pub(crate) struct Tally {
    counters: Counters,
    noted: Mutex<Noted>,
}

#[derive(Debug)]
struct Noted {
    /// Everything up to here is counted.
    passed: u64,
    /// What is behind it.
    fates: BTreeMap<u64, Fate>,
    /// What is before it and nobody knew of, as first and last: what was given up, once the journal says so.
    unknown: BTreeMap<u64, u64>,
}

impl Tally {
    /// Counts behind `cursor`, where the sink's is on disk.
    pub(crate) fn new(counters: Counters, cursor: Position) -> Self {
        let noted = Noted { passed: cursor.number(), fates: BTreeMap::new(), unknown: BTreeMap::new() };
        Self { counters, noted: Mutex::new(noted) }
    }

    /// Notes what became of the alerts at `positions`; what is noted last counts.
    pub(crate) fn note(&self, positions: impl IntoIterator<Item = Position>, fate: Fate) {
        if fate == Fate::Delivered {
            self.counters.last.set(Timestamp::now().micros() as f64 / 1e6);
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = noted.passed;
        let behind = positions.into_iter().map(Position::number).filter(|number| *number > passed);
        noted.fates.extend(behind.map(|number| (number, fate)));
    }

    /// The cursor is on disk at `to`.
    pub(crate) fn passed(&self, to: Position) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).pass(to.number(), &self.counters);
    }

    /// The journal moved the cursor past `from` to `to`, for the sink was too far behind. What was delivered of that
    /// before the cursor was on disk is no loss; how many were lost.
    pub(crate) fn gave_up(&self, from: Position, to: Position) -> u64 {
        let (from, to) = (from.number(), to.number());
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.pass(to, &self.counters);
        let lost = noted.claim(from, to);
        self.counters.given_up.inc_by(lost);
        lost
    }
}

impl Noted {
    fn pass(&mut self, to: u64, counters: &Counters) {
        if to <= self.passed {
            return;
        }
        let later = self.fates.split_off(&(to + 1));
        let mut next = self.passed + 1;
        for (number, fate) in std::mem::replace(&mut self.fates, later) {
            self.miss(next, number - 1);
            next = number + 1;
            match fate {
                Fate::Delivered => &counters.delivered,
                Fate::NotRouted => &counters.not_routed,
                Fate::SetAside => &counters.set_aside,
                Fate::Unreadable => &counters.unreadable,
            }
            .inc();
        }
        self.miss(next, to);
        self.passed = to;
    }

    fn miss(&mut self, first: u64, last: u64) {
        if first <= last {
            self.unknown.insert(first, last);
        }
        if self.unknown.len() > MOST_UNKNOWN {
            self.unknown.pop_first();
        }
    }

    /// Takes what is unknown from `from` to `to`; how many there are.
    fn claim(&mut self, from: u64, to: u64) -> u64 {
        let mut claimed = 0;
        for (first, last) in std::mem::take(&mut self.unknown) {
            let (begin, end) = (first.max(from), last.min(to));
            if begin > end {
                self.unknown.insert(first, last);
                continue;
            }
            claimed += end - begin + 1;
            self.miss(first, begin - 1);
            self.miss(end + 1, last);
        }
        claimed
    }
}

/// How many runs of alerts may be passed without a word; the journal gives up few at once.
const MOST_UNKNOWN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Position> {
        numbers.into_iter().map(Position::new)
    }

    /// Delivered, not routed, set aside, unreadable, given up.
    fn counted(tally: &Tally) -> [u64; 5] {
        let Counters { delivered, not_routed, set_aside, unreadable, given_up, .. } = &tally.counters;
        [delivered, not_routed, set_aside, unreadable, given_up].map(Counter::get)
    }

    #[test]
    fn nothing_counts_before_the_cursor_is_on_disk_and_then_once() {
        let tally = Tally::new(Counters::default(), Position::new(10));
        tally.note(at(9..=12), Fate::Delivered);
        tally.note(at([13]), Fate::NotRouted);
        tally.note(at([15]), Fate::Delivered);
        assert_eq!(counted(&tally), [0; 5]);

        tally.passed(Position::new(13));
        assert_eq!(counted(&tally), [2, 1, 0, 0, 0]);

        // it began again behind the cursor, by other routes
        tally.note(at([13, 14]), Fate::SetAside);
        tally.note(at([15]), Fate::NotRouted);
        tally.note(at([16]), Fate::Unreadable);
        tally.passed(Position::new(16));
        tally.passed(Position::new(12));
        assert_eq!(counted(&tally), [2, 2, 1, 1, 0]);
    }

    #[test]
    fn what_is_given_up_counts_once_whoever_learns_of_it_first() {
        for pump_first in [true, false] {
            let tally = Tally::new(Counters::default(), Position::ZERO);
            tally.note(at([1, 2]), Fate::Delivered);
            if pump_first {
                tally.passed(Position::new(9));
            }
            assert_eq!(tally.gave_up(Position::new(1), Position::new(9)), 7);
            assert_eq!(tally.gave_up(Position::new(1), Position::new(9)), 0);
            tally.passed(Position::new(9));
            tally.note(at([3]), Fate::Delivered);
            tally.note(at([10]), Fate::Delivered);
            tally.passed(Position::new(10));
            assert_eq!(counted(&tally), [3, 0, 0, 0, 7], "{pump_first}");
        }
    }

    #[test]
    fn what_was_passed_without_a_word_counts_as_nothing() {
        let tally = Tally::new(Counters::default(), Position::ZERO);
        tally.note(at([1, 4]), Fate::Delivered);
        tally.passed(Position::new(6));
        assert_eq!(tally.gave_up(Position::new(5), Position::new(5)), 1);
        assert_eq!(counted(&tally), [2, 0, 0, 0, 1]);
        assert_eq!(tally.gave_up(Position::new(1), Position::new(6)), 3);
        assert_eq!(counted(&tally), [2, 0, 0, 0, 4]);
    }
}
