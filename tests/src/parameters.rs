//! What an alert said, by the names of `docs/formats.md`, whichever way it came.

use std::collections::BTreeMap;

use crate::rsyslog::Line;
use crate::snmptrapd::trap::{Trap, Value};

/// Names and values of one alert; what is absent is not there.
pub type Parameters = BTreeMap<String, String>;

impl Line {
    /// The parameters of its one structured data element `fogbell@<enterprise>`, as RFC 5424 6.3.3 reads them.
    ///
    /// # Panics
    ///
    /// When that is not what its structured data consists of.
    #[must_use]
    pub fn parameters(&self, enterprise: u32) -> Parameters {
        let head = format!("[fogbell@{enterprise}");
        let mut rest = self.data.strip_prefix(&head).unwrap_or_else(|| panic!("no {head}: {}", self.data));
        let mut parameters = Parameters::new();
        while let Some((name, value)) = rest.strip_prefix(' ').and_then(|rest| rest.split_once("=\"")) {
            let (value, behind) =
                unquoted(value).unwrap_or_else(|| panic!("no end of {name}: {}", self.data));
            let before = parameters.insert(name.to_owned(), value);
            assert!(before.is_none(), "{name} stands twice in {}", self.data);
            rest = behind;
        }
        assert_eq!(rest, "]", "{}", self.data);
        parameters
    }
}

/// Reads a PARAM-VALUE up to the quote that ends it, and says what stands behind.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            // An unescaped bracket would end the element for any parser.
            ']' => return None,
            '\\' => match characters.next()?.1 {
                escaped @ ('"' | '\\' | ']') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            _ => value.push(c),
        }
    }
    None
}

impl Trap {
    /// The objects of a notification read exactly ([`Reading::Exact`](crate::Reading::Exact)): all 29, in their
    /// order, empty ones left out, numbers as they are.
    ///
    /// # Panics
    ///
    /// When an object is missing, in another place, or not of its type.
    #[must_use]
    pub fn parameters(&self, enterprise: u32) -> Parameters {
        let mut parameters = Parameters::new();
        for (index, name) in OBJECTS.iter().enumerate() {
            let oid = format!(".1.3.6.1.4.1.{enterprise}.1.1.{}.0", index + 1);
            let varbind = self.varbinds.get(index).unwrap_or_else(|| panic!("no {name} in {self:?}"));
            assert_eq!(varbind.name, oid, "{name}");
            let number = NUMBERS.contains(name);
            let text = match &varbind.value {
                Value::Octets(bytes) if !number => String::from_utf8(bytes.clone()).expect("texts are UTF-8"),
                Value::Number(value) if number => value.to_string(),
                other => panic!("{name} is {other:?}"),
            };
            if !text.is_empty() {
                parameters.insert((*name).to_owned(), text);
            }
        }
        parameters
    }

    /// What stands behind the objects: nothing, or `snmpTrapAddress.0` with an address.
    ///
    /// # Panics
    ///
    /// When it is something else.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match self.varbinds.get(OBJECTS.len()..) {
            None | Some([]) => None,
            Some([varbind]) if varbind.name == ".1.3.6.1.6.3.18.1.3.0" => Some(varbind.value.text()),
            Some(more) => panic!("{more:?} behind the objects"),
        }
    }
}

/// The objects of the MIB in its order, by the names that structured data gives the same things.
const OBJECTS: [&str; 29] = [
    "summary",
    "id",
    "key",
    "state",
    "severity",
    "mist_severity",
    "topic",
    "type",
    "group",
    "category",
    "org",
    "site",
    "site_id",
    "device_type",
    "device",
    "mac",
    "model",
    "serial",
    "ip",
    "port",
    "reason",
    "first_seen",
    "last_seen",
    "count",
    "duration",
    "origin",
    "seq",
    "relay",
    "truncated",
];

/// Those that are numbers.
const NUMBERS: [&str; 6] = ["state", "severity", "count", "duration", "seq", "truncated"];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(data: &str) -> Line {
        let empty = String::new;
        Line {
            input: empty(),
            pri: empty(),
            version: empty(),
            timestamp: empty(),
            host: empty(),
            app: empty(),
            procid: empty(),
            msgid: empty(),
            data: data.to_owned(),
            message: empty(),
            parsed: serde_json::Value::Null,
        }
    }

    #[test]
    fn escapes_are_undone_and_nothing_else() {
        let parameters = line(r#"[fogbell@7 a="1" b="x \"y\" [z\] \\n \q" c=""]"#).parameters(7);

        let expect =
            [("a", "1"), ("b", r#"x "y" [z] \n \q"#), ("c", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(parameters, expect.into());
    }

    #[test]
    #[should_panic(expected = "no end of a")]
    fn a_bracket_that_is_not_escaped_is_a_fault() {
        let _ = line(r#"[fogbell@7 a="x]y"]"#).parameters(7);
    }
}
