//! What a token says, as far as it is known; the rest is passed over.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ids::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use zeroize::Zeroizing;

use super::TokenError;
use crate::AssetId;
use crate::certificate::{Certificate, CertificateError};
use crate::names::shown;

/// The header.
#[derive(Debug)]
pub(super) struct Header {
    /// `alg`, without control characters.
    pub(super) algorithm: Box<str>,
    /// Whether `crit` names what a reader must understand.
    pub(super) critical: bool,
}

impl Header {
    pub(super) fn read(json: &[u8]) -> Result<Self, TokenError> {
        let raw: RawHeader = read(json, "header")?;
        Ok(Self { algorithm: shown(&raw.alg), critical: raw.crit.is_some() })
    }
}

/// The claims that are documented, each as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// `asset-id`.
    pub(super) asset_ids: BTreeSet<AssetId>,
    /// Whether one of `asset-id` is none.
    pub(super) unreadable_asset_id: bool,
    /// `exp`.
    pub(super) expires: Option<Timestamp>,
    /// `nbf`, which is not documented.
    pub(super) not_before: Option<Timestamp>,
    /// How many bytes `secret` has; zero when it is no base64.
    pub(super) secret_bytes: Option<usize>,
    /// `conductor-ca-cert`.
    pub(super) ca_certificate: Option<Certificate>,
    /// `conductor-public-cert`, and what leads to its authority behind it.
    pub(super) conductor_certificates: Vec<Certificate>,
    /// Which of the certificates is there and is none.
    pub(super) unreadable_certificate: Option<&'static str>,
}

impl Claims {
    pub(super) fn read(json: &[u8]) -> Result<Self, TokenError> {
        let raw: RawClaims = read(json, "payload")?;
        let bytes = |secret: &Zeroizing<String>| {
            STANDARD.decode(secret.as_bytes()).map_or(0, |bytes| Zeroizing::new(bytes).len())
        };
        let mut claims = Self {
            expires: raw.exp.map(moment).transpose()?,
            not_before: raw.nbf.map(moment).transpose()?,
            secret_bytes: raw.secret.as_ref().map(bytes),
            ..Self::default()
        };
        match raw.asset_ids {
            Some(Value::Array(texts)) => texts.iter().for_each(|text| claims.add_asset_id(text)),
            Some(text) => claims.add_asset_id(&text),
            None => {}
        }
        if let Some(certificates) = claims.certificates(raw.ca_certificate, CA_CERTIFICATE) {
            claims.ca_certificate = certificates.into_iter().next();
        }
        if let Some(certificates) = claims.certificates(raw.conductor_certificate, CONDUCTOR_CERTIFICATE) {
            claims.conductor_certificates = certificates;
        }
        Ok(claims)
    }

    fn add_asset_id(&mut self, text: &Value) {
        match text.as_str().map(str::parse) {
            Some(Ok(asset_id)) => {
                self.asset_ids.insert(asset_id);
            }
            _ => self.unreadable_asset_id = true,
        }
    }

    fn certificates(&mut self, text: Option<String>, claim: &'static str) -> Option<Vec<Certificate>> {
        let read: Result<_, CertificateError> = Certificate::parse_all(text?.as_bytes());
        if read.is_err() {
            self.unreadable_certificate = Some(claim);
        }
        read.ok()
    }
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    crit: Option<Value>,
}

/// A field that comes twice is refused, since two readers could take two values.
#[derive(Deserialize)]
struct RawClaims {
    #[serde(rename = "asset-id")]
    asset_ids: Option<Value>,
    exp: Option<f64>,
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "secret")]
    secret: Option<Zeroizing<String>>,
    #[serde(rename = "conductor-ca-cert")]
    ca_certificate: Option<String>,
    #[serde(rename = "conductor-public-cert")]
    conductor_certificate: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Zeroizing::new))
}

fn read<T: DeserializeOwned>(json: &[u8], part: &'static str) -> Result<T, TokenError> {
    serde_json::from_slice(json).map_err(|error| {
        let what = if error.to_string().starts_with("duplicate field") {
            "has a field twice; it was not made by a conductor"
        } else {
            "is not the JSON that it should be; it was changed on its way, or is another token"
        };
        TokenError::Json { part, what }
    })
}

/// Seconds since 1970.
fn moment(seconds: f64) -> Result<Timestamp, TokenError> {
    Timestamp::from_secs_f64(seconds)
        .ok_or(TokenError::Json { part: "payload", what: "has a time out of range" })
}

const CA_CERTIFICATE: &str = "conductor-ca-cert";
const CONDUCTOR_CERTIFICATE: &str = "conductor-public-cert";
