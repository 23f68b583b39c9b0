//! The devices of an organisation, and the rows that show them.

use std::collections::HashMap;

use ids::{DeviceId, Mac, OrgId, SiteId};
use serde_json::{Value, json};

use crate::mist::{Device, DeviceKind};

/// A device as it is now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CloudDevice {
    /// What it is.
    pub kind: DeviceKind,
    /// Its MAC address.
    pub mac: Mac,
    /// Its name.
    pub name: Box<str>,
    /// Its model.
    pub model: Box<str>,
    /// Its serial number.
    pub serial: Box<str>,
    /// Its firmware.
    pub version: &'static str,
    /// Where it is; `None` while it is unassigned.
    pub site: Option<SiteId>,
    /// Whether Mist reaches it.
    pub connected: bool,
    /// When it entered the inventory, in seconds since 1970.
    pub created: i64,
    /// When its record last changed, in seconds since 1970.
    pub modified: i64,
    /// When Mist last lost it, in seconds since 1970.
    pub last_disconnected: Option<i64>,
    /// The address of the virtual chassis that it is, or is part of.
    pub vc_mac: Option<Mac>,
    /// Of a Session Smart Router: the names that `stats/devices` shows once a conductor manages it.
    pub conducted: Option<Conducted>,
}

/// What a router says of its conductor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conducted {
    /// The router's name on the conductor.
    pub router_name: Box<str>,
    /// The conductor's name.
    pub conductor_name: Box<str>,
}

impl CloudDevice {
    pub(super) fn new(device: Device, site: Option<SiteId>, now: i64) -> Self {
        Self {
            kind: device.kind,
            mac: device.mac,
            name: device.name.into(),
            model: device.model.into(),
            serial: device.serial.into(),
            version: device.version,
            site,
            connected: true,
            created: now,
            modified: now,
            last_disconnected: None,
            vc_mac: None,
            conducted: None,
        }
    }

    /// Its record changes: the time of its last change is another one, also when there are several within a second.
    pub(super) fn touch(&mut self, now: i64) {
        self.modified = now.max(self.modified + 1);
    }

    /// Whether it is part of a virtual chassis that is listed in its place.
    pub(super) fn is_member(&self) -> bool {
        self.vc_mac.is_some_and(|chassis| chassis != self.mac)
    }

    /// Whether it can have an id token: a Session Smart Router.
    pub(super) fn is_ssr(&self) -> bool {
        self.kind == DeviceKind::Gateway && self.model.to_uppercase().contains("SSR")
    }

    pub(super) const fn status(&self) -> &'static str {
        if self.connected { "connected" } else { "disconnected" }
    }

    pub(super) fn id(&self) -> DeviceId {
        DeviceId::from(self.mac)
    }

    /// A row of `/inventory`.
    pub(super) fn inventory(&self, org: OrgId, with_site: bool) -> Value {
        let mut row = json!({
            "id": self.id(),
            "mac": self.mac,
            "serial": self.serial,
            "model": self.model,
            "sku": self.model,
            "hw_rev": "A",
            "type": self.kind.name(),
            "org_id": org,
            "connected": self.connected,
            "adopted": false,
            "jsi": false,
            "magic": format!("FAKE{}", &self.serial),
            "deviceprofile_id": null,
            "created_time": self.created,
            "modified_time": self.modified,
        });
        if with_site || !self.is_member() {
            row["name"] = json!(self.name);
            if let Some(site) = self.site {
                row["site_id"] = json!(site);
            }
        }
        if let Some(time) = self.last_disconnected {
            row["last_disconnected"] = json!(time);
        }
        if let Some(chassis) = self.vc_mac {
            row["vc_mac"] = json!(chassis);
        }
        row
    }

    /// A row of `stats/devices`.
    pub(super) fn stats(&self, org: OrgId, now: i64) -> Value {
        let [.., a, b] = self.mac.bytes();
        let mut row = json!({
            "id": self.id(),
            "mac": self.mac,
            "name": self.name,
            "model": self.model,
            "serial": self.serial,
            "type": self.kind.name(),
            "hw_rev": "A",
            "org_id": org,
            "site_id": self.site,
            "status": self.status(),
            "version": self.version,
            "ip": format!("10.10.{a}.{b}"),
            "ext_ip": "203.0.113.20",
            "uptime": if self.connected { now - self.created + 60 } else { 0 },
            "last_seen": if self.connected { now } else { self.last_disconnected.unwrap_or(self.created) },
            "created_time": self.created,
            "modified_time": self.modified,
        });
        match self.kind {
            DeviceKind::Ap => {
                row["num_clients"] = json!(0);
                row["power_constrained"] = json!(false);
            }
            DeviceKind::Switch | DeviceKind::Gateway | DeviceKind::MxEdge => {
                row["hostname"] = json!(self.name);
            }
        }
        if self.kind == DeviceKind::Switch
            && let Some(chassis) = self.vc_mac
        {
            row["vc_mac"] = json!(chassis);
        }
        if self.kind == DeviceKind::Gateway {
            row["is_ha"] = json!(false);
        }
        if let Some(conducted) = &self.conducted {
            row["router_name"] = json!(conducted.router_name);
            row["conductor_name"] = json!(conducted.conductor_name);
            row["node_name"] = json!("node0");
        }
        row
    }

    /// A row of a site's `devices`.
    pub(super) fn configuration(&self, org: OrgId) -> Value {
        let mut row = json!({
            "id": self.id(),
            "mac": self.mac,
            "name": self.name,
            "model": self.model,
            "serial": self.serial,
            "type": self.kind.name(),
            "org_id": org,
            "site_id": self.site,
            "created_time": self.created,
            "modified_time": self.modified,
        });
        if self.kind == DeviceKind::Ap {
            row["deviceprofile_id"] = json!(null);
        }
        row
    }
}

/// Every device of an organisation, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Devices {
    list: Vec<CloudDevice>,
    by_mac: HashMap<Mac, usize>,
}

impl Devices {
    pub(super) fn insert(&mut self, device: CloudDevice) {
        match self.by_mac.get(&device.mac) {
            Some(&index) => self.list[index] = device,
            None => {
                self.by_mac.insert(device.mac, self.list.len());
                self.list.push(device);
            }
        }
    }

    pub(super) fn remove(&mut self, mac: Mac) -> Option<CloudDevice> {
        let index = self.by_mac.remove(&mac)?;
        let gone = self.list.remove(index);
        for (index, device) in self.list.iter().enumerate().skip(index) {
            self.by_mac.insert(device.mac, index);
        }
        Some(gone)
    }

    pub(super) fn find(&self, mac: Mac) -> Option<&CloudDevice> {
        self.list.get(*self.by_mac.get(&mac)?)
    }

    pub(super) fn find_mut(&mut self, mac: Mac) -> Option<&mut CloudDevice> {
        self.list.get_mut(*self.by_mac.get(&mac)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &CloudDevice> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut CloudDevice> {
        self.list.iter_mut()
    }

    /// Those that the inventory has: Mist Edges are not part of it.
    pub(super) fn inventory(&self) -> impl Iterator<Item = &CloudDevice> {
        self.list.iter().filter(|device| device.kind != DeviceKind::MxEdge)
    }
}
