//! Organisations and sites, their settings, and what is defined for all of them.

use ids::{OrgId, SiteId};
use serde_json::{Map, Value, json};

use crate::cloud::world::CloudOrganisation;
use crate::cloud::{FakeCloud, NoSuch};

impl FakeCloud {
    /// The organisations.
    #[must_use]
    pub fn organisations(&self) -> Vec<OrgId> {
        self.shared.world().organisations.iter().map(|org| org.id).collect()
    }

    /// The organisation's name.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn organisation_name(&self, org: OrgId) -> Result<String, NoSuch> {
        self.shared.world().organisation(org).map(|org| org.name.clone())
    }

    /// Id and name of every site.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn sites(&self, org: OrgId) -> Result<Vec<(SiteId, String)>, NoSuch> {
        let world = self.shared.world();
        let sites = &world.organisation(org)?.sites;
        Ok(sites.iter().map(|site| (site.id, site.name.clone())).collect())
    }

    /// Makes a site without devices.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn add_site(&self, org: OrgId, name: &str) -> Result<SiteId, NoSuch> {
        let mut world = self.shared.world();
        world.organisation(org)?;
        let id = world.uuid().parse().map_err(|_| NoSuch::Organisation(org))?;
        let now = world.seconds();
        let site = world.site(id, name.to_owned(), now);
        world.organisation_mut(org)?.sites.push(site);
        Ok(id)
    }

    /// Gives a site another name.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Site`].
    pub fn rename_site(&self, site: SiteId, name: &str) -> Result<(), NoSuch> {
        self.with_site(site, |organisation, now| {
            if let Some(site) = organisation.site_mut(site) {
                name.clone_into(&mut site.name);
                site.modified = now;
            }
        })
    }

    /// Removes a site with its webhooks; its devices become unassigned.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Site`].
    pub fn remove_site(&self, site: SiteId) -> Result<(), NoSuch> {
        self.with_site(site, |organisation, now| {
            organisation.sites.retain(|known| known.id != site);
            organisation.webhooks.retain(|webhook| webhook.site != Some(site));
            for device in organisation.devices.iter_mut().filter(|device| device.site == Some(site)) {
                device.site = None;
                device.touch(now);
            }
        })
    }

    /// `ssr` of the settings as a router at a site is told it: field by field the site's, else the organisation's.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Site`].
    pub fn ssr_setting(&self, site: SiteId) -> Result<Value, NoSuch> {
        let world = self.shared.world();
        let owner = world.owner_of(site)?;
        let organisation = world.organisation(owner)?;
        let mut ssr = organisation.setting.get("ssr").cloned().unwrap_or_else(|| serde_json::json!({}));
        let own = organisation.site(site).and_then(|site| site.setting.get("ssr")).and_then(Value::as_object);
        for (key, value) in own.into_iter().flatten() {
            ssr[key] = value.clone();
        }
        Ok(ssr)
    }

    /// `ssr` of a site's own setting; `None` when it has none.
    #[must_use]
    pub fn site_ssr(&self, site: SiteId) -> Option<Value> {
        let world = self.shared.world();
        world.organisations.iter().find_map(|org| org.site(site))?.setting.get("ssr").cloned()
    }

    /// `ssr` of an organisation's setting; `None` when it has none.
    #[must_use]
    pub fn org_ssr(&self, org: OrgId) -> Option<Value> {
        self.shared.world().organisation(org).ok()?.setting.get("ssr").cloned()
    }

    /// Sets a key of a site's setting, as in `ssr`.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Site`].
    pub fn set_site_setting(&self, site: SiteId, key: &str, value: Value) -> Result<(), NoSuch> {
        self.with_site(site, |organisation, now| {
            if let Some(site) = organisation.site_mut(site) {
                site.setting.insert(key.to_owned(), value);
                site.modified = now;
            }
        })
    }

    /// Sets a key of an organisation's setting, as in `api_policy`.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn set_setting(&self, org: OrgId, key: &str, value: Value) -> Result<(), NoSuch> {
        self.shared.world().organisation_mut(org)?.setting.insert(key.to_owned(), value);
        Ok(())
    }

    /// Lets only alarms of these types out of the organisation: makes an alarm template with them and assigns
    /// it. Others can still be searched.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn enable_alarms(&self, org: OrgId, kinds: &[&str]) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let (id, now) = (world.uuid(), world.seconds());
        let rules: Map<String, Value> =
            kinds.iter().map(|kind| ((*kind).to_owned(), json!({ "enabled": true }))).collect();
        let organisation = world.organisation_mut(org)?;
        organisation.templates.push(json!({
            "id": id, "org_id": org, "name": "test template", "delivery": { "enabled": false }, "rules": rules,
            "created_time": now, "modified_time": now,
        }));
        organisation.alarmtemplate_id = Some(id);
        Ok(())
    }

    /// Adds an entry to a catalogue, as in `alarm_defs`; one with the same `key` gives way to it.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Definitions`].
    pub fn define(&self, catalogue: &str, entry: Value) -> Result<(), NoSuch> {
        let added = self.shared.world().definitions.add(catalogue, entry);
        added.then_some(()).ok_or_else(|| NoSuch::Definitions(catalogue.to_owned()))
    }

    fn with_site(
        &self,
        site: SiteId,
        change: impl FnOnce(&mut CloudOrganisation, i64),
    ) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let owner = world.owner_of(site)?;
        let now = world.seconds();
        change(world.organisation_mut(owner)?, now);
        Ok(())
    }
}
