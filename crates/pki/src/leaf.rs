//! What a certificate says of itself.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

use crate::KeyKind;

/// What the certificate at the head of a chain says: who, for which names, how long, with which key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Leaf {
    /// Its subject, as in `C=CH, CN=relay.example.net`, without control characters; may be empty.
    pub subject: String,
    /// Who issued it, in the same form.
    pub issuer: String,
    /// The DNS names and addresses it is for, in its order. A wildcard is written `*.example.net`.
    pub names: Vec<String>,
    /// When it may be used.
    pub validity: Validity,
    /// The key it certifies.
    pub key: KeyKind,
    /// Whether it names itself as its issuer.
    pub self_signed: bool,
    /// What identifies exactly this certificate.
    pub fingerprint: Fingerprint,
}

impl Leaf {
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Self {
        Self {
            subject: printable(&certificate.subject().to_string()),
            issuer: printable(&certificate.issuer().to_string()),
            names: names(certificate),
            validity: validity(certificate),
            key: key_kind(certificate),
            self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            fingerprint: Fingerprint::of(certificate.as_raw()),
        }
    }
}

/// The time in which a certificate may be used, both ends included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    /// The first moment.
    pub not_before: SystemTime,
    /// The last one.
    pub not_after: SystemTime,
}

impl Validity {
    /// Whole days from `now` until it ends; negative once it has ended.
    #[must_use]
    pub fn days_left(&self, now: SystemTime) -> i64 {
        days_between(now, self.not_after)
    }

    /// Whether it may be used at `now`.
    #[must_use]
    pub fn holds(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// The SHA-256 of a certificate's DER.
///
/// `{}` prints it as browsers and OpenSSL do, `AB:CD:…` in upper case; `{:x}` as 64 plain lower-case digits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the certificate `der`.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::LowerHex for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Whole days from `start` to `end`, rounded down.
pub(crate) fn days_between(start: SystemTime, end: SystemTime) -> i64 {
    let seconds = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    };
    seconds(end).saturating_sub(seconds(start)).div_euclid(24 * 60 * 60)
}

/// `text` without what would move a terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

pub(crate) fn validity(certificate: &X509Certificate<'_>) -> Validity {
    Validity {
        not_before: system_time(certificate.validity().not_before),
        not_after: system_time(certificate.validity().not_after),
    }
}

pub(crate) fn key_kind(certificate: &X509Certificate<'_>) -> KeyKind {
    let spki = certificate.public_key();
    let curve =
        spki.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
    KeyKind::of(&spki.algorithm.algorithm.to_id_string(), curve.as_deref(), &spki.subject_public_key.data)
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
            .ok()
            .map(|address| address.to_string()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = Duration::from_secs(time.timestamp().unsigned_abs());
    let moved =
        if time.timestamp() < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
    moved.expect("a certificate's years, 0 to 9999, are in the range of the system's time")
}
