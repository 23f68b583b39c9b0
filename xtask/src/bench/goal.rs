//! What a figure is to reach, and whether it did.

use serde_json::{Value, json};

use super::figures::{Spread, number};
use super::table::Table;

/// A figure next to its goal.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) measured: Spread,
    pub(crate) against: Against,
    pub(crate) goal: Goal,
}

/// What the goal is about.
#[derive(Clone, Debug)]
pub(crate) enum Against {
    /// The figure itself.
    Nothing,
    /// Its ratio to a reference measured in the same round.
    Ratio { name: &'static str, reference: Spread, ratio: Spread },
    /// How much it is above a reference measured in the same round.
    Excess { name: &'static str, reference: Spread, excess: Spread },
}

/// Where the median has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// The part of what a relay did before that still counts as the same: what is measured twice differs too.
pub(crate) const AS_BEFORE: f64 = 0.9;

impl Judged {
    /// What the goal is compared with.
    fn compared(&self) -> Spread {
        match self.against {
            Against::Nothing => self.measured,
            Against::Ratio { ratio, .. } => ratio,
            Against::Excess { excess, .. } => excess,
        }
    }

    pub(crate) fn reached(&self) -> bool {
        let median = self.compared().median;
        match self.goal {
            Goal::AtLeast(goal) => median >= goal,
            Goal::AtMost(goal) => median <= goal,
        }
    }

    fn goal(&self) -> String {
        let (sign, goal) = match self.goal {
            Goal::AtLeast(goal) => ("at least", goal),
            Goal::AtMost(goal) => ("at most", goal),
        };
        let goal = number(goal);
        match self.against {
            Against::Nothing => format!("{sign} {goal} {}", self.unit).trim_end().to_owned(),
            Against::Ratio { name, .. } => format!("{sign} {goal} × {name}"),
            Against::Excess { name, .. } => format!("{sign} {name} + {goal} {}", self.unit),
        }
    }

    /// `yes`, or by how much not.
    fn verdict(&self, failed: u64) -> String {
        if failed > 0 {
            return format!("no: {failed} requests failed");
        }
        if self.reached() {
            return "yes".to_owned();
        }
        let median = self.compared().median;
        if median.is_nan() {
            return "not measured".to_owned();
        }
        let (by, goal, word) = match self.goal {
            Goal::AtLeast(goal) => (goal - median, goal, "short"),
            Goal::AtMost(goal) => (median - goal, goal, "over"),
        };
        match self.against {
            Against::Excess { .. } => format!("no: {} {} {word}", number(by), self.unit),
            Against::Nothing | Against::Ratio { .. } => format!("no: {:.0} % {word}", by / goal * 100.0),
        }
    }

    fn row(&self, failed: u64) -> Vec<String> {
        let (reference, compared) = match &self.against {
            Against::Nothing => (String::new(), String::new()),
            Against::Ratio { name, reference, ratio } => {
                (format!("{name} {}", number(reference.median)), format!("× {}", ratio.text()))
            }
            Against::Excess { name, reference, excess } => {
                (format!("{name} {}", number(reference.median)), format!("+ {}", excess.text()))
            }
        };
        let measured = format!("{} {}", self.measured.text(), self.unit).trim_end().to_owned();
        vec![self.what.clone(), measured, reference, compared, self.goal(), self.verdict(failed)]
    }

    pub(crate) fn json(&self, failed: u64) -> Value {
        let (name, reference) = match &self.against {
            Against::Nothing => (None, None),
            Against::Ratio { name, reference, .. } | Against::Excess { name, reference, .. } => {
                (Some(name), Some(reference.json()))
            }
        };
        json!({
            "what": self.what,
            "unit": self.unit,
            "measured": self.measured.json(),
            "against": name,
            "reference": reference,
            "compared": self.compared().json(),
            "goal": self.goal(),
            "reached": failed == 0 && self.reached(),
        })
    }
}

/// All of them under one head, each with how many requests of its bench failed: then nothing is reached.
pub(crate) fn table<'a>(all: impl IntoIterator<Item = (&'a Judged, u64)>) -> Table {
    let mut table = Table::new(&["what", "measured", "reference", "compared", "goal", "reached"]);
    for (judged, failed) in all {
        table.push(judged.row(failed));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(against: Against, goal: Goal) -> Judged {
        let measured = Spread { median: 13_000.0, min: 12_000.0, max: 14_000.0 };
        Judged { what: "w".to_owned(), unit: "/s", measured, against, goal }
    }

    fn at(median: f64) -> Spread {
        Spread::of([median])
    }

    #[test]
    fn the_ratio_is_judged_where_there_is_one() {
        let ratio = |ratio| Against::Ratio { name: "floor", reference: at(26_000.0), ratio: at(ratio) };
        let check = |against, goal, expect: &[&str]| {
            assert_eq!(judged(against, goal).row(0)[2..], *expect);
        };
        check(
            ratio(0.5),
            Goal::AtLeast(0.8),
            &["floor 26,000", "× 0.50", "at least 0.80 × floor", "no: 38 % short"],
        );
        check(ratio(0.8), Goal::AtLeast(0.8), &["floor 26,000", "× 0.80", "at least 0.80 × floor", "yes"]);
        check(
            ratio(5.0),
            Goal::AtMost(4.0),
            &["floor 26,000", "× 5.00", "at most 4.00 × floor", "no: 25 % over"],
        );
        check(Against::Nothing, Goal::AtLeast(10_000.0), &["", "", "at least 10,000 /s", "yes"]);
        let excess = Against::Excess { name: "disk", reference: at(1.0), excess: at(3.0) };
        check(
            excess,
            Goal::AtMost(2.0),
            &["disk 1.00", "+ 3.00", "at most disk + 2.00 /s", "no: 1.00 /s over"],
        );
    }

    #[test]
    fn what_was_not_measured_is_not_reached() {
        let mut judged = judged(Against::Nothing, Goal::AtMost(1.0));
        judged.measured = Spread::of([]);

        assert!(!judged.reached());
        assert_eq!(judged.verdict(0), "not measured");
    }

    #[test]
    fn nothing_is_reached_when_requests_failed() {
        let judged = judged(Against::Nothing, Goal::AtLeast(1.0));

        assert_eq!(judged.verdict(0), "yes");
        assert_eq!(judged.verdict(3), "no: 3 requests failed");
        assert_eq!(judged.json(3)["reached"], false);
    }
}
