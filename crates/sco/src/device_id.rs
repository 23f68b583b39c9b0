//! Device ID certificates, by which SSR400 and SSR440 prove who they are.

use std::fmt;

use ids::Timestamp;
use thiserror::Error;

use crate::AssetId;
use crate::certificate::{Certificate, CertificateError, CertificateFingerprint, ChainError, verify_chain};
use crate::names::shown;

/// A device ID certificate that fits its router.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DeviceId {
    /// What identifies it.
    pub fingerprint: CertificateFingerprint,
    /// Its subject, without control characters.
    pub subject: Box<str>,
    /// When it ends; of many makers' in the year 9999.
    pub not_after: Timestamp,
    /// Whether it leads to an authority of the operator's.
    pub trust: DeviceTrust,
}

/// Whether a device ID certificate leads to an authority of the operator's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeviceTrust {
    /// It leads to this one.
    Verified {
        /// The authority.
        root: CertificateFingerprint,
    },
    /// No authority was given: anybody may have made it.
    Unverified,
}

impl fmt::Display for DeviceTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { root } => write!(f, "verified by {root:.16}"),
            Self::Unverified => f.write_str("unverified: no authority was given"),
        }
    }
}

/// Why a device ID certificate does not fit its router.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DeviceIdError {
    /// It cannot be read.
    #[error("the device ID certificate cannot be used: {0}")]
    Certificate(CertificateError),
    /// It is not valid now.
    #[error(
        "the device ID certificate is valid from {not_before} to {not_after}, and now is {now}; compare the clocks"
    )]
    Validity {
        /// Its beginning.
        not_before: Timestamp,
        /// Its end.
        not_after: Timestamp,
        /// The time it was judged at.
        now: Timestamp,
    },
    /// Its subject names no device, or several.
    #[error(
        "the subject of the device ID certificate has {count} serial numbers; a device ID certificate has one"
    )]
    Serials {
        /// How many.
        count: usize,
    },
    /// It is another device's.
    #[error(
        "the device ID certificate is of serial number `{serial}`, and the asset id is `{asset_id}`; the conductor refuses \
         such a router in mode strong, so correct the asset id or find out which device this is"
    )]
    OtherDevice {
        /// What it says.
        serial: Box<str>,
        /// What is configured.
        asset_id: AssetId,
    },
    /// Its key or its signature can be forged.
    #[error("the device ID certificate is weak: {what}")]
    Weak {
        /// What.
        what: &'static str,
    },
    /// Authorities were given, and it does not lead to one.
    #[error("the device ID certificate is not trusted: {0}")]
    Chain(ChainError),
}

impl DeviceId {
    /// Judges the certificate in `bytes`, in PEM, DER or base64, with what leads to its authority behind it.
    ///
    /// `roots` are the operator's; without any it is [`DeviceTrust::Unverified`], which is less than verified.
    ///
    /// # Errors
    ///
    /// [`DeviceIdError`] says what does not fit.
    pub fn judge(
        bytes: &[u8],
        asset_id: &AssetId,
        roots: &[Certificate],
        now: Timestamp,
    ) -> Result<Self, DeviceIdError> {
        let certificates = Certificate::parse_all(bytes).map_err(DeviceIdError::Certificate)?;
        let Some((leaf, between)) = certificates.split_first() else {
            return Err(DeviceIdError::Certificate(CertificateError::None));
        };
        let facts = leaf.facts();
        let [serial] = &facts.serial_numbers[..] else {
            return Err(DeviceIdError::Serials { count: facts.serial_numbers.len() });
        };
        if serial != asset_id.as_str() {
            return Err(DeviceIdError::OtherDevice { serial: shown(serial), asset_id: asset_id.clone() });
        }
        let (not_before, not_after) = (facts.not_before, facts.not_after);
        if now < not_before || now > not_after {
            return Err(DeviceIdError::Validity { not_before, not_after, now });
        }
        if facts.rsa_bits.is_some_and(|bits| bits < 2048) {
            return Err(DeviceIdError::Weak { what: "its RSA key is shorter than 2048 bits" });
        }
        if facts.is_signed_weakly() {
            return Err(DeviceIdError::Weak { what: "its signature is over SHA-1 or MD5" });
        }
        let trust = if roots.is_empty() {
            DeviceTrust::Unverified
        } else {
            let root = verify_chain(leaf, between, roots, now).map_err(DeviceIdError::Chain)?;
            DeviceTrust::Verified { root: root.fingerprint() }
        };
        Ok(Self { fingerprint: leaf.fingerprint(), subject: facts.subject, not_after, trust })
    }
}

#[cfg(test)]
mod tests;
