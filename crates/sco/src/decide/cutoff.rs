//! What the first router with Secure Conductor Onboarding does to all others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::{RouterConfig, Routers};
use crate::observe::Asset;
use crate::{AssetId, RouterName};

/// The change that the first mode other than `disabled` makes for the whole conductor: 4505 and 4506 close at its next
/// restart, and routers that were onboarded by asset id alone cannot onboard again.
///
/// Source: Session Smart Router documentation, "Secure Conductor Onboarding", known caveats.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LegacyCutoff {
    /// How many routers it concerns.
    pub routers: usize,
}

impl LegacyCutoff {
    /// The change, when `running` has no such mode yet; none when it has one already.
    #[must_use]
    pub fn of(running: &Routers, assets: &BTreeMap<AssetId, Asset>) -> Option<Self> {
        running.none_is_onboarded_securely().then(|| Self { routers: legacy_routers(running, assets).len() })
    }

    /// Whether `--accept-legacy-cutoff=N` was given with the number that is counted `now`.
    ///
    /// It is counted again when the change is about to be made; a number that was right when the plan was made is not
    /// enough.
    #[must_use]
    pub fn is_accepted(now: Option<Self>, accepted: Option<usize>) -> bool {
        now.is_none_or(|cutoff| accepted == Some(cutoff.routers))
    }
}

/// The routers with a connected asset whose running mode is absent or `disabled`; an asset that no router claims counts by
/// its own id.
#[must_use]
pub fn legacy_routers(running: &Routers, assets: &BTreeMap<AssetId, Asset>) -> BTreeSet<Box<str>> {
    let secure = |router: &RouterName| running.router(router).is_some_and(RouterConfig::is_secure);
    let connected = assets.iter().filter(|(_, asset)| asset.status.may_be_connected());
    let legacy = connected.filter_map(|(asset_id, asset)| {
        let router = asset.router.as_ref().or_else(|| running.holder(asset_id).map(|(router, _)| router));
        match router {
            Some(router) if secure(router) => None,
            Some(router) => Some(Box::from(router.as_str())),
            None => Some(Box::from(asset_id.as_str())),
        }
    });
    legacy.collect()
}
