//! What JSON looks like, without what it says.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ids::{Mac, SiteId};
use serde_json::{Map, Value, json};

/// The shape of JSON values that were seen at one place: how often, of which kinds, with which fields.
///
/// No text of the values is in it but short words under keys whose words the vendor chose ([`WORDED`]), and no keys but
/// those that look like names of fields; so it can be shown to somebody who may not see the values.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Shape {
    /// How many values were seen.
    seen: u64,
    /// How many of each kind: `null`, `bool`, `integer`, `decimal`, `list`, `object`, or what kind of text.
    kinds: BTreeMap<&'static str, u64>,
    /// Words, where they are the vendor's.
    words: BTreeMap<String, u64>,
    /// Least and most items of a list, or characters of a text.
    length: Option<(usize, usize)>,
    /// What is inside of objects; a field that is in fewer than were seen was missing in the others.
    fields: BTreeMap<String, Self>,
    /// What is inside of lists.
    items: Option<Box<Self>>,
}

/// The keys whose values are words of the vendor, not of an organisation.
pub const WORDED: [&str; 14] = [
    "action",
    "alert_type",
    "device_type",
    "ev_type",
    "group",
    "level",
    "mode",
    "model",
    "role",
    "scope",
    "severity",
    "status",
    "topic",
    "type",
];

impl Shape {
    /// Takes in one more value.
    pub fn add(&mut self, value: &Value) {
        self.take(value, "", 0);
    }

    /// How many were seen.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// As JSON: `seen`, `kinds`, and `words`, `length`, `fields` and `items` where there are any.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        all.insert("seen".to_owned(), self.seen.into());
        all.insert("kinds".to_owned(), json!(self.kinds));
        if !self.words.is_empty() {
            all.insert("words".to_owned(), json!(self.words));
        }
        if let Some(length) = self.length {
            all.insert("length".to_owned(), json!(length));
        }
        if !self.fields.is_empty() {
            let fields = self.fields.iter().map(|(key, shape)| (key.clone(), shape.to_json()));
            all.insert("fields".to_owned(), Value::Object(fields.collect()));
        }
        if let Some(items) = &self.items {
            all.insert("items".to_owned(), items.to_json());
        }
        Value::Object(all)
    }

    fn take(&mut self, value: &Value, key: &str, depth: usize) {
        self.seen += 1;
        *self.kinds.entry(kind(value)).or_default() += 1;
        match value {
            Value::String(text) => {
                self.measure(text.chars().count());
                if WORDED.contains(&key) && is_word(text) && self.words.len() < MOST_WORDS {
                    *self.words.entry(text.clone()).or_default() += 1;
                }
            }
            Value::Array(items) => {
                self.measure(items.len());
                if depth < DEEPEST {
                    let inside = self.items.get_or_insert_default();
                    items.iter().for_each(|item| inside.take(item, key, depth + 1));
                }
            }
            Value::Object(fields) if depth < DEEPEST => {
                for (key, value) in fields {
                    let shown = shown(key);
                    let place = match self.fields.len() < MOST_FIELDS || self.fields.contains_key(shown) {
                        true => shown,
                        false => "<more>",
                    };
                    self.fields.entry(place.to_owned()).or_default().take(value, key, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn measure(&mut self, length: usize) {
        let (least, most) = self.length.unwrap_or((length, length));
        self.length = Some((least.min(length), most.max(length)));
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "decimal",
        Value::Number(_) => "integer",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
        Value::String(text) => kind_of_text(text),
    }
}

/// What a text is, as far as its characters tell.
fn kind_of_text(text: &str) -> &'static str {
    let hexadecimal = |length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.is_empty() {
        "text: empty"
    } else if text.bytes().all(|byte| byte == b'*') {
        "text: masked"
    } else if text.parse::<f64>().is_ok() {
        "text: number"
    } else if text.parse::<SiteId>().is_ok() {
        "text: uuid"
    } else if text.parse::<Mac>().is_ok() {
        "text: mac"
    } else if text.parse::<IpAddr>().is_ok() {
        "text: ip"
    } else if text.contains("://") {
        "text: url"
    } else if text.starts_with("eyJ") && text.matches('.').count() == 2 {
        "text: jwt"
    } else if text.starts_with("-----BEGIN ") {
        "text: pem"
    } else if hexadecimal(40) || hexadecimal(64) {
        "text: hexadecimal"
    } else {
        "text"
    }
}

/// Whether a text is a word as vendors choose them: no id, no address, no name of a place or a person.
#[must_use]
pub fn is_word(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    plain && text.len() <= MOST_OF_A_WORD && kind_of_text(text) == "text" && few_digits(text)
}

/// A key as it may be shown: what is no name of a field is one of the data.
fn shown(key: &str) -> &str {
    let first = key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_name = first && plain && key.len() <= MOST_OF_A_WORD && few_digits(key);
    if is_name && kind_of_text(key) == "text" { key } else { "<key>" }
}

fn few_digits(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() <= MOST_DIGITS
}

/// How deep it looks, and how much of each it keeps apart.
const DEEPEST: usize = 16;
const MOST_FIELDS: usize = 256;
const MOST_WORDS: usize = 256;
const MOST_OF_A_WORD: usize = 64;
const MOST_DIGITS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(values: &[Value]) -> Value {
        let mut shape = Shape::default();
        values.iter().for_each(|value| shape.add(value));
        shape.to_json()
    }

    #[test]
    fn fields_are_counted_and_values_are_kinds() {
        let told = shape(&[
            json!({ "type": "device_down", "timestamp": 1_700_000_000, "aps": ["5c5b35000001"] }),
            json!({ "type": "device_down", "timestamp": "1700000000", "site_id": null, "aps": [] }),
        ]);

        assert_eq!(told["seen"], 2);
        assert_eq!(told["fields"]["type"]["words"]["device_down"], 2);
        assert_eq!(told["fields"]["timestamp"]["kinds"], json!({ "integer": 1, "text: number": 1 }));
        assert_eq!(told["fields"]["site_id"], json!({ "seen": 1, "kinds": { "null": 1 } }));
        assert_eq!(told["fields"]["aps"]["length"], json!([0, 1]));
        assert_eq!(told["fields"]["aps"]["items"]["kinds"], json!({ "text: mac": 1 }));
    }

    #[test]
    fn what_an_organisation_calls_things_is_not_in_it() {
        let told = shape(&[json!({
            "name": "Kantine",
            "type": "Kantine im Erdgeschoss",
            "group": "5c5b35000001",
            "severity": "2024001234",
            "5c5b35000001": { "Stock 3": "Kantine" },
            "aa9a5b6c0d0e4f5a": 1,
            "list": { "type": ["device_up", "Kantine"] },
        })]);

        let text = told.to_string();
        for said in ["Kantine im", "Stock", "5c5b35", "2024001234", "aa9a5b"] {
            assert!(!text.contains(said), "{said}: {text}");
        }
        assert_eq!(told["fields"]["<key>"]["seen"], 2);
        assert_eq!(told["fields"]["name"].get("words"), None);
    }

    #[test]
    fn texts_are_told_apart_by_what_they_are() {
        for (text, kind) in [
            ("", "text: empty"),
            ("********", "text: masked"),
            ("1700000000.5", "text: number"),
            ("a40f5d1f-d889-42e9-94ea-b9b33585fc6b", "text: uuid"),
            ("5c:5b:35:00:00:01", "text: mac"),
            ("192.0.2.1", "text: ip"),
            ("2001:db8::1", "text: ip"),
            ("https://192.0.2.1/", "text: url"),
            ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "text: jwt"),
            ("-----BEGIN CERTIFICATE-----", "text: pem"),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "text: hexadecimal"),
            ("canteen", "text"),
        ] {
            assert_eq!(kind_of_text(text), kind, "{text}");
        }
    }

    #[test]
    fn depth_and_numbers_of_fields_and_words_are_bounded() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(shape(&[deep]).to_string().matches("items").count() <= DEEPEST);

        let letters = |mut n: usize| {
            let mut text = String::from("k");
            while n > 0 {
                text.push(char::from(b'g' + u8::try_from(n % 20).unwrap()));
                n /= 20;
            }
            text
        };
        let wide: Map<_, _> = (0..1000).map(|n| (letters(n), json!(n))).collect();
        let told = shape(&[Value::Object(wide)]);
        assert_eq!(told["fields"].as_object().unwrap().len(), MOST_FIELDS + 1);
    }
}
