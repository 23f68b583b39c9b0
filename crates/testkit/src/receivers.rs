//! Receivers that record what arrives and misbehave on demand.

pub(crate) mod syslog;
pub(crate) mod trap;
