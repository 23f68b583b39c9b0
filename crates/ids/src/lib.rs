//! Names Juniper Mist gives things.
//!
//! Every type here parses what Mist really sends, in any spelling seen, and prints one spelling. None of
//! them does I/O.

mod cloud;
mod mac;
mod timestamp;
mod uuids;

pub use cloud::{Cloud, ParseCloudError};
pub use mac::{Mac, ParseMacError};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use uuids::{DeviceId, OrgId, ParseIdError, SiteId};
