//! What becomes of one request.

use std::sync::Arc;

use ids::Timestamp;
use webhook::Refusal;

use super::Metrics;
use super::labels::{Reason, TopicLabel};

/// A request between its head and its end: however it ends, it counts once.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(super) metrics: Arc<Metrics>,
    pub(super) ended: bool,
}

impl Arrived {
    /// It was turned away.
    pub(crate) fn refused(self, refusal: Refusal) {
        self.ended(refusal.reason());
    }

    /// Its message was proven, and cannot be promised.
    pub(crate) fn not_stored(self) {
        self.ended(NOT_STORED);
    }

    /// Its message was stored.
    pub(crate) fn stored(mut self, organisation: &str, topic: &str) {
        self.ended = true;
        let label = TopicLabel { org: organisation.to_owned(), topic: topic.to_owned() };
        self.metrics.messages.get_or_create(&label).inc();
        self.metrics.message_at(organisation, Timestamp::now());
    }

    fn ended(mut self, reason: &'static str) {
        self.ended = true;
        self.metrics.refusals.get_or_create(&Reason { reason }).inc();
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.refusals.get_or_create(&Reason { reason: CUT_OFF }).inc();
        }
        self.metrics.in_flight.dec();
    }
}

/// Why a request was turned away that no [`Refusal`] is about: the journal could not promise its message, or its
/// connection ended before it was judged.
pub(super) const NOT_STORED: &str = "not_stored";
pub(super) const CUT_OFF: &str = "cut_off";
