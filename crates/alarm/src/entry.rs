//! What stands in the inbox.

use ids::Timestamp;

use crate::directory::Lesson;
use crate::{Alert, Origin, Own};

/// One entry of the inbox, read back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Entry<'a> {
    /// A message that was proven to be Mist's.
    Admitted {
        /// The organisation whose secret signed it.
        org: &'a str,
        /// When it arrived.
        received: Timestamp,
        /// The exact bytes that were signed.
        body: &'a [u8],
    },
    /// A message the relay made of what it fetched from Mist.
    Fetched {
        /// The organisation it was fetched for.
        org: &'a str,
        /// When it was fetched.
        received: Timestamp,
        /// Why, and what it is.
        fetched: Fetched,
        /// A body of the same shape as a posted one.
        body: &'a [u8],
    },
    /// Names and definitions that the relay was told by the API.
    Learned {
        /// The organisation they are of.
        org: &'a str,
        /// When.
        at: Timestamp,
        /// What it was told.
        lesson: Box<Lesson>,
    },
    /// The relay speaks of itself.
    Own {
        /// When.
        at: Timestamp,
        /// What it says.
        own: Own,
    },
    /// An operator had an alert sent once more.
    Replayed {
        /// The alert, for the sink it names.
        alert: Box<Alert>,
    },
    /// Time has passed.
    Tick {
        /// Until when.
        at: Timestamp,
    },
}

/// Why a message was fetched, and what it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fetched {
    /// The body of a delivery that Mist logged as failed: as it was, or would have been, posted.
    Delivery,
    /// Rows of a search for what happened while the relay was away: they need not equal what was posted.
    Rows,
    /// What Mist says now of problems that are open.
    Reconcile,
}

impl Fetched {
    /// How an alert of it says where it comes from.
    #[must_use]
    pub const fn origin(self) -> Origin {
        match self {
            Self::Delivery | Self::Rows => Origin::Backfill,
            Self::Reconcile => Origin::Reconcile,
        }
    }

    /// Its word in the journal, which never changes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delivery => "backfill",
            Self::Rows => "backfill-rows",
            Self::Reconcile => "reconcile",
        }
    }

    /// What a word in the journal means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Delivery, Self::Rows, Self::Reconcile].into_iter().find(|fetched| fetched.word() == word)
    }
}
