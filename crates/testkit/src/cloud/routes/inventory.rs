//! The inventory: listed, searched, counted, changed.

use std::collections::HashMap;

use ids::{Mac, OrgId, SiteId};
use serde_json::{Value, json};

use super::Scope;
use crate::cloud::ask::wrong;
use crate::cloud::device::CloudDevice;
use crate::cloud::foreign::AssignmentFault;
use crate::cloud::reply::Reply;
use crate::cloud::search::{page, search_list};
use crate::mist::DeviceKind;

impl Scope<'_> {
    pub(super) fn inventory(&self, org: OrgId) -> Result<Reply, Reply> {
        let ask = self.ask;
        let members = ask.flag("vc", false)?;
        let unassigned = ask.flag("unassigned", true)?;
        let site: Option<SiteId> =
            ask.field("site_id").map(|text| text.parse().map_err(|_| wrong("site_id"))).transpose()?;
        let modified_after = ask.number("modified_after")?;
        let disconnected_before = ask.number("disconnected_before")?;
        let macs = self.macs("mac")?;
        let chassis = self.macs("vc_mac")?;
        let default = self.settings.inventory_type.filter(|_| ask.field("type").is_none());
        let wanted: Vec<&CloudDevice> = self
            .org(org)?
            .devices
            .inventory()
            .filter(|device| {
                (unassigned || device.site.is_some())
                    && site.is_none_or(|site| device.site == Some(site))
                    && ask.admits("type", device.kind.name())
                    && default.is_none_or(|kind| device.kind == kind)
                    && ask.admits("serial", &device.serial)
                    && ask.admits("model", &device.model)
                    && macs.as_ref().is_none_or(|macs| macs.contains(&device.mac))
                    && chassis
                        .as_ref()
                        .is_none_or(|macs| device.vc_mac.is_some_and(|mac| macs.contains(&mac)))
                    && modified_after.is_none_or(|time| device.modified > time)
                    && disconnected_before
                        .is_none_or(|time| device.last_disconnected.is_some_and(|last| last < time))
            })
            .collect();
        let hidden = if members { 0 } else { wanted.iter().filter(|device| device.is_member()).count() };
        let rows: Vec<&CloudDevice> =
            wanted.into_iter().filter(|device| members || !device.is_member()).collect();
        let mask = self.mask(org)?;
        let modified_time = self.world.readings.modified_time;
        page(ask, self.settings, &rows, hidden, |device| {
            let mut row = device.inventory(org, self.settings.members_have_site);
            if !modified_time && let Some(row) = row.as_object_mut() {
                row.remove("modified_time");
            }
            if let Some(mask) = mask {
                row["magic"] = json!(mask);
            }
            row
        })
    }

    pub(super) fn inventory_search(&self, org: OrgId) -> Result<Reply, Reply> {
        let kind = self.ask.field("type").unwrap_or(DeviceKind::Ap.name());
        let ask = self.ask;
        let found: Vec<&CloudDevice> = self
            .org(org)?
            .devices
            .inventory()
            .filter(|device| {
                let part = ask.field("name").map(str::to_lowercase);
                let text = ask.field("text").map(str::to_lowercase);
                let name = device.name.to_lowercase();
                !device.is_member()
                    && device.kind.name() == kind
                    && ask.resembles("mac", &device.mac.to_string())
                    && ask.resembles("model", &device.model)
                    && ask.resembles("serial", &device.serial)
                    && ask.resembles("version", device.version)
                    && ask.admits("status", device.status())
                    && ask.admits("site_id", &device.site.map(|site| site.to_string()).unwrap_or_default())
                    && part.is_none_or(|part| name.contains(part.trim_matches('*')))
                    && text.is_none_or(|text| name.contains(&text) || device.mac.to_string().contains(&text))
            })
            .collect();
        let members = |chassis: &CloudDevice| -> Result<Vec<Value>, Reply> {
            let all =
                self.org(org)?.devices.inventory().filter(|d| d.vc_mac == Some(chassis.mac) && d.is_member());
            Ok(all.map(|d| json!({ "mac": d.mac, "model": d.model, "serial": d.serial })).collect())
        };
        search_list(ask, self.settings, None, &found, |device| {
            let mut row = json!({
                "mac": device.mac,
                "model": device.model,
                "name": device.name,
                "org_id": org,
                "serial": device.serial,
                "sku": device.model,
                "status": device.status(),
                "type": device.kind.name(),
                "version": device.version,
            });
            if let Some(site) = device.site {
                row["site_id"] = json!(site);
            }
            if let Some(chassis) = device.vc_mac {
                row["vc_mac"] = json!(chassis);
                row["master"] = json!(true);
                row["members"] = json!(members(device).unwrap_or_default());
            }
            row
        })
    }

    pub(super) fn inventory_count(&self, org: OrgId) -> Result<Reply, Reply> {
        let kind = self.ask.field("type").unwrap_or(DeviceKind::Ap.name());
        let rows: Vec<Value> = self
            .org(org)?
            .devices
            .inventory()
            .filter(|device| device.kind.name() == kind && !device.is_member())
            .map(|device| {
                let site = device.site.map(|site| site.to_string()).unwrap_or_default();
                json!({
                    "model": device.model, "status": device.status(), "site_id": site,
                    "sku": device.model, "version": device.version,
                })
            })
            .collect();
        let rows = rows.iter().map(|row| (self.now, row));
        crate::cloud::search::count(self.ask, self.settings, self.now, rows, "model")
    }

    /// Assigns, unassigns or deletes; what fails is said in an answer of 200.
    pub(super) fn inventory_change(&mut self, org: OrgId) -> Result<Reply, Reply> {
        let body = self.ask.object()?;
        let op = body.get("op").and_then(Value::as_str).filter(|op| OPS.contains(op));
        let op = op.ok_or_else(|| wrong("op"))?.to_owned();
        let macs = texts(body.get("macs")).ok_or_else(|| wrong("macs"))?;
        let serials = texts(body.get("serials")).ok_or_else(|| wrong("serials"))?;
        let no_reassign = body.get("no_reassign").and_then(Value::as_bool).unwrap_or_default();
        let site: Option<SiteId> = match body.get("site_id") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.parse().map_err(|_| wrong("site_id"))?),
            Some(_) => return Err(wrong("site_id")),
        };
        if op == "assign" {
            let site = site.ok_or_else(|| wrong("site_id"))?;
            self.org(org)?.site(site).ok_or_else(|| wrong("site_id"))?;
        }
        let now = self.seconds();
        let faults = named_faults(&op, &mut self.world.assignment_faults, &macs);
        let mut reassigned = Vec::new();
        let organisation = self.org_mut(org)?;
        let (mut success, mut error, mut reason) = (Vec::new(), Vec::new(), Vec::new());
        let serial_of = |serial: &String| {
            let found = organisation.devices.iter().find(|device| *device.serial == **serial);
            (serial.clone(), found.map(|device| device.mac))
        };
        let named: Vec<(String, Option<Mac>)> = macs
            .iter()
            .map(|text| (text.clone(), text.parse().ok()))
            .chain(serials.iter().map(serial_of))
            .collect();
        for (text, mac) in named {
            let Some(mac) = mac.filter(|&mac| organisation.devices.find(mac).is_some()) else {
                error.push(text);
                reason.push("device not found".to_owned());
                continue;
            };
            if op == "delete" {
                organisation.devices.remove(mac);
                success.push(text);
                continue;
            }
            let Some(device) = organisation.devices.find_mut(mac) else { continue };
            let refusal = match op.as_str() {
                _ if device.is_member() => Some("is part of a virtual chassis"),
                "assign" if no_reassign && device.kind == DeviceKind::Ap && device.site.is_some() => {
                    Some("already assigned")
                }
                "upgrade_to_mist" => Some("already managed"),
                "downgrade_to_jsi" => Some("not supported"),
                _ => None,
            };
            if let Some(refusal) = refusal {
                error.push(text);
                reason.push(refusal.to_owned());
                continue;
            }
            if op == "assign" && device.site.is_some() {
                reassigned.push(device.mac);
            }
            let fault = faults.get(&device.mac);
            if !matches!(fault, Some(AssignmentFault::Refused(_) | AssignmentFault::SaidButNotDone)) {
                device.site = site.filter(|_| op == "assign");
                device.touch(now);
            }
            match fault {
                Some(AssignmentFault::Refused(why) | AssignmentFault::DoneButRefused(why)) => {
                    error.push(text);
                    reason.push(why.clone());
                }
                Some(AssignmentFault::DoneUnsaid) => {}
                Some(AssignmentFault::SaidButNotDone) | None => success.push(text),
            }
        }
        self.world.reassigned.extend(reassigned);
        Ok(Reply::ok(&json!({ "op": op, "success": success, "error": error, "reason": reason })))
    }

    /// MAC addresses between commas, in any spelling; one that is none finds nothing.
    fn macs(&self, name: &str) -> Result<Option<Vec<Mac>>, Reply> {
        let Some(list) = self.ask.list(name) else { return Ok(None) };
        Ok(Some(list.iter().filter_map(|text| text.parse().ok()).collect()))
    }
}

/// The faults of an assignment of these devices; each is used up by it.
fn named_faults(
    op: &str,
    faults: &mut HashMap<Mac, AssignmentFault>,
    macs: &[String],
) -> HashMap<Mac, AssignmentFault> {
    let macs = macs.iter().filter(|_| op == "assign").filter_map(|text| text.parse().ok());
    macs.filter_map(|mac| faults.remove_entry(&mac)).collect()
}

/// A list of texts, empty when there is none; `None` when it is something else.
pub(super) fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    }
}

const OPS: &[&str] = &["assign", "unassign", "delete", "upgrade_to_mist", "downgrade_to_jsi"];
