//! Syslog frames out of a stream of bytes.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// How a message was set apart from the next one (RFC 6587 section 3.4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Framing {
    /// A datagram of its own.
    Datagram,
    /// Its length in decimal digits and a space before it.
    OctetCounted,
    /// A line feed after it.
    Newline,
}

/// Cuts a stream into syslog messages; the framing is found out for each one anew.
///
/// What starts with a digit is octet-counted, everything else ends at a line feed: a syslog message itself
/// starts with `<`.
#[derive(Debug, Default)]
pub struct Frames {
    waiting: BytesMut,
    /// How much of `waiting` was searched for a line feed already.
    searched: usize,
}

impl Frames {
    /// Nothing received yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next whole message without its framing; `None` until more was received.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when the stream cannot be followed any further.
    pub fn next_frame(&mut self) -> Result<Option<(Framing, Bytes)>, FrameError> {
        match self.waiting.first() {
            None => Ok(None),
            Some(b'0'..=b'9') => self.counted(),
            Some(_) => self.line(),
        }
    }

    /// How many bytes wait for the rest of their message.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.waiting.len()
    }

    fn counted(&mut self) -> Result<Option<(Framing, Bytes)>, FrameError> {
        let digits = self.waiting.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > MAX_DIGITS || self.waiting[0] == b'0' {
            return Err(FrameError::Count);
        }
        match self.waiting.get(digits) {
            None => return Ok(None),
            Some(b' ') => {}
            Some(_) => return Err(FrameError::Count),
        }
        let length =
            self.waiting[..digits].iter().fold(0, |sum, &digit| sum * 10 + usize::from(digit - b'0'));
        if length > MAX_FRAME {
            return Err(FrameError::TooLong);
        }
        if self.waiting.len() < digits + 1 + length {
            return Ok(None);
        }
        self.waiting.advance(digits + 1);
        Ok(Some((Framing::OctetCounted, self.waiting.split_to(length).freeze())))
    }

    fn line(&mut self) -> Result<Option<(Framing, Bytes)>, FrameError> {
        let found = self.waiting[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(found) = found else {
            self.searched = self.waiting.len();
            return if self.searched > MAX_FRAME { Err(FrameError::TooLong) } else { Ok(None) };
        };
        let line = self.waiting.split_to(self.searched + found).freeze();
        self.waiting.advance(1);
        self.searched = 0;
        Ok(Some((Framing::Newline, line)))
    }
}

/// Why a stream of syslog messages cannot be followed any further.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// A count that starts with zero, has more than seven digits or no space behind it.
    #[error("a malformed octet count")]
    Count,
    /// A message of more than a mebibyte.
    #[error("a message of more than {MAX_FRAME} bytes")]
    TooLong,
}

const MAX_DIGITS: usize = 7;
const MAX_FRAME: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(chunks: &[&[u8]]) -> (Vec<(Framing, Bytes)>, Option<FrameError>, usize) {
        let mut frames = Frames::new();
        let mut found = Vec::new();
        for chunk in chunks {
            frames.push(chunk);
            loop {
                match frames.next_frame() {
                    Ok(Some(frame)) => found.push(frame),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error), frames.unfinished()),
                }
            }
        }
        (found, None, frames.unfinished())
    }

    #[test]
    fn both_framings_are_told_apart_message_by_message() {
        use Framing::{Newline, OctetCounted};
        let check = |input: &[u8], wanted: &[(Framing, &str)], error: Option<FrameError>, left: usize| {
            let wanted: Vec<_> = wanted.iter().map(|(f, text)| (*f, Bytes::from(text.to_string()))).collect();
            assert_eq!(all(&[input]), (wanted.clone(), error, left), "{input:?}");
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(all(&bytes).0, wanted, "byte by byte: {input:?}");
        };

        check(b"", &[], None, 0);
        check(b"5 <1>ab3 <1>", &[(OctetCounted, "<1>ab"), (OctetCounted, "<1>")], None, 0);
        check(b"<1>a\n<2>b\n", &[(Newline, "<1>a"), (Newline, "<2>b")], None, 0);
        check(
            b"<1>a\n4 <2>\n<3>c\n",
            &[(Newline, "<1>a"), (OctetCounted, "<2>\n"), (Newline, "<3>c")],
            None,
            0,
        );
        check(b"<1>a\r\n\n", &[(Newline, "<1>a\r"), (Newline, "")], None, 0);
        check(b"9 <1>short", &[], None, 10);
        check(b"<1>no end", &[], None, 9);
        check(b"4x<1>a", &[], Some(FrameError::Count), 6);
        check(b"04 <1>a", &[], Some(FrameError::Count), 7);
        check(b"12345678 <", &[], Some(FrameError::Count), 10);
        check(b"9999999 <", &[], Some(FrameError::TooLong), 9);
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let chunk = vec![b'x'; MAX_FRAME];
        assert_eq!(all(&[&chunk, b"y"]).1, Some(FrameError::TooLong));
    }

    proptest! {
        #[test]
        fn however_the_stream_is_cut_the_messages_are_the_same(
            messages in prop::collection::vec("<[0-9]>[ -~]{0,40}", 0..10),
            counted: bool,
            size in 1..50_usize,
        ) {
            let stream: String = messages
                .iter()
                .map(|m| if counted { format!("{} {m}", m.len()) } else { format!("{m}\n") })
                .collect();
            let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();

            let (found, error, left) = all(&chunks);

            prop_assert_eq!(found.iter().map(|(_, m)| m.as_ref()).collect::<Vec<_>>(),
                messages.iter().map(String::as_bytes).collect::<Vec<_>>());
            prop_assert_eq!((error, left), (None, 0));
        }

        #[test]
        fn random_bytes_never_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..10)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let _ = all(&chunks);
        }
    }
}
