//! What changed since the plan was made, router by router.

use std::fmt;

use super::{Plan, PlannedRouter};
use crate::RouterName;
use crate::config::Routers;
use crate::ek::{AllowFormats, EndorsementKey, Exported, SpkiFingerprint};
use crate::observe::{Observed, SsrState};

/// A router for which something is not as the plan found it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// The router.
    pub router: RouterName,
    /// What changed; at least one thing.
    pub items: Vec<DriftItem>,
}

/// One thing that is not as the plan found it, nor as the plan would make it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DriftItem {
    /// What.
    pub what: String,
    /// As the plan found it.
    pub planned: String,
    /// As it is.
    pub found: String,
}

impl fmt::Display for DriftItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: was {}, is {}", self.what, self.planned, self.found)
    }
}

impl Plan {
    /// The routers with steps for which the organisation, the conductor, asset ids, keys, mode, site, assignment or
    /// addresses are not as they were. What is already as this plan makes it is no drift, and neither is a status, a time
    /// or the text of a token. `allow` are the formats that the plan was made with.
    #[must_use]
    pub fn drift(&self, now: &Observed, allow: &AllowFormats) -> Vec<Drift> {
        let running = Routers::of(&now.conductor.running);
        let of = |router: &PlannedRouter| {
            let mut items = Vec::new();
            compare(&mut items, "organisation", &self.org, &now.org, None);
            compare(&mut items, "conductor", &self.conductor, &now.conductor.pin, None);
            router.drift(&running, now, allow, &mut items);
            (!items.is_empty()).then(|| Drift { router: router.name.clone(), items })
        };
        self.steps().filter_map(|(router, _)| of(router)).collect()
    }
}

impl PlannedRouter {
    fn drift(&self, running: &Routers, now: &Observed, allow: &AllowFormats, items: &mut Vec<DriftItem>) {
        let basis = &self.basis;
        let config = running.router(&self.name);
        let mode = config.and_then(|config| config.mode);
        let unknown = config.is_some_and(|config| config.unknown_mode);
        compare(items, "mode", &Shown(basis.mode), &Shown(mode), Some(&Shown(Some(basis.wanted_mode))));
        if unknown {
            items.push(item("mode", &Shown(basis.mode), &"one that is not known here"));
        }
        match now.sites.get(&basis.site) {
            None => items.push(item("site", &basis.site, &"not there")),
            Some(site) => self.drift_of_hosts(&site.ssr, items),
        }
        for (name, node) in &basis.nodes {
            let label = |what: &str| format!("{what} of {name}");
            let device = now.inventory.device(node.mac);
            if device.is_none() {
                items.push(item(&label("device"), &node.mac, &"not in the inventory"));
            }
            let assigned = device.and_then(|device| device.site);
            let (planned, found) = (Shown(node.assigned), Shown(assigned));
            compare(items, &label("assignment"), &planned, &found, Some(&Shown(Some(basis.site))));
            let config = config.and_then(|config| config.nodes.get(name));
            let asset_id = config.and_then(|config| config.asset_id.clone());
            let wanted = Shown(node.wanted_asset_id.clone());
            compare(
                items,
                &label("asset id"),
                &Shown(node.asset_id.clone()),
                &Shown(asset_id),
                Some(&wanted),
            );
            let key = config.and_then(|config| config.identity.fingerprint());
            compare(items, &label("key"), &Shown(node.running_key), &Shown(key), Some(&Shown(node.mist_key)));
            if node.mist_key.is_some() {
                let found = mist_key(now.exports.get(&node.mac), allow);
                compare(items, &label("key in Mist"), &Shown(node.mist_key), &Shown(found), None);
            }
        }
    }

    fn drift_of_hosts(&self, found: &SsrState, items: &mut Vec<DriftItem>) {
        let (planned, hosts) = (&self.basis.hosts, &found.conductor_hosts);
        let wanted = crate::decide::same_hosts(found, &self.basis.wanted_hosts);
        if planned != hosts && !wanted {
            items.push(item("conductor_hosts", &planned.join(" "), &hosts.join(" ")));
        }
    }
}

fn mist_key(exported: Option<&Exported>, allow: &AllowFormats) -> Option<SpkiFingerprint> {
    match exported {
        Some(Exported::Token(text)) => EndorsementKey::read(text.expose().as_bytes(), allow)
            .ok()
            .map(|reading| reading.key.fingerprint()),
        _ => None,
    }
}

/// Tells `found` when it is neither what was `planned` nor what is `wanted`.
fn compare<T: PartialEq + fmt::Display>(
    items: &mut Vec<DriftItem>,
    what: &str,
    planned: &T,
    found: &T,
    wanted: Option<&T>,
) {
    if planned != found && wanted != Some(found) {
        items.push(item(what, planned, found));
    }
}

fn item(what: &str, planned: &dyn fmt::Display, found: &dyn fmt::Display) -> DriftItem {
    DriftItem { what: what.to_owned(), planned: planned.to_string(), found: found.to_string() }
}

/// What may be absent.
#[derive(PartialEq)]
struct Shown<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("none"),
        }
    }
}
