//! The keys at hand.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::recovery::RecoveryKey;
use crate::seal::{self, Bytes32};
use crate::wrapper::{Cost, PURPOSE, WrapperKind};

/// One key. Wiped when dropped; has no way to print itself.
pub struct Key(Form);

enum Form {
    Material(Zeroizing<Vec<u8>>),
    Passphrase(Zeroizing<Vec<u8>>),
    Recovery(RecoveryKey),
}

impl Key {
    /// The bytes of a key file or a systemd credential, as they are.
    ///
    /// # Errors
    ///
    /// [`KeyError::Material`] when there are fewer than 32 or more than 4,096.
    pub fn material(bytes: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        match bytes.len() {
            32..=4096 => Ok(Self(Form::Material(bytes))),
            bytes => Err(KeyError::Material { bytes }),
        }
    }

    /// What a person remembers, in UTF-8.
    ///
    /// # Errors
    ///
    /// [`KeyError::Passphrase`] when it has fewer than 12 or more than 1,024 bytes.
    pub fn passphrase(bytes: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        match bytes.len() {
            12..=1024 => Ok(Self(Form::Passphrase(bytes))),
            _ => Err(KeyError::Passphrase),
        }
    }

    /// A recovery key.
    #[must_use]
    pub const fn recovery(key: RecoveryKey) -> Self {
        Self(Form::Recovery(key))
    }

    /// 32 random bytes for a key file or a credential.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandomness`].
    pub fn random_material() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Ok(Zeroizing::new(seal::random_key()?.bytes().to_vec()))
    }

    /// Whether a wrapper of `kind` may be opened with it. A file that moved into a credential is the same key.
    #[must_use]
    pub const fn fits(&self, kind: WrapperKind) -> bool {
        matches!(
            (&self.0, kind),
            (Form::Material(_), WrapperKind::Credential | WrapperKind::KeyFile)
                | (Form::Passphrase(_), WrapperKind::Passphrase)
                | (Form::Recovery(_), WrapperKind::Recovery)
        )
    }

    /// The key that the root key is wrapped with.
    pub(crate) fn wrapping(&self, salt: &[u8; 32], cost: Option<Cost>) -> Result<Bytes32, KeyError> {
        Ok(match (&self.0, cost) {
            (Form::Passphrase(bytes), Some(cost)) => {
                seal::derive(seal::stretch(bytes, salt, cost)?.bytes(), salt, PURPOSE)
            }
            (Form::Material(bytes), None) => seal::derive(bytes, salt, PURPOSE),
            (Form::Recovery(key), None) => seal::derive(key.bytes(), salt, PURPOSE),
            _ => return Err(KeyError::Cost),
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Form::Material(_) => "Key(material, ..)",
            Form::Passphrase(_) => "Key(passphrase, ..)",
            Form::Recovery(_) => "Key(recovery, ..)",
        })
    }
}

/// The keys at hand: any that fits opens a vault, a rotation needs all that shall go on opening it.
#[derive(Debug, Default)]
pub struct Keyring(Vec<Key>);

impl Keyring {
    /// The keyring of `keys`.
    #[must_use]
    pub fn of(keys: impl IntoIterator<Item = Key>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Adds one.
    pub fn add(&mut self, key: Key) {
        self.0.push(key);
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first one that may open a wrapper of `kind`.
    #[must_use]
    pub fn first(&self, kind: WrapperKind) -> Option<&Key> {
        self.fitting(kind).next()
    }

    /// Those that may open a wrapper of `kind`.
    pub(crate) fn fitting(&self, kind: WrapperKind) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| key.fits(kind))
    }
}
