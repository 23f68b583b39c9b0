//! What names an alert and a problem: hashes over what makes them the same.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smallvec::SmallVec;

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Shape: 128 bits, printed as 32 lower-case hexadecimal digits.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The hash over `parts`, in this order; where one part ends is part of what is hashed.
            #[must_use]
            pub fn of(parts: &[&[u8]]) -> Self {
                Self(hash_of(parts))
            }

            /// The sixteen bytes.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(str::from_utf8(&digits(&self.0)).expect(DIGITS_ARE_TEXT))
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                u128::from_str_radix(text, 16).map(|bits| Self(bits.to_be_bytes()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(str::from_utf8(&digits(&self.0)).expect(DIGITS_ARE_TEXT))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

hash! {
    /// What makes two deliveries the same alert: a hash over the event's identity and its resource.
    AlertId
}
hash! {
    /// What makes two alerts the same problem: a hash over organisation, site, resource and problem class,
    /// never over state, severity, time, counters or topic.
    AlarmKey
}

impl AlarmKey {
    /// What a hash over some parts was.
    pub(crate) const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

pub(crate) fn hash_of(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    // short parts go in together: each turn costs more than they do
    let mut together: SmallVec<[u8; 256]> = SmallVec::new();
    for part in parts {
        together.extend_from_slice(&(part.len() as u64).to_be_bytes());
        if part.len() <= SHORT_BYTES {
            together.extend_from_slice(part);
        } else {
            context.update(&together);
            together.clear();
            context.update(part);
        }
    }
    context.update(&together);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    bytes
}

/// Sixteen bytes as lower-case hexadecimal digits.
fn digits(bytes: &[u8; 16]) -> [u8; 32] {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
    digits
}

const SHORT_BYTES: usize = 64;
const DIGITS: &[u8; 16] = b"0123456789abcdef";
const DIGITS_ARE_TEXT: &str = "hexadecimal digits are ASCII";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_a_part_ends_is_part_of_a_hash() {
        assert_ne!(AlertId::of(&[b"ab", b"c"]), AlertId::of(&[b"a", b"bc"]));
        assert_eq!(AlertId::of(&[b"ab"]).to_string().len(), 32);
    }

    proptest! {
        #[test]
        fn a_hash_is_over_each_part_behind_its_length(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8),
        ) {
            let all: Vec<u8> = parts
                .iter()
                .flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied()))
                .collect();
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let digest = ring::digest::digest(&ring::digest::SHA256, &all);
            prop_assert_eq!(&hash_of(&parts)[..], &digest.as_ref()[..16]);
        }

        #[test]
        fn every_byte_prints_as_two_digits(bytes: [u8; 16]) {
            let digits = format!("{:032x}", u128::from_be_bytes(bytes));
            let id = AlertId(bytes);
            prop_assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{digits}\""));
            prop_assert_eq!(id.to_string(), digits);
        }
    }
}
