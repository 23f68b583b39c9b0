//! The signature of a message.

use std::fmt;

use http::HeaderName;
use ring::{digest, hmac};
use thiserror::Error;

/// The header that carries HMAC-SHA256 over the body, as hexadecimal digits.
///
/// Source: Mist OpenAPI, webhook deliveries with a `secret`.
pub const V2_HEADER: HeaderName = HeaderName::from_static("x-mist-signature-v2");

/// The header that carries HMAC-SHA1 over the body, as hexadecimal digits; legacy.
pub const V1_HEADER: HeaderName = HeaderName::from_static("x-mist-signature");

/// A secret shared with Mist, which signs the body of every message.
///
/// Shape: any bytes, at least one. It cannot be printed, and the bytes themselves are not kept: only the
/// keys made from them are.
pub struct SigningSecret {
    v2: hmac::Key,
    v1: hmac::Key,
    digest: digest::Digest,
}

impl SigningSecret {
    /// The secret of these bytes, exactly; trim a file's line end before.
    ///
    /// # Errors
    ///
    /// [`EmptySecret`]: with it anybody could sign.
    pub fn new(bytes: &[u8]) -> Result<Self, EmptySecret> {
        if bytes.is_empty() {
            return Err(EmptySecret);
        }
        Ok(Self {
            v2: hmac::Key::new(hmac::HMAC_SHA256, bytes),
            v1: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, bytes),
            digest: digest::digest(&digest::SHA256, bytes),
        })
    }

    /// Whether this secret made `signature` over `body`, in constant time.
    #[must_use]
    pub fn signed(&self, body: &[u8], signature: &Signature) -> bool {
        match signature {
            Signature::V2(tag) => hmac::verify(&self.v2, body, tag),
            Signature::V1(tag) => hmac::verify(&self.v1, body, tag),
        }
        .is_ok()
    }

    /// Whether both are the same secret.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.digest.as_ref() == other.digest.as_ref()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

/// A secret of no bytes.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the secret is empty, so anybody could sign with it")]
pub struct EmptySecret;

/// A signature as it came in a header: well formed, not yet proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signature {
    /// HMAC-SHA256, from [`V2_HEADER`].
    V2([u8; 32]),
    /// HMAC-SHA1, from [`V1_HEADER`].
    V1([u8; 20]),
}

impl Signature {
    /// Reads 64 hexadecimal digits in either case; `None` when it is anything else.
    #[must_use]
    pub fn parse_v2(header: &[u8]) -> Option<Self> {
        hexadecimal(header).map(Self::V2)
    }

    /// Reads 40 hexadecimal digits in either case; `None` when it is anything else.
    #[must_use]
    pub fn parse_v1(header: &[u8]) -> Option<Self> {
        hexadecimal(header).map(Self::V1)
    }
}

fn hexadecimal<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"topic":"ping","events":[{"id":"00000000-0000-4000-8000-000000000001","name":"t","site_id":"00000000-0000-4000-8000-000000000002","timestamp":1700000000}]}"#;
    const V2: &[u8] = b"987682b19880b0ab9e3034b0173e53148c8a28561abaf45b143a876a153e7751";
    const V1: &[u8] = b"0c6289388657bea87debe9197e1eff568d2a20ad";

    #[test]
    fn the_known_answer_verifies() {
        let secret = SigningSecret::new(b"example-secret").unwrap();

        assert!(secret.signed(BODY, &Signature::parse_v2(V2).unwrap()));
        assert!(secret.signed(BODY, &Signature::parse_v2(&V2.to_ascii_uppercase()).unwrap()));
        assert!(secret.signed(BODY, &Signature::parse_v1(V1).unwrap()));
    }

    #[test]
    fn any_other_body_secret_or_digit_does_not() {
        let secret = SigningSecret::new(b"example-secret").unwrap();
        let signature = Signature::parse_v2(V2).unwrap();
        let mut flipped = V2.to_vec();
        flipped[63] = b'2';

        assert!(!secret.signed(&BODY[1..], &signature));
        assert!(!SigningSecret::new(b"example-secret\n").unwrap().signed(BODY, &signature));
        assert!(!secret.signed(BODY, &Signature::parse_v2(&flipped).unwrap()));
    }

    #[test]
    fn what_is_not_64_digits_is_no_signature() {
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &format!("sha256={}", "0".repeat(57)),
        ] {
            assert_eq!(Signature::parse_v2(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert_eq!(SigningSecret::new(b"").unwrap_err(), EmptySecret);
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", SigningSecret::new(b"example-secret").unwrap()), "SigningSecret");
    }
}
