//! `[[org]]`: the organisations.

use std::path::PathBuf;

use ids::{Cloud, OrgId};
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
    /// Seconds without any webhook of this organisation after which the relay has Mist send a ping, and says so when none
    /// comes through; 0 for never. Default: 3600 with `api`, else 86400, and then the silence alone counts.
    #[serde(default)]
    pub silence_secs: Option<u64>,
    /// What the relay may ask Mist about this organisation: names, open alarms, the webhook itself.
    #[serde(default)]
    pub api: Option<OrgApi>,
}

/// `api` of `[[org]]`: Mist's REST API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrgApi {
    /// Id of the organisation, `0c160b7f-1027-4cd1-923b-744534c4b070`.
    #[schemars(with = "schema::Uuid")]
    pub org_id: OrgId,
    /// A token that may read the organisation.
    pub token: SecretHome,
    /// Host of the API, with a port when it is not 443. Default: that of `cloud`.
    #[serde(default)]
    pub host: Option<String>,
    /// PEM file with the authorities that may vouch for the host. Default: those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The HTTP proxy to go through, `http://proxy.example.net:3128`.
    #[serde(default)]
    pub proxy: Option<String>,
    /// How much of the calls that Mist allows a token in an hour the relay may use, in percent.
    #[serde(default = "default_budget")]
    #[schemars(range(min = 1, max = 100))]
    pub budget_percent: u8,
}

impl Org {
    /// After how many seconds without a webhook something may be wrong; 0 for never.
    #[must_use]
    pub fn silence_secs(&self) -> u64 {
        let default = if self.api.is_some() { 3600 } else { 86_400 };
        self.silence_secs.unwrap_or(default)
    }

    /// Host of the API: as configured, else that of the cloud.
    #[must_use]
    pub fn api_host(&self) -> Option<&str> {
        let configured = self.api.as_ref().and_then(|api| api.host.as_deref());
        configured.or_else(|| self.cloud.map(Cloud::api_host))
    }
}

fn default_path() -> String {
    "/v1/mist".to_owned()
}

const fn default_budget() -> u8 {
    50
}
