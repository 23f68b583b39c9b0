//! `bench latency`: how long an answer takes at a steady rate, counted from when its request was due.

use anyhow::Result;
use serde_json::{Value, json};

use super::disk;
use super::figures::{Spread, excess, number, quantile};
use super::goal::{Against, Goal, Judged};
use super::lab::{Extent, Lab, Load};
use super::report::Report;
use super::table::Table;
use super::trial::{Trial, Who};

/// Who is asked, and how often a second.
const CASES: [(Who, u64); 3] = [(Who::Relay, 1000), (Who::Floor, 1000), (Who::Relay, 500)];

const WARM_UP_MS: u64 = 1000;

/// Syncs of the disk before each server and behind it.
const SYNCS: usize = 500;

/// One server at one rate in one round.
#[derive(Clone, Copy, Debug)]
struct Case {
    trial: Trial,
    /// Of the disk alone, before and behind it; milliseconds.
    sync_p50_ms: f64,
    sync_p99_ms: f64,
}

/// Measures.
///
/// # Errors
///
/// When a program does not do what it is for.
pub(crate) fn run(lab: &Lab<'_>) -> Result<Report> {
    let window_ms = lab.plan.seconds * 1000;
    let mut cases: [Vec<Case>; CASES.len()] = Default::default();
    for round in 0..lab.plan.rounds {
        let mut order: Vec<usize> = (0..CASES.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let (who, rate) = CASES[index];
            let extent = Extent::Window { warm_up_ms: WARM_UP_MS, window_ms };
            let load = Load { per_second: Some(rate), ..Load::new(extent) };
            let mut syncs = disk_alone(lab)?;
            let trial = Trial::run(lab, who, &load)?;
            syncs.extend(disk_alone(lab)?);
            syncs.sort_unstable_by(f64::total_cmp);
            let case =
                Case { trial, sync_p50_ms: quantile(&syncs, 0.5), sync_p99_ms: quantile(&syncs, 0.99) };
            eprintln!(
                "bench: latency, round {}, {} at {rate}/s: p99 {:.2} ms, fdatasync {:.2} ms",
                round + 1,
                who.name(),
                trial.loaded.p99_ms,
                case.sync_p99_ms
            );
            cases[index].push(case);
        }
    }
    Ok(report(&cases))
}

fn disk_alone(lab: &Lab<'_>) -> Result<Vec<f64>> {
    let stage = lab.stage("disk")?;
    disk::syncs(&stage.path("file"), SYNCS)
}

fn report(cases: &[Vec<Case>; CASES.len()]) -> Report {
    let figures =
        |index: usize, figure: fn(&Case) -> f64| cases[index].iter().map(figure).collect::<Vec<_>>();
    let mut table = Table::new(&[
        "server",
        "answered/s",
        "p50 ms",
        "p99 ms",
        "fdatasync p50 ms",
        "fdatasync p99 ms",
        "failed",
    ]);
    for (index, (who, rate)) in CASES.into_iter().enumerate() {
        let spread = |figure: fn(&Case) -> f64| Spread::of(figures(index, figure));
        table.push(vec![
            format!("{} at {rate}/s", who.name()),
            number(spread(|case| case.trial.accepted_per_s()).median),
            spread(|case| case.trial.loaded.p50_ms).text(),
            spread(|case| case.trial.loaded.p99_ms).text(),
            spread(|case| case.sync_p50_ms).text(),
            spread(|case| case.sync_p99_ms).text(),
            cases[index].iter().map(|case| case.trial.loaded.failed).sum::<u64>().to_string(),
        ]);
    }
    let p99 = |index| figures(index, |case| case.trial.loaded.p99_ms);
    let sync = figures(0, |case| case.sync_p99_ms);
    let goals = vec![
        Judged {
            what: "latency: p99 at 1,000 messages/s".to_owned(),
            unit: "ms",
            measured: Spread::of(p99(0)),
            against: Against::Excess {
                name: "fdatasync p99",
                reference: Spread::of(sync.iter().copied()),
                excess: excess(&p99(0), &sync),
            },
            goal: Goal::AtMost(2.0),
        },
        Judged {
            what: "latency: p99 at 500 messages/s".to_owned(),
            unit: "ms",
            measured: Spread::of(p99(2)),
            against: Against::Nothing,
            goal: Goal::AtMost(50.0),
        },
    ];
    let mut notes = Vec::new();
    for (index, (who, rate)) in CASES.into_iter().enumerate() {
        let answered = Spread::of(figures(index, |case| case.trial.accepted_per_s())).median;
        if answered < rate as f64 * KEPT_UP {
            notes.push(format!(
                "{} did not keep up with {rate}/s: requests waited for those before, and longer the longer the run",
                who.name()
            ));
        }
    }
    let json = |case: &Case| {
        let mut all = case.trial.json();
        all["fdatasync_p99_ms"] = json!(case.sync_p99_ms);
        all
    };
    Report {
        name: "latency",
        tables: vec![("each request due at its time, whatever became of those before".to_owned(), table)],
        notes,
        goals,
        plots: Vec::new(),
        figures: cases.iter().flatten().map(json).collect::<Value>(),
        failed: cases.iter().flatten().map(|case| case.trial.loaded.failed).sum(),
    }
}

/// The part of the requests due that must be answered in the window for the rate to be kept.
const KEPT_UP: f64 = 0.97;

#[cfg(test)]
mod tests {
    use super::super::trial::tests::trial;
    use super::*;

    #[test]
    fn the_answer_is_held_against_the_disk_of_the_same_round() {
        let case = |who, sync| Case { trial: trial(who, 1.0, 1.0), sync_p50_ms: 0.1, sync_p99_ms: sync };
        let report = |sync| report(&CASES.map(|(who, _)| vec![case(who, sync)]));

        // the trial's p99 is 2 ms, and it answered 1 a second
        let reached = |sync| report(sync).goals[0].reached();
        assert!(reached(0.0) && reached(0.5));
        let table = super::super::goal::table(report(0.5).judged()).to_string();
        assert!(table.contains("| + 1.50   | at most fdatasync p99 + 2.00 ms | yes"), "{table}");
        assert!(report(0.5).text().contains("relay did not keep up with 1000/s"));
    }
}
