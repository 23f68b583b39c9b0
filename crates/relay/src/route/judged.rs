//! What the routes say of an alert, for people.

/// What the routes say of an alert, and which sinks get it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// Every configured route in its order.
    pub routes: Vec<JudgedRoute>,
    /// Names of the sinks that get it, in the order of the configuration.
    pub sinks: Vec<String>,
    /// The sinks that do not get it although the routes would give it to them.
    pub left_out: Vec<LeftOut>,
    /// Why these sinks, in one line.
    pub because: String,
}

/// What one route says of an alert.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JudgedRoute {
    /// Its place among the `[[route]]`s of the configuration, from 0.
    pub index: usize,
    /// Its name; without one `route 1`.
    pub name: String,
    /// What it says.
    pub outcome: Outcome,
}

/// What a route says of an alert.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It matches.
    Matched,
    /// It does not match.
    Unmatched {
        /// What it asks for, and what is there instead.
        because: String,
    },
    /// Its expression has no value for this alert, which counts as no match.
    Failed {
        /// Why.
        because: String,
    },
    /// A route above it matched, and ended there.
    NotAsked,
}

/// A sink that does not get an alert although the routes would give it to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    /// Name of the sink.
    pub sink: String,
    /// Why.
    pub because: String,
}
