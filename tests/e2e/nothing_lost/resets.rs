//! Connections to syslog receivers break in the middle of a stream: reset, cut, half-closed; also while the relay
//! stops. What breaks one connection takes nothing along for good.

use std::thread::sleep;
use std::time::Duration;

use e2e::{Config, DEADLINE, Fogbell, wait_until};
use serde_json::json;

use super::load::{Load, Target, Until};
use super::wires::Wires;
use super::{DRAINED, admin, moment, rounds, seeded, tell};

#[test]
fn a_reset_loses_nothing_and_repeats_under_the_same_id() {
    // The relay takes half a second and a settled line between two connections to a receiver, so that several
    // receivers side by side are what makes a thousand resets quick.
    let (of_each, rounds) = (rounds(2, 5), rounds(3, 100));
    let mut rng = seeded("resets");
    let wires = Wires::start(of_each);
    let mut relay = Fogbell::start(&wires.add_to(Config::new()));
    let load = Load::paced(&Target::of(&relay), 0, 2, 50);

    let mut breaks = 0;
    for _ in 0..rounds {
        wires.wait_flow(&mut relay);
        // The moment of the break is what this is about: nothing can be waited for.
        sleep(moment(&mut rng, Duration::from_millis(100)));
        wires.break_all(&mut rng);
        breaks += wires.count();
    }
    wires.heal();
    let told = load.finish(Until::Finished);
    admin::wait_drained(&mut relay, DRAINED);

    let (figures, connections) = (wires.judge(&told), wires.connections());
    let (messages, repeats) = figures;
    eprintln!(
        "resets: {breaks} breaks of {} streams, {connections} connections, {} acknowledged, {messages} delivered, \
         {repeats} repeated under the same id, 0 lost",
        wires.count(),
        told.acknowledged().count(),
    );
    tell(&json!({
        "breaks": breaks,
        "acknowledged": told.acknowledged().count(),
        "delivered": messages,
        "repeats": repeats,
    }));
    assert!(connections > breaks as u64, "{connections} connections for {breaks} breaks");
    assert!(repeats > 0, "nothing was on its way when connections broke");
    assert!(told.refusals.is_empty(), "{:?}", told.refusals);
}

#[test]
fn a_reset_while_the_relay_stops_loses_nothing() {
    let rounds = rounds(3, 50);
    let mut rng = seeded("resets at the stop");
    let wires = Wires::start(1);
    let mut relay = Fogbell::start(&wires.add_to(Config::new().set("", "grace_secs", "5")));
    let load = Load::paced(&Target::of(&relay), 0, 2, 100);

    for _ in 0..rounds {
        wires.wait_flow(&mut relay);
        relay.sigterm();
        // Both moments are what this is about: while what is on its way settles, and while leave is taken.
        sleep(moment(&mut rng, STOPPING));
        wires.break_all(&mut rng);
        let exit = relay.wait_exit(DEADLINE);
        assert_eq!(exit.code(), Some(0));
        wires.heal();
        relay.start_again();
    }
    let before = load.acknowledged();
    assert!(wait_until(DEADLINE, || load.acknowledged() > before), "nothing is acknowledged any more");
    let told = load.finish(Until::Finished);
    admin::wait_drained(&mut relay, DRAINED);

    let (messages, repeats) = wires.judge(&told);
    eprintln!(
        "resets: {rounds} stops with every stream broken on the way, {} acknowledged, {messages} delivered, \
         {repeats} repeated under the same id, 0 lost",
        told.acknowledged().count()
    );
    tell(&json!({
        "stops": rounds,
        "acknowledged": told.acknowledged().count(),
        "delivered": messages,
        "repeats": repeats,
    }));
}

/// How long a relay may take to stop: what is on its way settles for a second, then leave is taken.
const STOPPING: Duration = Duration::from_millis(1_500);
