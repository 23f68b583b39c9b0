//! How many connections are open, and for whom.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::Limits;

/// How many connections are open.
#[derive(Debug, Default)]
pub(super) struct Open(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// From addresses that are allowed nothing; they get a share, so that they cannot shut Mist out.
    strangers: usize,
    from: HashMap<IpAddr, usize>,
}

impl Counts {
    fn enter(&mut self, holder: IpAddr, stranger: bool) {
        self.all += 1;
        self.strangers += usize::from(stranger);
        *self.from.entry(holder).or_default() += 1;
    }

    fn leave(&mut self, holder: IpAddr, stranger: bool) {
        self.all -= 1;
        self.strangers -= usize::from(stranger);
        match self.from.get_mut(&holder) {
            Some(from) if *from > 1 => *from -= 1,
            _ => drop(self.from.remove(&holder)),
        }
    }

    /// Whether one more fits.
    fn has_room(&self, holder: IpAddr, stranger: bool, limits: &Limits) -> bool {
        let from = self.from.get(&holder).copied().unwrap_or(0);
        self.all < limits.connections
            && from < limits.connections_per_address
            && !(stranger && self.strangers >= (limits.connections / STRANGERS_SHARE).max(1))
    }
}

/// The right to have one connection open, held for an address until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    open: Arc<Open>,
    holder: IpAddr,
    stranger: bool,
}

impl Place {
    pub(super) fn take(open: &Arc<Open>, holder: IpAddr, stranger: bool, limits: &Limits) -> Option<Self> {
        let mut counts = open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.has_room(holder, stranger, limits) {
            return None;
        }
        counts.enter(holder, stranger);
        Some(Self { open: Arc::clone(open), holder, stranger })
    }

    /// The address it is held for.
    pub(super) const fn holder(&self) -> IpAddr {
        self.holder
    }

    /// Holds it for another address from now on: a proxy said whom it speaks for. Whether that one may have one more;
    /// when not, nothing changes.
    pub(super) fn pass_on(&mut self, holder: IpAddr, stranger: bool, limits: &Limits) -> bool {
        if holder == self.holder {
            return true;
        }
        let mut counts = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.leave(self.holder, self.stranger);
        let fits = counts.has_room(holder, stranger, limits);
        if fits {
            (self.holder, self.stranger) = (holder, stranger);
        }
        counts.enter(self.holder, self.stranger);
        fits
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.leave(self.holder, self.stranger);
    }
}

/// Which part of all connections may be from addresses that are allowed nothing: a quarter.
const STRANGERS_SHARE: usize = 4;

#[cfg(test)]
mod tests {
    use crate::config::GateLimits;

    use super::*;

    fn limits(connections: usize, per_address: usize) -> Limits {
        Limits::from(&GateLimits {
            max_connections: connections,
            max_connections_per_address: per_address,
            ..GateLimits::default()
        })
    }

    #[test]
    fn caps_hold_in_all_and_per_address_and_are_given_back() {
        let open = Arc::new(Open::default());
        let limits = limits(3, 2);
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());

        let first = Place::take(&open, a, false, &limits).unwrap();
        let _second = Place::take(&open, a, false, &limits).unwrap();
        assert!(Place::take(&open, a, false, &limits).is_none(), "two from one address");
        let _third = Place::take(&open, b, false, &limits).unwrap();
        assert!(Place::take(&open, b, false, &limits).is_none(), "three in all");

        drop(first);
        assert!(Place::take(&open, b, false, &limits).is_some());
        assert_eq!(open.0.lock().unwrap().from.get(&a), Some(&1));
    }

    #[test]
    fn strangers_cannot_take_every_place() {
        let open = Arc::new(Open::default());
        let limits = limits(8, 8);
        let stranger = |n: u8| Place::take(&open, [203, 0, 113, n].into(), true, &limits);

        let taken: Vec<_> = (0..8).filter_map(stranger).collect();

        assert_eq!(taken.len(), 2);
        assert!(Place::take(&open, [192, 0, 2, 1].into(), false, &limits).is_some());
        drop(taken);
        assert!(stranger(9).is_some());
    }

    #[test]
    fn a_proxy_gives_its_places_to_those_it_speaks_for() {
        let open = Arc::new(Open::default());
        let limits = limits(8, 2);
        let (proxy, mist, other) = ([10, 0, 0, 5].into(), [192, 0, 2, 1].into(), [203, 0, 113, 7].into());
        let counts = |address: IpAddr| {
            let counts = open.0.lock().unwrap();
            (counts.all, counts.strangers, counts.from.get(&address).copied())
        };

        let mut places: Vec<_> = (0..2).map(|_| Place::take(&open, proxy, false, &limits).unwrap()).collect();
        assert!(Place::take(&open, proxy, false, &limits).is_none(), "a proxy has no more than others");
        assert!(places.iter_mut().all(|place| place.pass_on(mist, false, &limits)));
        assert_eq!((counts(proxy), counts(mist)), ((2, 0, None), (2, 0, Some(2))));

        // the next ones of the same address are too many, and stay the proxy's until they are closed
        let mut third = Place::take(&open, proxy, false, &limits).unwrap();
        assert!(!third.pass_on(mist, false, &limits));
        assert_eq!((third.holder(), counts(proxy)), (proxy, (3, 0, Some(1))));

        // the same connection may speak for one after the other, and again
        assert!(third.pass_on(other, true, &limits));
        assert_eq!(counts(other), (3, 1, Some(1)));
        assert!(third.pass_on(other, true, &limits));
        let mut fourth = Place::take(&open, proxy, false, &limits).unwrap();
        assert!(fourth.pass_on([203, 0, 113, 8].into(), true, &limits));
        let mut fifth = Place::take(&open, proxy, false, &limits).unwrap();
        assert!(
            !fifth.pass_on([203, 0, 113, 9].into(), true, &limits),
            "strangers have their share behind a proxy too"
        );

        drop((places, third, fourth, fifth));
        assert_eq!(counts(proxy), (0, 0, None));
        assert!(open.0.lock().unwrap().from.is_empty());
    }
}
