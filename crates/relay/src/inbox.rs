//! How an entry of the inbox is written down, and read back.

use alarm::{Entry, Origin, Own};
use ids::Timestamp;
use journal::{Record, Row};
use webhook::Admitted;

/// The kinds of entries, by the numbers that stand in the journal; they never change.
const ADMITTED: u8 = 1;
const FETCHED: u8 = 2;
const OWN: u8 = 3;
const TICK: u8 = 4;

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

/// The entry that a row holds; `None` when this version does not know its kind or cannot read it.
pub(crate) fn entry(row: &Row) -> Option<Entry<'_>> {
    let at = Timestamp::from_micros(row.at);
    Some(match row.kind {
        ADMITTED => Entry::Admitted { org: &row.org, received: at, body: &row.body },
        // why it was fetched stands where a posted message has its peer
        FETCHED => {
            let origin = match row.peer.as_str() {
                "reconcile" => Origin::Reconcile,
                "backfill" => Origin::Backfill,
                _ => return None,
            };
            Entry::Fetched { org: &row.org, received: at, origin, body: &row.body }
        }
        OWN => Entry::Own { at, own: serde_json::from_slice(&row.body).ok()? },
        TICK => Entry::Tick { at },
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
            Some(Entry::Fetched { origin: Origin::Backfill, .. })
        ));
        assert!(matches!(entry(&row(4, "", "")), Some(Entry::Tick { .. })));
        for unknown in [row(2, "hearsay", "{}"), row(3, "", "garbage"), row(9, "", "")] {
            assert!(entry(&unknown).is_none(), "{unknown:?}");
        }
    }
}
