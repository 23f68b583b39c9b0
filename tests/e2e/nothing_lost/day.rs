//! A receiver is down for a day, and slow when it is back.
//!
//! What is simulated is the volume of a day and its length, not a day's waiting. The volume: 86,400 alerts, one a
//! second, posted as fast as they are answered (in the short run 1,600). The length: the relay's wall clock, by
//! libfaketime, goes through 24 hours in quarters of an hour meanwhile, while timers run as ever; at the end of
//! the day the relay is started again, since a start is when it believes what the clock says. Then the receiver,
//! which has refused connections all the time, takes so many bytes a second.

use std::time::{Duration, Instant};

use e2e::{
    Config, DEADLINE, FakeClock, Fogbell, Notification, Showing, Snmptrapd, SnmptrapdSetup, Usage, wait_until,
};
use serde_json::json;
use testkit::Proxy;

use super::arrivals::{Arrival, judge};
use super::load::{Load, Size, Target, Told, Until};
use super::wires::{Wire, Wires};
use super::{DRAINED, admin, rounds, seeded, tell};

/// The most memory that was seen.
#[derive(Debug, Default)]
struct Most(u64);

impl Most {
    fn look(&mut self, relay: &mut Fogbell) {
        let usage = Usage::of(relay.process().pid()).expect("the relay runs");
        self.0 = self.0.max(usage.resident);
    }

    fn mib(&self) -> f64 {
        self.0 as f64 / 1_048_576.0
    }
}

#[test]
fn a_receiver_that_was_down_for_a_day_and_is_slow_gets_everything_in_order() {
    let alerts = rounds(1_600, 86_400) as u64;
    let pace = rounds(300_000, 1_000_000) as u64;
    let disk: u64 = rounds(64, 512) as u64 * (1 << 20);
    let _ = seeded("day");
    let (clock, wires) = (FakeClock::new(), Wires::start(1));
    let communities = vec!["public".to_owned()];
    let nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..SnmptrapdSetup::default() });
    let config = wires.add_to(Config::new().set("journal", "max_bytes", &disk.to_string()));
    let config = config.v2c("inform", &nms.address(), "public", Notification::Inform);
    let wrapper = clock.wrapper();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let mut relay = Fogbell::start_under(&wrapper, &config);
    let [slow, other] = wires.all() else { panic!("two wires") };

    // As it is when everybody is there, at the same load.
    let mut usual = Most::default();
    let mut told = pour(&mut relay, 0, alerts / 2, |relay, _| usual.look(relay));
    drain(&mut relay, &mut usual);

    // The day.
    wires.run(Proxy::refuse(&slow.proxy));
    slow.proxy.reset_all();
    let mut down = Most::default();
    let start = Instant::now();
    let day = pour(&mut relay, CONNECTIONS, alerts, |relay, posted| {
        let quarters = u32::try_from(QUARTERS * posted.min(alerts) / alerts).expect("a day has 96 quarters");
        clock.set(Showing::Ahead(QUARTER * quarters));
        down.look(relay);
    });
    let poured = start.elapsed();
    clock.set(Showing::Ahead(QUARTER * u32::try_from(QUARTERS).expect("96")));
    told.extend(day);
    let sinks = || admin::metric(&relay, "fogbell_sink_behind_alerts", "").unwrap_or(0);
    let only = || admin::metric(&relay, "fogbell_sink_behind_alerts", &slow.label()).unwrap_or(0);
    assert!(
        wait_until(DRAINED, || sinks() == only() && only() >= alerts),
        "{} of {} are not its",
        sinks(),
        only()
    );
    let others = start.elapsed();
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
    relay.start_again_under(&wrapper);
    let waited = || admin::metric(&relay, "fogbell_sink_behind_alerts", &slow.label()).unwrap_or(0);
    assert!(wait_until(DEADLINE, || waited() >= alerts), "{} wait", waited());

    // Back, and slow.
    let mut back = Most::default();
    slow.proxy.slow(pace);
    wires.run(slow.proxy.open()).expect("the port is still free");
    let start = Instant::now();
    let bytes = slow.proxy.counters().forwarded_bytes;
    drain(&mut relay, &mut back);
    let (took, bytes) = (start.elapsed(), slow.proxy.counters().forwarded_bytes - bytes);
    // What the relay says was delivered must not still be in its own kernel, to be lost with the connection.
    slow.proxy.reset_all();
    let kept = on_disk(&relay);

    let (messages, repeats) = wires.judge(&told);
    let traps: Vec<Arrival> = nms.traps().iter().map(Arrival::from).collect();
    let informed = judge("inform", &traps, &told);
    eprintln!(
        "day: {alerts} alerts poured in {:.1} s while the receiver was down for 24 h of the wall clock, the others \
         had them {:.1} s after; back at {pace} bytes/s it took {bytes} bytes in {:.1} s; {messages} delivered by \
         syslog, {} by informs, 0 lost, in order, {repeats} repeated; memory {:.1} MiB with all up, {:.1} MiB while \
         one was down, {:.1} MiB while it was slow; {:.1} of {} MiB on disk",
        poured.as_secs_f64(),
        (others.saturating_sub(poured)).as_secs_f64(),
        took.as_secs_f64(),
        informed.messages,
        usual.mib(),
        down.mib(),
        back.mib(),
        kept as f64 / 1_048_576.0,
        disk >> 20,
    );
    let rounded = |number: f64| (number * 10.0).round() / 10.0;
    tell(&json!({
        "alerts": alerts,
        "delivered": messages + informed.messages,
        "repeats": repeats,
        "mib_usual": rounded(usual.mib()),
        "mib_down": rounded(down.mib()),
        "mib_slow": rounded(back.mib()),
        "disk_mib": rounded(kept as f64 / 1_048_576.0),
    }));
    assert_eq!(admin::metric(&relay, "fogbell_given_up_total", "").unwrap_or(0), 0, "something was given up");
    assert!(told.refusals.is_empty(), "{:?}", told.refusals);
    assert!(bytes as f64 / took.as_secs_f64() < 1.2 * pace as f64, "that was not slow");
    assert!(kept <= disk, "{kept} bytes on disk");
    for wire in [slow, other] {
        assert!(in_order(&wires, wire), "{} is out of order", wire.name);
    }
    assert!(informed.repeats == 0, "informs were disturbed: {informed:?}");
    for (what, most) in [("down", &down), ("slow", &back)] {
        assert!(most.mib() <= 1.1 * usual.mib(), "memory while {what}: {most:?} after {usual:?}");
    }
}

/// Posts `count` messages in all, a multiple of [`CONNECTIONS`], on connections of which `first` is the first; `look` is called all the while
/// with how many were answered.
fn pour(relay: &mut Fogbell, first: u64, count: u64, mut look: impl FnMut(&mut Fogbell, u64)) -> Told {
    let until = Until::Count(count / CONNECTIONS);
    let load = Load::start(&Target::of(relay), first, CONNECTIONS, Size::Usual, until);
    let done = wait_until(LONGEST, || {
        let posted = load.acknowledged() as u64;
        look(relay, posted);
        posted >= count
    });
    assert!(done, "the load is not taken");
    load.finish(until)
}

/// Waits until every sink has everything.
fn drain(relay: &mut Fogbell, most: &mut Most) {
    let done = wait_until(LONGEST, || {
        most.look(relay);
        admin::metric(relay, "fogbell_inbox_behind_entries", "") == Some(0)
            && admin::metric(relay, "fogbell_sink_behind_alerts", "") == Some(0)
    });
    assert!(done, "not everything was delivered");
}

/// Whether what came by `wire` came in the order of the outbox; repeats apart.
fn in_order(wires: &Wires, wire: &Wire) -> bool {
    let mut last = 0;
    let mut seen = std::collections::HashSet::new();
    wires.arrivals(wire).iter().filter(|arrival| seen.insert(arrival.sequence)).all(|arrival| {
        let next = arrival.sequence > last;
        last = arrival.sequence;
        next
    })
}

/// Bytes of the files of the journal.
fn on_disk(relay: &Fogbell) -> u64 {
    let files = std::fs::read_dir(relay.home().join("state")).expect("the relay has a state");
    files.map(|file| file.and_then(|file| file.metadata()).map_or(0, |file| file.len())).sum()
}

const CONNECTIONS: u64 = 8;
const QUARTER: Duration = Duration::from_secs(900);
const QUARTERS: u64 = 96;

/// How long a day's volume may take to be posted, or to be delivered slowly.
const LONGEST: Duration = Duration::from_secs(900);
