//! Sites.

use ids::OrgId;
use serde_json::{Value, json};

use super::Scope;
use crate::cloud::reply::Reply;
use crate::cloud::search::{Window, count, page, search_list};
use crate::cloud::world::CloudSite;

impl Scope<'_> {
    pub(super) fn sites(&self, org: OrgId) -> Result<Reply, Reply> {
        page(self.ask, self.settings, &self.org(org)?.sites, 0, |site| site.shown(org))
    }

    pub(super) fn sites_search(&self, org: OrgId) -> Result<Reply, Reply> {
        let window = Window::of(self.ask, self.now)?;
        let found: Vec<&CloudSite> = self
            .org(org)?
            .sites
            .iter()
            .filter(|site| {
                self.ask.resembles("name", &site.name)
                    && self.ask.admits("id", &site.id.to_string())
                    && self.ask.admits("country_code", "PT")
            })
            .collect();
        search_list(self.ask, self.settings, Some(window), &found, |site| row(org, site))
    }

    pub(super) fn sites_count(&self, org: OrgId) -> Result<Reply, Reply> {
        let rows: Vec<Value> = self.org(org)?.sites.iter().map(|site| row(org, site)).collect();
        let rows = rows.iter().map(|row| (self.now, row));
        count(self.ask, self.settings, self.now, rows, "country_code")
    }
}

fn row(org: OrgId, site: &CloudSite) -> Value {
    json!({
        "id": site.id,
        "site_id": site.id,
        "org_id": org,
        "name": site.name,
        "country_code": "PT",
        "timezone": "Europe/Lisbon",
        "timestamp": site.modified,
        "auto_upgrade_enabled": false,
        "auto_upgrade_version": "",
        "honeypot_enabled": false,
        "vna_enabled": false,
        "wifi_enabled": true,
    })
}
