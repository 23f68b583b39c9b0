//! Which call is answered by what.

use http::{Method, StatusCode};
use ids::{OrgId, SiteId};
use serde_json::{Value, json};

use super::ask::Ask;
use super::reply::Reply;
use super::settings::CloudSettings;
use super::token::Token;
use super::world::World;

mod alarms;
mod devices;
mod inventory;
mod settings;
mod sites;
mod templates;
mod tokens;
mod webhooks;

/// A call of somebody who may make it.
#[derive(Debug)]
struct Scope<'a> {
    world: &'a mut World,
    settings: &'a CloudSettings,
    ask: &'a Ask,
    token: Token,
    now: ids::Timestamp,
}

/// The answer to a call, misbehaviour aside.
pub(super) fn answer(world: &mut World, settings: &CloudSettings, ask: &Ask) -> Reply {
    match admit(world, settings, ask).and_then(Scope::answer) {
        Ok(reply) | Err(reply) => reply,
    }
}

/// Finds the token and counts the call.
fn admit<'a>(world: &'a mut World, settings: &'a CloudSettings, ask: &'a Ask) -> Result<Scope<'a>, Reply> {
    let refused = |code| Reply::of_status(code, settings.calls_per_hour);
    let now = world.now();
    let seconds = now.micros().div_euclid(1_000_000);
    let key = ask.token.as_ref().ok_or_else(|| refused(StatusCode::UNAUTHORIZED))?;
    let token = world.tokens.iter_mut().find(|token| token.key == *key && !token.revoked);
    let token = token.ok_or_else(|| refused(StatusCode::UNAUTHORIZED))?;
    let usage = ask.path == "/api/v1/self/usage";
    let good = token.spend(seconds, settings.calls_per_hour);
    if !(good || usage && settings.usage_when_limited) {
        return Err(refused(StatusCode::TOO_MANY_REQUESTS));
    }
    let token = token.clone();
    if ask.method != Method::GET && !token.may_write() {
        return Err(refused(StatusCode::FORBIDDEN));
    }
    Ok(Scope { world, settings, ask, token, now })
}

impl Scope<'_> {
    fn answer(mut self) -> Result<Reply, Reply> {
        let parts = self.ask.parts().ok_or_else(|| Reply::not_found(""))?;
        match (self.ask.method.as_str(), parts.as_slice()) {
            ("GET", ["self"]) => Ok(Reply::ok(&self.token.account())),
            ("GET", ["self", "usage"]) => Ok(self.usage()),
            ("GET", ["const", name]) => {
                let list = self.world.definitions.list(name).ok_or_else(|| Reply::not_found(name))?;
                Ok(Reply::ok(&Value::Array(list.clone())))
            }
            (method, ["orgs", id, rest @ ..]) => {
                let org = self.organisation(id)?;
                self.organisation_call(method, org, rest)
            }
            (method, ["sites", id, rest @ ..]) => {
                let (org, site) = self.site(id)?;
                self.site_call(method, org, site, rest)
            }
            _ => Err(Reply::not_found("")),
        }
    }

    fn organisation_call(&mut self, method: &str, org: OrgId, rest: &[&str]) -> Result<Reply, Reply> {
        match (method, rest) {
            ("GET", []) => Ok(Reply::ok(&self.org(org)?.shown())),
            ("GET", ["sites"]) => self.sites(org),
            ("GET", ["sites", "search"]) => self.sites_search(org),
            ("GET", ["sites", "count"]) => self.sites_count(org),
            ("GET", ["inventory"]) => self.inventory(org),
            ("PUT", ["inventory"]) => self.inventory_change(org),
            ("GET", ["inventory", "search"]) => self.inventory_search(org),
            ("GET", ["inventory", "count"]) => self.inventory_count(org),
            ("GET", ["devices"]) => self.device_names(org),
            ("GET", ["devices", "search"]) => self.devices_search(org),
            ("GET", ["devices", "events", "search"]) => self.device_events(org),
            ("GET", ["stats", "devices"]) => self.device_stats(org, None),
            ("GET", ["alarms", "search"]) => self.alarms(org, None),
            ("GET", ["logs" | "logs/search"] | ["logs", "search"]) => self.audits(org),
            ("GET", ["logs", "count"]) => self.audits_count(org),
            (_, ["webhooks", rest @ ..]) => self.webhooks(method, org, None, rest),
            (_, ["alarmtemplates", rest @ ..]) => self.templates(method, org, rest),
            (_, ["apitokens", rest @ ..]) => self.api_tokens(method, org, rest),
            ("GET", ["setting"]) => self.org_setting(org),
            ("PUT", ["setting"]) => self.change_org_setting(org),
            ("POST", ["ssr", "export_idtokens"]) => self.export_id_tokens(org),
            ("GET", ["ssr", "register_cmd"]) => self.register_command(org),
            _ => Err(Reply::not_found(rest.last().unwrap_or(&""))),
        }
    }

    fn site_call(&mut self, method: &str, org: OrgId, site: SiteId, rest: &[&str]) -> Result<Reply, Reply> {
        match (method, rest) {
            ("GET", []) => {
                let found = self.org(org)?.site(site).map(|site| site.shown(org));
                found.map(|shown| Reply::ok(&shown)).ok_or_else(|| Reply::not_found(&site.to_string()))
            }
            ("GET", ["devices"]) => self.site_devices(org, site),
            ("GET", ["devices", id]) => self.site_device(org, site, id, false),
            ("GET", ["stats", "devices"]) => self.device_stats(org, Some(site)),
            ("GET", ["stats", "devices", id]) => self.site_device(org, site, id, true),
            ("GET", ["maps"]) => self.maps(org, site),
            ("GET", ["alarms", "search"]) => self.alarms(org, Some(site)),
            (_, ["webhooks", rest @ ..]) => self.webhooks(method, org, Some(site), rest),
            ("GET", ["setting"]) => self.site_setting(org, site, false),
            ("GET", ["setting", "derived"]) => self.site_setting(org, site, true),
            ("PUT", ["setting"]) => self.change_site_setting(org, site),
            _ => Err(Reply::not_found(rest.last().unwrap_or(&""))),
        }
    }

    fn usage(&self) -> Reply {
        let mut body = json!({ "requests": self.token.calls, "request_limit": self.settings.calls_per_hour });
        if self.settings.usage_seconds {
            body["seconds"] = json!(self.token.seconds_left(self.seconds()));
        }
        Reply::ok(&body)
    }

    /// The organisation of the path, when it is the token's.
    fn organisation(&self, text: &str) -> Result<OrgId, Reply> {
        let id: OrgId = text.parse().map_err(|_| Reply::not_found(text))?;
        self.org(id)?;
        self.own(id).map(|()| id)
    }

    /// The site of the path and its organisation, when it is the token's.
    fn site(&self, text: &str) -> Result<(OrgId, SiteId), Reply> {
        let id: SiteId = text.parse().map_err(|_| Reply::not_found(text))?;
        let org = self.world.owner_of(id).map_err(|_| Reply::not_found(text))?;
        self.own(org).map(|()| (org, id))
    }

    fn own(&self, org: OrgId) -> Result<(), Reply> {
        if org == self.token.org {
            return Ok(());
        }
        let status = super::misbehaviour::status(self.settings.foreign_status);
        Err(Reply::of_status(status, self.settings.calls_per_hour))
    }

    fn org(&self, id: OrgId) -> Result<&super::world::CloudOrganisation, Reply> {
        self.world.organisation(id).map_err(|_| Reply::not_found(&id.to_string()))
    }

    fn org_mut(&mut self, id: OrgId) -> Result<&mut super::world::CloudOrganisation, Reply> {
        self.world.organisation_mut(id).map_err(|_| Reply::not_found(&id.to_string()))
    }

    const fn seconds(&self) -> i64 {
        self.now.micros().div_euclid(1_000_000)
    }

    /// What stands for secrets in this answer: nothing when they are revealed.
    fn mask(&self, org: OrgId) -> Result<Option<&str>, Reply> {
        let hidden = !self.token.may_write() || self.org(org)?.setting_flag("api_policy", "no_reveal");
        Ok(hidden.then_some(self.settings.mask.as_str()))
    }
}
