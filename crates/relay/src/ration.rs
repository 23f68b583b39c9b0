//! So many log lines a second and no more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many log lines a second and no more: whoever can be refused must not be able to fill the disk.
#[derive(Debug, Default)]
pub(crate) struct Ration(Mutex<(Option<Instant>, u32, u64)>);

impl Ration {
    /// Whether one more line may be logged, and how many were not since the last one.
    pub(crate) fn one_more(&self, now: Instant) -> Option<u64> {
        let mut ration = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, logged, unlogged) = &mut *ration;
        if since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            (*since, *logged) = (Some(now), 0);
        }
        if *logged >= LINES_PER_SECOND {
            *unlogged += 1;
            return None;
        }
        *logged += 1;
        Some(std::mem::take(unlogged))
    }
}

/// How many lines of one kind are logged in a second; all are counted.
const LINES_PER_SECOND: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_logged_in_part_and_says_how_much_was_not() {
        let ration = Ration::default();
        let start = Instant::now();

        let logged = (0..100).filter(|_| ration.one_more(start).is_some()).count();

        assert_eq!(logged, LINES_PER_SECOND as usize);
        assert_eq!(ration.one_more(start + Duration::from_secs(1)), Some(100 - u64::from(LINES_PER_SECOND)));
        assert_eq!(ration.one_more(start + Duration::from_secs(1)), Some(0));
    }
}
