//! Changing a vault, by one writer at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, OpenError};
use crate::file::{self, Lock, Owner};
use crate::format::{Header, MAX_FILE_BYTES, MAX_SECRETS, MAX_WRAPPERS, sealed_bytes};
use crate::keyring::Keyring;
use crate::name::SecretName;
use crate::seal::{self, Bytes32};
use crate::secret::Secret;
use crate::vault::{self, Entry, Fingerprint, Vault};
use crate::wrapper::{NewWrapper, Wrapper, seconds};

/// A vault that is being changed. Nothing is written before [`save`](Self::save), and other writers wait until
/// this is dropped.
#[derive(Debug)]
pub struct Edit {
    path: PathBuf,
    owner: Owner,
    lock: Lock,
    header: Header,
    root: Bytes32,
    fingerprints: Bytes32,
    secrets: BTreeMap<SecretName, (Entry, Secret)>,
}

/// What becomes of a file that is where a new vault shall be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// It stays, and there is no new vault.
    Refuse,
    /// It is replaced.
    Replace,
}

impl Edit {
    /// Begins a new vault, with no secrets and nothing yet that opens it.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], unless it is to be replaced; what else [`Error`] says of the path.
    pub fn create(path: &Path, existing: Existing) -> Result<Self, Error> {
        let owner = file::owner_of_directory(path)?;
        let lock = file::lock(path, owner)?;
        if existing == Existing::Refuse && file::exists(path)? {
            return Err(Error::Exists { path: path.into() });
        }
        let header = Header {
            id: seal::random()?,
            counter: 0,
            salt: [0; 32],
            index_bytes: 0,
            values_bytes: 0,
            wrappers: Vec::new(),
        };
        let (root, fingerprints) = (seal::random_key()?, seal::random_key()?);
        Ok(Self { path: path.into(), owner, lock, header, root, fingerprints, secrets: BTreeMap::new() })
    }

    /// Opens the vault at `path` with any key of `keyring`, once every other writer is done.
    ///
    /// # Errors
    ///
    /// [`Error`] names the path, what is wrong, and what mends it.
    pub fn open(path: &Path, keyring: &Keyring) -> Result<Self, Error> {
        // before a lock is made beside what is no vault, and for its owner
        let (_, owner) = file::read(path)?;
        let lock = file::lock(path, owner)?;
        let (bytes, owner) = file::read(path)?;
        let opened = |source| Error::Open { path: path.into(), source };
        let vault = Vault::parse(&bytes, keyring).map_err(opened)?;
        let secrets = all(&vault).map_err(opened)?;
        let Vault { header, root, index, .. } = vault;
        Ok(Self { path: path.into(), owner, lock, header, root, fingerprints: index.fingerprints, secrets })
    }

    /// Takes over the secrets of another vault with their ages, and its identity: this one goes on from there.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], or [`Error::Open`] when the other does not hold what it says.
    pub fn adopt(&mut self, other: &Vault) -> Result<(), Error> {
        let secrets = all(other).map_err(|source| Error::Open { path: self.path.clone(), source })?;
        self.secrets.extend(secrets);
        self.header.id = other.header.id;
        self.header.counter = self.header.counter.max(other.header.counter);
        self.fingerprints = other.index.fingerprints.copy();
        self.fits()
    }

    /// Puts a secret in, in the place of the one that had its name.
    ///
    /// # Errors
    ///
    /// [`Error::Full`].
    pub fn set(&mut self, name: &SecretName, secret: Secret, now: SystemTime) -> Result<(), Error> {
        let now = seconds(now);
        let entry = Entry {
            name: name.clone(),
            kind: secret.kind(),
            created: self.secrets.get(name).map_or(now, |(entry, _)| entry.created),
            changed: now,
            fingerprint: Fingerprint::of(&self.fingerprints, secret.expose()),
            bytes: secret.expose().len(),
        };
        self.secrets.insert(name.clone(), (entry, secret));
        self.fits()
    }

    /// What is said of a secret, when there is one of this name.
    #[must_use]
    pub fn entry(&self, name: &SecretName) -> Option<&Entry> {
        self.secrets.get(name).map(|(entry, _)| entry)
    }

    /// Takes a secret out.
    ///
    /// # Errors
    ///
    /// [`Error::NoSecret`].
    pub fn remove(&mut self, name: &SecretName) -> Result<(), Error> {
        self.secrets.remove(name).map(drop).ok_or_else(|| Error::NoSecret { name: name.clone() })
    }

    /// How it can be opened.
    #[must_use]
    pub fn wrappers(&self) -> &[Wrapper] {
        &self.header.wrappers
    }

    /// Lets another key open the vault.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`], [`Error::Label`], [`Error::TooManyWrappers`] and [`Error::Key`].
    pub fn add_wrapper(&mut self, new: &NewWrapper<'_>, now: SystemTime) -> Result<(), Error> {
        if self.header.wrappers.iter().any(|known| *known.label == *new.label) {
            return Err(Error::Taken { label: new.label.to_owned() });
        }
        if self.header.wrappers.len() == MAX_WRAPPERS {
            return Err(Error::TooManyWrappers);
        }
        self.header.wrappers.push(Wrapper::make(&self.root, &self.header.id, new, now)?);
        Ok(())
    }

    /// Lets a key open the vault in the place of the one with its label.
    ///
    /// # Errors
    ///
    /// [`Error::NoWrapper`], [`Error::Label`] and [`Error::Key`].
    pub fn replace_wrapper(&mut self, new: &NewWrapper<'_>, now: SystemTime) -> Result<(), Error> {
        let at = self.place_of(new.label)?;
        self.header.wrappers[at] = Wrapper::make(&self.root, &self.header.id, new, now)?;
        Ok(())
    }

    /// Lets a key no longer open the vault. Who has an old file can still open that with it: only
    /// [`rotate`](Self::rotate), and new values, end what such a key is good for.
    ///
    /// # Errors
    ///
    /// [`Error::NoWrapper`] and [`Error::LastWrapper`].
    pub fn remove_wrapper(&mut self, label: &str) -> Result<(), Error> {
        let at = self.place_of(label)?;
        if self.header.wrappers.len() == 1 {
            return Err(Error::LastWrapper { label: label.to_owned() });
        }
        self.header.wrappers.remove(at);
        Ok(())
    }

    /// Seals everything under a new root key, wrapped for the same keys, which all must be in `keyring`.
    ///
    /// # Errors
    ///
    /// [`Error::NotAtHand`] names the first whose key is not; nothing is changed then.
    pub fn rotate(&mut self, keyring: &Keyring, now: SystemTime) -> Result<(), Error> {
        let root = seal::random_key()?;
        let mut wrappers = Vec::with_capacity(self.header.wrappers.len());
        for old in &self.header.wrappers {
            let opens = |key: &&crate::Key| old.unwrap_root(&self.header.id, key).is_some();
            let key = keyring.fitting(old.kind).find(opens);
            let key = key.ok_or_else(|| Error::NotAtHand { label: old.label.to_string() })?;
            let new = NewWrapper { label: &old.label, kind: old.kind, key };
            wrappers.push(Wrapper::make(&root, &self.header.id, &new, now)?);
        }
        self.root = root;
        self.header.wrappers = wrappers;
        Ok(())
    }

    /// Writes it: durably, whole, in the place of what was there.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] names the step. The old file is still there, unless the last step, the sync of the
    /// directory, is what failed.
    pub fn save(mut self, now: SystemTime) -> Result<(), Error> {
        self.header.counter = self.header.counter.checked_add(1).ok_or(Error::Full)?;
        self.header.salt = seal::random()?;
        let secrets: Vec<_> = self.secrets.values().map(|(entry, secret)| (entry.clone(), secret)).collect();
        let bytes = vault::write(self.header, &self.root, &self.fingerprints, seconds(now), &secrets);
        file::replace(&self.path, &bytes, self.owner, &self.lock)
    }

    fn place_of(&self, label: &str) -> Result<usize, Error> {
        let wrappers = &self.header.wrappers;
        wrappers
            .iter()
            .position(|wrapper| *wrapper.label == *label)
            .ok_or_else(|| Error::NoWrapper { label: label.to_owned(), with: vault::with(wrappers) })
    }

    fn fits(&self) -> Result<(), Error> {
        let values: usize = self.secrets.values().map(|(entry, _)| sealed_bytes(entry.bytes)).sum();
        let fits = self.secrets.len() <= MAX_SECRETS && values <= MAX_FILE_BYTES - BESIDES;
        if fits { Ok(()) } else { Err(Error::Full) }
    }
}

/// Every secret of a vault, open.
fn all(vault: &Vault) -> Result<BTreeMap<SecretName, (Entry, Secret)>, OpenError> {
    let open = |(place, entry): (usize, &Entry)| {
        let secret = vault.open_value(place).ok_or(OpenError::Altered)?;
        Ok((entry.name().clone(), (entry.clone(), secret)))
    };
    vault.entries().iter().enumerate().map(open).collect()
}

/// What header and index take at most, in bytes.
const BESIDES: usize = 256 * 1024;
