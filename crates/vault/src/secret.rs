//! One secret.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroizing;

/// A secret's value and what it is for. Wiped when dropped; has no way to print itself.
///
/// Shape: 1 byte to 64 KiB, any bytes.
pub struct Secret {
    kind: Kind,
    value: Zeroizing<Vec<u8>>,
}

impl Secret {
    /// Takes `value` as it is.
    ///
    /// # Errors
    ///
    /// [`SecretError`] when it is empty or longer than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(kind: Kind, value: Zeroizing<Vec<u8>>) -> Result<Self, SecretError> {
        match value.len() {
            0 => Err(SecretError::Empty),
            bytes if bytes > Self::MAX_BYTES => Err(SecretError::TooLong),
            _ => Ok(Self { kind, value }),
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The value.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.value
    }

    /// The value, still wiped when dropped.
    #[must_use]
    pub fn into_exposed(self) -> Zeroizing<Vec<u8>> {
        self.value
    }

    /// The longest value.
    pub const MAX_BYTES: usize = 64 * 1024;
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, ..)", self.kind)
    }
}

/// Why a value cannot be kept.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SecretError {
    /// No bytes.
    #[error("an empty secret protects nothing")]
    Empty,
    /// Too many bytes.
    #[error("a secret has at most {max} bytes", max = Secret::MAX_BYTES)]
    TooLong,
}

/// What a secret is for. It helps people who read a list; the vault treats all alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Anything else.
    Other,
    /// The secret of a webhook.
    Webhook,
    /// A token of an API.
    Token,
    /// A community or passphrase of SNMP.
    Snmp,
    /// A private key.
    Key,
    /// A password of a person or an account.
    Password,
    /// What a newer program knows; its number is kept.
    Unknown(u8),
}

impl Kind {
    /// Every kind that has a word.
    pub const ALL: [Self; 6] =
        [Self::Other, Self::Webhook, Self::Token, Self::Snmp, Self::Key, Self::Password];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Webhook => 1,
            Self::Token => 2,
            Self::Snmp => 3,
            Self::Key => 4,
            Self::Password => 5,
            Self::Unknown(number) => number,
        }
    }

    pub(crate) fn of_number(number: u8) -> Self {
        Self::ALL.into_iter().find(|kind| kind.number() == number).unwrap_or(Self::Unknown(number))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Other => "other",
            Self::Webhook => "webhook",
            Self::Token => "token",
            Self::Snmp => "snmp",
            Self::Key => "key",
            Self::Password => "password",
            Self::Unknown(_) => "unknown",
        })
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == text).ok_or(KindError)
    }
}

/// What was given is no kind of secret.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a kind is one of webhook, token, snmp, key, password, other")]
pub struct KindError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_bounds_and_does_not_print_itself() {
        let of = |bytes: usize| Secret::new(Kind::Token, vec![b'x'; bytes].into());
        assert_eq!(of(0).unwrap_err(), SecretError::Empty);
        assert_eq!(format!("{:?}", of(Secret::MAX_BYTES).unwrap()), "Secret(token, ..)");
        assert!(of(Secret::MAX_BYTES + 1).is_err());
    }

    #[test]
    fn a_kind_is_a_word_and_a_number() {
        for number in 0..=255 {
            assert_eq!(Kind::of_number(number).number(), number);
        }
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("unknown".parse::<Kind>().is_err());
    }
}
