//! A vault that has been opened, to read.

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use ring::digest::{SHA256, digest};

use crate::error::{Error, OpenError};
use crate::file;
use crate::format::{self, Header, Index, Parts, padded_bytes, sealed_bytes};
use crate::keyring::Keyring;
use crate::name::SecretName;
use crate::seal::{self, Bytes32};
use crate::secret::Secret;
use crate::wrapper::{Wrapper, time};

/// A vault as it was when it was opened. Its values stay sealed until they are asked for.
///
/// That it is open means that every bit of the file is as it was written.
pub struct Vault {
    pub(crate) header: Header,
    pub(crate) header_bytes: Box<[u8]>,
    pub(crate) root: Bytes32,
    pub(crate) index: Index,
    /// The key that this file is sealed with.
    body: Bytes32,
    values: Box<[u8]>,
}

impl Vault {
    /// Opens the vault at `path` with any key of `keyring`.
    ///
    /// # Errors
    ///
    /// [`Error`] names the path, what is wrong, and what mends it.
    pub fn open(path: &Path, keyring: &Keyring) -> Result<Self, Error> {
        let (bytes, _) = file::read(path)?;
        Self::parse(&bytes, keyring).map_err(|source| Error::Open { path: path.into(), source })
    }

    /// Opens the bytes of a file with any key of `keyring`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] tells a wrong key from a file that was altered, as far as that can be told.
    pub fn parse(bytes: &[u8], keyring: &Keyring) -> Result<Self, OpenError> {
        let Parts { header, header_bytes, index, values } = format::read(bytes)?;
        let root = header
            .wrappers
            .iter()
            .find_map(|wrapper| {
                keyring.fitting(wrapper.kind).find_map(|key| wrapper.unwrap_root(&header.id, key))
            })
            .ok_or_else(|| OpenError::WrongKey { with: with(&header.wrappers) })?;
        let body = seal::derive(root.bytes(), &header.salt, BODY);
        let index = seal::open(&body, 0, &[header_bytes], index)
            .and_then(|plain| Index::read(&plain))
            .filter(|index| holds(index, values))
            .ok_or(OpenError::Altered)?;
        Ok(Self { header, header_bytes: header_bytes.into(), root, index, body, values: values.into() })
    }

    /// How the vault at `path` can be opened, which is no secret. Nothing of it is proved.
    ///
    /// # Errors
    ///
    /// [`Error`], as [`open`](Self::open), but that no key is needed.
    pub fn wrappers_of(path: &Path) -> Result<Vec<Wrapper>, Error> {
        let (bytes, _) = file::read(path)?;
        let parts = format::read(&bytes).map_err(|source| Error::Open { path: path.into(), source })?;
        Ok(parts.header.wrappers)
    }

    /// The secret `name`.
    ///
    /// # Errors
    ///
    /// [`Error::NoSecret`]; [`Error::Value`] when a program with the keys has sealed it wrongly.
    pub fn secret(&self, name: &SecretName) -> Result<Secret, Error> {
        let at = self.index.entries.binary_search_by(|entry| entry.name.cmp(name));
        let place = at.map_err(|_| Error::NoSecret { name: name.clone() })?;
        self.open_value(place).ok_or_else(|| Error::Value { name: name.clone() })
    }

    /// Every secret there is, by name; their values stay sealed.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.index.entries
    }

    /// How it can be opened.
    #[must_use]
    pub fn wrappers(&self) -> &[Wrapper] {
        &self.header.wrappers
    }

    /// How often it has been written.
    #[must_use]
    pub const fn counter(&self) -> u64 {
        self.header.counter
    }

    /// When it was written.
    #[must_use]
    pub fn written(&self) -> SystemTime {
        time(self.index.written)
    }

    /// Opens every value and compares it with its fingerprint; nothing is kept open.
    ///
    /// # Errors
    ///
    /// [`OpenError::Altered`], which only a program that seals wrongly can cause once the vault is open.
    pub fn verify(&self) -> Result<(), OpenError> {
        for (place, entry) in self.index.entries.iter().enumerate() {
            let secret = self.open_value(place).ok_or(OpenError::Altered)?;
            if Fingerprint::of(&self.index.fingerprints, secret.expose()) != entry.fingerprint {
                return Err(OpenError::Altered);
            }
        }
        Ok(())
    }

    /// The value of the entry at `place`.
    pub(crate) fn open_value(&self, place: usize) -> Option<Secret> {
        let entry = self.index.entries.get(place)?;
        let start = self.index.entries[..place].iter().map(|entry| sealed_bytes(entry.bytes)).sum();
        let sealed = self.values.get(start..)?.get(..sealed_bytes(entry.bytes))?;
        let context: [&[u8]; 2] = [&self.header_bytes, entry.name.as_str().as_bytes()];
        let mut value = seal::open(&self.body, number(place), &context, sealed)?;
        value.truncate(entry.bytes);
        Secret::new(entry.kind, value).ok()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} secrets, ..)", self.index.entries.len())
    }
}

/// Whether the index is of these values.
fn holds(index: &Index, values: &[u8]) -> bool {
    let bytes: usize = index.entries.iter().map(|entry| sealed_bytes(entry.bytes)).sum();
    bytes == values.len() && digest(&SHA256, values).as_ref() == index.digest
}

/// Seals `secrets`, which are by name, under the header: the file's bytes.
pub(crate) fn write(
    mut header: Header,
    root: &Bytes32,
    fingerprints: &Bytes32,
    written: u64,
    secrets: &[(Entry, &Secret)],
) -> Vec<u8> {
    let mut index = Index {
        digest: [0; 32],
        written,
        fingerprints: fingerprints.copy(),
        entries: secrets.iter().map(|(entry, _)| entry.clone()).collect(),
    };
    header.index_bytes = index.write().len() + seal::TAG_BYTES;
    header.values_bytes = secrets.iter().map(|(entry, _)| sealed_bytes(entry.bytes)).sum();
    let header_bytes = header.write();
    let body = seal::derive(root.bytes(), &header.salt, BODY);

    let mut values = Vec::with_capacity(header.values_bytes);
    for (place, (entry, secret)) in secrets.iter().enumerate() {
        let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(padded_bytes(entry.bytes)));
        plain.extend_from_slice(secret.expose());
        plain.resize(padded_bytes(entry.bytes), 0);
        let context: [&[u8]; 2] = [&header_bytes, entry.name.as_str().as_bytes()];
        seal::seal(&body, number(place), &context, &plain, &mut values);
    }
    index.digest.copy_from_slice(digest(&SHA256, &values).as_ref());
    let mut file = header_bytes.clone();
    seal::seal(&body, 0, &[&header_bytes], &index.write(), &mut file);
    file.extend_from_slice(&values);
    file
}

/// The number that the value at `place` is sealed with; the index has 0.
fn number(place: usize) -> u64 {
    place as u64 + 1
}

/// `credential `a`, key file `b``, for people.
pub(crate) fn with(wrappers: &[Wrapper]) -> String {
    let names = wrappers.iter().map(|wrapper| format!("{} `{}`", wrapper.kind, wrapper.label));
    names.collect::<Vec<_>>().join(", ")
}

/// What a list says of a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    pub(crate) name: SecretName,
    pub(crate) kind: crate::Kind,
    /// Unix time.
    pub(crate) created: u64,
    /// Unix time.
    pub(crate) changed: u64,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) bytes: usize,
}

impl Entry {
    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &SecretName {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> crate::Kind {
        self.kind
    }

    /// When a secret of this name came first.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        time(self.created)
    }

    /// When it got its value.
    #[must_use]
    pub fn changed(&self) -> SystemTime {
        time(self.changed)
    }

    /// Tells whether two secrets of this vault, or of its backups, are the same.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// The first 8 bytes of HMAC-SHA256 over a value, under a key that is in the vault: the same value has the same
/// one in this vault and its backups, and elsewhere nobody can try values against it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint(pub(crate) [u8; 8]);

impl Fingerprint {
    pub(crate) fn of(key: &Bytes32, value: &[u8]) -> Self {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&seal::mac(key, value).as_ref()[..8]);
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the key of a file is derived for.
const BODY: &[u8] = b"fogbell vault 1 body";
