//! JSON as Mist sent it, read without copying its texts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::json::put_text;
use crate::sorted::last_of_each;

/// A value of JSON (RFC 8259 3). A text that is spelt without escapes is the bytes of the body.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Object<'a>),
}

/// An object: its fields in the order of their names, each once; of one that came twice, the last.
#[derive(Clone, Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    fn of(mut fields: Vec<(Cow<'a, str>, Value<'a>)>) -> Self {
        last_of_each(&mut fields);
        Self(fields)
    }

    /// What stands under `name`. An event has a dozen fields: to compare lengths is faster than to search.
    pub(crate) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Takes out what stands under `name`.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(place).1)
    }

    /// Takes in the fields of `others` that it has not.
    pub(crate) fn fill(&mut self, others: &Self) {
        let own = std::mem::take(&mut self.0);
        *self = Self::of(others.0.iter().cloned().chain(own).collect());
    }

    /// Appends it to `out` as JSON without blanks: the same object is the same bytes, in whatever order its fields came.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (name, value)) in self.0.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            put_text(name, out);
            out.push(b':');
            value.put(out);
        }
        out.push(b'}');
    }
}

impl Value<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => {
                serde_json::to_writer(out, number).expect("writing to memory does not fail");
            }
            Self::Text(text) => put_text(text, out),
            Self::List(values) => {
                out.push(b'[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    value.put(out);
                }
                out.push(b']');
            }
            Self::Object(object) => object.put(out),
        }
    }

    pub(crate) const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadObject)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadValue)
    }
}

/// Reads an object.
struct ReadObject;

impl<'de> Visitor<'de> for ReadObject {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<Value<'de>, Value<'de>>()? {
            let Value::Text(name) = name else { return Err(A::Error::custom("a name is a text")) };
            fields.push((name, value));
        }
        Ok(Object::of(fields))
    }
}

/// Reads any value.
struct ReadValue;

impl<'de> Visitor<'de> for ReadValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
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

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
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
        ReadObject.visit_map(map).map(Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let text = prop_oneof![any::<String>(), "[a-z_]{0,40}", "[ -~é\n\"\\\\]{0,40}"];
        let scalar = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            text.prop_map(Into::into),
        ];
        scalar.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                prop::collection::btree_map("[a-c\"é]{0,3}", inner, 0..8)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_canonical_is_what_serde_json_writes_of_its_sorted_map(value in json(), blanks: bool) {
            let text = if blanks {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                serde_json::to_string(&value).unwrap()
            };
            let mut written = Vec::new();
            serde_json::from_str::<Value<'_>>(&text).unwrap().put(&mut written);
            // what is read back of a number may be another one: serde_json rounds fast, not best
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&value).unwrap());
        }
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts_and_others_fill_in_what_is_missing() {
        let read = |text: &'static str| serde_json::from_str::<Object<'_>>(text).unwrap();
        let mut object = read(r#"{"b":1,"a":2,"b":3,"c":{"y":0,"x":[null,true,false]},"b":4}"#);
        object.fill(&read(r#"{"d":5,"a":6}"#));
        assert_eq!(object.get("a"), Some(&Value::Number(2.into())));
        assert_eq!(object.remove("c"), Some(Value::Object(read(r#"{"x":[null,true,false],"y":0}"#))));

        let mut written = Vec::new();
        object.put(&mut written);

        assert_eq!(String::from_utf8(written).unwrap(), r#"{"a":2,"b":4,"d":5}"#);
    }

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let object: Object<'_> = serde_json::from_str(r#"{"plain":"plain","escaped":"a\nb"}"#).unwrap();
        assert!(matches!(object.get("plain"), Some(Value::Text(Cow::Borrowed("plain")))));
        assert!(matches!(object.get("escaped"), Some(Value::Text(Cow::Owned(text))) if text == "a\nb"));
    }
}
