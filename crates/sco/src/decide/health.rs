//! Whether a node is onboarded, by evidence that is newer than its assignment.

use std::fmt;
use std::time::Duration;

use conductor::Version;
use ids::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observe::{AssetStatus, AuthState};

/// How long is waited for what.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// For the authentication, from the assignment on.
    #[serde(with = "crate::seconds")]
    pub auth: Duration,
    /// For everything, from the assignment on.
    #[serde(with = "crate::seconds")]
    pub running: Duration,
    /// How long all must hold without a break.
    #[serde(with = "crate::seconds")]
    pub stable: Duration,
}

impl Deadlines {
    /// How long an onboarding token must be taken for a router: both deadlines and an hour.
    #[must_use]
    pub const fn token_lifetime(&self) -> Duration {
        self.auth.saturating_add(self.running).saturating_add(Duration::from_secs(60 * 60))
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self { auth: minutes(15), running: minutes(30), stable: minutes(5) }
    }
}

/// What was seen of a node at about one time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// When; of all that was read the oldest.
    pub time: Timestamp,
    /// The authentication.
    pub auth: AuthState,
    /// The asset; none when the conductor does not know it.
    pub asset: Option<AssetStatus>,
    /// Whether the conductor has a connection to the router.
    pub conductor: Option<bool>,
    /// Whether Mist has one.
    pub mist: Option<bool>,
}

impl Sample {
    fn parts(&self) -> [(&'static str, bool); 4] {
        [
            (AUTH, self.auth == AuthState::Completed),
            (RUNNING, self.asset.as_ref().is_some_and(AssetStatus::is_running)),
            ("conductor connected", self.conductor == Some(true)),
            ("Mist connected", self.mist == Some(true)),
        ]
    }

    fn is_good(&self) -> bool {
        self.parts().iter().all(|(_, holds)| *holds)
    }

    fn is_good_but_for_auth(&self) -> bool {
        self.parts()[1..].iter().all(|(_, holds)| *holds)
    }

    fn missing(&self) -> Vec<Box<str>> {
        self.parts().iter().filter(|(_, holds)| !holds).map(|(what, _)| Box::from(*what)).collect()
    }
}

/// What is known of one node.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// When the router was assigned; none when it never was by a run that is known.
    pub assigned: Option<Timestamp>,
    /// What was seen, in the order of its times.
    pub samples: &'a [Sample],
    /// The conductor's software.
    pub conductor: Option<&'a Version>,
    /// Now.
    pub now: Timestamp,
}

/// How a node is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Health {
    /// All of it holds, and held for as long as it must.
    Verified {
        /// Since when.
        since: Timestamp,
    },
    /// All of it holds, and not for long enough yet.
    Settling {
        /// Since when.
        since: Timestamp,
    },
    /// The deadlines are not over.
    InProgress {
        /// What is missing.
        missing: Vec<Box<str>>,
    },
    /// The deadline of the authentication is over, and it is not completed.
    Waiting {
        /// What is missing.
        missing: Vec<Box<str>>,
    },
    /// The authentication is completed, and the deadline of the rest is over.
    Degraded {
        /// What is missing.
        missing: Vec<Box<str>>,
    },
    /// There is nothing that is newer than the assignment.
    Stale,
    /// It is shown as waiting while it is connected, which a conductor before 7.2.3 also does with routers that are
    /// onboarded: it is never onboarded again for that.
    Unknown,
    /// All else holds; the authentication was not looked at.
    AuthNotSeen {
        /// Since when all else holds.
        since: Timestamp,
    },
}

impl Health {
    /// Whether it is onboarded beyond doubt.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. })
    }

    /// Whether the next router of the site may be told its token: the authentication is completed and the asset runs.
    #[must_use]
    pub fn frees_site(&self) -> bool {
        match self {
            Self::Verified { .. } | Self::Settling { .. } => true,
            Self::InProgress { missing } | Self::Degraded { missing } => {
                !missing.iter().any(|what| matches!(&**what, AUTH | RUNNING))
            }
            Self::Waiting { .. } | Self::Stale | Self::Unknown | Self::AuthNotSeen { .. } => false,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { since } => write!(f, "verified, stable since {since}"),
            Self::Settling { since } => write!(f, "settling since {since}"),
            Self::InProgress { missing } => write!(f, "in progress, not yet: {}", missing.join(", ")),
            Self::Waiting { missing } => write!(
                f,
                "waiting past its deadline, not yet: {}; see that the router reaches ports 930 and 933, then `verify`",
                missing.join(", ")
            ),
            Self::Degraded { missing } => {
                let missing = missing.join(", ");
                write!(f, "degraded, authenticated but not yet: {missing}; see the asset's errors on the conductor")
            }
            Self::Stale => f.write_str("stale: nothing was seen since it was assigned; run `verify`"),
            Self::Unknown => f.write_str(
                "unknown: shown as waiting while connected, as conductors before 7.2.3 do after an upgrade (I95-65609); it is \
                 not onboarded again, and restarting 128T-secure-onboarding-server shows its state",
            ),
            Self::AuthNotSeen { .. } => f.write_str(
                "auth state not seen; give the output of `show secure-conductor-onboarding`, or a way to the conductor's PCLI",
            ),
        }
    }
}

/// How a node is, by `evidence`.
///
/// The newest sample decides; a sample from before the assignment says nothing.
#[must_use]
pub fn health(evidence: &Evidence<'_>, deadlines: &Deadlines) -> Health {
    let fresh = |sample: &&Sample| evidence.assigned.is_none_or(|assigned| sample.time > assigned);
    let samples: Vec<&Sample> = evidence.samples.iter().filter(fresh).collect();
    let Some(last) = samples.last() else {
        return Health::Stale;
    };
    let connected = last.asset.as_ref().is_some_and(AssetStatus::may_be_connected);
    if last.auth.is_waiting() && connected && !evidence.conductor.is_some_and(Version::is_mended) {
        return Health::Unknown;
    }
    let since = |good: fn(&Sample) -> bool| {
        samples.iter().rev().take_while(|sample| good(sample)).last().map(|sample| sample.time)
    };
    if let Some(since) = since(Sample::is_good) {
        // up to the last sample: what comes after it is not known
        let held = last.time.since(since);
        return if held >= deadlines.stable {
            Health::Verified { since }
        } else {
            Health::Settling { since }
        };
    }
    if last.auth == AuthState::NotSeen
        && let Some(since) = since(Sample::is_good_but_for_auth)
    {
        return Health::AuthNotSeen { since };
    }
    let missing = last.missing();
    let past = |deadline| evidence.assigned.is_some_and(|assigned| evidence.now.since(assigned) > deadline);
    match last.auth {
        AuthState::Completed if past(deadlines.running) => Health::Degraded { missing },
        AuthState::Completed => Health::InProgress { missing },
        _ if past(deadlines.auth) => Health::Waiting { missing },
        _ => Health::InProgress { missing },
    }
}

const AUTH: &str = "auth completed";
const RUNNING: &str = "asset running";
