//! A consistent copy of a journal, and keeping a relay out of one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::status::Opened;
use crate::{InspectError, OpenError, files};

/// Copies the journal at `path` to the new file `to`, as it is at one moment.
///
/// With `running`, the relay that has it goes on meanwhile: the copy is one read of SQLite's online backup, beside
/// which the write-ahead log grows. Without, the lock is held shared. The copy is synced, has mode 0600, and everything in
/// its one file; where the original is damaged, it is, too.
///
/// # Errors
///
/// See [`InspectError`]; what was begun at `to` is left there.
pub fn copy(path: &Path, running: bool, to: &Path) -> Result<(), InspectError> {
    let opened = Opened::new(path, running)?;
    let from = opened.connect()?;
    let file = |source| InspectError::File { path: to.to_owned(), source };
    files::create(to).map_err(file)?;
    copy_all(&from, to).map_err(|source| InspectError::Sqlite { path: to.to_owned(), source })?;
    File::open(to).and_then(|copy| copy.sync_all()).map_err(file)
}

fn copy_all(from: &Connection, to: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut onto = Connection::open_with_flags(to, flags)?;
    // it is synced as a whole at the end
    onto.pragma_update(None, "synchronous", 0)?;
    let backup = Backup::new(from, &mut onto)?;
    let began = Instant::now();
    // all pages in one step: a writer in between would begin it anew
    while backup.step(ALL_PAGES)? != StepResult::Done {
        if began.elapsed() > PATIENCE {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                None,
            ));
        }
        thread::sleep(PAUSE);
    }
    drop(backup);
    onto.close().map_err(|(_, error)| error)
}

/// A journal that nobody opens as long as this is there.
#[derive(Debug)]
pub struct Hold {
    path: PathBuf,
    lock: File,
}

impl Hold {
    /// Keeps everybody out of the journal at `path`, which need not exist; its directory must.
    ///
    /// # Errors
    ///
    /// [`OpenError::Held`] when somebody has it, and [`OpenError`] when its lock cannot be made.
    pub fn new(path: &Path) -> Result<Self, OpenError> {
        let path =
            files::resolve(path).map_err(|source| OpenError::Directory { path: path.to_owned(), source })?;
        let lock = files::lock(&path, Duration::ZERO)?;
        Ok(Self { path, lock })
    }

    /// The lock beside it, which whoever is to open the journal must own.
    #[must_use]
    pub const fn lock(&self) -> &File {
        &self.lock
    }

    /// The files of the journal, whether they are there or not: the database, and what SQLite keeps beside it. A log of
    /// another database would be read into a new one.
    #[must_use]
    pub fn files(&self) -> [PathBuf; 3] {
        ["", "-wal", "-shm"].map(|suffix| files::beside(&self.path, suffix))
    }
}

const ALL_PAGES: i32 = -1;

/// How long somebody else may keep it from being read.
const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(50);
