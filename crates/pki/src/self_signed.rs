//! The certificate a relay makes for itself.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;
use zeroize::Zeroizing;

/// A new certificate and its key, both in PEM.
pub struct SelfSigned {
    /// The certificate, `BEGIN CERTIFICATE`.
    pub chain_pem: String,
    /// Its key in PKCS#8, `BEGIN PRIVATE KEY`; wiped when dropped.
    pub key_pem: Zeroizing<String>,
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfSigned").field("chain_pem", &self.chain_pem).finish_non_exhaustive()
    }
}

/// Makes a server certificate for `names`, DNS names (also `*.example.net`) and addresses.
///
/// ECDSA P-256, not an authority, for servers only, with a random serial number. It holds from an hour
/// before `now`, for clocks that are a little behind, for ten years: whoever accepts it has either switched
/// verification off or pinned its fingerprint. No renewal would add to that, and an end that nobody
/// watches would only silence the webhooks one day.
///
/// # Errors
///
/// [`SelfSignedError`] names the name that cannot stand in a certificate.
pub fn self_signed(names: &[String], now: SystemTime) -> Result<SelfSigned, SelfSignedError> {
    let first = names.first().ok_or(SelfSignedError::NoNames)?;
    let failed = |source| SelfSignedError::Make { source };
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.iter().map(|name| alternative(name)).collect::<Result<_, _>>()?;
    params.distinguished_name = DistinguishedName::new();
    // 64 is the most a common name may have (RFC 5280 A.1); it is for people, peers read the names.
    let common = if first.len() <= 64 { first } else { "fogbell" };
    params.distinguished_name.push(DnType::CommonName, common);
    params.not_before = (now - CLOCK_SLACK).into();
    params.not_after = (now + LIFETIME).into();
    params.serial_number = Some(serial()?);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(SelfSigned { chain_pem: certificate.pem(), key_pem: Zeroizing::new(key.serialize_pem()) })
}

fn alternative(name: &str) -> Result<SanType, SelfSignedError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let invalid = || SelfSignedError::Name { name: name.into() };
    let host = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > 253 || !host.split('.').all(label) {
        return Err(invalid());
    }
    name.try_into().map(SanType::DnsName).map_err(|_| invalid())
}

/// 128 random bits: positive, never zero, at most 20 bytes (RFC 5280 4.1.2.2).
fn serial() -> Result<SerialNumber, SelfSignedError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SelfSignedError::NoRandomness)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Why no certificate was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SelfSignedError {
    /// Nothing to certify.
    #[error("a certificate needs at least one name")]
    NoNames,
    /// A text that is neither.
    #[error(
        "{name:?} is neither a DNS name nor an address (a name beyond ASCII is written in its `xn--` form)"
    )]
    Name {
        /// The text.
        name: Box<str>,
    },
    /// The operating system has none.
    #[error("the system has no randomness")]
    NoRandomness,
    /// The library refused.
    #[error("cannot make the certificate")]
    Make {
        /// What it said.
        source: rcgen::Error,
    },
}

const CLOCK_SLACK: Duration = Duration::from_secs(60 * 60);
const LIFETIME: Duration = Duration::from_secs(3652 * 24 * 60 * 60);
