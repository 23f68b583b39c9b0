//! What a relay knows from the Mist API: the names of things, whether problems are still there, and what it missed.
//!
//! Everything that is found goes into the relay's inbox, by the [`Inbox`] that the relay gives: nothing here is on the
//! path of a webhook, and a Mist API that is down, slow or wrong delays none. What goes wrong is said once, and tried
//! again later.
//!
//! - the **directory**: sites and devices, read whole at first and then a day later, in between only what changed;
//! - **lookups**: a device or site that was met and has no name;
//! - **reconcile**: whether problems that are open still are;
//! - **ping**: has Mist send one, to learn whether it reaches the relay;
//! - **backfill**: deliveries that Mist logged as failed, and what happened while the relay was away.

mod backfill;
mod directory;
mod inbox;
mod lookup;
mod patience;
mod ping;
mod reconcile;
mod upstream;

pub use inbox::{Inbox, NotStored};
pub use ping::{NotPinged, ping};
pub use upstream::{Organisation, Pace, Upstream};
