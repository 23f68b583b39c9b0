//! What stands in the inbox.

use ids::Timestamp;

use crate::{Origin, Own};

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
        /// Why it was fetched.
        origin: Origin,
        /// A body of the same shape as a posted one.
        body: &'a [u8],
    },
    /// The relay speaks of itself.
    Own {
        /// When.
        at: Timestamp,
        /// What it says.
        own: Own,
    },
    /// Time has passed.
    Tick {
        /// Until when.
        at: Timestamp,
    },
}
