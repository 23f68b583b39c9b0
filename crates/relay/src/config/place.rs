//! Where in the configuration file a value stands.

mod within;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in the configuration file: what an error that is found after parsing points at.
///
/// Prints `/etc/fogbell/fogbell.toml:12:8: snmp[0].user`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    path: PathBuf,
    position: Option<(usize, usize)>,
    keys: String,
}

impl Place {
    /// Follows `keys`, as `snmp[0].auth.secret`, as far as the text has them.
    pub(super) fn find(path: &Path, text: &str, keys: &str) -> Self {
        let position = follow(text, keys).map(|span| line_and_column(text, span.start));
        Self { path: path.to_owned(), position, keys: keys.to_owned() }
    }

    /// The same for what is at `offset` in the text that the value is.
    pub(super) fn find_in(path: &Path, text: &str, keys: &str, offset: usize) -> Self {
        let position = follow(text, keys).map(|span| {
            let within = text.get(span.clone()).map_or(0, |raw| within::within(raw, offset));
            line_and_column(text, span.start + within)
        });
        Self { path: path.to_owned(), position, keys: keys.to_owned() }
    }
}

/// Where the value stands that `keys` lead to, as far as the text has them.
fn follow(text: &str, keys: &str) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut table = Some(table.get_ref());
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for key in keys.split(['.', '[']) {
        let next = match key.strip_suffix(']') {
            Some(index) => {
                index.parse().ok().and_then(|index: usize| value?.get_ref().as_array()?.get(index))
            }
            None => table.and_then(|table| table.get(key)),
        };
        let Some(next) = next else { break };
        found = Some(next.span());
        table = next.get_ref().as_table();
        value = Some(next);
    }
    found
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.keys)
    }
}

/// `:3:9: community`: where `offset` is, and the key that stands there or in front of it.
///
/// Nothing but a key is shown, and none where it cannot be told from a value: what stands here may be a secret
/// that somebody wrote where its home belongs.
pub(super) fn describe(text: &str, offset: usize) -> String {
    let (line, column) = line_and_column(text, offset);
    let (before, rest) = text.split_at_checked(offset).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let (above, before) = before.split_at(start);
    // a line that begins a statement, and does not go on with a value of the lines above
    let key = DeTable::parse(above).is_ok().then(|| key_before(before).or_else(|| key_at(rest))).flatten();
    match key {
        Some(key) => format!(":{line}:{column}: {key}"),
        None => format!(":{line}:{column}"),
    }
}

/// The last key that has its `=` in the beginning of a line.
fn key_before(line: &str) -> Option<&str> {
    let mut key = None;
    let mut start = Some(0); // where a key may begin
    let mut quote = None;
    let mut nested = Vec::new();
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(end), _) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '=') => key = start.take().map(|start| line[start..at].trim()).or(key),
            (None, '{' | '[') => {
                nested.push(c);
                start = (c == '{').then_some(at + 1);
            }
            (None, '}' | ']') => {
                nested.pop();
            }
            (None, ',') => start = (nested.last() == Some(&'{')).then_some(at + 1),
            (None, _) => {}
        }
    }
    key.filter(|key| is_key(key))
}

/// The key or the name of a table that a statement begins with.
fn key_at(statement: &str) -> Option<&str> {
    let name = statement.trim_start_matches('[');
    let end = name.find(|c: char| !is_key_char(c)).unwrap_or(name.len());
    let behind = if name.len() < statement.len() { "]" } else { "=" };
    let (key, rest) = name.split_at(end);
    (is_key(key) && rest.trim_start().starts_with(behind)).then_some(key)
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_key_char)
}

const fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// What the parser says is wrong, without the value that it found: that may be a secret, and the place is said.
pub(super) fn without_value(message: &str) -> String {
    let mut said = message.replace('\n', ", ");
    if said.starts_with("invalid type: ") || said.starts_with("invalid value: ") {
        let value = said.find(['"', '`']);
        let expected = said.rfind(", expected ");
        if let (Some(from), Some(to)) = (value, expected)
            && from < to
        {
            said.replace_range(from..to, "");
            said = said.replacen(" , expected ", ", expected ", 1);
        }
    }
    said
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_as_far_as_the_text_has_it() {
        let text = "state = \"x\"\n[[snmp]]\nname = \"a\"\n[[snmp]]\nname = \"noc\"\nauth = { secret = { file = \"f\" } }\n";
        for (keys, place) in [
            ("state", "f.toml:1:9: state"),
            ("snmp[1].name", "f.toml:5:8: snmp[1].name"),
            ("snmp[1].auth.secret.file", "f.toml:6:28: snmp[1].auth.secret.file"),
            ("snmp[1].user", "f.toml:4:1: snmp[1].user"),
            ("tls", "f.toml: tls"),
        ] {
            assert_eq!(Place::find(Path::new("f.toml"), text, keys).to_string(), place);
        }
    }

    #[test]
    fn only_a_key_is_shown_and_never_a_value() {
        let check = |text: &str, at: &str, expect: &str| {
            assert_eq!(describe(text, text.find(at).unwrap()), expect, "{text}");
        };
        check("a = 1\nb = \"x\"", "\"x", ":2:5: b");
        check("a = 1\nbad = \"x\"", "bad", ":2:1: bad");
        check("[[org]]\nname = 1", "[[org", ":1:1: org");
        check("auth = { protocol = \"x\" }", "\"x", ":1:21: protocol");
        check("auth = { protocol = \"x\", secret = \"y\" }", "\"y", ":1:35: secret");
        check("secrets = [\"x=\", 5]", "5", ":1:18: secrets");
        check("secrets = x==", "=", ":1:9");
        check("secrets = x==", "x==", ":1:11: secrets");
        check("secrets = x==", "==", ":1:12: secrets");
        check("secrets = [\n  x,\n]", "x", ":2:3");
        check("secrets = [\n  x=,\n]", "x", ":2:3");
        check("secrets = [\n  x=,\n]", "=,", ":2:4");
        check("secrets = [\n  5,\n]", "5", ":2:3");
        check("x", "x", ":1:1");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (message, said) in [
            (
                "invalid type: string \"x, expected y\", expected a list",
                "invalid type: string, expected a list",
            ),
            ("invalid type: integer `5`, expected a\nlist", "invalid type: integer, expected a, list"),
            ("invalid type: sequence, expected `a`", "invalid type: sequence, expected `a`"),
            ("invalid value: string \"x\", expected a number", "invalid value: string, expected a number"),
            ("unknown field `x`, expected `y`", "unknown field `x`, expected `y`"),
        ] {
            assert_eq!(without_value(message), said);
        }
    }
}
