//! What a secret is called.

use std::fmt;

use thiserror::Error;

/// The name of a secret: 1 to 64 letters, digits and `. _ - /`, a letter or digit first.
///
/// Source: `docs/vault.md`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SecretName(Box<str>);

impl SecretName {
    /// Checks `text`.
    ///
    /// # Errors
    ///
    /// [`NameError`] says what a name is; what was given instead is not shown, for it may be a secret.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if is_name(text, true) { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was given is no name of a secret.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a secret's name has 1 to 64 letters, digits and . _ - / and begins with a letter or digit")]
pub struct NameError;

/// Whether `text` can be a name; a label, which has no `/`, is one too.
pub(crate) fn is_name(text: &str, slashes: bool) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-') || (slashes && c == b'/');
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && text.bytes().all(fits)
}

/// The longest name or label.
pub(crate) const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        let long = "a".repeat(65);
        for (text, is) in [
            ("webhook", true),
            ("mist/webhook.2", true),
            ("7", true),
            (&long[..64], true),
            (&long, false),
            ("", false),
            ("/a", false),
            ("-a", false),
            ("a b", false),
            ("a\n", false),
            ("ä", false),
        ] {
            assert_eq!(SecretName::new(text).is_ok(), is, "{text}");
        }
    }
}
