//! The assignment, which is the trigger: everything is read once more, it is sent once, and reading decides.

use std::time::Duration;

use ids::{Mac, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::{Grounds, Stuck, is_closed_to_all, is_unsent, look_until};
use crate::RouterName;
use crate::observe::SsrState;
use crate::plan::Steps;
use crate::run::{Assigning, RouterEntry};
use crate::step::SiteReady;

impl Grounds<'_> {
    /// Assigns the router in its turn: assignments leave one after the other, and not faster than the pace.
    pub(super) async fn assign(
        &self,
        ready: SiteReady<'_>,
        router: &RouterName,
        left: &Steps,
    ) -> Result<Timestamp, Stuck> {
        let mut turn = self.turn.lock().await;
        if let Some(at) = *turn {
            sleep_until(at).await;
        }
        self.go_on()?;
        // between these two reads and the request nothing is waited for
        let settings = SsrState::of(Some(&self.world.site_setting(left.site).await?));
        let inventory = self.world.devices(&left.assign).await?;
        let assignment = ready.assignment(&settings, &inventory).map_err(Stuck::step("assignment"))?;
        let at = Timestamp::now();
        let modified = |mac: &Mac| Some((*mac, inventory.device(*mac)?.modified?));
        let modified = left.assign.iter().filter_map(modified).collect();
        let assigning = Assigning { site: left.site, macs: left.assign.clone(), at, modified };
        self.note(router, RouterEntry::Assigning(assigning.clone()))?;
        let request = mist::inventory::assign(self.world.org, &assignment.request());
        let answer = match self.world.mist.send(&request).await {
            // it is tried once, so that it did not leave at all
            Err(problem) if is_unsent(&problem) => return Err(Stuck::mist("assignment", problem)),
            answer => answer,
        };
        // from the answer on: the request arrived before it
        *turn = Some(Instant::now() + self.spacing());
        drop(turn);
        let looked = look_until(self, &left.assign, |device| device.site == Some(left.site)).await?;
        if looked.left.is_empty() {
            assignment.found_assigned(&looked.inventory, at).map_err(Stuck::step("assignment"))?;
            self.note(router, RouterEntry::Assigned(assigning))?;
            return Ok(at);
        }
        let why = match answer {
            Ok(outcome) => match assignment.assigned(&outcome, at) {
                Err(error) => error.to_string(),
                Ok(_) => format!(
                    "Mist says that it assigned {router}, and the inventory does not show it; `resume` looks again"
                ),
            },
            Err(problem) if is_closed_to_all(&problem) => return Err(Stuck::mist("assignment", problem)),
            Err(problem) => {
                let error = assignment.found_assigned(&looked.inventory, at).map(drop);
                let error = error.err().map_or_else(String::new, |error| error.to_string());
                format!("{error}: {}", super::chain(&problem))
            }
        };
        Err(Stuck::failed("assignment", why))
    }

    fn spacing(&self) -> Duration {
        self.world.pace.assignment
    }
}
