//! Where in the configuration file a value stands.

use std::fmt;
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
        let position = DeTable::parse(text).ok().and_then(|table| {
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
                found = Some(next.span().start);
                table = next.get_ref().as_table();
                value = Some(next);
            }
            found.map(|offset| line_and_column(text, offset))
        });
        Self { path: path.to_owned(), position, keys: keys.to_owned() }
    }
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
pub(super) fn describe(text: &str, offset: usize) -> String {
    let (line, column) = line_and_column(text, offset);
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let key = match before[start..].rfind('=') {
        Some(equals) => before[start..start + equals].trim_end().rsplit(|c: char| !is_key(c)).next(),
        None => text
            .get(offset..)
            .and_then(|rest| rest.trim_start_matches('[').split(|c: char| !is_key(c)).next()),
    };
    match key.filter(|key| !key.is_empty()) {
        Some(key) => format!(":{line}:{column}: {key}"),
        None => format!(":{line}:{column}"),
    }
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
}
