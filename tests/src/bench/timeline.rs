//! How far a count was at any time.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::clock;

/// A count looked at every few milliseconds, as long as the program runs; what is older than about ten minutes is
/// forgotten.
#[derive(Debug)]
pub(super) struct Timeline(Arc<Mutex<Marks>>);

/// Times in microseconds of Unix time, ascending, and the count then.
type Marks = VecDeque<(u64, u64)>;

impl Timeline {
    /// The timeline of `count`, from now on.
    pub(super) fn of(count: Arc<AtomicU64>) -> io::Result<Self> {
        let marks: Arc<Mutex<Marks>> = Arc::default();
        let kept = Arc::clone(&marks);
        thread::Builder::new().name("timeline".into()).spawn(move || {
            loop {
                {
                    let mut marks = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    marks.push_back((clock::unix_micros(), count.load(Ordering::Acquire)));
                    if marks.len() > MOST {
                        marks.pop_front();
                    }
                }
                thread::sleep(EVERY);
            }
        })?;
        Ok(Self(marks))
    }

    /// The count at `time`.
    pub(super) fn at(&self, time: u64) -> f64 {
        between(&self.0.lock().unwrap_or_else(PoisonError::into_inner), time)
    }
}

/// The count at `time`, straight between the marks around it; that of the first or last mark beyond them.
fn between(marks: &Marks, time: u64) -> f64 {
    let behind = marks.partition_point(|(at, _)| *at <= time);
    match (behind.checked_sub(1).and_then(|index| marks.get(index)), marks.get(behind)) {
        (Some(&(from, before)), Some(&(to, after))) => {
            let part = (time - from) as f64 / (to - from) as f64;
            part.mul_add(after as f64 - before as f64, before as f64)
        }
        (Some(&(_, count)), None) | (None, Some(&(_, count))) => count as f64,
        (None, None) => 0.0,
    }
}

const EVERY: Duration = Duration::from_millis(5);
const MOST: usize = 120_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_lies_between_those_around_it() {
        let marks = Marks::from([(100, 0), (200, 10), (400, 10)]);
        for (time, expect) in [(0, 0.0), (100, 0.0), (150, 5.0), (200, 10.0), (399, 10.0), (999, 10.0)] {
            assert!((between(&marks, time) - expect).abs() < 1e-9, "{time}");
        }
        assert!(between(&Marks::new(), 7).abs() < 1e-9);
    }
}
