//! `[[org]]`: the organisations.

use ids::Cloud;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{SecretHome, schema};

/// `[[org]]`: an organisation in a Mist cloud.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Org {
    /// Name of the organisation in everything the relay sends.
    pub name: String,
    /// Its cloud, `global-01`; webhooks may come from the cloud's published addresses. Without it only the
    /// networks of `[gate]` count.
    #[serde(default)]
    #[schemars(with = "Option<schema::CloudName>")]
    pub cloud: Option<Cloud>,
    /// Path its webhooks are posted to.
    #[serde(default = "default_path")]
    pub path: String,
    /// The webhook's secret; several while one replaces another.
    #[serde(default)]
    pub secrets: Vec<SecretHome>,
    /// Weakens: also accept webhooks that carry only the SHA-1 signature.
    #[serde(default)]
    pub danger_accept_sha1: bool,
    /// Weakens: also accept webhooks that carry no signature.
    #[serde(default)]
    pub danger_accept_unsigned: bool,
}

fn default_path() -> String {
    "/v1/mist".to_owned()
}
