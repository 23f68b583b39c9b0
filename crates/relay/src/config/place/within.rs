//! Where in the file a part of a text stands that was written with quotes and escapes.

/// The place in `raw`, a text as TOML has it with its quotes, of what is at `offset` in the text it means.
pub(super) fn within(raw: &str, offset: usize) -> usize {
    let (quotes, escapes) = match raw.as_bytes() {
        [b'"', b'"', b'"', ..] => (3, true),
        [b'"', ..] => (1, true),
        [b'\'', b'\'', b'\'', ..] => (3, false),
        [b'\'', ..] => (1, false),
        _ => return 0,
    };
    let mut at = quotes;
    if quotes == 3 {
        // a line end right behind the quotes is not part of the text
        at += raw[at..].strip_prefix('\r').map_or(0, |_| 1);
        at += raw[at..].strip_prefix('\n').map_or(0, |_| 1);
    }
    let end = raw.len().saturating_sub(quotes).max(at);
    let mut meant = 0;
    while meant < offset && at < end {
        let rest = &raw[at..end];
        let (written, means) = match rest.strip_prefix('\\').filter(|_| escapes) {
            Some(escaped) => escape(escaped),
            None => {
                let bytes = rest.chars().next().map_or(1, char::len_utf8);
                (bytes, bytes)
            }
        };
        at += written;
        meant += means;
    }
    // what is continued on the next line begins there
    while let Some(escaped) = raw[at..end].strip_prefix('\\').filter(|_| escapes)
        && let (written, 0) = escape(escaped)
    {
        at += written;
    }
    at.min(end)
}

/// How many bytes an escape takes, its backslash included, and how many it means; `rest` stands behind the backslash.
fn escape(rest: &str) -> (usize, usize) {
    let code = |digits: usize| {
        let value = rest.get(1..=digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let c = value.and_then(char::from_u32);
        ((2 + digits).min(1 + rest.len()), c.map_or(1, char::len_utf8))
    };
    match rest.chars().next() {
        Some('u') => code(4),
        Some('U') => code(8),
        Some('x') => code(2),
        Some(c) if c.is_whitespace() => (1 + rest.len() - rest.trim_start().len(), 0),
        Some(c) => (1 + c.len_utf8(), 1),
        None => (1, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_is_found_behind_quotes_and_escapes() {
        let check = |raw: &str| {
            let mark = raw.find('§').expect("a § marks the place");
            let raw = raw.replacen('§', "", 1);
            let text: String = toml::from_str::<toml::Table>(&format!("a = {raw}")).unwrap()["a"]
                .as_str()
                .unwrap()
                .to_owned();
            let offset = text.find('X').unwrap_or(text.len());
            assert_eq!(within(&raw, offset), mark, "{raw}");
        };
        check("\"§Xab\"");
        check("\"ab §X\"");
        check("'a\\b §X'");
        check("\"é §X\"");
        check("\"\\\"é\\\" §X\"");
        check("\"\\u00e9\\U0001F98A\\t\\\\ §X\"");
        check("\"\"\"§Xab\"\"\"");
        check("\"\"\"\n  ab\n  §X\"\"\"");
        check("'''\n  \"a\\\" \n  §X'''");
        check("\"\"\"a \\\n   b\\\n\n  §X\"\"\"");
        check("\"ab§\"");
        check("'''\nab§'''");
        check("\"§\"");
    }
}
