//! A report for people and for programs.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::accept::{BODY_BYTES, CONNECTIONS, Report, Sample, Who};
use super::figures::{Spread, quantile, rounded};

/// A figure of a sample: its name in JSON, and itself.
type Figure = (&'static str, fn(&Sample) -> Option<f64>);

const FIGURES: [Figure; 10] = [
    ("accepted_per_s", |sample| Some(sample.accepted_per_s)),
    ("p50_ms", |sample| Some(sample.p50_ms)),
    ("p99_ms", |sample| Some(sample.p99_ms)),
    ("cpu_us_per_message", |sample| Some(sample.cpu_us)),
    ("busy", |sample| Some(sample.busy)),
    ("load_busy", |sample| Some(sample.load_busy)),
    ("rss_idle_mib", |sample| Some(sample.idle_mib)),
    ("rss_peak_mib", |sample| Some(sample.peak_mib)),
    ("delivered_at_end", |sample| Some(sample.delivered?.0)),
    ("delivered_all_after_s", |sample| Some(sample.delivered?.1)),
];

/// The ratio of rates of one server to another, round by round.
fn ratio(report: &Report, who: Who, to: Who) -> Option<Spread> {
    ratio_of(report, who, to, |sample| sample.accepted_per_s)
}

/// The ratio of a figure of one server to that of another, round by round.
fn ratio_of(report: &Report, who: Who, to: Who, figure: fn(&Sample) -> f64) -> Option<Spread> {
    let pairs = report.samples(who).zip(report.samples(to));
    Spread::of(pairs.map(|(sample, base)| figure(sample) / figure(base)))
}

/// The report as one JSON object.
pub(crate) fn json(report: &Report) -> Value {
    let median = |who, to| ratio(report, who, to).map(|spread| rounded(spread.median));
    let servers: Map<String, Value> =
        Who::ALL.iter().map(|who| (who.name().to_owned(), server(report, *who))).collect();
    json!({
        "bench": "accept",
        "accept_ratio_bare": median(Who::Relay, Who::Bare),
        "accept_ratio_floor": median(Who::Relay, Who::Floor),
        "accept_ratio_bare_without_sink": median(Who::RelayWithoutSink, Who::Bare),
        "accept_ratio_floor_without_sink": median(Who::RelayWithoutSink, Who::Floor),
        "servers": servers,
        "fdatasync": { "p50_ms": rounded(quantile(&report.syncs, 0.5)), "p99_ms": rounded(quantile(&report.syncs, 0.99)) },
        "rounds": report.plan.rounds,
        "seconds": report.plan.seconds,
        "connections": CONNECTIONS,
        "body_bytes": BODY_BYTES,
        "pinned": report.pinned,
        "machine": report.machine.json(),
        "revision": report.machine.revision(),
    })
}

fn server(report: &Report, who: Who) -> Value {
    let mut object = Map::from_iter([("what".to_owned(), Value::from(who.what()))]);
    let mut put = |name: &str, spread: Option<Spread>| {
        if let Some(spread) = spread {
            object.insert(name.to_owned(), spread.json());
        }
    };
    for (name, figure) in FIGURES {
        put(name, Spread::of(report.samples(who).filter_map(figure)));
    }
    put("ratio_bare", ratio(report, who, Who::Bare));
    put("ratio_floor", ratio(report, who, Who::Floor));
    put("cpu_ratio_bare", ratio_of(report, who, Who::Bare, |sample| sample.cpu_us));
    put("cpu_ratio_floor", ratio_of(report, who, Who::Floor, |sample| sample.cpu_us));
    object.insert("failed".to_owned(), report.samples(who).map(|sample| sample.failed).sum::<u64>().into());
    Value::Object(object)
}

/// The report as a table with what has to be known to read it.
pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out += text.trim_end();
        out.push('\n');
    };
    line(&format!("bench accept: {}", report.machine.text()));
    let cores = if report.pinned {
        "server on core 0, load and receiver on core 1"
    } else {
        "NOT pinned: all share all cores"
    };
    line(&format!(
        "{} alternating rounds of {} s, fresh state each, {cores}; {CONNECTIONS} TLS 1.3 connections, one request \
         under way on each, signed alarms of {BODY_BYTES} bytes; medians, ratios round by round",
        report.plan.rounds, report.plan.seconds
    ));
    line("");
    line(&format!(
        "{:<20}{:>11}{:>19}{:>8}{:>8}{:>9}{:>8}{:>7}{:>7}{:>12}{:>8}{:>8}{:>9}",
        "",
        "accepted/s",
        "[min - max]",
        "p50 ms",
        "p99 ms",
        "CPU µs",
        "x bare",
        "core",
        "load",
        "MiB",
        "x bare",
        "x floor",
        "not 200"
    ));
    for who in Who::ALL {
        line(&row(report, who));
    }
    line("");
    for who in Who::ALL {
        line(&format!("{:<20}{}", who.name(), who.what()));
    }
    if let Some(busy) = Spread::of(report.samples(Who::Bare).map(|sample| sample.busy))
        && busy.median < BUSY
    {
        line(&format!(
            "NOTE: bare got only {:.0} % of its core, so that other programs or the load were its limit: rates and \
             their ratios say little, CPU µs and its ratio stand",
            busy.median * 100.0
        ));
    }
    if let Some((part, after)) = backlog(report) {
        line(&format!(
            "relay: interpreting yields to a busy intake for at most 2 s; {:.0} % of the messages were delivered when \
             the load ended, all of them {:.1} s later",
            part.median * 100.0,
            after.median
        ));
    }
    line(&format!(
        "fdatasync of 1 KiB by one writer on the same disk: p50 {:.2} ms, p99 {:.2} ms",
        quantile(&report.syncs, 0.5),
        quantile(&report.syncs, 0.99)
    ));
    line(
        "CPU µs: the server's processor time for each message, all its threads and everything it does; core, load: \
         the part of a core that the server and the load used (the load signs as it sends); MiB: resident, idle → peak",
    );
    out
}

fn row(report: &Report, who: Who) -> String {
    let median = |figure: fn(&Sample) -> f64| {
        Spread::of(report.samples(who).map(figure)).map_or(f64::NAN, |spread| spread.median)
    };
    let to = |base| ratio(report, who, base).map_or(f64::NAN, |spread| spread.median);
    let rate = Spread::of(report.samples(who).map(|sample| sample.accepted_per_s));
    let range = rate.map_or_else(String::new, |rate| format!("[{:.0} - {:.0}]", rate.min, rate.max));
    let mut out = format!("{:<20}{:>11.0}{range:>19}", who.name(), median(|sample| sample.accepted_per_s));
    let memory = format!("{:.0} → {:.0}", median(|sample| sample.idle_mib), median(|sample| sample.peak_mib));
    let failed: u64 = report.samples(who).map(|sample| sample.failed).sum();
    let cpu =
        ratio_of(report, who, Who::Bare, |sample| sample.cpu_us).map_or(f64::NAN, |spread| spread.median);
    let _ = write!(
        out,
        "{:>8.2}{:>8.2}{:>9.1}{cpu:>8.2}{:>6.0}%{:>6.0}%{memory:>12}{:>8.2}{:>8.2}{failed:>9}",
        median(|sample| sample.p50_ms),
        median(|sample| sample.p99_ms),
        median(|sample| sample.cpu_us),
        median(|sample| sample.busy) * 100.0,
        median(|sample| sample.load_busy) * 100.0,
        to(Who::Bare),
        to(Who::Floor),
    );
    out
}

/// What of the accepted was delivered at the end of the load, and when all of it was.
fn backlog(report: &Report) -> Option<(Spread, Spread)> {
    let delivered: Vec<_> = report.samples(Who::Relay).filter_map(|sample| sample.delivered).collect();
    let part = Spread::of(delivered.iter().map(|(part, _)| *part))?;
    Some((part, Spread::of(delivered.iter().map(|(_, after)| *after))?))
}

/// The part of its core that a server must get for its rate to be its own.
const BUSY: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::super::accept::Plan;
    use super::super::machine::Machine;
    use super::*;

    fn sample(who: Who, accepted_per_s: f64, cpu_us: f64) -> Sample {
        let delivered = (who == Who::Relay).then_some((0.25, 1.5));
        Sample {
            who,
            accepted_per_s,
            p50_ms: 1.0,
            p99_ms: 2.0,
            cpu_us,
            busy: 1.0,
            load_busy: 0.5,
            idle_mib: 10.0,
            peak_mib: 20.0,
            failed: 1,
            delivered,
        }
    }

    fn report() -> Report {
        let round = |bare, relay| {
            vec![
                sample(Who::Relay, relay, 20.0),
                sample(Who::RelayWithoutSink, relay, 20.0),
                sample(Who::Floor, bare / 2.0, 10.0),
                sample(Who::Bare, bare, 10.0),
            ]
        };
        Report {
            plan: Plan { rounds: 3, seconds: 3 },
            machine: Machine::made_up(),
            pinned: true,
            rounds: vec![round(100.0, 30.0), round(1000.0, 400.0), round(10.0, 5.0)],
            syncs: vec![0.1, 0.2],
        }
    }

    #[test]
    fn ratios_are_taken_in_each_round_whatever_the_machine_did_in_between() {
        let json = json(&report());

        assert_eq!(json["accept_ratio_bare"], 0.4);
        assert_eq!(json["accept_ratio_floor"], 0.8);
        assert_eq!(
            json["servers"]["relay"]["cpu_ratio_bare"],
            json!({ "median": 2.0, "min": 2.0, "max": 2.0 })
        );
        assert_eq!(json["servers"]["relay"]["delivered_at_end"]["median"], 0.25);
        assert_eq!(json["servers"]["bare"]["delivered_at_end"], Value::Null);
        assert_eq!(json["servers"]["bare"]["failed"], 3);
        assert_eq!(json["machine"]["cores"], 2);
    }

    #[test]
    fn the_table_has_a_row_for_each_under_its_columns() {
        let text = text(&report());

        let head = text.lines().find(|line| line.contains("accepted/s")).unwrap().to_owned();
        for who in Who::ALL {
            let row = text.lines().find(|line| line.starts_with(&format!("{} ", who.name()))).unwrap();
            assert_eq!(row.chars().count(), head.chars().count(), "{text}");
        }
        assert!(
            text.contains("25 % of the messages were delivered when the load ended, all of them 1.5 s later")
        );
        assert!(!text.contains("NOTE"), "{text}");
    }
}
