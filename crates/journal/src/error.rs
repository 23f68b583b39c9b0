//! What can go wrong, by operation.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::{Position, reader};

/// Why a journal could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The bounds contradict each other.
    #[error("the journal's bounds are not usable: {why}")]
    Bounds {
        /// Which, and what is expected.
        why: &'static str,
    },
    /// The directory of the file does not exist or cannot be entered.
    #[error("the directory of journal `{path}` is not usable")]
    Directory {
        /// The journal's path as given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process holds the journal's lock.
    #[error("another fogbell holds journal `{path}` (its lock `{lock}` stayed taken for {waited_secs} s)")]
    Held {
        /// The journal.
        path: PathBuf,
        /// The lock file beside it.
        lock: PathBuf,
        /// How long this one waited.
        waited_secs: u64,
    },
    /// A file of the journal could not be made, locked, protected or synced.
    #[error("cannot prepare `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file exists and is something else.
    #[error("`{path}` is not a fogbell journal")]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote the file.
    #[error(
        "journal `{path}` has format {found}, this version knows up to {known}: use the version that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Format in the file.
        found: i64,
        /// Newest format this version knows.
        known: i64,
    },
    /// The journal is damaged and could not be salvaged.
    #[error("cannot salvage the damaged journal `{path}`; what is left of it is kept beside it")]
    Salvage {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite did not take a setting that durability rests on.
    #[error("journal `{path}` does not take {setting} = {wanted}, it stays {found}")]
    Setting {
        /// The file.
        path: PathBuf,
        /// The PRAGMA.
        setting: &'static str,
        /// What was asked for.
        wanted: String,
        /// What was read back.
        found: String,
    },
    /// SQLite failed.
    #[error("cannot open journal `{path}`")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Why an entry was not appended. It is certain that nobody was promised anything.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AppendError {
    /// There is no room now, or the disk takes no writes now; it heals by itself. Answer 503.
    #[error("the journal has no room")]
    Full,
    /// The record is larger than the journal takes, ever.
    #[error("a record of {bytes} bytes is larger than the {max} the journal takes")]
    TooLarge {
        /// Size of the record with its texts.
        bytes: u64,
        /// [`MAX_RECORD_BYTES`](crate::MAX_RECORD_BYTES).
        max: u64,
    },
    /// A write or sync failed and the writer ended; see [`Journal::halted`](crate::Journal::halted). Whether
    /// this entry is on the disk is unknown. Nothing is retried: the process has to exit.
    #[error("the journal stopped after a failed write")]
    Halted,
    /// The journal was closed before the entry was taken.
    #[error("the journal is closed")]
    Closed,
}

/// Why a cursor was not moved, made or dropped, or a [`Commit`](crate::Commit) not written.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CursorError {
    /// Nothing could be written; the cause is as for an append.
    #[error(transparent)]
    NotWritten(#[from] AppendError),
    /// No cursor has this name.
    #[error("there is no cursor `{cursor}`")]
    Unknown {
        /// The name.
        cursor: String,
    },
    /// The position is after everything in the log.
    #[error("cursor `{cursor}` cannot move beyond {tail}, the newest position")]
    Beyond {
        /// The name.
        cursor: String,
        /// The newest position of its log.
        tail: Position,
    },
    /// A commit for a position that an earlier commit already passed.
    #[error("cursor `{cursor}` is already at {at}")]
    Passed {
        /// The name.
        cursor: String,
        /// Where it is.
        at: Position,
    },
    /// The name is known as a cursor of the other log.
    #[error("cursor `{cursor}` belongs to the other log")]
    OtherLog {
        /// The name.
        cursor: String,
    },
    /// A commit for state under keys that are the journal's own.
    #[error("keys of the state that begin with 0xff are the journal's own")]
    OwnKey,
    /// The journal keeps as many cursors as it may.
    #[error("the journal keeps {max} cursors already")]
    TooMany {
        /// The bound.
        max: usize,
    },
}

/// Why a reader could not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be opened for reading.
    #[error("cannot open journal `{path}` for reading")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// SQLite failed.
    #[error("cannot read the journal")]
    Sqlite(#[from] rusqlite::Error),
    /// A state value does not match its checksum.
    #[error("the state under a key of {key_bytes} bytes is damaged")]
    DamagedState {
        /// Length of its key.
        key_bytes: usize,
    },
}

/// Why a stopped relay's journal could not be looked at.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InspectError {
    /// A relay holds it; ask that one.
    #[error("a running fogbell holds journal `{path}`")]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or judged.
    #[error("cannot look at `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{path}` is not a fogbell journal")]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote the file.
    #[error("journal `{path}` has format {found}, this version knows up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Format in the file.
        found: i64,
        /// Newest format this version knows.
        known: i64,
    },
    /// SQLite failed.
    #[error("cannot read journal `{path}`")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// The writer ended because what it wrote can no longer be trusted to be on the disk.
///
/// A failed sync may have dropped the very pages it was for, so a second one that succeeds proves nothing
/// (PostgreSQL, "fsync errors", 2018): the process exits and recovery decides at the next start.
#[derive(Clone, Debug, Error)]
#[error("the journal stopped: {doing} failed")]
pub struct Halted {
    /// What the writer was doing.
    pub doing: &'static str,
    /// What SQLite or the operating system said.
    pub source: Arc<dyn Error + Send + Sync>,
}

impl Halted {
    /// Whether the file is damaged, so that the next start has to salvage it.
    pub(crate) fn is_damage(&self) -> bool {
        self.source.downcast_ref::<rusqlite::Error>().is_some_and(reader::is_damage)
    }
}

impl OpenError {
    /// Whether what SQLite said is that the file is damaged.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if reader::is_damage(source))
    }
}
