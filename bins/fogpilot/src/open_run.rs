//! A run that is there, with everything that goes on with it: its profile, the lock, its record.

use std::io::{self, Write as _};

use sco::run::{Opened, Record, RunId};

use crate::exit::Failure;
use crate::lock::Lock;
use crate::profile::{Session, Which};
use crate::runs::Run;

/// A run, opened for more.
#[derive(Debug)]
pub(crate) struct OpenRun {
    pub(crate) run: Run,
    pub(crate) session: Session,
    pub(crate) record: Record,
    _lock: Lock,
}

impl OpenRun {
    /// Opens the run of this name, without a name the last one, for `command`.
    pub(crate) fn open(which: &Which, id: Option<&RunId>, command: &str) -> Result<Self, Failure> {
        let run = Run::find(&which.home, id)?;
        let session = which.named(&run.about.profile)?.open_for_run()?;
        session.is_for(&run.plan)?;
        let lock = Lock::take(&which.home, command)?;
        let Opened { record, cut } = Record::open(&run.folder)?;
        record.with_progress(|progress| run.check(progress))?;
        if let Some(cut) = cut {
            writeln!(io::stderr(), "fogpilot: {cut}")?;
        }
        Ok(Self { run, session, record, _lock: lock })
    }
}
