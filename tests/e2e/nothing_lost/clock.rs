//! The relay's wall clock jumps, steps, is smeared and stands still while alerts flow. Its certificates apart,
//! nothing it does may depend on what a wall clock says.
//!
//! Simulated: CLOCK_REALTIME of the relay alone, by libfaketime; receivers and the client have the right time.

use std::thread::sleep;
use std::time::Duration;

use e2e::{
    Config, DEADLINE, FakeClock, Fogbell, Notification, Showing, Snmptrapd, SnmptrapdSetup, wait_until,
};
use serde_json::json;
use testkit::Proxy;
use testkit::clients::{self, End};

use super::arrivals::{Arrival, has_all, judge};
use super::load::{Again, Target, Told, post};
use super::wires::Wires;
use super::{DRAINED, admin, rounds, seeded, tell};

/// A relay under a clock of its own, with receivers over TCP, TLS and by informs, all of which can tell what came.
struct Scene {
    clock: FakeClock,
    wires: Wires,
    nms: Snmptrapd,
    relay: Fogbell,
    /// What comes again with every wave.
    again: Again,
    told: Told,
    waves: u64,
}

impl Scene {
    fn start() -> Self {
        let (clock, wires) = (FakeClock::new(), Wires::start(1));
        let communities = vec!["public".to_owned()];
        let nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..SnmptrapdSetup::default() });
        let config = wires.add_to(Config::new().set("gate", "header_secs", "1"));
        let config = config.v2c("inform", &nms.address(), "public", Notification::Inform);
        let wrapper = clock.wrapper();
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let relay = Fogbell::start_under(&wrapper, &config);
        let again = Again::new(u64::from(u32::MAX));
        let told = again.told();
        Self { clock, wires, nms, relay, again, told, waves: 0 }
    }

    /// Posts some messages, and one that was posted before, whose id must stay.
    fn wave(&mut self) {
        let target = Target::of(&self.relay);
        self.again.post(&target);
        self.told.extend(post(&target, 2 * self.waves, 2, OF_A_WAVE));
        self.waves += 1;
    }

    /// The clock shows `showings`, one after the other, while alerts come in and a receiver is away; it comes back
    /// while the clock shows the last of them. Then the clock is right again.
    fn turn(&mut self, showings: &[Showing]) {
        let away = &self.wires.all()[0].proxy;
        self.wires.run(Proxy::refuse(away));
        away.reset_all();
        for (index, showing) in showings.iter().enumerate() {
            self.clock.set(*showing);
            if index == 0 || index + 1 == showings.len() {
                self.wave();
            }
        }
        self.goes_on();
        assert!(admin::is_ready(&self.relay), "not ready: {showings:?}");
        self.idle_connections_end();

        self.wires.heal();
        admin::wait_drained(&mut self.relay, DRAINED);
        self.clock.set(Showing::Right);
        self.wave();
        admin::wait_drained(&mut self.relay, DRAINED);
        let given_up = admin::metric(&self.relay, "fogbell_given_up_total", "").unwrap_or(0);
        assert_eq!(given_up, 0, "something was given up: {showings:?}");
    }

    /// What the receivers that are there are owed arrives, whatever the clock shows.
    fn goes_on(&self) {
        let arrived = || {
            let traps: Vec<Arrival> = self.nms.traps().iter().map(Arrival::from).collect();
            has_all(&traps, &self.told)
        };
        assert!(wait_until(DEADLINE, arrived), "informs stand still");
    }

    /// The deadline of a connection that asks nothing is a timer that must not stand still.
    fn idle_connections_end(&self) {
        let pem = std::fs::read_to_string(self.relay.ca()).expect("the certificate can be read");
        let trust = testkit::Trust::pem(&pem).expect("a certificate");
        let target = clients::Target::tls(self.relay.address().parse().expect("an address"), trust);
        let outcome = self.wires.run(clients::idle(&target, DEADLINE)).expect("a connection");
        assert_ne!(outcome.end, End::StillOpen, "a timer is stuck");
    }

    /// Checks everything that arrived, and that the relay said nothing of itself: no receiver was ever behind for
    /// long.
    fn settle(&self) -> (usize, usize) {
        let (messages, repeats) = self.wires.judge(&self.told);
        let traps: Vec<Arrival> = self.nms.traps().iter().map(Arrival::from).collect();
        let figures = judge("inform", &traps, &self.told);
        let own: Vec<&Arrival> = traps.iter().filter(|arrival| arrival.number().is_none()).collect();
        assert!(own.is_empty(), "the relay was led to say {own:?}");
        (messages + figures.messages, repeats + figures.repeats)
    }
}

#[test]
fn a_clock_that_jumps_or_stands_still_loses_nothing_and_holds_nothing_up() {
    let times = rounds(1, 10);
    let _ = seeded("clock");
    let mut scene = Scene::start();
    // ten steps of 0.1 s, as a second is smeared, and the second at once, as a leap second is stepped
    let smear: Vec<Showing> =
        (1..=10).map(|tenths| Showing::Back(Duration::from_millis(100 * tenths))).collect();
    scene.wave();

    for _ in 0..times {
        scene.turn(&[Showing::Ahead(400 * DAY)]);
        scene.turn(&[Showing::Back(Duration::from_secs(3_600))]);
        scene.turn(&smear);
        scene.turn(&[Showing::Back(Duration::from_secs(1))]);
        scene.turn(&[Showing::Frozen]);
    }

    let (messages, repeats) = scene.settle();
    eprintln!(
        "clock: +400 d, -1 h, smear, step, frozen, {times} times each: {} acknowledged, {messages} delivered, \
         {repeats} repeated under the same id, 0 lost, 0 given up",
        scene.told.acknowledged().count()
    );
    tell(&json!({
        "of_each": times,
        "acknowledged": scene.told.acknowledged().count(),
        "delivered": messages,
        "repeats": repeats,
    }));
}

#[test]
fn a_machine_that_boots_with_its_clock_far_ahead_gives_nothing_up() {
    let mut scene = Scene::start();
    let away = &scene.wires.all()[0];
    scene.wires.run(Proxy::refuse(&away.proxy));
    away.proxy.reset_all();
    scene.wave();
    scene.goes_on();
    scene.relay.sigterm();
    assert_eq!(scene.relay.wait_exit(DEADLINE).code(), Some(0));

    scene.clock.set(Showing::Ahead(400 * DAY));
    let wrapper = scene.clock.wrapper();
    scene.relay.start_again_under(&wrapper.iter().map(String::as_str).collect::<Vec<_>>());
    scene.wave();
    scene.goes_on();
    // Ages are looked at once a second, and what is looked for is that nothing comes of it.
    sleep(Duration::from_secs(3));
    scene.clock.set(Showing::Right);
    scene.wires.heal();
    admin::wait_drained(&mut scene.relay, DRAINED);

    let given_up = admin::metric(&scene.relay, "fogbell_given_up_total", "").unwrap_or(0);
    assert_eq!(given_up, 0, "the clock alone made alerts old");
    let _figures = scene.wires.judge(&scene.told);
}

const DAY: Duration = Duration::from_secs(86_400);

/// Messages of each connection in a wave.
const OF_A_WAVE: u64 = 10;
