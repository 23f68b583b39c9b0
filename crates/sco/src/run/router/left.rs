//! What is left to do for a router, by the record of its run and by what is.

use ids::{Mac, Timestamp};

use crate::RouterName;
use crate::observe::Inventory;
use crate::plan::Steps;
use crate::run::{Assigning, RouterProgress, Undo};

/// What is left to do for a router.
pub(super) enum Left {
    /// Nothing: this run assigned all of it then.
    Assigned(Timestamp),
    /// Nothing, and it was not this run.
    AtSite,
    /// Nothing: this run assigned it, and somebody took it away since, for this reason or another.
    TakenAway(String),
    /// Nothing by itself: this run may have assigned it, and somebody may have taken it away since.
    InDoubt(String),
    /// These steps.
    ToDo(Steps),
}

impl Left {
    /// `again` says that a person wants the router to be assigned once more.
    pub(super) fn of(
        router: &RouterName,
        steps: &Steps,
        progress: &RouterProgress,
        inventory: &Inventory,
        again: bool,
    ) -> Self {
        let at_site =
            |mac: &Mac| inventory.device(*mac).is_some_and(|device| device.site == Some(steps.site));
        let takes = |undo: &Undo, mac: &Mac| matches!(undo, Undo::Assignment { macs } if macs.contains(mac));
        let is_undone = |mac: &Mac| progress.undone.iter().any(|undo| takes(undo, mac));
        let away = |mac: &&Mac| !at_site(mac) && (progress.assigned.is_some() || is_undone(mac));
        if let Some(assigned) = progress.assigned.as_ref().or(progress.assigning.as_ref())
            && let Some(mac) = steps.assign.iter().find(away)
        {
            return Self::TakenAway(taken_away(*mac, assigned, is_undone(mac), inventory));
        }
        let in_doubt = |mac: &&Mac| may_have_been_done(**mac, progress, inventory);
        if let Some(mac) = steps.assign.iter().find(in_doubt).filter(|_| !again) {
            return Self::InDoubt(doubt(*mac, router, steps));
        }
        let intended = [progress.assigning.as_ref(), progress.assigned.as_ref()];
        let ours = &progress.ever_assigning;
        let assign: Vec<Mac> =
            steps.assign.iter().copied().filter(|mac| !(ours.contains_key(mac) && at_site(mac))).collect();
        let at = intended.iter().flatten().map(|assigning| assigning.at).max();
        match at {
            Some(at) if assign.is_empty() => return Self::Assigned(at),
            _ => {}
        }
        let unassign: Vec<Mac> = steps
            .unassign
            .iter()
            .copied()
            .filter(|mac| at_site(mac) && assign.contains(mac) && !progress.unassigned.contains(mac))
            .collect();
        if unassign.is_empty() && ours.is_empty() && steps.assign.iter().all(at_site) {
            return Self::AtSite;
        }
        Self::ToDo(Steps { assign, unassign, ..steps.clone() })
    }
}

/// Whether a device without a site may be one that this run assigned, and that somebody took away since.
///
/// An assignment changes Mist's record of the device, and so does taking it back: as long as the time of the record's last
/// change is the one that was read right before the assignment was sent, neither was done. Another time, or none, says
/// nothing: it is not documented what else changes the record.
fn may_have_been_done(mac: Mac, progress: &RouterProgress, inventory: &Inventory) -> bool {
    let (Some(before), Some(device)) = (progress.ever_assigning.get(&mac), inventory.device(mac)) else {
        return false;
    };
    let untouched = device.modified.is_some() && device.modified == *before;
    device.site.is_none() && !untouched
}

/// What is said of such a device.
fn doubt(mac: Mac, router: &RouterName, steps: &Steps) -> String {
    format!(
        "this run sent an assignment of {mac} to site {}, its answer was lost, and it is without a site now: whether it was done, \
         and somebody took it back since, cannot be told, as Mist's record of the device was changed in between, or does not say when it was. It is not \
         assigned again by itself. Find out who works there; then `resume --assign-again {router}` assigns it once more, and \
         `resume --release {router}` leaves it alone and frees its site",
        steps.site
    )
}

/// What is said of a device that this run assigned, and that is not at its site any more.
fn taken_away(mac: Mac, assigned: &Assigning, undone: bool, inventory: &Inventory) -> String {
    let who = if undone { "its rollback" } else { "somebody" };
    let now = match inventory.device(mac).map(|device| device.site) {
        Some(Some(site)) => format!("at site {site}"),
        Some(None) => "without a site".to_owned(),
        None => "not in the inventory".to_owned(),
    };
    format!(
        "this run assigned {mac} to site {} at {}, and it is {now} now: {who} took it away, so it is not assigned again. Find \
         out who did and why; `resume --release` of this router frees its site for others, and to onboard it once more, plan again",
        assigned.site, assigned.at
    )
}
