//! Certificate chains.

use std::path::Path;
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;

use crate::authorities::parse;
use crate::file::read_public;
use crate::pem::{Content, MAX_SECTIONS, content, plain};
use crate::{Finding, KeyKind, KeyPair, Leaf, LoadError, finding};

/// A server's certificate and those that lead from it towards an authority, in the order of their file.
///
/// Shape: 1 to 32 certificates, each of which can be parsed. Nothing is verified; [`Self::judge`] tells
/// what a peer will not like.
#[derive(Clone, Debug)]
pub struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    leaf: Leaf,
}

impl Chain {
    /// Reads a file of at most 256 KiB: PEM, the server's certificate first, or one certificate in DER.
    ///
    /// # Errors
    ///
    /// [`LoadError`] names the path and what is wrong.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let pem = read_public(path)?;
        Self::parse(&pem).map_err(|source| LoadError::Chain { path: path.into(), source })
    }

    /// Reads PEM, or one certificate in DER. Keys among the certificates are passed over, so that one file may hold
    /// both.
    ///
    /// # Errors
    ///
    /// [`ChainError`] says what `pem` is instead and how to get what is needed.
    pub fn parse(pem: &[u8]) -> Result<Self, ChainError> {
        let labels = match content(pem) {
            Content::Empty => return Err(ChainError::Empty),
            Content::Utf16 => return Err(ChainError::Utf16),
            Content::Binary => return Self::from_der(pem).ok_or(ChainError::Binary),
            Content::Pem(labels) => labels,
        };
        let count = labels.iter().filter(|label| *label == "CERTIFICATE").count();
        if count == 0 {
            return Err(ChainError::without_certificate(&labels));
        }
        if labels.len() >= MAX_SECTIONS {
            return Err(ChainError::TooMany);
        }
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(plain(pem))
            .collect::<Result<_, _>>()
            .map_err(|source| ChainError::Broken { source })?;
        if certificates.len() != count {
            return Err(ChainError::Malformed { number: certificates.len() + 1 });
        }
        let parsed = parse_all(&certificates)?;
        let leaf = Leaf::of(parsed.first().ok_or(ChainError::Empty)?);
        Ok(Self { leaf, certificates })
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        let leaf = Leaf::of(&parse(der)?);
        Some(Self { certificates: vec![CertificateDer::from(der.to_vec())], leaf })
    }

    /// The certificates, the server's first, as a TLS library takes them.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// What the server's own certificate says.
    #[must_use]
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// What a peer will not like at `now`; empty when there is nothing.
    #[must_use]
    pub fn judge(&self, now: SystemTime) -> Vec<Finding> {
        finding::judge(&self.parsed(), &self.leaf, now)
    }

    fn parsed(&self) -> Vec<X509Certificate<'_>> {
        parse_all(&self.certificates).expect("a chain is made only of what can be parsed")
    }
}

/// Checks that `key` belongs to the first certificate of `chain`.
///
/// # Errors
///
/// [`MismatchError`] says which certificate of the chain it does belong to, if any.
pub fn matches(chain: &Chain, key: &KeyPair) -> Result<(), MismatchError> {
    let owner =
        chain.parsed().iter().position(|c| &*c.public_key().subject_public_key.data == key.public_key());
    match owner {
        Some(0) => Ok(()),
        Some(index) => Err(MismatchError::Order { number: index + 1 }),
        None => Err(MismatchError::Other { key: key.kind().clone(), certificate: chain.leaf.key.clone() }),
    }
}

fn parse_all<'a>(
    certificates: &'a [CertificateDer<'static>],
) -> Result<Vec<X509Certificate<'a>>, ChainError> {
    (1..).zip(certificates).map(|(number, der)| parse(der).ok_or(ChainError::Malformed { number })).collect()
}

/// What a file is that should have been a certificate chain.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// There is nothing in it.
    #[error("it is empty; expected PEM, the server's certificate first, then those that issued it")]
    Empty,
    /// Text, but not ASCII or UTF-8.
    #[error("it is UTF-16 text; save it again as plain ASCII")]
    Utf16,
    /// Binary, and no certificate.
    #[error(
        "it is binary, neither PEM nor a certificate in DER; if it is PKCS#12 (.p12, .pfx), \
         `openssl pkcs12 -in FILE -nokeys -out chain.pem` gets its certificates"
    )]
    Binary,
    /// Only a key.
    #[error("it holds a private key and no certificate; are certificate and key swapped?")]
    Key,
    /// A certificate signing request.
    #[error("it holds a certificate request, not a certificate; use what the authority answered to it")]
    Request,
    /// PEM of another sort.
    #[error("it holds no certificate but {found}; expected `BEGIN CERTIFICATE`")]
    NoCertificate {
        /// What it does hold.
        found: String,
    },
    /// Far too many sections.
    #[error(
        "it holds {MAX_SECTIONS} sections or more; a chain needs the server's certificate and its issuers"
    )]
    TooMany,
    /// Damaged PEM.
    #[error("its PEM is damaged; was it cut or edited?")]
    Broken {
        /// Where it stopped.
        source: pem::Error,
    },
    /// PEM around something that is no certificate.
    #[error("certificate {number} in it is damaged")]
    Malformed {
        /// Which one, from 1.
        number: usize,
    },
}

impl ChainError {
    pub(crate) fn without_certificate(labels: &[String]) -> Self {
        if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
            Self::Key
        } else if labels.iter().any(|label| label.ends_with("CERTIFICATE REQUEST")) {
            Self::Request
        } else {
            Self::NoCertificate { found: found(labels) }
        }
    }
}

/// Names PEM sections for an operator.
pub(crate) fn found(labels: &[String]) -> String {
    match labels {
        [] => "no PEM at all".to_owned(),
        [label, ..] => format!("`BEGIN {label}`"),
    }
}

/// How key and chain do not belong together.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum MismatchError {
    /// The key belongs to a later certificate.
    #[error(
        "the key belongs to certificate {number} of the file; the server's own certificate must come first"
    )]
    Order {
        /// Which one, from 1.
        number: usize,
    },
    /// The key belongs to none of them.
    #[error(
        "the key ({key}) does not belong to the certificate ({certificate}); was only one of them renewed?"
    )]
    Other {
        /// The key's kind.
        key: KeyKind,
        /// The kind of key that the certificate is for.
        certificate: KeyKind,
    },
}
