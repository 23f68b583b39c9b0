//! The cryptography: which functions of which standard, in one place.
//!
//! AES-256-GCM (NIST SP 800-38D), HKDF-SHA256 (RFC 5869), HMAC-SHA256 (RFC 2104), Argon2id (RFC 9106).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{hkdf, hmac};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::KeyError;
use crate::wrapper::Cost;

/// 32 secret bytes in one place of memory, wiped when dropped.
pub(crate) struct Bytes32(Box<[u8; 32]>);

impl Bytes32 {
    pub(crate) fn zero() -> Self {
        Self(Box::new([0; 32]))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }

    /// A visible copy.
    pub(crate) fn copy(&self) -> Self {
        let mut copy = Self::zero();
        copy.0.copy_from_slice(&*self.0);
        copy
    }
}

impl Drop for Bytes32 {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Bytes32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// Bytes that nobody could guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}

/// A key that nobody could guess.
pub(crate) fn random_key() -> Result<Bytes32, KeyError> {
    let mut key = Bytes32::zero();
    SystemRandom::new().fill(key.bytes_mut()).map_err(|_| KeyError::NoRandomness)?;
    Ok(key)
}

/// HKDF-SHA256 of `secret` with `salt`: 32 bytes for `purpose`.
pub(crate) fn derive(secret: &[u8], salt: &[u8; 32], purpose: &[u8]) -> Bytes32 {
    struct Length;
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }

    let mut key = Bytes32::zero();
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[purpose], Length)
        .and_then(|okm| okm.fill(key.bytes_mut()))
        .expect("32 bytes are fewer than HKDF can give");
    key
}

/// Argon2id of `passphrase` with `salt`: 32 bytes.
pub(crate) fn stretch(passphrase: &[u8], salt: &[u8; 32], cost: Cost) -> Result<Bytes32, KeyError> {
    let Cost { memory_kib, passes, lanes } = cost;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| KeyError::Cost)?;
    let mut key = Bytes32::zero();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, key.bytes_mut())
        .map_err(|_| KeyError::Cost)?;
    Ok(key)
}

/// HMAC-SHA256 of `bytes`.
pub(crate) fn mac(key: &Bytes32, bytes: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.bytes()), bytes)
}

/// Seals `plain` and appends it with its tag to `to`. A key and a `number` seal once.
pub(crate) fn seal(key: &Bytes32, number: u64, context: &[&[u8]], plain: &[u8], to: &mut Vec<u8>) {
    // of its full size from the start, and the plain text never in a vector that could grow
    to.reserve_exact(plain.len() + TAG_BYTES);
    let start = to.len();
    to.extend_from_slice(plain);
    let tag = cipher(key)
        .seal_in_place_separate_tag(nonce(number), Aad::from(context.concat()), &mut to[start..])
        .expect("what is sealed is shorter than AES-GCM's 64 GiB");
    to.extend_from_slice(tag.as_ref());
}

/// Opens what [`seal`] made; nothing when a bit of it, of the context or of the key is another.
pub(crate) fn open(
    key: &Bytes32,
    number: u64,
    context: &[&[u8]],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let plain = cipher(key).open_in_place(nonce(number), Aad::from(context.concat()), &mut bytes).ok()?.len();
    bytes.truncate(plain);
    Some(bytes)
}

fn cipher(key: &Bytes32) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.bytes()).expect("the key has 32 bytes"))
}

/// Twelve bytes: `number`, big-endian.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

/// What AES-GCM adds.
pub(crate) const TAG_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, appendix A.3, has no salt; ours always is 32 bytes, which A.3's default of zeros is.
    #[test]
    fn hkdf_is_that_of_the_rfc() {
        let key = derive(&[0x0b; 22], &[0; 32], b"");
        let expect = [
            0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80, 0x2a, 0x06, 0x3c, 0x5a, 0x31,
            0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1, 0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f, 0x3c, 0x73, 0x8d, 0x2d,
        ];
        assert_eq!(*key.bytes(), expect);
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_number_and_context_only() {
        let (key, other) = (random_key().unwrap(), random_key().unwrap());
        let mut sealed = Vec::new();
        seal(&key, 7, &[b"head", b"name"], b"plain", &mut sealed);

        assert_eq!(sealed.len(), 5 + TAG_BYTES);
        assert_eq!(**open(&key, 7, &[b"headname"], &sealed).unwrap(), *b"plain");
        assert!(open(&other, 7, &[b"headname"], &sealed).is_none());
        assert!(open(&key, 8, &[b"headname"], &sealed).is_none());
        assert!(open(&key, 7, &[b"headnam"], &sealed).is_none());
        assert!(open(&key, 7, &[b"headname"], &sealed[..10]).is_none());
    }
}
