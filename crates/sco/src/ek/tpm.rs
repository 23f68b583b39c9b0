//! `TPM2B_PUBLIC`, as `tpm2_createek -u` and `tpm2_readpublic -o` write it.
//!
//! Source: TCG Trusted Platform Module Library 2.0, Part 2, 12.2.4 `TPMT_PUBLIC`, 12.2.5 `TPM2B_PUBLIC`, 8.3
//! `TPMA_OBJECT`.

use super::EkError;

/// A public area that was read to its end.
#[derive(Debug)]
pub(super) enum Public<'a> {
    Rsa { modulus: &'a [u8], exponent: u32, attributes: u32 },
    Ecc,
}

/// Reads `bytes`, with the size before the public area or without; `None` when they are something else.
pub(super) fn read(bytes: &[u8]) -> Option<Public<'_>> {
    let mut reader = Reader(bytes);
    match reader.sized() {
        Some(inside) if reader.0.is_empty() => read_area(inside),
        _ => read_area(bytes),
    }
}

fn read_area(bytes: &[u8]) -> Option<Public<'_>> {
    let mut reader = Reader(bytes);
    let kind = reader.u16()?;
    let _name_algorithm = reader.u16().filter(|algorithm| HASHES.contains(algorithm))?;
    let attributes = reader.u32()?;
    let _policy = reader.sized().filter(|policy| policy.len() <= 64)?;
    if reader.u16()? != NULL {
        let _key_bits_and_mode = (reader.u16()?, reader.u16()?);
    }
    let public = match kind {
        RSA => {
            if reader.u16()? != NULL {
                let _hash = reader.u16()?;
            }
            let bits = reader.u16()?;
            let exponent = reader.u32()?;
            let modulus = reader.sized()?;
            if modulus.len() != usize::from(bits).div_ceil(8) {
                return None;
            }
            Public::Rsa { modulus, exponent: if exponent == 0 { 65537 } else { exponent }, attributes }
        }
        ECC => {
            if reader.u16()? != NULL {
                let _hash = reader.u16()?;
            }
            let _curve = reader.u16()?;
            if reader.u16()? != NULL {
                let _hash = reader.u16()?;
            }
            let _point = (reader.sized()?, reader.sized()?);
            Public::Ecc
        }
        _ => return None,
    };
    reader.0.is_empty().then_some(public)
}

/// Whether an object of these attributes may be an endorsement key: it never left its TPM, and only decrypts.
pub(super) const fn judge(attributes: u32) -> Result<(), EkError> {
    if attributes & FIXED_TPM == 0 || attributes & RESTRICTED == 0 || attributes & DECRYPT == 0 {
        return Err(EkError::NotEndorsement { attributes });
    }
    Ok(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        let (content, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }
}

const RSA: u16 = 0x0001;
const ECC: u16 = 0x0023;
const NULL: u16 = 0x0010;
/// SHA-1, SHA-256, SHA-384, SHA-512.
const HASHES: [u16; 4] = [0x0004, 0x000b, 0x000c, 0x000d];
const FIXED_TPM: u32 = 1 << 1;
const RESTRICTED: u32 = 1 << 16;
const DECRYPT: u32 = 1 << 17;
