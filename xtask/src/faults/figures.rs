//! What a test found, and what had to be found.

use std::fmt;

use serde_json::{Map, Value};

/// How large a run is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Size {
    /// As in `cargo xtask test`.
    Small,
    /// As large as its goals ask.
    Full,
}

/// Figures by name, as a test told them: a line `figures: {"kills": 200, "lost": 0}` on its standard error.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(Map<String, Value>);

impl Figures {
    /// Adds those in a line; other lines have none.
    pub(crate) fn add(&mut self, line: &str) {
        let Some(text) = line.trim().strip_prefix("figures: ") else { return };
        if let Ok(Value::Object(told)) = serde_json::from_str(text) {
            self.0.extend(told);
        }
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match value {
                Value::String(text) => write!(f, "{comma}{name} {text}")?,
                other => write!(f, "{comma}{name} {other}")?,
            }
        }
        Ok(())
    }
}

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    figure: &'static str,
    bound: Bound,
    /// Whether only a full run can reach it.
    full: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// `figure` is `least` or more.
pub(crate) const fn at_least(figure: &'static str, least: f64) -> Goal {
    Goal { figure, bound: Bound::AtLeast(least), full: false }
}

/// `figure` is `most` or less.
pub(crate) const fn at_most(figure: &'static str, most: f64) -> Goal {
    Goal { figure, bound: Bound::AtMost(most), full: false }
}

impl Goal {
    /// The same for a full run alone.
    pub(crate) const fn when_full(self) -> Self {
        Self { full: true, ..self }
    }

    /// Whether it must be met in a run of this size.
    pub(crate) fn counts(self, size: Size) -> bool {
        !self.full || size == Size::Full
    }

    /// Why it is missed, if it is.
    pub(crate) fn missed(self, figures: &Figures) -> Option<String> {
        let Some(value) = figures.get(self.figure).and_then(Value::as_f64) else {
            return Some(format!("{} was not told", self.figure));
        };
        let met = match self.bound {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        };
        (!met).then(|| format!("{} is {value}, the goal is {self}", self.figure))
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bound {
            Bound::AtLeast(least) => write!(f, "{} ≥ {least}", self.figure),
            Bound::AtMost(0.0) => write!(f, "{} 0", self.figure),
            Bound::AtMost(most) => write!(f, "{} ≤ {most}", self.figure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_among_other_lines() {
        let mut figures = Figures::default();
        for line in [
            "kills: FOGBELL_SEED=7",
            "figures: {\"kills\": 6, \"lost\": 0}",
            "figures: nothing",
            "{\"lost\": 9}",
        ] {
            figures.add(line);
        }

        assert_eq!(figures.to_string(), "kills 6, lost 0");
    }

    #[test]
    fn a_goal_is_met_by_a_figure_within_its_bound_and_by_nothing_else() {
        let check = |goal: Goal, told: &str, expect: Option<&str>| {
            let mut figures = Figures::default();
            figures.add(&format!("figures: {told}"));
            assert_eq!(goal.missed(&figures).as_deref(), expect, "{told}");
        };
        check(at_most("lost", 0.0), "{\"lost\": 0}", None);
        check(at_most("lost", 0.0), "{\"lost\": 1}", Some("lost is 1, the goal is lost 0"));
        check(at_most("lost", 0.0), "{\"kills\": 1}", Some("lost was not told"));
        check(at_most("lost", 0.0), "{\"lost\": \"none\"}", Some("lost was not told"));
        check(at_least("kills", 200.0), "{\"kills\": 200}", None);
        check(at_least("kills", 200.0), "{\"kills\": 199}", Some("kills is 199, the goal is kills ≥ 200"));
    }

    #[test]
    fn a_goal_of_full_runs_does_not_count_for_small_ones() {
        let goal = at_least("kills", 200.0).when_full();

        assert!(goal.counts(Size::Full) && !goal.counts(Size::Small));
        assert!(at_least("kills", 1.0).counts(Size::Small));
    }
}
