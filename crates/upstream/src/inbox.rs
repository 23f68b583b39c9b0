//! The relay, as far as it is needed here.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::future::Future;

use alarm::directory::Lesson;
use alarm::{Fetched, OpenProblem};
use ids::{Mac, Timestamp};

/// A relay's inbox, and what it remembers of one organisation.
pub trait Inbox: Send + Sync + 'static {
    /// Stores names and definitions; they are on disk when it returns.
    fn learned(&self, lesson: &Lesson) -> impl Future<Output = Result<(), NotStored>> + Send;

    /// Stores a message made of what was fetched; it is on disk when it returns.
    fn fetched(&self, fetched: Fetched, body: Vec<u8>) -> impl Future<Output = Result<(), NotStored>> + Send;

    /// The problems that are open now.
    fn open(&self) -> impl Future<Output = Result<Vec<OpenProblem>, NotStored>> + Send;

    /// The devices that the directory names.
    fn devices(&self) -> impl Future<Output = Result<HashSet<Mac>, NotStored>> + Send;

    /// When all of the directory was last read; `None` when it never was.
    fn read_at(&self) -> impl Future<Output = Result<Option<Timestamp>, NotStored>> + Send;

    /// Until when what had not arrived was fetched; `None` when it never was.
    fn filled(&self) -> impl Future<Output = Result<Option<Timestamp>, NotStored>> + Send;
}

/// Why the relay could not take or tell something.
#[derive(Debug)]
pub struct NotStored(pub Box<dyn Error + Send + Sync>);

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the relay's journal")
    }
}

impl Error for NotStored {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
