//! JSON Web Tokens as a reader of its own: RFC 7515 compact form, RS256, RS384 and RS512 by ring.

use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A token that was taken apart; nothing in it was proved yet.
#[derive(Debug)]
pub(crate) struct Jwt {
    pub(crate) algorithm: String,
    pub(crate) payload: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            return Err("a token has three parts".to_owned());
        };
        let object = |part: &str| -> Result<Value, String> {
            let bytes = from_url(part).ok_or("a part is no base64url")?;
            serde_json::from_slice(&bytes).map_err(|_| "a part is no JSON".to_owned())
        };
        let header = object(header)?;
        Ok(Self {
            algorithm: header["alg"].as_str().unwrap_or_default().to_owned(),
            signed: text[..text.len() - signature.len() - 1].to_owned(),
            payload: object(payload)?,
            signature: from_url(signature).ok_or("the signature is no base64url")?,
        })
    }

    /// Whether the key of this certificate (DER) has signed it.
    pub(crate) fn is_signed_by(&self, certificate: &[u8]) -> bool {
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
        let method = match self.algorithm.as_str() {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "RS384" => &RSA_PKCS1_2048_8192_SHA384,
            "RS512" => &RSA_PKCS1_2048_8192_SHA512,
            _ => return false,
        };
        let key = certificate.public_key().subject_public_key.data.as_ref();
        UnparsedPublicKey::new(method, key).verify(self.signed.as_bytes(), &self.signature).is_ok()
    }

    pub(crate) fn text(&self, claim: &str) -> &str {
        self.payload[claim].as_str().unwrap_or_default()
    }

    pub(crate) fn asset_ids(&self) -> Vec<&str> {
        self.payload["asset-id"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(crate) fn expires(&self) -> Option<i64> {
        self.payload["exp"].as_i64()
    }

    /// A certificate of the payload in DER, whichever of both forms it has.
    pub(crate) fn certificate(&self, claim: &str) -> Option<Vec<u8>> {
        let bytes = from_base64(self.text(claim))?;
        if bytes.starts_with(b"-----") {
            return CertificateDer::from_pem_slice(&bytes).ok().map(|der| der.to_vec());
        }
        Some(bytes)
    }
}

/// Whether `issuer` (DER) is an authority that has signed `certificate` (DER), and both are good at `now`.
pub(crate) fn is_issued_by(certificate: &[u8], issuer: &[u8], now: i64) -> bool {
    let parse = |der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate);
    let (Some(certificate), Some(issuer)) = (parse(certificate), parse(issuer)) else { return false };
    let Ok(now) = x509_parser::time::ASN1Time::from_timestamp(now) else { return false };
    issuer.is_ca()
        && issuer.validity().is_valid_at(now)
        && certificate.validity().is_valid_at(now)
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

/// Base64url without padding.
pub(crate) fn url(bytes: &[u8]) -> String {
    crate::base64::encode(bytes).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
}

fn from_url(text: &str) -> Option<Vec<u8>> {
    if text.contains(['+', '/', '=']) {
        return None;
    }
    from_base64(&text.replace('-', "+").replace('_', "/"))
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    crate::base64::decode(text)
}
