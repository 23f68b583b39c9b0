//! Endorsement keys: what Mist or a TPM's tools returned, classified, read strictly, and judged.
//!
//! The conductor's field `endorsement-key` takes the base64 of the DER of the public key. What Mist exports as *ID token*
//! is expected to be exactly that, which no document says: so it is classified by what it is, and everything else is
//! named and refused. [`AllowFormats`] lets in what can be converted without guessing.

mod batch;
mod der;
mod error;
mod export;
mod kind;
mod tpm;
mod weak;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

pub use batch::{BatchFault, Holder, judge_batch};
pub use error::EkError;
pub use export::{Export, Exported, IdTokenText};
pub use kind::{AllowFormats, Format, FormatError, Kind};
pub use weak::{Screen, Weakness};

use kind::{Found, classify};

/// The public endorsement key of a router's TPM.
///
/// Shape: an RSA key of 2048, 3072 or 4096 bits with the exponent 65537; printed and serialized as the canonical base64
/// of its `SubjectPublicKeyInfo` in DER, which is 392 characters for 2048 bits. It is public.
/// Source: Session Smart Router configuration guide, `endorsement-key` (base64-encoded DER); that the DER is a
/// `SubjectPublicKeyInfo` follows from the documented way to read it, `tpm2_readpublic -f DER | base64 -w0`.
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndorsementKey {
    /// Canonical.
    spki: Box<[u8]>,
    /// Magnitude, without leading zeros.
    modulus: Box<[u8]>,
}

/// A key and how it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// The key.
    pub key: EndorsementKey,
    /// How it was written.
    pub kind: Kind,
    /// What a person should know before it is used.
    pub warnings: Vec<EkWarning>,
}

/// What is unusual about a key that is accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EkWarning {
    /// It is larger than those that are documented to work.
    Size {
        /// Its bits.
        bits: usize,
    },
    /// There were spaces or line breaks in the base64, which were left out.
    Whitespace,
    /// It was converted.
    Converted {
        /// From what.
        from: Kind,
    },
}

impl fmt::Display for EkWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { bits } => {
                write!(f, "RSA {bits}: endorsement keys of routers are expected to be RSA 2048")
            }
            Self::Whitespace => f.write_str("spaces or line breaks in the base64 were left out"),
            Self::Converted { from } => write!(f, "converted from {from}"),
        }
    }
}

impl EndorsementKey {
    /// Reads `bytes`, of at most 16 KiB: a text as Mist returns it, or a file of a TPM's tools.
    ///
    /// # Errors
    ///
    /// [`EkError`] names what `bytes` are and what to do; every kind but [`Kind::Spki`] is refused unless `allow` has it,
    /// and a JWT always.
    pub fn read(bytes: &[u8], allow: &AllowFormats) -> Result<Reading, EkError> {
        let found = classify(bytes)?;
        let kind = found.kind();
        if let Some(format) = kind.convertible()
            && !allow.has(format)
        {
            return Err(EkError::Format { found: kind, allowed_by: Some(format) });
        }
        let mut warnings = Vec::new();
        let key = match found {
            Found::Spki { der, whitespace } => {
                if whitespace {
                    warnings.push(EkWarning::Whitespace);
                }
                Self::from_spki(&der)?
            }
            Found::Der(der) | Found::Pem(der) | Found::Certificate(der) => Self::from_spki(&der)?,
            Found::Tpm2b(bytes) => Self::from_tpm(&bytes)?,
            Found::Refused(kind) => return Err(EkError::Format { found: kind, allowed_by: None }),
        };
        if kind != Kind::Spki {
            warnings.push(EkWarning::Converted { from: kind });
        }
        if key.bits() != 2048 {
            warnings.push(EkWarning::Size { bits: key.bits() });
        }
        Ok(Reading { key, kind, warnings })
    }

    /// Reads a `SubjectPublicKeyInfo` in DER: exactly one, and nothing after it.
    ///
    /// # Errors
    ///
    /// [`EkError`] says what is wrong with it.
    pub fn from_spki(spki: &[u8]) -> Result<Self, EkError> {
        let (modulus, exponent) = kind::rsa_numbers(spki)?;
        Self::from_numbers(modulus, exponent).and_then(|key| {
            // what is read is canonical exactly when it is what would be written
            if *key.spki == *spki {
                Ok(key)
            } else {
                Err(EkError::Malformed { what: "its DER is not canonical" })
            }
        })
    }

    fn from_tpm(bytes: &[u8]) -> Result<Self, EkError> {
        match tpm::read(bytes) {
            Some(tpm::Public::Rsa { modulus, exponent, attributes }) => {
                tpm::judge(attributes)?;
                Self::from_numbers(modulus, u64::from(exponent))
            }
            Some(tpm::Public::Ecc) => Err(EkError::Algorithm { found: "an elliptic curve key" }),
            None => Err(EkError::Malformed { what: "the TPM2B_PUBLIC is cut off" }),
        }
    }

    fn from_numbers(modulus: &[u8], exponent: u64) -> Result<Self, EkError> {
        let start = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
        let modulus = &modulus[start..];
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !SIZES.contains(&bits) {
            return Err(EkError::Size { bits });
        }
        if exponent != u64::from(EXPONENT) {
            return Err(EkError::Exponent { exponent });
        }
        Ok(Self { spki: der::rsa_spki(modulus, EXPONENT).into(), modulus: modulus.into() })
    }

    /// Its `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub const fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What the conductor's `endorsement-key` takes: canonical base64, without line breaks.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.spki)
    }

    /// The length of its modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.modulus.first().map_or(0, |first| self.modulus.len() * 8 - first.leading_zeros() as usize)
    }

    /// What identifies it.
    #[must_use]
    pub fn fingerprint(&self) -> SpkiFingerprint {
        SpkiFingerprint::of(&self.spki)
    }

    fn modulus(&self) -> BigUint {
        BigUint::from_bytes_be(&self.modulus)
    }
}

impl fmt::Debug for EndorsementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndorsementKey({} bits, {})", self.bits(), self.fingerprint())
    }
}

impl FromStr for EndorsementKey {
    type Err = EkError;

    /// Reads what [`EndorsementKey::to_base64`] writes, and nothing else: no spaces, no other kind.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match classify(text.as_bytes())? {
            Found::Spki { der, whitespace: false } => Self::from_spki(&der),
            Found::Spki { .. } => Err(EkError::Malformed { what: "there are spaces in the base64" }),
            other => Err(EkError::Format { found: other.kind(), allowed_by: None }),
        }
    }
}

impl TryFrom<String> for EndorsementKey {
    type Error = EkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EndorsementKey> for String {
    fn from(key: EndorsementKey) -> Self {
        key.to_base64()
    }
}

/// The SHA-256 of a `SubjectPublicKeyInfo`.
///
/// `{}` prints `sha256:` and 64 lower-case digits, as `openssl pkey -pubin -outform DER | sha256sum` does behind the
/// colon; `{:.8}` only the first eight digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpkiFingerprint([u8; 32]);

impl SpkiFingerprint {
    /// The fingerprint of the public key `spki` in DER.
    #[must_use]
    pub fn of(spki: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, spki).as_ref());
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Both are the SHA-256 of the same bytes.
impl From<conductor::SpkiPin> for SpkiFingerprint {
    fn from(pin: conductor::SpkiPin) -> Self {
        Self(*pin.bytes())
    }
}

crate::hex::sha256_text!(SpkiFingerprint);

const EXPONENT: u32 = 65537;
const SIZES: [usize; 3] = [2048, 3072, 4096];

#[cfg(test)]
mod tests;
