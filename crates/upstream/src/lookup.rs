//! Looks up what was met and has no name: once in an hour, many at a time.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use alarm::Unnamed;
use alarm::directory::Lesson;
use ids::{Mac, OrgId, SiteId};
use mist::inventory::{self, InventoryFilter};
use mist::{Client, sites};
use tokio::time::Instant;

use crate::Inbox;
use crate::directory::{named_device, named_site};
use crate::patience::{Failure, Steady};

/// What has no name, and what was asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    asked: HashMap<Unnamed, Instant>,
    /// When what was asked for long ago was forgotten last.
    forgot: Option<Instant>,
    devices: BTreeSet<Mac>,
    sites: BTreeSet<SiteId>,
    /// Sites of which a map has no name.
    mapped: BTreeSet<SiteId>,
}

impl Lookups {
    /// Takes note of something without a name, unless it was asked for lately or there is enough to ask for.
    pub(crate) fn add(&mut self, unnamed: Unnamed, now: Instant) {
        let forget = self.forgot.is_none_or(|forgot| now.duration_since(forgot) >= FORGET_EVERY);
        if self.asked.len() >= MOST_ASKED && forget {
            self.forgot = Some(now);
            self.asked.retain(|_, asked| now.duration_since(*asked) < AGAIN_AFTER);
        }
        let lately = self.asked.get(&unnamed).is_some_and(|asked| now.duration_since(*asked) < AGAIN_AFTER);
        if lately || self.asked.len() >= MOST_ASKED {
            return;
        }
        match &unnamed {
            Unnamed::Device(mac) => {
                self.devices.insert(*mac);
            }
            Unnamed::Site(id) => self.sites.extend(id.parse::<SiteId>()),
            Unnamed::Map(site, _) => self.mapped.extend(site.parse::<SiteId>()),
        }
        self.asked.insert(unnamed, now);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.sites.is_empty() && self.mapped.is_empty()
    }

    /// Asks for some of it. What fails is not asked for again before an hour has passed: it is met again.
    pub(crate) async fn ask(
        &mut self,
        client: &Client,
        org: OrgId,
        inbox: &impl Inbox,
    ) -> Result<(), Failure> {
        let macs: Vec<Mac> = self.devices.iter().take(AT_ONCE).copied().collect();
        if !macs.is_empty() {
            for mac in &macs {
                self.devices.remove(mac);
            }
            let filter = InventoryFilter { macs, ..InventoryFilter::default() };
            let mut pages = Steady::new(client.pages(inventory::list(org, &filter)));
            while let Some(page) = pages.next_page().await {
                let devices = page?.iter().filter_map(named_device).collect();
                inbox.learned(&Lesson { devices, ..Lesson::default() }).await?;
            }
        }
        for _ in 0..SITES_AT_ONCE {
            let Some(site) = self.sites.pop_first() else { break };
            let site = client.send(&sites::info(site)).await?;
            let sites = named_site(&site).into_iter().collect();
            inbox.learned(&Lesson { sites, ..Lesson::default() }).await?;
        }
        for _ in 0..SITES_AT_ONCE {
            let Some(site) = self.mapped.pop_first() else { break };
            let mut pages = Steady::new(client.pages(sites::maps(site)));
            while let Some(page) = pages.next_page().await {
                let maps = page?.into_iter().filter_map(|map| Some((map.id?.to_string(), map.name?)));
                let maps = maps.collect();
                inbox.learned(&Lesson { maps, ..Lesson::default() }).await?;
            }
        }
        Ok(())
    }
}

/// How long something that was asked for is not asked for again, and of how many things that is remembered.
const AGAIN_AFTER: Duration = Duration::from_secs(3600);
const MOST_ASKED: usize = 20_000;
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How many devices one call asks for, and how many sites are asked for one after the other.
const AT_ONCE: usize = 100;
const SITES_AT_ONCE: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_is_not_asked_for_again_within_an_hour() {
        let mut lookups = Lookups::default();
        let device = || Unnamed::Device(Mac::new([2, 0, 0, 0, 0, 1]));
        let start = Instant::now();

        lookups.add(device(), start);
        lookups.add(Unnamed::Site("no id".into()), start);
        assert_eq!((lookups.devices.len(), lookups.sites.len()), (1, 0));
        lookups.devices.clear();
        lookups.add(device(), start + AGAIN_AFTER / 2);
        assert!(lookups.is_empty());
        lookups.add(device(), start + AGAIN_AFTER);
        assert!(!lookups.is_empty());
    }

    #[test]
    fn memory_is_bounded_however_many_things_have_no_name() {
        let mut lookups = Lookups::default();
        let now = Instant::now();
        for n in 0..3 * MOST_ASKED as u64 {
            let [.., a, b, c, d, e] = n.to_be_bytes();
            lookups.add(Unnamed::Device(Mac::new([2, a, b, c, d, e])), now);
        }
        assert_eq!(lookups.asked.len(), MOST_ASKED);
    }
}
