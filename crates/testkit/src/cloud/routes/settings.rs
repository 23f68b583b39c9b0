//! Settings of organisations and sites, and what Session Smart Routers need of them.

use std::collections::HashSet;

use ids::{Mac, OrgId, SiteId};
use serde_json::{Map, Value, json};

use super::Scope;
use super::inventory::texts;
use crate::cloud::ask::wrong;
use crate::cloud::idtoken;
use crate::cloud::reply::Reply;
use crate::cloud::world::CloudOrganisation;

impl Scope<'_> {
    pub(super) fn org_setting(&self, org: OrgId) -> Result<Reply, Reply> {
        let organisation = self.org(org)?;
        let mut shown = Value::Object(organisation.setting.clone());
        shown["id"] = json!(org);
        shown["org_id"] = json!(org);
        self.masked(org, shown)
    }

    /// The keys that are given are replaced whole, `ssr` too; all others stay.
    pub(super) fn change_org_setting(&mut self, org: OrgId) -> Result<Reply, Reply> {
        let changes = checked(self.ask.object()?)?;
        self.org_mut(org)?.setting.extend(changes);
        self.org_setting(org)
    }

    /// The derived one is the same here: what else Mist merges into it is not documented for `ssr`.
    pub(super) fn site_setting(&self, org: OrgId, site: SiteId, derived: bool) -> Result<Reply, Reply> {
        let place = self.org(org)?.site(site).ok_or_else(|| Reply::not_found(&site.to_string()))?;
        let mut shown = Value::Object(place.setting.clone());
        shown["id"] = json!(site);
        shown["org_id"] = json!(org);
        shown["site_id"] = json!(site);
        if !derived {
            shown["for_site"] = json!(true);
        }
        shown["created_time"] = json!(place.created);
        shown["modified_time"] = json!(place.modified);
        self.masked(org, shown)
    }

    pub(super) fn change_site_setting(&mut self, org: OrgId, site: SiteId) -> Result<Reply, Reply> {
        let changes = checked(self.ask.object()?)?;
        let now = self.seconds();
        let place = self.org_mut(org)?.site_mut(site);
        let place = place.ok_or_else(|| Reply::not_found(&site.to_string()))?;
        place.setting.extend(changes);
        place.modified = now;
        self.site_setting(org, site, false)
    }

    fn masked(&self, org: OrgId, mut shown: Value) -> Result<Reply, Reply> {
        if let Some(mask) = self.mask(org)?
            && shown["ssr"]["conductor_token"].is_string()
        {
            shown["ssr"]["conductor_token"] = json!(mask);
        }
        if shown["ssr"].is_null()
            && let Some(fields) = shown.as_object_mut()
        {
            fields.remove("ssr"); // reading it above made it
        }
        Ok(Reply::ok(&shown))
    }

    /// A MAC address that is no router of this organisation is missing from the answer.
    pub(super) fn export_id_tokens(&self, org: OrgId) -> Result<Reply, Reply> {
        let body = self.ask.object()?;
        let macs = texts(body.get("macs")).filter(|macs| !macs.is_empty()).ok_or_else(|| wrong("macs"))?;
        if macs.iter().collect::<HashSet<_>>().len() < macs.len() {
            return Err(wrong("macs"));
        }
        let organisation = self.org(org)?;
        let routers = macs
            .iter()
            .filter_map(|text| text.parse::<Mac>().ok())
            .filter(|&mac| organisation.devices.find(mac).is_some_and(|device| device.is_ssr()));
        let results: Vec<Value> = routers
            .map(|mac| {
                let token = organisation.id_tokens.get(&mac).cloned();
                let mut row = json!({ "mac": mac });
                row[&self.settings.id_token_field] = json!(token.unwrap_or_else(|| idtoken::of(mac)));
                row
            })
            .collect();
        Ok(Reply::ok(&json!({ "results": results })))
    }

    pub(super) fn register_command(&self, org: OrgId) -> Result<Reply, Reply> {
        self.ask.number("ttl")?;
        let code = format!("FAKE-HEADER.FAKE-{org}.FAKE-SIGNATURE");
        Ok(Reply::ok(&json!({
            "conductor_cmd": format!("register mist {code}"),
            "registration_code": code,
            "router_shell_cmd": format!("128agent register --registration-code {code}"),
        })))
    }
}

impl CloudOrganisation {
    /// A flag inside an object of the setting; false when it is not there.
    pub(super) fn setting_flag(&self, object: &str, flag: &str) -> bool {
        self.setting.get(object).is_some_and(|object| object[flag] == true)
    }
}

/// Refuses an `ssr` that the contract does not allow.
fn checked(changes: Map<String, Value>) -> Result<Map<String, Value>, Reply> {
    let Some(ssr) = changes.get("ssr") else { return Ok(changes) };
    let ssr = ssr.as_object().ok_or_else(|| wrong("ssr"))?;
    for (field, value) in ssr {
        let good = match field.as_str() {
            "conductor_hosts" => texts(Some(value)).is_some() && value.is_array(),
            "conductor_token" => value.is_string(),
            "disable_stats" => value.is_boolean(),
            "auto_upgrade" | "proxy" => value.is_object(),
            _ => false,
        };
        if !good {
            return Err(wrong(&format!("ssr.{field}")));
        }
    }
    Ok(changes)
}
