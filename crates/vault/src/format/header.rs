//! What is in front: how the file can be opened.

use super::{MAGIC, MAX_FILE_BYTES, Parts, Reader, VERSION};
use crate::error::OpenError;
use crate::name::is_name;
use crate::wrapper::{Cost, Wrapper, WrapperKind};

/// Everything that stands open in the file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// Made once, and the same for ever.
    pub(crate) id: [u8; 16],
    /// One more with every write.
    pub(crate) counter: u64,
    /// Of this write.
    pub(crate) salt: [u8; 32],
    /// How long the sealed index is.
    pub(crate) index_bytes: usize,
    /// How long all sealed values are together.
    pub(crate) values_bytes: usize,
    pub(crate) wrappers: Vec<Wrapper>,
}

impl Header {
    /// The bytes of the header.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut wrappers = vec![u8::try_from(self.wrappers.len()).unwrap_or(u8::MAX)];
        for wrapper in &self.wrappers {
            wrappers.extend_from_slice(&wrapper.head());
            wrappers.extend_from_slice(&wrapper.wrapped);
        }
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&length(FIXED_BYTES + wrappers.len()));
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.counter.to_be_bytes());
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&length(self.index_bytes));
        bytes.extend_from_slice(&length(self.values_bytes));
        bytes.extend_from_slice(&wrappers);
        bytes
    }
}

/// Reads the header of format 1 and cuts the file behind it.
pub(super) fn read_1(file: &[u8]) -> Result<Parts<'_>, OpenError> {
    let damaged = |what| OpenError::Damaged { what };
    if file.len() > MAX_FILE_BYTES {
        return Err(damaged("it is longer than a vault can be"));
    }
    let mut reader = Reader(&file[MAGIC.len() + 2..]);
    let header_bytes = reader
        .length()
        .and_then(|length| file.get(..length))
        .filter(|header| header.len() > FIXED_BYTES)
        .ok_or_else(|| damaged("it ends within its header"))?;
    let mut reader = Reader(&header_bytes[MAGIC.len() + 2 + 4..]);
    let header = read_header(&mut reader)
        .filter(|_| reader.0.is_empty())
        .ok_or_else(|| damaged("its header makes no sense"))?;
    let mut rest = Reader(&file[header_bytes.len()..]);
    let parts = rest.bytes(header.index_bytes).zip(rest.bytes(header.values_bytes));
    let (index, values) =
        parts.filter(|_| rest.0.is_empty()).ok_or_else(|| damaged("it has not the length it says"))?;
    Ok(Parts { header, header_bytes, index, values })
}

fn read_header(reader: &mut Reader<'_>) -> Option<Header> {
    let id = reader.array()?;
    let counter = reader.u64()?;
    let salt = reader.array()?;
    let index_bytes = reader.length()?;
    let values_bytes = reader.length()?;
    let count = usize::from(reader.u8()?);
    if !(1..=MAX_WRAPPERS).contains(&count) {
        return None;
    }
    let mut wrappers: Vec<Wrapper> = Vec::with_capacity(count);
    for _ in 0..count {
        let wrapper = read_wrapper(reader)?;
        if wrappers.iter().any(|known| known.label == wrapper.label) {
            return None;
        }
        wrappers.push(wrapper);
    }
    Some(Header { id, counter, salt, index_bytes, values_bytes, wrappers })
}

fn read_wrapper(reader: &mut Reader<'_>) -> Option<Wrapper> {
    let kind = WrapperKind::of_number(reader.u8()?)?;
    let label = reader.text().filter(|label| is_name(label, false))?.into();
    let made = reader.u64()?;
    let salt = reader.array()?;
    let cost = match kind {
        WrapperKind::Passphrase => {
            let cost = Cost { memory_kib: reader.u32()?, passes: reader.u32()?, lanes: reader.u32()? };
            Some(cost).filter(|cost| cost.is_bounded()).map(Some)?
        }
        _ => None,
    };
    Some(Wrapper { kind, label, made, salt, cost, wrapped: reader.array()? })
}

/// The most keys that may open one vault.
pub(crate) const MAX_WRAPPERS: usize = 16;

/// Everything in front of the number of wrappers.
const FIXED_BYTES: usize = 8 + 2 + 4 + 16 + 8 + 32 + 4 + 4;
