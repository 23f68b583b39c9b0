//! What a file is, before anybody tries to read it as something.

/// What bytes are that an operator gave as PEM.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// Nothing but white space.
    Empty,
    /// Text of another encoding, as Windows tools write it.
    Utf16,
    /// Bytes that are no text: DER, PKCS#12, a Java key store.
    Binary,
    /// Text; the labels of its PEM sections in order, perhaps none.
    Pem(Vec<String>),
}

/// Looks at `bytes`.
pub(crate) fn content(bytes: &[u8]) -> Content {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        return if utf16 { Content::Utf16 } else { Content::Binary };
    };
    if text.trim().is_empty() {
        return Content::Empty;
    }
    if text.contains('\0') {
        return Content::Binary;
    }
    let label = |line: &str| {
        let label = line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
        (label.len() <= 64 && label.bytes().all(|b| b == b' ' || b.is_ascii_graphic()))
            .then(|| label.to_owned())
    };
    Content::Pem(without_mark(text).lines().filter_map(label).take(MAX_SECTIONS).collect())
}

/// `bytes` without the byte order mark that some editors put before a text.
pub(crate) fn plain(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// More than any chain has.
pub(crate) const MAX_SECTIONS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_is_told_from_its_bytes() {
        let sections = |labels: &[&str]| Content::Pem(labels.iter().map(|&label| label.into()).collect());
        for (bytes, is) in [
            (b"" as &[u8], Content::Empty),
            (b" \r\n\t", Content::Empty),
            (b"\x30\x82\x01\x0a\xff", Content::Binary),
            (b"0\0", Content::Binary),
            (b"\xff\xfe-\0-\0", Content::Utf16),
            (b"hello", sections(&[])),
            (b"-----BEGIN X-----\r\nAA==\r\n-----END X-----\r\n", sections(&["X"])),
            (b"\xef\xbb\xbf-----BEGIN X-----\nsubject=y\n -----BEGIN Y Z-----", sections(&["X", "Y Z"])),
            (b"-----BEGIN \x1b[2J-----", sections(&[])),
        ] {
            assert_eq!(content(bytes), is, "{bytes:?}");
        }
    }
}
