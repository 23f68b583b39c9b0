//! The name of a run.

use std::fmt;
use std::str::FromStr;

use ids::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name of a run, and of the folder that it has.
///
/// Shape: `run-20261122-140731`, the second in UTC in which it began, with `-2` and so on behind it where there was one
/// already.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(Box<str>);

impl RunId {
    /// The `nth` run, counted from 1, that begins in the second of `at`.
    #[must_use]
    pub fn at(at: Timestamp, nth: u32) -> Self {
        let digits: String = at.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
        let (day, time) = digits.split_at(8);
        let again = if nth > 1 { format!("-{nth}") } else { String::new() };
        Self(format!("run-{day}-{time}{again}").into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = text.split('-');
        let good = parts.next() == Some("run")
            && parts.next().is_some_and(|day| day.len() == 8 && digits(day))
            && parts.next().is_some_and(|time| time.len() == 6 && digits(time))
            && parts.next().is_none_or(|nth| (1..=9).contains(&nth.len()) && digits(nth))
            && parts.next().is_none();
        if good { Ok(Self(text.into())) } else { Err(RunIdError { text: crate::names::shown(text) }) }
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0.into()
    }
}

/// A text that names no run.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` names no run; expected one as in run-20261122-140731")]
pub struct RunIdError {
    text: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_the_second_in_which_it_began() {
        let at: Timestamp = Timestamp::from_micros(1_795_356_451_002_000);
        assert_eq!(RunId::at(at, 1).as_str(), "run-20261122-140731");
        assert_eq!(RunId::at(at, 2).as_str(), "run-20261122-140731-2");
        for nth in [1, 2, 10] {
            assert_eq!(RunId::at(at, nth).to_string().parse(), Ok(RunId::at(at, nth)));
        }
        for text in
            ["", "run", "run-2026-1", "../run-20261122-140731", "run-20261122-140731-", "run-20261122-14073x"]
        {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
