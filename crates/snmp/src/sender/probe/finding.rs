//! What a probe found, in words for people.

use std::fmt;

use crate::EngineId;

/// What a probe found; as text, what was found and what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// A receiver of SNMPv3 answers. Not signed.
    Answers {
        /// Its engine.
        engine: EngineId,
        /// How often it says it was started.
        boots: u32,
        /// Seconds since then, as it says.
        time: u32,
    },
    /// The receiver knows the user and signed its answer with the same passphrase.
    KnowsUser,
    /// The receiver acknowledged an inform, as the relay would take it.
    Works {
        /// The security level, or `2c`.
        level: &'static str,
    },
    /// The network says that nobody is there.
    Unreachable {
        /// What the operating system said.
        reason: String,
    },
    /// Nobody answers the question for the engine.
    Silent,
    /// Nobody acknowledges an inform with this community.
    SilentCommunity,
    /// A receiver is there, and nothing more can be found out about SNMPv3 traps.
    TrapsUnanswered,
    /// The receiver is not the engine that it said (`usmStatsUnknownEngineIDs`).
    UnknownEngine,
    /// The receiver knows no such user (`usmStatsUnknownUserNames`).
    UnknownUser,
    /// The user has fewer keys at the receiver (`usmStatsUnsupportedSecLevels`).
    UnsupportedLevel {
        /// The level that was asked for.
        level: &'static str,
    },
    /// The signature is wrong (`usmStatsWrongDigests`).
    WrongAuth,
    /// The receiver cannot decrypt: it says so, or acknowledges the same when it is readable.
    WrongPrivacy,
    /// The clock is wrong also when it is the receiver's own (`usmStatsNotInTimeWindows`).
    OutOfWindow {
        /// The starts that the receiver says.
        boots: u32,
        /// The seconds that the receiver says.
        time: u32,
    },
    /// The signature is right, and neither encrypted nor readable informs are acknowledged.
    NotRead,
    /// The receiver complains of nothing, and acknowledges nothing.
    NotTaken {
        /// The security level.
        level: &'static str,
    },
    /// The receiver answered with an error.
    Refused {
        /// The error status or the object of a report.
        reason: String,
    },
}

impl Finding {
    /// Whether this is the last step, and it went well.
    #[must_use]
    pub const fn works(&self) -> bool {
        matches!(self, Self::Works { .. })
    }

    /// Whether there was something behind it.
    #[must_use]
    pub const fn is_step(&self) -> bool {
        matches!(self, Self::Answers { .. } | Self::KnowsUser | Self::Works { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers { engine, boots, time } => {
                write!(f, "a receiver of SNMPv3 answers: engine {engine}, start {boots}, up {time} s")
            }
            Self::KnowsUser => {
                f.write_str("it knows the user, and its signature shows that the auth passphrase is right")
            }
            Self::Works { level } => write!(f, "it acknowledged a heartbeat at {level}: it works"),
            Self::Unreachable { reason } => write!(
                f,
                "nobody is there ({reason}); start the receiver, or correct `address` and what filters in between"
            ),
            Self::Silent => f.write_str(
                "nobody answers; check that the receiver runs and speaks SNMPv3 on this address and port, and that \
                 no firewall drops UDP there or back",
            ),
            Self::SilentCommunity => f.write_str(
                "nobody acknowledges; the receiver is down, a firewall drops UDP, it does not let this community in \
                 (snmptrapd: authCommunity), or it takes traps and no informs: version 2c cannot tell which",
            ),
            Self::TrapsUnanswered => f.write_str(
                "no receiver answers SNMPv3 traps, so that nobody can tell from here whether it takes them; give it \
                 what `fogbell snmp user-line` prints and look for traps in its own log, or send informs \
                 (`notification = \"inform\"`), which can be probed and are acknowledged",
            ),
            Self::UnknownEngine => f.write_str(
                "it is not the engine it said a moment ago: it was just restarted with another one, or several \
                 receivers share this address; let one of them answer alone",
            ),
            Self::UnknownUser => f.write_str(
                "it does not know the user; correct `user`, or give it what `fogbell snmp user-line` prints and \
                 restart it",
            ),
            Self::UnsupportedLevel { level } => write!(
                f,
                "it knows the user, but without the keys for {level}; make the user there anew with what `fogbell \
                 snmp user-line` prints"
            ),
            Self::WrongAuth => f.write_str(
                "it knows the user, but by another auth passphrase or hash; make `auth` and the user there the same",
            ),
            Self::WrongPrivacy => f.write_str(
                "it cannot decrypt: its privacy passphrase or cipher is another; make `privacy` and the user there \
                 the same (AES-192 and AES-256 have two kinds, with and without `-reeder`)",
            ),
            Self::OutOfWindow { boots, time } => write!(
                f,
                "it finds the clock wrong that it said itself, and now says another (start {boots}, {time} s): several \
                 receivers with one engine id share this address, or it was started as often as an engine can be; \
                 give each an engine id of its own"
            ),
            Self::NotRead => f.write_str(
                "it accepts the signature and acknowledges nothing: either its privacy passphrase or cipher is \
                 another (snmptrapd then logs `error parsing ScopedPDU`), or it does not let the user in \
                 (snmptrapd: authUser)",
            ),
            Self::NotTaken { level } => write!(
                f,
                "it complains of nothing and acknowledges nothing at {level}: it does not let the user in at this \
                 level (snmptrapd: authUser), or takes no informs"
            ),
            Self::Refused { reason } => {
                write!(f, "it refused the heartbeat ({reason}); look into the receiver's own log")
            }
        }
    }
}
