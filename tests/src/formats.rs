//! What an alert said in the formats other than RFC 5424, by the names of its parameters.

use serde_json::{Map, Value};

use crate::Parameters;
use crate::rsyslog::Line;

impl Line {
    /// The pairs of an RFC 3164 message, `msg` among them.
    ///
    /// # Panics
    ///
    /// When its text is not pairs and nothing else.
    #[must_use]
    pub fn pairs(&self) -> Parameters {
        let mut parameters = Parameters::new();
        let mut rest = self.message.as_str();
        while let Some((name, value)) = rest.strip_prefix(' ').and_then(|rest| rest.split_once("=\"")) {
            let (value, behind) =
                unquoted(value).unwrap_or_else(|| panic!("no end of {name}: {}", self.message));
            assert!(parameters.insert(name.to_owned(), value).is_none(), "{name} twice in {}", self.message);
            rest = behind;
        }
        assert_eq!(rest, "", "{}", self.message);
        parameters
    }

    /// The members of a JSON message as rsyslog's mmjsonparse read them, the same as `serde_json` does.
    ///
    /// # Panics
    ///
    /// When the two disagree, or a member is of another type than `docs/formats.md` says.
    #[must_use]
    pub fn members(&self) -> Parameters {
        let object: Map<String, Value> = serde_json::from_str(self.message.trim_start())
            .unwrap_or_else(|error| panic!("{error} in {}", self.message));
        assert_eq!(
            self.parsed,
            Value::Object(object.clone()),
            "rsyslog and serde_json read {}",
            self.message
        );
        let text = |(name, value): (String, Value)| match (&*name, value) {
            ("count" | "duration" | "seq", Value::Number(number)) => (name, number.to_string()),
            ("truncated", Value::Bool(true)) => (name, "1".to_owned()),
            (_, Value::String(text)) => (name, text),
            (_, other) => panic!("`{name}` is {other}"),
        };
        object.into_iter().map(text).collect()
    }

    /// The header of a CEF message and its extension by the names of parameters, as liblognorm (rsyslog's
    /// mmnormalize) read them.
    ///
    /// # Panics
    ///
    /// When liblognorm could not read it, or a key is none of `docs/formats.md`.
    #[must_use]
    pub fn cef(&self) -> (CefHeader, Parameters) {
        let text = |name: &str| match &self.parsed["cef"][name] {
            Value::String(text) => text.clone(),
            other => panic!("`{name}` is {other} in {}", self.parsed),
        };
        let header = CefHeader {
            vendor: text("DeviceVendor"),
            product: text("DeviceProduct"),
            version: text("DeviceVersion"),
            class: text("SignatureID"),
            name: text("Name"),
            severity: text("Severity"),
        };
        let extension = self.parsed["cef"]["Extensions"].as_object().expect("an extension");
        let labels = |key: &str| extension.get(&format!("{key}Label")).and_then(Value::as_str);
        let mut parameters = Parameters::from([("type".to_owned(), header.name.clone())]);
        for (key, value) in extension.iter().filter(|(key, _)| !key.ends_with("Label")) {
            let known = KEYS.iter().find(|(known, _)| known == key).map(|(_, name)| *name);
            let name = known.or_else(|| labels(key)).unwrap_or_else(|| panic!("{key} in {}", self.parsed));
            let value = value.as_str().expect("liblognorm makes texts").to_owned();
            assert!(parameters.insert(name.to_owned(), value).is_none(), "{name} twice in {}", self.parsed);
        }
        (header, parameters)
    }
}

/// The header of a CEF message.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names are the specification's own")]
pub struct CefHeader {
    pub vendor: String,
    pub product: String,
    pub version: String,
    pub class: String,
    pub name: String,
    pub severity: String,
}

/// Keys without a label and the parameters they hold.
const KEYS: [(&str, &str); 19] = [
    // liblognorm 2.0.6 expects a space before the first key, which the specification has not, and takes its
    // first letter for it
    ("xternalId", "id"),
    ("cat", "topic"),
    ("FogbellGroup", "group"),
    ("FogbellCategory", "category"),
    ("dvchost", "device"),
    ("dvcmac", "mac"),
    ("FogbellModel", "model"),
    ("deviceExternalId", "serial"),
    ("dvc", "ip"),
    ("FogbellIp", "ip"),
    ("deviceInboundInterface", "port"),
    ("reason", "reason"),
    ("start", "first_seen"),
    ("rt", "last_seen"),
    ("cnt", "count"),
    ("FogbellOrigin", "origin"),
    ("FogbellRelay", "relay"),
    ("FogbellTruncated", "truncated"),
    ("msg", "msg"),
];

/// Reads a value up to the quote that ends it, and says what stands behind.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next().filter(|(_, c)| ['"', '\\'].contains(c))?.1),
            _ => value.push(c),
        }
    }
    None
}
