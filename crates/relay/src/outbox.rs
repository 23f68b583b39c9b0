//! The outbox as the sinks see it: what was written a moment ago is still in memory, what is older is read from
//! the journal.
//!
//! Only the interpreter writes to the outbox, and it tells here what the journal has committed. A sink that keeps
//! up thus gets the very alert that was made, instead of reading and parsing it again; one that does not, or a
//! relay that has just started, reads the journal. Both give the same alerts under the same positions.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use alarm::Alert;
use journal::Position;
use tokio::sync::watch;

/// An alert of the outbox and its place there.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) position: Position,
    pub(crate) alert: Arc<Alert>,
}

/// What the interpreter tells the sinks.
#[derive(Debug)]
pub(crate) struct Outbox {
    tail: watch::Sender<Position>,
    recent: Mutex<Recent>,
}

/// The newest alerts, one behind the other without a gap.
#[derive(Debug, Default)]
struct Recent {
    /// Each with the bytes it has in the journal.
    parcels: VecDeque<(Parcel, usize)>,
    bytes: usize,
}

impl Outbox {
    /// An outbox that ends at `tail`, as the journal does.
    pub(crate) fn new(tail: Position) -> Self {
        Self { tail: watch::Sender::new(tail), recent: Mutex::default() }
    }

    /// Tells that `alerts`, each with its bytes in the journal, were committed, the last of them at `newest`.
    pub(crate) fn wrote(&self, newest: Position, alerts: Vec<(Arc<Alert>, usize)>) {
        let before = newest.number().saturating_sub(alerts.len() as u64);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, (alert, bytes)) in (before + 1..).zip(alerts) {
            recent.bytes += bytes;
            recent.parcels.push_back((Parcel { position: Position::new(number), alert }, bytes));
        }
        while recent.parcels.len() > MAX_ALERTS || recent.bytes > MAX_BYTES {
            let Some((_, bytes)) = recent.parcels.pop_front() else { break };
            recent.bytes -= bytes;
        }
        drop(recent);
        self.tail.send_replace(newest);
    }

    /// The newest position, for sinks that wait.
    pub(crate) fn tail(&self) -> watch::Receiver<Position> {
        self.tail.subscribe()
    }

    /// The alerts behind `after`, at most `most`; `None` when they are no longer in memory.
    pub(crate) fn recent(&self, after: Position, most: usize) -> Option<Vec<Parcel>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, _) = recent.parcels.front()?;
        let skip = (after.number() + 1).checked_sub(first.position.number())?;
        let skip = usize::try_from(skip).ok().filter(|skip| *skip < recent.parcels.len())?;
        Some(recent.parcels.iter().skip(skip).take(most).map(|(parcel, _)| parcel.clone()).collect())
    }
}

/// How much is kept in memory.
const MAX_ALERTS: usize = 1024;
const MAX_BYTES: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, AlertId};
    use ids::Timestamp;

    use super::*;

    fn alerts(numbers: std::ops::RangeInclusive<u64>, bytes: usize) -> Vec<(Arc<Alert>, usize)> {
        let alert = |number: u64| {
            let (id, key) = (AlertId::of(&[&number.to_be_bytes()]), AlarmKey::of(&[]));
            Alert::new(id, key, "alarms", &number.to_string(), Timestamp::from_micros(0))
        };
        numbers.map(|number| (Arc::new(alert(number)), bytes)).collect()
    }

    fn read(outbox: &Outbox, after: u64, most: usize) -> Option<Vec<u64>> {
        let parcels = outbox.recent(Position::new(after), most)?;
        for parcel in &parcels {
            assert_eq!(parcel.alert.kind, parcel.position.number().to_string());
        }
        Some(parcels.iter().map(|parcel| parcel.position.number()).collect())
    }

    #[test]
    fn what_was_just_written_is_read_from_memory_and_what_is_older_is_not() {
        let outbox = Outbox::new(Position::new(10));
        assert_eq!(read(&outbox, 10, 9), None);

        outbox.wrote(Position::new(13), alerts(11..=13, 100));
        outbox.wrote(Position::new(13), Vec::new());
        outbox.wrote(Position::new(14), alerts(14..=14, 100));

        assert_eq!(*outbox.tail().borrow(), Position::new(14));
        assert_eq!(read(&outbox, 10, 3), Some(vec![11, 12, 13]));
        assert_eq!(read(&outbox, 12, 9), Some(vec![13, 14]));
        for after in [0, 9, 14, 20] {
            assert_eq!(read(&outbox, after, 9), None, "behind {after}");
        }
    }

    #[test]
    fn memory_is_bounded_by_number_and_by_bytes() {
        let outbox = Outbox::new(Position::ZERO);
        let many = MAX_ALERTS as u64;
        outbox.wrote(Position::new(many + 5), alerts(1..=many + 5, 1));
        assert_eq!((read(&outbox, 4, 1), read(&outbox, 5, 1)), (None, Some(vec![6])));

        let next = many + 6;
        outbox.wrote(Position::new(next), alerts(next..=next, MAX_BYTES));
        assert_eq!((read(&outbox, next - 2, 1), read(&outbox, next - 1, 9)), (None, Some(vec![next])));

        outbox.wrote(Position::new(next + 1), alerts(next + 1..=next + 1, MAX_BYTES + 1));
        assert_eq!(read(&outbox, next, 9), None);
        assert_eq!(*outbox.tail().borrow(), Position::new(next + 1));
    }
}
