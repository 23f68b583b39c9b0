//! What a Juniper Mist event means.
//!
//! Data flows one way: an [`Entry`] of the inbox goes through `step` and comes out as
//! [`Alert`]s, the only thing sinks see. Nothing here does I/O, reads a clock or draws a random number: the
//! same entries give the same alerts, always.

mod alert;
mod severity;

pub use alert::{AlarmKey, Alert, AlertId, Origin, Stamp, State};
pub use severity::{PerceivedSeverity, Severity, SyslogSeverity};
