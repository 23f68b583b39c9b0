//! Which sinks an alert may go to, before any route is asked.

use serde::{Deserialize, Serialize};

/// Which sinks an alert is for; routes then choose among these.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Audience {
    /// All of them.
    #[default]
    All,
    /// Those that a maintenance window does not mute.
    Exempt {
        /// The window's name.
        window: String,
    },
    /// Those that a maintenance window had muted: what is still there when it ends.
    Muted {
        /// The window's name.
        window: String,
    },
    /// Those that want to be told again, every so many seconds, of what is still there.
    Repeat {
        /// The seconds.
        every_secs: u64,
    },
    /// The one of this name, as a replay or a test asked for.
    Only {
        /// The sink's name.
        sink: String,
    },
}

impl Audience {
    /// Whether it is for all sinks.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }
}
