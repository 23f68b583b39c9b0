//! DER, as much as a public key needs: read strictly, written canonically.
//!
//! Source: X.690 10; RFC 5280 4.1 for `SubjectPublicKeyInfo`, RFC 8017 A.1.1 for `RSAPublicKey`.

/// What follows in some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The content of the next element, which must be of this tag and of minimal definite length.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&length, rest) = rest.split_first()?;
                (usize::from(length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            // 64 KiB are more than any key
            _ => return None,
        };
        let minimal = match first {
            0x81 => length >= 0x80,
            0x82 => length >= 0x100,
            _ => true,
        };
        if found != tag || !minimal {
            return None;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// The magnitude of the next element, which must be a positive integer; its first byte is not zero.
    pub(super) fn positive(&mut self) -> Option<&'a [u8]> {
        let content = self.element(INTEGER)?;
        match content {
            [0, second, ..] if *second >= 0x80 => content.get(1..),
            [first, ..] if (1..0x80).contains(first) => Some(content),
            _ => None,
        }
    }
}

/// The element of `tag` with `content`, of at most 64 KiB.
pub(super) fn write(tag: u8, content: &[u8], into: &mut Vec<u8>) {
    into.push(tag);
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    match length.to_be_bytes() {
        [0, short @ 0..0x80] => into.push(short),
        [0, long] => into.extend([0x81, long]),
        [high, low] => into.extend([0x82, high, low]),
    }
    into.extend_from_slice(content);
}

/// The integer of this magnitude, which may begin with zeros.
fn write_positive(magnitude: &[u8], into: &mut Vec<u8>) {
    let start = magnitude.iter().position(|byte| *byte != 0).unwrap_or(magnitude.len());
    let mut content = Vec::with_capacity(magnitude.len() + 1);
    if magnitude.get(start).is_none_or(|first| *first >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(&magnitude[start..]);
    write(INTEGER, &content, into);
}

/// The `SubjectPublicKeyInfo` of an RSA key.
pub(super) fn rsa_spki(modulus: &[u8], exponent: u32) -> Vec<u8> {
    let mut numbers = Vec::with_capacity(modulus.len() + 16);
    write_positive(modulus, &mut numbers);
    write_positive(&exponent.to_be_bytes(), &mut numbers);
    let mut bits = vec![0];
    write(SEQUENCE, &numbers, &mut bits);
    let mut whole = Vec::with_capacity(bits.len() + 32);
    write(SEQUENCE, RSA_ALGORITHM, &mut whole);
    write(BIT_STRING, &bits, &mut whole);
    let mut spki = Vec::with_capacity(whole.len() + 8);
    write(SEQUENCE, &whole, &mut spki);
    spki
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// Content of an `AlgorithmIdentifier`: rsaEncryption and NULL, which RFC 8017 A.1 wants.
pub(super) const RSA_ALGORITHM: &[u8] =
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// Content of the identifier of elliptic curve keys, RFC 5480 2.1.
pub(super) const EC_ALGORITHM: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
