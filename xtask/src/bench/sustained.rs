//! `bench sustained`: the whole path in a steady state, from the signed request to the receiver of syslog.

use anyhow::Result;

use super::figures::{Spread, number, ratio};
use super::goal::{AS_BEFORE, Against, Goal, Judged};
use super::lab::{Extent, Lab, Load};
use super::report::Report;
use super::table::Table;
use super::trial::{Trial, Trials, Who};

/// Longer than interpreting may be put off.
const WARM_UP_MS: u64 = 3500;

/// Measures.
///
/// # Errors
///
/// As [`Trials::run`].
pub(crate) fn run(lab: &Lab<'_>) -> Result<Trials> {
    let extent = Extent::Window { warm_up_ms: WARM_UP_MS, window_ms: lab.plan.seconds * 1000 };
    Trials::run(lab, "sustained", &Load::new(extent))
}

pub(crate) fn report(trials: &Trials) -> Report {
    let figures = |who, figure: fn(&Trial) -> f64| trials.figures(who, figure);
    let judged = |what: &str, unit, figure: fn(&Trial) -> f64, than: Who, goal| {
        let (relay, other) = (figures(Who::Relay, figure), figures(than, figure));
        let (name, reference, ratio) =
            (than.name(), Spread::of(other.iter().copied()), ratio(&relay, &other));
        let measured = Spread::of(relay);
        Judged {
            what: what.to_owned(),
            unit,
            measured,
            against: Against::Ratio { name, reference, ratio },
            goal,
        }
    };
    let mut table = Table::new(&[
        "server",
        "accepted/s",
        "delivered/s",
        "CPU µs per delivered",
        "backlog, start → end",
        "core",
        "load's core",
        "failed",
    ]);
    for who in trials.whos() {
        let text = |figure: fn(&Trial) -> f64| Spread::of(trials.figures(who, figure)).text();
        let median = |figure: fn(&Trial) -> f64| number(Spread::of(trials.figures(who, figure)).median);
        let relay = who.delivers();
        let backlog = || {
            let start = median(|trial| trial.backlog().unwrap_or_default().0);
            format!("{start} → {}", median(|trial| trial.backlog().unwrap_or_default().1))
        };
        table.push(vec![
            who.name().to_owned(),
            text(Trial::accepted_per_s),
            if relay { text(Trial::delivered_per_s) } else { "–".to_owned() },
            text(Trial::cpu_per_delivered),
            if relay { backlog() } else { "–".to_owned() },
            format!("{} %", median(|trial| trial.busy().0 * 100.0)),
            format!("{} %", median(|trial| trial.busy().1 * 100.0)),
            trials.of(who).map(|trial| trial.loaded.failed).sum::<u64>().to_string(),
        ]);
    }
    let growth = Judged {
        what: "sustained: growth of the backlog, of what was accepted".to_owned(),
        unit: "",
        measured: Spread::of(figures(Who::Relay, growth)),
        against: Against::Nothing,
        goal: Goal::AtMost(STEADY),
    };
    let mut notes = Vec::new();
    if !growth.reached() {
        notes.push(
            "the backlog grows: the relay accepts more than it delivers, so this is no steady state"
                .to_owned(),
        );
    }
    for trial in trials.of(Who::Relay) {
        let (start, end) = trial.backlog().unwrap_or_default();
        if let Some(delivered) = trial.delivered {
            notes.push(format!(
                "relay: backlog {start:.0} → {end:.0}; {} accepted in all, {} delivered, the last {:.1} s after the load",
                trial.loaded.accepted_in_all, delivered.in_all, delivered.after_s
            ));
        }
    }
    trials.note_busy(&mut notes);
    let mut goals = vec![
        judged(THROUGH, "/s", through, Who::Bare, Goal::AtLeast(0.25)),
        judged(CPU, "µs", Trial::cpu_per_delivered, Who::Bare, Goal::AtMost(4.0)),
        growth,
    ];
    if trials.whos().contains(&Who::Before) {
        goals.push(judged(THROUGH, "/s", through, Who::Before, Goal::AtLeast(AS_BEFORE)));
        goals.push(judged(CPU, "µs", Trial::cpu_per_delivered, Who::Before, Goal::AtMost(1.0 / AS_BEFORE)));
    }
    Report {
        name: "sustained",
        tables: vec![(format!("behind a warm-up of {WARM_UP_MS} ms"), table)],
        notes,
        goals,
        plots: Vec::new(),
        figures: trials.json(),
        failed: trials.failed(),
    }
}

const THROUGH: &str = "sustained: accepted or delivered, whichever is less";

const CPU: &str = "sustained: CPU for each message delivered";

/// What went through: the smaller of accepted and delivered.
fn through(trial: &Trial) -> f64 {
    trial.accepted_per_s().min(trial.delivered_per_s())
}

/// How much the backlog grew, as a part of what was accepted meanwhile; nothing when it shrank.
fn growth(trial: &Trial) -> f64 {
    let (start, end) = trial.backlog().unwrap_or_default();
    (end - start).max(0.0) / trial.loaded.accepted
}

/// The growth that still counts as none: what is under way swings.
const STEADY: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::super::trial::tests::trial;
    use super::*;

    #[test]
    fn what_went_through_is_the_smaller_figure() {
        assert!((through(&trial(Who::Relay, 1000.0, 900.0)) - 900.0).abs() < 1e-9);
        assert!((through(&trial(Who::Relay, 1000.0, 1100.0)) - 1000.0).abs() < 1e-9);
        assert!((growth(&trial(Who::Relay, 1000.0, 900.0)) - 0.1).abs() < 1e-9);
        assert!(growth(&trial(Who::Relay, 1000.0, 1100.0)).abs() < 1e-9);
    }

    #[test]
    fn a_relay_of_before_is_held_against_it() {
        let goals = |before| {
            let goals = report(&Trials::made_up(&[[400.0, 300.0, 100.0, before]])).goals;
            goals[3..].iter().map(Judged::reached).collect::<Vec<_>>()
        };

        assert_eq!(goals(105.0), [true, true]);
        assert_eq!(goals(120.0), [false, false]);
    }

    #[test]
    fn a_growing_backlog_is_said() {
        let text = |rounds: &[[f64; 3]]| report(&Trials::made_up(rounds)).text();

        assert!(text(&[[400.0, 300.0, 100.0]]).contains("the backlog grows"));
        let steady = text(&[[4000.0, 3000.0, 1000.0]]);
        assert!(!steady.contains("the backlog grows"), "{steady}");
        assert!(steady.contains("backlog 40 → 50; 1150 accepted in all, 1150 delivered"), "{steady}");
    }
}
