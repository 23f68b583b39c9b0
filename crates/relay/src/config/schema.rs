//! The configuration as a JSON Schema, for editors and for `docs/configuration.md`.
//!
//! Descriptions are the doc comments of the structs, defaults what the code puts in, lists of words what the code
//! reads. Types of other crates have their schema here, so that those crates need not know of schemas.

use std::any::type_name;
use std::borrow::Cow;
use std::marker::PhantomData;

use ids::Cloud;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::Value;
use syslog::Facility;

use super::{Config, Matcher};

impl Config {
    /// The JSON Schema of a configuration file, draft 7, which editors of TOML read.
    ///
    /// What spans keys, and what is behind paths and names, it cannot say; `fogbell check` does.
    #[must_use]
    pub fn schema() -> Value {
        let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<Self>().to_value();
        forget_null(&mut schema);
        schema["title"] = "fogbell.toml".into();
        schema
    }
}

/// TOML has no null: what may be absent is not required, and that is all.
fn forget_null(schema: &mut Value) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(forget_null),
        Value::Object(object) => {
            object.retain(|key, value| !(key == "default" && value.is_null()));
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    object.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(values)) = object.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if let Some(Value::Array(mut either)) = object.remove("anyOf") {
                either.retain(|schema| schema["type"] != "null");
                match either.pop() {
                    Some(Value::Object(one)) if either.is_empty() => {
                        for (key, value) in one {
                            object.entry(key).or_insert(value);
                        }
                    }
                    last => {
                        either.extend(last);
                        object.insert("anyOf".to_owned(), either.into());
                    }
                }
            }
            object.values_mut().for_each(forget_null);
        }
        _ => {}
    }
}

/// One of the words that serde reads as a `T`, an enum without values.
pub(super) struct Words<T>(PhantomData<T>);

impl<T: DeserializeOwned> JsonSchema for Words<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        type_name::<T>().into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut words: &[&str] = &[];
        let _ = T::deserialize(WordsOf(&mut words));
        json_schema!({ "type": "string", "enum": words })
    }
}

/// Is told by a type which words it reads, and then gives it none.
struct WordsOf<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for WordsOf<'_> {
    type Error = de::value::Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("there is no value"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A text or a list of texts.
fn texts(description: &str) -> Value {
    serde_json::json!({
        "description": description,
        "anyOf": [{ "type": "string" }, { "type": "array", "minItems": 1, "items": { "type": "string" } }]
    })
}

impl JsonSchema for Matcher {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Matching::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Matching::json_schema(generator)
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text! {
    /// The name of a sink.
    Name, { "type": "string", "pattern": "^[a-zA-Z0-9._-]{1,64}$" }
}
text! {
    /// What a field of an alert must be.
    Matching, {
        "title": "text, list, or `{ is, prefix, not, not_prefix }`",
        "anyOf": [
            { "type": "string" },
            { "type": "array", "minItems": 1, "items": { "type": "string" } },
            {
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "properties": {
                    "is": (texts("Equal to one of these.")),
                    "prefix": (texts("Begun by one of these.")),
                    "not": (texts("Equal to none of these.")),
                    "not_prefix": (texts("Begun by none of these."))
                }
            }
        ]
    }
}
text! {
    /// A network.
    Network, { "type": "string", "title": "network, `198.51.100.0/24`", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$" }
}
text! {
    /// An address with a port.
    Address, { "type": "string", "title": "IP address and port", "pattern": "^([0-9.]+|\\[[0-9a-fA-F.:%]+\\]):[0-9]{1,5}$" }
}
text! {
    /// APP-NAME of syslog.
    HeaderName, { "type": "string", "pattern": "^[!-~]{1,48}$" }
}
text! {
    /// A cloud of Mist.
    CloudName, { "type": "string", "enum": (Cloud::ALL.map(Cloud::name)) }
}
text! {
    /// An id of Mist.
    Uuid, { "type": "string", "title": "UUID", "pattern": "^[0-9a-fA-F-]{32,36}$" }
}
text! {
    /// A moment.
    Moment, { "type": "string", "title": "time with its zone, `2026-11-22T22:00:00+01:00`" }
}
text! {
    /// A facility of syslog.
    FacilityName, { "type": "string", "enum": (Facility::all().map(Facility::name).collect::<Vec<_>>()) }
}
