//! The devices of an organisation, and the sites they are assigned to.

use http::Method;
use ids::{DeviceId, Mac, OrgId, SiteId, Timestamp};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::open::open_enum;
use crate::request::Call;
use crate::{Listing, Request, SecretText};

/// The devices of an organisation, assigned to a site or not.
///
/// `GET /api/v1/orgs/{org_id}/inventory`, operation `getOrgInventory`.
pub fn list(org: OrgId, filter: &InventoryFilter) -> Listing<Device> {
    let mut call = Call::get("getOrgInventory", TEMPLATE, &[&org]);
    let query = &mut call.query;
    query.add_list("type", &filter.types);
    query.add_list("mac", &filter.macs);
    query.add_some("site_id", filter.site);
    query.add("vc", filter.vc);
    query.add_some("unassigned", filter.unassigned);
    query.add_some("modified_after", filter.modified_after.map(|time| time.micros().div_euclid(1_000_000)));
    Listing::numbered(call)
}

/// Which devices are listed.
#[derive(Clone, Debug)]
pub struct InventoryFilter {
    /// Of these types; access points, switches and gateways unless told otherwise, since Mist's own default has changed.
    pub types: Vec<DeviceType>,
    /// With these addresses; all when there are none. They stand in the URL: some hundred fit.
    pub macs: Vec<Mac>,
    /// Of this site.
    pub site: Option<SiteId>,
    /// Whether the members of virtual chassis are listed too, each with the [`vc_mac`](Device::vc_mac) of its chassis;
    /// they are, unless told otherwise.
    pub vc: bool,
    /// Whether devices without a site are listed; Mist lists them unless told otherwise.
    pub unassigned: Option<bool>,
    /// Changed after this, in whole seconds.
    pub modified_after: Option<Timestamp>,
}

impl Default for InventoryFilter {
    fn default() -> Self {
        Self {
            types: vec![DeviceType::Ap, DeviceType::Switch, DeviceType::Gateway],
            macs: Vec::new(),
            site: None,
            vc: true,
            unassigned: None,
            modified_after: None,
        }
    }
}

open_enum! {
    /// What a device is.
    DeviceType {
        /// An access point.
        Ap = "ap",
        /// A switch.
        Switch = "switch",
        /// A gateway: a Session Smart Router or an SRX.
        Gateway = "gateway",
    }
}

/// A device in the inventory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Device {
    /// Its id, for paths; not to be made from the address.
    pub id: Option<DeviceId>,
    /// Its address; of a virtual chassis a virtual one.
    pub mac: Option<Mac>,
    /// The address of the virtual chassis or the cluster it is a member of; its own when it stands for it.
    pub vc_mac: Option<Mac>,
    /// What it is.
    pub kind: Option<DeviceType>,
    /// Its name.
    pub name: Option<String>,
    /// The name it gives itself.
    pub hostname: Option<String>,
    /// Its model, as `AP41`.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// The site it is assigned to; none, or one of zeros, when it is to none.
    pub site_id: Option<SiteId>,
    /// The organisation it is of.
    pub org_id: Option<OrgId>,
    /// Whether Mist has a connection to it.
    pub connected: Option<bool>,
    /// When it lost its connection last.
    pub last_disconnected: Option<Timestamp>,
    /// When it was changed.
    pub modified: Option<Timestamp>,
    /// Its claim code, `magic`: who has it can claim the device.
    pub claim_code: Option<SecretText>,
    /// The rest.
    pub extra: Extra,
}

impl Answer for Device {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.parsed("id"),
            mac: fields.mac("mac"),
            vc_mac: fields.mac("vc_mac"),
            kind: fields.named("type", DeviceType::new),
            name: fields.text("name"),
            hostname: fields.text("hostname"),
            model: fields.text("model"),
            serial: fields.text("serial"),
            site_id: fields.parsed("site_id"),
            org_id: fields.parsed("org_id"),
            connected: fields.flag("connected"),
            last_disconnected: fields.time("last_disconnected"),
            modified: fields.time("modified_time"),
            claim_code: fields.secret("magic"),
            extra: fields.rest(),
        })
    }
}

/// Assigns devices to a site.
///
/// `PUT /api/v1/orgs/{org_id}/inventory` with `op` `assign`, operation `updateOrgInventoryAssignment`. What was refused
/// is in an [`Outcome`] and no [`Problem`](crate::Problem).
pub fn assign(org: OrgId, assignment: &Assignment) -> Request<Outcome> {
    let Assignment { site, macs, no_reassign, mist_configured } = assignment;
    let mut body = Map::new();
    body.insert("op".to_owned(), "assign".into());
    body.insert("site_id".to_owned(), site.to_string().into());
    body.insert("macs".to_owned(), json!(list_of(macs)));
    body.insert("no_reassign".to_owned(), (*no_reassign).into());
    if let Some(configured) = mist_configured {
        body.insert("mist_configured".to_owned(), (*configured).into());
    }
    let mut call = change(org).with_body(&Value::Object(body));
    // the second time what was assigned the first time would be refused
    call.idempotent = !no_reassign;
    Request::new(call)
}

/// Takes devices from their sites; they stay in the inventory.
///
/// `PUT /api/v1/orgs/{org_id}/inventory` with `op` `unassign`, operation `updateOrgInventoryAssignment`. It is not
/// repeated: what Mist says of a device that has no site is not documented.
pub fn unassign(org: OrgId, macs: &[Mac]) -> Request<Outcome> {
    let mut call = change(org).with_body(&json!({"op": "unassign", "macs": list_of(macs)}));
    call.idempotent = false;
    Request::new(call)
}

fn change(org: OrgId) -> Call {
    Call::new(Method::PUT, "updateOrgInventoryAssignment", TEMPLATE, &[&org])
}

fn list_of(macs: &[Mac]) -> Vec<String> {
    macs.iter().map(ToString::to_string).collect()
}

/// Devices for a site.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The site.
    pub site: SiteId,
    /// The devices; of a cluster both nodes.
    pub macs: Vec<Mac>,
    /// Whether an access point that is assigned already is refused instead of moved.
    pub no_reassign: bool,
    /// Whether Mist configures the devices; as it was when it is not said.
    pub mist_configured: Option<bool>,
}

/// What became of each device.
///
/// Mist answers 200 also when it refused some or all.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The devices for which it was done, by address or serial number as Mist writes it.
    pub done: Vec<String>,
    /// The devices for which it was not.
    pub refused: Vec<Refused>,
    /// The rest.
    pub extra: Extra,
}

/// A device that was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Its address or serial number as Mist writes it.
    pub device: String,
    /// Why; Mist does not always say.
    pub reason: Option<String>,
}

impl Answer for Outcome {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        let mut reasons = fields.texts("reason").into_iter();
        let refused = fields.texts("error").into_iter();
        let refused = refused.map(|device| Refused { device, reason: reasons.next() }).collect();
        Ok(Self { done: fields.texts("success"), refused, extra: fields.rest() })
    }
}

const TEMPLATE: &str = "/api/v1/orgs/{org_id}/inventory";
