//! Versions of Session Smart software, as far as they decide something here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A version of Session Smart software: the three numbers at the beginning of `7.2.3-8r2`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version([u16; 3]);

impl Version {
    /// The first one with Secure Conductor Onboarding, on conductor and router (I95-58959).
    pub const FIRST: Self = Self([7, 1, 3]);
    /// The first one in which an onboarded router is not shown as `waiting` after an upgrade of its conductor
    /// (I95-65609), and the known faults of onboarding are mended.
    pub const MENDED: Self = Self([7, 2, 3]);
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads what begins with three numbers and goes on with neither a digit nor a dot and a digit.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || VersionError { text: crate::names::shown(text) };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text[..end].split('.');
        let mut version = [0; 3];
        for number in &mut version {
            *number = numbers.next().and_then(|text| text.parse().ok()).ok_or_else(error)?;
        }
        if numbers.next().is_some() { Err(error()) } else { Ok(Self(version)) }
    }
}

impl From<&conductor::Version> for Version {
    fn from(version: &conductor::Version) -> Self {
        Self(version.numbers())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        f.pad(&format!("{major}.{minor}.{patch}"))
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

/// A text that is no version.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no version such as 7.2.3-8r2")]
pub struct VersionError {
    text: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_numbers_are_read_and_compared_as_numbers() {
        for (text, expect) in [("7.2.3-8r2", "7.2.3"), ("7.1.3", "7.1.3"), ("7.10.0-1r1.el9", "7.10.0")] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), expect, "{text}");
        }
        assert!("7.10.0".parse::<Version>().unwrap() > Version::MENDED);
        assert!("7.1.2-9r9".parse::<Version>().unwrap() < Version::FIRST);
        for text in ["", "7.2", "7.2.3.4", "v7.2.3", "7..3", "7.2.99999999"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
