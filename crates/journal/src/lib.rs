//! What was promised, on disk: two logs, named cursors and a keyed table of opaque state in one SQLite
//! file.
//!
//! [`Journal::append`] and [`Journal::commit`] return only after the transaction that holds the data was
//! committed and synced. One thread writes; whatever waits at the same time shares one transaction and one
//! sync. The journal knows nothing of alarms: bodies and state are bytes to it.
//!
//! What a log keeps:
//! - rows that some cursor has not passed are kept, unless that cursor has a bound and exceeds it: then the
//!   cursor loses its own oldest, which is counted and said ([`Notice::GaveUp`]), and no other cursor does;
//! - rows that every cursor passed are history: kept for [`Options::history`], and given up earlier when
//!   space is needed. A log on which nobody has a cursor is all history, so register before appending;
//! - the newest row of a log always stays.
//!
//! Every row, every cursor and every block of state values carries a CRC-32, written in the same commit. A row that
//! does not match is reported ([`Entry::Damaged`]) and never hides the rows around it; when the file itself is
//! damaged, the journal stops, and the next [`Journal::open`] saves everything that proves itself ([`Salvaged`]).

mod cells;
mod check;
mod checkpoint;
mod clock;
mod copy;
mod damaged;
mod error;
mod export;
mod files;
mod journal;
mod ledger;
mod notice;
mod pages;
mod reader;
mod record;
mod retain;
mod salvage;
mod schema;
mod state;
mod status;
mod verify;
mod work;
mod writer;

pub use copy::{Hold, copy};
pub use error::{AppendError, CursorError, Halted, InspectError, OpenError, ReadError};
pub use export::Export;
pub use journal::{Journal, Options};
pub use ledger::LOST_CURSORS;
pub use notice::{FullReason, Notice, Notices};
pub use reader::{Reader, StateRow};
pub use record::{
    Commit, CursorSpec, Entry, Log, MAX_RECORD_BYTES, OutRecord, Position, Priority, ROW_BYTES, Record, Row,
    Start,
};
pub use salvage::Salvaged;
pub use status::{CursorStatus, LogStatus, Place, Status, WriterStatus, inspect};
pub use verify::{Verified, verify};
