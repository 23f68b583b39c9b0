//! Ids that are only carried.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The id of a thing that has no type of its own in `ids`: a webhook, a map, an alarm, an alarm template.
///
/// Shape: 1 to 64 letters, digits, hyphens and underscores, kept as they came, so that it can stand in a path. Mist says
/// UUID of every id, and some of its own examples are none.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id(Box<str>);

impl Id {
    /// The id as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if fits && (1..=64).contains(&text.len()) { Ok(Self(text.into())) } else { Err(IdError) }
    }
}

/// A text that cannot be an id.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an id has 1 to 64 letters, digits, hyphens and underscores")]
pub struct IdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_stand_in_a_path() {
        assert_eq!("387804a7-3474-85ce-15a2-f9a9684c9c9".parse::<Id>().unwrap().as_str().len(), 35);
        for text in ["", ".", "..", "a/b", "a?b", "a b", "é", &"a".repeat(65)] {
            assert_eq!(text.parse::<Id>(), Err(IdError), "{text}");
        }
    }
}
