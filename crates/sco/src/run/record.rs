//! The record of a run: what was intended, on disk before it was done, and what came of it.
//!
//! A file of JSON lines, each appended and synced before [`Record::add`] returns. Every line begins with a sum over
//! itself and the sum before it, so that a line that was changed, lost or put elsewhere is found. The end of the last
//! line may be missing after a crash: it was not promised to anybody, and is cut off when the record is opened again.

mod entry;
mod id;
mod line;
mod replay;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ids::Timestamp;
use thiserror::Error;

pub use entry::{
    Assigning, CommittedBy, Entry, Failure, FirstMode, Header, IntendedValue, Note, RouterEntry,
    SettingsNote, SettingsThen, TokenNote, TokenSource, TokenThen, Undo, ValueHash, WaveEntry,
};
pub use id::{RunId, RunIdError};
pub use replay::{Progress, RouterProgress, WaveProgress};

use line::{Lines, Sum};

/// The record of one run, open for more.
///
/// One program has it at a time, which a lock on the state directory is for. It may be shared by tasks; a call writes
/// and syncs, which takes as long as the disk does.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    sum: Sum,
    progress: Progress,
    /// Whether a write failed: what is on disk then is not known, and nothing more is promised.
    broken: bool,
}

/// A record that was opened again.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub record: Record,
    /// The end of a line that was cut off.
    pub cut: Option<Cut>,
}

/// The end of a record that was torn by a crash, and cut off. What it would have said was not done.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "line {line} of the record was not whole, as after a crash; its {bytes} bytes were cut off, and what they announced was not done"
)]
pub struct Cut {
    /// Which line, the first one 1.
    pub line: usize,
    /// How much of it there was.
    pub bytes: usize,
}

/// What is wrong with a record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file system refused.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An earlier write failed.
    #[error("`{}` could not be written before, so nothing more is done; free or mend the disk, then `resume`", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// There is no whole first line.
    #[error("`{}` has no first line, so its run did nothing; remove it and begin again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is of another version.
    #[error("`{}` is of format {found}, and this program reads {}; go on with the program that began it", path.display(), line::VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// Which.
        found: u32,
    },
    /// A line is not what was written.
    #[error(
        "line {line} of `{}` is damaged ({why}); restore the file from a copy, or look at Mist and the conductor and begin a new run",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which line, the first one 1.
        line: usize,
        /// In which way.
        why: Box<str>,
    },
    /// It is larger than is read.
    #[error("`{}` is larger than {} bytes", path.display(), MAX_BYTES)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl Record {
    /// The name of the file in the folder of its run.
    pub const FILE: &'static str = "record.jsonl";

    /// Begins the record of a run in `folder`, which is there and has none. File and folder are on disk when it
    /// returns; only the owner reads the file.
    ///
    /// # Errors
    ///
    /// [`RecordError::Io`], also when there is one already.
    pub fn create(folder: &Path, header: Header) -> Result<Self, RecordError> {
        let path = folder.join(Self::FILE);
        let failed = |what| io_error(what, &path);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed("create"))?;
        let at = Timestamp::now();
        let (text, sum) = line::first(at, &header);
        file.write_all(text.as_bytes()).map_err(failed("write"))?;
        file.sync_all().map_err(failed("sync"))?;
        // its entry in the folder, and that of the folder
        sync_folder(folder)?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        let state = State { file, sum, progress: Progress::new(header, at), broken: false };
        Ok(Self { path, state: Mutex::new(state) })
    }

    /// Opens the record in `folder` to go on with it; the torn end of its last line is cut off.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; a damaged line before the last is named, and nothing is changed then.
    pub fn open(folder: &Path) -> Result<Opened, RecordError> {
        let path = folder.join(Self::FILE);
        let failed = |what| io_error(what, &path);
        let mut file = OpenOptions::new().read(true).append(true).open(&path).map_err(failed("open"))?;
        let lines = Lines::read(&path, &bounded(&mut file, &path)?)?;
        if lines.cut.is_some() {
            file.set_len(lines.whole).map_err(failed("cut"))?;
            file.sync_all().map_err(failed("sync"))?;
        }
        let state = State { file, sum: lines.sum, progress: lines.progress, broken: false };
        Ok(Opened { record: Self { path, state: Mutex::new(state) }, cut: lines.cut })
    }

    /// Reads the record in `folder` without changing anything, as for a report.
    ///
    /// # Errors
    ///
    /// [`RecordError`], as [`open`](Self::open).
    pub fn read(folder: &Path) -> Result<Progress, RecordError> {
        let path = folder.join(Self::FILE);
        let mut file = File::open(&path).map_err(io_error("open", &path))?;
        Ok(Lines::read(&path, &bounded(&mut file, &path)?)?.progress)
    }

    /// Every entry of the record in `folder` with its time, in their order; nothing is changed.
    ///
    /// # Errors
    ///
    /// [`RecordError`], as [`open`](Self::open).
    pub fn entries(folder: &Path) -> Result<Vec<(Timestamp, Entry)>, RecordError> {
        let path = folder.join(Self::FILE);
        let mut file = File::open(&path).map_err(io_error("open", &path))?;
        Ok(Lines::read(&path, &bounded(&mut file, &path)?)?.entries)
    }

    /// Appends an entry. It is on disk when this returns, and only then may be done what it announces.
    ///
    /// # Errors
    ///
    /// [`RecordError::Io`], and [`RecordError::Broken`] ever after: a write that failed is not repeated.
    pub fn add(&self, entry: Entry) -> Result<(), RecordError> {
        let mut state = self.state();
        if state.broken {
            return Err(RecordError::Broken { path: self.path.clone() });
        }
        let at = Timestamp::now();
        let (text, sum) = line::next(state.sum, at, &entry);
        state.broken = true;
        state.file.write_all(text.as_bytes()).map_err(io_error("write", &self.path))?;
        state.file.sync_data().map_err(io_error("sync", &self.path))?;
        state.broken = false;
        state.sum = sum;
        state.progress.take(at, &entry);
        Ok(())
    }

    /// Appends an entry of a wave.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn wave(&self, wave: usize, what: WaveEntry) -> Result<(), RecordError> {
        self.add(Entry::Wave { wave, what })
    }

    /// Appends an entry of a router.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn router(&self, router: &crate::RouterName, what: RouterEntry) -> Result<(), RecordError> {
        self.add(Entry::Router { router: router.clone(), what })
    }

    /// What it says so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.state().progress.clone()
    }

    /// Looks at what it says so far.
    pub fn with_progress<T>(&self, look: impl FnOnce(&Progress) -> T) -> T {
        look(&self.state().progress)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded(file: &mut File, path: &Path) -> Result<Vec<u8>, RecordError> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io_error("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(RecordError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn sync_folder(folder: &Path) -> Result<(), RecordError> {
    let opened = File::open(folder).map_err(io_error("open", folder))?;
    opened.sync_all().map_err(io_error("sync", folder))
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    move |source| RecordError::Io { what, path: path.to_owned(), source }
}

const MAX_BYTES: u64 = 256 << 20;

#[cfg(test)]
mod tests;
