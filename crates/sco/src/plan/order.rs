//! Who comes when: canaries, waves of one commit, and queues behind a site.

use std::time::Duration;

use ids::SiteId;
use serde::{Deserialize, Serialize};

use super::{PlanOptions, Steps};
use crate::RouterName;

/// Routers whose changes on the conductor are one candidate, one validation, one commit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Whether it is one that must be well before the others begin.
    pub canary: bool,
    /// Them, in their order.
    pub routers: Vec<RouterName>,
}

/// Routers of one site: Mist keeps one token for a site, and a token is for one router, so they go one after the other.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SiteQueue {
    /// The site.
    pub site: SiteId,
    /// Them, in their order.
    pub routers: Vec<RouterName>,
    /// How long it takes at most, when each holds the site until its deadline.
    #[serde(with = "crate::seconds")]
    pub at_most: Duration,
}

/// Those of `routers` that the messages of a validation name: they are taken out of their wave, and the rest is validated
/// again. When it is none, nobody can say whose change is at fault, and the wave stops.
///
/// A name counts as a whole word: `store-1` is not named by `store-10`.
#[must_use]
pub fn routers_named(messages: &[&str], routers: &[RouterName]) -> Vec<RouterName> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let named = |router: &&RouterName| {
        messages.iter().any(|message| message.split(|c| !is_name(c)).any(|word| word == router.as_str()))
    };
    routers.iter().filter(named).cloned().collect()
}

/// The waves of `routers`.
pub(super) fn waves(routers: &[&RouterName], options: &PlanOptions) -> Vec<Wave> {
    let (first, rest) = routers.split_at(options.canary.min(routers.len()));
    let wave = |canary, routers: &[&RouterName]| Wave {
        canary,
        routers: routers.iter().map(|name| (*name).clone()).collect(),
    };
    let canaries = first.chunks(options.wave_size.max(1)).map(|routers| wave(true, routers));
    canaries.chain(rest.chunks(options.wave_size.max(1)).map(|routers| wave(false, routers))).collect()
}

/// The queues of `routers`, by the place of the first of each.
pub(super) fn queues(routers: &[(&RouterName, &Steps)], options: &PlanOptions) -> Vec<SiteQueue> {
    let mut queues: Vec<SiteQueue> = Vec::new();
    for (name, steps) in routers {
        match queues.iter_mut().find(|queue| queue.site == steps.site) {
            Some(queue) => queue.routers.push((*name).clone()),
            None => queues.push(SiteQueue {
                site: steps.site,
                routers: vec![(*name).clone()],
                at_most: Duration::ZERO,
            }),
        }
    }
    for queue in &mut queues {
        let length = u32::try_from(queue.routers.len()).unwrap_or(u32::MAX);
        queue.at_most = options.deadlines.running.saturating_mul(length);
    }
    queues
}

/// The shortest lifetime in whole hours that is not shorter than `needed`, and at most a year.
pub(super) fn whole_hours(needed: Duration) -> u32 {
    const YEAR: u64 = 365 * 24;
    let hours = needed.as_secs().div_ceil(60 * 60).clamp(1, YEAR);
    u32::try_from(hours).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_is_named_by_its_whole_name() {
        let routers: Vec<RouterName> =
            ["store-1", "store-10", "tore-1"].map(|name| name.parse().unwrap()).into();
        for (message, expect) in [
            ("authority router store-1 node node0: asset-id is a duplicate", vec!["store-1"]),
            ("/authority/router[name='store-10']/system", vec!["store-10"]),
            ("router \"store-1\" and router \"store-10\"", vec!["store-1", "store-10"]),
            ("store-100 is not valid", vec![]),
            ("certificate is not valid", vec![]),
        ] {
            let named = routers_named(&[message], &routers);
            assert_eq!(named.iter().map(RouterName::as_str).collect::<Vec<_>>(), expect, "{message}");
        }
    }

    #[test]
    fn a_lifetime_is_whole_hours_and_at_most_a_year() {
        for (minutes, hours) in [(0, 1), (60, 1), (61, 2), (105, 2), (1_000_000, 8760)] {
            assert_eq!(whole_hours(Duration::from_secs(minutes * 60)), hours);
        }
    }
}
