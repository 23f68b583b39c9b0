//! How long sinks have been behind, whatever happens to the wall clock meanwhile.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ids::Timestamp;
use journal::{CursorStatus, Status};

/// The age of each cursor's oldest undelivered row, as of the last look.
///
/// Rows carry the wall clock's time, so a clock that is set would make all of them old, or none. But a row that is
/// still the oldest has aged by as much as the steady clock ran, and one that took its place is no older than the
/// one before it would be by now. Only at the first look, after a start, the wall clock is all there is.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    looked: Option<Instant>,
    oldest: HashMap<String, (i64, Duration)>,
}

impl Ages {
    /// Looks at `status`, which was taken at `now` by the steady clock and at `wall` by the other.
    pub(crate) fn look(&mut self, status: &Status, now: Instant, wall: Timestamp) {
        let passed = self.looked.replace(now).map(|looked| now.saturating_duration_since(looked));
        let before = std::mem::take(&mut self.oldest);
        for cursor in &status.cursors {
            let Some(at) = oldest(cursor) else { continue };
            let told = wall.since(Timestamp::from_micros(at));
            let age = match (passed, before.get(&cursor.name)) {
                (None, _) => told,
                (Some(passed), Some((oldest, age))) if *oldest == at => *age + passed,
                (Some(passed), Some((_, age))) => told.min(*age + passed),
                // at the last look nothing waited
                (Some(passed), None) => told.min(passed),
            };
            self.oldest.insert(cursor.name.clone(), (at, age));
        }
    }

    /// How long the oldest undelivered row of `cursor` has waited; nothing when none waits.
    pub(crate) fn of(&self, cursor: &str) -> Duration {
        self.oldest.get(cursor).map_or(Duration::ZERO, |(_, age)| *age)
    }
}

/// When the oldest row that waits was stored, in microseconds since 1970.
fn oldest(cursor: &CursorStatus) -> Option<i64> {
    cursor.oldest_undelivered_at.filter(|_| cursor.behind_records > 0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::status;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Looks once a second at a sink whose oldest row is so many seconds old by the wall clock; `None` when nothing
    /// waits. A row is the same one as before while its age and the clock grow together.
    fn ages(looks: &[(Option<i64>, i64)]) -> Vec<u64> {
        let (mut ages, mut now) = (Ages::default(), Instant::now());
        let mut seen = Vec::new();
        for (stamp, wall) in looks {
            let mut status = status(&[("noc", u64::from(stamp.is_some()), 0, true)]);
            status.cursors[0].oldest_undelivered_at = stamp.map(|stamp| stamp * 1_000_000);
            ages.look(&status, now, Timestamp::from_micros(wall * 1_000_000));
            seen.push(ages.of("noc").as_secs());
            now += SECOND;
        }
        seen
    }

    #[test]
    fn the_age_is_the_wall_clocks_while_that_runs_as_it_should() {
        // the same row twice, a younger one, nothing, one that came since
        let looks = [(Some(100), 130), (Some(100), 131), (Some(125), 132), (None, 133), (Some(134), 134)];
        assert_eq!(ages(&looks), [30, 31, 7, 0, 0]);
    }

    #[test]
    fn a_jump_makes_nothing_older_or_younger_than_it_is() {
        let year = 31_536_000;
        // ahead: the same row, then one stored before the jump, then one behind it
        let looks = [
            (Some(100), 101),
            (Some(100), 102 + year),
            (Some(101), 103 + year),
            (Some(104 + year), 104 + year),
        ];
        assert_eq!(ages(&looks), [1, 2, 3, 0]);
        // ahead while nothing waits
        assert_eq!(ages(&[(None, 100), (Some(100), 101 + year)]), [0, 1]);
        // back: the same row, then one that was stored ahead and waits on
        let looks = [(Some(100), 110), (Some(100), 11), (Some(120), 12), (Some(120), 13), (Some(120), 14)];
        assert_eq!(ages(&looks), [10, 11, 0, 1, 2]);
    }
}
