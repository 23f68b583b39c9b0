//! Session Smart Routers: the conductor in the settings, and ID tokens.

use http::Method;
use ids::{Mac, OrgId, SiteId};
use serde_json::{Value, json};

use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::request::Call;
use crate::{Request, Scope, SecretText};

/// The settings of an organisation or a site.
///
/// `GET /api/v1/orgs/{org_id}/setting`, operation `getOrgSettings`; of a site `getSiteSetting`.
pub fn setting(scope: Scope) -> Request<Setting> {
    Request::new(of(scope, Method::GET, ["getOrgSettings", "getSiteSetting"]))
}

/// The settings that hold for a site, with those of its templates. Whether the organisation's `ssr` is among them is not
/// documented.
///
/// `GET /api/v1/sites/{site_id}/setting/derived`, operation `getSiteSettingDerived`.
pub fn derived_setting(site: SiteId) -> Request<Setting> {
    Request::new(Call::get("getSiteSettingDerived", "/api/v1/sites/{site_id}/setting/derived", &[&site]))
}

/// Writes the `ssr` of an organisation or a site, whole, and nothing else; it answers all settings.
///
/// `PUT /api/v1/orgs/{org_id}/setting`, operation `updateOrgSettings`; of a site `updateSiteSettings`. Whether Mist
/// merges what is inside `ssr` is not documented, so it must be complete: read, change, write, read back.
pub fn write_setting(scope: Scope, ssr: &SsrSetting) -> Request<Setting> {
    let call = of(scope, Method::PUT, ["updateOrgSettings", "updateSiteSettings"]);
    Request::new(call.with_body(&json!({ "ssr": ssr.to_json() })))
}

fn of(scope: Scope, method: Method, [org, site]: [&'static str; 2]) -> Call {
    scope.call(method, (org, "/api/v1/orgs/{org_id}/setting"), (site, "/api/v1/sites/{site_id}/setting"), &[])
}

/// Settings, as far as routers are concerned.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setting {
    /// What routers are told.
    pub ssr: Option<SsrSetting>,
    /// The rest, which is large and full of passwords.
    pub extra: Extra,
}

impl Answer for Setting {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self { ssr: fields.object("ssr").map(SsrSetting::new), extra: fields.rest() })
    }
}

/// What routers are told of their conductor.
#[derive(Debug, Default)]
pub struct SsrSetting {
    /// Addresses of the conductor's nodes.
    pub conductor_hosts: Vec<String>,
    /// The token with which a router joins. Hidden by Mist for tokens that may only read, and by a policy of the
    /// organisation: what was read must not be written back.
    pub conductor_token: Option<SecretText>,
    /// The rest: `auto_upgrade`, `disable_stats`, `proxy`; the API refuses what it does not know.
    pub extra: Extra,
}

impl SsrSetting {
    fn new(mut fields: Fields) -> Self {
        Self {
            conductor_hosts: fields.texts("conductor_hosts"),
            conductor_token: fields.secret("conductor_token"),
            extra: fields.rest(),
        }
    }

    fn to_json(&self) -> Value {
        let mut map = self.extra.clone().into_map();
        map.insert("conductor_hosts".to_owned(), json!(self.conductor_hosts));
        if let Some(token) = &self.conductor_token {
            map.insert("conductor_token".to_owned(), token.to_json());
        }
        Value::Object(map)
    }
}

/// The ID tokens of routers in the inventory, with which a conductor makes their onboarding tokens.
///
/// `POST /api/v1/orgs/{org_id}/ssr/export_idtokens`, operation `exportOrgSsrIdTokens`. It is not repeated. The API wants
/// at least one address, and none twice; what it says of one that it does not know is not documented, see
/// [`missing`](IdTokens::missing).
pub fn export_id_tokens(org: OrgId, macs: &[Mac]) -> Request<IdTokens> {
    let mut macs = macs.to_vec();
    macs.sort_unstable();
    macs.dedup();
    let macs: Vec<String> = macs.iter().map(ToString::to_string).collect();
    let call =
        Call::new(Method::POST, "exportOrgSsrIdTokens", "/api/v1/orgs/{org_id}/ssr/export_idtokens", &[&org]);
    Request::new(call.with_body(&json!({ "macs": macs })))
}

/// ID tokens, as they were exported.
#[derive(Debug)]
#[non_exhaustive]
pub struct IdTokens {
    /// One for each router.
    pub tokens: Vec<IdToken>,
    /// The rest.
    pub extra: Extra,
}

impl IdTokens {
    /// Those of `asked` that there is no token of.
    #[must_use]
    pub fn missing(&self, asked: &[Mac]) -> Vec<Mac> {
        let has =
            |mac: &Mac| self.tokens.iter().any(|token| token.mac == Some(*mac) && token.token.is_some());
        asked.iter().copied().filter(|mac| !has(mac)).collect()
    }
}

impl Answer for IdTokens {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self { tokens: fields.records("results", IdToken::new), extra: fields.rest() })
    }
}

/// The ID token of a router.
#[derive(Debug)]
#[non_exhaustive]
pub struct IdToken {
    /// The router.
    pub mac: Option<Mac>,
    /// Its token; format and length are not documented.
    pub token: Option<SecretText>,
    /// The rest.
    pub extra: Extra,
}

impl IdToken {
    fn new(mut fields: Fields) -> Self {
        Self {
            mac: fields.mac("mac"),
            // `idtoken` in version 2511.1.0 of the vendor's document
            token: fields.secret("token").or_else(|| fields.secret("idtoken")),
            extra: fields.rest(),
        }
    }
}
