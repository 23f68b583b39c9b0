//! How an entry of the inbox is written down, and read back.

use std::sync::Arc;

use alarm::directory::Lesson;
use alarm::{Alert, Entry, Fetched, Own};
use bytes::Bytes;
use ids::Timestamp;
use journal::{AppendError, Journal, Position, Priority, Record, Row};
use webhook::Admitted;

use crate::metrics::Metrics;

mod to_its_end;

use to_its_end::ToItsEnd;

/// The kinds of entries, by the numbers that stand in the journal; they never change.
const ADMITTED: u8 = 1;
const FETCHED: u8 = 2;
const OWN: u8 = 3;
const TICK: u8 = 4;
const LEARNED: u8 = 5;
const REPLAYED: u8 = 6;

/// The inbox, for those who have something for it: what is stored is counted.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    journal: Journal,
    metrics: Arc<Metrics>,
}

impl Inbox {
    pub(crate) const fn new(journal: Journal, metrics: Arc<Metrics>) -> Self {
        Self { journal, metrics }
    }

    /// Stores a record.
    pub(crate) async fn store(&self, record: Record, priority: Priority) -> Result<Position, AppendError> {
        self.store_and(record, priority, |_| ()).await
    }

    /// Stores a record, and does `then` with what came of it. Once begun it goes on to its end, even when nobody waits
    /// for it any more: what is stored is counted.
    pub(crate) async fn store_and(
        &self,
        record: Record,
        priority: Priority,
        then: impl FnOnce(&Result<Position, AppendError>) + Send + 'static,
    ) -> Result<Position, AppendError> {
        let (journal, metrics) = (self.journal.clone(), Arc::clone(&self.metrics));
        ToItsEnd::new(async move {
            let kind = word(record.kind);
            let stored = journal.append(record, priority).await;
            if stored.is_ok() {
                metrics.stored(kind);
            }
            then(&stored);
            stored
        })
        .await
    }
}

/// The word of a kind of entry, for counters.
pub(crate) const fn word(kind: u8) -> &'static str {
    match kind {
        ADMITTED => "webhook",
        FETCHED => "fetched",
        OWN => "own",
        TICK => "tick",
        LEARNED => "learned",
        REPLAYED => "replayed",
        _ => "unknown",
    }
}

/// Whether a row is a message that Mist posted.
#[must_use]
pub const fn is_webhook(row: &Row) -> bool {
    row.kind == ADMITTED
}

/// The word for entries that are damaged, whatever they were.
pub(crate) const DAMAGED: &str = "damaged";

/// A proven message as a record.
pub(crate) fn admitted(admitted: Admitted) -> Record {
    Record {
        kind: ADMITTED,
        at: admitted.received().micros(),
        org: admitted.organisation().to_owned(),
        peer: admitted.peer().to_string(),
        body: admitted.body().clone(),
    }
}

/// Something the relay says of itself as a record.
pub(crate) fn own(at: Timestamp, own: &Own) -> Record {
    let body = serde_json::to_vec(own).expect("texts and numbers are JSON");
    Record { kind: OWN, at: at.micros(), org: String::new(), peer: String::new(), body: body.into() }
}

/// A message the relay made of what it fetched; why stands where a posted one has its peer.
pub(crate) fn fetched(at: Timestamp, org: &str, fetched: Fetched, body: Bytes) -> Record {
    Record { kind: FETCHED, at: at.micros(), org: org.to_owned(), peer: fetched.word().to_owned(), body }
}

/// What the API told, as a record.
pub(crate) fn learned(at: Timestamp, org: &str, lesson: &Lesson) -> Record {
    let body = serde_json::to_vec(lesson).expect("texts are JSON");
    Record { kind: LEARNED, at: at.micros(), org: org.to_owned(), peer: String::new(), body: body.into() }
}

/// An alert to be sent once more, as a record.
pub(crate) fn replayed(at: Timestamp, alert: &Alert) -> Record {
    let body = serde_json::to_vec(alert).expect("texts and numbers are JSON");
    Record { kind: REPLAYED, at: at.micros(), org: String::new(), peer: String::new(), body: body.into() }
}

/// Time that has passed, as a record.
pub(crate) fn tick(at: Timestamp) -> Record {
    Record { kind: TICK, at: at.micros(), org: String::new(), peer: String::new(), body: Bytes::new() }
}

/// The entry that a row holds; `None` when this version does not know its kind or cannot read it.
pub(crate) fn entry(row: &Row) -> Option<Entry<'_>> {
    let at = Timestamp::from_micros(row.at);
    Some(match row.kind {
        ADMITTED => Entry::Admitted { org: &row.org, received: at, body: &row.body },
        FETCHED => {
            let fetched = Fetched::from_word(&row.peer)?;
            Entry::Fetched { org: &row.org, received: at, fetched, body: &row.body }
        }
        OWN => Entry::Own { at, own: serde_json::from_slice(&row.body).ok()? },
        TICK => Entry::Tick { at },
        LEARNED => Entry::Learned { org: &row.org, at, lesson: serde_json::from_slice(&row.body).ok()? },
        REPLAYED => Entry::Replayed { alert: serde_json::from_slice(&row.body).ok()? },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alarm::{OwnKind, State};
    use journal::Position;

    use super::*;

    fn row(kind: u8, peer: &str, body: &str) -> Row {
        Row {
            position: Position::new(1),
            kind,
            at: 5,
            org: "acme".into(),
            peer: peer.into(),
            body: body.to_owned().into(),
        }
    }

    #[test]
    fn what_the_relay_says_of_itself_reads_back() {
        let said = Own {
            kind: OwnKind::AlertsGivenUp,
            resource: "noc".into(),
            state: State::Event,
            text: "t".into(),
            count: 3,
            severity: None,
            duration_secs: None,
        };
        let record = own(Timestamp::from_micros(5), &said);
        let row = row(record.kind, &record.peer, std::str::from_utf8(&record.body).unwrap());

        assert!(matches!(entry(&row), Some(Entry::Own { own, .. }) if own == said));
    }

    #[test]
    fn every_kind_has_its_entry_and_an_unknown_one_none() {
        assert!(matches!(entry(&row(1, "192.0.2.1", "{}")), Some(Entry::Admitted { org: "acme", .. })));
        assert!(matches!(
            entry(&row(2, "backfill", "{}")),
            Some(Entry::Fetched { fetched: Fetched::Delivery, .. })
        ));
        assert!(matches!(entry(&row(4, "", "")), Some(Entry::Tick { .. })));
        assert!(matches!(entry(&row(5, "", "{}")), Some(Entry::Learned { org: "acme", .. })));
        for unknown in [
            row(2, "hearsay", "{}"),
            row(3, "", "garbage"),
            row(5, "", "7"),
            row(6, "", "{}"),
            row(9, "", ""),
        ] {
            assert!(entry(&unknown).is_none(), "{unknown:?}");
        }
    }
}
