//! What somebody else does on the conductor while the one that is tested works there.

use serde_json::Value;

use super::world::World;
use super::{FakeConductor, tree};

/// What another administrator does. Paths are as in `/authority/router/r1/node/node0`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Foreign {
    /// Sets fields of the object at a path of the candidate; what is on the way is made.
    Edit(String, Value),
    /// Deletes what is at a path of the candidate.
    Delete(String),
    /// Makes the candidate the running configuration again.
    Revert,
    /// Commits; nothing happens when validation refuses.
    Commit,
    /// Sets fields in the running configuration and in the candidate.
    EditRunning(String, Value),
    /// Makes a router with these nodes and their asset ids, in both.
    AddRouter(String, Vec<(String, String)>),
    /// An asset comes to this state, as in `running`.
    AssetStatus(String, String),
    /// Ends every session.
    EndSessions,
    /// The conductor's clock is set so many seconds ahead of the machine's, or behind it.
    Clock(i64),
}

/// What is done right before a call or a command.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) part: String,
    pub(super) calls_left: u64,
    pub(super) what: Foreign,
}

impl FakeConductor {
    /// Another administrator does this now.
    pub fn foreign(&self, what: Foreign) {
        self.shared.world().foreign(what);
    }

    /// Another administrator does this, once, right before the `nth` call or command from now on that has `part` in
    /// method and path (as in `POST /api/v1/config/commit`) or in the command. The next one is the first.
    pub fn foreign_before(&self, part: &str, nth: u64, what: Foreign) {
        let waiting = Waiting { part: part.to_owned(), calls_left: nth.max(1), what };
        self.shared.world().waiting.push(waiting);
    }

    /// Another administrator changes the candidate: the fields of an object at `path`, what is on the way made.
    pub fn edit_candidate(&self, path: &str, fields: Value) {
        tree::merge(&mut self.shared.world().candidate, &tree::segments(path), fields);
    }

    /// Another administrator changes running and candidate configuration.
    pub fn edit_running(&self, path: &str, fields: Value) {
        let mut world = self.shared.world();
        tree::merge(&mut world.running, &tree::segments(path), fields.clone());
        tree::merge(&mut world.candidate, &tree::segments(path), fields);
    }

    /// Another administrator commits; what validation finds, if it refuses.
    ///
    /// # Errors
    ///
    /// The problems, one text each.
    pub fn commit_by_another(&self) -> Result<(), Vec<String>> {
        self.shared
            .world()
            .commit(ANOTHER)
            .map_err(|found| found.into_iter().map(|found| found.message).collect())
    }

    /// [`foreign_before`](Self::foreign_before) the next call, with [`Foreign::Edit`].
    pub fn edit_before(&self, part: &str, path: &str, fields: Value) {
        self.foreign_before(part, 1, Foreign::Edit(path.to_owned(), fields));
    }
}

impl World {
    /// Another administrator does this now.
    pub(super) fn foreign(&mut self, what: Foreign) {
        match what {
            Foreign::Edit(path, fields) => tree::merge(&mut self.candidate, &tree::segments(&path), fields),
            Foreign::Delete(path) => drop(tree::remove(&mut self.candidate, &tree::segments(&path))),
            Foreign::Revert => self.candidate = self.running.clone(),
            Foreign::Commit => drop(self.commit(ANOTHER)),
            Foreign::EditRunning(path, fields) => {
                for tree in [&mut self.running, &mut self.candidate] {
                    tree::merge(tree, &tree::segments(&path), fields.clone());
                }
            }
            Foreign::AddRouter(name, nodes) => {
                let nodes: Vec<(&str, &str)> =
                    nodes.iter().map(|(node, asset)| (node.as_str(), asset.as_str())).collect();
                self.add_router(&name, &nodes);
            }
            Foreign::AssetStatus(asset, status) => self.set_asset_status(&asset, &status),
            Foreign::EndSessions => self.sessions.clear(),
            Foreign::Clock(ahead_secs) => self.ahead_secs = ahead_secs,
        }
    }

    /// Others do what waits for this call (method, path and query) or command.
    pub(super) fn before(&mut self, call: &str) {
        let mut due = Vec::new();
        self.waiting.retain_mut(|waiting| {
            if !call.contains(&waiting.part) {
                return true;
            }
            waiting.calls_left = waiting.calls_left.saturating_sub(1);
            if waiting.calls_left == 0 {
                due.push(waiting.what.clone());
            }
            waiting.calls_left > 0
        });
        due.into_iter().for_each(|what| self.foreign(what));
    }
}

/// Who commits when it is not the one that is tested.
pub(super) const ANOTHER: &str = "another";
