//! What sort of key it is.

use std::fmt;

use x509_parser::asn1_rs::{Any, FromDer as _, Oid, Tag};

/// Algorithm and size of a key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA.
    Rsa {
        /// Length of the modulus.
        bits: usize,
    },
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// Something else, by its object identifier.
    Other(Box<str>),
}

impl KeyKind {
    /// The kind of an `AlgorithmIdentifier`; `rsa` is the key itself, as in PKCS#1, public or private.
    ///
    /// Source of the identifiers: RFC 8017 A.1, RFC 5480 2.1, RFC 8410 3.
    pub(crate) fn of(algorithm: &str, curve: Option<&str>, rsa: &[u8]) -> Self {
        match (algorithm, curve) {
            (RSA, _) => Self::Rsa { bits: modulus_bits(rsa).unwrap_or(0) },
            (EC, Some(curve)) => Self::of_curve(curve),
            (ED25519, _) => Self::Ed25519,
            (other, _) => Self::Other(other.into()),
        }
    }

    pub(crate) fn of_curve(curve: &str) -> Self {
        match curve {
            P256 => Self::P256,
            P384 => Self::P384,
            P521 => Self::P521,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::P256 => f.write_str("ECDSA P-256"),
            Self::P384 => f.write_str("ECDSA P-384"),
            Self::P521 => f.write_str("ECDSA P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => match &**oid {
                "1.3.101.113" => f.write_str("Ed448"),
                "1.2.840.10040.4.1" => f.write_str("DSA"),
                "1.2.840.113549.1.1.10" => f.write_str("RSA-PSS"),
                "1.3.132.0.10" => f.write_str("ECDSA secp256k1"),
                oid => write!(f, "algorithm {oid}"),
            },
        }
    }
}

/// The elements of the DER sequence `der`, as tag and content; `None` when it is none or broken.
pub(crate) fn sequence(der: &[u8]) -> Option<Vec<(Tag, &[u8])>> {
    let (_, sequence) = Any::from_der(der).ok()?;
    elements((sequence.tag() == Tag::Sequence).then_some(sequence.data)?)
}

/// The DER elements that stand one after the other in `content`.
pub(crate) fn elements(mut content: &[u8]) -> Option<Vec<(Tag, &[u8])>> {
    let mut elements = Vec::new();
    while !content.is_empty() && elements.len() < MAX_ELEMENTS {
        let (rest, element) = Any::from_der(content).ok()?;
        elements.push((element.tag(), element.data));
        content = rest;
    }
    Some(elements)
}

/// An object identifier's content, in dotted digits.
pub(crate) fn dotted(oid: &[u8]) -> String {
    Oid::new(oid.into()).to_id_string()
}

/// Length of the first positive integer above one byte: in PKCS#1 that is the modulus, whether the version
/// of a private key stands before it or not.
fn modulus_bits(rsa: &[u8]) -> Option<usize> {
    sequence(rsa)?.into_iter().filter(|(tag, _)| *tag == Tag::Integer).find_map(|(_, digits)| {
        let start = digits.iter().position(|byte| *byte != 0)?;
        let bits = (digits.len() - start) * 8 - digits[start].leading_zeros() as usize;
        (bits > 8).then_some(bits)
    })
}

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const MAX_ELEMENTS: usize = 16;
