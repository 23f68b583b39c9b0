//! TLS for both ends, with ring passed explicitly.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use thiserror::Error;

use crate::TestCertificate;

/// Whom a client trusts.
#[derive(Clone, Debug)]
pub struct Trust(Arc<dyn ServerCertVerifier>);

impl Trust {
    /// Trusts what the certificates in `pem` have signed for the name asked for, and these certificates
    /// themselves under any name, so that the certificate of a self-signed server can be given.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`] when there is no certificate, [`TlsError::Rustls`] when one cannot be used.
    pub fn pem(pem: &str) -> Result<Self, TlsError> {
        let known = certificates(pem)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(&known)?), provider()).build()?;
        Ok(Self(Arc::new(Pinned { known, verifier })))
    }

    /// Trusts every certificate.
    #[must_use]
    pub fn danger_any() -> Self {
        Self(Arc::new(DangerAcceptAnyCertificate::new()))
    }

    /// Trusts no certificate: one authority that has signed nothing.
    pub(crate) fn nobody() -> Self {
        Self::pem(&crate::TestCa::new().pem()).expect("an authority made here can be trusted")
    }

    /// A client's side of TLS, of 1.2 and 1.3, without client certificate and without ALPN.
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(TlsVersion::Both.supported())
            .expect("ring has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.0))
            .with_no_client_auth();
        Arc::new(config)
    }
}

/// Accepts any certificate of a server, whoever signed it and for whatever name.
///
/// Whoever sits in between can read everything. The handshake's own signature is still checked: the server
/// has the key of the certificate it shows.
#[derive(Debug)]
pub struct DangerAcceptAnyCertificate(Arc<CryptoProvider>);

impl DangerAcceptAnyCertificate {
    /// A verifier that checks with ring's algorithms.
    #[must_use]
    pub fn new() -> Self {
        Self(provider())
    }
}

impl Default for DangerAcceptAnyCertificate {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerCertVerifier for DangerAcceptAnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts the certificates it knows, and asks `verifier` about all others.
#[derive(Debug)]
struct Pinned {
    known: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.known.iter().any(|known| known == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Which versions of TLS a receiver speaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsVersion {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 alone.
    Only12,
    /// 1.3 alone.
    Only13,
}

impl TlsVersion {
    fn supported(self) -> &'static [&'static SupportedProtocolVersion] {
        static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
        static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
        match self {
            Self::Both => rustls::ALL_VERSIONS,
            Self::Only12 => TLS12,
            Self::Only13 => TLS13,
        }
    }
}

/// A server's side of TLS that shows `certificate` and, when `client_ca` is given, demands a certificate
/// that one of these has signed.
pub(crate) fn server_config(
    certificate: &TestCertificate,
    client_ca: Option<&str>,
    version: TlsVersion,
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_protocol_versions(version.supported())?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let roots = Arc::new(roots(&certificates(pem)?)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).map_err(|_| TlsError::Pem)?;
    Ok(Arc::new(builder.with_single_cert(certificates(&certificate.chain_pem)?, key)?))
}

/// The name to ask a server at `address` for: `name`, else the address itself.
pub(crate) fn server_name(name: Option<&str>, address: SocketAddr) -> Result<ServerName<'static>, TlsError> {
    match name {
        None => Ok(ServerName::from(address.ip())),
        Some(name) => ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned())),
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or(TlsError::Pem)
}

fn roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone())?;
    }
    Ok(roots)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Why TLS could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A text that holds no certificate, or no key, as PEM.
    #[error("no certificate or key in the PEM text")]
    Pem,
    /// A name that no certificate can carry.
    #[error("`{0}` is neither a host name nor an address")]
    Name(String),
    /// Certificates that no verifier can be built on.
    #[error("certificates that cannot be trusted")]
    Verifier(#[from] VerifierBuilderError),
    /// What rustls says.
    #[error("TLS settings that do not fit together")]
    Rustls(#[from] rustls::Error),
}
