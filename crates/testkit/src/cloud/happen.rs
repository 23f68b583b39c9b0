//! What happens in an organisation: the state that changes, the rows that searches find, the messages.

use ids::{Mac, OrgId, SiteId, Timestamp};
use serde_json::{Value, json};

use super::NoSuch;
use super::deliver::{Job, float};
use super::device::CloudDevice;
use super::world::World;
use crate::mist::DeviceKind;

/// A happening, before its messages are posted.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) alarm_id: Option<String>,
    pub(super) jobs: Vec<Job>,
}

/// How a Marvis action stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MarvisState {
    /// Found.
    Open,
    /// Validated as fixed: told again with the same `id`, `update` and a resolved `status`.
    Resolved,
}

impl World {
    /// Mist lost the device, or has it again.
    pub(super) fn connect(&mut self, mac: Mac, connected: bool) -> Result<Told, NoSuch> {
        let now = self.now();
        let seconds = now.micros().div_euclid(1_000_000);
        let device = self.device_mut(mac)?;
        device.connected = connected;
        device.touch(seconds);
        if !connected {
            device.last_disconnected = Some(seconds);
        }
        let kind = device.kind;
        let what = if connected { "CONNECTED" } else { "DISCONNECTED" };
        let severity = if connected { "notice" } else { "warn" };
        if kind == DeviceKind::MxEdge {
            return self.mxedge_event(mac, &format!("ME_{what}"), &Value::Null);
        }
        let mut told = self.device_event(mac, &format!("{}_{what}", prefix(kind)), severity, &Value::Null)?;
        told.jobs.extend(self.updown(mac, what)?);
        let alarm = match (kind, connected) {
            (DeviceKind::Ap, false) => "device_down",
            (DeviceKind::Ap, true) => "device_reconnected",
            (DeviceKind::Switch, false) => "switch_down",
            (DeviceKind::Switch, true) => "switch_reconnected",
            (_, false) => "gateway_down",
            (_, true) => "gateway_reconnected",
        };
        let alarm = self.alarm(alarm, &[mac], &Value::Null)?;
        told.jobs.extend(alarm.jobs);
        Ok(Told { alarm_id: alarm.alarm_id, ..told })
    }

    /// A port of a switch or gateway lost its link, or has it again.
    pub(super) fn port(&mut self, mac: Mac, port: &str, up: bool) -> Result<Told, NoSuch> {
        let kind = self.device(mac)?.1.kind;
        let (what, severity, trap, status) = if up {
            ("UP", "notice", "SNMP_TRAP_LINK_UP", "up(1)")
        } else {
            ("DOWN", "warn", "SNMP_TRAP_LINK_DOWN", "down(2)")
        };
        let text = format!("{trap}: ifIndex 515, ifAdminStatus up(1), ifOperStatus {status}, ifName {port}");
        let extra = json!({ "port_id": port, "text": text });
        self.device_event(mac, &format!("{}_PORT_{what}", prefix(kind)), severity, &extra)
    }

    /// A device event; `extra` is an object with further fields.
    pub(super) fn device_event(
        &mut self,
        mac: Mac,
        kind: &str,
        ev_type: &str,
        extra: &Value,
    ) -> Result<Told, NoSuch> {
        let now = self.now();
        let (org, device) = self.device(mac)?;
        let site = device.site;
        let mut event = json!({
            "type": kind,
            "ev_type": ev_type,
            "org_id": org,
            "mac": mac,
            "device_name": device.name,
            "device_type": device.kind.name(),
            "model": device.model,
            "version": device.version,
            "timestamp": float(now),
        });
        if device.kind == DeviceKind::Ap {
            event["ap"] = json!(mac);
            event["ap_name"] = json!(device.name);
        }
        self.place(org, site, &mut event)?;
        add(&mut event, extra);
        self.organisation_mut(org)?.events.push(now, site, event.clone());
        Ok(Told { alarm_id: None, jobs: self.jobs(org, site, "device-events", &[event]) })
    }

    fn updown(&mut self, mac: Mac, what: &str) -> Result<Vec<Job>, NoSuch> {
        let now = self.now();
        let (org, device) = self.device(mac)?;
        let site = device.site;
        let mut event = json!({
            "type": format!("{}_{what}", prefix(device.kind)),
            "org_id": org,
            "device_type": device.kind.name(),
            "device_name": device.name,
            "mac": mac,
            "timestamp": float(now),
        });
        if device.kind == DeviceKind::Ap {
            event["ap"] = json!(mac);
            event["ap_name"] = json!(device.name);
        }
        self.place(org, site, &mut event)?;
        Ok(self.jobs(org, site, "device-updowns", &[event]))
    }

    /// An event of a Mist Edge, whose time is a text.
    pub(super) fn mxedge_event(&mut self, mac: Mac, kind: &str, extra: &Value) -> Result<Told, NoSuch> {
        let now = self.now();
        let (org, device) = self.device(mac)?;
        let site = device.site;
        let mut event = json!({
            "type": kind,
            "org_id": org,
            "site_id": site,
            "mxedge_id": device.id(),
            "mxedge_name": device.name,
            "mxcluster_id": self.organisation(org)?.mxcluster_id,
            "timestamp": format!("{:.6}", float(now)),
        });
        add(&mut event, extra);
        Ok(Told { alarm_id: None, jobs: self.jobs(org, site, "mxedge-events", &[event]) })
    }

    /// An alarm about these devices, at the site of the first; group and severity as it is defined.
    pub(super) fn alarm(&mut self, kind: &str, macs: &[Mac], extra: &Value) -> Result<Told, NoSuch> {
        let now = self.now();
        let id = self.uuid();
        let first = *macs.first().ok_or(NoSuch::FirstDevice)?;
        let (org, device) = self.device(first)?;
        let site = device.site;
        let mut event = self.alarm_head(&id, kind, org, site, now);
        let mut names = Vec::new();
        for &mac in macs {
            let device = self.device(mac)?.1;
            names.push(device.name.clone());
            let list = &mut event[list_of(device)];
            if list.is_null() {
                *list = json!([]);
            }
            if let Some(list) = list.as_array_mut()
                && list.len() < MOST_LISTED
            {
                list.push(json!(mac));
            }
        }
        names.truncate(MOST_LISTED);
        event["hostnames"] = json!(names);
        add(&mut event, extra);
        Ok(Told { jobs: self.tell_alarm(org, site, now, event)?, alarm_id: Some(id) })
    }

    /// A Marvis action about a device opens, or the newest open one of its kind is resolved.
    pub(super) fn marvis(&mut self, kind: &str, mac: Mac, state: MarvisState) -> Result<Told, NoSuch> {
        let now = self.now();
        let seconds = now.micros().div_euclid(1_000_000);
        if state == MarvisState::Resolved {
            return self.resolve(kind, mac, now);
        }
        let id = self.uuid();
        let (org, device) = self.device(mac)?;
        let (site, name, category) = (device.site, device.name.clone(), device.kind.name());
        let mut event = self.alarm_head(&id, kind, org, site, now);
        let organisation = self.organisation(org)?;
        add(
            &mut event,
            &json!({
                "group": "marvis",
                "alert_id": id,
                "org_name": organisation.name,
                "site_name": organisation.site_name(site),
                "category": category,
                "status": "open",
                "suggestion": "check",
                "last_seen": seconds,
                "details": { "action": "check", "category": category, "status": "open", "symptom": kind },
                "impacted_entities": [{
                    "entity_mac": mac, "entity_name": name, "entity_type": category,
                }],
            }),
        );
        Ok(Told { jobs: self.tell_alarm(org, site, now, event)?, alarm_id: Some(id) })
    }

    fn resolve(&mut self, kind: &str, mac: Mac, now: Timestamp) -> Result<Told, NoSuch> {
        let seconds = now.micros().div_euclid(1_000_000);
        let (org, device) = self.device(mac)?;
        let site = device.site;
        let mac = json!(mac);
        let row = self.organisation_mut(org)?.alarms.newest_mut(|row| {
            row.text("type") == kind
                && row.text("status") == "open"
                && row.value["impacted_entities"][0]["entity_mac"] == mac
        });
        let row = row.ok_or_else(|| NoSuch::OpenAction(kind.to_owned()))?;
        row.value["status"] = json!("resolved");
        row.value["details"]["status"] = json!("resolved");
        row.value["resolved_time"] = json!(seconds);
        row.value["last_seen"] = json!(seconds);
        let mut event = row.value.clone();
        event["update"] = json!(true);
        if let Some(event) = event.as_object_mut() {
            event.remove("resolved_time"); // of the search's rows alone
        }
        let alarm_id = event["id"].as_str().map(str::to_owned);
        let jobs = if self.organisation(org)?.alarm_enabled(site, kind) {
            self.jobs(org, site, "alarms", &[event])
        } else {
            Vec::new()
        };
        Ok(Told { alarm_id, jobs })
    }

    /// Somebody did something.
    pub(super) fn audit(
        &mut self,
        org: OrgId,
        site: Option<SiteId>,
        message: &str,
        extra: &Value,
    ) -> Result<Told, NoSuch> {
        let now = self.now();
        let id = self.uuid();
        let mut event = json!({
            "id": id,
            "org_id": org,
            "admin_name": self.organisation(org)?.administrator,
            "message": message,
            "src_ip": "203.0.113.10",
            "timestamp": float(now),
        });
        if site.is_some() {
            self.place(org, site, &mut event)?;
        }
        add(&mut event, extra);
        self.organisation_mut(org)?.audits.push(now, site, event.clone());
        Ok(Told { alarm_id: None, jobs: self.jobs(org, site, "audits", &[event]) })
    }

    fn alarm_head(&self, id: &str, kind: &str, org: OrgId, site: Option<SiteId>, now: Timestamp) -> Value {
        let seconds = now.micros().div_euclid(1_000_000);
        let known = self.definitions.entry("alarm_defs", kind);
        let said = |field: &str, default: &str| known.map_or_else(|| json!(default), |k| k[field].clone());
        json!({
            "id": id,
            "org_id": org,
            "site_id": site,
            "type": kind,
            "group": said("group", "infrastructure"),
            "severity": said("severity", "warn"),
            "count": 1,
            "timestamp": seconds,
            "last_seen": seconds,
        })
    }

    fn tell_alarm(
        &mut self,
        org: OrgId,
        site: Option<SiteId>,
        now: Timestamp,
        event: Value,
    ) -> Result<Vec<Job>, NoSuch> {
        let kind = event["type"].as_str().unwrap_or_default();
        let enabled = self.organisation(org)?.alarm_enabled(site, kind);
        self.organisation_mut(org)?.alarms.push(now, site, event.clone());
        Ok(if enabled { self.jobs(org, site, "alarms", &[event]) } else { Vec::new() })
    }

    fn place(&self, org: OrgId, site: Option<SiteId>, event: &mut Value) -> Result<(), NoSuch> {
        if site.is_some() {
            event["site_id"] = json!(site);
            event["site_name"] = json!(self.organisation(org)?.site_name(site));
        }
        Ok(())
    }
}

/// What the types of a device's events begin with.
const fn prefix(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Ap => "AP",
        DeviceKind::Switch => "SW",
        DeviceKind::Gateway => "GW",
        DeviceKind::MxEdge => "ME",
    }
}

/// The list of an alarm that names the device.
const fn list_of(device: &CloudDevice) -> &'static str {
    match device.kind {
        DeviceKind::Ap => "aps",
        DeviceKind::Switch => "switches",
        DeviceKind::Gateway | DeviceKind::MxEdge => "gateways",
    }
}

/// Adds the fields of the object `extra`, which win.
pub(super) fn add(event: &mut Value, extra: &Value) {
    for (field, value) in extra.as_object().into_iter().flatten() {
        event[field] = value.clone();
    }
}

/// The lists in an alarm are samples of so many.
const MOST_LISTED: usize = 10;
