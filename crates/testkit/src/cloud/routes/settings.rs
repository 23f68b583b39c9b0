//! Settings of organisations and sites, and what Session Smart Routers need of them.

use std::collections::HashSet;

use ids::{Mac, OrgId, SiteId};
use serde_json::{Map, Value, json};

use super::Scope;
use super::inventory::texts;
use crate::cloud::ask::wrong;
use crate::cloud::idtoken;
use crate::cloud::readings::{Derived, EmptyToken, NoIdToken, Readings, SsrPut, TokenShown, TooManyMacs};
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

    /// The keys that are given are replaced whole, `ssr` as it is read here; all others stay.
    pub(super) fn change_org_setting(&mut self, org: OrgId) -> Result<Reply, Reply> {
        let changes = checked(self.ask.object()?, &self.world.readings)?;
        let readings = self.world.readings.clone();
        change(&mut self.org_mut(org)?.setting, changes, &readings);
        self.org_setting(org)
    }

    /// The derived one differs in `ssr` alone, as it is read here.
    pub(super) fn site_setting(&self, org: OrgId, site: SiteId, derived: bool) -> Result<Reply, Reply> {
        let place = self.org(org)?.site(site).ok_or_else(|| Reply::not_found(&site.to_string()))?;
        let mut shown = Value::Object(place.setting.clone());
        shown["id"] = json!(site);
        shown["org_id"] = json!(org);
        shown["site_id"] = json!(site);
        if derived {
            let own = place.setting.get("ssr");
            if let Some(ssr) = derive(own, self.org(org)?.setting.get("ssr"), self.world.readings.derived) {
                shown["ssr"] = ssr;
            }
        } else {
            shown["for_site"] = json!(true);
        }
        shown["created_time"] = json!(place.created);
        shown["modified_time"] = json!(place.modified);
        self.masked(org, shown)
    }

    pub(super) fn change_site_setting(&mut self, org: OrgId, site: SiteId) -> Result<Reply, Reply> {
        let changes = checked(self.ask.object()?, &self.world.readings)?;
        let readings = self.world.readings.clone();
        let now = self.seconds();
        let place = self.org_mut(org)?.site_mut(site);
        let place = place.ok_or_else(|| Reply::not_found(&site.to_string()))?;
        change(&mut place.setting, changes, &readings);
        place.modified = now;
        self.site_setting(org, site, false)
    }

    fn masked(&self, org: OrgId, mut shown: Value) -> Result<Reply, Reply> {
        let mask = self.mask(org)?;
        if let Some(ssr) = shown.get_mut("ssr").and_then(Value::as_object_mut)
            && ssr.get("conductor_token").is_some_and(Value::is_string)
        {
            match (self.world.readings.token_shown, mask) {
                (TokenShown::Absent, _) => drop(ssr.remove("conductor_token")),
                (TokenShown::Masked, _) => {
                    ssr.insert("conductor_token".to_owned(), json!(self.settings.mask));
                }
                (TokenShown::Plain, Some(mask)) => {
                    ssr.insert("conductor_token".to_owned(), json!(mask));
                }
                (TokenShown::Plain, None) => {}
            }
        }
        Ok(Reply::ok(&shown))
    }

    /// What has no ID token, a MAC address that is no router of this organisation too, is told as it is read here.
    pub(super) fn export_id_tokens(&self, org: OrgId) -> Result<Reply, Reply> {
        let readings = &self.world.readings;
        let body = self.ask.object()?;
        let mut macs =
            texts(body.get("macs")).filter(|macs| !macs.is_empty()).ok_or_else(|| wrong("macs"))?;
        if macs.iter().collect::<HashSet<_>>().len() < macs.len() {
            return Err(wrong("macs"));
        }
        match readings.most_macs {
            Some((most, TooManyMacs::Refused)) if macs.len() > most => return Err(wrong("macs")),
            Some((most, TooManyMacs::Cut)) => macs.truncate(most),
            _ => {}
        }
        let organisation = self.org(org)?;
        let token = |mac: Mac| {
            let known = organisation.devices.find(mac).is_some_and(|device| device.is_ssr());
            match organisation.id_tokens.get(&mac) {
                Some(token) if known => token.clone(),
                None if known => Some(idtoken::of(mac)),
                _ => None,
            }
        };
        let results: Vec<Value> = macs
            .iter()
            .map(|text| (text, text.parse().ok().and_then(token)))
            .filter(|(_, token)| token.is_some() || readings.no_id_token != NoIdToken::NoRow)
            .map(|(text, token)| {
                let mut row =
                    json!({ "mac": text.parse::<Mac>().map_or_else(|_| json!(text), |mac| json!(mac)) });
                let value = match (token, readings.no_id_token) {
                    (Some(token), _) => json!(token),
                    (None, NoIdToken::Null) => Value::Null,
                    (None, NoIdToken::Empty) => json!(""),
                    (None, NoIdToken::NoRow | NoIdToken::NoField) => return row,
                };
                for field in &readings.id_token_fields {
                    row[field] = value.clone();
                }
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

/// What is there becomes what a PUT makes of it.
fn change(setting: &mut Map<String, Value>, mut changes: Map<String, Value>, readings: &Readings) {
    if let Some(Value::Object(new)) = changes.get_mut("ssr") {
        let empty = Map::new();
        let old = setting.get("ssr").and_then(Value::as_object).unwrap_or(&empty);
        if readings.ssr_put == SsrPut::Merges {
            for (field, value) in old {
                new.entry(field).or_insert_with(|| value.clone());
            }
        }
        if new.get("conductor_token").is_some_and(|token| token == "") {
            match (readings.empty_token, old.get("conductor_token")) {
                (EmptyToken::Ignored, Some(token)) => {
                    new.insert("conductor_token".to_owned(), token.clone());
                }
                (EmptyToken::Ignored | EmptyToken::Removes, _) => drop(new.remove("conductor_token")),
                (EmptyToken::Kept | EmptyToken::Refused, _) => {}
            }
        }
    }
    setting.extend(changes);
}

/// `ssr` of a site as `setting/derived` has it.
fn derive(site: Option<&Value>, organisation: Option<&Value>, how: Derived) -> Option<Value> {
    match how {
        Derived::SiteAlone => site.cloned(),
        Derived::WholeObject => site.or(organisation).cloned(),
        Derived::FieldByField => {
            let fields = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
            let mut both = fields(organisation).unwrap_or_default();
            both.extend(fields(site).unwrap_or_default());
            (!both.is_empty()).then_some(Value::Object(both))
        }
    }
}

/// Refuses an `ssr` that the contract does not allow.
fn checked(changes: Map<String, Value>, readings: &Readings) -> Result<Map<String, Value>, Reply> {
    let Some(ssr) = changes.get("ssr") else { return Ok(changes) };
    let ssr = ssr.as_object().ok_or_else(|| wrong("ssr"))?;
    for (field, value) in ssr {
        let good = match field.as_str() {
            "conductor_hosts" => texts(Some(value)).is_some() && value.is_array(),
            "conductor_token" if value == "" => readings.empty_token != EmptyToken::Refused,
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
