//! What was done to an estate, each question in one line.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use ids::Mac;
use serde_json::{Value, json};

use super::WholeEstate;
use crate::cloud::Call;
use crate::conductor::Binding;

/// A moment: how much was asked until then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    calls: usize,
    asked: usize,
}

impl WholeEstate {
    /// The machines that were taken for a node that is not theirs, or with a key or serial number that is not theirs.
    /// Must be empty, always.
    #[must_use]
    pub fn wrong_bindings(&self) -> Vec<Binding> {
        let all = self.conductor.bindings();
        all.into_iter().filter(|binding| binding.outcome.is_bound() && !self.is_right(binding)).collect()
    }

    fn is_right(&self, binding: &Binding) -> bool {
        let own = self.places.iter().find(|place| place.mac.to_string() == binding.machine);
        own.is_some_and(|own| {
            let proof = match own.endorsement_key {
                Some(key) => binding.endorsement_key.as_deref() == Some(key),
                None => binding.device_serial.as_deref() == Some(&own.serial),
            };
            proof
                && own.asset_id == binding.asset_id
                && Some(&own.router) == binding.router.as_ref()
                && Some(&own.node) == binding.node.as_ref()
        })
    }

    /// The asset ids of the nodes that were taken, in order and each once.
    #[must_use]
    pub fn bound(&self) -> Vec<String> {
        let bindings = self.conductor.bindings();
        let bound = bindings.into_iter().filter(|binding| binding.outcome.is_bound());
        bound.map(|binding| binding.asset_id).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { calls: self.cloud.calls().len(), asked: self.conductor.asked().len() }
    }

    /// What was asked to be changed since the start.
    #[must_use]
    pub fn writes(&self) -> Vec<String> {
        self.writes_since(Mark { calls: 0, asked: 0 })
    }

    /// What was asked to be changed since then, in the cloud and on the conductor, in order: who, where and what.
    #[must_use]
    pub fn writes_since(&self, mark: Mark) -> Vec<String> {
        let cloud = self.cloud.calls().into_iter().skip(mark.calls).filter(writes);
        let cloud = cloud.map(|call| {
            let who = call.token.as_deref().map_or("nobody", |_| "a token");
            (call.at, format!("{who} in the cloud: {} {}", call.method, call.path))
        });
        let conductor = self.conductor.asked().into_iter().skip(mark.asked).filter(|ask| ask.writes);
        let conductor =
            conductor.map(|ask| (ask.at, format!("{} on the conductor: {}", ask.account, ask.what)));
        let mut all: Vec<_> = cloud.chain(conductor).collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, what)| what).collect()
    }

    /// How many commits there were that nobody else made.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.conductor.commits().iter().filter(|commit| commit.by != "another").count()
    }

    /// The devices that were asked to be assigned, in order, as often as they were.
    #[must_use]
    pub fn assignments(&self) -> Vec<Mac> {
        self.operations("assign")
    }

    /// The devices that were asked to be unassigned, in order, as often as they were.
    #[must_use]
    pub fn unassignments(&self) -> Vec<Mac> {
        self.operations("unassign")
    }

    fn operations(&self, op: &str) -> Vec<Mac> {
        let bodies = self
            .cloud
            .calls()
            .into_iter()
            .filter(|call| call.method == Method::PUT && call.path.ends_with("/inventory"));
        let bodies = bodies.filter_map(|call| serde_json::from_slice::<Value>(&call.body).ok());
        let meant = bodies.filter(|body| body["op"] == op);
        let macs = meant.flat_map(|body| body["macs"].as_array().cloned().unwrap_or_default());
        macs.filter_map(|mac| mac.as_str()?.parse().ok()).collect()
    }

    /// The most assignments that were asked for within one second.
    #[must_use]
    pub fn most_assignments_a_second(&self) -> usize {
        let calls = self.cloud.calls();
        let assigned = calls.iter().filter(|call| {
            call.method == Method::PUT
                && call.path.ends_with("/inventory")
                && String::from_utf8_lossy(&call.body).contains("\"assign\"")
        });
        let times: Vec<i64> = assigned.map(|call| call.at.micros()).collect();
        let within =
            |start: i64| times.iter().filter(|time| (start..start + 1_000_000).contains(*time)).count();
        times.iter().map(|&start| within(start)).max().unwrap_or_default()
    }

    /// How many calls the cloud counted.
    #[must_use]
    pub fn mist_calls(&self) -> u64 {
        self.cloud.call_count()
    }

    /// How everything stands, without what is another in every run: to compare two runs by.
    ///
    /// Shape: `devices` (MAC address to site name or null), `sites` (name to `ssr`, a token as `"a token"`), `organisation`
    /// (its `ssr`), `running` and `candidate` (pre-shared secrets as `"a secret"`), `bound` (asset ids).
    #[must_use]
    pub fn end_state(&self) -> Value {
        let cloud = &self.cloud;
        let names: BTreeMap<_, _> = cloud.sites(self.org).unwrap_or_default().into_iter().collect();
        let devices: BTreeMap<String, Option<String>> = cloud
            .devices(self.org)
            .unwrap_or_default()
            .into_iter()
            .map(|device| (device.mac.to_string(), device.site.and_then(|site| names.get(&site).cloned())))
            .collect();
        let sites: BTreeMap<&String, Value> = names
            .iter()
            .map(|(site, name)| (name, cloud.site_ssr(*site).map_or(Value::Null, without_token)))
            .collect();
        let without_secret = |mut tree: Value| {
            crate::conductor::hide_secrets(&mut tree);
            tree
        };
        json!({
            "devices": devices,
            "sites": sites,
            "organisation": cloud.org_ssr(self.org).map_or(Value::Null, without_token),
            "running": without_secret(self.conductor.running()),
            "candidate": without_secret(self.conductor.candidate()),
            "bound": self.bound(),
        })
    }
}

/// Whether a call was to change something; an export changes nothing.
fn writes(call: &Call) -> bool {
    call.method != Method::GET && !call.path.ends_with("/export_idtokens")
}

fn without_token(mut ssr: Value) -> Value {
    if ssr["conductor_token"].as_str().is_some_and(|token| !token.is_empty()) {
        ssr["conductor_token"] = json!("a token");
    }
    ssr
}
