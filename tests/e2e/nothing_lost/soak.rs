//! A constant rate for as long as there is time: nothing grows, nothing is lost.

use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::{Config, Fogbell, Notification, Snmptrapd, SnmptrapdSetup, Usage};
use serde_json::json;

use super::arrivals::{Arrival, judge};
use super::load::{Load, Target, Until};
use super::wires::Wires;
use super::{DRAINED, admin, is_long, rounds, seeded, tell};

#[test]
fn a_constant_rate_makes_nothing_grow_and_loses_nothing() {
    let per_sec = rounds(50, 200) as u64;
    let (warm, most) =
        (Duration::from_secs(rounds(5, 120) as u64), Duration::from_secs(rounds(15, 600) as u64));
    let _ = seeded("soak");
    let wires = Wires::start(1);
    let communities = vec!["public".to_owned()];
    let nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..SnmptrapdSetup::default() });
    let config = wires.add_to(Config::new());
    let mut relay = Fogbell::start(&config.v2c("inform", &nms.address(), "public", Notification::Inform));
    let pid = relay.process().pid();

    let load = Load::paced(&Target::of(&relay), 0, 4, per_sec);
    let (start, mut samples, mut behind) = (Instant::now(), Vec::new(), 0);
    while start.elapsed() < most {
        // Samples of a rate are taken at a rate.
        sleep(Duration::from_secs(1));
        let at = start.elapsed();
        if at > warm {
            samples.push((at.as_secs_f64(), Usage::of(pid).expect("the relay runs")));
            behind = behind.max(admin::metric(&relay, "fogbell_sink_behind_alerts", "").unwrap_or(0));
        }
    }
    let took = start.elapsed();
    let told = load.finish(Until::Finished);
    admin::wait_drained(&mut relay, DRAINED);

    let acknowledged = told.acknowledged().count();
    let (messages, repeats) = wires.judge(&told);
    let traps: Vec<Arrival> = nms.traps().iter().map(Arrival::from).collect();
    let informed = judge("inform", &traps, &told);
    let resident: Vec<(f64, f64)> = samples.iter().map(|(at, usage)| (*at, usage.resident as f64)).collect();
    let slope = Slope::of(&resident);
    let range = |of: fn(&Usage) -> u64| {
        let all = samples.iter().map(|(_, usage)| of(usage));
        (all.clone().min().unwrap_or(0), all.max().unwrap_or(0))
    };
    let (memory, descriptors, threads) =
        (range(|usage| usage.resident), range(|usage| usage.descriptors), range(|usage| usage.threads));
    eprintln!(
        "soak: {:.0}/s for {:.0} s, {acknowledged} acknowledged, {} delivered, {} repeated, 0 lost; after {} s of \
         warm-up: {:.1} to {:.1} MiB, {:+.2} ± {:.2} MiB/h ({} samples, 2 standard errors), {} to {} descriptors, \
         {} to {} threads, {behind} alerts behind at most",
        acknowledged as f64 / took.as_secs_f64(),
        took.as_secs_f64(),
        messages + informed.messages,
        repeats + informed.repeats,
        warm.as_secs(),
        memory.0 as f64 / MIB,
        memory.1 as f64 / MIB,
        slope.per_sec * 3_600.0 / MIB,
        2.0 * slope.error * 3_600.0 / MIB,
        samples.len(),
        descriptors.0,
        descriptors.1,
        threads.0,
        threads.1,
    );
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    tell(&json!({
        "acknowledged": acknowledged,
        "per_s": rounded(acknowledged as f64 / took.as_secs_f64()),
        "seconds": took.as_secs(),
        "mib_an_hour": rounded(slope.per_sec * 3_600.0 / MIB),
        "mib_an_hour_error": rounded(2.0 * slope.error * 3_600.0 / MIB),
        "mib_most": rounded(memory.1 as f64 / MIB),
        "descriptors_most": descriptors.1,
    }));
    assert!(acknowledged as f64 >= 0.9 * per_sec as f64 * took.as_secs_f64(), "that was not the rate");
    assert!(told.refusals.is_empty(), "{:?}", told.refusals);
    assert_eq!((repeats, informed.repeats), (0, 0), "something was sent again, with no failure in between");
    // What is on its way settles for a second; three sinks.
    assert!(behind <= 3 * 10 * per_sec, "receivers do not keep up: {behind} alerts are behind");
    assert!(descriptors.1 <= descriptors.0 + 4, "descriptors grow: {descriptors:?}");
    assert!(threads.1 <= threads.0 + 8, "threads grow: {threads:?}");
    assert!(memory.1 <= memory.0 + GROSS, "memory grows: {memory:?}");
    if is_long() {
        // The slope itself, not the end of its interval: an interval wide enough proves nothing.
        assert!(
            slope.per_sec * 3_600.0 <= HOUR_MAX * MIB,
            "memory grows by more than {HOUR_MAX} MiB an hour"
        );
    }
}

/// A straight line through samples by least squares.
#[derive(Clone, Copy, Debug)]
struct Slope {
    /// Growth a second.
    per_sec: f64,
    /// Its standard error, as if samples did not depend on each other.
    error: f64,
}

impl Slope {
    fn of(samples: &[(f64, f64)]) -> Self {
        let count = samples.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let spread: f64 = samples.iter().map(|sample| (sample.0 - x).powi(2)).sum();
        let per_sec = samples.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum::<f64>() / spread;
        let left: f64 = samples.iter().map(|sample| (sample.1 - y - per_sec * (sample.0 - x)).powi(2)).sum();
        Self { per_sec, error: (left / (count - 2.0) / spread).sqrt() }
    }
}

const MIB: f64 = 1_048_576.0;

/// Most growth an hour, in MiB.
const HOUR_MAX: f64 = 1.0;

/// What memory may come and go by within the run.
const GROSS: u64 = 16 << 20;

#[test]
fn a_slope_is_that_of_the_line_and_its_error_that_of_what_is_off_it() {
    let line: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 5.0 + 3.0 * f64::from(x))).collect();
    let exact = Slope::of(&line);
    assert!((exact.per_sec - 3.0).abs() < 1e-9 && exact.error < 1e-9, "{exact:?}");

    // by hand: x 0 1 2 3, y 0 2 1 3: slope 0.8, left over 1.8, error sqrt(0.9 / 5)
    let rough = Slope::of(&[(0.0, 0.0), (1.0, 2.0), (2.0, 1.0), (3.0, 3.0)]);
    assert!((rough.per_sec - 0.8).abs() < 1e-9 && (rough.error - 0.18_f64.sqrt()).abs() < 1e-9, "{rough:?}");
}
