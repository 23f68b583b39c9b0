//! Where secrets live.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Where a secret lives; never the secret itself.
#[derive(Clone, Debug, Eq, Hash, JsonSchema, PartialEq)]
#[schemars(deny_unknown_fields)]
pub struct SecretHome {
    /// A file that nobody else can read and no group can write. One line end at its end is not part of the
    /// secret.
    pub file: PathBuf,
}

impl<'de> Deserialize<'de> for SecretHome {
    /// Reads `{ file = "…" }`. Whoever writes the secret itself is told so, without the secret.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HomeVisitor)
    }
}

struct HomeVisitor;

impl<'de> Visitor<'de> for HomeVisitor {
    type Value = SecretHome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the home of a secret, as { file = \"/etc/fogbell/name.secret\" }")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretHome, E> {
        Err(E::custom(
            "a secret is never written in the configuration; put it in a file and name that: \
             { file = \"/etc/fogbell/name.secret\" }",
        ))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretHome, A::Error> {
        let mut file = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "file" => file = Some(map.next_value()?),
                other => return Err(de::Error::unknown_field(other, &["file"])),
            }
        }
        Ok(SecretHome { file: file.ok_or_else(|| de::Error::missing_field("file"))? })
    }
}
