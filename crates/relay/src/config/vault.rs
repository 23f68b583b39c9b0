//! `[vault]`: the file that secrets are kept in.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::SecretHome;

/// `[vault]`: where the vault is, and where the key is that opens it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VaultFile {
    /// Path of the file. Default: `vault` in `state`.
    pub path: Option<PathBuf>,
    /// The key that opens it: a credential or a file of at least 32 random bytes. Without it a passphrase is
    /// asked for on the terminal.
    pub key: Option<KeyHome>,
}

/// Where the key of the vault lives; never the key itself.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq)]
#[serde(try_from = "SecretHome")]
pub enum KeyHome {
    /// A file that nobody else can read and no group can write; its bytes are the key, as they are.
    File(PathBuf),
    /// A credential that systemd hands over, by its name; its bytes are the key, as they are.
    Credential(Box<str>),
}

impl TryFrom<SecretHome> for KeyHome {
    type Error = &'static str;

    fn try_from(home: SecretHome) -> Result<Self, Self::Error> {
        match home {
            SecretHome::File(path) => Ok(Self::File(path)),
            SecretHome::Credential(name) => Ok(Self::Credential(name)),
            SecretHome::Secret(_) => {
                Err("the key of the vault cannot be in the vault; it is a credential or a file")
            }
        }
    }
}

impl JsonSchema for KeyHome {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "KeyHome".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let home = SecretHome::json_schema(generator);
        let properties = &home.as_value()["properties"];
        json_schema!({
            "title": "`{ credential = \"…\" }` or `{ file = \"…\" }`",
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": { "credential": properties["credential"], "file": properties["file"] }
        })
    }
}
