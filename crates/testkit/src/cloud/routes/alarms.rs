//! Alarms, device events and audits that happened.

use ids::{OrgId, SiteId};

use super::Scope;
use crate::cloud::ask::Ask;
use crate::cloud::reply::Reply;
use crate::cloud::rows::Row;
use crate::cloud::search::{count, search};

impl Scope<'_> {
    pub(super) fn alarms(&self, org: OrgId, site: Option<SiteId>) -> Result<Reply, Reply> {
        let acked = self.ask.field("acked").map(|_| self.ask.flag("acked", false)).transpose()?;
        search(self.ask, self.settings, self.now, &self.org(org)?.alarms, |row| {
            (site.is_none() || row.site == site)
                && ["type", "group", "severity", "site_id", "ack_admin_name", "status"]
                    .iter()
                    .all(|field| self.ask.admits(field, row.text(field)))
                && acked.is_none_or(|acked| row.value["acked"].as_bool().unwrap_or_default() == acked)
        })
    }

    /// Access points only, unless `device_type` says otherwise.
    pub(super) fn device_events(&self, org: OrgId) -> Result<Reply, Reply> {
        let kinds = self.ask.list("device_type").unwrap_or_else(|| vec!["ap"]);
        search(self.ask, self.settings, self.now, &self.org(org)?.events, |row| {
            let kind = row.text("device_type");
            (kinds.contains(&"all") || kinds.contains(&kind))
                && ["type", "mac", "model", "site_id"]
                    .iter()
                    .all(|field| self.ask.admits(field, row.text(field)))
                && contains(self.ask, "text", row)
        })
    }

    /// Unlike the other searches, this one has pages and no cursor.
    pub(super) fn audits(&self, org: OrgId) -> Result<Reply, Reply> {
        let window = crate::cloud::search::Window::of(self.ask, self.now)?;
        let (limit, page) = (self.ask.limit(self.settings.most_rows)?, self.ask.page()?);
        let rows = &self.org(org)?.audits;
        let found: Vec<_> =
            rows.iter().rev().filter(|row| window.holds(row.at) && audit(self.ask, row)).collect();
        let from = (page - 1).saturating_mul(limit);
        let shown: Vec<_> = found.iter().skip(from).take(limit).map(|row| &row.value).collect();
        let (start, end) = window.whole();
        let (total, results) = (found.len(), shown);
        Ok(Reply::ok(&serde_json::json!({
            "start": start, "end": end, "limit": limit, "total": total, "results": results,
        })))
    }

    pub(super) fn audits_count(&self, org: OrgId) -> Result<Reply, Reply> {
        let rows = self.org(org)?.audits.iter().filter(|row| audit(self.ask, row));
        let rows = rows.map(|row| (row.at, &row.value));
        count(self.ask, self.settings, self.now, rows, "admin_name")
    }
}

fn audit(ask: &Ask, row: &Row) -> bool {
    ask.admits("site_id", row.text("site_id"))
        && contains(ask, "admin_name", row)
        && contains(ask, "message", row)
}

/// Whether the row's field has the asked text somewhere, the case of letters aside.
fn contains(ask: &Ask, field: &str, row: &Row) -> bool {
    let wanted = ask.field(field).map(str::to_lowercase);
    wanted.is_none_or(|wanted| row.text(field).to_lowercase().contains(&wanted))
}
