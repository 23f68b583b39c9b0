//! What goes into a running relay besides webhooks: what somebody else asked Mist for.

use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;

use alarm::directory::{self, Lesson};
use alarm::{Fetched, OpenProblem, Unnamed};
use bytes::Bytes;
use ids::{Mac, Timestamp};
use journal::{Journal, Log, Priority};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::inbox::{self, Inbox};
use crate::interpreter::failed;

/// A way into the inbox for whoever asks Mist, and what the relay knows that is worth asking about.
///
/// What is stored has the same promise as a webhook that was answered 200: it is on disk when the call returns.
#[derive(Clone, Debug)]
pub struct Feed {
    journal: Journal,
    inbox: Inbox,
    last_entry: Option<Timestamp>,
    /// Whoever stores something has one of them; closed when the relay stops.
    places: Arc<Semaphore>,
}

/// What the directory does not name, as it is met: each with its organisation, and again as long as it is met.
pub type UnnamedStream = mpsc::Receiver<(String, Unnamed)>;

impl Feed {
    pub(crate) fn new(journal: Journal, inbox: Inbox, last_entry: Option<Timestamp>) -> Self {
        Self { journal, inbox, last_entry, places: Arc::new(Semaphore::new(PLACES as usize)) }
    }

    /// Lets those who store something come to their end, until `deadline`; nothing is stored from then on.
    pub(crate) async fn close(&self, deadline: Instant) {
        let _late = timeout_at(deadline, self.places.acquire_many(PLACES)).await;
        self.places.close();
    }

    /// When the newest entry that was there at the start had come: since then the relay may have been away.
    #[must_use]
    pub const fn last_entry(&self) -> Option<Timestamp> {
        self.last_entry
    }

    /// Stores a message made of what was fetched; a body of the same shape as a posted one.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when it cannot be promised.
    pub async fn fetched(&self, org: &str, fetched: Fetched, body: Bytes) -> Result<(), Error> {
        self.store(inbox::fetched(Timestamp::now(), org, fetched, body)).await
    }

    /// Stores names and definitions.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when it cannot be promised.
    pub async fn learned(&self, org: &str, lesson: &Lesson) -> Result<(), Error> {
        self.store(inbox::learned(Timestamp::now(), org, lesson)).await
    }

    async fn store(&self, record: journal::Record) -> Result<(), Error> {
        let Ok(_place) = self.places.acquire().await else {
            // the relay stops, and with it whoever asks Mist for it
            return pending().await;
        };
        let stored = self.inbox.store(record, Priority::Normal).await;
        stored.map(drop).map_err(failed("storing what was fetched from Mist"))
    }

    /// The problems of `org` that are open now.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when the journal cannot be read.
    pub async fn open(&self, org: &str) -> Result<Vec<OpenProblem>, Error> {
        let org = org.to_owned();
        self.reading(move |journal| {
            let mut open = Vec::new();
            open_problems(journal, |problem| {
                if problem.alert.org == org && !problem.alert.is_own() {
                    open.push(problem);
                }
            })?;
            Ok(open)
        })
        .await
    }

    /// The devices of `org` that the directory names.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when the journal cannot be read.
    pub async fn devices(&self, org: &str) -> Result<HashSet<Mac>, Error> {
        let range = directory::device_rows(org);
        self.reading(move |journal| {
            let mut macs = HashSet::new();
            rows(journal, range, |key, value| {
                macs.extend(directory::device_of_row(key, value).map(|(mac, _)| mac));
            })?;
            Ok(macs)
        })
        .await
    }

    /// When all of the directory of `org` was last read; `None` when it never was.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when the journal cannot be read.
    pub async fn read_at(&self, org: &str) -> Result<Option<Timestamp>, Error> {
        self.time(directory::read_key(org)).await
    }

    /// Until when what had not arrived was fetched for `org`; `None` when it never was.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when the journal cannot be read.
    pub async fn filled(&self, org: &str) -> Result<Option<Timestamp>, Error> {
        self.time(directory::filled_key(org)).await
    }

    async fn time(&self, key: alarm::StateKey) -> Result<Option<Timestamp>, Error> {
        self.reading(move |journal| {
            let mut reader = journal.reader(Log::Inbox).map_err(failed(READING))?;
            let value = reader.state(&key).map_err(failed(READING))?;
            Ok(value.and_then(|value| directory::read_at(&value)))
        })
        .await
    }

    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Journal) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let journal = self.journal.clone();
        let read = tokio::task::spawn_blocking(move || read(&journal)).await;
        read.unwrap_or(Err(Error::Ended { part: "a look at the journal" }))
    }
}

/// Every open problem there is.
pub(crate) fn open_problems(journal: &Journal, mut each: impl FnMut(OpenProblem)) -> Result<(), Error> {
    let mut raises = journal.reader(Log::Inbox).map_err(failed(READING))?;
    rows(journal, alarm::problem_rows(), |key, value| {
        // one that cannot be read is passed over: what is damaged was said to be
        let look_up = |key: &[u8]| raises.state(key).ok().flatten().map(|raise| raise.to_vec());
        if let Some(problem) = alarm::open_problem(key, value, look_up) {
            each(problem);
        }
    })
}

/// Every whole row of the state in `range`, a bounded number at a time.
fn rows(
    journal: &Journal,
    range: std::ops::Range<alarm::StateKey>,
    mut each: impl FnMut(&[u8], &[u8]),
) -> Result<(), Error> {
    let mut reader = journal.reader(Log::Inbox).map_err(failed(READING))?;
    let mut from = range.start;
    loop {
        let rows = reader.states(&from..&range.end, ROWS).map_err(failed(READING))?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        from = [&last[..], &[0]].concat().into();
        for (key, value) in &rows {
            if let Some(value) = value {
                each(key, value);
            }
        }
    }
}

const READING: &str = "reading what is remembered";

/// How many may store something at once.
const PLACES: u32 = 1024;

/// How many rows are read at once.
const ROWS: usize = 1024;
