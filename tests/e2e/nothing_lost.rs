//! What was answered 200 arrives at every sink, whatever happens in between: kills, power cuts, receivers that
//! come and go, connections that break, a journal without room. The one way an alert is given up is a stated
//! bound, and then it is counted and said.
//!
//! Every message carries its number in the name of its device, so that it is found again at each receiver. What
//! is random follows from a seed that is printed; `FOGBELL_SEED` repeats it. `FOGBELL_LONG=1` makes a story as large
//! as its figures in `docs/reliability.md` are; `cargo xtask faults --full` sets it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use testkit::Rng;

pub(crate) mod admin;
mod arrivals;
mod away;
mod clock;
mod day;
mod engines;
mod flips;
mod full;
mod injected;
mod kills;
pub(crate) mod limits;
pub(crate) mod load;
pub(crate) mod needs_root;
mod order;
mod rate;
mod resets;
mod restarts;
mod scene;
mod share;
pub(crate) mod sinks;
mod soak;
mod wires;

/// How large a story is: `many` in a full run, which is `FOGBELL_LONG=1`, else `few`.
pub(crate) fn rounds(few: usize, many: usize) -> usize {
    if is_long() { many } else { few }
}

/// Tells what a story found, an object of figures by name, before it is judged: `cargo xtask faults` reads the line.
pub(crate) fn tell(figures: &Value) {
    eprintln!("figures: {figures}");
}

fn is_long() -> bool {
    std::env::var_os("FOGBELL_LONG").is_some_and(|value| value == "1")
}

/// What `story` makes random moments from; prints how to repeat them.
pub(crate) fn seeded(story: &str) -> Rng {
    let given =
        std::env::var("FOGBELL_SEED").ok().map(|seed| seed.parse().expect("FOGBELL_SEED is a number"));
    let seed = given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        u64::from(now.subsec_nanos())
    });
    eprintln!("{story}: FOGBELL_SEED={seed}");
    Rng::new(seed)
}

/// A moment at random: up to `most` from now.
pub(crate) fn moment(rng: &mut Rng, most: Duration) -> Duration {
    let micros = usize::try_from(most.as_micros()).expect("less than an hour");
    Duration::from_micros(rng.below(micros) as u64)
}

/// How long a receiver that is back may take until it has everything: the longest pause between two attempts
/// and some more.
const DRAINED: Duration = Duration::from_secs(90);
