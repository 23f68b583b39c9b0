//! `bench memory`: what the relay took in `burst` and `sustained`.

use serde_json::json;

use super::figures::Spread;
use super::goal::{Against, Goal, Judged};
use super::report::Report;
use super::table::Table;
use super::trial::{Trial, Trials, Who};

pub(crate) fn report(burst: &Trials, sustained: &Trials) -> Report {
    let mut table = Table::new(&["server", "MiB idle", "MiB at most, burst", "MiB at most, sustained"]);
    let both = |who, figure: fn(&Trial) -> f64| {
        let mut all = burst.figures(who, figure);
        all.extend(sustained.figures(who, figure));
        Spread::of(all)
    };
    for who in burst.whos() {
        table.push(vec![
            who.name().to_owned(),
            both(who, |trial| trial.idle_mib).text(),
            Spread::of(burst.figures(who, |trial| trial.peak_mib)).text(),
            Spread::of(sustained.figures(who, |trial| trial.peak_mib)).text(),
        ]);
    }
    let judged = |what: &str, measured, goal| Judged {
        what: format!("memory: {what}"),
        unit: "MiB",
        measured,
        against: Against::Nothing,
        goal: Goal::AtMost(goal),
    };
    let peak = |trials: &Trials| Spread::of(trials.figures(Who::Relay, |trial| trial.peak_mib));
    let idle = both(Who::Relay, |trial| trial.idle_mib);
    Report {
        name: "memory",
        tables: vec![("resident, as the kernel counts it".to_owned(), table)],
        notes: Vec::new(),
        goals: vec![
            judged("idle", idle, 16.0),
            judged("the most in a burst", peak(burst), 32.0),
            judged("the most under sustained load", peak(sustained), 32.0),
        ],
        plots: Vec::new(),
        figures: json!({ "burst": burst.json(), "sustained": sustained.json() }),
        failed: burst.failed() + sustained.failed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_load_is_judged_by_its_own_peak() {
        let trials = || Trials::made_up(&[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]);
        let report = report(&trials(), &trials());

        let goals: Vec<_> =
            report.goals.iter().map(|judged| (judged.measured.median, judged.reached())).collect();
        assert_eq!(goals, [(10.0, true), (20.0, true), (20.0, true)]);
    }
}
