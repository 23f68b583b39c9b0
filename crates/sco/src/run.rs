//! A run: a plan carried out, written down before and after everything it does outside, and continued after whatever
//! ended it.
//!
//! This is the only part of the crate with sockets, files and a clock. It drives the types of [`step`](crate::step) and
//! never goes round them; what may be done is decided by pure functions elsewhere.
//!
//! - [`World`]: Mist, an organisation and a conductor, and how fast they are asked. [`World::catalogue`] and
//!   [`World::observe`] read everything that a plan needs; the single reads are beside them.
//! - [`Record`]: the append-only file of a run. What is intended is on disk before it is done, and what came of it after;
//!   read again, it makes a [`Progress`]. There is no secret in it: those go to a [`Keep`].
//! - [`wave`]: the changes on the conductor for a wave of routers, as one candidate, one validation, one commit.
//! - [`apply`] carries a plan out, wave after wave, and goes on with one that was interrupted; [`verify`] looks at what it
//!   did. A [`Stopper`] ends it at a point at which nothing is under way.
//! - [`clean_up`] takes the tokens out of the settings of sites again; [`plan_rollback`] and [`roll_back`] take back what a run
//!   wrote, where nothing was built on it.
//! - [`Watch`] is told everything that [`Happened`].
//!
//! What a record says was intended is never taken for what is: a run that goes on looks first. Assignments and commits
//! are never repeated blindly, and where an answer was lost, reading decides.

mod apply;
mod cleanup;
mod keep;
mod look;
mod progress;
mod record;
mod restart;
mod rollback;
mod router;
mod sites;
mod stop;
mod verify;
pub mod wave;
mod world;

pub use apply::{Accepted, Applied, ApplyOptions, ApplyStop, End, Stopped, TokenTrust, apply, check};

pub use cleanup::{CleanupError, CleanupOptions, SiteCleanup, clean_up};
pub use keep::{Keep, KeepError};
pub use look::{LookError, Watched};
pub use progress::{Happened, Watch};
pub use record::{
    Assigning, CommittedBy, Cut, Entry, Failure, FirstMode, Header, IntendedValue, Note, Opened, Progress,
    Record, RecordError, RouterEntry, RouterProgress, RunId, RunIdError, SettingsNote, SettingsThen,
    TokenNote, TokenSource, TokenThen, Undo, ValueHash, WaveEntry, WaveProgress,
};
pub use restart::RestartDue;
pub use rollback::{RollbackError, RollbackPlan, RolledBack, RouterRollback, plan_rollback, roll_back};
pub use sites::holds as holds_site;
pub use stop::{Stop, Stopper};
pub use verify::{Verdict, VerifyError, VerifyOptions, verify};
pub use world::{Catalogue, Pace, Seen, World};
