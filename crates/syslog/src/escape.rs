//! Texts from outside, made fit for a line.

use std::io::Write as _;

/// Where in a message a text stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// Between the quotes of a PARAM-VALUE, where `"`, `\` and `]` need a backslash (RFC 5424 6.3.3).
    Value,
    /// In MSG, which runs to the end.
    Message,
    /// Between the quotes of a value in MSG, where `"` and `\` need a backslash.
    Quoted,
    /// In a string of JSON, where they do too, and `\n`, `\r`, `\t` are its own spellings (RFC 8259 7).
    Json,
    /// In the header of CEF, where `|` and `\` need a backslash.
    CefHeader,
    /// In an extension of CEF, where `=` and `\` do, and `\n` and `\r` are its own spellings.
    CefValue,
}

/// Appends `text`, escaped for `place`.
///
/// A control character is spelt `\n`, `\r`, `\t` or `\u001b`. Where a backslash must be escaped this one is
/// too, so a reader that undoes the escaping gets the same spelling as in MSG; but a format's own spellings of
/// line ends and tabs are used as they are, and its reader gets the character.
pub(crate) fn escape(text: &str, place: Place, out: &mut Vec<u8>) {
    for piece in pieces(text, place) {
        match piece {
            Piece::Plain(run) => out.extend_from_slice(run.as_bytes()),
            Piece::Spelt(Spelling::Quoted(c)) => out.extend_from_slice(&[b'\\', c]),
            Piece::Spelt(Spelling::Letter(letter)) => {
                out.extend_from_slice(place.backslash_before(letter));
                out.push(letter);
            }
            Piece::Spelt(Spelling::Code(code)) => {
                out.extend_from_slice(place.backslash());
                write!(out, "u{code:04x}").expect("writing to memory does not fail");
            }
        }
    }
}

/// How many bytes [`escape`] appends.
pub(crate) fn width(text: &str, place: Place) -> usize {
    let piece_width = |piece| match piece {
        Piece::Plain(run) => run.len(),
        Piece::Spelt(spelling) => spelling.width(place),
    };
    pieces(text, place).map(piece_width).sum()
}

/// The longest beginning of `text` that [`escape`] writes in `room` bytes, cut between characters.
pub(crate) fn beginning(text: &str, place: Place, room: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += Spelling::of(c, place).map_or_else(|| c.len_utf8(), |spelling| spelling.width(place));
        if used > room {
            return &text[..at];
        }
    }
    text
}

/// A part of a text.
enum Piece<'a> {
    /// Characters that stand for themselves.
    Plain(&'a str),
    /// One that does not.
    Spelt(Spelling),
}

fn pieces(text: &str, place: Place) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (length, piece) = match Spelling::of(first, place) {
            Some(spelling) => (first.len_utf8(), Piece::Spelt(spelling)),
            None => {
                let plain = plain_length(rest, place);
                (plain, Piece::Plain(&rest[..plain]))
            }
        };
        rest = &rest[length..];
        Some(piece)
    })
}

/// How many bytes at the beginning of `text` are characters that stand for themselves.
fn plain_length(text: &str, place: Place) -> usize {
    let mut at = 0;
    loop {
        at += unsuspicious_length(&text.as_bytes()[at..], place);
        match text[at..].chars().next() {
            Some(c) if Spelling::of(c, place).is_none() => at += c.len_utf8(),
            _ => return at,
        }
    }
}

/// How many bytes go by before one with which a character begins that may have a [`Spelling`].
fn unsuspicious_length(bytes: &[u8], place: Place) -> usize {
    /// What is quoted is known when this is compiled: only then is a block compared at once.
    macro_rules! of_each {
        ($($place:ident)*) => {
            match place {
                $(Place::$place => {
                    const QUOTED: [u8; 3] = Place::$place.quoted();
                    unsuspicious::<{ QUOTED[0] }, { QUOTED[1] }, { QUOTED[2] }>(bytes)
                })*
            }
        };
    }
    of_each!(Value Message Quoted Json CefHeader CefValue)
}

/// The same where `A`, `B` and `C` need a backslash. It looks at blocks as a whole, since a text is most often long and
/// plain; and first for what is no printable ASCII, since it most often has nothing else.
fn unsuspicious<const A: u8, const B: u8, const C: u8>(bytes: &[u8]) -> usize {
    let quoted = |byte: u8| (byte == A) | (byte == B) | (byte == C);
    let suspect = |byte: u8| may_be_spelt(byte) | quoted(byte);
    let printable = blocks(bytes, |byte| !(b' '..0x7f).contains(&byte) | quoted(byte));
    let plain = printable + blocks(&bytes[printable..], suspect);
    let rest = &bytes[plain..];
    // blanks are plain everywhere
    let mut block = [b' '; BLOCK];
    if let Some(begun) = block.get_mut(..rest.len()) {
        begun.copy_from_slice(rest);
        if blocks(&block, suspect) == BLOCK {
            return bytes.len();
        }
    }
    plain + rest.iter().take_while(|byte| !suspect(**byte)).count()
}

/// How many bytes of whole blocks go by before one that has a byte that is `odd`.
#[inline]
fn blocks(bytes: &[u8], odd: impl Fn(u8) -> bool) -> usize {
    let plain = |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | odd(*byte));
    bytes.as_chunks::<BLOCK>().0.iter().take_while(plain).count() * BLOCK
}

/// Whether a character that begins with `byte` may have a [`Spelling`] wherever it stands; never true inside a character.
const fn may_be_spelt(byte: u8) -> bool {
    let c1_or_deceptive = (byte == 0xc2) | (byte == 0xd8) | (byte == 0xe2) | (byte == 0xef);
    (byte < b' ') | (byte == 0x7f) | c1_or_deceptive
}

impl Place {
    /// What needs a backslash in front; one of a control character's own where there are fewer than three.
    const fn quoted(self) -> [u8; 3] {
        match self {
            Self::Value => *b"\"\\]",
            Self::Quoted | Self::Json => *b"\"\\\0",
            Self::CefHeader => *b"|\\\0",
            Self::CefValue => *b"=\\\0",
            Self::Message => *b"\0\0\0",
        }
    }

    /// The backslash of a spelling that is no spelling of the format's own.
    const fn backslash(self) -> &'static [u8] {
        match self {
            Self::Message => br"\",
            _ => br"\\",
        }
    }

    const fn backslash_before(self, letter: u8) -> &'static [u8] {
        match (self, letter) {
            (Self::Json, _) | (Self::CefValue, b'n' | b'r') => br"\",
            _ => self.backslash(),
        }
    }
}

/// How a character is written that does not stand for itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spelling {
    Quoted(u8),
    Letter(u8),
    Code(u32),
}

impl Spelling {
    /// The spelling of `c`; `None` when it stands for itself.
    fn of(c: char, place: Place) -> Option<Self> {
        match c {
            '\n' => Some(Self::Letter(b'n')),
            '\r' => Some(Self::Letter(b'r')),
            '\t' => Some(Self::Letter(b't')),
            ' '..='~' => {
                let byte = c as u8; // printable ASCII
                let [a, b, c] = place.quoted();
                (byte == a || byte == b || byte == c).then_some(Self::Quoted(byte))
            }
            c if c.is_control() || is_deceptive(c) => Some(Self::Code(c.into())),
            _ => None,
        }
    }

    const fn width(self, place: Place) -> usize {
        match self {
            Self::Quoted(_) => 2,
            Self::Letter(letter) => place.backslash_before(letter).len() + 1,
            Self::Code(_) => place.backslash().len() + 5,
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

/// How many bytes are looked at as a whole.
const BLOCK: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACES: [Place; 6] =
        [Place::Value, Place::Message, Place::Quoted, Place::Json, Place::CefHeader, Place::CefValue];

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

    #[test]
    fn a_character_that_is_spelt_out_begins_with_a_byte_that_is_looked_for() {
        for place in PLACES {
            let is_suspect = |byte: u8| may_be_spelt(byte) || place.quoted().contains(&byte);
            for c in '\0'..=char::MAX {
                let mut bytes = [0; 4];
                let [first, inner @ ..] = c.encode_utf8(&mut bytes).as_bytes() else { unreachable!() };
                let spelt = Spelling::of(c, place).is_some();
                assert!(!spelt || is_suspect(*first), "{c:?}");
                assert!(!inner.iter().any(|byte| is_suspect(*byte)), "{c:?}");
            }
        }
    }

    /// What [`escape`] is to write, character by character.
    fn spelt_one_by_one(text: &str, place: Place) -> String {
        let backslash = if place == Place::Message { r"\" } else { r"\\" };
        let (quoted, own) = match place {
            Place::Value => ("\"\\]", ""),
            Place::Message => ("", ""),
            Place::Quoted => ("\"\\", ""),
            Place::Json => ("\"\\", "\n\r\t"),
            Place::CefHeader => ("|\\", ""),
            Place::CefValue => ("=\\", "\n\r"),
        };
        let spell = |c: char| match c {
            '\n' | '\r' | '\t' => {
                let letter = match c {
                    '\n' => 'n',
                    '\r' => 'r',
                    _ => 't',
                };
                format!("{}{letter}", if own.contains(c) { r"\" } else { backslash })
            }
            c if quoted.contains(c) => format!("\\{c}"),
            c if c.is_control() || is_deceptive(c) => format!("{backslash}u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        text.chars().map(spell).collect()
    }

    /// Texts with long plain runs and with what must be spelt out at any place in them.
    fn texts() -> impl Strategy<Value = String> {
        let odd = "[\0-\u{1f}\"\\\\\\]\u{7f}-\u{a0}\u{61c}\u{61d}\u{200d}-\u{2030}\u{2065}-\u{206a}\u{fefe}-\u{ff00}]";
        prop::collection::vec(
            prop_oneof!["[ -~]{0,70}", "[=|\"\\\\n]{0,6}", "[äß日🦊…–]{0,20}", odd, any::<String>()],
            0..8,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn a_text_is_spelt_as_its_characters_are(text in texts()) {
            for place in PLACES {
                prop_assert_eq!(escaped(&text, place), spelt_one_by_one(&text, place));
            }
        }

        #[test]
        fn the_width_is_what_is_written(text in texts(), room in 0_usize..64) {
            for place in PLACES {
                prop_assert_eq!(width(&text, place), escaped(&text, place).len());
                let kept = beginning(&text, place, room);
                prop_assert!(text.starts_with(kept) && width(kept, place) <= room);
            }
        }

        #[test]
        fn no_control_character_is_left(text in texts()) {
            for place in PLACES {
                prop_assert!(!escaped(&text, place).chars().any(|c| c.is_control() || is_deceptive(c)));
            }
        }
    }
}
