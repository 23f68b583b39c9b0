//! Trust in one key.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The SHA-256 of a certificate's public key (its `SubjectPublicKeyInfo` in DER).
///
/// Shape: `sha256:` and 64 hexadecimal digits; it is read with or without the prefix and with colons between the bytes.
/// `openssl x509 -pubkey -noout -in c.pem | openssl pkey -pubin -outform der | openssl dgst -sha256` prints the same.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SpkiPin([u8; 32]);

impl SpkiPin {
    /// The pin of a certificate in DER; none when it is no certificate.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let sum = digest(&SHA256, certificate.public_key().raw);
        sum.as_ref().try_into().ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SpkiPin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        let colons = text.len() == 95 && text.bytes().skip(2).step_by(3).all(|byte| byte == b':');
        let digits: Vec<u32> =
            text.chars().filter(|&c| !(colons && c == ':')).map_while(|c| c.to_digit(16)).collect();
        if digits.len() != 64 || text.len() != if colons { 95 } else { 64 } {
            return Err(PinError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(pair[0] * 16 + pair[1]).map_err(|_| PinError)?;
        }
        Ok(Self(bytes))
    }
}

/// A text that is no pin.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected sha256: and 64 hexadecimal digits")]
pub struct PinError;

/// Accepts the certificate with the pinned key, whatever its name, age and issuer: the key is what was agreed on.
/// That the server has the key is still proved by the handshake.
#[derive(Debug)]
pub(crate) struct Pinned {
    pin: SpkiPin,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    pub(crate) const fn new(pin: SpkiPin, provider: Arc<CryptoProvider>) -> Self {
        Self { pin, provider }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if SpkiPin::of_certificate(end_entity) == Some(self.pin) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Notes the certificates that a server shows and refuses them: nothing is ever sent to a server that was only looked at.
#[derive(Debug)]
pub(crate) struct Looking {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Vec<CertificateDer<'static>>>,
}

impl Looking {
    pub(crate) const fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider, seen: Mutex::new(Vec::new()) }
    }

    /// What the server showed, its own certificate first; empty when it showed none.
    pub(crate) fn seen(&self) -> Vec<CertificateDer<'static>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = std::iter::once(end_entity).chain(intermediates);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            shown.map(|certificate| certificate.clone().into_owned()).collect();
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_in_both_forms_and_written_in_one() {
        let hex: String = (0..32).map(|n| format!("{n:02x}")).collect();
        let pairs: Vec<String> = (0..32).map(|n| format!("{n:02X}")).collect();

        for text in [hex.clone(), format!("sha256:{hex}"), pairs.join(":"), format!(" {hex}\n")] {
            assert_eq!(text.parse::<SpkiPin>().unwrap().to_string(), format!("sha256:{hex}"), "{text}");
        }
        for text in
            ["", "sha256:", &hex[..62], &format!("{hex}00"), &hex.replace('0', "g"), &format!("{hex} {hex}")]
        {
            assert_eq!(text.parse::<SpkiPin>(), Err(PinError), "{text}");
        }
    }
}
