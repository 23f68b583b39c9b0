//! The single reads, and what they are taken for.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Mac, SiteId, Timestamp};
use mist::inventory::{DeviceType, InventoryFilter};
use mist::ssr::SsrSetting;
use mist::{Scope, ssr};
use thiserror::Error;
use tokio::task::JoinSet;

use super::World;
use crate::config::Configuration;
use crate::decide::Sample;
use crate::observe::{Asset, AssetStatus, AuthState, Inventory};
use crate::{AssetId, NodeName, RouterName};

/// Something could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LookError {
    /// From Mist.
    #[error("cannot read {what} from Mist")]
    Mist {
        /// What.
        what: &'static str,
        /// Why not.
        source: mist::Problem,
    },
    /// From the conductor.
    #[error("cannot read {what} from the conductor")]
    Conductor {
        /// What.
        what: &'static str,
        /// Why not.
        source: conductor::Problem,
    },
}

impl LookError {
    /// Whether the same may be read later without anybody changing anything.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Mist { source, .. } => source.retry_helps(),
            Self::Conductor { source, .. } => source.retry_helps(),
        }
    }

    pub(super) const fn mist(what: &'static str) -> impl FnOnce(mist::Problem) -> Self {
        move |source| Self::Mist { what, source }
    }

    pub(super) const fn conductor(what: &'static str) -> impl FnOnce(conductor::Problem) -> Self {
        move |source| Self::Conductor { what, source }
    }
}

/// A node that is looked at while its router is onboarded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watched {
    /// Its router.
    pub router: RouterName,
    /// Its name.
    pub node: NodeName,
    /// What it proves to be.
    pub asset_id: AssetId,
    /// Its device.
    pub mac: Mac,
}

impl World {
    /// The `ssr` of a site's own settings, to be changed and written whole; empty when there is none.
    ///
    /// # Errors
    ///
    /// [`LookError::Mist`].
    pub async fn site_setting(&self, site: SiteId) -> Result<SsrSetting, LookError> {
        self.setting(Scope::Site(site)).await
    }

    /// The `ssr` of the organisation's settings; empty when there is none.
    ///
    /// # Errors
    ///
    /// [`LookError::Mist`].
    pub async fn org_setting(&self) -> Result<SsrSetting, LookError> {
        self.setting(Scope::Org(self.org)).await
    }

    async fn setting(&self, scope: Scope) -> Result<SsrSetting, LookError> {
        let what =
            if matches!(scope, Scope::Org(_)) { "the organisation's settings" } else { "a site's settings" };
        let setting = self.mist.send(&ssr::setting(scope)).await.map_err(LookError::mist(what))?;
        Ok(setting.ssr.unwrap_or_default())
    }

    /// The routers with these addresses, in one call for each hundred.
    ///
    /// # Errors
    ///
    /// [`LookError::Mist`].
    pub async fn devices(&self, macs: &[Mac]) -> Result<Inventory, LookError> {
        let mut devices = Vec::new();
        for macs in macs.chunks(MACS_A_CALL) {
            let filter = InventoryFilter { macs: macs.to_vec(), ..routers() };
            devices.extend(self.inventory_rows(&filter).await?);
        }
        Ok(Inventory::of(&devices))
    }

    pub(super) async fn inventory_rows(
        &self,
        filter: &InventoryFilter,
    ) -> Result<Vec<mist::inventory::Device>, LookError> {
        let pages = self.mist.pages(mist::inventory::list(self.org, filter));
        pages.all().await.map_err(LookError::mist("the inventory"))
    }

    /// The running configuration.
    ///
    /// # Errors
    ///
    /// [`LookError::Conductor`].
    pub async fn running(&self) -> Result<Configuration, LookError> {
        let whole = self.conductor.whole_running().await;
        whole
            .map(|whole| Configuration::from_json(&whole))
            .map_err(LookError::conductor("the running configuration"))
    }

    /// The candidate configuration, which everybody shares.
    ///
    /// # Errors
    ///
    /// [`LookError::Conductor`].
    pub async fn candidate(&self) -> Result<Configuration, LookError> {
        let whole = self.conductor.candidate().whole().await;
        whole
            .map(|whole| Configuration::from_json(&whole))
            .map_err(LookError::conductor("the candidate configuration"))
    }

    /// Every asset that the conductor knows, and the ids that it sees on two devices. An asset whose id is none that
    /// is known here is passed over.
    ///
    /// # Errors
    ///
    /// [`LookError::Conductor`].
    pub async fn assets(&self) -> Result<(BTreeMap<AssetId, Asset>, BTreeSet<AssetId>), LookError> {
        let seen = Timestamp::now();
        let judged = self.conductor.assets(&[]).await.map_err(LookError::conductor("the assets"))?;
        for warning in &judged.warnings {
            tracing::debug!(warning, "said beside the assets");
        }
        let assets = judged.value.assets.iter().filter_map(|asset| read_asset(asset, seen)).collect();
        let duplicates = judged.value.duplicates.iter().filter_map(|id| id.parse().ok()).collect();
        Ok((assets, duplicates))
    }

    /// Those of `routers` to which the conductor has a connection: each node of them tells of a link that is connected,
    /// to the router `conductor` where its name is known, else to any other.
    ///
    /// # Errors
    ///
    /// [`LookError::Conductor`]. A router that the conductor tells nothing of is none.
    pub async fn connected(
        &self,
        routers: &BTreeSet<RouterName>,
        conductor: Option<&str>,
    ) -> Result<BTreeSet<RouterName>, LookError> {
        let mut waiting = routers.iter().cloned();
        let mut asked: JoinSet<(RouterName, Result<Vec<conductor::Link>, conductor::Problem>)> =
            JoinSet::new();
        let mut connected = BTreeSet::new();
        loop {
            while asked.len() < AT_ONCE
                && let Some(router) = waiting.next()
            {
                let client = self.conductor.clone();
                let name = conductor_name(&router);
                asked.spawn(async move {
                    let links = client.connectivity(&name).await.map(|judged| judged.value);
                    (router, links)
                });
            }
            let Some(done) = asked.join_next().await else { return Ok(connected) };
            let (router, links) = done.expect("a question is neither aborted nor does it panic");
            match links {
                Ok(links) if is_connected(&links, conductor) => drop(connected.insert(router)),
                Ok(_) | Err(conductor::Problem::NoData { .. }) => {}
                Err(source) => {
                    return Err(LookError::Conductor { what: "the connectivity of routers", source });
                }
            }
        }
    }

    /// How each of `watched` is now, in their order: the assets in one call, the inventory in one for each hundred, the
    /// connectivity of those whose asset runs, and the authentication by command line where there is one.
    ///
    /// `conductor` is its name as a router, where it is known. A state of authentication that cannot be read is not
    /// seen.
    ///
    /// # Errors
    ///
    /// [`LookError`]; nothing was seen then.
    pub async fn samples(
        &self,
        watched: &[Watched],
        conductor: Option<&str>,
    ) -> Result<Vec<Sample>, LookError> {
        if watched.is_empty() {
            return Ok(Vec::new());
        }
        // what is read later is newer: the time of a sample is that of its oldest part
        let time = Timestamp::now();
        let (assets, _) = self.assets().await?;
        let macs: Vec<Mac> = watched.iter().map(|node| node.mac).collect();
        let devices = self.devices(&macs).await?;
        let running =
            |node: &&Watched| assets.get(&node.asset_id).is_some_and(|asset| asset.status.is_running());
        let asked: BTreeSet<RouterName> =
            watched.iter().filter(running).map(|node| node.router.clone()).collect();
        let connected = self.connected(&asked, conductor).await?;
        let mut samples = Vec::new();
        for node in watched {
            samples.push(Sample {
                time,
                auth: self.auth_state(&node.asset_id).await,
                asset: assets.get(&node.asset_id).map(|asset| asset.status.clone()),
                conductor: asked.contains(&node.router).then(|| connected.contains(&node.router)),
                mist: devices.device(node.mac).and_then(|device| device.connected),
            });
        }
        Ok(samples)
    }

    /// The state of an asset's authentication, by the conductor's command line; not seen where there is none, and where
    /// it does not tell.
    pub async fn auth_state(&self, asset_id: &AssetId) -> AuthState {
        let Some(pcli) = &self.pcli else { return AuthState::NotSeen };
        let word = conductor::Word::new(asset_id.as_str()).expect("an asset id is a word");
        match pcli.run(&conductor::Line::show_onboarding(Some(&word))).await {
            Ok(said) => AuthState::find(said.text()).unwrap_or(AuthState::NotSeen),
            Err(problem) => {
                tracing::warn!(%asset_id, problem = %problem, "the state of the authentication was not seen");
                AuthState::NotSeen
            }
        }
    }
}

/// Gateways, which routers are to Mist.
pub(super) fn routers() -> InventoryFilter {
    InventoryFilter { types: vec![DeviceType::Gateway], ..InventoryFilter::default() }
}

/// A router's name for a path or a command.
pub(super) fn conductor_name(router: &RouterName) -> conductor::Name {
    conductor::Name::new(router.as_str()).expect("both are names of the data model")
}

fn read_asset(asset: &conductor::Asset, seen: Timestamp) -> Option<(AssetId, Asset)> {
    let parsed = Asset {
        router: asset.router.as_deref().and_then(|name| name.parse().ok()),
        node: asset.node.as_deref().and_then(|name| name.parse().ok()),
        status: AssetStatus::new(asset.status.as_deref().unwrap_or_default()),
        version: asset.version.clone(),
        seen,
    };
    Some((asset.id.parse().ok()?, parsed))
}

fn is_connected(links: &[conductor::Link], conductor: Option<&str>) -> bool {
    let to_conductor = |link: &&conductor::Link| match (conductor, link.remote_router.as_deref()) {
        (Some(conductor), Some(remote)) => conductor == remote,
        _ => true,
    };
    let mut links = links.iter().filter(to_conductor).peekable();
    let up = |link: &conductor::Link| {
        link.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("connected"))
    };
    links.peek().is_some() && links.all(up)
}

/// Addresses stand in the URL, of which some thousand bytes fit.
const MACS_A_CALL: usize = 100;

/// Questions that are on their way at one time.
pub(super) const AT_ONCE: usize = 8;
