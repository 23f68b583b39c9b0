//! Facilities.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The part of a receiver's system that a message is filed under.
///
/// Shape: a number from 0 to 23, written in configuration as a name, `kern` to `local7`.
/// Source: RFC 5424 6.2.1, table 1; the names are those of `syslog.conf`, and `audit`, `alert` and `clock`
/// for 13 to 15, which have none there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Facility(u8);

impl Facility {
    /// `local0`, the default: what is not part of an operating system.
    pub const LOCAL0: Self = Self(16);

    /// Every facility, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).take(NAMES.len()).map(Self)
    }

    /// The name used in configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// The number, 0 to 23.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl Default for Facility {
    fn default() -> Self {
        Self::LOCAL0
    }
}

impl fmt::Display for Facility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Facility {
    type Err = ParseFacilityError;

    /// Reads a name in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|facility| facility.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| ParseFacilityError { text: text.into() })
    }
}

impl Serialize for Facility {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Facility {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that names no facility.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseFacilityError {
    text: Box<str>,
}

impl fmt::Display for ParseFacilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a syslog facility; the facilities are {}", self.text, NAMES.join(", "))
    }
}

impl std::error::Error for ParseFacilityError {}

const NAMES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_number() {
        for (number, facility) in (0_u8..).zip(Facility::all()) {
            assert_eq!(facility.number(), number);
            assert_eq!(facility.name().to_uppercase().parse(), Ok(facility));
        }
        for (name, number) in [("kern", 0), ("authpriv", 10), ("local0", 16), ("local7", 23)] {
            assert_eq!(name.parse::<Facility>().unwrap().number(), number, "{name}");
        }
        assert_eq!(Facility::all().count(), 24);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let said = "local8".parse::<Facility>().unwrap_err().to_string();

        assert!(said.contains("`local8`") && said.contains("local7"), "{said}");
    }
}
