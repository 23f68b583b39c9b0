//! What devices reported, and what administrators did.

use ids::{Mac, OrgId, SiteId, Timestamp};
use serde_json::Value;

use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::inventory::DeviceType;
use crate::request::Call;
use crate::{Id, Listing, Order, Period};

/// The events of an organisation's devices.
///
/// `GET /api/v1/orgs/{org_id}/devices/events/search`, operation `searchOrgDeviceEvents`; of devices of every type unless
/// the filter names some.
pub fn devices(org: OrgId, filter: &EventFilter) -> Listing<DeviceEvent> {
    let mut call = Call::get("searchOrgDeviceEvents", "/api/v1/orgs/{org_id}/devices/events/search", &[&org]);
    let query = &mut call.query;
    query.add("device_type", filter.device.as_ref().map_or("all", DeviceType::name));
    query.add_list("mac", &filter.macs);
    query.add_list("type", &filter.kinds);
    query.add_some("sort", filter.order);
    if let Some(period) = filter.period {
        period.add_to(query);
    }
    Listing::chained(call)
}

/// Which events are looked for.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// From when to when; the last day when it is not said.
    pub period: Option<Period>,
    /// Of devices of this type; of all when it is not said.
    pub device: Option<DeviceType>,
    /// Of these devices; all when there are none.
    pub macs: Vec<Mac>,
    /// Of these types; all when there are none.
    pub kinds: Vec<String>,
    /// In which order.
    pub order: Option<Order>,
}

/// An event of a device.
#[derive(Debug)]
#[non_exhaustive]
pub struct DeviceEvent {
    /// When.
    pub timestamp: Option<Timestamp>,
    /// Its type, as `AP_CONFIGURED`.
    pub kind: Option<String>,
    /// The device; of an access point it may be under `ap` alone.
    pub mac: Option<Mac>,
    /// What the device is.
    pub device: Option<DeviceType>,
    /// Its site.
    pub site_id: Option<SiteId>,
    /// What happened, in words.
    pub text: Option<String>,
    /// The whole of it, as it came.
    pub raw: Extra,
}

impl Answer for DeviceEvent {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            raw: fields.all(),
            timestamp: fields.time("timestamp"),
            kind: fields.text("type"),
            mac: fields.mac("mac").or_else(|| fields.mac("ap")),
            device: fields.named("device_type", DeviceType::new),
            site_id: fields.parsed("site_id"),
            text: fields.text("text"),
        })
    }
}

/// What administrators did in an organisation.
///
/// `GET /api/v1/orgs/{org_id}/logs/search`, operation `listOrgAuditLogs`.
pub fn audits(org: OrgId, filter: &AuditFilter) -> Listing<Audit> {
    let mut call = Call::get("listOrgAuditLogs", "/api/v1/orgs/{org_id}/logs/search", &[&org]);
    let query = &mut call.query;
    query.add_some("site_id", filter.site);
    query.add_some("sort", filter.order);
    if let Some(period) = filter.period {
        period.add_to(query);
    }
    Listing::numbered(call)
}

/// Which audits are looked for.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// From when to when; the last day when it is not said.
    pub period: Option<Period>,
    /// Of this site.
    pub site: Option<SiteId>,
    /// In which order.
    pub order: Option<Order>,
}

/// Something that an administrator did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Audit {
    /// Its id.
    pub id: Option<Id>,
    /// When.
    pub timestamp: Option<Timestamp>,
    /// What, in words.
    pub message: Option<String>,
    /// Who.
    pub admin_name: Option<String>,
    /// The site, if it was one's.
    pub site_id: Option<SiteId>,
    /// The whole of it, as it came; `before` and `after` can hold secrets.
    pub raw: Extra,
}

impl Answer for Audit {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            raw: fields.all(),
            id: fields.parsed("id"),
            timestamp: fields.time("timestamp"),
            message: fields.text("message"),
            admin_name: fields.text("admin_name"),
            site_id: fields.parsed("site_id"),
        })
    }
}
