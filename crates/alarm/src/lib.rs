//! What a Juniper Mist event means.
//!
//! Data flows one way: an [`Entry`] of the inbox goes through [`Interpreter::step`] and comes out as [`Alert`]s, the only
//! thing sinks see. Nothing here does I/O, reads a clock or draws a random number: the same entries give the
//! same alerts, always, on whichever relay reads them.

pub mod catalogue;
pub mod directory;

mod entry;
mod fields;
mod interpret;
mod json;
mod reading;
mod rules;
mod sorted;
mod text;
mod value;

mod alert;
mod audience;
mod hash;
mod own;
mod severity;

pub use alert::{Alert, Origin, RaisedAs, Stamp, State, Text};
pub use audience::Audience;
pub use catalogue::Catalogue;
pub use entry::{Entry, Fetched};
pub use hash::{AlarmKey, AlertId};
pub use interpret::{
    Effects, Interpreter, Known, Occasion, OpenProblem, PerOccasion, PerTeller, Read, Remarks, StateKey,
    StateValue, Teller, Unnamed, open_problem, problem_rows, says_seen,
};
pub use own::{Own, OwnKind};
pub use rules::{About, DampingRule, Rules, SeverityRule, Window};
pub use severity::{PerceivedSeverity, Severity, SyslogSeverity};
