//! Switches by name, for programs and for tests that go through all of them.

use thiserror::Error;

/// A switch of a fake: its name, and its values, the first of which is the usual one.
pub type Switch = (&'static str, &'static [&'static str]);

/// There is no such switch, or not with such a value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("no switch `{name}` with `{value}`")]
pub struct UnknownSwitch {
    /// The name that was given.
    pub name: String,
    /// The value that was given.
    pub value: String,
}

impl UnknownSwitch {
    pub(crate) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

pub(crate) const NO_YES: &[&str] = &["no", "yes"];
pub(crate) const YES_NO: &[&str] = &["yes", "no"];
