//! Switches by name, for programs and for tests that go through all of them.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::Rng;

/// A switch of a fake: its name, and its values, the first of which is the usual one.
pub type Switch = (&'static str, &'static [&'static str]);

/// There is no such switch, or not with such a value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("no switch `{name}` with `{value}`")]
pub struct UnknownSwitch {
    /// The name that was given.
    pub name: String,
    /// The value that was given.
    pub value: String,
}

impl UnknownSwitch {
    pub(crate) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

/// Settings of all switches such that every two values of every two switches meet in one of them, and few of them.
///
/// The first has every usual value. The rest follows from the seed.
#[must_use]
pub fn pairwise(switches: &[Switch], seed: u64) -> Vec<Vec<(&'static str, &'static str)>> {
    let mut rng = Rng::new(seed);
    let mut open = pairs(switches);
    let mut rows = vec![vec![0; switches.len()]];
    remove_met(&mut open, &rows[0]);
    while let Some(&first) = open.iter().next() {
        let next = row(switches, &open, first, &mut rng);
        remove_met(&mut open, &next);
        rows.push(next);
    }
    let named =
        |row: Vec<usize>| switches.iter().zip(row).map(|((name, values), at)| (*name, values[at])).collect();
    rows.into_iter().map(named).collect()
}

/// A switch by its place, and one of its values by its own.
type Set = (usize, usize);

fn pairs(switches: &[Switch]) -> BTreeSet<(Set, Set)> {
    let values = |switch: usize| (0..switches[switch].1.len()).map(move |value| (switch, value));
    let two = (0..switches.len()).flat_map(|one| (one + 1..switches.len()).map(move |other| (one, other)));
    two.flat_map(|(one, other)| values(one).flat_map(move |a| values(other).map(move |b| (a, b)))).collect()
}

/// A row with this pair; every other switch, in any order, gets the value that meets most of what is open.
fn row(switches: &[Switch], open: &BTreeSet<(Set, Set)>, first: (Set, Set), rng: &mut Rng) -> Vec<usize> {
    let mut row = vec![None; switches.len()];
    for (switch, value) in [first.0, first.1] {
        row[switch] = Some(value);
    }
    let mut rest: Vec<usize> = (0..switches.len()).filter(|&at| row[at].is_none()).collect();
    while !rest.is_empty() {
        let switch = rest.swap_remove(rng.below(rest.len()));
        let count = switches[switch].1.len();
        let offset = rng.below(count);
        let meets = |value: usize| {
            let other = |(at, other): (usize, &Option<usize>)| Some((at, (*other)?));
            let set = row.iter().enumerate().filter_map(other);
            set.filter(|&other| open.contains(&ordered((switch, value), other))).count()
        };
        let best = (0..count).map(|at| (at + offset) % count).max_by_key(|&value| meets(value));
        row[switch] = best;
    }
    row.into_iter().map(Option::unwrap_or_default).collect()
}

fn ordered(one: Set, other: Set) -> (Set, Set) {
    if one.0 < other.0 { (one, other) } else { (other, one) }
}

fn remove_met(open: &mut BTreeSet<(Set, Set)>, row: &[usize]) {
    open.retain(|(one, other)| row[one.0] != one.1 || row[other.0] != other.1);
}

pub(crate) const NO_YES: &[&str] = &["no", "yes"];
pub(crate) const YES_NO: &[&str] = &["yes", "no"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::WholeEstate;

    #[test]
    fn every_two_values_meet_in_few_rows() {
        let switches = WholeEstate::switches();
        let rows = pairwise(&switches, 1);

        for (one, (name, values)) in switches.iter().enumerate() {
            for (other, others) in &switches[one + 1..] {
                for (a, b) in values.iter().flat_map(|a| others.iter().map(move |b| (*a, *b))) {
                    let meet = |row: &Vec<_>| row.contains(&(*name, a)) && row.contains(&(*other, b));
                    assert!(rows.iter().any(meet), "{name} {a} with {other} {b}");
                }
            }
        }
        assert!(rows[0].iter().zip(&switches).all(|((_, value), (_, values))| *value == values[0]));
        // two switches have the most values, six and five; a row for each pair of these is the least
        assert!((30..=45).contains(&rows.len()), "{}", rows.len());
        assert_eq!(rows, pairwise(&switches, 1), "the same seed, the same rows");
    }
}
