//! What a process that holds secrets keeps from others.

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};
use tracing::warn;

/// Leaves no core file, lets nobody but root look into the process, and makes files for its user alone.
pub(crate) fn protect() {
    if let Err(error) = keep_memory() {
        warn!(%error, "the memory of this process is not protected: a core file could hold its secrets");
    }
    umask(Mode::RWXG | Mode::RWXO);
}

/// `/proc/PID/mem`, `environ` and the rest are root's from now on, no debugger of the same user attaches, and a crash
/// leaves nothing behind.
fn keep_memory() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
