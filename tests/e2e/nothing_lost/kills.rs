//! The relay is killed at random moments while messages come in and receivers come and go.

use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::{Config, Fogbell, wait_until};

use super::load::{Load, Size, Target, Until};
use super::sinks::Receivers;
use super::{DRAINED, admin, moment, rounds, seeded};

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let rounds = rounds(6, 50);
    let mut rng = seeded("kills");
    let mut receivers = Receivers::start();
    let mut relay = Fogbell::start(&receivers.add_to(Config::new(), ""));
    let load = Load::start(&Target::of(&relay), 0, 8, Size::Usual, Until::Finished);
    let mut slowest = Duration::ZERO;

    for _ in 0..rounds {
        receivers.change(&mut rng);
        // The moment of the kill is what this is about: nothing can be waited for.
        sleep(moment(&mut rng, BETWEEN_KILLS));
        relay.kill9();
        receivers.change(&mut rng);
        let started = Instant::now();
        relay.start_again();
        assert!(wait_until(READY, || admin::is_ready(&relay)), "not ready after a kill");
        slowest = slowest.max(started.elapsed());
    }
    let before = load.acknowledged();
    assert!(
        wait_until(READY, || load.acknowledged() > before),
        "nothing is acknowledged after the last kill"
    );
    let told = load.finish(Until::Finished);
    receivers.set_all(true);
    admin::wait_drained(&mut relay, DRAINED);

    let acknowledged = told.acknowledged().count();
    let figures = receivers.judge_all(&told, DRAINED);
    eprintln!("kills: {rounds} rounds, {acknowledged} acknowledged, slowest start {slowest:?}; {figures:?}");
    assert!(acknowledged > 20 * rounds, "{acknowledged} acknowledged is no load");
    assert!(told.refusals.is_empty(), "{:?}", told.refusals);
}

/// The longest a relay lives.
const BETWEEN_KILLS: Duration = Duration::from_secs(3);

/// How long a killed relay may take to be ready again.
const READY: Duration = Duration::from_secs(10);
