//! Where secrets live.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Where a secret lives; never the secret itself.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum SecretHome {
    /// A file that nobody else can read and no group can write. One line end at its end is not part of the
    /// secret.
    File(PathBuf),
    /// A credential that systemd hands over, by its name. One line end at its end is not part of the secret.
    Credential(Box<str>),
    /// A secret in the vault, by its name. One line end at its end is not part of the secret.
    Secret(Box<str>),
}

impl SecretHome {
    /// The key that it is written with: `file`, `credential` or `secret`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::File(_) => FILE,
            Self::Credential(_) => CREDENTIAL,
            Self::Secret(_) => SECRET,
        }
    }

    fn new<E: de::Error>(key: &str, value: String) -> Result<Self, E> {
        match key {
            FILE => Ok(Self::File(value.into())),
            // what is no name may be the secret itself, and is not shown
            CREDENTIAL if is_name(&value, false) => Ok(Self::Credential(value.into())),
            CREDENTIAL => Err(E::custom(format_args!("a credential's name has {NAME}"))),
            SECRET if is_name(&value, true) => Ok(Self::Secret(value.into())),
            SECRET => Err(E::custom(format_args!("a secret's name has {NAME} or /"))),
            other => Err(E::unknown_field(other, KEYS)),
        }
    }
}

impl<'de> Deserialize<'de> for SecretHome {
    /// Reads `{ file = "…" }`, `{ credential = "…" }` or `{ secret = "…" }`. Whoever writes the secret itself is
    /// told so, without the secret.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HomeVisitor)
    }
}

struct HomeVisitor;

impl<'de> Visitor<'de> for HomeVisitor {
    type Value = SecretHome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the home of a secret, as { secret = \"name\" } or { file = \"/etc/fogbell/name.secret\" }",
        )
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretHome, E> {
        Err(E::custom(
            "a secret is never written in the configuration; put it in the vault or in a file and name that: \
             { secret = \"name\" } or { file = \"/etc/fogbell/name.secret\" }",
        ))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretHome, A::Error> {
        let mut home = None;
        while let Some(key) = map.next_key::<String>()? {
            if !KEYS.contains(&key.as_str()) {
                return Err(de::Error::unknown_field(&key, KEYS));
            }
            if home.is_some() {
                return Err(de::Error::custom("a secret has one home: file, credential or secret"));
            }
            home = Some(SecretHome::new(&key, map.next_value()?)?);
        }
        home.ok_or_else(|| de::Error::custom("a secret needs a home: file, credential or secret"))
    }
}

impl JsonSchema for SecretHome {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SecretHome".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "`{ secret = \"…\" }`, `{ credential = \"…\" }` or `{ file = \"…\" }`",
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                FILE: {
                    "description": "A file that nobody else can read and no group can write. One line end at its end is not part of the secret.",
                    "type": "string"
                },
                CREDENTIAL: {
                    "description": "A credential that systemd hands over, by its name.",
                    "type": "string",
                    "pattern": "^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$"
                },
                SECRET: {
                    "description": "A secret in the vault, by its name.",
                    "type": "string",
                    "pattern": "^[a-zA-Z0-9][a-zA-Z0-9._/-]{0,63}$"
                }
            }
        })
    }
}

/// Whether `text` is 1 to 64 letters, digits, `. _ -` and perhaps slashes, a letter or digit first.
fn is_name(text: &str, slashes: bool) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c) || (slashes && c == b'/');
    (1..=64).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(fits)
}

const NAME: &str = "1 to 64 letters, digits, and . _ -";
const FILE: &str = "file";
const CREDENTIAL: &str = "credential";
const SECRET: &str = "secret";
const KEYS: &[&str] = &[SECRET, CREDENTIAL, FILE];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_one_home_and_what_is_no_home_is_not_shown() {
        let read =
            |text: &str| toml::from_str::<toml::Table>(text).unwrap()["a"].clone().try_into::<SecretHome>();

        assert_eq!(read("a = { file = \"/x y\" }"), Ok(SecretHome::File("/x y".into())));
        assert_eq!(read("a = { credential = \"web-hook\" }"), Ok(SecretHome::Credential("web-hook".into())));
        assert_eq!(read("a = { secret = \"mist/webhook\" }"), Ok(SecretHome::Secret("mist/webhook".into())));
        for (text, says) in [
            ("a = {}", "needs a home"),
            ("a = { secret = \"a\", file = \"canary\" }", "one home"),
            ("a = { secret = \"canary!\" }", "a secret's name has"),
            ("a = { credential = \"../canary\" }", "a credential's name has"),
            ("a = { credential = \"a/canary\" }", "a credential's name has"),
            ("a = { secret = \"\" }", "a secret's name has"),
            ("a = { env = \"canary\" }", "unknown field `env`"),
            ("a = \"canary\"", "never written"),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains(says) && !said.contains("canary"), "{text}: {said}");
        }
    }
}
