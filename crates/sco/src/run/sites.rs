//! Who may hold which site.
//!
//! Mist keeps one onboarding token for a site, and a token is for one router. So a router holds its site from before its
//! token is written until its authentication is completed and its asset runs; one that does not get there keeps it, since
//! it may still come for its token. [`release`] takes such a router away.

use std::collections::BTreeMap;

use ids::{Mac, SiteId};

use super::router::{Grounds, RunEnd, Stuck, look_until};
use super::{Happened, RouterEntry, RouterProgress};
use crate::RouterName;
use crate::decide::Health;
use crate::plan::{PlannedRouter, Steps};

/// Who holds which site.
#[derive(Debug, Default)]
pub(super) struct Sites(BTreeMap<SiteId, RouterName>);

/// That a router holds its site; its settings are written with this in hand.
#[derive(Debug)]
pub(super) struct Hold(SiteId);

impl Hold {
    /// Whether it is this site.
    pub(super) fn is_of(&self, site: SiteId) -> bool {
        self.0 == site
    }
}

impl Sites {
    /// Takes the site for `router`; not while another holds it.
    pub(super) fn take(&mut self, site: SiteId, router: &RouterName) -> Option<Hold> {
        let holder = self.0.entry(site).or_insert_with(|| router.clone());
        (holder == router).then_some(Hold(site))
    }

    /// The router does not hold the site any more.
    pub(super) fn free(&mut self, site: SiteId, router: &RouterName) {
        if self.holder(site) == Some(router) {
            self.0.remove(&site);
        }
    }

    pub(super) fn holder(&self, site: SiteId) -> Option<&RouterName> {
        self.0.get(&site)
    }
}

/// Whether the record says that the router may still come for its token: it was assigned, or may have been, and was not
/// seen to be through. So long its site is its own.
#[must_use]
pub fn holds(router: &PlannedRouter, progress: &RouterProgress) -> bool {
    let assigned = progress.assigned.is_some() || progress.assigning.is_some();
    assigned && !is_through(router, progress) && progress.released.is_none()
}

/// Whether the record says that the router was assigned, and seen not to need its token any more.
pub(super) fn is_through(router: &PlannedRouter, progress: &RouterProgress) -> bool {
    let mut nodes = router.basis.nodes.keys();
    let is_through = |node| progress.verdicts.get(node).is_some_and(Health::frees_site);
    progress.assigned.is_some() && progress.assigning.is_none() && nodes.all(is_through)
}

/// Takes the devices of a router that this run assigned, and that did not get through, from their site.
///
/// # Errors
///
/// [`Stuck::Failed`] when it may be onboarded, so that it would be cut off, or when Mist did not do it.
pub(super) async fn release(
    grounds: &Grounds<'_>,
    router: &PlannedRouter,
    steps: &Steps,
) -> Result<(), Stuck> {
    let progress = grounds.record.with_progress(|progress| progress.router(&router.name));
    if progress.released.is_some() {
        return Ok(());
    }
    if !holds(router, &progress) {
        return Err(Stuck::failed(
            "release",
            "it does not hold its site in this run; there is nothing to release",
        ));
    }
    let nodes = grounds.watched(router);
    let samples = grounds.world.samples(&nodes, grounds.conductor).await.map_err(RunEnd::Look)?;
    let live = samples.iter().any(|sample| {
        sample.auth == crate::observe::AuthState::Completed
            || sample.asset.as_ref().is_some_and(crate::observe::AssetStatus::may_be_connected)
    });
    if live || progress.ever_completed {
        return Err(Stuck::failed(
            "release",
            "its authentication is completed, or its asset is connected, so that unassigning would cut it off; `verify` it",
        ));
    }
    let inventory = grounds.world.devices(&steps.assign).await.map_err(RunEnd::Look)?;
    let at_site = |mac: &Mac| inventory.device(*mac).is_some_and(|device| device.site == Some(steps.site));
    let macs: Vec<Mac> = steps.assign.iter().copied().filter(at_site).collect();
    if !macs.is_empty() {
        unassign(grounds, router, &macs).await?;
    }
    grounds
        .record
        .router(&router.name, RouterEntry::Released { site: steps.site })
        .map_err(RunEnd::Record)?;
    let (router, site) = (router.name.clone(), steps.site);
    grounds.watch.happened(&Happened::Released { router, site });
    Ok(())
}

/// Takes devices from their site, once; reading decides what came of it.
pub(super) async fn unassign(
    grounds: &Grounds<'_>,
    router: &PlannedRouter,
    macs: &[Mac],
) -> Result<(), Stuck> {
    let name = &router.name;
    grounds.note(name, RouterEntry::Unassigning { macs: macs.to_vec() })?;
    let sent = grounds.world.mist.send(&mist::inventory::unassign(grounds.world.org, macs)).await;
    let gone = look_until(grounds, macs, |device| device.site.is_none()).await?;
    if !gone.left.is_empty() {
        let why = match sent {
            Err(problem) => super::router::chain(&problem),
            Ok(outcome) => super::router::reasons(&outcome),
        };
        let left: Vec<String> = gone.left.iter().map(ToString::to_string).collect();
        return Err(Stuck::Failed {
            step: "assignment",
            why: format!("Mist did not unassign {} ({why}); do it in Mist, then `resume`", left.join(", "))
                .into(),
        });
    }
    grounds.note(name, RouterEntry::Unassigned { macs: macs.to_vec() })?;
    grounds.watch.happened(&Happened::Unassigned { router: name.clone(), macs: macs.to_vec() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_held_by_one_router_and_freed_by_nobody_else() {
        let site =
            |last: u8| -> SiteId { format!("00000000-0000-0000-0000-0000000000{last:02}").parse().unwrap() };
        let (one, other): (RouterName, RouterName) = ("r1".parse().unwrap(), "r2".parse().unwrap());
        let mut sites = Sites::default();

        assert!(sites.take(site(1), &one).is_some());
        assert!(sites.take(site(1), &one).is_some(), "it is its own");
        assert!(sites.take(site(1), &other).is_none());
        assert!(sites.take(site(2), &other).is_some());
        sites.free(site(1), &other);
        assert_eq!(sites.holder(site(1)), Some(&one));
        sites.free(site(1), &one);
        assert!(sites.take(site(1), &other).is_some());
    }
}
