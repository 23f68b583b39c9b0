//! What happened, in order of time, for the searches.

use std::collections::VecDeque;

use ids::{SiteId, Timestamp};
use serde_json::Value;

/// A bounded record; the oldest rows give way.
#[derive(Debug)]
pub(super) struct Rows {
    kept: VecDeque<Row>,
    capacity: usize,
    next: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its place among all rows ever; what a cursor stands on.
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) site: Option<SiteId>,
    pub(super) value: Value,
}

impl Row {
    /// The text of a field, empty when there is none.
    pub(super) fn text(&self, field: &str) -> &str {
        self.value[field].as_str().unwrap_or_default()
    }
}

impl Rows {
    pub(super) fn new(capacity: usize) -> Self {
        Self { kept: VecDeque::new(), capacity: capacity.max(1), next: 1 }
    }

    pub(super) fn push(&mut self, at: Timestamp, site: Option<SiteId>, value: Value) {
        if self.kept.len() >= self.capacity {
            self.kept.pop_front();
        }
        self.kept.push_back(Row { number: self.next, at, site, value });
        self.next += 1;
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.kept.iter()
    }

    /// The newest row that is `wanted`, to be changed.
    pub(super) fn newest_mut(&mut self, wanted: impl Fn(&Row) -> bool) -> Option<&mut Row> {
        self.kept.iter_mut().rev().find(|row| wanted(row))
    }
}
