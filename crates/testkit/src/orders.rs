//! Orders to misbehave: what, for which calls, from when on, how often.

use std::sync::{Mutex, PoisonError};

use http::Method;

use crate::cloud::{Misbehaviour, matches};

/// An order to misbehave that is not complete yet.
#[derive(Debug)]
#[must_use = "nothing is ordered before `times` or `always`"]
pub struct Misbehaving<'a, W = Misbehaviour> {
    orders: &'a Mutex<Orders<W>>,
    order: Order<W>,
}

impl<'a, W> Misbehaving<'a, W> {
    pub(crate) fn new(orders: &'a Mutex<Orders<W>>, what: W) -> Self {
        let order = Order { what, pattern: "*".to_owned(), method: None, skip: 0, times: 0 };
        Self { orders, order }
    }

    /// Only for calls with `pattern` somewhere in path and query, or in the command; `*` in it stands for any text.
    pub fn on(mut self, pattern: &str) -> Self {
        pattern.clone_into(&mut self.order.pattern);
        self
    }

    /// Only for calls of this method; a command has none.
    pub fn method(mut self, method: Method) -> Self {
        self.order.method = Some(method);
        self
    }

    /// Only after so many calls that are meant.
    pub fn after(mut self, calls: u64) -> Self {
        self.order.skip = calls;
        self
    }

    /// So many times.
    pub fn times(mut self, times: u64) {
        if times > 0 {
            self.order.times = times;
            self.orders.lock().unwrap_or_else(PoisonError::into_inner).add(self.order);
        }
    }

    /// Until `behave` is called.
    pub fn always(self) {
        self.times(u64::MAX);
    }
}

/// One order to misbehave.
#[derive(Clone, Debug)]
pub(crate) struct Order<W> {
    what: W,
    pattern: String,
    method: Option<Method>,
    skip: u64,
    times: u64,
}

impl<W> Order<W> {
    fn concerns(&self, method: Option<&Method>, target: &str) -> bool {
        self.method.as_ref().is_none_or(|meant| Some(meant) == method)
            && matches(&format!("*{}*", self.pattern), target)
    }
}

/// The orders that are still to be followed, oldest first.
#[derive(Debug)]
pub(crate) struct Orders<W = Misbehaviour>(Vec<Order<W>>);

impl<W> Default for Orders<W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<W: Clone> Orders<W> {
    /// What a call of this path and query, or a command, gets; counted.
    pub(crate) fn take(&mut self, method: Option<&Method>, target: &str) -> Option<W> {
        let mut found = None;
        for order in self.0.iter_mut().filter(|order| order.concerns(method, target)) {
            if order.skip > 0 {
                order.skip -= 1;
            } else {
                order.times -= 1;
                found = Some(order.what.clone());
                break;
            }
        }
        self.0.retain(|order| order.times > 0);
        found
    }
}

impl<W> Orders<W> {
    /// Adds an order; when there are too many, the oldest is forgotten.
    fn add(&mut self, order: Order<W>) {
        if self.0.len() >= MOST_ORDERS {
            self.0.remove(0);
        }
        self.0.push(order);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

const MOST_ORDERS: usize = 1_024;
