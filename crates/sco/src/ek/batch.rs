//! Keys that belong to more than one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use num_bigint::BigUint;
use num_integer::Integer as _;

use super::{EndorsementKey, SpkiFingerprint};
use crate::{NodeName, RouterName};

/// Whose key it is, or is to be.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Holder {
    /// The router.
    pub router: RouterName,
    /// Its node.
    pub node: NodeName,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.router, self.node)
    }
}

/// Two nodes whose keys are not two.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BatchFault {
    /// One key under two nodes.
    Same {
        /// The two, in order.
        holders: [Holder; 2],
        /// The key.
        key: SpkiFingerprint,
    },
    /// Two keys with a prime in common: both can be computed from the two public keys.
    SharedFactor {
        /// The two, in order.
        holders: [Holder; 2],
    },
}

impl BatchFault {
    /// The two nodes.
    #[must_use]
    pub const fn holders(&self) -> &[Holder; 2] {
        match self {
            Self::Same { holders, .. } | Self::SharedFactor { holders } => holders,
        }
    }
}

impl fmt::Display for BatchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { holders: [one, other], key } => write!(
                f,
                "{one} and {other} have the same endorsement key {key:.16}: a machine was cloned with its TPM, or a key was \
                 pasted twice; give each machine a TPM of its own and export again"
            ),
            Self::SharedFactor { holders: [one, other] } => write!(
                f,
                "the endorsement keys of {one} and {other} have a prime in common, so that anybody can compute both private \
                 keys; make new ones on TPMs with a working random generator"
            ),
        }
    }
}

/// Looks for keys that two nodes share, whole or in part, among what each node has or is to have.
///
/// A node may come more than once: in the batch and in the running configuration. Faults are in the order of their
/// holders. The cost
/// grows with the square of the number of keys.
#[must_use]
pub fn judge_batch<'a>(keys: impl IntoIterator<Item = (&'a Holder, &'a EndorsementKey)>) -> Vec<BatchFault> {
    let mut holders: BTreeMap<&EndorsementKey, BTreeSet<&Holder>> = BTreeMap::new();
    for (holder, key) in keys {
        holders.entry(key).or_default().insert(holder);
    }
    let mut faults = Vec::new();
    for (key, holders) in &holders {
        let mut rest = holders.iter();
        let Some(first) = rest.next() else { continue };
        for other in rest {
            let holders = [(*first).clone(), (*other).clone()];
            faults.push(BatchFault::Same { holders, key: key.fingerprint() });
        }
    }
    let distinct: Vec<(&EndorsementKey, &BTreeSet<&Holder>)> =
        holders.iter().map(|(key, held)| (*key, held)).collect();
    let moduli: Vec<BigUint> = distinct.iter().map(|(key, _)| key.modulus()).collect();
    let shared = shared(&moduli);
    for (i, one) in shared.iter().enumerate() {
        for other in &shared[i + 1..] {
            if moduli[*one].gcd(&moduli[*other]) == BigUint::from(1_u8) {
                continue;
            }
            let (Some(one), Some(other)) = (distinct[*one].1.first(), distinct[*other].1.first()) else {
                continue;
            };
            let mut holders = [(*one).clone(), (*other).clone()];
            holders.sort();
            faults.push(BatchFault::SharedFactor { holders });
        }
    }
    faults.sort_by(|one, other| one.holders().cmp(other.holders()));
    faults
}

/// The places of those of `moduli`, all different, that have a factor in common with another.
///
/// For each the product of all modulo its square, divided by itself, is the product of the others modulo itself; the
/// remainders come down a tree of products (Heninger, Durumeric, Wustrow, Halderman 2012, after Bernstein).
fn shared(moduli: &[BigUint]) -> Vec<usize> {
    let mut levels = vec![moduli.to_vec()];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        let next = level.chunks(2).map(|pair| pair.iter().product()).collect();
        levels.push(next);
    }
    let Some(mut remainders) = levels.pop() else {
        return Vec::new();
    };
    for level in levels.iter().rev() {
        let of = |(place, number): (usize, &BigUint)| &remainders[place / 2] % (number * number);
        remainders = level.iter().enumerate().map(of).collect();
    }
    let weak =
        |(modulus, remainder): (&BigUint, BigUint)| (remainder / modulus).gcd(modulus) != BigUint::from(1_u8);
    let found = moduli.iter().zip(remainders).map(weak).enumerate();
    found.filter_map(|(place, weak)| weak.then_some(place)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_tree_finds_what_comparing_each_with_each_finds(numbers in prop::collection::btree_set(2_u64.., 0..24)) {
            let moduli: Vec<BigUint> = numbers.iter().map(|number| BigUint::from(*number)).collect();

            let found = shared(&moduli);

            let each: Vec<usize> = (0..moduli.len())
                .filter(|one| (0..moduli.len()).any(|other| {
                    *one != other && moduli[*one].gcd(&moduli[other]) != BigUint::from(1_u8)
                }))
                .collect();
            prop_assert_eq!(found, each);
        }
    }
}
