//! What the runs found, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::figures::{Figures, Size};
use super::runs::Run;

/// One run that was made.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) run: &'static Run,
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) figures: Figures,
    pub(crate) outcome: Outcome,
}

/// What came of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Every goal was met.
    Met,
    /// The test passed, and a goal was missed: which, and by what.
    Missed(String),
    /// The test failed, or was not run.
    Failed(String),
}

impl Outcome {
    /// Judges the figures of a test that ended, with `failure` when it failed.
    pub(crate) fn of(run: &Run, size: Size, figures: &Figures, failure: Option<String>) -> Self {
        if let Some(failure) = failure {
            return Self::Failed(failure);
        }
        let goals = run.goals.iter().filter(|goal| goal.counts(size));
        let missed: Vec<String> = goals.filter_map(|goal| goal.missed(figures)).collect();
        if missed.is_empty() { Self::Met } else { Self::Missed(missed.join("; ")) }
    }

    fn text(&self) -> String {
        match self {
            Self::Met => "met".to_owned(),
            Self::Missed(why) => format!("MISSED: {why}"),
            Self::Failed(why) => format!("FAILED: {why}"),
        }
    }
}

/// A row in one line.
pub(crate) fn line(row: &Row) -> String {
    let Row { run, seed, seconds, figures, outcome } = row;
    format!("{} ({}): {}; {figures}; seed {seed}, {seconds} s", run.name, run.line, outcome.text())
}

/// All rows, with the goals that counted and how each run is repeated.
pub(crate) fn text(rows: &[Row], size: Size) -> String {
    let full = if size == Size::Full { " --full" } else { "" };
    let mut out = String::new();
    for row in rows {
        let goals = row.run.goals.iter().filter(|goal| goal.counts(size));
        let goals: Vec<String> = goals.map(ToString::to_string).collect();
        let Row { run, seed, seconds, figures, outcome } = row;
        let _ = writeln!(out, "{:<4} {:<14} {}", run.line, run.name, outcome.text());
        let _ = writeln!(out, "     promise  {}", run.promise);
        let _ = writeln!(out, "     goal     {}", goals.join(", "));
        let _ = writeln!(out, "     figures  {figures}");
        let _ =
            writeln!(out, "     again    cargo xtask faults {}{full} --seed {seed}  ({seconds} s)", run.name);
    }
    let met = rows.iter().filter(|row| row.outcome == Outcome::Met).count();
    let _ = writeln!(out, "{met} of {} runs met their goals", rows.len());
    out
}

/// All rows as one object.
pub(crate) fn json(rows: &[Row], size: Size) -> Value {
    let runs: Vec<Value> = rows
        .iter()
        .map(|row| {
            let goals = row.run.goals.iter().filter(|goal| goal.counts(size));
            let why = match &row.outcome {
                Outcome::Met => None,
                Outcome::Missed(why) | Outcome::Failed(why) => Some(why),
            };
            json!({
                "name": row.run.name,
                "line": row.run.line,
                "promise": row.run.promise,
                "test": format!("{} {}", row.run.package, row.run.test),
                "seed": row.seed,
                "seconds": row.seconds,
                "goals": goals.map(ToString::to_string).collect::<Vec<_>>(),
                "figures": row.figures.json(),
                "met": row.outcome == Outcome::Met,
                "failed": matches!(row.outcome, Outcome::Failed(_)),
                "why": why,
            })
        })
        .collect();
    json!({ "faults": runs, "full": size == Size::Full })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::figures::{at_least, at_most};

    static RUN: Run = Run {
        name: "kills",
        line: "R1",
        promise: "nothing is lost",
        package: "e2e",
        test: "kills",
        goals: &[at_most("lost", 0.0), at_least("kills", 200.0).when_full()],
    };

    fn judged(told: &str, size: Size, failure: Option<&str>) -> Outcome {
        let mut figures = Figures::default();
        figures.add(told);
        Outcome::of(&RUN, size, &figures, failure.map(str::to_owned))
    }

    #[test]
    fn a_run_is_judged_by_its_test_and_by_the_goals_of_its_size() {
        let few = "figures: {\"kills\": 6, \"lost\": 0}";

        assert_eq!(judged(few, Size::Small, None), Outcome::Met);
        let missed = "kills is 6, the goal is kills ≥ 200".to_owned();
        assert_eq!(judged(few, Size::Full, None), Outcome::Missed(missed));
        assert_eq!(judged("", Size::Small, None), Outcome::Missed("lost was not told".to_owned()));
        let failed = Outcome::Failed("the test failed".to_owned());
        assert_eq!(judged(few, Size::Small, Some("the test failed")), failed);
    }

    #[test]
    fn the_table_says_how_a_run_is_repeated() {
        let mut figures = Figures::default();
        figures.add("figures: {\"kills\": 200, \"lost\": 0}");
        let row = Row { run: &RUN, seed: 7, seconds: 600, figures, outcome: Outcome::Met };

        let text = text(std::slice::from_ref(&row), Size::Full);

        assert_eq!(
            text,
            "R1   kills          met\n     \
             promise  nothing is lost\n     \
             goal     lost 0, kills ≥ 200\n     \
             figures  kills 200, lost 0\n     \
             again    cargo xtask faults kills --full --seed 7  (600 s)\n\
             1 of 1 runs met their goals\n"
        );
        assert_eq!(json(&[row], Size::Full)["faults"][0]["met"], true);
    }
}
