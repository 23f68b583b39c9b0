//! The changes on the conductor for a wave of routers: one candidate, one validation, one commit.
//!
//! ```text
//! read both ─ fit? ─ whose candidate? ─ intent recorded ─ write ─ validate ─ compare ─ recorded ─ commit ─ read
//!    └──────────────── a router is taken out: revert, and again with the rest ────────────┘
//! ```
//!
//! A conductor has one candidate configuration for everybody, without a lock. What stands there and was not recorded by
//! this run is somebody else's: nothing is changed, committed or reverted then. A commit is sent once, whatever is
//! answered, and reading decides; nothing is ever forced. [`change_conductor`] may be dropped at any point, and called
//! again for the same wave: it looks first, and does what is left.

mod fit;
mod stop;
mod waving;
mod write;

use std::collections::{BTreeMap, BTreeSet};

pub use stop::WaveStop;
pub use write::commands;

use super::{CommittedBy, Record, Watch, World};
use crate::RouterName;
use crate::config::{ConfigPath, Configuration};
use crate::plan::Plan;

/// Who takes a step on the conductor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum By {
    /// The REST interface.
    #[default]
    Rest,
    /// The command line; without one in the [`World`] a person.
    CommandLine,
    /// A person: the commands are told, and the wave goes on when it is called again.
    Person,
}

/// Who takes which step of a wave.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ways {
    /// Writing into the candidate. What REST does not write for want of a container is written by the command line, and
    /// told to a person where there is none.
    pub write: By,
    /// Validating. There is nothing to do for a person here: a commit validates too.
    pub validate: By,
    /// Committing.
    pub commit: By,
}

/// What is asked for beside the plan.
#[derive(Clone, Debug, Default)]
pub struct WaveOptions {
    /// Who takes which step.
    pub ways: Ways,
    /// `--accept-legacy-cutoff`: how many routers the first mode may concern.
    pub accept_legacy_cutoff: Option<usize>,
    /// Nodes of the conductor on which 4505 or 4506 is open.
    pub legacy_open: Vec<Box<str>>,
    /// Routers that are not changed, as they have drifted or have failed.
    pub leave_out: BTreeSet<RouterName>,
}

/// A wave whose changes run.
#[derive(Clone, Debug)]
pub struct WaveDone {
    /// The routers whose changes run.
    pub routers: Vec<RouterName>,
    /// Routers that were taken out of it, now or before, and why.
    pub taken_out: BTreeMap<RouterName, Box<str>>,
    /// Whose commit it was.
    pub by: CommittedBy,
    /// What somebody else changed, that was committed together with it.
    pub foreign: Vec<ConfigPath>,
    /// The running configuration, read afterwards.
    pub running: Configuration,
}

/// Makes the changes of the wave `number` of `plan`, counted from 0, run.
///
/// `record` is that of a run of this plan. A router that is not as the plan found it, or that validation names, is taken
/// out, and the others go on; the record says why. A wave that is committed already is only read.
///
/// # Errors
///
/// [`WaveStop`]: nothing more was committed, and the candidate is as it was before unless that says otherwise. A wave
/// that [`waits for a person`](WaveStop::ForPerson) goes on when it is called again.
pub async fn change_conductor(
    world: &World,
    record: &Record,
    plan: &Plan,
    number: usize,
    options: &WaveOptions,
    watch: &dyn Watch,
) -> Result<WaveDone, WaveStop> {
    waving::Waving::new(world, record, plan, number, options, watch)?.run().await
}
