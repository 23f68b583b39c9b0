//! What something is, by its content alone.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::der::{self, Reader};
use super::{EkError, tpm};

/// What was returned or given, by its content.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The base64 of a public key in DER: what the conductor takes.
    Spki,
    /// A public key in DER, not in base64.
    Der,
    /// A public key in PEM.
    Pem,
    /// A TPM's own form of a public key.
    Tpm2b,
    /// An X.509 certificate, in PEM, DER or base64.
    Certificate,
    /// A JSON Web Token.
    Jwt,
    /// A private key.
    PrivateKey,
    /// None of these.
    Unknown,
}

impl Kind {
    /// What lets it in.
    pub(super) const fn convertible(self) -> Option<Format> {
        match self {
            Self::Der => Some(Format::Der),
            Self::Pem => Some(Format::Pem),
            Self::Tpm2b => Some(Format::Tpm2b),
            Self::Certificate => Some(Format::Certificate),
            Self::Spki | Self::Jwt | Self::PrivateKey | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spki => "the base64 of a public key in DER",
            Self::Der => "a public key in binary DER",
            Self::Pem => "a public key in PEM",
            Self::Tpm2b => "a TPM2B_PUBLIC",
            Self::Certificate => "an X.509 certificate",
            Self::Jwt => "a JSON Web Token",
            Self::PrivateKey => "a private key",
            Self::Unknown => "of no kind that is known",
        })
    }
}

/// A kind that can be converted to what the conductor takes, without guessing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// [`Kind::Der`].
    Der,
    /// [`Kind::Pem`].
    Pem,
    /// [`Kind::Tpm2b`].
    Tpm2b,
    /// [`Kind::Certificate`]: its key is taken, and nothing of it is verified.
    Certificate,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Der, Self::Pem, Self::Tpm2b, Self::Certificate];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Der => "der",
            Self::Pem => "pem",
            Self::Tpm2b => "tpm2b",
            Self::Certificate => "certificate",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(FormatError)
    }
}

/// A text that is no [`Format`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected one of der, pem, tpm2b, certificate")]
pub struct FormatError;

/// The formats that are converted; none by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AllowFormats(Vec<Format>);

impl AllowFormats {
    /// None but the base64 of a public key in DER.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn has(&self, format: Format) -> bool {
        self.0.contains(&format)
    }
}

impl FromIterator<Format> for AllowFormats {
    fn from_iter<I: IntoIterator<Item = Format>>(formats: I) -> Self {
        Self(formats.into_iter().collect())
    }
}

/// What was found, decoded as far as it is used.
#[derive(Debug)]
pub(super) enum Found {
    Spki {
        der: Vec<u8>,
        whitespace: bool,
    },
    Der(Vec<u8>),
    Pem(Vec<u8>),
    Tpm2b(Vec<u8>),
    /// The key in it.
    Certificate(Vec<u8>),
    Refused(Kind),
}

impl Found {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Spki { .. } => Kind::Spki,
            Self::Der(_) => Kind::Der,
            Self::Pem(_) => Kind::Pem,
            Self::Tpm2b(_) => Kind::Tpm2b,
            Self::Certificate(_) => Kind::Certificate,
            Self::Refused(kind) => *kind,
        }
    }
}

/// What `bytes` are.
pub(super) fn classify(bytes: &[u8]) -> Result<Found, EkError> {
    if bytes.len() > MAX_BYTES {
        return Err(EkError::TooLarge { limit_bytes: MAX_BYTES });
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(binary(bytes));
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(EkError::Empty);
    }
    if text.contains(PEM_BEGIN) {
        return armoured(text);
    }
    if is_jwt(text.trim()) {
        return Ok(Found::Refused(Kind::Jwt));
    }
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let whitespace = bare.len() != text.len();
    match STANDARD.decode(&bare) {
        Ok(decoded) => Ok(match binary(&decoded) {
            Found::Der(der) => Found::Spki { der, whitespace },
            Found::Refused(Kind::Unknown) if decoded.starts_with(PEM_BEGIN.as_bytes()) => {
                return armoured(&String::from_utf8_lossy(&decoded));
            }
            other => other,
        }),
        Err(_) if bare.starts_with(SPKI_PREFIX) => {
            Err(EkError::Malformed { what: "it begins like a public key, but is no canonical base64" })
        }
        // a text of plain ASCII may still be binary, as a short TPM2B_PUBLIC is
        Err(_) => Ok(binary(bytes)),
    }
}

/// What binary bytes are; a public key is [`Found::Der`] also when it is broken.
fn binary(bytes: &[u8]) -> Found {
    if let Some(certificate) = certificate(bytes) {
        return Found::Certificate(certificate);
    }
    if looks_like_spki(bytes) {
        return Found::Der(bytes.to_vec());
    }
    if tpm::read(bytes).is_some() {
        return Found::Tpm2b(bytes.to_vec());
    }
    if looks_like_private(bytes) {
        return Found::Refused(Kind::PrivateKey);
    }
    Found::Refused(Kind::Unknown)
}

/// What the first section of a PEM text is.
fn armoured(text: &str) -> Result<Found, EkError> {
    if text.contains("PRIVATE KEY-----") {
        return Ok(Found::Refused(Kind::PrivateKey));
    }
    let broken = EkError::Malformed { what: "the PEM is not whole" };
    let begin = text.find(PEM_BEGIN).ok_or_else(|| broken.clone())? + PEM_BEGIN.len();
    let (label, rest) =
        text.get(begin..).and_then(|rest| rest.split_once(PEM_DASHES)).ok_or_else(|| broken.clone())?;
    let end = format!("-----END {label}-----");
    let (body, after) = rest.split_once(end.as_str()).ok_or_else(|| broken.clone())?;
    if !after.trim().is_empty() {
        return Err(EkError::Malformed { what: "something follows the PEM" });
    }
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(body).map_err(|_| broken)?;
    Ok(match label {
        "PUBLIC KEY" => Found::Pem(der),
        "CERTIFICATE" | "TRUSTED CERTIFICATE" => match certificate(&der) {
            Some(spki) => Found::Certificate(spki),
            None => Found::Refused(Kind::Unknown),
        },
        _ => Found::Refused(Kind::Unknown),
    })
}

/// The public key in the one certificate that `bytes` are.
fn certificate(bytes: &[u8]) -> Option<Vec<u8>> {
    let (rest, certificate) = X509Certificate::from_der(bytes).ok()?;
    rest.is_empty().then(|| certificate.public_key().raw.to_vec())
}

/// Whether `bytes` begin as a `SubjectPublicKeyInfo`: a sequence, and in it an `AlgorithmIdentifier`. It may be cut off.
fn looks_like_spki(bytes: &[u8]) -> bool {
    let ([der::SEQUENCE, 0..=0x7f, inside @ ..]
    | [der::SEQUENCE, 0x81, _, inside @ ..]
    | [der::SEQUENCE, 0x82, _, _, inside @ ..]) = bytes
    else {
        return false;
    };
    let mut inside = Reader::new(inside);
    inside.element(der::SEQUENCE).is_some_and(|algorithm| Reader::new(algorithm).element(der::OID).is_some())
}

/// Whether `bytes` are PKCS#8 or PKCS#1: a sequence that begins with the version 0 or 1.
fn looks_like_private(bytes: &[u8]) -> bool {
    let mut outer = Reader::new(bytes);
    let Some(inside) = outer.element(der::SEQUENCE) else {
        return false;
    };
    let mut inside = Reader::new(inside);
    matches!(inside.element(der::INTEGER), Some([0 | 1])) && !inside.is_empty()
}

/// Modulus and exponent of an RSA key; its first byte is not zero.
pub(super) fn rsa_numbers(spki: &[u8]) -> Result<(&[u8], u64), EkError> {
    let broken = |what| EkError::Malformed { what };
    let mut outer = Reader::new(spki);
    let whole = outer.element(der::SEQUENCE).ok_or_else(|| broken("the public key is cut off"))?;
    if !outer.is_empty() {
        return Err(broken("something follows the public key"));
    }
    let mut whole = Reader::new(whole);
    let algorithm = whole.element(der::SEQUENCE).ok_or_else(|| broken("it names no algorithm"))?;
    if algorithm != der::RSA_ALGORITHM {
        let oid = Reader::new(algorithm).element(der::OID).ok_or_else(|| broken("it names no algorithm"))?;
        return Err(match oid {
            der::EC_ALGORITHM => EkError::Algorithm { found: "an elliptic curve key" },
            oid if der::RSA_ALGORITHM.ends_with(&[oid, &[0x05, 0x00]].concat()) => {
                broken("the parameters of its algorithm are not NULL")
            }
            _ => EkError::Algorithm { found: "a key of another algorithm than RSA" },
        });
    }
    let bits = whole.element(der::BIT_STRING).ok_or_else(|| broken("its bit string is broken"))?;
    let Some((0, key)) = bits.split_first().filter(|_| whole.is_empty()) else {
        return Err(broken("its bit string is broken"));
    };
    let mut key = Reader::new(key);
    let mut numbers = key
        .element(der::SEQUENCE)
        .filter(|_| key.is_empty())
        .map(Reader::new)
        .ok_or_else(|| broken("its numbers are broken"))?;
    let modulus = numbers.positive().ok_or_else(|| broken("its modulus is broken"))?;
    let exponent = numbers.positive().ok_or_else(|| broken("its exponent is broken"))?;
    if !numbers.is_empty() {
        return Err(broken("something follows its numbers"));
    }
    // an exponent of more bytes is none that is taken
    let exponent =
        exponent.iter().fold(0_u64, |sum, byte| sum.saturating_mul(256).saturating_add(u64::from(*byte)));
    Ok((modulus, exponent))
}

/// Whether `text` is three parts of base64url, the first of which is a JSON object.
fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return false;
    };
    let url =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    url(payload)
        && url(signature)
        && URL_SAFE_NO_PAD.decode(header).is_ok_and(|json| json.trim_ascii_start().starts_with(b"{"))
}

/// 4096 bits are 736 characters; a certificate or a JWT around a key is well below.
const MAX_BYTES: usize = 16 * 1024;
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_DASHES: &str = "-----";
/// How the base64 of an RSA-2048 key begins.
const SPKI_PREFIX: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A";
