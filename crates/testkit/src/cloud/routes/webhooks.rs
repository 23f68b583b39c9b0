//! Webhooks and their delivery log.

use ids::{OrgId, SiteId};
use serde_json::Value;

use super::Scope;
use crate::cloud::deliver::float;
use crate::cloud::reply::Reply;
use crate::cloud::rows::Row;
use crate::cloud::search::{count, page, search};
use crate::cloud::webhook::{Webhook, check, writable};

impl Scope<'_> {
    pub(super) fn webhooks(
        &mut self,
        method: &str,
        org: OrgId,
        site: Option<SiteId>,
        rest: &[&str],
    ) -> Result<Reply, Reply> {
        match (method, rest) {
            ("GET", []) => self.webhook_list(org, site),
            ("POST", []) => self.create_webhook(org, site),
            ("GET", [id]) => {
                let shown = self.webhook(org, site, id)?.shown(self.mask(org)?);
                Ok(Reply::ok(&shown))
            }
            ("PUT", [id]) => self.update_webhook(org, site, id),
            ("DELETE", [id]) => {
                self.webhook(org, site, id)?;
                self.org_mut(org)?.webhooks.retain(|webhook| webhook.id != *id);
                Ok(Reply::empty())
            }
            ("POST", [id, "ping"]) => {
                let webhook = self.webhook(org, site, id)?.clone();
                let job = self.world.ping(&webhook);
                Ok(Reply { jobs: vec![job], ..Reply::empty() })
            }
            ("GET", [id, "events", "search"]) => {
                self.webhook(org, site, id)?;
                search(self.ask, self.settings, self.now, &self.org(org)?.deliveries, |row| {
                    self.delivery(row, id)
                })
            }
            ("GET", [id, "events", "count"]) => {
                self.webhook(org, site, id)?;
                let rows = self.org(org)?.deliveries.iter().filter(|row| self.delivery(row, id));
                let rows = rows.map(|row| (row.at, &row.value));
                count(self.ask, self.settings, self.now, rows, "status")
            }
            _ => Err(Reply::not_found("")),
        }
    }

    fn webhook(&self, org: OrgId, site: Option<SiteId>, id: &str) -> Result<&Webhook, Reply> {
        let found = self.org(org)?.webhooks.iter().find(|webhook| webhook.id == id && webhook.site == site);
        found.ok_or_else(|| Reply::not_found(id))
    }

    fn webhook_list(&self, org: OrgId, site: Option<SiteId>) -> Result<Reply, Reply> {
        let found: Vec<&Webhook> =
            self.org(org)?.webhooks.iter().filter(|webhook| webhook.site == site).collect();
        let mask = self.mask(org)?;
        page(self.ask, self.settings, &found, 0, |webhook| webhook.shown(mask))
    }

    fn create_webhook(&mut self, org: OrgId, site: Option<SiteId>) -> Result<Reply, Reply> {
        let fields = writable(self.ask.object()?);
        let others = self.org(org)?.webhooks.iter();
        check(&fields, site, &self.world.definitions, others)?;
        if self.org(org)?.webhooks.len() >= MOST_WEBHOOKS {
            return Err(Reply::bad("too many webhooks"));
        }
        let now = float(self.now);
        let webhook = Webhook { id: self.world.uuid(), org, site, created: now, modified: now, fields };
        self.org_mut(org)?.webhooks.push(webhook.clone());
        Ok(Reply::ok(&webhook.shown(self.mask(org)?)))
    }

    /// The keys that are given are replaced, all others stay.
    fn update_webhook(&mut self, org: OrgId, site: Option<SiteId>, id: &str) -> Result<Reply, Reply> {
        let mut webhook = self.webhook(org, site, id)?.clone();
        webhook.fields.extend(writable(self.ask.object()?));
        let others = self.org(org)?.webhooks.iter().filter(|other| other.id != id);
        check(&webhook.fields, site, &self.world.definitions, others)?;
        webhook.modified = float(self.now);
        let shown = webhook.shown(self.mask(org)?);
        let known = self.org_mut(org)?.webhooks.iter_mut().find(|known| known.id == id);
        if let Some(known) = known {
            *known = webhook;
        }
        Ok(Reply::ok(&shown))
    }

    fn delivery(&self, row: &Row, webhook: &str) -> bool {
        let ask = self.ask;
        let code = match &row.value["status_code"] {
            Value::Null => String::new(),
            code => code.to_string(),
        };
        row.text("webhook_id") == webhook
            && ask.admits("status", row.text("status"))
            && ask.admits("topic", row.text("topic"))
            && ask.admits("status_code", &code)
            && ask.field("error").is_none_or(|part| row.text("error").contains(part))
    }
}

const MOST_WEBHOOKS: usize = 4_096;
