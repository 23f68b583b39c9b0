//! Making a plan.

use std::collections::{BTreeMap, BTreeSet};

use ids::Mac;

use super::order::{queues, waves};
use super::router::Deciding;
use super::{Plan, PlanOptions, PlannedRouter, Refusal};
use crate::config::{Change, Paths, Routers, paths_changed};
use crate::decide::LegacyCutoff;
use crate::ek::{EkWarning, EndorsementKey, Exported, Holder, Screen, judge_batch};
use crate::input::{NodeRequest, RouterRequest};
use crate::observe::{Observed, Platform};
use crate::{Mode, NodeName, RouterName};

/// What Mist returned for a device, read as a key.
pub(super) type ReadKey = Result<(EndorsementKey, Vec<EkWarning>), Refusal>;

/// What all routers of a plan are decided from.
pub(super) struct Ground<'a> {
    pub(super) observed: &'a Observed,
    pub(super) options: &'a PlanOptions,
    pub(super) running: Routers,
    /// The keys of virtual routers in the input.
    pub(super) keys: BTreeMap<Mac, ReadKey>,
    /// What is wrong with keys that two nodes have.
    pub(super) shared: BTreeMap<Holder, String>,
    /// The devices in the input.
    pub(super) planned: BTreeSet<Mac>,
    /// What stands in the candidate and does not run.
    pub(super) uncommitted: Paths,
}

impl Plan {
    /// Decides for each of `requests`, from what was `observed`. It writes nothing, and says of every router that gets no
    /// steps why.
    #[must_use]
    pub fn make(requests: &[RouterRequest], observed: &Observed, options: &PlanOptions) -> Self {
        let ground = Ground::of(requests, observed, options);
        let routers: Vec<PlannedRouter> =
            requests.iter().map(|request| Deciding::decide(&ground, request)).collect();
        let mut plan = Self {
            made: observed.time,
            org: observed.org,
            conductor: observed.conductor.pin,
            routers,
            waves: Vec::new(),
            queues: Vec::new(),
            cutoff: None,
            deadlines: options.deadlines,
        };
        let steps: Vec<_> = plan.steps().map(|(router, steps)| (&router.name, steps)).collect();
        let names: Vec<&RouterName> = steps.iter().map(|(name, _)| *name).collect();
        let (waves, queues) = (waves(&names, options), queues(&steps, options));
        let first_mode =
            |change: &Change| matches!(change, Change::Mode { mode, .. } if *mode != Mode::Disabled);
        let cutoff = plan
            .changes()
            .any(first_mode)
            .then(|| LegacyCutoff::of(&ground.running, &observed.conductor.assets));
        (plan.waves, plan.queues, plan.cutoff) = (waves, queues, cutoff.flatten());
        plan
    }
}

impl<'a> Ground<'a> {
    fn of(requests: &[RouterRequest], observed: &'a Observed, options: &'a PlanOptions) -> Self {
        let running = Routers::of(&observed.conductor.running);
        let nodes =
            || requests.iter().flat_map(|request| request.nodes.iter().map(|node| (&request.name, node)));
        let is_virtual = |node: &NodeRequest| {
            let device = observed.inventory.device(node.mac);
            device.is_some_and(|device| device.platform(&options.virtual_models) == Platform::Virtual)
        };
        let screen = Screen::new();
        let read = |node: &NodeRequest| read_key(node, observed.exports.get(&node.mac), options, &screen);
        let keys: BTreeMap<Mac, ReadKey> =
            nodes().filter(|(_, node)| is_virtual(node)).map(|(_, node)| (node.mac, read(node))).collect();
        let uncommitted = paths_changed(&observed.conductor.running, &observed.conductor.candidate);
        let mut held: Vec<(Holder, &EndorsementKey)> = Vec::new();
        for (router, node) in nodes() {
            if let Some(Ok((key, _))) = keys.get(&node.mac) {
                held.push((holder(router, &node.node), key));
            }
        }
        for (router, config) in running.iter() {
            for (node, node_config) in &config.nodes {
                if let crate::config::Identity::Key(key) = &node_config.identity {
                    held.push((holder(router, node), key));
                }
            }
        }
        let mut shared = BTreeMap::new();
        for fault in judge_batch(held.iter().map(|(holder, key)| (holder, *key))) {
            for holder in fault.holders() {
                shared.entry(holder.clone()).or_insert_with(|| fault.to_string());
            }
        }
        let planned = nodes().map(|(_, node)| node.mac).collect();
        Self { observed, options, running, keys, shared, planned, uncommitted }
    }
}

pub(super) fn holder(router: &RouterName, node: &NodeName) -> Holder {
    Holder { router: router.clone(), node: node.clone() }
}

/// The key of a virtual router, judged by itself and by what somebody else read.
fn read_key(
    node: &NodeRequest,
    exported: Option<&Exported>,
    options: &PlanOptions,
    screen: &Screen,
) -> ReadKey {
    let mac = node.mac;
    let text = match exported {
        Some(Exported::Token(text)) => text,
        Some(Exported::Ambiguous) => return Err(Refusal::AmbiguousKey { mac }),
        Some(Exported::Missing) | None => return Err(Refusal::NoKey { mac }),
    };
    let bad = |why: String| Refusal::BadKey { mac, why: why.into() };
    let reading = EndorsementKey::read(text.expose().as_bytes(), &options.allow)
        .map_err(|error| bad(error.to_string()))?;
    screen.judge(&reading.key).map_err(|weakness| bad(weakness.to_string()))?;
    if let Some(given) = node.ek.as_ref().filter(|given| **given != reading.key) {
        let (mist, given) = (reading.key.fingerprint(), given.fingerprint());
        return Err(Refusal::KeyNotConfirmed { mac, mist, given });
    }
    Ok((reading.key, reading.warnings))
}
