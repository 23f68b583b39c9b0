//! The candidate, which is everybody's: whose it is, and making it the running configuration again.

use super::{Stores, Waving};
use crate::config::{Changes, Configuration, Difference, Paths, missing, paths_changed};
use crate::run::wave::WaveStop;
use crate::run::{Happened, LookError, WaveEntry};

impl Waving<'_> {
    /// A candidate that holds nothing, or a part of `changes`, and nothing else.
    pub(super) async fn own_candidate(
        &mut self,
        stores: Stores,
        changes: &Changes,
    ) -> Result<Stores, WaveStop> {
        match Difference::of(&stores.running, &stores.candidate, &self.recorded()) {
            Difference::Clean => {
                let dirty = self.world.conductor.candidate().is_dirty().await;
                match dirty.map_err(LookError::conductor("whether the candidate has changes"))? {
                    true => Err(WaveStop::Hidden),
                    false => Ok(stores),
                }
            }
            Difference::Foreign { paths } => Err(self.foreign(&stores, paths)),
            Difference::Ours | Difference::Subset { .. } => {
                let changed = paths_changed(&stores.running, &stores.candidate);
                if changed.iter().all(|path| changes.value(path).is_some()) {
                    let missing = missing(&stores.candidate, changes).len();
                    self.watch.happened(&Happened::WaveContinued { wave: self.number, missing });
                    return Ok(stores);
                }
                // of routers that are not part of it any more, or of another wave
                self.revert().await?;
                self.read().await
            }
        }
    }

    /// What somebody else has in the candidate, at `paths`.
    pub(super) fn foreign(&self, stores: &Stores, paths: Paths) -> WaveStop {
        let recorded = self.recorded();
        let changed = paths_changed(&stores.running, &stores.candidate);
        let ours = changed.iter().any(|path| recorded.value(path).is_some());
        WaveStop::Foreign { paths, ours }
    }

    /// Whether the candidate holds `changes` and nothing else; or they run already, by somebody else's commit.
    pub(super) async fn compare(&mut self, changes: &Changes) -> Result<Compared, WaveStop> {
        let stores = self.read().await?;
        match Difference::of(&stores.running, &stores.candidate, changes) {
            Difference::Ours => Ok(Compared::Ours(stores)),
            Difference::Foreign { paths } => Err(self.foreign(&stores, paths)),
            Difference::Clean if missing(&stores.running, changes).is_empty() => {
                Ok(Compared::Committed(stores.running))
            }
            Difference::Clean => Err(WaveStop::NotInCandidate { paths: missing(&stores.candidate, changes) }),
            Difference::Subset { missing } => Err(WaveStop::NotInCandidate { paths: missing }),
        }
    }

    /// Makes the candidate the running configuration again, when all that is in it is ours.
    pub(super) async fn revert(&mut self) -> Result<(), WaveStop> {
        let stores = self.read().await?;
        match Difference::of(&stores.running, &stores.candidate, &self.recorded()) {
            Difference::Clean => {}
            Difference::Foreign { paths } => return Err(self.foreign(&stores, paths)),
            Difference::Ours | Difference::Subset { .. } => {
                self.record.wave(self.number, WaveEntry::Reverting)?;
                let candidate = self.world.conductor.candidate();
                match candidate.revert_to_running().await {
                    Err(source) if !source.outcome_unknown() => {
                        return Err(WaveStop::Conductor { what: "drop a change", source });
                    }
                    _ => {}
                }
                let stores = self.read().await?;
                let left = paths_changed(&stores.running, &stores.candidate);
                if !left.is_empty() {
                    return Err(self.foreign(&stores, left));
                }
            }
        }
        self.record.wave(self.number, WaveEntry::Reverted)?;
        self.watch.happened(&Happened::Reverted { wave: self.number });
        Ok(())
    }
}

/// What the comparison before a commit shows.
pub(super) enum Compared {
    /// The candidate holds all of it, and nothing else.
    Ours(Stores),
    /// It runs.
    Committed(Configuration),
}
