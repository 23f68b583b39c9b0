//! Base64 (RFC 4648), small and by itself.

/// With padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            text.push(if place <= chunk.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    text
}

/// With padding or without; nothing when there is anything else in it.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for chunk in digits.chunks(4) {
        let mut bits = 0_u32;
        for place in 0..4 {
            let digit = match chunk.get(place) {
                None => 0,
                Some(byte) => DIGITS.iter().position(|digit| digit == byte)?,
            };
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        let whole = bits.to_be_bytes();
        bytes.extend(&whole[1..chunk.len()]);
        if chunk.len() == 1 {
            return None;
        }
    }
    Some(bytes)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded_and_read_back() {
        assert_eq!(["", "f", "fo", "foo"].map(|text| encode(text.as_bytes())), ["", "Zg==", "Zm8=", "Zm9v"]);
        for text in ["", "f", "fo", "foo", "foob", "fooba"] {
            assert_eq!(decode(&encode(text.as_bytes())).as_deref(), Some(text.as_bytes()));
            assert_eq!(
                decode(encode(text.as_bytes()).trim_end_matches('=')).as_deref(),
                Some(text.as_bytes())
            );
        }
        assert_eq!([decode("Z"), decode("Zm9v!"), decode("Z g=")], [None, None, None]);
    }
}
