//! Watches the bytes of a connection for the heads of its requests.
//!
//! An HTTP library drops `Content-Length` when a request also carries `Transfer-Encoding`, so that nobody
//! behind it can refuse the pair (RFC 9112 6.3). This looks at the same bytes first: it finds where each head
//! begins and ends, and says which one carried both. It judges nothing else; the library still parses.

/// Where the bytes of a connection are.
///
/// Feed it every byte in order. Its memory is one header line's beginning, however long the head is.
#[derive(Clone, Debug, Default)]
pub struct HeadWatch {
    state: State,
    line: Line,
    length: Option<Length>,
    encoded: bool,
    heads: u64,
    conflict: Option<u64>,
    lost: Option<u64>,
}

/// What a `Content-Length` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Length {
    Bytes(u64),
    /// Not a plain number, or so padded that its end was not kept. The library may still make one of it.
    Unclear,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// Before the first byte of a head; line ends in front of it are skipped, as HTTP libraries do.
    #[default]
    Before,
    /// Inside a head.
    Inside,
    /// Inside a body with this many bytes to come.
    Body(u64),
    /// Behind a head with a transfer encoding or an unclear length: where its body ends is not followed, and
    /// the connection must be closed behind it.
    Unknown,
}

/// The beginning of the line being read, enough for the names and values that matter.
#[derive(Clone, Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    length: usize,
    requests: bool,
}

impl HeadWatch {
    /// Takes the next bytes of the connection.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(&byte) = bytes.first() {
            match self.state {
                State::Unknown => return,
                State::Body(left) => {
                    let here = left.min(bytes.len() as u64);
                    self.state = if left == here { State::Before } else { State::Body(left - here) };
                    bytes = &bytes[usize::try_from(here).unwrap_or(bytes.len())..];
                    continue;
                }
                State::Before if byte == b'\r' || byte == b'\n' => {}
                State::Before => {
                    self.state = State::Inside;
                    self.line.begin(true);
                    (self.length, self.encoded) = (None, false);
                    continue;
                }
                State::Inside => {
                    let end = bytes.iter().position(|&byte| byte == b'\n');
                    self.line.push(&bytes[..end.unwrap_or(bytes.len())]);
                    let Some(end) = end else { return };
                    bytes = &bytes[end + 1..];
                    self.line_ended();
                    continue;
                }
            }
            bytes = &bytes[1..];
        }
    }

    /// Whether the connection is between requests: no byte of the next head has come.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.state == State::Before
    }

    /// Whether a head has begun and not ended.
    #[must_use]
    pub fn is_in_head(&self) -> bool {
        self.state == State::Inside
    }

    /// How many heads have ended.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether the connection must be closed behind request number `index`, counted from zero: where the
    /// next one begins is not known.
    #[must_use]
    pub fn is_lost(&self, index: u64) -> bool {
        self.lost.is_some_and(|lost| lost <= index)
    }

    /// Whether head number `index`, counted from zero, carried both a length and a transfer encoding.
    #[must_use]
    pub fn conflicts(&self, index: u64) -> bool {
        self.conflict == Some(index)
    }

    fn line_ended(&mut self) {
        let line = &self.line;
        if line.is_empty() {
            if self.encoded && self.length.is_some() && self.conflict.is_none() {
                self.conflict = Some(self.heads);
            }
            self.state = match self.length {
                Some(Length::Bytes(0)) | None if !self.encoded => State::Before,
                Some(Length::Bytes(length)) if !self.encoded => State::Body(length),
                _ => {
                    self.lost = Some(self.heads);
                    State::Unknown
                }
            };
            self.heads += 1;
        } else if !line.requests {
            if let Some(value) = line.value_of("content-length") {
                let digits = value.trim().parse().ok().filter(|_| line.is_whole());
                self.length = Some(digits.map_or(Length::Unclear, Length::Bytes));
            } else if line.value_of("transfer-encoding").is_some() {
                self.encoded = true;
            }
        }
        self.line.begin(false);
    }
}

impl Line {
    /// Forgets the line before and keeps its memory: there are some ten lines to every request.
    fn begin(&mut self, requests: bool) {
        self.bytes.clear();
        self.length = 0;
        self.requests = requests;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        let room = LINE_BYTES - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn is_empty(&self) -> bool {
        self.length == 0 || (self.length == 1 && self.bytes == b"\r")
    }

    /// Whether all of it was kept.
    fn is_whole(&self) -> bool {
        self.length == self.bytes.len()
    }

    fn value_of(&self, name: &str) -> Option<&str> {
        let colon = self.bytes.iter().position(|&byte| byte == b':')?;
        let (found, value) = self.bytes.split_at(colon);
        found
            .trim_ascii_end()
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| std::str::from_utf8(&value[1..]).unwrap_or(""))
    }
}

/// Longer than any line that matters: `transfer-encoding:` and a 20-digit length with some space around.
const LINE_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(bytes: &[u8], step: usize) -> HeadWatch {
        let mut watch = HeadWatch::default();
        bytes.chunks(step).for_each(|chunk| watch.feed(chunk));
        watch
    }

    #[test]
    fn only_the_pair_is_a_conflict_in_whichever_order_and_however_cut() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\nContent-Length: 0\r\n\r\n", "y".repeat(500));
        for (bytes, conflict) in [
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", None),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", Some(0)),
            ("POST / HTTP/1.1\r\ntransfer-ENCODING: chunked\r\ncontent-length: 3\r\n\r\n", Some(0)),
            ("POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 3\n\n", Some(0)),
            ("\r\nPOST / HTTP/1.1\r\nContent-Length :x\r\nTransfer-Encoding:\tgzip\r\n\r\n", Some(0)),
            ("GET /Content-Length:3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", None),
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n",
                Some(1),
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 42\r\n\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n",
                None,
            ),
            (&long, None),
        ] {
            for step in [1, 2, 3, 7, 1000] {
                let watch = watch(bytes.as_bytes(), step);
                assert_eq!(watch.conflict, conflict, "{bytes:?} in steps of {step}");
                assert_eq!(watch.conflicts(0), conflict == Some(0));
            }
        }
    }

    #[test]
    fn where_the_connection_is_is_known() {
        let padded = format!("POST / HTTP/1.1\r\nContent-Length: {}7\r\n\r\n", "0".repeat(LINE_BYTES));
        for (bytes, between, in_head, lost) in [
            ("", true, false, false),
            ("\r\n", true, false, false),
            ("P", false, true, false),
            ("POST / HTTP/1.1\r\nA: b\r\n", false, true, false),
            ("GET / HTTP/1.1\r\n\r\n", true, false, false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", false, false, false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", true, false, false),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", false, false, true),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", false, false, true),
            (&padded, false, false, true),
        ] {
            let watch = watch(bytes.as_bytes(), 1);
            assert_eq!(
                (watch.is_between(), watch.is_in_head(), watch.is_lost(0)),
                (between, in_head, lost),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_request_in_front_of_a_lost_one_is_not_lost() {
        let watch = watch(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\naPOST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
            1000,
        );

        assert_eq!((watch.is_lost(0), watch.is_lost(1), watch.is_lost(2)), (false, true, true));
    }
}
