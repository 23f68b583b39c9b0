//! What Mist posts comes out of a real rsyslog and a real snmptrapd, by every way, with the right values.

mod expected;
mod formats;
mod levels;
mod organisations;
mod receivers;
pub(crate) mod samples;
mod texts;
mod users;
