//! The journal's own idea of the time, for ages.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Wall time that a jump cannot throw forward.
///
/// Ages decide what is given up, so a clock that is set wrong must not age everything at once: forward
/// jumps are followed at double speed, steps back at once (they only make rows younger).
#[derive(Debug)]
pub(crate) struct Clock {
    now: i64,
    read: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { now: wall(), read: Instant::now() }
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
    fn a_jump_forward_is_followed_slowly_and_one_back_at_once() {
        for (now, elapsed, wall, expect) in
            [(100, 10, 110, 110), (100, 10, 1_000_000, 120), (100, 10, 5, 5), (100, 0, 100, 100)]
        {
            assert_eq!(follow(now, elapsed, wall), expect, "{now} {elapsed} {wall}");
        }
    }
}
