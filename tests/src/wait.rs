//! Waiting for a condition, until a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything on loopback may take; generous, since test machines are busy.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Whether `condition` became true within `deadline`.
#[must_use]
pub fn wait_until(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    wait_for(deadline, || condition().then_some(())).is_some()
}

/// What `look` found within `deadline`.
#[must_use]
pub fn wait_for<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= end {
            return found;
        }
        thread::sleep(PAUSE);
    }
}

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
