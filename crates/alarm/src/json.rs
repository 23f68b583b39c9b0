//! Writes JSON as `serde_json` does, and faster where texts are long and plain, as most are.

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
