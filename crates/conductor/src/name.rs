//! Text that may stand in a path or a command.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of a router, a node or another element of a list in the configuration.
///
/// Shape: `[A-Za-z0-9_-]{1,63}`, not beginning with `-`.
/// Source: configuration reference, type `name-id`; a leading `-` would be read as an option by programs on the way.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Box<str>);

impl Name {
    /// The name of this text.
    ///
    /// # Errors
    ///
    /// [`NameError`] when it has another shape.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let good = (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if good { Ok(Self(text.into())) } else { Err(NameError { text: shown(text) }) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// A text that is no name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no name: letters, digits, `_` and `-`, at most 63, not beginning with `-`")]
pub struct NameError {
    text: Box<str>,
}

/// One value in a command: it ends where the next blank stands, whatever reads it.
///
/// Shape: ASCII letters, digits and `_ - . : / + =`, at most 8,192, not beginning with `-`. No blank, quotation mark,
/// line end, `;`, `|`, `?`, `$`, `` ` `` or backslash: neither the command line of the conductor nor a shell on the way
/// can read it as anything else.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Word(Box<str>);

impl Word {
    /// The word of this text.
    ///
    /// # Errors
    ///
    /// [`WordError`] when it has another shape; the text is not repeated, since it may be long.
    pub fn new(text: &str) -> Result<Self, WordError> {
        if text.is_empty() || text.len() > MAX_WORD {
            return Err(WordError::Length { bytes: text.len() });
        }
        let bad = text.char_indices().find(|&(at, c)| !allowed(c) || (at == 0 && c == '-'));
        match bad {
            Some((at, character)) => Err(WordError::Character { at, character }),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Name> for Word {
    fn from(name: &Name) -> Self {
        Self(name.0.clone())
    }
}

impl FromStr for Word {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// A text that may not stand in a command.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum WordError {
    /// Empty or too long.
    #[error("a value in a command has 1 to 8192 bytes, not {bytes}")]
    Length {
        /// Its length.
        bytes: usize,
    },
    /// A character that could mean something.
    #[error("{character:?} at {at} may not stand in a command")]
    Character {
        /// Where, in bytes.
        at: usize,
        /// Which.
        character: char,
    },
}

const fn allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | ':' | '/' | '+' | '=')
}

/// The beginning of a text, without what a terminal would act on.
pub(crate) fn shown(text: &str) -> Box<str> {
    let mut shown: String =
        text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown.into()
}

const MAX_WORD: usize = 8_192;
const SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_the_data_model() {
        for text in ["a", "store-0014", "_x", &"n".repeat(63)] {
            assert_eq!(Name::new(text).unwrap().as_str(), text);
        }
        for text in ["", "-a", "a b", "a/b", "a.b", "ä", "a\n", &"n".repeat(64)] {
            assert!(Name::new(text).is_err(), "{text:?}");
        }
        assert!(!Name::new("a\u{1b}[2J").unwrap_err().to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_word_is_one_word_to_everybody() {
        for text in ["MIIBIjANBg+/==", "24h", "LR123456789012", "a.b:c"] {
            assert_eq!(Word::new(text).unwrap().as_str(), text);
        }
        for text in [
            "", " ", "a b", "a;b", "a|b", "a\nb", "a\rb", "a'b", "a\"b", "$a", "`a`", "a\\", "-F", "a?", "ä",
            "a\0",
        ] {
            assert!(Word::new(text).is_err(), "{text:?}");
        }
        assert!(Word::new(&"a".repeat(8_193)).is_err());
    }

    const MEANINGFUL: &[char] = &[
        '\'', '"', ';', '|', '&', '$', '`', '\\', '<', '>', '(', ')', '*', '?', '!', '~', '#', '{', '[', '%',
        '\t',
    ];

    proptest! {
        #[test]
        fn whatever_is_a_word_has_nothing_that_means_something(text in any::<String>()) {
            if let Ok(word) = Word::new(&text) {
                prop_assert!(word.as_str().split_ascii_whitespace().eq([text.as_str()]));
                prop_assert!(!text.contains(MEANINGFUL));
            }
        }
    }
}
