//! What a Juniper Mist event means.
//!
//! Data flows one way: an [`Entry`] of the inbox goes through [`step`] and comes out as [`Alert`]s, the only
//! thing sinks see. Nothing here does I/O, reads a clock or draws a random number: the same entries give the
//! same alerts, always, on whichever relay reads them.

mod entry;
mod fields;
mod interpret;

mod alert;
mod audience;
mod own;
mod severity;

pub use alert::{AlarmKey, Alert, AlertId, Origin, RaisedAs, Stamp, State};
pub use audience::Audience;
pub use entry::Entry;
pub use interpret::{Effects, Known, keys_needed, step};
pub use own::{Own, OwnKind};
pub use severity::{PerceivedSeverity, Severity, SyslogSeverity};
