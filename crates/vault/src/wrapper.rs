//! The root key, wrapped for one key that may open the vault.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, KeyError};
use crate::keyring::Key;
use crate::name::is_name;
use crate::seal::{self, Bytes32, TAG_BYTES};

/// One way to open a vault. What is said of it is in the file for everybody to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wrapper {
    pub(crate) kind: WrapperKind,
    pub(crate) label: Box<str>,
    /// Unix time.
    pub(crate) made: u64,
    pub(crate) salt: [u8; 32],
    /// Of a passphrase only.
    pub(crate) cost: Option<Cost>,
    pub(crate) wrapped: [u8; 32 + TAG_BYTES],
}

/// A key that shall open a vault.
#[derive(Clone, Copy, Debug)]
pub struct NewWrapper<'a> {
    /// What people call it: 1 to 64 letters, digits and `. _ -`; each label of a vault is another.
    pub label: &'a str,
    /// Where the key is kept.
    pub kind: WrapperKind,
    /// The key.
    pub key: &'a Key,
}

impl Wrapper {
    /// What people call it.
    #[must_use]
    pub const fn label(&self) -> &str {
        &self.label
    }

    /// Where its key is kept.
    #[must_use]
    pub const fn kind(&self) -> WrapperKind {
        self.kind
    }

    /// When it was made.
    #[must_use]
    pub fn made(&self) -> SystemTime {
        time(self.made)
    }

    /// What trying one passphrase costs.
    #[must_use]
    pub const fn cost(&self) -> Option<Cost> {
        self.cost
    }

    /// Wraps `root` in the vault `id` for the key of `new`.
    pub(crate) fn make(
        root: &Bytes32,
        id: &[u8; 16],
        new: &NewWrapper<'_>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        if !is_name(new.label, false) {
            return Err(Error::Label);
        }
        if !new.key.fits(new.kind) {
            return Err(KeyError::Kind { kind: new.kind }.into());
        }
        let cost = (new.kind == WrapperKind::Passphrase).then_some(Cost::DEFAULT);
        let mut this = Self {
            kind: new.kind,
            label: new.label.into(),
            made: seconds(now),
            salt: seal::random()?,
            cost,
            wrapped: [0; 32 + TAG_BYTES],
        };
        let key = new.key.wrapping(&this.salt, cost)?;
        let mut wrapped = Vec::new();
        seal::seal(&key, 0, &[PURPOSE, id, &this.head()], root.bytes(), &mut wrapped);
        this.wrapped.copy_from_slice(&wrapped);
        Ok(this)
    }

    /// The root key of the vault `id`, when `key` is the one.
    pub(crate) fn unwrap_root(&self, id: &[u8; 16], key: &Key) -> Option<Bytes32> {
        let wrapping = key.wrapping(&self.salt, self.cost).ok()?;
        let plain = seal::open(&wrapping, 0, &[PURPOSE, id, &self.head()], &self.wrapped)?;
        let mut root = Bytes32::zero();
        root.bytes_mut().copy_from_slice(plain.get(..32)?);
        Some(root)
    }

    /// Everything in front of the wrapped key, as it is in the file.
    pub(crate) fn head(&self) -> Vec<u8> {
        let label = self.label.as_bytes();
        let mut head = vec![self.kind.number(), u8::try_from(label.len()).unwrap_or(u8::MAX)];
        head.extend_from_slice(label);
        head.extend_from_slice(&self.made.to_be_bytes());
        head.extend_from_slice(&self.salt);
        if let Some(Cost { memory_kib, passes, lanes }) = self.cost {
            for number in [memory_kib, passes, lanes] {
                head.extend_from_slice(&number.to_be_bytes());
            }
        }
        head
    }
}

/// Where the key of a wrapper is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WrapperKind {
    /// A systemd credential: 32 bytes to 4 KiB, taken as they are.
    Credential,
    /// A file: 32 bytes to 4 KiB, taken as they are.
    KeyFile,
    /// A person's memory.
    Passphrase,
    /// A sheet of paper in a safe.
    Recovery,
}

impl WrapperKind {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Credential => 1,
            Self::KeyFile => 2,
            Self::Passphrase => 3,
            Self::Recovery => 4,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        let all = [Self::Credential, Self::KeyFile, Self::Passphrase, Self::Recovery];
        all.into_iter().find(|kind| kind.number() == number)
    }
}

impl fmt::Display for WrapperKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Credential => "credential",
            Self::KeyFile => "key file",
            Self::Passphrase => "passphrase",
            Self::Recovery => "recovery key",
        })
    }
}

/// What Argon2id takes for one passphrase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// For new wrappers: the second recommended option of RFC 9106, section 4.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// Whether a file may ask for it: a reader's memory and time are bounded, a thief's are not.
    pub(crate) fn is_bounded(self) -> bool {
        let Self { memory_kib, passes, lanes } = self;
        (8 * 1024..=1024 * 1024).contains(&memory_kib)
            && (1..=16).contains(&passes)
            && (1..=16).contains(&lanes)
            && memory_kib * passes <= MAX_KIB_PASSED
    }
}

/// Unix time in seconds.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The moment of a Unix time; of one that no clock shows, the beginning.
pub(crate) fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

/// What wrapping keys are derived for.
pub(crate) const PURPOSE: &[u8] = b"fogbell vault 1 wrap";

/// The most KiB that all passes together go over: 2 GiB, some seconds.
const MAX_KIB_PASSED: u32 = 2 * 1024 * 1024;
