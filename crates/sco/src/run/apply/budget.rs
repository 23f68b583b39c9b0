//! Calls to Mist: a run waits where they are spent, and says so.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use crate::plan::PlannedRouter;
use crate::run::router::{Grounds, Reached, Stuck};
use crate::run::sites::Hold;
use crate::run::{Happened, Watch, World};

impl Grounds<'_> {
    /// Onboards a router once the budget has calls for it: a fifth of them is kept for what is under way.
    pub(super) async fn budgeted<'p>(
        &self,
        router: &'p PlannedRouter,
        hold: Option<&Hold>,
    ) -> Result<Reached<'p>, Stuck> {
        let budget = self.world.mist.budget();
        let mut told = false;
        while budget.left() <= budget.capacity() / 5 {
            if !std::mem::replace(&mut told, true) {
                let text =
                    "calls to Mist: 80 % of this hour's are spent, and the rest is for routers under way";
                self.watch.happened(&Happened::Waiting { what: text.into(), at_most: HOUR });
            }
            tokio::select! {
                () = sleep(self.world.pace.poll) => {}
                () = self.stop.asked() => return Err(Stuck::Interrupted),
            }
        }
        self.onboard(router, hold).await
    }
}

/// Says whenever every call waits, since Mist refuses more or none is left; never comes to an end.
pub(super) async fn tell_when_held(world: &World, watch: &dyn Watch) -> Infallible {
    let mut told = false;
    loop {
        sleep(world.pace.poll / 4).await;
        let budget = world.mist.budget();
        let (what, at_most) = match (budget.held(), budget.left()) {
            (Duration::ZERO, 1..) => {
                told = false;
                continue;
            }
            (Duration::ZERO, 0) => ("a call to Mist: all of this hour's are spent", HOUR),
            (held, _) => ("Mist, which refuses more calls for now (429)", held),
        };
        if !std::mem::replace(&mut told, true) {
            watch.happened(&Happened::Waiting { what: what.into(), at_most });
        }
    }
}

/// How long at most it takes until a call is forgotten.
const HOUR: Duration = Duration::from_secs(61 * 60);
