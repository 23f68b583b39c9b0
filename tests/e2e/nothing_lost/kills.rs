//! The relay is killed at random moments while messages come in and receivers come and go.

use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::{Config, Fogbell, wait_until};
use serde_json::json;

use super::load::{Load, Target, Until};
use super::sinks::Receivers;
use super::{DRAINED, admin, moment, rounds, seeded, tell};

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let volume = rounds(200, 500_000);
    kill("kills", Receivers::start_syslog(), rounds(4, 200), rounds(8, 64) as u64, volume);
}

/// snmptrapd takes some hundred informs a second, so that this cannot be the run with the large number.
#[test]
fn no_inform_is_lost_when_the_process_is_killed() {
    let volume = rounds(200, 10_000);
    kill("informs", Receivers::start(), rounds(4, 50), 8, volume);
}

/// Kills the relay `kills` times while `volume` messages are acknowledged, about as many before each kill.
fn kill(story: &str, mut receivers: Receivers, kills: usize, connections: u64, volume: usize) {
    let mut rng = seeded(story);
    let mut relay = Fogbell::start(&receivers.add_to(Config::new(), ""));
    // Not faster than rsyslog writes: what it has read and not written when it is stopped is lost, and nobody is told.
    let load = Load::paced(&Target::of(&relay), 0, connections, PER_SEC);
    let mut slowest = Duration::ZERO;
    let began = Instant::now();

    for kill in 0..kills {
        receivers.change(&mut rng);
        // A slow machine gets its kills all the same: how many were acknowledged is a figure.
        let share = volume * kill / kills;
        let _in_time = wait_until(SHARE, || load.acknowledged() > share);
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
    let _in_time = wait_until(SHARE, || load.acknowledged() >= volume);
    let posting = began.elapsed();
    let told = load.finish(Until::Finished);
    receivers.set_all(true);
    admin::wait_drained(&mut relay, DRAINED);

    let acknowledged = told.acknowledged().count();
    let figures = receivers.account(&told, DRAINED);
    eprintln!("{story}: {figures:?}, refused {:?}", told.refusals);
    let lost: usize = figures.iter().map(|figures| figures.lost).sum();
    tell(&json!({
        "kills": kills,
        "acknowledged": acknowledged,
        "lost": lost,
        "overtaken": figures.iter().map(|figures| figures.overtaken).sum::<usize>(),
        "repeats": figures.iter().map(|figures| figures.repeats).sum::<usize>(),
        "slowest_ready_ms": slowest.as_millis(),
        "seconds": posting.as_secs(),
    }));
    assert_eq!(lost, 0, "acknowledged messages are lost");
    assert!(acknowledged > 20 * kills, "{acknowledged} acknowledged is no load");
    assert!(told.refusals.is_empty(), "{:?}", told.refusals);
}

/// Messages a second: with what comes again behind every kill, what both receivers keep up with.
const PER_SEC: u64 = 2_500;

/// The longest a relay lives once its share of messages is acknowledged.
const BETWEEN_KILLS: Duration = Duration::from_secs(2);

/// How long a killed relay may take to be ready again.
const READY: Duration = Duration::from_secs(10);

/// How long a share of messages may take.
const SHARE: Duration = Duration::from_secs(5);
