//! What there is in the file: names, kinds, ages, places; all of it sealed.

use zeroize::Zeroizing;

use super::Reader;
use crate::name::SecretName;
use crate::seal::{Bytes32, TAG_BYTES};
use crate::secret::{Kind, Secret};
use crate::vault::{Entry, Fingerprint};

/// The index, open.
#[derive(Debug)]
pub(crate) struct Index {
    /// SHA-256 of all sealed values.
    pub(crate) digest: [u8; 32],
    /// When the file was written, Unix time.
    pub(crate) written: u64,
    /// What fingerprints are made with; made once, and the same for ever.
    pub(crate) fingerprints: Bytes32,
    /// By name.
    pub(crate) entries: Vec<Entry>,
}

impl Index {
    /// The bytes of the index, not yet sealed.
    pub(crate) fn write(&self) -> Zeroizing<Vec<u8>> {
        // names are no secret to who opens the vault, the key of the fingerprints is; room for all from the start
        let room = FIXED_BYTES + self.entries.len() * MAX_ENTRY_BYTES;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room.next_multiple_of(BLOCK)));
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&self.written.to_be_bytes());
        bytes.extend_from_slice(self.fingerprints.bytes());
        bytes.extend_from_slice(&u32::try_from(self.entries.len()).unwrap_or(u32::MAX).to_be_bytes());
        for entry in &self.entries {
            let name = entry.name.as_str().as_bytes();
            bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(name);
            bytes.push(entry.kind.number());
            bytes.extend_from_slice(&entry.created.to_be_bytes());
            bytes.extend_from_slice(&entry.changed.to_be_bytes());
            bytes.extend_from_slice(&entry.fingerprint.0);
            bytes.extend_from_slice(&u32::try_from(entry.bytes).unwrap_or(u32::MAX).to_be_bytes());
        }
        let padded = bytes.len().next_multiple_of(BLOCK);
        bytes.resize(padded, 0);
        bytes
    }

    /// Reads what [`write`](Self::write) made; nothing when it is anything else.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let digest = reader.array()?;
        let written = reader.u64()?;
        let mut fingerprints = Bytes32::zero();
        fingerprints.bytes_mut().copy_from_slice(reader.bytes(32)?);
        let count = reader.length().filter(|count| *count <= MAX_SECRETS)?;
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = read_entry(&mut reader)?;
            // one name, one secret
            if entries.last().is_some_and(|last| last.name >= entry.name) {
                return None;
            }
            entries.push(entry);
        }
        reader.0.iter().all(|byte| *byte == 0).then_some(Self { digest, written, fingerprints, entries })
    }
}

fn read_entry(reader: &mut Reader<'_>) -> Option<Entry> {
    Some(Entry {
        name: SecretName::new(reader.text()?).ok()?,
        kind: Kind::of_number(reader.u8()?),
        created: reader.u64()?,
        changed: reader.u64()?,
        fingerprint: Fingerprint(reader.array()?),
        bytes: reader.length().filter(|bytes| (1..=Secret::MAX_BYTES).contains(bytes))?,
    })
}

/// How many bytes a value of `bytes` takes in the file: its length is rounded up, so that it is not told.
pub(crate) const fn sealed_bytes(bytes: usize) -> usize {
    padded_bytes(bytes) + TAG_BYTES
}

/// How long a value is made before it is sealed.
pub(crate) const fn padded_bytes(bytes: usize) -> usize {
    bytes.next_multiple_of(VALUE_BLOCK)
}

/// The most secrets of one vault.
pub(crate) const MAX_SECRETS: usize = 1024;

/// The index is this long, or a multiple of it.
const BLOCK: usize = 1024;

/// A value is this long, or a multiple of it.
const VALUE_BLOCK: usize = 64;

/// Everything in front of the entries.
const FIXED_BYTES: usize = 32 + 8 + 32 + 4;

/// The longest entry.
const MAX_ENTRY_BYTES: usize = 1 + crate::name::MAX_NAME_BYTES + 1 + 8 + 8 + 8 + 4;
