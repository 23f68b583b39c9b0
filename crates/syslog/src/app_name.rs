//! The APP-NAME of a header.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The name a message gives its sender's program.
///
/// Shape: 1 to 48 printable ASCII characters without a space; `fogbell` by default.
/// Source: RFC 5424 6.2.5.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AppName(Box<str>);

impl AppName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AppName {
    fn default() -> Self {
        Self("fogbell".into())
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AppName {
    type Err = ParseAppNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=MAX_APP_NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if valid { Ok(Self(text.into())) } else { Err(ParseAppNameError { text: text.into() }) }
    }
}

impl Serialize for AppName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AppName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that cannot be an APP-NAME.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{text:?} cannot name a program in syslog; expected 1 to 48 ASCII characters without spaces")]
pub struct ParseAppNameError {
    text: Box<str>,
}

const MAX_APP_NAME: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_header_can_carry_is_a_name() {
        let longest = "a".repeat(48);
        for (text, valid) in [
            ("fogbell", true),
            (longest.as_str(), true),
            (&"a".repeat(49), false),
            ("", false),
            ("fog bell", false),
            ("fog\nbell", false),
            ("nébel", false),
        ] {
            assert_eq!(text.parse::<AppName>().is_ok(), valid, "{text:?}");
        }
    }
}
