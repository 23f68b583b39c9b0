//! Certificates that others made: read, and led back to an authority.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ids::Timestamp;
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

/// The SHA-256 of a certificate's DER; prints as `sha256:` and 64 lower-case digits.
///
/// The same digits as `openssl x509 -fingerprint -sha256`, in lower case and without colons.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CertificateFingerprint([u8; 32]);

impl CertificateFingerprint {
    /// The fingerprint of the certificate `der`.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(*pki::Fingerprint::of(der).bytes())
    }
}

crate::hex::sha256_text!(CertificateFingerprint);

/// One certificate that can be parsed.
#[derive(Clone, Eq, PartialEq)]
pub struct Certificate {
    der: Box<[u8]>,
}

impl Certificate {
    /// Reads exactly one certificate in DER.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] when it is none, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        match X509Certificate::from_der(der) {
            Ok(([], _)) if der.len() <= MAX_BYTES => Ok(Self { der: der.into() }),
            _ => Err(CertificateError::Broken),
        }
    }

    /// Reads certificates in PEM, in DER, or in the base64 of either: at least one, at most eight, in their order.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] when there is none, one is broken, or there is a private key among them.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        if bytes.len() > MAX_BYTES * MAX_CHAIN {
            return Err(CertificateError::TooMany);
        }
        if bytes.starts_with(&[0x30]) {
            return Self::from_der(bytes).map(|certificate| vec![certificate]);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CertificateError::Broken)?;
        if text.contains(BEGIN) {
            return from_pem(text);
        }
        if text.contains("-----BEGIN") {
            return Err(CertificateError::None);
        }
        let bare: Zeroizing<String> =
            Zeroizing::new(text.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let decoded = Zeroizing::new(STANDARD.decode(bare.as_bytes()).map_err(|_| CertificateError::Broken)?);
        if decoded.starts_with(&[0x30]) {
            return Self::from_der(&decoded).map(|certificate| vec![certificate]);
        }
        match std::str::from_utf8(&decoded) {
            Ok(text) if text.contains(BEGIN) => from_pem(text),
            _ => Err(CertificateError::Broken),
        }
    }

    /// Its DER.
    #[must_use]
    pub const fn der(&self) -> &[u8] {
        &self.der
    }

    /// What identifies it.
    #[must_use]
    pub fn fingerprint(&self) -> CertificateFingerprint {
        CertificateFingerprint::of(&self.der)
    }

    /// Leads it back to `root`, by way of what is `between`, each valid at `now`.
    ///
    /// # Errors
    ///
    /// [`ChainError`].
    pub fn leads_to(&self, root: &Self, between: &[Self], now: Timestamp) -> Result<(), ChainError> {
        verify_chain(self, between, std::slice::from_ref(root), now).map(drop)
    }

    /// What it says.
    pub(crate) fn facts(&self) -> Facts {
        self.with(|certificate| {
            let serial_number = certificate
                .subject()
                .iter_by_oid(&x509_parser::oid_registry::OID_X509_SERIALNUMBER)
                .map(|attribute| attribute.as_str().map(str::to_owned).unwrap_or_default())
                .collect();
            let (rsa_bits, rsa) = match certificate.public_key().parsed() {
                Ok(x509_parser::public_key::PublicKey::RSA(key)) => {
                    (Some(key.key_size()), Some(certificate.public_key().subject_public_key.data.to_vec()))
                }
                _ => (None, None),
            };
            Facts {
                subject: crate::names::shown(&certificate.subject().to_string()),
                serial_numbers: serial_number,
                not_before: seconds(certificate.validity().not_before.timestamp()),
                not_after: seconds(certificate.validity().not_after.timestamp()),
                rsa_bits,
                rsa,
                signature_algorithm: certificate.signature_algorithm.algorithm.to_id_string(),
            }
        })
    }

    /// Whether the key of `issuer` signed it, `issuer` is named as its issuer, and may sign certificates.
    fn is_issued_by(&self, issuer: &Self) -> bool {
        self.with(|certificate| {
            issuer.with(|issuer| {
                let may_sign = matches!(issuer.basic_constraints(), Ok(Some(constraints)) if constraints.value.ca)
                    && match issuer.key_usage() {
                        Ok(Some(usage)) => usage.value.key_cert_sign(),
                        Ok(None) => true,
                        Err(_) => false,
                    };
                certificate.issuer().as_raw() == issuer.subject().as_raw()
                    && may_sign
                    && certificate.verify_signature(Some(issuer.public_key())).is_ok()
            })
        })
    }

    fn with<T>(&self, read: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
        let (_, certificate) = X509Certificate::from_der(&self.der).expect("it was parsed when it was made");
        read(&certificate)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) subject: Box<str>,
    /// The `serialNumber` attributes of its subject: of the device, not of the certificate.
    pub(crate) serial_numbers: Vec<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// The length of its modulus when its key is RSA.
    pub(crate) rsa_bits: Option<usize>,
    /// Its `RSAPublicKey`.
    pub(crate) rsa: Option<Vec<u8>>,
    /// By its object identifier.
    pub(crate) signature_algorithm: String,
}

impl Facts {
    /// Whether its issuer signed it over SHA-1 or MD5.
    pub(crate) fn is_signed_weakly(&self) -> bool {
        WEAK_SIGNATURES.contains(&self.signature_algorithm.as_str())
    }
}

/// Why something is no certificate.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CertificateError {
    /// There is none.
    #[error("there is no certificate; give one in PEM or DER")]
    None,
    /// One is cut off or changed.
    #[error("a certificate is cut off or changed; export it again")]
    Broken,
    /// There are more than belong to one chain.
    #[error("there are more than 8 certificates; give the one and those that lead to its authority")]
    TooMany,
}

/// Why a certificate does not lead back to an authority.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ChainError {
    /// None of the authorities signed it, nor what was given between.
    #[error(
        "none of the authorities given signed it; give the root it was issued under, and what is between"
    )]
    NoPath,
    /// One on the way is not valid now.
    #[error("an authority on its way is not valid now; compare its validity with the clock")]
    Expired,
}

/// Leads `leaf` back to one of `roots` by way of `between`, each valid at `now`; answers which.
///
/// The whole of what this crate asks of a chain: names, signatures, validity, and that an authority may sign. At most
/// eight certificates long.
pub(crate) fn verify_chain<'a>(
    leaf: &Certificate,
    between: &[Certificate],
    roots: &'a [Certificate],
    now: Timestamp,
) -> Result<&'a Certificate, ChainError> {
    let holds = |certificate: &Certificate| {
        let facts = certificate.facts();
        facts.not_before <= now && now <= facts.not_after
    };
    let mut here = leaf;
    let mut expired = false;
    for _ in 0..=MAX_CHAIN {
        if let Some(root) = roots.iter().find(|root| here == *root || here.is_issued_by(root)) {
            if holds(root) && !expired {
                return Ok(root);
            }
            return Err(ChainError::Expired);
        }
        let Some(next) = between.iter().find(|next| *next != here && here.is_issued_by(next)) else {
            return Err(ChainError::NoPath);
        };
        expired |= !holds(next);
        here = next;
    }
    Err(ChainError::NoPath)
}

fn from_pem(text: &str) -> Result<Vec<Certificate>, CertificateError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(CertificateError::Broken);
    }
    let mut certificates = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        if certificates.len() == MAX_CHAIN {
            return Err(CertificateError::TooMany);
        }
        let (body, after) = after.split_once(END).ok_or(CertificateError::Broken)?;
        let bare: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(bare).map_err(|_| CertificateError::Broken)?;
        certificates.push(Certificate::from_der(&der)?);
        rest = after;
    }
    Ok(certificates)
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
const MAX_CHAIN: usize = 8;
const MAX_BYTES: usize = 16 * 1024;
/// MD5 and SHA-1 with RSA, SHA-1 with ECDSA.
const WEAK_SIGNATURES: [&str; 3] = ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"];
