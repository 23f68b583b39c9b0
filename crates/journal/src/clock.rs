//! The journal's own idea of the time, for ages.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Wall time that a jump cannot throw forward.
///
/// Ages decide what is given up, so a clock that is set wrong must not age everything at once: forward
/// jumps are followed at double speed, steps back at once (they only make rows younger).
///
/// It goes on from where it was when the journal was last written, so that a machine that boots with a clock far
/// ahead ages nothing at once either. A machine that was off for long looks the same: ages go on from where they
/// were, and catch up as slowly.
#[derive(Debug)]
pub(crate) struct Clock {
    now: i64,
    read: Instant,
}

impl Clock {
    /// `last` is what it said last, as the journal remembers it.
    pub(crate) fn new(last: Option<i64>) -> Self {
        let wall = wall();
        Self { now: last.map_or(wall, |last| last.min(wall)), read: Instant::now() }
    }

    /// Microseconds since 1970.
    pub(crate) fn now(&mut self) -> i64 {
        let read = Instant::now();
        let elapsed = i64::try_from(read.duration_since(self.read).as_micros()).unwrap_or(i64::MAX);
        self.read = read;
        self.now = follow(self.now, elapsed, wall());
        self.now
    }
}

fn follow(now: i64, elapsed: i64, wall: i64) -> i64 {
    wall.min(now.saturating_add(elapsed.saturating_mul(2)))
}

fn wall() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_what_is_remembered_and_never_ahead_of_the_wall() {
        let day = 86_400_000_000;

        assert_eq!(Clock::new(Some(wall() - day)).now / day, (wall() - day) / day);
        assert!(Clock::new(Some(wall() + day)).now <= wall());
        assert!(Clock::new(None).now <= wall());
    }

    #[test]
    fn a_jump_forward_is_followed_slowly_and_one_back_at_once() {
        for (now, elapsed, wall, expect) in
            [(100, 10, 110, 110), (100, 10, 1_000_000, 120), (100, 10, 5, 5), (100, 0, 100, 100)]
        {
            assert_eq!(follow(now, elapsed, wall), expect, "{now} {elapsed} {wall}");
        }
    }
}
