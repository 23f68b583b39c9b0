//! `bench burst`: how many messages a second are proven, on disk and answered 200 while that is all that matters.

use anyhow::Result;

use super::figures::{Spread, number, ratio};
use super::goal::{AS_BEFORE, Against, Goal, Judged};
use super::lab::{Extent, Lab, Load};
use super::report::Report;
use super::table::Table;
use super::trial::{Trial, Trials, Who};

/// The window lies inside the two seconds for which the relay may put off interpreting.
const EXTENT: Extent = Extent::Window { warm_up_ms: 300, window_ms: 1200 };

/// Measures.
///
/// # Errors
///
/// As [`Trials::run`].
pub(crate) fn run(lab: &Lab<'_>) -> Result<Trials> {
    Trials::run(lab, "burst", &Load::new(EXTENT))
}

pub(crate) fn report(trials: &Trials) -> Report {
    let rates = |who| trials.figures(who, Trial::accepted_per_s);
    let relay = rates(Who::Relay);
    let judged = |name, who, goal| Judged {
        what: format!("burst: accepted and durable, against {name}"),
        unit: "/s",
        measured: Spread::of(relay.iter().copied()),
        against: Against::Ratio {
            name,
            reference: Spread::of(rates(who)),
            ratio: ratio(&relay, &rates(who)),
        },
        goal: Goal::AtLeast(goal),
    };
    let mut table = Table::new(&[
        "server",
        "accepted/s",
        "p50 ms",
        "p99 ms",
        "CPU µs each",
        "core",
        "load's core",
        "failed",
    ]);
    for who in trials.whos() {
        let text = |figure: fn(&Trial) -> f64| Spread::of(trials.figures(who, figure)).text();
        let median = |figure: fn(&Trial) -> f64| number(Spread::of(trials.figures(who, figure)).median);
        table.push(vec![
            who.name().to_owned(),
            text(Trial::accepted_per_s),
            median(|trial| trial.loaded.p50_ms),
            median(|trial| trial.loaded.p99_ms),
            text(Trial::cpu_per_accepted),
            format!("{} %", median(|trial| trial.busy().0 * 100.0)),
            format!("{} %", median(|trial| trial.busy().1 * 100.0)),
            trials.of(who).map(|trial| trial.loaded.failed).sum::<u64>().to_string(),
        ]);
    }
    let mut notes = Vec::new();
    for trial in trials.of(Who::Relay) {
        if let Some(delivered) = trial.delivered {
            notes.push(format!(
                "relay: {} accepted in all, {} delivered, the last {:.1} s after the load",
                trial.loaded.accepted_in_all, delivered.in_all, delivered.after_s
            ));
        }
    }
    trials.note_busy(&mut notes);
    let mut goals = vec![judged("floor", Who::Floor, 0.8), judged("bare", Who::Bare, 0.5)];
    if trials.whos().contains(&Who::Before) {
        goals.push(judged("before", Who::Before, AS_BEFORE));
    }
    Report {
        name: "burst",
        tables: vec![("1.2 s behind a warm-up of 0.3 s".to_owned(), table)],
        notes,
        goals,
        plots: Vec::new(),
        figures: trials.json(),
        failed: trials.failed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relay_is_held_against_both_references() {
        let report =
            report(&Trials::made_up(&[[100.0, 50.0, 45.0], [1000.0, 500.0, 400.0], [10.0, 5.0, 3.0]]));

        let reached: Vec<bool> = report.goals.iter().map(Judged::reached).collect();
        assert_eq!(reached, [true, false]);
        assert!(report.text().contains("| relay  | 45.0 (3.00 to 400)"), "{}", report.text());
        assert!(report.text().contains("195 accepted in all, 195 delivered"), "{}", report.text());
        assert!(!report.text().contains("do not count"));
    }

    #[test]
    fn a_relay_of_before_is_one_more_row_and_one_more_goal() {
        let report = report(&Trials::made_up(&[[100.0, 50.0, 50.0, 60.0]]));

        let reached: Vec<bool> = report.goals.iter().map(Judged::reached).collect();
        assert_eq!(reached, [true, true, false]);
        assert!(report.text().contains("| before | 60.0"), "{}", report.text());
    }

    #[test]
    fn figures_of_requests_that_failed_do_not_count() {
        let mut report = report(&Trials::made_up(&[[1.0, 1.0, 1.0]]));
        report.failed = 3;

        assert!(report.text().contains("**3 requests were not answered 200: these figures do not count.**"));
    }
}
