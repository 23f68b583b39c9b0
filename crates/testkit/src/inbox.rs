//! What a receiver keeps of what arrived.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Something that was waited for did not happen before the deadline.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("nothing within {waited:?}; {arrived} arrived so far")]
pub struct Missed {
    /// How long was waited.
    pub waited: Duration,
    /// How many had arrived by then, since the receiver started.
    pub arrived: u64,
}

/// A bounded record in order of arrival: the oldest give way to the newest, and are counted.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    kept: Mutex<Kept<T>>,
    changed: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct Kept<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    /// How many arrived before the first of `items`, which is how many were given up.
    dropped: u64,
    /// How many `next` has handed out or passed over.
    read: u64,
}

impl<T: Clone> Inbox<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let kept = Kept { items: VecDeque::new(), bytes: 0, dropped: 0, read: 0 };
        Self { kept: Mutex::new(kept), changed: Notify::new(), capacity: capacity.max(1) }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `item`, which weighs `bytes`.
    pub(crate) fn push(&self, item: T, bytes: usize) {
        let mut kept = self.kept();
        kept.items.push_back((item, bytes));
        kept.bytes += bytes;
        while kept.items.len() > self.capacity || (kept.bytes > MAX_BYTES && kept.items.len() > 1) {
            let (_, bytes) = kept.items.pop_front().expect("the loop runs only with an item");
            kept.bytes -= bytes;
            kept.dropped += 1;
        }
        drop(kept);
        self.changed.notify_waiters();
    }

    /// The first item that was not handed out yet.
    pub(crate) async fn next(&self, within: Duration) -> Result<T, Missed> {
        self.wait(within, |inbox| {
            let mut kept = inbox.kept();
            kept.read = kept.read.max(kept.dropped);
            let index = usize::try_from(kept.read - kept.dropped).unwrap_or(usize::MAX);
            let item = kept.items.get(index).map(|(item, _)| item.clone());
            kept.read += u64::from(item.is_some());
            item
        })
        .await
    }

    /// Waits until `count` have arrived since the start, given up or not.
    pub(crate) async fn wait_for(&self, count: u64, within: Duration) -> Result<(), Missed> {
        self.wait(within, |inbox| (inbox.arrived() >= count).then_some(())).await
    }

    async fn wait<R>(&self, within: Duration, mut look: impl FnMut(&Self) -> Option<R>) -> Result<R, Missed> {
        let deadline = Instant::now() + within;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable(); // before looking, so that no arrival falls between
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if timeout_at(deadline, changed).await.is_err() {
                return look(self).ok_or_else(|| Missed { waited: within, arrived: self.arrived() });
            }
        }
    }

    /// Everything still kept, oldest first.
    pub(crate) fn all(&self) -> Vec<T> {
        self.kept().items.iter().map(|(item, _)| item.clone()).collect()
    }

    /// How many arrived since the start.
    pub(crate) fn arrived(&self) -> u64 {
        let kept = self.kept();
        kept.dropped + kept.items.len() as u64
    }

    /// How many were given up.
    pub(crate) fn dropped(&self) -> u64 {
        self.kept().dropped
    }
}

/// How many items a receiver keeps unless told otherwise.
pub(crate) const CAPACITY: usize = 65_536;
const MAX_BYTES: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_oldest_give_way_and_are_counted() {
        let inbox = Inbox::new(2);
        for n in 0..5 {
            inbox.push(n, 1);
        }

        assert_eq!(inbox.all(), [3, 4]);
        assert_eq!((inbox.arrived(), inbox.dropped()), (5, 3));
        assert_eq!(inbox.next(SOON).await, Ok(3));
        assert_eq!(inbox.next(SOON).await, Ok(4));
    }

    #[tokio::test]
    async fn weight_counts_as_well_as_number() {
        let inbox = Inbox::new(10);
        inbox.push("a", MAX_BYTES);
        inbox.push("b", 1);

        assert_eq!(inbox.all(), ["b"]);
    }

    #[tokio::test]
    async fn a_waiter_hears_of_what_comes_and_gives_up_at_its_deadline() {
        let inbox = std::sync::Arc::new(Inbox::new(10));
        let pushing = std::sync::Arc::clone(&inbox);
        let task = tokio::spawn(async move { pushing.push(7, 1) });

        assert_eq!(inbox.next(SOON).await, Ok(7));
        task.await.unwrap();
        inbox.wait_for(1, SOON).await.unwrap();
        let missed = inbox.next(Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(missed.arrived, 1);
    }
}
