//! What is wrong with a certificate that can be read.

use std::fmt;
use std::time::SystemTime;

use x509_parser::certificate::X509Certificate;

use crate::KeyKind;
use crate::leaf::{Leaf, days_between, key_kind};
use crate::verify::serves;

/// Something that will make a peer refuse a certificate, or should.
///
/// Certificates are counted from 1, the server's own. `Display` is a sentence for a log.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// Its time is over.
    Expired {
        /// Which one of the chain.
        number: usize,
        /// Whole days since.
        days: i64,
    },
    /// Its time has not come; often the clock of the machine is wrong.
    NotYetValid {
        /// Which one of the chain.
        number: usize,
        /// Whole days until then.
        days: i64,
    },
    /// RSA of fewer than 2048 bits.
    WeakKey {
        /// Which one of the chain.
        number: usize,
        /// Its key.
        key: KeyKind,
    },
    /// Signed over a hash that can be forged.
    WeakSignature {
        /// Which one of the chain.
        number: usize,
        /// The hash, `SHA-1` or `MD5`.
        hash: &'static str,
    },
    /// No DNS name and no address; the common name has not counted for years (RFC 9525 2).
    NoNames,
    /// Its extended key usage leaves servers out.
    NotForServers,
    /// It is the certificate of an authority.
    Authority,
    /// The next certificate of the chain is not its issuer.
    BrokenChain {
        /// Which one has the wrong one after it.
        number: usize,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { number, days: 0 } => write!(f, "certificate {number} expired today"),
            Self::Expired { number, days } => write!(f, "certificate {number} expired {days} days ago"),
            Self::NotYetValid { number, days } => write!(
                f,
                "certificate {number} is not valid yet, for another {days} days; is this machine's clock right?"
            ),
            Self::WeakKey { number, key } => {
                write!(f, "certificate {number} has a weak key, {key}; RSA needs at least 2048 bits")
            }
            Self::WeakSignature { number, hash } => {
                write!(f, "certificate {number} is signed with {hash}, which can be forged")
            }
            Self::NoNames => f.write_str(
                "the certificate names no host (no subjectAltName), so no peer that verifies it will accept it",
            ),
            Self::NotForServers => {
                f.write_str("the certificate is not made for servers (no serverAuth in its extendedKeyUsage)")
            }
            Self::Authority => f.write_str(
                "the certificate is that of an authority (CA:TRUE), which many peers refuse from a server; have one made \
                 for the server",
            ),
            Self::BrokenChain { number } => write!(
                f,
                "certificate {} of the file did not issue certificate {number}; each must be followed by its issuer",
                number + 1
            ),
        }
    }
}

/// Judges `chain` at `now`, leaf first.
pub(crate) fn judge(chain: &[X509Certificate<'_>], leaf: &Leaf, now: SystemTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, certificate) in (1..).zip(chain) {
        let said = Leaf::of(certificate);
        if now > said.validity.not_after {
            findings.push(Finding::Expired { number, days: days_between(said.validity.not_after, now) });
        }
        if now < said.validity.not_before {
            findings.push(Finding::NotYetValid { number, days: days_between(now, said.validity.not_before) });
        }
        let key = key_kind(certificate);
        if is_weak(&key) {
            findings.push(Finding::WeakKey { number, key });
        }
        // What an authority signed for itself proves nothing, so nothing is lost by forging it.
        if let Some(hash) = weak_hash(certificate).filter(|_| number == 1 || !said.self_signed) {
            findings.push(Finding::WeakSignature { number, hash });
        }
    }
    if leaf.names.is_empty() {
        findings.push(Finding::NoNames);
    }
    if chain.first().is_some_and(|leaf| !serves(leaf)) {
        findings.push(Finding::NotForServers);
    }
    if let Some(Ok(Some(basic))) = chain.first().map(|leaf| leaf.basic_constraints())
        && basic.value.ca
    {
        findings.push(Finding::Authority);
    }
    for (number, pair) in (1..).zip(chain.windows(2)) {
        if pair[0].issuer().as_raw() != pair[1].subject().as_raw() {
            findings.push(Finding::BrokenChain { number });
        }
    }
    findings
}

/// Whether a key gives less than the 112 bits of OpenSSL's security level 2.
pub(crate) const fn is_weak(key: &KeyKind) -> bool {
    matches!(key, KeyKind::Rsa { bits } if *bits < 2048)
}

/// Source of the identifiers: RFC 3279 2.2.
pub(crate) fn weak_hash(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => Some("SHA-1"),
        "1.2.840.113549.1.1.4" => Some("MD5"),
        _ => None,
    }
}
