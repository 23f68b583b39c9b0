//! Identities are filled, never overwritten.

use std::fmt;

use crate::config::Identity;
use crate::ek::{EndorsementKey, SpkiFingerprint};

/// What may be done with the endorsement key of a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IdentityDecision {
    /// There is none: it is written.
    Fill,
    /// It is there: nothing is written.
    Equal,
    /// Another one is there, the router was named to be replaced, and its asset is not connected: it is written.
    Replace {
        /// What stands there.
        found: SpkiFingerprint,
    },
    /// Another one is there: nothing is written.
    Different {
        /// What stands there.
        found: SpkiFingerprint,
        /// What was to be written.
        wanted: SpkiFingerprint,
        /// Whether the asset may be connected, so that naming the router does not replace it either.
        connected: bool,
    },
}

/// Decides on `wanted`, the key from Mist, for a node where `found` stands.
///
/// `replace` says that the router was named to be replaced, `connected` that its asset may be connected.
#[must_use]
pub fn decide_identity(
    found: &Identity,
    wanted: &EndorsementKey,
    replace: bool,
    connected: bool,
) -> IdentityDecision {
    let found = match found {
        Identity::Empty => return IdentityDecision::Fill,
        Identity::Key(key) if key == wanted => return IdentityDecision::Equal,
        Identity::Key(key) => key.fingerprint(),
        Identity::Other(fingerprint) => *fingerprint,
    };
    if replace && !connected {
        IdentityDecision::Replace { found }
    } else {
        IdentityDecision::Different { found, wanted: wanted.fingerprint(), connected }
    }
}

impl fmt::Display for IdentityDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fill => f.write_str("fill"),
            Self::Equal => f.write_str("equal"),
            Self::Replace { found } => write!(f, "replace {found:.16}"),
            Self::Different { found, wanted, .. } => {
                write!(f, "different: {found:.16} is there, {wanted:.16} is Mist's")
            }
        }
    }
}
