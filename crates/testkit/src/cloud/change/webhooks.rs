//! Webhooks made without a call, and what became of their deliveries.

use ids::{OrgId, SiteId};
use serde_json::{Map, Value, json};

use crate::cloud::deliver::float;
use crate::cloud::webhook::{Webhook, writable};
use crate::cloud::{FakeCloud, NoSuch};

/// A webhook to be made.
#[derive(Clone, Debug, Default)]
pub struct NewWebhook {
    /// The site it is for; `None` makes it the organisation's.
    pub site: Option<SiteId>,
    /// Its fields, as the API takes them.
    pub fields: Map<String, Value>,
}

impl NewWebhook {
    /// One of an organisation that posts about `topics` to `url`, signed with `secret`.
    ///
    /// A secret that is not UTF-8 is changed to be so.
    #[must_use]
    pub fn new(url: &str, secret: &[u8], topics: &[&str]) -> Self {
        let fields = json!({
            "name": "test webhook",
            "url": url,
            "secret": String::from_utf8_lossy(secret),
            "topics": topics,
        });
        Self { site: None, fields: fields.as_object().cloned().unwrap_or_default() }
    }

    /// The same for a site.
    #[must_use]
    pub const fn for_site(mut self, site: SiteId) -> Self {
        self.site = Some(site);
        self
    }

    /// The same with another field, as in `verify_cert`.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }
}

impl FakeCloud {
    /// Makes a webhook without the checks of the API, and says its id.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn add_webhook(&self, org: OrgId, new: NewWebhook) -> Result<String, NoSuch> {
        let mut world = self.shared.world();
        let (id, now) = (world.uuid(), float(world.now()));
        let fields = writable(new.fields);
        let webhook = Webhook { id: id.clone(), org, site: new.site, created: now, modified: now, fields };
        world.organisation_mut(org)?.webhooks.push(webhook);
        Ok(id)
    }

    /// Removes a webhook.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Webhook`].
    pub fn remove_webhook(&self, id: &str) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let owner = world.organisations.iter_mut().find(|org| org.webhooks.iter().any(|w| w.id == id));
        let owner = owner.ok_or_else(|| NoSuch::Webhook(id.to_owned()))?;
        owner.webhooks.retain(|webhook| webhook.id != id);
        Ok(())
    }

    /// The delivery log of a webhook, oldest first, as the API shows its rows.
    #[must_use]
    pub fn delivery_log(&self, webhook: &str) -> Vec<Value> {
        let world = self.shared.world();
        let rows = world.organisations.iter().flat_map(|org| org.deliveries.iter());
        rows.filter(|row| row.text("webhook_id") == webhook).map(|row| row.value.clone()).collect()
    }
}
