//! What is looked at before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use conductor::Version;
use ids::Mac;

use super::{ApplyOptions, ApplyStop, was_verified};
use crate::Mode;
use crate::RouterName;
use crate::config::{Change, Changes, Routers, missing};
use crate::decide::{LegacyCutoff, is_skewed, judge_settings};
use crate::input::{NodeRequest, RouterRequest};
use crate::observe::Observed;
use crate::plan::{Flag, Plan, PlannedRouter, Steps};
use crate::run::{Catalogue, Happened, Record, RestartDue, Watch, World};
use crate::token::TokenFingerprint;

/// What was found.
pub(super) struct Checked {
    /// The routers that are left out.
    pub(super) drifted: BTreeSet<RouterName>,
    /// The conductor's name as a router.
    pub(super) conductor: Option<Box<str>>,
    pub(super) version: Option<Version>,
    /// The restart that was due until now.
    pub(super) restart_due: Option<RestartDue>,
}

/// Reads everything that the plan was made from once more, and compares.
pub(super) async fn check(
    world: &World,
    plan: &Plan,
    record: &Record,
    options: &ApplyOptions,
    watch: &dyn Watch,
) -> Result<Checked, ApplyStop> {
    for router in options.release.union(&options.assign_again) {
        if !plan.steps().any(|(planned, _)| planned.name == *router) {
            return Err(ApplyStop::NoRouter { router: router.clone() });
        }
    }
    let open = open(plan, record);
    let requests: Vec<RouterRequest> = open.iter().map(|(router, _)| request(router)).collect();
    let catalogue = world.catalogue().await?;
    let models = virtual_models(plan, &catalogue);
    let seen = world.observe(&catalogue, &requests, &models, BTreeMap::new()).await?;
    match seen.skew {
        Some((skew, ahead)) if is_skewed(skew) => return Err(ApplyStop::Clock { skew, ahead }),
        _ => {}
    }
    let restart_due = RestartDue::of(record, &seen.observed.conductor.running, seen.conductor.as_deref());
    if let Some(due) = restart_due.clone().filter(|_| options.restarted.is_none()) {
        return Err(ApplyStop::Restart(due));
    }
    for note in &seen.notes {
        watch.happened(&Happened::Warning { text: note.clone() });
    }
    let drift = plan.drift(&seen.observed, &options.allow);
    let drift: Vec<_> = drift
        .into_iter()
        .filter(|drift| open.iter().any(|(router, _)| router.name == drift.router))
        .collect();
    if !drift.is_empty() && !options.skip_drifted {
        return Err(ApplyStop::Drift { drift });
    }
    for drift in &drift {
        let items: Vec<String> = drift.items.iter().map(ToString::to_string).collect();
        let text =
            format!("{} is left out, it is not as the plan found it: {}", drift.router, items.join(", "));
        watch.happened(&Happened::Warning { text: text.into() });
    }
    let drifted: BTreeSet<RouterName> = drift.into_iter().map(|drift| drift.router).collect();
    let left: Vec<_> = open.into_iter().filter(|(router, _)| !drifted.contains(&router.name)).collect();
    let flags = flags(plan, &left, &seen.observed, record, options);
    if !flags.is_empty() {
        return Err(ApplyStop::Flags { flags });
    }
    let version = seen.observed.conductor.version;
    Ok(Checked { drifted, conductor: seen.conductor, version, restart_due })
}

/// The routers that are not finished.
fn open<'p>(plan: &'p Plan, record: &Record) -> Vec<(&'p PlannedRouter, &'p Steps)> {
    let is_open = |router: &PlannedRouter| {
        record.with_progress(|progress| {
            let progress = progress.routers.get(&router.name);
            !progress.is_some_and(|progress| {
                progress.released.is_some() || was_verified(router, &progress.verdicts)
            })
        })
    };
    plan.steps().filter(|(router, _)| is_open(router)).collect()
}

/// The row of a router, as far as reading needs it.
fn request(router: &PlannedRouter) -> RouterRequest {
    let basis = &router.basis;
    let nodes = basis.nodes.iter().map(|(node, basis)| NodeRequest {
        node: node.clone(),
        line: router.line,
        mac: basis.mac,
        asset_id: basis.wanted_asset_id.clone(),
        ek: None,
        device_id: None,
    });
    RouterRequest {
        name: router.name.clone(),
        line: router.line,
        site: basis.site,
        mode: basis.wanted_mode,
        conductor_hosts: basis.wanted_hosts.clone(),
        nodes: nodes.collect(),
    }
}

/// The models of those devices whose key the plan took from Mist: they are virtual, whatever they are called.
fn virtual_models(plan: &Plan, catalogue: &Catalogue) -> Vec<Box<str>> {
    let nodes = plan.routers().iter().flat_map(|router| router.basis.nodes.values());
    let devices =
        nodes.filter(|node| node.mist_key.is_some()).filter_map(|node| catalogue.inventory.device(node.mac));
    let models: BTreeSet<Box<str>> = devices.filter_map(|device| device.model.clone()).collect();
    models.into_iter().collect()
}

/// What must be accepted now, and was not.
fn flags(
    plan: &Plan,
    open: &[(&PlannedRouter, &Steps)],
    now: &Observed,
    record: &Record,
    options: &ApplyOptions,
) -> BTreeSet<Flag> {
    let planned: BTreeSet<Mac> =
        plan.routers().iter().flat_map(|router| router.basis.nodes.values().map(|node| node.mac)).collect();
    let ours: Vec<TokenFingerprint> = record.with_progress(|progress| {
        progress.routers.values().flat_map(|router| router.tokens.iter().copied()).collect()
    });
    let mut flags = BTreeSet::new();
    for (_, steps) in open {
        let found = now.sites.get(&steps.site).filter(|_| needs_assignment(steps, now));
        let Some(site) = found else { continue };
        let others: Vec<Mac> = now
            .inventory
            .at(steps.site)
            .map(|device| device.mac)
            .filter(|mac| !planned.contains(mac))
            .collect();
        let found = judge_settings(steps.site, &site.ssr, &steps.conductor_hosts, &ours, &others);
        flags.extend(found.into_iter().filter(|flag| !options.accepted.settings(flag)).map(Flag::Settings));
    }
    let running = &now.conductor.running;
    let sets_mode = |change: &Change| {
        matches!(change, Change::Mode { mode, .. } if *mode != Mode::Disabled)
            && !missing(running, &Changes::of([change])).is_empty()
    };
    if !options.skip_conductor && open.iter().flat_map(|(_, steps)| &steps.changes).any(sets_mode) {
        let cutoff = LegacyCutoff::of(&Routers::of(running), &now.conductor.assets);
        if let Some(cutoff) =
            cutoff.filter(|_| !LegacyCutoff::is_accepted(cutoff, options.accept_legacy_cutoff))
        {
            flags.insert(Flag::LegacyCutoff { routers: cutoff.routers });
        }
    }
    flags
}

/// Whether the settings of its site will be written: not for what is all at its site.
fn needs_assignment(steps: &Steps, now: &Observed) -> bool {
    let at_site =
        |mac: &Mac| now.inventory.device(*mac).is_some_and(|device| device.site == Some(steps.site));
    !steps.unassign.is_empty() || !steps.assign.iter().all(at_site)
}
