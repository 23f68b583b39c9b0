//! MAC addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A MAC address of a device or a client.
///
/// Shape: six bytes. Parses 12 hexadecimal digits in either case, bare or separated by `:`, `-` or `.`;
/// prints 12 lower-case digits without separators, as Mist does in its topics.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address of these six bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// The six bytes, first on the wire first.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Whether every byte is zero, as Mist writes for "none".
    #[must_use]
    pub const fn is_zero(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// The twelve digits.
    fn digits(self) -> [u8; 12] {
        let mut digits = [0; 12];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 0xf)];
        }
        digits
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).expect(DIGITS_ARE_TEXT))
    }
}

impl FromStr for Mac {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseMacError { text: text.into() };
        let mut digits = 0;
        let mut bytes = [0_u8; 6];
        for c in text.chars().filter(|c| !matches!(c, ':' | '-' | '.')) {
            let digit = c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or_else(error)?;
            let byte = bytes.get_mut(digits / 2).ok_or_else(error)?;
            *byte = *byte << 4 | digit;
            digits += 1;
        }
        if digits == 12 { Ok(Self(bytes)) } else { Err(error()) }
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.digits()).expect(DIGITS_ARE_TEXT))
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A text that is not a MAC address.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is not a MAC address; expected 12 hexadecimal digits, as in 5c5b351e13b5")]
pub struct ParseMacError {
    text: Box<str>,
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
const DIGITS_ARE_TEXT: &str = "hexadecimal digits are ASCII";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_is_one_mac() {
        for text in ["5c5b351e13b5", "5C:5B:35:1E:13:B5", "5c-5b-35-1e-13-b5", "5c5b.351e.13b5"] {
            assert_eq!(text.parse::<Mac>().unwrap().to_string(), "5c5b351e13b5", "{text}");
        }
    }

    #[test]
    fn what_is_no_mac_is_refused() {
        for text in ["", "5c5b351e13b", "5c5b351e13b55", "2.00E+05", "5c5b351e13bg", "é"] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back(bytes: [u8; 6]) {
            let mac = Mac::new(bytes);
            prop_assert_eq!(mac.to_string().parse::<Mac>(), Ok(mac));
        }

        #[test]
        fn every_byte_prints_as_two_digits(bytes: [u8; 6]) {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let mac = Mac::new(bytes);
            prop_assert_eq!(serde_json::to_string(&mac).unwrap(), format!("\"{digits}\""));
            prop_assert_eq!(mac.to_string(), digits);
        }
    }
}
