//! Onboarding tokens: found in any text, read leniently, judged by trust that comes from outside them.
//!
//! The conductor makes them (`create secure-conductor-onboarding token`); this crate never signs one. What is documented
//! is the payload; the algorithm, more claims and the text around a token are not, so nothing but the shape is assumed.

mod bind;
mod claims;
mod fault;
mod find;
mod judge;

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::Timestamp;
use thiserror::Error;
use zeroize::Zeroizing;

pub use bind::{Binding, bind};
pub use fault::{TokenFault, TokenFlag, TokenWarning};
pub use find::{Found, FoundToken, MAX_TEXT_BYTES, Rejected, find_tokens};
pub use judge::{Anchor, Authenticity, Expectation, Judgement};

use crate::certificate::Certificate;
use crate::{AssetId, hex};
use claims::{Claims, Header};

/// A signed invitation for one router to join one conductor.
///
/// Shape: a compact JWT, three base64url parts, at most [`MAX_BYTES`](Self::MAX_BYTES). It holds the router's pre-shared
/// secret in clear, so it is a secret itself: its text is zeroized, and only [`expose`](Self::expose) shows it.
/// Source: Session Smart Router documentation, "Secure Conductor Onboarding", 7.1.3 and later.
pub struct OnboardingToken {
    text: Zeroizing<String>,
    header: Header,
    claims: Claims,
}

impl OnboardingToken {
    /// The longest text that is taken for one.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Reads the shape of `text` and the claims that are known. Nothing is verified: see [`judge`](Self::judge).
    ///
    /// # Errors
    ///
    /// [`TokenError`] names the part at fault, and never repeats it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > Self::MAX_BYTES {
            return Err(TokenError::TooLarge { limit_bytes: Self::MAX_BYTES });
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Shape { parts: text.split('.').count() });
        };
        let header = Header::read(&decode(header, "header")?)?;
        let claims = Claims::read(&decode(payload, "payload")?)?;
        decode(signature, "signature")?;
        Ok(Self { text: Zeroizing::new(text.to_owned()), header, claims })
    }

    /// The token itself; for Mist's settings and the vault, never for showing it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What identifies it without telling anything of it.
    #[must_use]
    pub fn fingerprint(&self) -> TokenFingerprint {
        TokenFingerprint::of(&self.text)
    }

    /// The algorithm that its header names, such as `RS256`; at most 64 characters.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.header.algorithm
    }

    /// The assets it is for; empty when it does not say.
    #[must_use]
    pub const fn asset_ids(&self) -> &BTreeSet<AssetId> {
        &self.claims.asset_ids
    }

    /// Until when the conductor takes it, by the conductor's clock.
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.claims.expires
    }

    /// The authority's certificate that it brings.
    #[must_use]
    pub const fn ca_certificate(&self) -> Option<&Certificate> {
        self.claims.ca_certificate.as_ref()
    }

    /// The conductor's certificate that it brings.
    #[must_use]
    pub fn conductor_certificate(&self) -> Option<&Certificate> {
        self.claims.conductor_certificates.first()
    }

    /// What is signed, and the signature.
    fn signed(&self) -> Result<(&[u8], Zeroizing<Vec<u8>>), TokenError> {
        let (signed, signature) = self.text.rsplit_once('.').ok_or(TokenError::Shape { parts: 1 })?;
        Ok((signed.as_bytes(), decode(signature, "signature")?))
    }
}

impl fmt::Debug for OnboardingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnboardingToken({:.16})", self.fingerprint())
    }
}

/// The SHA-256 of a token's text.
///
/// A token holds 48 bytes that nobody can guess, so this tells nothing of it.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TokenFingerprint([u8; 32]);

impl TokenFingerprint {
    /// The fingerprint of the token `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text.trim().as_bytes()).as_ref());
        Self(bytes)
    }
}

hex::sha256_text!(TokenFingerprint);

/// Why a text is no onboarding token.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TokenError {
    /// It is longer than any.
    #[error("it is longer than {limit_bytes} bytes; give one token")]
    TooLarge {
        /// What is read at most.
        limit_bytes: usize,
    },
    /// It does not have three parts.
    #[error("it has {parts} parts between dots, and a token has three; it was cut off, or is something else")]
    Shape {
        /// How many there are.
        parts: usize,
    },
    /// A part is no base64url.
    #[error("its {part} is no base64url; it was changed on its way")]
    Encoding {
        /// Which.
        part: &'static str,
    },
    /// Its signature is not as long as its algorithm and the key have it.
    #[error(
        "its signature has {chars} characters, and should have {expected}; it was cut off, or something was joined to it"
    )]
    Signature {
        /// How many there are.
        chars: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A part is not the JSON object it should be.
    #[error("its {part} {what}")]
    Json {
        /// Which.
        part: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}

fn decode(part: &str, name: &'static str) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map(Zeroizing::new).map_err(|_| TokenError::Encoding { part: name })
}

#[cfg(test)]
pub(crate) mod tests;
