//! The bytes of the file. `docs/vault.md` has them one by one.

mod header;
mod index;

use crate::error::OpenError;

pub(crate) use header::{Header, MAX_WRAPPERS};
pub(crate) use index::{Index, MAX_SECRETS, padded_bytes, sealed_bytes};

/// A file, cut into its parts; only the header has been read.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) header: Header,
    /// The header as it stands in the file: everything sealed is bound to it.
    pub(crate) header_bytes: &'a [u8],
    pub(crate) index: &'a [u8],
    pub(crate) values: &'a [u8],
}

/// Cuts a file into its parts.
///
/// Every format there ever was is read here, each by a reader of its own; there is one so far.
///
/// # Errors
///
/// [`OpenError::NoVault`], [`OpenError::Newer`] and [`OpenError::Damaged`].
pub(crate) fn read(bytes: &[u8]) -> Result<Parts<'_>, OpenError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(OpenError::NoVault)?;
    let version = rest.first_chunk().map(|two| u16::from_be_bytes(*two));
    match version.ok_or(OpenError::Damaged { what: "it ends within its first bytes" })? {
        1 => header::read_1(bytes),
        0 => Err(OpenError::Damaged { what: "there is no format 0" }),
        version => Err(OpenError::Newer { version }),
    }
}

/// What every file begins with; the version of the format follows.
pub(crate) const MAGIC: &[u8; 8] = b"FOGVAULT";

/// The format that is written.
pub(crate) const VERSION: u16 = 1;

/// The longest file.
pub(crate) const MAX_FILE_BYTES: usize = 8 * 1024 * 1024;

/// Takes one thing after the other from the front of bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A length that fits a file.
    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok().filter(|length| *length <= MAX_FILE_BYTES)
    }

    /// A text that has its length in front, in one byte.
    fn text(&mut self) -> Option<&'a str> {
        let length = self.u8()?;
        str::from_utf8(self.bytes(length.into())?).ok()
    }
}
