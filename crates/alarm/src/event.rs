//! An event as Mist wrote it, read as JSON without copying what stands there unescaped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Number;

/// A JSON object: its fields in the order of their names, each name once.
///
/// Written out it is canonical: the same object in whatever order gives the same bytes. Of a name that stands
/// there several times the last value counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Object<'a>),
}

impl<'a> Object<'a> {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// When `json` is no JSON object, or one that is nested deeper than 128 levels.
    pub(crate) fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The value under `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// Takes away what stands under `name`.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Ok(place) = self.place(name) {
            self.0.remove(place);
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }

    /// Sorts `fields`, and keeps the last of those that share a name.
    fn sorted(mut fields: Vec<(Cow<'a, str>, Value<'a>)>) -> Self {
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        fields.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                // the earlier one is kept in its place, so the later one has to move there
                std::mem::swap(&mut later.1, &mut earlier.1);
            }
            same
        });
        Self(fields)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut fields = Vec::with_capacity(USUAL_FIELDS);
        while let Some((Name(name), value)) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(Object::sorted(fields))
    }
}

/// The name of a field.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(text.into()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(text.to_owned().into()))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
        ObjectVisitor.visit_map(map).map(Value::Object)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(values) => serializer.collect_seq(values),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

/// What an event seldom has more of; only a first guess.
const USUAL_FIELDS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What `serde_json`'s own sorted map makes of `json`, or that it is none.
    fn theirs(json: &str) -> Option<String> {
        let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
        Some(serde_json::to_string(&map).unwrap())
    }

    fn ours(json: &str) -> Option<String> {
        Some(serde_json::to_string(&Object::parse(json).ok()?).unwrap())
    }

    #[test]
    fn an_event_reads_as_any_json_reader_reads_it_and_is_written_sorted() {
        let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        for json in [
            r#"{"b": 1.50, "a": [true, null, {"z": "\u00e9\n", "y": -7}], "c": 18446744073709551615}"#,
            r#"{"a": 1, "a": 2, "b": {"x": 1, "x": [], "w": 0}, "a": 3}"#,
            r#"{"a\u0062": 1, "ab": 2, "": {}}"#,
            r#"{"n": 1e3, "m": -0.0, "big": 123456789012345678901234567890}"#,
            r#"{"n": 1e999}"#,
            r#"{"n": 01}"#,
            "{}",
            "[]",
            "null",
            "{\"a\":1} x",
            &deep(100),
            &deep(126),
            &deep(127),
            &deep(200),
        ] {
            assert_eq!(ours(json), theirs(json), "{json:.80}");
        }
        assert_eq!(ours(r#"{"b":1,"a":2,"b":3}"#).unwrap(), r#"{"a":2,"b":3}"#);
    }

    #[test]
    fn a_field_is_found_and_taken_away_by_its_name() {
        let mut object = Object::parse(r#"{"org": "x", "for_site": true, "ap": ["a"]}"#).unwrap();

        assert_eq!(object.get("org"), Some(&Value::Text("x".into())));
        assert_eq!(object.get("or"), None);
        object.remove("for_site");
        object.remove("nothing");

        assert_eq!(serde_json::to_string(&object).unwrap(), json!({"ap": ["a"], "org": "x"}).to_string());
    }

    proptest! {
        #[test]
        fn whatever_is_an_object_is_the_same_object(fields: Vec<(String, i64)>, text: String, cut in 0usize..40) {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, number)| format!("{}:{number}", serde_json::Value::from(name.as_str())))
                .collect();
            let whole = format!("{{{}}}", fields.join(","));
            prop_assert_eq!(ours(&whole), theirs(&whole));
            let end = whole.char_indices().nth(cut).map_or(whole.len(), |(at, _)| at);
            prop_assert_eq!(ours(&whole[..end]), theirs(&whole[..end]));
            prop_assert_eq!(ours(&text), theirs(&text));
        }
    }
}
