//! What those beside the relay worry about, for the relay to tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use alarm::{OwnKind, Severity};
use tokio::sync::watch;

use crate::metrics::Metrics;

/// Something that is wrong, or soon will be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Concern {
    /// How bad it is; when that grows, it is told again.
    pub severity: Severity,
    /// What is wrong, with what, and what to do, for a person.
    pub text: String,
}

/// Everything there is to worry about of the kinds that somebody has looked at, by what it is about.
pub(crate) type Known = BTreeMap<&'static str, (OwnKind, BTreeMap<String, Concern>)>;

/// Tells a relay what there is to worry about: each concern is told once, when it begins and when it has ended, over
/// restarts too.
#[derive(Clone, Debug)]
pub struct Concerns {
    known: watch::Sender<Known>,
    metrics: Arc<Metrics>,
}

impl Concerns {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { known: watch::Sender::default(), metrics }
    }

    /// How many calls to the API are left to the organisation this hour, of how many.
    pub fn calls(&self, org: &str, left: u32, of: u32) {
        self.metrics.calls(org, left, of);
    }

    /// All concerns of `kind` there are now, by what they are about: what is not among them has ended.
    pub fn are(&self, kind: OwnKind, concerns: BTreeMap<String, Concern>) {
        self.known.send_if_modified(|known| {
            let new = Some((kind, concerns));
            let before = known.get(kind.word()).cloned();
            let changed = before != new;
            known.extend(new.map(|new| (kind.word(), new)));
            changed
        });
    }

    pub(crate) fn known(&self) -> watch::Ref<'_, Known> {
        self.known.borrow()
    }
}
