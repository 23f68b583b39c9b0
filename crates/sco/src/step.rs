//! The steps of one router, as types: each can only be made from the one before and from what was read back.
//!
//! ```text
//! PlannedRouter ─ running configuration ─► Committed ─ token, judged ─► Invited ─ settings read back ─► SiteReady
//!   ─ settings and inventory read again ─► Assignment ─ answer ─► Assigned ─ evidence ─► Health
//! ```
//!
//! Nothing here acts: whoever drives it writes, reads back, and hands in what was read. A step that is not proven says
//! what stands in the way, and the router stops there.

use std::collections::BTreeSet;
use std::time::Duration;

use conductor::Version;
use ids::{Mac, SiteId, Timestamp};
use thiserror::Error;

use crate::certificate::Certificate;
use crate::config::{Changes, Configuration, Paths, Routers, missing};
use crate::decide::{Deadlines, Evidence, Health, Sample, health, settings_are_ours};
use crate::observe::{Inventory, SsrState, TokenState};
use crate::plan::{PlannedRouter, Steps};
use crate::token::{Anchor, Expectation, Judgement, OnboardingToken, TokenFingerprint, TokenFlag};
use crate::{AssetId, RouterName};

/// Why a step is not taken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum StepError {
    /// The plan has no steps for it.
    #[error("the plan has no steps for this router")]
    NoSteps,
    /// What was to be committed does not run.
    #[error(
        "the running configuration does not hold {paths}; commit it, or find out who changed it, then `resume`"
    )]
    NotCommitted {
        /// Where.
        paths: Paths,
    },
    /// The running configuration has no asset id for a node.
    #[error(
        "the running configuration has no asset id for a node of this router; a token for it could not be told"
    )]
    NoAssets,
    /// The token is not used.
    #[error("the onboarding token is not used: {}", told(judgement))]
    Token {
        /// What was found.
        judgement: Box<Judgement>,
    },
    /// The settings, read back, are not what was written.
    #[error(
        "the settings of site {site} are not what was written ({found}); somebody else writes them, so nothing was assigned"
    )]
    NotOurs {
        /// The site.
        site: SiteId,
        /// The token that stands there.
        found: TokenState,
    },
    /// The token that was written does not read back.
    #[error(
        "the token that was written into the settings of site {site} does not read back, so that it is not proven that the site \
         tells it, and nothing was assigned: Mist shows this account no token, or did not keep it. Look at the site's settings in \
         Mist; with an API token that reads it back, `resume`"
    )]
    NotReadBack {
        /// The site.
        site: SiteId,
    },
    /// A device is not where it was.
    #[error("{mac} is not in the inventory without a site any more; nothing was assigned")]
    NotUnassigned {
        /// The device.
        mac: Mac,
    },
    /// There is nothing to assign.
    #[error("every device of this router is at its site already")]
    NothingToAssign,
    /// Mist did not assign every device, though it answered.
    #[error("Mist did not assign {} ({why}); unassign what it did assign, or assign the rest", list(macs))]
    NotAssigned {
        /// Them.
        macs: Vec<Mac>,
        /// What Mist said.
        why: Box<str>,
    },
}

/// A router whose changes run on the conductor.
#[derive(Debug)]
pub struct Committed<'p> {
    router: &'p PlannedRouter,
    steps: &'p Steps,
    asset_ids: BTreeSet<AssetId>,
}

impl<'p> Committed<'p> {
    /// Proves it by the `running` configuration, read after the commit.
    ///
    /// # Errors
    ///
    /// [`StepError::NotCommitted`] names each path that does not hold what was planned.
    pub fn prove(router: &'p PlannedRouter, running: &Configuration) -> Result<Self, StepError> {
        let crate::plan::RouterOutcome::Onboard(steps) = &router.outcome else {
            return Err(StepError::NoSteps);
        };
        let paths = missing(running, &Changes::of(&steps.changes));
        if !paths.is_empty() {
            return Err(StepError::NotCommitted { paths });
        }
        let routers = Routers::of(running);
        let config = routers.router(&router.name).ok_or(StepError::NoAssets)?;
        // the token lists the assets of every node that the router has, also of one that is not in the input
        let asset_ids: Option<BTreeSet<AssetId>> =
            config.nodes.values().map(|node| node.asset_id.clone()).collect();
        let asset_ids = asset_ids.filter(|asset_ids| !asset_ids.is_empty()).ok_or(StepError::NoAssets)?;
        if config.mode != Some(router.basis.wanted_mode) {
            let path = [
                "authority",
                "router",
                router.name.as_str(),
                "system",
                "secure-conductor-onboarding",
                "mode",
            ];
            let paths = [crate::config::ConfigPath::new(&path)].into_iter().collect();
            return Err(StepError::NotCommitted { paths });
        }
        Ok(Self { router, steps, asset_ids })
    }

    /// The router.
    #[must_use]
    pub const fn router(&self) -> &'p RouterName {
        &self.router.name
    }

    /// The assets that its token must be for, by the running configuration.
    #[must_use]
    pub const fn asset_ids(&self) -> &BTreeSet<AssetId> {
        &self.asset_ids
    }

    /// What is found of a `token` that was made for it.
    #[must_use]
    pub fn judge(&self, token: &OnboardingToken, check: &TokenCheck<'_>) -> Judgement {
        token.judge(&Expectation {
            asset_ids: &self.asset_ids,
            anchor: check.anchor,
            served: check.served,
            now: check.now,
            margin: check.margin,
        })
    }

    /// Takes a `token` that was made for it.
    ///
    /// # Errors
    ///
    /// [`StepError::Token`] when it has a fault, or a flag that was not accepted.
    pub fn invite(self, token: OnboardingToken, check: &TokenCheck<'_>) -> Result<Invited<'p>, StepError> {
        let judgement = self.judge(&token, check);
        if !judgement.is_usable(check.accepted) {
            return Err(StepError::Token { judgement: Box::new(judgement) });
        }
        Ok(Invited { steps: self.steps, token, judgement })
    }
}

/// What a token is judged by, beside the assets.
#[derive(Clone, Copy, Debug)]
pub struct TokenCheck<'a> {
    /// The authority that the profile trusts.
    pub anchor: Option<&'a Anchor>,
    /// What port 933 served.
    pub served: Option<&'a Certificate>,
    /// Now, by the conductor's clock where that is known.
    pub now: Timestamp,
    /// How long it must be taken from now.
    pub margin: Duration,
    /// The flags that were given.
    pub accepted: &'a [TokenFlag],
}

/// A router with a token.
#[derive(Debug)]
pub struct Invited<'p> {
    steps: &'p Steps,
    token: OnboardingToken,
    judgement: Judgement,
}

impl<'p> Invited<'p> {
    /// The token, to be written into the settings of [`Steps::site`].
    #[must_use]
    pub const fn token(&self) -> &OnboardingToken {
        &self.token
    }

    /// What was found of it.
    #[must_use]
    pub const fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// Proves by `read_back` that the site tells it.
    ///
    /// # Errors
    ///
    /// [`StepError::NotOurs`] when it tells something else, [`StepError::NotReadBack`] when there is no token in it.
    pub fn site_ready(self, read_back: &SsrState) -> Result<SiteReady<'p>, StepError> {
        if read_back.token == TokenState::Absent {
            return Err(StepError::NotReadBack { site: self.steps.site });
        }
        let ready =
            SiteReady { steps: self.steps, token: self.token.fingerprint(), expires: self.token.expires() };
        ready.check(read_back)?;
        Ok(ready)
    }
}

/// A router whose site tells its token.
#[derive(Debug)]
pub struct SiteReady<'p> {
    steps: &'p Steps,
    token: TokenFingerprint,
    expires: Option<Timestamp>,
}

impl<'p> SiteReady<'p> {
    fn check(&self, settings: &SsrState) -> Result<(), StepError> {
        let written = settings.token != TokenState::Absent;
        if written && settings_are_ours(settings, &self.steps.conductor_hosts, self.token) {
            return Ok(());
        }
        Err(StepError::NotOurs { site: self.steps.site, found: settings.token })
    }

    /// The token, by which the site's settings are known as this run's.
    #[must_use]
    pub const fn token(&self) -> TokenFingerprint {
        self.token
    }

    /// Until when the token is taken.
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The assignment, after `settings` and `inventory` were read once more, immediately before it. What the plan takes
    /// from the site first must have been taken.
    ///
    /// # Errors
    ///
    /// [`StepError::NotOurs`] and [`StepError::NotUnassigned`]: somebody else changed something, and the router stops.
    pub fn assignment(self, settings: &SsrState, inventory: &Inventory) -> Result<Assignment<'p>, StepError> {
        self.check(settings)?;
        if self.steps.assign.is_empty() {
            return Err(StepError::NothingToAssign);
        }
        for mac in &self.steps.assign {
            if inventory.device(*mac).is_none_or(|device| device.site.is_some()) {
                return Err(StepError::NotUnassigned { mac: *mac });
            }
        }
        Ok(Assignment { steps: self.steps })
    }
}

/// An assignment that may be made now.
#[derive(Debug)]
pub struct Assignment<'p> {
    steps: &'p Steps,
}

impl<'p> Assignment<'p> {
    /// What is sent: Mist does not configure the devices, and one that was assigned meanwhile is not moved.
    #[must_use]
    pub fn request(&self) -> mist::inventory::Assignment {
        mist::inventory::Assignment {
            site: self.steps.site,
            macs: self.steps.assign.clone(),
            no_reassign: true,
            mist_configured: Some(false),
        }
    }

    /// Takes Mist's answer; `at` is when the request was sent.
    ///
    /// # Errors
    ///
    /// [`StepError::NotAssigned`] when not every device was assigned: partial failure is failure.
    pub fn assigned(
        self,
        outcome: &mist::inventory::Outcome,
        at: Timestamp,
    ) -> Result<Assigned<'p>, StepError> {
        let done: BTreeSet<Mac> = outcome.done.iter().filter_map(|text| text.parse().ok()).collect();
        let refused = |mac: &Mac| {
            outcome.refused.iter().any(|refused| refused.device.parse() == Ok(*mac)) || !done.contains(mac)
        };
        let macs: Vec<Mac> = self.steps.assign.iter().copied().filter(refused).collect();
        if macs.is_empty() {
            return Ok(Assigned { steps: self.steps, at });
        }
        let reasons: Vec<&str> =
            outcome.refused.iter().filter_map(|refused| refused.reason.as_deref()).collect();
        let why = if reasons.is_empty() { "it does not say why".to_owned() } else { reasons.join(", ") };
        Err(StepError::NotAssigned { macs, why: crate::names::shown(&why) })
    }

    /// Proves by the `inventory`, read after a request whose answer was lost, that it was made; `at` is when it was sent.
    ///
    /// # Errors
    ///
    /// [`StepError::NotAssigned`] when not every device is at the site.
    pub fn found_assigned(self, inventory: &Inventory, at: Timestamp) -> Result<Assigned<'p>, StepError> {
        let at_site =
            |mac: &Mac| inventory.device(*mac).is_some_and(|device| device.site == Some(self.steps.site));
        let macs: Vec<Mac> = self.steps.assign.iter().copied().filter(|mac| !at_site(mac)).collect();
        if macs.is_empty() {
            return Ok(Assigned { steps: self.steps, at });
        }
        Err(StepError::NotAssigned {
            macs,
            why: "its answer was lost, and the inventory shows them elsewhere".into(),
        })
    }
}

/// A router that was assigned: the onboarding began.
#[derive(Debug)]
pub struct Assigned<'p> {
    steps: &'p Steps,
    at: Timestamp,
}

impl<'p> Assigned<'p> {
    /// Proves by the `inventory` that a router which a record says was assigned `at` is at its site.
    ///
    /// # Errors
    ///
    /// [`StepError::NotAssigned`] when not every device is there, [`StepError::NoSteps`] when the plan has none.
    pub fn recorded(
        router: &'p PlannedRouter,
        inventory: &Inventory,
        at: Timestamp,
    ) -> Result<Self, StepError> {
        let crate::plan::RouterOutcome::Onboard(steps) = &router.outcome else {
            return Err(StepError::NoSteps);
        };
        Assignment { steps }.found_assigned(inventory, at)
    }
}

impl Assigned<'_> {
    /// Its site.
    #[must_use]
    pub const fn site(&self) -> SiteId {
        self.steps.site
    }

    /// When it was assigned.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// How one of its nodes is, by `samples` in the order of their times.
    #[must_use]
    pub fn health(
        &self,
        samples: &[Sample],
        conductor: Option<&Version>,
        now: Timestamp,
        deadlines: &Deadlines,
    ) -> Health {
        health(&Evidence { assigned: Some(self.at), samples, conductor, now }, deadlines)
    }
}

fn told(judgement: &Judgement) -> String {
    let faults = judgement.faults.iter().map(ToString::to_string);
    let flags = judgement
        .flags
        .iter()
        .map(|flag| format!("it is {}, which `{flag}` accepts", judgement.authenticity));
    faults.chain(flags).collect::<Vec<_>>().join("; ")
}

fn list(macs: &[Mac]) -> String {
    macs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
