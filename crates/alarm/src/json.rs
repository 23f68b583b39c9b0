//! Writes JSON as `serde_json` does, and faster where texts are long and plain, as most are.

use serde::Serialize;

/// An object that is being written.
pub(crate) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Writer<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A field of our own, whose name needs no escape.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        put_text(text, self.out);
    }

    /// One that is left out when it is empty.
    pub(crate) fn text_if_any(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }

    pub(crate) fn value(&mut self, name: &str, value: &impl Serialize) {
        self.name(name);
        serde_json::to_writer(&mut *self.out, value).expect("texts, numbers and lists of them are JSON");
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends `text` as a string (RFC 8259 7).
pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("writing to memory does not fail");
    }
}

/// Whether nothing in `text` has to be escaped. It looks at blocks as a whole, which the machine does at once.
fn is_plain(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let escaped = |byte: &u8| (*byte < b' ') | (*byte == b'"') | (*byte == b'\\');
    let plain = |block: &[u8]| !block.iter().fold(false, |any, byte| any | escaped(byte));
    blocks.iter().all(|block| plain(block)) && !rest.iter().any(escaped)
}

/// How many bytes are looked at as a whole.
const BLOCK: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_written_as_serde_json_does(plain in "[ -~é]{0,70}", odd: String, at: prop::sample::Index) {
            let text = plain.replace(['"', '\\'], "");
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
            for odd in ["", &odd, "\"", "\\", "\u{1f}", "\u{7f}"] {
                let mut text = text.clone();
                text.insert_str(*at.get(&places), odd);
                let mut out = Vec::new();
                put_text(&text, &mut out);
                prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
    }
}
