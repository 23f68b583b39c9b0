//! Devices, their names and how they are.

use ids::{DeviceId, OrgId, SiteId};
use serde_json::json;

use super::Scope;
use crate::cloud::device::CloudDevice;
use crate::cloud::reply::Reply;
use crate::cloud::search::{Window, page, search_list};
use crate::mist::DeviceKind;

impl Scope<'_> {
    /// MAC and name of everything, without pages; written as it goes, since it may be long.
    pub(super) fn device_names(&self, org: OrgId) -> Result<Reply, Reply> {
        let mut body = r#"{"results":["#.to_owned();
        for device in self.org(org)?.devices.inventory().filter(|device| !device.is_member()) {
            if !body.ends_with('[') {
                body.push(',');
            }
            body.push_str(&json!({ "mac": device.mac, "name": device.name }).to_string());
        }
        body.push_str("]}");
        Ok(Reply { body: body.into(), ..Reply::empty() })
    }

    /// Only devices that were seen inside the window: a day unless asked otherwise.
    pub(super) fn devices_search(&self, org: OrgId) -> Result<Reply, Reply> {
        let window = Window::of(self.ask, self.now)?;
        let (now, (_, end)) = (self.seconds(), window.whole());
        let found: Vec<&CloudDevice> = self
            .placed(org, None, "type")?
            .filter(|device| {
                self.ask.resembles("mac", &device.mac.to_string())
                    && self.ask.resembles("model", &device.model)
                    && self.ask.resembles("hostname", &device.name)
                    && self.ask.resembles("version", device.version)
                    && window.has_second(match device.last_disconnected {
                        Some(last) if !device.connected => last,
                        _ => end.min(now), // seen all the time
                    })
            })
            .collect();
        search_list(self.ask, self.settings, Some(window), &found, |device| {
            let mut row = device.stats(org, now);
            row["hostname"] = json!([device.name]);
            row["last_hostname"] = json!(device.name);
            row["timestamp"] = row["last_seen"].take();
            if let Some(row) = row.as_object_mut() {
                row.retain(|field, _| SEARCHED.contains(&field.as_str()));
            }
            if device.kind == DeviceKind::Ap {
                row["power_constrained"] = json!(false);
                row["power_opmode"] = json!("");
                row["mxtunnel_status"] = json!("down");
            } else {
                row["type"] = json!(device.kind.name());
                row["mist_configured"] = json!(true);
            }
            row
        })
    }

    pub(super) fn device_stats(&self, org: OrgId, site: Option<SiteId>) -> Result<Reply, Reply> {
        let found: Vec<&CloudDevice> = self
            .placed(org, site, "type")?
            .filter(|device| {
                self.ask.admits("mac", &device.mac.to_string())
                    && (self.ask.field("status") == Some("all") || self.ask.admits("status", device.status()))
            })
            .collect();
        let now = self.seconds();
        page(self.ask, self.settings, &found, 0, |device| device.stats(org, now))
    }

    pub(super) fn site_devices(&self, org: OrgId, site: SiteId) -> Result<Reply, Reply> {
        let found: Vec<&CloudDevice> = self
            .placed(org, Some(site), "type")?
            .filter(|device| self.ask.resembles("name", &device.name))
            .collect();
        page(self.ask, self.settings, &found, 0, |device| device.configuration(org))
    }

    pub(super) fn site_device(
        &self,
        org: OrgId,
        site: SiteId,
        id: &str,
        stats: bool,
    ) -> Result<Reply, Reply> {
        let wanted: DeviceId = id.parse().map_err(|_| Reply::not_found(id))?;
        let device = self
            .org(org)?
            .devices
            .inventory()
            .find(|device| device.site == Some(site) && device.id() == wanted)
            .ok_or_else(|| Reply::not_found(id))?;
        let now = self.seconds();
        Ok(Reply::ok(&if stats { device.stats(org, now) } else { device.configuration(org) }))
    }

    pub(super) fn maps(&self, org: OrgId, site: SiteId) -> Result<Reply, Reply> {
        let place = self.org(org)?.site(site).ok_or_else(|| Reply::not_found(&site.to_string()))?;
        page(self.ask, self.settings, &place.maps, 0, |(id, name)| {
            json!({
                "id": id,
                "name": name,
                "type": "image",
                "org_id": org,
                "site_id": site,
                "for_site": true,
                "width": 100,
                "height": 60,
                "ppm": 10,
                "created_time": place.created,
                "modified_time": place.modified,
            })
        })
    }

    /// The devices that are at a site, of the types that `field` names: access points unless it says otherwise.
    fn placed(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        field: &str,
    ) -> Result<impl Iterator<Item = &CloudDevice>, Reply> {
        let kinds = self.ask.list(field).unwrap_or_else(|| vec![DeviceKind::Ap.name()]);
        let wanted_site: Option<SiteId> = match (site, self.ask.field("site_id")) {
            (None, Some(text)) => Some(text.parse().map_err(|_| super::super::ask::wrong("site_id"))?),
            _ => site,
        };
        let devices = self.org(org)?.devices.inventory();
        Ok(devices.filter(move |device| {
            device.site.is_some()
                && !device.is_member()
                && (wanted_site.is_none() || device.site == wanted_site)
                && (kinds.contains(&"all") || kinds.contains(&device.kind.name()))
        }))
    }
}

/// What a row of `devices/search` has in common with one of `stats/devices`.
const SEARCHED: &[&str] = &[
    "ext_ip",
    "hostname",
    "ip",
    "last_hostname",
    "mac",
    "model",
    "org_id",
    "site_id",
    "timestamp",
    "uptime",
    "version",
];
