//! The key for the safe: what a person can write down and type again.

use std::fmt;

use ring::digest::{SHA256, digest};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::seal::{self, Bytes32};

/// A key of 256 random bits that is printed once and kept away from the machine.
///
/// Shape: 14 groups of four of the digits `0-9` and the letters `a-z` without `i l o u`, joined by `-`: the key
/// and 24 bits of its SHA-256. Case, spaces and dashes do not matter, `o` is read as 0, `i` and `l` as 1.
/// Source: `docs/vault.md`.
pub struct RecoveryKey(Bytes32);

impl RecoveryKey {
    /// A new one.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandomness`].
    pub fn random() -> Result<Self, KeyError> {
        Ok(Self(seal::random_key()?))
    }

    /// Reads one that a person typed.
    ///
    /// # Errors
    ///
    /// [`RecoveryError`], which shows nothing of what was typed.
    pub fn parse(text: &str) -> Result<Self, RecoveryError> {
        // room for everything from the start: what grows leaves copies behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES + 1));
        let (mut bits, mut held, mut typed) = (0_u32, 0_u32, 0_usize);
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            typed += 1;
            if typed > DIGITS {
                return Err(RecoveryError::Length { typed });
            }
            let digit = digit(c).ok_or(RecoveryError::Digit { at: typed })?;
            bits = (bits << 5 | digit) & 0xfff;
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
            }
        }
        if typed != DIGITS {
            return Err(RecoveryError::Length { typed });
        }
        let (key, check) = bytes.split_at(32);
        if digest(&SHA256, key).as_ref()[..3] != *check {
            return Err(RecoveryError::Check);
        }
        let mut this = Bytes32::zero();
        this.bytes_mut().copy_from_slice(key);
        Ok(Self(this))
    }

    /// What is printed, once.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0_u8; BYTES]);
        bytes[..32].copy_from_slice(self.0.bytes());
        bytes[32..].copy_from_slice(&digest(&SHA256, self.0.bytes()).as_ref()[..3]);
        let mut text = Zeroizing::new(String::with_capacity(DIGITS + DIGITS / 4));
        for five in bytes.chunks(5) {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in 0..8 {
                if place % 4 == 0 && !text.is_empty() {
                    text.push('-');
                }
                let digit = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or_default();
                text.push(char::from(ALPHABET[digit]));
            }
        }
        text
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(..)")
    }
}

/// Why what was typed is no recovery key.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RecoveryError {
    /// A character that no recovery key has.
    #[error("character {at} of the recovery key is none of its letters and digits")]
    Digit {
        /// Which one, dashes and spaces not counted, from 1.
        at: usize,
    },
    /// Too few or too many characters.
    #[error("a recovery key has {DIGITS} letters and digits, not {typed}")]
    Length {
        /// How many there are; those behind the first too many are not counted.
        typed: usize,
    },
    /// It was mistyped.
    #[error("the recovery key is mistyped: its check does not hold")]
    Check,
}

fn digit(c: char) -> Option<u32> {
    let c = match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    };
    let place = ALPHABET.iter().position(|digit| char::from(*digit) == c)?;
    u32::try_from(place).ok()
}

/// Crockford's base 32.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The key and its check.
const BYTES: usize = 32 + 3;

const DIGITS: usize = BYTES * 8 / 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_key_is_read_as_it_was_printed_and_as_people_type() {
        let key = RecoveryKey::random().unwrap();
        let text = key.reveal();

        assert_eq!((text.len(), text.split('-').count()), (69, 14), "{}", *text);
        for typed in [
            text.to_string(),
            text.to_uppercase(),
            text.replace('-', " "),
            text.replace('-', "") + "\n",
            text.replace('0', "O").replace('1', "l"),
        ] {
            assert_eq!(RecoveryKey::parse(&typed).unwrap().bytes(), key.bytes(), "{typed}");
        }
        assert_eq!(format!("{key:?}"), "RecoveryKey(..)");
    }

    #[test]
    fn a_mistyped_recovery_key_is_told_from_a_wrong_one() {
        let text = RecoveryKey::random().unwrap().reveal().replace('-', "");
        let refused = |typed: &str| RecoveryKey::parse(typed).unwrap_err();

        assert_eq!(refused(""), RecoveryError::Length { typed: 0 });
        assert_eq!(refused(&text[1..]), RecoveryError::Length { typed: 55 });
        assert_eq!(refused(&format!("{text}0")), RecoveryError::Length { typed: 57 });
        assert_eq!(refused(&format!("{}u{}", &text[..9], &text[10..])), RecoveryError::Digit { at: 10 });
        let other = if text.starts_with('2') { '3' } else { '2' };
        assert_eq!(refused(&format!("{other}{}", &text[1..])), RecoveryError::Check);
    }
}
