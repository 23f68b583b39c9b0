//! What is there, and how a test changes it without a call.

use ids::{Mac, OrgId, SiteId};
use serde_json::{Map, Value, json};

use super::deliver::float;
use super::device::{CloudDevice, Conducted};
use super::token::Token;
use super::webhook::{Webhook, writable};
use super::world::{CloudOrganisation, World};
use super::{FakeCloud, NoSuch};
use crate::mist::estate;
use crate::mist::{Device, DeviceKind};

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

    /// The key of the organisation's first token, which may do everything.
    ///
    /// # Panics
    ///
    /// When there is no such organisation.
    #[must_use]
    pub fn token(&self, org: OrgId) -> String {
        self.first_token(org, "admin")
    }

    /// The key of a token that may only read.
    ///
    /// # Panics
    ///
    /// When there is no such organisation.
    #[must_use]
    pub fn read_token(&self, org: OrgId) -> String {
        self.first_token(org, "read")
    }

    fn first_token(&self, org: OrgId, role: &str) -> String {
        let world = self.shared.world();
        let token = world.tokens.iter().find(|token| token.org == org && token.role == role);
        token.map(|token| token.key.clone()).expect("every organisation is made with both tokens")
    }

    /// Makes another token with a role of Mist's: `admin`, `write`, `read`, `installer`, `helpdesk`.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn add_token(&self, org: OrgId, role: &str) -> Result<String, NoSuch> {
        let mut world = self.shared.world();
        world.organisation(org)?;
        let now = world.seconds();
        let token = Token::new(&mut world.rng, org, role, now);
        let key = token.key.clone();
        world.tokens.push(token);
        Ok(key)
    }

    /// Whoever shows this token gets a 401 from now on.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Token`].
    pub fn revoke(&self, key: &str) -> Result<(), NoSuch> {
        self.with_token(key, |token| token.revoked = true)
    }

    /// The token is good again.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Token`].
    pub fn restore(&self, key: &str) -> Result<(), NoSuch> {
        self.with_token(key, |token| token.revoked = false)
    }

    /// Counts calls that nobody made, to come near the limit.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Token`].
    pub fn spend(&self, key: &str, calls: u64) -> Result<(), NoSuch> {
        self.with_token(key, |token| token.calls = token.calls.saturating_add(calls))
    }

    fn with_token(&self, key: &str, change: impl FnOnce(&mut Token)) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let token = world.tokens.iter_mut().find(|token| token.key == key).ok_or(NoSuch::Token)?;
        change(token);
        Ok(())
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
                device.modified = now;
            }
        })
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

    /// Every device as it is now, Mist Edges and members of virtual chassis too.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn devices(&self, org: OrgId) -> Result<Vec<CloudDevice>, NoSuch> {
        Ok(self.shared.world().organisation(org)?.devices.iter().cloned().collect())
    }

    /// One device as it is now.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn device(&self, mac: Mac) -> Result<CloudDevice, NoSuch> {
        self.shared.world().device(mac).map(|(_, device)| device.clone())
    }

    /// Puts a new device into the inventory, connected and at `site` unless that is `None`. A gateway is a
    /// Session Smart Router.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn add_device(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        kind: DeviceKind,
        name: &str,
    ) -> Result<Mac, NoSuch> {
        let mut world = self.shared.world();
        world.add_device(org, site, kind, name)
    }

    /// Gives a device another name.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn rename_device(&self, mac: Mac, name: &str) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.name = name.into())
    }

    /// Sets whether Mist reaches a device, without an event.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn set_connected(&self, mac: Mac, connected: bool) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.connected = connected)
    }

    /// Moves a device to another site of its organisation, or to none.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn move_device(&self, mac: Mac, site: Option<SiteId>) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.site = site)
    }

    /// Sets what `stats/devices` says of a router's conductor.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn set_conducted(&self, mac: Mac, conducted: Option<Conducted>) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.conducted = conducted)
    }

    fn with_device(&self, mac: Mac, change: impl FnOnce(&mut CloudDevice)) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let now = world.seconds();
        let device = world.device_mut(mac)?;
        change(device);
        device.modified = now;
        Ok(())
    }

    /// Sets what `export_idtokens` says of a router; without this it is made up from the MAC address.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn set_id_token(&self, mac: Mac, token: &str) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let owner = world.device(mac)?.0;
        world.organisation_mut(owner)?.id_tokens.insert(mac, token.to_owned());
        Ok(())
    }

    /// Takes a device out of the inventory.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn remove_device(&self, mac: Mac) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let owner = world.device(mac)?.0;
        world.organisation_mut(owner)?.devices.remove(mac);
        Ok(())
    }

    /// Makes a virtual chassis of so many new members at a site. Its address starts with `020003`, as the cloud
    /// assigns them; with `fpc0` it is the first member's, as older ones have it.
    ///
    /// Says the address of the chassis, and those of the members that are listed only by `vc=true`.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Site`].
    pub fn add_chassis(
        &self,
        site: SiteId,
        name: &str,
        members: usize,
        fpc0: bool,
    ) -> Result<(Mac, Vec<Mac>), NoSuch> {
        let mut world = self.shared.world();
        let org = world.owner_of(site)?;
        let chassis = world.add_device(org, Some(site), DeviceKind::Switch, name)?;
        let chassis = if fpc0 {
            chassis
        } else {
            let organisation = world.organisation_mut(org)?;
            let mut device = organisation.devices.remove(chassis).ok_or(NoSuch::Device(chassis))?;
            let [.., a, b, c] = chassis.bytes();
            device.mac = Mac::new([0x02, 0x00, 0x03, a, b, c]);
            let mac = device.mac;
            organisation.devices.insert(device);
            mac
        };
        world.device_mut(chassis)?.vc_mac = Some(chassis);
        let mut macs = Vec::new();
        for number in usize::from(fpc0)..members {
            let member =
                world.add_device(org, Some(site), DeviceKind::Switch, &format!("{name}-fpc{number}"))?;
            world.device_mut(member)?.vc_mac = Some(chassis);
            macs.push(member);
        }
        Ok((chassis, macs))
    }

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

    /// Adds an entry to a catalogue, as in `alarm_defs`; one with the same `key` gives way to it.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Definitions`].
    pub fn define(&self, catalogue: &str, entry: Value) -> Result<(), NoSuch> {
        let added = self.shared.world().definitions.add(catalogue, entry);
        added.then_some(()).ok_or_else(|| NoSuch::Definitions(catalogue.to_owned()))
    }
}

impl World {
    fn add_device(
        &mut self,
        org: OrgId,
        site: Option<SiteId>,
        kind: DeviceKind,
        name: &str,
    ) -> Result<Mac, NoSuch> {
        let mac = estate::mac(&mut self.rng);
        let (model, version) = match kind {
            DeviceKind::Ap => ("AP45", "0.14.29313"),
            DeviceKind::Switch => ("EX4100-48P", "23.4R2-S3.9"),
            DeviceKind::Gateway => ("SSR120", "6.3.0-107.r1"),
            DeviceKind::MxEdge => ("ME-X1", "0.1.3412"),
        };
        let serial = format!("TS{:08}", self.rng.below(100_000_000));
        let now = self.seconds();
        let device = Device { kind, mac, name: name.to_owned(), model, serial, version };
        self.organisation_mut(org)?.devices.insert(CloudDevice::new(device, site, now));
        Ok(mac)
    }
}
