//! What devices report of themselves.

use ids::{DeviceId, Mac, OrgId, SiteId, Timestamp};
use serde_json::Value;

use crate::Listing;
use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::inventory::DeviceType;
use crate::request::Call;

/// The state of the devices of an organisation.
///
/// `GET /api/v1/orgs/{org_id}/stats/devices`, operation `listOrgDevicesStats`; of every type unless the filter names one.
pub fn devices(org: OrgId, filter: &StatsFilter) -> Listing<DeviceStats> {
    let mut call = Call::get("listOrgDevicesStats", "/api/v1/orgs/{org_id}/stats/devices", &[&org]);
    let query = &mut call.query;
    query.add("type", filter.kind.as_ref().map_or("all", DeviceType::name));
    query.add_some("site_id", filter.site);
    query.add_list("mac", filter.mac);
    query.add_some("fields", filter.fields.as_deref());
    Listing::numbered(call)
}

/// Which devices are looked at, and what of them.
#[derive(Clone, Debug, Default)]
pub struct StatsFilter {
    /// Of this type.
    pub kind: Option<DeviceType>,
    /// Of this site.
    pub site: Option<SiteId>,
    /// The one with this address.
    pub mac: Option<Mac>,
    /// More fields than Mist gives unasked, with commas between them; `*` is all.
    pub fields: Option<String>,
}

/// The state of a device.
#[derive(Debug)]
#[non_exhaustive]
pub struct DeviceStats {
    /// Its id.
    pub id: Option<DeviceId>,
    /// Its address.
    pub mac: Option<Mac>,
    /// What it is.
    pub kind: Option<DeviceType>,
    /// Its name.
    pub name: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its site.
    pub site_id: Option<SiteId>,
    /// `connected`, `disconnected` or a step of an upgrade.
    pub status: Option<String>,
    /// The version of its software.
    pub version: Option<String>,
    /// Its own IP address.
    pub ip: Option<String>,
    /// When Mist heard of it last.
    pub last_seen: Option<Timestamp>,
    /// Of a router with a conductor: the conductor's name.
    pub conductor_name: Option<String>,
    /// Of a router with a conductor: its name there.
    pub router_name: Option<String>,
    /// Of a router with a conductor: the name of its node.
    pub node_name: Option<String>,
    /// Whether it is a node of a cluster.
    pub is_ha: Option<bool>,
    /// The rest.
    pub extra: Extra,
}

impl Answer for DeviceStats {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.parsed("id"),
            mac: fields.mac("mac"),
            kind: fields.named("type", DeviceType::new),
            name: fields.text("name"),
            model: fields.text("model"),
            site_id: fields.parsed("site_id"),
            status: fields.text("status"),
            version: fields.text("version"),
            ip: fields.text("ip"),
            last_seen: fields.time("last_seen"),
            conductor_name: fields.text("conductor_name"),
            router_name: fields.text("router_name"),
            node_name: fields.text("node_name"),
            is_ha: fields.flag("is_ha"),
            extra: fields.rest(),
        })
    }
}
