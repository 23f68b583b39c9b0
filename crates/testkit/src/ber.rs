//! A small reader and writer of BER as SNMP uses it.
//!
//! Definite lengths only and one-byte tags, as RFC 3417 section 8 demands. Everything malformed is an error,
//! never a panic, and nothing is allocated that the input did not pay for.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// `INTEGER`.
pub const INTEGER: u8 = 0x02;
/// `OCTET STRING`.
pub const OCTET_STRING: u8 = 0x04;
/// `NULL`.
pub const NULL: u8 = 0x05;
/// `OBJECT IDENTIFIER`.
pub const OBJECT_ID: u8 = 0x06;
/// `SEQUENCE`, constructed.
pub const SEQUENCE: u8 = 0x30;

/// Why bytes are not the BER that was expected.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BerError {
    /// The input ends inside an element.
    #[error("the input ends inside an element")]
    Short,
    /// Another element was expected.
    #[error("tag {found:#04x} where {wanted:#04x} was expected")]
    Tag {
        /// The tag expected here.
        wanted: u8,
        /// The tag that is here.
        found: u8,
    },
    /// A length in the indefinite form or with more than four bytes.
    #[error("a length in a form that SNMP does not use")]
    Length,
    /// A number that is empty, not in its shortest form, or too large for its type.
    #[error("a number that is empty, not in its shortest form, or too large")]
    Number,
    /// An object identifier that is empty, cut short, not in its shortest form, or too large.
    #[error("a malformed object identifier")]
    ObjectId,
    /// Bytes after the last element.
    #[error("{0} bytes after the last element")]
    Trailing(usize),
    /// Well-formed BER that is not what SNMP puts here.
    #[error("{0}")]
    Shape(&'static str),
}

/// Reads elements one after another.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether everything was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element's tag and contents.
    ///
    /// # Errors
    ///
    /// [`BerError::Short`] and [`BerError::Length`].
    pub fn element(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let (&tag, rest) = self.0.split_first().ok_or(BerError::Short)?;
        let (&first, rest) = rest.split_first().ok_or(BerError::Short)?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) {
                return Err(BerError::Length);
            }
            let (digits, rest) = rest.split_at_checked(count).ok_or(BerError::Short)?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        };
        let (contents, rest) = rest.split_at_checked(length).ok_or(BerError::Short)?;
        self.0 = rest;
        Ok((tag, contents))
    }

    /// The contents of the next element, which must have `tag`.
    ///
    /// # Errors
    ///
    /// [`BerError::Tag`] and those of [`Self::element`].
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], BerError> {
        match self.element()? {
            (found, contents) if found == tag => Ok(contents),
            (found, _) => Err(BerError::Tag { wanted: tag, found }),
        }
    }

    /// A reader of the contents of the next element, which must have `tag`.
    ///
    /// # Errors
    ///
    /// Those of [`Self::expect`].
    pub fn enter(&mut self, tag: u8) -> Result<Self, BerError> {
        self.expect(tag).map(Self)
    }

    /// The next element as a signed `INTEGER` of 32 bits.
    ///
    /// # Errors
    ///
    /// [`BerError::Number`] and those of [`Self::expect`].
    pub fn integer(&mut self) -> Result<i32, BerError> {
        signed(self.expect(INTEGER)?)
    }

    /// Says whether everything was read.
    ///
    /// # Errors
    ///
    /// [`BerError::Trailing`].
    pub const fn end(self) -> Result<(), BerError> {
        if self.0.is_empty() { Ok(()) } else { Err(BerError::Trailing(self.0.len())) }
    }
}

/// Reads the contents of a signed `INTEGER`.
///
/// # Errors
///
/// [`BerError::Number`].
pub fn signed(contents: &[u8]) -> Result<i32, BerError> {
    let negative = contents.first().ok_or(BerError::Number)? & 0x80 != 0;
    if contents.len() > 4 || !is_shortest(contents) {
        return Err(BerError::Number);
    }
    let start = if negative { -1 } else { 0 };
    Ok(contents.iter().fold(start, |number, &byte| number << 8 | i32::from(byte)))
}

/// Reads the contents of an unsigned number of at most `bytes` bytes (4 or 8).
///
/// # Errors
///
/// [`BerError::Number`].
pub fn unsigned(contents: &[u8], bytes: usize) -> Result<u64, BerError> {
    let negative = contents.first().ok_or(BerError::Number)? & 0x80 != 0;
    if negative || contents.len() > bytes + 1 || !is_shortest(contents) {
        return Err(BerError::Number);
    }
    Ok(contents.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// X.690 8.3.2: the first nine bits are neither all zero nor all one.
const fn is_shortest(contents: &[u8]) -> bool {
    !matches!(contents, [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..])
}

/// An object identifier.
///
/// Shape: at most 128 numbers of 32 bits (RFC 3416 section 4.1); prints as `1.3.6.1`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Oid(Vec<u32>);

impl Oid {
    /// The identifier with these numbers.
    #[must_use]
    pub fn new(numbers: &[u32]) -> Self {
        Self(numbers.to_vec())
    }

    /// Reads the contents of an `OBJECT IDENTIFIER`.
    ///
    /// # Errors
    ///
    /// [`BerError::ObjectId`].
    pub fn from_ber(contents: &[u8]) -> Result<Self, BerError> {
        let mut numbers = Vec::new();
        let mut number = 0_u64;
        let mut inside = false;
        for &byte in contents {
            if !inside && byte == 0x80 {
                return Err(BerError::ObjectId);
            }
            number = number << 7 | u64::from(byte & 0x7f);
            inside = byte & 0x80 != 0;
            if number > u64::from(u32::MAX) + 80 {
                return Err(BerError::ObjectId);
            }
            if inside {
                continue;
            }
            if numbers.is_empty() {
                let root = (number / 40).min(2);
                numbers.push(u32::try_from(root).expect("at most two"));
                number -= root * 40;
            }
            numbers.push(u32::try_from(number).map_err(|_| BerError::ObjectId)?);
            number = 0;
        }
        if inside || numbers.is_empty() || numbers.len() > 128 {
            return Err(BerError::ObjectId);
        }
        Ok(Self(numbers))
    }

    /// The numbers, first first.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.0
    }

    /// What follows `prefix`, when this starts with it.
    #[must_use]
    pub fn below(&self, prefix: &[u32]) -> Option<&[u32]> {
        self.0.strip_prefix(prefix)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, number) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "{number}")?;
        }
        Ok(())
    }
}

impl FromStr for Oid {
    type Err = BerError;

    /// Reads `1.3.6.1`, also with a leading dot.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('.').unwrap_or(text);
        text.split('.')
            .map(|number| number.parse().map_err(|_| BerError::ObjectId))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Appends an element to `out`.
pub fn write(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    out.push(tag);
    let length = contents.len();
    if length < 0x80 {
        out.push(u8::try_from(length).expect("below 128"));
    } else {
        let digits = length.to_be_bytes();
        let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
        out.push(0x80 | u8::try_from(digits.len() - zeros).expect("a length has at most eight bytes"));
        out.extend_from_slice(&digits[zeros..]);
    }
    out.extend_from_slice(contents);
}

/// Appends an `INTEGER` in its shortest form to `out`.
pub fn write_integer(out: &mut Vec<u8>, number: i32) {
    let bytes = number.to_be_bytes();
    let mut contents = &bytes[..];
    while contents.len() > 1 && !is_shortest(contents) {
        contents = &contents[1..];
    }
    write(out, INTEGER, contents);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_read_in_the_forms_that_snmp_uses() {
        let long = [[0x04, 0x81, 0x80].as_slice(), &[7; 128]].concat();
        assert_eq!(Reader::new(&long).element(), Ok((0x04, &[7; 128][..])));
        assert_eq!(Reader::new(&[0x04, 0x82, 0x00, 0x01, 9]).element(), Ok((0x04, &[9][..])));
        assert_eq!(Reader::new(&[0x05, 0x00]).element(), Ok((0x05, &[][..])));

        for (bytes, error) in [
            (&[][..], BerError::Short),
            (&[0x04], BerError::Short),
            (&[0x04, 0x02, 0x00], BerError::Short),
            (&[0x04, 0x82, 0x01], BerError::Short),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], BerError::Short),
            (&[0x30, 0x80, 0x00, 0x00], BerError::Length),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 9], BerError::Length),
        ] {
            assert_eq!(Reader::new(bytes).element(), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn numbers_are_read_in_their_shortest_form_only() {
        for (contents, number) in [
            (&[0x00][..], Ok(0)),
            (&[0x7f], Ok(127)),
            (&[0x00, 0x80], Ok(128)),
            (&[0xff], Ok(-1)),
            (&[0x80], Ok(-128)),
            (&[0x7f, 0xff, 0xff, 0xff], Ok(i32::MAX)),
            (&[0x80, 0x00, 0x00, 0x00], Ok(i32::MIN)),
            (&[], Err(BerError::Number)),
            (&[0x00, 0x01], Err(BerError::Number)),
            (&[0xff, 0x80], Err(BerError::Number)),
            (&[0x01, 0, 0, 0, 0], Err(BerError::Number)),
        ] {
            assert_eq!(signed(contents), number, "{contents:02x?}");
        }
        assert_eq!(unsigned(&[0x00, 0xff, 0xff, 0xff, 0xff], 4), Ok(0xffff_ffff));
        assert_eq!(unsigned(&[0x01, 0, 0, 0, 0, 0], 4), Err(BerError::Number));
        assert_eq!(unsigned(&[0xff], 4), Err(BerError::Number));
        assert_eq!(unsigned(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 8), Ok(u64::MAX));
    }

    #[test]
    fn object_identifiers_are_read_and_printed() {
        for (contents, text) in [
            (&[0x2b, 6, 1, 4, 1, 0x81, 0xfd, 0x58, 1, 0, 3][..], Some("1.3.6.1.4.1.32472.1.0.3")),
            (&[0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f], Some("1.3.4294967295")),
            (&[0x78], Some("2.40")),
            (&[0x00], Some("0.0")),
            (&[], None),
            (&[0x2b, 0x81], None),
            (&[0x2b, 0x80, 0x01], None),
            (&[0x2b, 0x90, 0x80, 0x80, 0x80, 0x00], None),
        ] {
            let read = Oid::from_ber(contents);
            assert_eq!(read.as_ref().ok().map(ToString::to_string).as_deref(), text, "{contents:02x?}");
            if let Some(text) = text {
                assert_eq!(text.parse(), read);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_written_reads_back(number: i32, tag: u8, contents in prop::collection::vec(any::<u8>(), 0..70_000)) {
            let mut out = Vec::new();
            write_integer(&mut out, number);
            write(&mut out, tag, &contents);

            let mut reader = Reader::new(&out);

            prop_assert_eq!(reader.integer(), Ok(number));
            prop_assert_eq!(reader.element(), Ok((tag, &contents[..])));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }
}
