//! Private keys.

use std::fmt;
use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{self, PemObject as _};
use thiserror::Error;
use x509_parser::asn1_rs::Tag;
use zeroize::{Zeroize as _, Zeroizing};

use crate::chain::found;
use crate::file::read_private;
use crate::key_kind::{dotted, elements, sequence};
use crate::pem::{Content, content, plain};
use crate::{KeyKind, LoadError};

/// A private key that TLS can sign with, and its public half.
///
/// RSA of 2048 to 4096 bits, ECDSA P-256 and P-384, Ed25519; PKCS#8, PKCS#1 or SEC1 in PEM or DER. It is wiped
/// when dropped, and neither prints nor clones itself: [`Self::der`] is the one way in.
pub struct KeyPair {
    der: PrivateKeyDer<'static>,
    public: Vec<u8>,
    kind: KeyKind,
}

impl KeyPair {
    /// Reads a file, PEM or DER, that nobody else can read and no group can write, see [`read_private`].
    ///
    /// # Errors
    ///
    /// [`LoadError`] names the path and what is wrong, never what the file holds.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let pem = read_private(path)?;
        Self::parse(&pem).map_err(|source| LoadError::Key { path: path.into(), source })
    }

    /// Reads PEM or DER. Certificates around a key in PEM are passed over, so that one file may hold both.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what `pem` is instead and how to get what is needed.
    pub fn parse(pem: &[u8]) -> Result<Self, KeyError> {
        let labels = match content(pem) {
            Content::Empty => return Err(KeyError::Empty),
            Content::Utf16 => return Err(KeyError::Utf16),
            Content::Binary => {
                let Ok(der) = PrivateKeyDer::try_from(pem) else { return Err(KeyError::Binary) };
                return Self::of(Wiped(Some(der.clone_key())));
            }
            Content::Pem(labels) => labels,
        };
        let keys: Vec<_> = labels.iter().filter(|label| label.ends_with("PRIVATE KEY")).collect();
        let label = match keys.as_slice() {
            [] if labels.iter().any(|label| label.contains("CERTIFICATE")) => {
                return Err(KeyError::Certificate);
            }
            [] if labels.iter().any(|label| label.ends_with("PUBLIC KEY")) => return Err(KeyError::Public),
            [] => return Err(KeyError::NoKey { found: found(&labels) }),
            [label] => label.as_str(),
            several => return Err(KeyError::Several { count: several.len() }),
        };
        match label {
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            // RFC 1421 4.6.1.1, as OpenSSL writes it into PKCS#1 and SEC1.
            _ if holds(pem, b"Proc-Type: 4,ENCRYPTED") => return Err(KeyError::Encrypted),
            "OPENSSH PRIVATE KEY" => return Err(KeyError::OpenSsh),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {}
            _ => return Err(KeyError::NoKey { found: found(&[label.to_owned()]) }),
        }
        let der = Wiped(Some(
            PrivateKeyDer::from_pem_slice(plain(pem)).map_err(|source| KeyError::Broken { source })?,
        ));
        Self::of(der)
    }

    fn of(der: Wiped) -> Result<Self, KeyError> {
        let (kind, public) = public_half(der.get())?;
        Ok(Self { der: der.keep(), public, kind })
    }

    /// The key as a TLS library takes it, by [`PrivateKeyDer::clone_key`]. Whoever clones it wipes the clone.
    #[must_use]
    pub const fn der(&self) -> &PrivateKeyDer<'static> {
        &self.der
    }

    /// What sort of key it is.
    #[must_use]
    pub const fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// The public half, as it stands in a certificate's `subjectPublicKey`.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        self.der.zeroize();
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A key that is wiped unless it is kept.
struct Wiped(Option<PrivateKeyDer<'static>>);

impl Wiped {
    const fn get(&self) -> &PrivateKeyDer<'static> {
        self.0.as_ref().expect("a key is taken out only by `keep`, which ends the wrapper")
    }

    fn keep(mut self) -> PrivateKeyDer<'static> {
        self.0.take().expect("a key is taken out only by `keep`, which ends the wrapper")
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        if let Some(key) = &mut self.0 {
            key.zeroize();
        }
    }
}

/// What sort of key `der` is and its public half, as far as TLS here can sign with it.
fn public_half(der: &PrivateKeyDer<'_>) -> Result<(KeyKind, Vec<u8>), KeyError> {
    let kind = kind(der).ok_or(KeyError::Malformed)?;
    let bytes = der.secret_der();
    let public = match (&kind, der) {
        (KeyKind::Rsa { bits }, _) if *bits < 2048 => return Err(KeyError::RsaTooShort { kind }),
        (KeyKind::Rsa { bits }, _) if *bits > 4096 => return Err(KeyError::RsaTooLong { kind }),
        (KeyKind::Rsa { .. }, PrivateKeyDer::Pkcs1(_)) => RsaKeyPair::from_der(bytes).ok().map(rsa_public),
        (KeyKind::Rsa { .. }, _) => RsaKeyPair::from_pkcs8(bytes).ok().map(rsa_public),
        (KeyKind::P256, _) => ecdsa_public(&ECDSA_P256_SHA256_ASN1_SIGNING, der, P256_ALGORITHM),
        (KeyKind::P384, _) => ecdsa_public(&ECDSA_P384_SHA384_ASN1_SIGNING, der, P384_ALGORITHM),
        (KeyKind::Ed25519, _) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
            .ok()
            .map(|pair| pair.public_key().as_ref().to_vec()),
        _ => return Err(KeyError::Unsupported { kind }),
    };
    Ok((kind, public.ok_or(KeyError::Malformed)?))
}

/// Reads only as far as the algorithm. Source: RFC 5208 5, RFC 8017 A.1.2, RFC 5915 3.
fn kind(der: &PrivateKeyDer<'_>) -> Option<KeyKind> {
    let bytes = der.secret_der();
    match der {
        PrivateKeyDer::Pkcs1(_) => Some(KeyKind::of("1.2.840.113549.1.1.1", None, bytes)),
        PrivateKeyDer::Pkcs8(_) => {
            let parts = sequence(bytes)?;
            let (_, key) = parts.iter().find(|(tag, _)| *tag == Tag::OctetString)?;
            let algorithm = oids(parts.iter().find(|(tag, _)| *tag == Tag::Sequence)?.1)?;
            Some(KeyKind::of(algorithm.first()?, algorithm.get(1).map(String::as_str), key))
        }
        PrivateKeyDer::Sec1(_) => {
            let (_, curve) = sequence(bytes)?.into_iter().find(|(tag, _)| *tag == Tag(0))?;
            Some(KeyKind::of_curve(oids(curve)?.first()?))
        }
        _ => None,
    }
}

/// The object identifiers among the elements of `content`.
fn oids(content: &[u8]) -> Option<Vec<String>> {
    let oids = elements(content)?.into_iter().filter(|(tag, _)| *tag == Tag::Oid);
    Some(oids.map(|(_, oid)| dotted(oid)).collect())
}

fn rsa_public(pair: RsaKeyPair) -> Vec<u8> {
    pair.public_key().as_ref().to_vec()
}

fn ecdsa_public(
    signing: &'static EcdsaSigningAlgorithm,
    der: &PrivateKeyDer<'_>,
    algorithm: &[u8],
) -> Option<Vec<u8>> {
    let pkcs8 = match der {
        PrivateKeyDer::Sec1(sec1) => wrapped(sec1.secret_sec1_der(), algorithm),
        other => Zeroizing::new(other.secret_der().to_vec()),
    };
    let pair = EcdsaKeyPair::from_pkcs8(signing, &pkcs8, &SystemRandom::new()).ok()?;
    Some(pair.public_key().as_ref().to_vec())
}

/// A SEC1 key as PKCS#8: version 0, the algorithm, the key in an octet string (RFC 5208 5).
fn wrapped(sec1: &[u8], algorithm: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(sec1.len() + 4));
    put_element(0x04, &[sec1], &mut key);
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(key.len() + algorithm.len() + 8));
    put_element(0x30, &[&[0x02, 0x01, 0x00], algorithm, &key], &mut pkcs8);
    pkcs8
}

/// Appends a DER element. Source: X.690 8.1.3.
fn put_element(tag: u8, content: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = content.iter().map(|part| part.len()).sum();
    out.push(tag);
    if length < 0x80 {
        out.push(u8::try_from(length).expect("it is below 128"));
    } else {
        let digits = length.to_be_bytes();
        let start = digits.iter().position(|digit| *digit != 0).expect("it is not zero");
        out.push(0x80 | u8::try_from(digits.len() - start).expect("it is at most 8"));
        out.extend_from_slice(&digits[start..]);
    }
    content.iter().for_each(|part| out.extend_from_slice(part));
}

fn holds(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|part| part == wanted)
}

/// What a file is that should have been a private key.
///
/// No text of it holds anything of the key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is nothing in it.
    #[error("it is empty; expected a private key in PEM")]
    Empty,
    /// Text, but not ASCII or UTF-8.
    #[error("it is UTF-16 text; save it again as plain ASCII")]
    Utf16,
    /// A key store, or something else.
    #[error(
        "it is binary, and no private key in DER; if it is PKCS#12 (.p12, .pfx), \
         `openssl pkcs12 -in FILE -nocerts -noenc -out key.pem` gets its key"
    )]
    Binary,
    /// Protected by a passphrase.
    #[error(
        "it is encrypted, and nobody is there to type its passphrase at start; \
         `(umask 077; openssl pkey -in FILE -out key.pem)` writes it without one"
    )]
    Encrypted,
    /// Of the sort that ssh makes.
    #[error("it is an OpenSSH key, which TLS does not use; use the key that the certificate was made with")]
    OpenSsh,
    /// Only certificates.
    #[error("it holds a certificate and no private key; are certificate and key swapped?")]
    Certificate,
    /// Only the public half.
    #[error("it holds a public key; the private one is needed")]
    Public,
    /// PEM of another sort.
    #[error("it holds no private key but {found}; expected `BEGIN PRIVATE KEY`")]
    NoKey {
        /// What it does hold.
        found: String,
    },
    /// More than one key.
    #[error("it holds {count} private keys; keep the one that belongs to the certificate")]
    Several {
        /// How many.
        count: usize,
    },
    /// Damaged PEM.
    #[error("its PEM is damaged; was it cut or edited?")]
    Broken {
        /// Where it stopped.
        source: pem::Error,
    },
    /// PEM around something that is no key, or halves that do not belong together.
    #[error("the key in it is damaged; `openssl pkey -in FILE -check -noout` may say more")]
    Malformed,
    /// RSA below the least that is safe.
    #[error("its key is {kind}: too short to be safe; the least is RSA 2048")]
    RsaTooShort {
        /// What it is.
        kind: KeyKind,
    },
    /// RSA above what the TLS library can do.
    #[error("its key is {kind}: longer than the TLS library can sign with; the most is RSA 4096")]
    RsaTooLong {
        /// What it is.
        kind: KeyKind,
    },
    /// An algorithm that the TLS library does not have.
    #[error(
        "its key is {kind}, which the TLS library cannot sign with; it can with ECDSA P-256 and P-384, Ed25519 \
         and RSA 2048 to 4096"
    )]
    Unsupported {
        /// What it is.
        kind: KeyKind,
    },
}

/// `SEQUENCE { ecPublicKey, prime256v1 }`.
const P256_ALGORITHM: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];
/// `SEQUENCE { ecPublicKey, secp384r1 }`.
const P384_ALGORITHM: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22,
];
