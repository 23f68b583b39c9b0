//! A sink that stays down past its share loses its own oldest, counted and said, and no other loses anything.

use std::time::Duration;

use e2e::{
    Config, DEADLINE, Fogbell, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, wait_for,
    wait_until,
};

use super::arrivals::{Arrival, judge, judge_what_came};
use super::load::{Target, Told, post};
use super::{DRAINED, admin, is_long};

/// A relay with two receivers that are there and one that is away.
struct Scene {
    relay: Fogbell,
    siem: Rsyslog,
    nms: Snmptrapd,
    away: Rsyslog,
    told: Told,
    waves: u64,
}

impl Scene {
    /// `key` of `[journal]` is the share.
    fn start(key: &str, value: &str) -> Self {
        let siem = Rsyslog::start(&RsyslogSetup::default());
        let communities = vec!["public".to_owned()];
        let nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..SnmptrapdSetup::default() });
        let mut away = Rsyslog::start(&RsyslogSetup::default());
        away.stop();
        let config = Config::new().set("journal", key, value).v2c(
            "nms",
            &nms.address(),
            "public",
            Notification::Inform,
        );
        // Delivered at once: a share as small as these is not for what still settles.
        let sinks = [("siem", &siem), ("away", &away)].map(|(name, rsyslog)| {
            let address = rsyslog.tcp();
            format!("[[syslog]]\nname = \"{name}\"\naddress = \"{address}\"\ntransport = \"tcp\"\nsettle_secs = 0\n")
        });
        let config = sinks.iter().fold(config, |config, sink| config.table(sink));
        Self { relay: Fogbell::start(&config), siem, nms, away, told: Told::default(), waves: 0 }
    }

    /// Posts some messages and waits until those that are there have them: no wave may be near a share.
    fn wave(&mut self, count: u64) {
        self.told.extend(post(&Target::of(&self.relay), 2 * self.waves, 2, count));
        self.waves += 1;
        let posted = self.told.acknowledged().count() as u64;
        for sink in ["siem", "nms"] {
            let label = format!("sink=\"{sink}\"");
            let delivered = || admin::metric(&self.relay, "fogbell_delivered_total", &label).unwrap_or(0);
            assert!(wait_until(DRAINED, || delivered() >= posted), "{sink} has {} of {posted}", delivered());
        }
    }

    fn given_up(&self, sink: &str) -> u64 {
        admin::metric(&self.relay, "fogbell_given_up_total", &format!("sink=\"{sink}\"")).unwrap_or(0)
    }

    fn siem_arrivals(&self) -> Vec<Arrival> {
        self.siem.lines().iter().map(Arrival::from).collect()
    }

    /// Once the receiver is back, checks the account: what was given up and what came is everything there was, but
    /// for `both`, alerts that may have been on their way when they were given up.
    fn settle(&mut self, both: u64) {
        admin::wait_drained(&mut self.relay, DRAINED);

        // What the relay says of a loss is an alert too, so the account is closed when all have got the last one.
        let account = wait_for(DRAINED, || {
            let given_up = self.given_up("away");
            let siem = self.siem_arrivals();
            let away: Vec<Arrival> = self.away.lines().iter().map(Arrival::from).collect();
            let said: u64 =
                siem.iter().filter(|arrival| arrival.kind == "alerts_given_up").map(|a| a.count).sum();
            let last = siem.last().map(|arrival| arrival.sequence)?;
            let closed = said == given_up && away.last().is_some_and(|arrival| arrival.sequence == last);
            (closed && given_up == self.given_up("away")).then_some((given_up, siem, away))
        });
        let Some((given_up, siem, away)) = account else {
            let behind = admin::get(&self.relay, "/metrics").map(|(_, text)| text).unwrap_or_default();
            panic!("the account does not close; given up {}:\n{behind}", self.given_up("away"));
        };

        let total = siem.len() as u64;
        eprintln!("share: {total} alerts, {} delivered, {given_up} given up", away.len());
        let places = |arrivals: &[Arrival]| arrivals.iter().map(|a| a.sequence).collect::<Vec<u64>>();
        assert_eq!(
            places(&siem),
            (1..=total).collect::<Vec<u64>>(),
            "the sink that is there misses something"
        );
        let first = away[0].sequence;
        assert_eq!(places(&away), (first..=total).collect::<Vec<u64>>(), "given up: {given_up}");
        let next = given_up + 1;
        assert!((next.saturating_sub(both)..=next).contains(&first), "{given_up} given up, first is {first}");
        assert!(given_up > 0 && away.iter().any(|arrival| arrival.number().is_some()));
        assert_eq!((self.given_up("siem"), self.given_up("nms")), (0, 0));
        judge("siem", &siem, &self.told);
        judge_what_came("away", &away, &self.told);
        let nms: Vec<Arrival> = self.nms.traps().iter().map(Arrival::from).collect();
        judge("nms", &nms, &self.told);
        let said = |arrivals: &[Arrival]| -> Vec<(String, u64)> {
            let own = arrivals.iter().filter(|arrival| arrival.kind == "alerts_given_up");
            own.map(|arrival| (arrival.category.clone(), arrival.count)).collect()
        };
        assert_eq!(said(&nms), said(&siem));
        assert!(said(&siem).iter().all(|(sink, count)| sink == "away" && *count > 0), "{:?}", said(&siem));
    }
}

#[test]
fn a_sink_that_is_behind_by_more_bytes_than_its_share_loses_its_own_oldest() {
    let mut scene = Scene::start("sink_max_bytes", &SHARE.to_string());

    for _ in 0..15 {
        scene.wave(10);
    }
    assert!(wait_until(DEADLINE, || scene.given_up("away") > 0), "nothing was given up");
    let held = || admin::metric(&scene.relay, "fogbell_sink_behind_bytes", "sink=\"away\"");
    let is_within = || held().is_some_and(|held| (SHARE / 2..=SHARE).contains(&held));
    assert!(wait_until(DEADLINE, is_within), "{:?} bytes are held", held());
    if is_long() {
        let states = |scene: &Scene| -> Vec<String> {
            let all = scene.siem_arrivals();
            all.into_iter()
                .filter(|a| a.kind == "sink_behind" && a.category == "away")
                .map(|a| a.state)
                .collect()
        };
        assert!(wait_until(BEHIND, || states(&scene) == ["raised"]), "{:?}", states(&scene));
        scene.away.start_again();
        scene.settle(0);
        assert!(wait_until(DEADLINE, || states(&scene) == ["raised", "cleared"]), "{:?}", states(&scene));
    } else {
        scene.away.start_again();
        scene.settle(0);
    }
}

#[test]
fn a_sink_that_is_behind_for_longer_than_its_share_loses_its_own_oldest() {
    let mut scene = Scene::start("sink_max_age_secs", "2");

    scene.wave(20);
    assert!(wait_until(DEADLINE, || scene.given_up("away") >= 40), "{} given up", scene.given_up("away"));
    scene.away.start_again();
    // By the time it is tried again, what waited is too old: only what keeps coming can arrive.
    let came = wait_until(DRAINED, || {
        scene.wave(1);
        scene.away.lines().iter().map(Arrival::from).any(|arrival| arrival.number().is_some())
    });
    assert!(came, "nothing arrived");
    scene.settle(40);
}

/// The share in bytes.
const SHARE: u64 = 128 << 10;

/// When the others are told that a sink is behind: after a minute, and at the next look.
const BEHIND: Duration = Duration::from_secs(75);
