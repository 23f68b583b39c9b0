//! Authorities that somebody decided to trust.

use std::path::Path;
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::file::read_public;
use crate::pem::{Content, content, plain};
use crate::{ChainError, Leaf, LoadError};

/// Certificates that are trusted to issue others, or to be presented themselves.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Those among `certificates` that can be parsed: in the store of a system there may be others.
    #[must_use]
    pub fn new(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        let usable = |der: &CertificateDer<'_>| parse(der).is_some();
        Self { certificates: certificates.into_iter().filter(usable).collect() }
    }

    /// Reads a file of at most 256 KiB: PEM, or one certificate in DER.
    ///
    /// # Errors
    ///
    /// [`LoadError`] names the path and what is wrong.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let bytes = read_public(path)?;
        Self::parse(&bytes).map_err(|source| LoadError::Chain { path: path.into(), source })
    }

    /// Reads PEM, or one certificate in DER.
    ///
    /// # Errors
    ///
    /// [`ChainError`] says what `bytes` are instead.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChainError> {
        let labels = match content(bytes) {
            Content::Empty => return Err(ChainError::Empty),
            Content::Utf16 => return Err(ChainError::Utf16),
            Content::Binary => {
                let der = CertificateDer::from(bytes.to_vec());
                return match parse(&der) {
                    Some(_) => Ok(Self { certificates: vec![der] }),
                    None => Err(ChainError::Binary),
                };
            }
            Content::Pem(labels) => labels,
        };
        let mut certificates = Vec::new();
        for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(plain(bytes))) {
            let certificate = certificate.map_err(|source| ChainError::Broken { source })?;
            parse(&certificate).ok_or(ChainError::Malformed { number })?;
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            return Err(ChainError::without_certificate(&labels));
        }
        Ok(Self { certificates })
    }

    /// When the last of them ends; `None` without any.
    #[must_use]
    pub fn end(&self) -> Option<SystemTime> {
        let parsed = self.certificates.iter().filter_map(|der| parse(der));
        parsed.map(|certificate| Leaf::of(&certificate).validity.not_after).max()
    }

    /// The certificates, as a TLS library takes them.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

/// The certificate in `der`, with nothing behind it.
pub(crate) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        _ => None,
    }
}
