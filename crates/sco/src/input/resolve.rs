//! Rows together: sites and devices found by name, nodes of one router joined, nothing named twice.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

use ids::{Mac, SiteId};
use serde::{Deserialize, Serialize};

use super::suggest::nearest;
use super::{DeviceName, Fault, Faults, Row, Sheet, fault};
use crate::ek::EndorsementKey;
use crate::observe::Inventory;
use crate::{AssetId, ConductorHost, Mode, NodeName, RouterName};

/// What names stand for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Every site of the organisation with its name.
    pub sites: &'a [(SiteId, Box<str>)],
    /// Every router of the organisation.
    pub inventory: &'a Inventory,
}

/// A router that is to be onboarded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RouterRequest {
    /// Its name on the conductor.
    pub name: RouterName,
    /// The line of the file it begins in.
    pub line: u64,
    /// The site it is to be assigned to.
    pub site: SiteId,
    /// The mode.
    pub mode: Mode,
    /// The addresses of the conductor, for the site's settings.
    pub conductor_hosts: Vec<ConductorHost>,
    /// Its one or two nodes, in the order of their names.
    pub nodes: Vec<NodeRequest>,
}

/// A node of a router that is to be onboarded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRequest {
    /// Its name on the conductor.
    pub node: NodeName,
    /// The line of the file.
    pub line: u64,
    /// The device in Mist.
    pub mac: Mac,
    /// The asset id, where it is named.
    pub asset_id: Option<AssetId>,
    /// The endorsement key as somebody else read it.
    pub ek: Option<EndorsementKey>,
    /// A file with the device ID certificate.
    pub device_id: Option<PathBuf>,
}

impl Sheet {
    /// Finds what the names stand for, and joins the rows of each router, in the order in which they begin.
    ///
    /// # Errors
    ///
    /// [`Faults`]: everything that is wrong with the file, what [`parse`](super::parse) found included.
    pub fn resolve(mut self, names: &Names<'_>) -> Result<Vec<RouterRequest>, Faults> {
        let mut faults = std::mem::take(&mut self.faults);
        let sites = Sites::of(names.sites);
        let mut find = |row: Row| {
            let site = sites.find(&row.site).map_err(|text| faults.push(Fault::line(row.line, text))).ok();
            let mac = row.device.find(names.inventory);
            let mac = mac.map_err(|text| faults.push(Fault::line(row.line, text))).ok();
            Resolved { row, site, mac }
        };
        let rows = self.rows.into_iter().map(&mut find).collect();
        let requests = together(rows, &mut faults);
        hosts_of_sites(&requests, &mut faults);
        if faults.is_empty() {
            return Ok(requests);
        }
        fault::sort(&mut faults);
        Err(Faults(faults))
    }

    /// Judges the file by itself, before Mist is asked what its names stand for.
    ///
    /// # Errors
    ///
    /// [`Faults`]: what [`parse`](super::parse) found, and what rows that name the same contradict each other in.
    pub fn judge(&self) -> Result<(), Faults> {
        let mut faults = self.faults.clone();
        let unresolved = |row: &Row| {
            let mac = match row.device {
                DeviceName::Mac(mac) => Some(mac),
                DeviceName::Other(_) => None,
            };
            Resolved { row: row.clone(), site: None, mac }
        };
        together(self.rows.iter().map(unresolved).collect(), &mut faults);
        if faults.is_empty() {
            return Ok(());
        }
        fault::sort(&mut faults);
        Err(Faults(faults))
    }
}

/// The routers of `rows`, in the order in which they begin, where nothing is wrong with them.
fn together(rows: Vec<Resolved>, faults: &mut Vec<Fault>) -> Vec<RouterRequest> {
    twice(rows.iter(), faults);
    let mut order: Vec<RouterName> = Vec::new();
    let mut routers: HashMap<RouterName, Vec<Resolved>> = HashMap::new();
    for resolved in rows {
        let group = routers.entry(resolved.row.name.clone()).or_insert_with(|| {
            order.push(resolved.row.name.clone());
            Vec::new()
        });
        group.push(resolved);
    }
    let join = |name| {
        let rows = routers.remove(&name).unwrap_or_default();
        join(name, rows, faults)
    };
    order.into_iter().filter_map(join).collect()
}

/// A row and what its names stand for.
struct Resolved {
    row: Row,
    site: Option<SiteId>,
    mac: Option<Mac>,
}

/// Sites by name.
struct Sites<'a> {
    by_name: BTreeMap<&'a str, Vec<SiteId>>,
}

impl<'a> Sites<'a> {
    fn of(sites: &'a [(SiteId, Box<str>)]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<SiteId>> = BTreeMap::new();
        for (id, name) in sites {
            by_name.entry(name.trim()).or_default().push(*id);
        }
        Self { by_name }
    }

    fn find(&self, text: &str) -> Result<SiteId, String> {
        let shown = crate::names::shown(text);
        match self.by_name.get(text).map(Vec::as_slice) {
            Some([site]) => return Ok(*site),
            Some(several) => {
                let mut error = format!("several sites are named `{shown}`; give the id of one:");
                several.iter().for_each(|site| write!(error, " {site}").unwrap_or_default());
                return Err(error);
            }
            None => {}
        }
        if let Ok(id) = text.parse::<SiteId>()
            && self.by_name.values().flatten().any(|site| *site == id)
        {
            return Ok(id);
        }
        let hint = match self.with_zeros(text).or_else(|| nearest(text, self.by_name.keys().copied())) {
            Some(name) => format!("did you mean `{}`?", crate::names::shown(name)),
            None => "names must be as in Mist, upper and lower case too".to_owned(),
        };
        Err(format!("there is no site `{shown}`; {hint}"))
    }

    /// The one site whose name is this number with zeros before it, which spreadsheets take away.
    fn with_zeros(&self, text: &str) -> Option<&'a str> {
        let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let mut fitting = self
            .by_name
            .keys()
            .filter(|name| name.len() > text.len() && name.trim_start_matches('0') == text);
        let found = fitting.next().filter(|_| digits)?;
        fitting.next().is_none().then_some(*found)
    }
}

impl DeviceName {
    /// The device in `inventory`.
    ///
    /// # Errors
    ///
    /// What is wrong with the name, and what may have been meant.
    pub fn find(&self, inventory: &Inventory) -> Result<Mac, String> {
        let text = match self {
            Self::Mac(mac) => {
                return match inventory.device(*mac) {
                    Some(_) => Ok(*mac),
                    None => Err(format!(
                        "there is no router {mac} in the organisation's inventory; claim or adopt it first"
                    )),
                };
            }
            Self::Other(text) => text,
        };
        let shown = crate::names::shown(text);
        let is = |name: &Option<Box<str>>| name.as_ref() == Some(text);
        let serial: Vec<Mac> =
            inventory.iter().filter(|device| is(&device.serial)).map(|device| device.mac).collect();
        let named: Vec<Mac> =
            inventory.iter().filter(|device| is(&device.name)).map(|device| device.mac).collect();
        let found = if serial.is_empty() { named } else { serial };
        match found[..] {
            [mac] => Ok(mac),
            [] => {
                let names = inventory
                    .iter()
                    .flat_map(|device| [device.serial.as_deref(), device.name.as_deref()])
                    .flatten();
                let hint =
                    nearest(text, names).map(|name| format!("did you mean `{}`?", crate::names::shown(name)));
                let hint = hint.unwrap_or_else(|| "claim or adopt it first".to_owned());
                Err(format!(
                    "there is no router with the serial number or name `{shown}` in the inventory; {hint}"
                ))
            }
            ref several => {
                let macs: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(format!("several routers are named `{shown}`; give the MAC of one: {}", macs.join(" ")))
            }
        }
    }
}

/// Tells what two rows claim for themselves.
fn twice<'a>(rows: impl Iterator<Item = &'a Resolved>, faults: &mut Vec<Fault>) {
    let mut rows: Vec<&Resolved> = rows.collect();
    rows.sort_by_key(|resolved| resolved.row.line);
    let mut macs: HashMap<Mac, u64> = HashMap::new();
    let mut asset_ids: HashMap<&AssetId, u64> = HashMap::new();
    let mut keys: HashMap<&EndorsementKey, u64> = HashMap::new();
    for Resolved { row, mac, .. } in rows {
        let mut first = |what: String, first: Option<u64>| {
            if let Some(first) = first {
                faults.push(Fault::line(
                    row.line,
                    format!("{what} is in line {first} already; a device comes once"),
                ));
            }
        };
        if let Some(mac) = mac {
            first(format!("the device {mac}"), insert(&mut macs, *mac, row.line));
        }
        if let Some(asset_id) = &row.asset_id {
            first(format!("the asset id `{asset_id}`"), insert(&mut asset_ids, asset_id, row.line));
        }
        if let Some(key) = &row.ek {
            let what = format!("the endorsement key {:.16}", key.fingerprint());
            first(what, insert(&mut keys, key, row.line));
        }
    }
}

/// The line `key` came in first, when it is not this one.
fn insert<K: std::hash::Hash + Eq>(lines: &mut HashMap<K, u64>, key: K, line: u64) -> Option<u64> {
    let first = *lines.entry(key).or_insert(line);
    (first != line).then_some(first)
}

/// The router of `rows`, when it is one or two nodes that agree.
fn join(name: RouterName, rows: Vec<Resolved>, faults: &mut Vec<Fault>) -> Option<RouterRequest> {
    let before = faults.len();
    let first = &rows.first()?.row;
    let line = first.line;
    if let Some(third) = rows.get(2) {
        faults.push(Fault::line(
            third.row.line,
            format!("`{name}` has more than two rows; an HA pair has two nodes"),
        ));
    }
    for other in rows.iter().skip(1).map(|other| &other.row) {
        for (what, same) in [
            ("site", other.site == first.site),
            ("mode", other.mode == first.mode),
            ("conductor_hosts", other.conductor_hosts == first.conductor_hosts),
        ] {
            if !same {
                let text = format!(
                    "the {what} of `{name}` is another than in line {line}; both nodes of a pair share it"
                );
                faults.push(Fault::line(other.line, text));
            }
        }
    }
    if rows.len() > 1 {
        let mut nodes: Vec<&NodeName> = Vec::new();
        for row in rows.iter().map(|resolved| &resolved.row) {
            match &row.node {
                None => faults.push(Fault::line(
                    row.line,
                    format!("`{name}` has several rows, so each must name its node, as node0 and node1"),
                )),
                Some(node) if nodes.contains(&node) => {
                    faults.push(Fault::line(row.line, format!("the node `{node}` of `{name}` comes twice")));
                }
                Some(node) => nodes.push(node),
            }
        }
    }
    let (site, mode, conductor_hosts) = (rows.first()?.site, first.mode, first.conductor_hosts.clone());
    if faults.len() > before {
        return None;
    }
    let node = |resolved: Resolved| {
        let Row { line, node, asset_id, ek, device_id, .. } = resolved.row;
        let node = node.or_else(|| DEFAULT_NODE.parse().ok())?;
        Some(NodeRequest { node, line, mac: resolved.mac?, asset_id, ek, device_id })
    };
    let mut nodes: Vec<NodeRequest> = rows.into_iter().map(node).collect::<Option<_>>()?;
    nodes.sort_by(|one, other| one.node.cmp(&other.node));
    Some(RouterRequest { name, line, site: site?, mode, conductor_hosts, nodes })
}

/// Routers of one site are told the same addresses, so they must be wanted by all of them.
fn hosts_of_sites(requests: &[RouterRequest], faults: &mut Vec<Fault>) {
    let mut first: HashMap<SiteId, &RouterRequest> = HashMap::new();
    for request in requests {
        let known = *first.entry(request.site).or_insert(request);
        if known.conductor_hosts != request.conductor_hosts {
            let text = format!(
                "the conductor_hosts of `{}` are others than those of `{}` in line {}, and a site tells all its routers the \
                 same",
                request.name, known.name, known.line
            );
            faults.push(Fault::line(request.line, text));
        }
    }
}

/// The node of a router with one.
const DEFAULT_NODE: &str = "node0";
