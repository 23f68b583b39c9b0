//! By what a receiver knows the sender.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::ber;

/// By what a receiver knows the sender, and what it decrypts with.
#[derive(Debug)]
pub enum Credentials {
    /// SNMPv2c: a word that every packet carries in the clear.
    V2c {
        /// That word.
        community: Community,
    },
    /// SNMPv3 with the user-based security model.
    V3 {
        /// The user at the receiver.
        user: UserName,
        /// How packets are protected.
        security: Security,
    },
}

impl Credentials {
    /// Bytes of a datagram around its variable bindings, at most: version, security parameters at their
    /// largest, and the PDU's own numbers.
    #[must_use]
    pub fn header_bytes(&self) -> usize {
        match self {
            Self::V2c { community } => WRAPPER + NUMBER + ber::tlv(community.text().len()) + PDU,
            Self::V3 { user, security } => {
                let (mac, salt, wrapper) = match security {
                    Security::AuthPriv { auth, .. } => (auth.0.mac_bytes(), SALT, WRAPPER),
                    Security::DangerAuthNoPriv { auth } => (auth.0.mac_bytes(), 0, 0),
                    Security::DangerNoAuthNoPriv => (0, 0, 0),
                };
                v3_header(user.as_str().len(), mac, salt, wrapper)
            }
        }
    }
}

/// How SNMPv3 packets are protected; encryption without a signature cannot be written down.
///
/// Source: RFC 3411 3.4.3 (`SnmpSecurityLevel`).
#[derive(Debug)]
pub enum Security {
    /// Signed and encrypted (`authPriv`).
    AuthPriv {
        /// How packets are signed, and with what.
        auth: (AuthProtocol, Passphrase),
        /// How packets are encrypted, and with what.
        privacy: (PrivacyProtocol, Passphrase),
    },
    /// Weakens: signed, and readable for everybody on the way (`authNoPriv`).
    DangerAuthNoPriv {
        /// How packets are signed, and with what.
        auth: (AuthProtocol, Passphrase),
    },
    /// Weakens: readable, and anybody can send in the user's name (`noAuthNoPriv`).
    DangerNoAuthNoPriv,
}

impl Security {
    /// The level in the words of the standards.
    #[must_use]
    pub const fn level(&self) -> &'static str {
        match self {
            Self::AuthPriv { .. } => "authPriv",
            Self::DangerAuthNoPriv { .. } => "authNoPriv",
            Self::DangerNoAuthNoPriv => "noAuthNoPriv",
        }
    }
}

/// The word of SNMPv2c.
///
/// Shape: 1 to 128 bytes without control characters. It cannot be printed.
pub struct Community(Zeroizing<Box<str>>);

impl Community {
    /// This word.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] when it is not of the shape.
    pub fn new(text: &str) -> Result<Self, CredentialsError> {
        checked("community", text, 1, 128)?;
        Ok(Self(Zeroizing::new(text.into())))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Community")
    }
}

/// A passphrase that keys are made from (RFC 3414 A.2).
///
/// Shape: 8 to 1,024 bytes of text without control characters. It cannot be printed.
pub struct Passphrase(Zeroizing<Box<str>>);

impl Passphrase {
    /// This passphrase, exactly; trim a file's line end before.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] when it is not of the shape; fewer than eight bytes are refused as RFC 3414
    /// 11.2 demands.
    pub fn new(text: &str) -> Result<Self, CredentialsError> {
        checked("passphrase", text, 8, 1_024)?;
        Ok(Self(Zeroizing::new(text.into())))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// The name of a user of the user-based security model.
///
/// Shape: 1 to 32 bytes without control characters (RFC 3414, `usmUserName`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserName(Box<str>);

impl UserName {
    /// This name.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] when it is not of the shape.
    pub fn new(text: &str) -> Result<Self, CredentialsError> {
        checked("user name", text, 1, 32)?;
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a packet is signed: HMAC with this hash.
///
/// In a configuration: `sha-1`, `sha-224`, `sha-256`, `sha-384`, `sha-512`. MD5 is left out.
/// Source: RFC 3414 7 (SHA-1), RFC 7860 (the others).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names are the standards' own")]
pub enum AuthProtocol {
    #[serde(rename = "sha-1")]
    Sha1,
    #[serde(rename = "sha-224")]
    Sha224,
    #[serde(rename = "sha-256")]
    Sha256,
    #[serde(rename = "sha-384")]
    Sha384,
    #[serde(rename = "sha-512")]
    Sha512,
}

impl AuthProtocol {
    /// Every protocol.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Bytes of the signature in a packet.
    const fn mac_bytes(self) -> usize {
        match self {
            Self::Sha1 => 12,
            Self::Sha224 => 16,
            Self::Sha256 => 24,
            Self::Sha384 => 32,
            Self::Sha512 => 48,
        }
    }
}

/// How a packet is encrypted: AES in CFB mode with keys of this size.
///
/// In a configuration: `aes-128`, `aes-192`, `aes-192-reeder`, `aes-256`, `aes-256-reeder`. The larger
/// keys were never standardized: without a suffix the key is stretched as net-snmp does (Blumenthal), with
/// `-reeder` as Cisco does. DES and 3DES are left out.
/// Source: RFC 3826 (AES-128), draft-blumenthal-aes-usm-04, draft-reeder-snmpv3-usm-3desede-00.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names are the standards' own")]
pub enum PrivacyProtocol {
    #[serde(rename = "aes-128")]
    Aes128,
    #[serde(rename = "aes-192")]
    Aes192,
    #[serde(rename = "aes-192-reeder")]
    Aes192Reeder,
    #[serde(rename = "aes-256")]
    Aes256,
    #[serde(rename = "aes-256-reeder")]
    Aes256Reeder,
}

impl PrivacyProtocol {
    /// Every protocol.
    pub const ALL: [Self; 5] =
        [Self::Aes128, Self::Aes192, Self::Aes192Reeder, Self::Aes256, Self::Aes256Reeder];
}

/// Whether a notification is answered. In a configuration: `trap` or `inform`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// Sent once; nobody says whether it came.
    Trap,
    /// The receiver acknowledges it.
    Inform,
}

/// A secret or a name that cannot be one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// It is too short.
    #[error("the {what} has {len} bytes, fewer than {min}")]
    TooShort {
        /// What was to be made.
        what: &'static str,
        /// How long it is.
        len: usize,
        /// How long it has to be.
        min: usize,
    },
    /// It is too long.
    #[error("the {what} has {len} bytes, more than {max}")]
    TooLong {
        /// What was to be made.
        what: &'static str,
        /// How long it is.
        len: usize,
        /// How long it may be.
        max: usize,
    },
    /// It holds a character that no receiver could be told, such as a line end.
    #[error("the {what} holds a control character, such as a line end")]
    ControlCharacter {
        /// What was to be made.
        what: &'static str,
    },
}

fn checked(what: &'static str, text: &str, min: usize, max: usize) -> Result<(), CredentialsError> {
    let len = text.len();
    if text.contains(char::is_control) {
        Err(CredentialsError::ControlCharacter { what })
    } else if len < min {
        Err(CredentialsError::TooShort { what, len, min })
    } else if len > max {
        Err(CredentialsError::TooLong { what, len, max })
    } else {
        Ok(())
    }
}

/// A container of up to 65,535 bytes: tag and three bytes of length. A notification always has more than
/// 255, so this is exact.
const WRAPPER: usize = 4;

/// A small number: version, flags, error status.
const NUMBER: usize = 3;

/// A number of 32 bits.
const NUMBER_32: usize = 6;

/// PDU, request id, error status and index, and the list of bindings (RFC 3416 3).
const PDU: usize = WRAPPER + NUMBER_32 + 2 * NUMBER + WRAPPER;

/// The largest engine id (RFC 3411): an inform carries the receiver's, which nobody knows beforehand.
const ENGINE_ID: usize = ber::tlv(32);

/// What a packet says of how AES encrypted it (RFC 3826 3.1.2.1).
const SALT: usize = 8;

/// Everything around the bindings of an SNMPv3 message (RFC 3412 6, RFC 3414 2.4); `wrapper` is around what
/// is encrypted.
const fn v3_header(user: usize, mac: usize, salt: usize, wrapper: usize) -> usize {
    let global = ber::tlv(2 * NUMBER_32 + 2 * NUMBER);
    let security = ENGINE_ID + 2 * NUMBER_32 + ber::tlv(user) + ber::tlv(mac) + ber::tlv(salt);
    let scoped = wrapper + WRAPPER + ENGINE_ID + ber::tlv(0);
    WRAPPER + NUMBER + global + ber::tlv(ber::tlv(security)) + scoped + PDU
}

/// The header of the longest user name with the longest signature.
pub(crate) const LARGEST_HEADER: usize = v3_header(32, 48, SALT, WRAPPER);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_names_keep_to_their_shape() {
        use CredentialsError::{ControlCharacter, TooLong, TooShort};
        let (what, long) = ("passphrase", "x".repeat(1_025));
        assert_eq!(Passphrase::new("sevenby").unwrap_err(), TooShort { what, len: 7, min: 8 });
        assert_eq!(Passphrase::new(&long).unwrap_err(), TooLong { what, len: 1_025, max: 1_024 });
        assert_eq!(Passphrase::new("eight by\n").unwrap_err(), ControlCharacter { what });
        assert!(Passphrase::new("eight \" é").is_ok());
        assert_eq!(Community::new("").unwrap_err(), TooShort { what: "community", len: 0, min: 1 });
        assert_eq!(
            UserName::new(&"u".repeat(33)).unwrap_err(),
            TooLong { what: "user name", len: 33, max: 32 }
        );
    }

    #[test]
    fn a_secret_is_never_printed() {
        let credentials = Credentials::V3 {
            user: UserName::new("fogbell").unwrap(),
            security: Security::AuthPriv {
                auth: (AuthProtocol::Sha256, Passphrase::new("canary-auth").unwrap()),
                privacy: (PrivacyProtocol::Aes128, Passphrase::new("canary-privacy").unwrap()),
            },
        };
        let community = Credentials::V2c { community: Community::new("canary-community").unwrap() };
        let refused = CredentialsError::TooShort { what: "passphrase", len: 6, min: 8 };

        let said = format!("{credentials:?} {community:?} {refused}");

        assert!(said.contains("fogbell") && !said.contains("canary"), "{said}");
    }

    #[test]
    fn no_header_is_larger_than_the_largest() {
        let v2c = Credentials::V2c { community: Community::new(&"c".repeat(128)).unwrap() };

        assert!(v2c.header_bytes() <= LARGEST_HEADER);
    }
}
