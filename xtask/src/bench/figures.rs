//! Figures of several rounds.

use serde_json::{Value, json};

/// What several rounds gave: the median, and how far it went to both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// The spread of `values`; not a number when there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return Self { median: f64::NAN, min: f64::NAN, max: f64::NAN };
        };
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Self { median, min, max }
    }

    /// `13,113 (12,480 to 14,002)`; only the median when there was one round.
    pub(crate) fn text(self) -> String {
        let Self { median, min, max } = self;
        if min == max {
            return number(median);
        }
        format!("{} ({} to {})", number(median), number(min), number(max))
    }

    pub(crate) fn json(self) -> Value {
        json!({ "median": rounded(self.median), "min": rounded(self.min), "max": rounded(self.max) })
    }
}

/// Round by round, `values` over `bases`.
pub(crate) fn ratio(values: &[f64], bases: &[f64]) -> Spread {
    Spread::of(values.iter().zip(bases).map(|(value, base)| value / base))
}

/// Round by round, how much more `values` are than `bases`.
pub(crate) fn excess(values: &[f64], bases: &[f64]) -> Spread {
    Spread::of(values.iter().zip(bases).map(|(value, base)| value - base))
}

/// The value below which `part` of the ascending `values` are; 0 when there are none.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let index = (values.len() as f64 * part).ceil() as usize;
    values.get(index.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// `value` with as many digits as mean something.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        least if least >= 100.0 => 0,
        least if least >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left % 3 == 0 && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

/// The same without zeros behind the point: for what is counted and for the marks of an axis.
pub(crate) fn short(value: f64) -> String {
    let text = number(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `value` without digits that mean nothing.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        let check = |values: &[f64], (median, min, max): (f64, f64, f64)| {
            assert_eq!(Spread::of(values.iter().copied()), Spread { median, min, max }, "{values:?}");
        };
        check(&[3.0], (3.0, 3.0, 3.0));
        check(&[9.0, 1.0, 2.0], (2.0, 1.0, 9.0));
        check(&[4.0, 1.0, 2.0, 9.0], (3.0, 1.0, 9.0));
        assert!(Spread::of([]).median.is_nan());
    }

    #[test]
    fn ratios_are_taken_in_each_round_whatever_the_machine_did_in_between() {
        let (relay, bare) = ([30.0, 400.0, 5.0], [100.0, 1000.0, 10.0]);

        assert_eq!(ratio(&relay, &bare), Spread { median: 0.4, min: 0.3, max: 0.5 });
        assert_eq!(excess(&bare, &relay), Spread { median: 70.0, min: 5.0, max: 600.0 });
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        for (part, expect) in [(0.5, 100.0), (0.99, 198.0), (1.0, 200.0)] {
            assert!((quantile(&values, part) - expect).abs() < f64::EPSILON, "{part}");
        }
        assert!(quantile(&[], 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn numbers_are_as_long_as_they_are_worth() {
        for (value, expect) in [
            (0.0, "0.00"),
            (1.234, "1.23"),
            (45.67, "45.7"),
            (999.6, "1,000"),
            (1_234_567.8, "1,234,568"),
            (-123_456.0, "-123,456"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), expect);
        }
        assert_eq!(Spread { median: 2000.0, min: 1.0, max: 3.0 }.text(), "2,000 (1.00 to 3.00)");
        assert_eq!(Spread::of([5.0]).text(), "5.00");
        for (value, expect) in [(0.0, "0"), (10.0, "10"), (0.5, "0.5"), (1000.0, "1,000")] {
            assert_eq!(short(value), expect);
        }
    }
}
