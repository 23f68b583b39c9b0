//! Text that is safe to put into a trap.

/// Appends `text` to `out` as it may leave: without control characters, in ASCII on request, never more
/// than `max` bytes. Says whether something was shortened.
///
/// Line breaks, tabs and other white space that moves the cursor become a space. Other control characters,
/// and what reverses or hides the text around it, become a visible mark: U+FFFD, `?` in ASCII.
pub(crate) fn push(out: &mut String, text: &str, max: usize, ascii: bool) -> bool {
    let start = out.len();
    for c in text.chars() {
        match c {
            '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push(' '),
            ' '..='~' => out.push(c),
            _ if is_unsafe(c) => out.push(if ascii { '?' } else { char::REPLACEMENT_CHARACTER }),
            _ if ascii => fold(out, c),
            _ => out.push(c),
        }
        if out.len() - start > max {
            let keep = cut(&out[start..], max);
            out.truncate(start + keep);
            out.push_str(&DOTS[..max.min(DOTS.len())]);
            return true;
        }
    }
    false
}

/// How many bytes of `text` to keep so that they and [`DOTS`] make at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> usize {
    text.floor_char_boundary(max.saturating_sub(DOTS.len()))
}

/// What a shortened text ends in; ASCII, since one byte beyond it makes some receivers print hexadecimals.
pub(crate) const DOTS: &str = "...";

/// Whether this must not reach a terminal or a log: C0, DEL, C1, marks that turn the direction of what
/// follows (UAX 9), and the byte order mark.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// The nearest ASCII of a letter or sign, `?` where there is none.
fn fold(out: &mut String, c: char) {
    let from = |table: &'static str, first: char| table[c as usize - first as usize..].chars().next();
    let letter = match c {
        'Æ' => return out.push_str("AE"),
        'æ' => return out.push_str("ae"),
        'Œ' => return out.push_str("OE"),
        'œ' => return out.push_str("oe"),
        'Ĳ' => return out.push_str("IJ"),
        'ĳ' => return out.push_str("ij"),
        'Þ' => return out.push_str("Th"),
        'þ' => return out.push_str("th"),
        'ß' => return out.push_str("ss"),
        'ẞ' => return out.push_str("SS"),
        '€' => return out.push_str("EUR"),
        '…' => return out.push_str(DOTS),
        // An accent of its own after its letter.
        '\u{300}'..='\u{36f}' => return,
        'À'..='ſ' => from(LATIN, 'À'),
        'Ḁ'..='ỿ' => from(LATIN_ADDITIONAL, 'Ḁ'),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '‘' | '’' | '‚' | '′' | '´' => Some('\''),
        '“' | '”' | '„' | '″' | '«' | '»' => Some('"'),
        '‹' => Some('<'),
        '›' => Some('>'),
        '•' | '·' => Some('*'),
        _ => None,
    };
    out.push(letter.unwrap_or('?'));
}

/// U+00C0 to U+017F without their accents. Source: Unicode character database, canonical decompositions.
const LATIN: &str = "AAAAAA?CEEEEIIIIDNOOOOOxOUUUUY??aaaaaa?ceeeeiiiidnooooo?ouuuuy?y\
    AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi??JjKkkLlLlLlL\
    lLlNnNnNnnNnOoOoOo??RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

/// U+1E00 to U+1EFF without their accents. Source: as [`LATIN`].
const LATIN_ADDITIONAL: &str = "AaBbBbBbCcDdDdDdDdDdEeEeEeEeEeFfGgHhHhHhHhHhIiIiKkKkKkLlLlLlLlMm\
    MmMmNnNnNnNnOoOoOoOoPpPpRrRrRrRrSsSsSsSsSsTtTtTtTtUuUuUuUuUuVvVv\
    WwWwWwWwWwXxXxYyZzZzZzhtwy??????AaAaAaAaAaAaAaAaAaAaAaAaEeEeEeEe\
    EeEeEeEeIiIiOoOoOoOoOoOoOoOoOoOoOoOoUuUuUuUuUuUuUuYyYyYyYy??????";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pushed(text: &str, max: usize, ascii: bool) -> (String, bool) {
        let mut out = String::from("before");
        let shortened = push(&mut out, text, max, ascii);
        (out.split_off("before".len()), shortened)
    }

    #[test]
    fn control_characters_never_leave() {
        for (text, utf8, ascii) in [
            ("a\r\nb\tc", "a  b c", "a  b c"),
            (
                "nul\0, bell\u{7}, escape\u{1b}[31m",
                "nul\u{fffd}, bell\u{fffd}, escape\u{fffd}[31m",
                "nul?, bell?, escape?[31m",
            ),
            ("del\u{7f} csi\u{9b} nel\u{85}.", "del\u{fffd} csi\u{fffd} nel .", "del? csi? nel ."),
            ("line\u{2028}paragraph\u{2029}.", "line paragraph .", "line paragraph ."),
            ("\u{202e}gpj.exe\u{2066}\u{feff}", "\u{fffd}gpj.exe\u{fffd}\u{fffd}", "?gpj.exe??"),
        ] {
            assert_eq!(pushed(text, 200, false), (utf8.to_owned(), false));
            assert_eq!(pushed(text, 200, true), (ascii.to_owned(), false));
        }
    }

    #[test]
    fn letters_fold_to_the_nearest_ascii() {
        for (text, ascii) in [
            ("café Zürich Øresund Łódź", "cafe Zurich Oresund Lodz"),
            ("straße Ægir œuvre Þór", "strasse AEgir oeuvre Thor"),
            ("Đà Nẵng ỷ ſ", "Da Nang y s"),
            ("cafe\u{301}", "cafe"),
            ("“AP–12” … 5\u{a0}€", "\"AP-12\" ... 5 EUR"),
            ("東京 😀", "?? ?"),
        ] {
            assert_eq!(pushed(text, 200, true), (ascii.to_owned(), false));
            assert_eq!(pushed(text, 200, false), (text.to_owned(), false));
        }
    }

    #[test]
    fn a_shortened_text_ends_in_dots_between_characters() {
        for (text, max, kept) in [
            ("0123456789", 10, ("0123456789", false)),
            ("0123456789a", 10, ("0123456...", true)),
            ("ééééé", 10, ("ééééé", false)),
            ("éééééé", 10, ("ééé...", true)),
            ("😀😀😀", 11, ("😀😀...", true)),
            ("😀😀😀", 10, ("😀...", true)),
            ("abcd", 2, ("..", true)),
            ("abcd", 0, ("", true)),
            ("", 0, ("", false)),
        ] {
            assert_eq!(pushed(text, max, false), (kept.0.to_owned(), kept.1), "{text} {max}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_safe_and_short(text: String, max in 0_usize..300, ascii: bool) {
            let (out, shortened) = pushed(&text, max, ascii);

            prop_assert!(out.len() <= max);
            let breaks = |c| matches!(c, '\u{2028}' | '\u{2029}');
            prop_assert!(!out.chars().any(|c| is_unsafe(c) || breaks(c)));
            prop_assert!(!ascii || out.is_ascii());
            prop_assert!(shortened || ascii || out.chars().count() == text.chars().count());
        }
    }
}
