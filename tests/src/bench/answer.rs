//! Reads answers of HTTP/1.1, as much of them as a load needs.

/// One answer at the beginning of some bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// How many bytes it has in all.
    pub(super) length: usize,
    /// Whether the connection ends behind it.
    pub(super) close: bool,
}

/// What stands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Parsed {
    /// A whole answer.
    Whole(Answer),
    /// The beginning of one.
    Partial,
    /// None, or one without `Content-Length`.
    Malformed,
}

/// Reads the answer that `bytes` begin with.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|end| end + 4) else {
        return if bytes.len() > MAX_HEAD { Parsed::Malformed } else { Parsed::Partial };
    };
    let Ok(text) = std::str::from_utf8(&bytes[..head]) else { return Parsed::Malformed };
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let (mut length, mut close) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            close = value.trim().eq_ignore_ascii_case("close");
        }
    }
    match (status, length) {
        (Some(status), Some(length)) if bytes.len() >= head + length => {
            Parsed::Whole(Answer { status, length: head + length, close })
        }
        (Some(_), Some(length)) if length <= MAX_BODY => Parsed::Partial,
        _ => Parsed::Malformed,
    }
}

/// The longest head and body that are waited for.
const MAX_HEAD: usize = 16 << 10;
const MAX_BODY: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_its_length_and_whether_it_is_the_last() {
        let whole = |status, length, close| Parsed::Whole(Answer { status, length, close });
        for (bytes, expect) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: x\r\n\r\n", whole(200, 47, false)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 503", whole(200, 38, false)),
            ("HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", whole(503, 58, true)),
            ("HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\na", Parsed::Partial),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n", Parsed::Partial),
            ("", Parsed::Partial),
            ("HTTP/1.1 200 OK\r\n\r\n", Parsed::Malformed),
            ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", Parsed::Malformed),
            ("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", Parsed::Malformed),
        ] {
            assert_eq!(parse(bytes.as_bytes()), expect, "{bytes:?}");
        }
    }
}
