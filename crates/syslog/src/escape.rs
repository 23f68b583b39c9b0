//! Texts from outside, made fit for a line.

use std::io::Write as _;

/// Where in a message a text stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// Between the quotes of a PARAM-VALUE, where `"`, `\` and `]` need a backslash (RFC 5424 6.3.3).
    Value,
    /// In MSG, which runs to the end.
    Message,
}

/// Appends `text`, escaped for `place`.
///
/// A control character is spelt `\n`, `\r`, `\t` or `\u001b`. In a PARAM-VALUE that backslash is escaped
/// like any other, so a reader that undoes the escaping gets the same spelling as in MSG.
pub(crate) fn escape(text: &str, place: Place, out: &mut Vec<u8>) {
    let mut done = 0;
    for (at, c) in text.char_indices() {
        let spelling = Spelling::of(c, place);
        if spelling == Spelling::Itself {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[done..at]);
        done = at + c.len_utf8();
        match spelling {
            Spelling::Itself => {}
            Spelling::Quoted(c) => out.extend_from_slice(&[b'\\', c]),
            Spelling::Letter(letter) => {
                out.extend_from_slice(place.backslash());
                out.push(letter);
            }
            Spelling::Code(code) => {
                out.extend_from_slice(place.backslash());
                write!(out, "u{code:04x}").expect("writing to memory does not fail");
            }
        }
    }
    out.extend_from_slice(&text.as_bytes()[done..]);
}

/// How many bytes [`escape`] appends.
pub(crate) fn width(text: &str, place: Place) -> usize {
    text.chars().map(|c| char_width(c, place)).sum()
}

/// The longest beginning of `text` that [`escape`] writes in `room` bytes, cut between characters.
pub(crate) fn beginning(text: &str, place: Place, room: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c, place);
        if used > room {
            return &text[..at];
        }
    }
    text
}

fn char_width(c: char, place: Place) -> usize {
    match Spelling::of(c, place) {
        Spelling::Itself => c.len_utf8(),
        Spelling::Quoted(_) => 2,
        Spelling::Letter(_) => place.backslash().len() + 1,
        Spelling::Code(_) => place.backslash().len() + 5,
    }
}

impl Place {
    const fn backslash(self) -> &'static [u8] {
        match self {
            Self::Value => br"\\",
            Self::Message => br"\",
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spelling {
    Itself,
    Quoted(u8),
    Letter(u8),
    Code(u32),
}

impl Spelling {
    fn of(c: char, place: Place) -> Self {
        match c {
            '\n' => Self::Letter(b'n'),
            '\r' => Self::Letter(b'r'),
            '\t' => Self::Letter(b't'),
            '"' if place == Place::Value => Self::Quoted(b'"'),
            '\\' if place == Place::Value => Self::Quoted(b'\\'),
            ']' if place == Place::Value => Self::Quoted(b']'),
            ' '..='~' => Self::Itself,
            c if c.is_control() || is_deceptive(c) => Self::Code(c.into()),
            _ => Self::Itself,
        }
    }
}

/// Line separators, bidirectional controls and the byte order mark: they change how a line is read
/// without being seen. Source: Unicode 16, PropList `Bidi_Control`, and UAX 14 for U+2028 and U+2029.
const fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{061c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str, place: Place) -> String {
        let mut out = Vec::new();
        escape(text, place, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_would_break_a_line_is_spelt_out() {
        for (text, value, message) in [
            ("", "", ""),
            ("Zürich 🦊 日本", "Zürich 🦊 日本", "Zürich 🦊 日本"),
            (r#"a "b" [c] \d"#, r#"a \"b\" [c\] \\d"#, r#"a "b" [c] \d"#),
            ("a\nb\r\tc", r"a\\nb\\r\\tc", r"a\nb\r\tc"),
            ("\u{1b}[31m", r"\\u001b[31m", r"\u001b[31m"),
            ("\0\u{7f}\u{85}\u{9b}", r"\\u0000\\u007f\\u0085\\u009b", r"\u0000\u007f\u0085\u009b"),
            ("\u{2028}\u{2029}", r"\\u2028\\u2029", r"\u2028\u2029"),
            ("\u{202e}\u{2066}\u{61c}", r"\\u202e\\u2066\\u061c", r"\u202e\u2066\u061c"),
            ("\u{feff}x", r"\\ufeffx", r"\ufeffx"),
        ] {
            assert_eq!(escaped(text, Place::Value), value, "{text:?}");
            assert_eq!(escaped(text, Place::Message), message, "{text:?}");
        }
    }

    #[test]
    fn a_beginning_never_cuts_a_character_or_its_escape() {
        for (text, room, kept) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("aé", 2, "a"),
            ("a\"b", 2, "a"),
            ("a\"b", 3, "a\""),
            ("a\nb", 3, "a"),
            ("a\u{1b}b", 8, "a\u{1b}"),
            ("abc", 0, ""),
        ] {
            assert_eq!(beginning(text, Place::Value, room), kept, "{text:?} in {room}");
        }
    }

    proptest! {
        #[test]
        fn the_width_is_what_is_written(text: String, room in 0_usize..64) {
            for place in [Place::Value, Place::Message] {
                prop_assert_eq!(width(&text, place), escaped(&text, place).len());
                let kept = beginning(&text, place, room);
                prop_assert!(text.starts_with(kept) && width(kept, place) <= room);
            }
        }

        #[test]
        fn no_control_character_is_left(text: String) {
            for place in [Place::Value, Place::Message] {
                prop_assert!(!escaped(&text, place).chars().any(|c| c.is_control() || is_deceptive(c)));
            }
        }
    }
}
