//! The operator's password.

use std::fmt;

use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

/// The password of an account on the conductor.
///
/// It has no `Clone` and no `Display`, its `Debug` is its name, and its memory is cleared when it is dropped; what is
/// written to the connection is a copy that is not.
pub struct Password(Zeroizing<String>);

impl Password {
    /// The password of this text, exactly; trim a file's line end before.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] when it is empty.
    pub fn new(text: impl Into<String>) -> Result<Self, PasswordError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() { Err(PasswordError) } else { Ok(Self(text)) }
    }

    pub(crate) fn to_json(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }

    /// `text` without the password, which an answer may repeat.
    pub(crate) fn masked(&self, text: &str) -> String {
        text.replace(self.0.as_str(), "[password]")
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A text that cannot be a password.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the conductor's password is empty")]
pub struct PasswordError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let password = Password::new("FAKE-PASSWORD").unwrap();

        assert_eq!(format!("{password:?}"), "Password");
        assert_eq!(password.masked("no FAKE-PASSWORD here"), "no [password] here");
        assert_eq!(Password::new("").unwrap_err(), PasswordError);
    }
}
