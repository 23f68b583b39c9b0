//! What can be wrong with a token, and what a person must accept.

use std::collections::BTreeSet;
use std::fmt;

use ids::Timestamp;

use crate::AssetId;
use crate::certificate::CertificateFingerprint;

/// Why a token is not used.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenFault {
    /// `alg` is `none`.
    Unsigned,
    /// Its header names extensions that must be understood.
    Critical,
    /// A certificate is missing, so that the router could not tell the conductor.
    NoCertificate(&'static str),
    /// A certificate cannot be read.
    BrokenCertificate(&'static str),
    /// A certificate is not RSA of at least 2048 bits.
    NotRsa(&'static str),
    /// A certificate is not valid now, or ends before the token.
    CertificateEnds {
        /// Which.
        which: &'static str,
        /// Its end.
        at: Timestamp,
    },
    /// A certificate is not valid yet.
    CertificateBegins {
        /// Which.
        which: &'static str,
        /// Its beginning.
        at: Timestamp,
    },
    /// The authority inside is not the profile's.
    OtherAuthority {
        /// What is inside.
        found: CertificateFingerprint,
        /// What the profile trusts.
        expected: CertificateFingerprint,
    },
    /// The authority inside did not sign the certificate inside.
    Chain,
    /// Port 933 serves another certificate.
    OtherServed {
        /// What is inside.
        found: CertificateFingerprint,
        /// What is served.
        served: CertificateFingerprint,
    },
    /// The certificate inside did not sign it.
    Signature,
    /// It is taken no more, or not long enough.
    Expired {
        /// Its end.
        at: Timestamp,
        /// Until when it is needed.
        needed: Timestamp,
    },
    /// It is not taken yet.
    NotYet {
        /// Its beginning.
        at: Timestamp,
    },
    /// It does not say for which assets it is.
    NoAssets,
    /// It is for other assets than the router has.
    OtherAssets {
        /// What it is for.
        found: BTreeSet<AssetId>,
        /// What the router has.
        expected: BTreeSet<AssetId>,
    },
    /// Its secret does not have 48 bytes.
    Secret {
        /// How many it has; zero when it is no base64.
        bytes: usize,
    },
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => {
                f.write_str("it is not signed (`none`): anybody can have made it; make one on the conductor")
            }
            Self::Critical => f.write_str("its header has extensions that must be understood, and are not"),
            Self::NoCertificate(which) => write!(
                f,
                "`{which}` is missing, so that the router cannot tell the conductor; set the certificates of Secure \
                 Conductor Onboarding and make the token again"
            ),
            Self::BrokenCertificate(which) => {
                write!(f, "`{which}` is no certificate that can be read; make it again")
            }
            Self::NotRsa(which) => {
                write!(f, "`{which}` is not RSA of at least 2048 bits, which is all that the conductor takes")
            }
            Self::CertificateEnds { which, at } => {
                write!(
                    f,
                    "`{which}` ends {at}, before the token does; renew the certificate, then make the token again"
                )
            }
            Self::CertificateBegins { which, at } => {
                write!(f, "`{which}` is valid only from {at}; compare the clocks")
            }
            Self::OtherAuthority { found, expected } => write!(
                f,
                "the authority in it is {found:.16}, and the profile trusts {expected:.16}: it is another conductor's, or \
                 the conductor's authority was changed; find out which before you change the profile"
            ),
            Self::Chain => f.write_str("the authority in it did not issue the certificate in it"),
            Self::OtherServed { found, served } => write!(
                f,
                "the certificate in it is {found:.16}, and the conductor serves {served:.16} on port 933; it was renewed, or \
                 this is another conductor; make the token again"
            ),
            Self::Signature => {
                f.write_str("the certificate in it did not sign it: it was changed; make it again")
            }
            Self::Expired { at, needed } => {
                write!(f, "it ends {at}, and is needed until {needed}; make it again with a longer lifetime")
            }
            Self::NotYet { at } => write!(f, "it is taken only from {at}; compare the clocks"),
            Self::NoAssets => f.write_str(
                "it does not say for which assets it is, so that it cannot be told for which router",
            ),
            Self::OtherAssets { found, expected } => write!(
                f,
                "it is for {}, and the running configuration has {}; make it for the right router, after the configuration \
                 is committed",
                list(found),
                list(expected)
            ),
            Self::Secret { bytes } => write!(f, "its secret has {bytes} bytes, and not 48; make it again"),
        }
    }
}

/// What a person must accept before a token is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenFlag {
    /// `--accept-unauthenticated-token`: nobody said whose authority the one inside is.
    Unauthenticated,
    /// `--accept-unverifiable-token`: the signature is of a kind that only the conductor can check.
    Unverifiable,
    /// `--accept-token-without-expiry`: it does not say until when it is taken.
    NoExpiry,
}

impl TokenFlag {
    /// The flag on a command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "--accept-unauthenticated-token",
            Self::Unverifiable => "--accept-unverifiable-token",
            Self::NoExpiry => "--accept-token-without-expiry",
        }
    }
}

impl fmt::Display for TokenFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is unusual about a token.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenWarning {
    /// It is taken longer than the vendor documents.
    LongLived {
        /// Its end.
        at: Timestamp,
    },
    /// It has no `secret`, which is documented.
    NoSecret,
    /// It names no certificate, and its signature cannot be checked.
    NoCertificates,
}

impl fmt::Display for TokenWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongLived { at } => {
                write!(f, "it is taken until {at}, more than the year that is documented")
            }
            Self::NoSecret => f.write_str("it has no secret, which is documented to be in every token"),
            Self::NoCertificates => {
                f.write_str("it brings no certificates, which are documented to be in every token")
            }
        }
    }
}

fn list(asset_ids: &BTreeSet<AssetId>) -> String {
    if asset_ids.is_empty() {
        return "none that can be read".to_owned();
    }
    let shown_ids: Vec<String> = asset_ids.iter().take(4).map(|id| format!("`{id}`")).collect();
    shown_ids.join(", ")
}
