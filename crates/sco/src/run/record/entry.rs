//! What a run writes down.

use std::collections::BTreeMap;

use ids::{Mac, SiteId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::ConfigPath;
use crate::decide::{Health, Sample};
use crate::observe::TokenState;
use crate::plan::PlanHash;
use crate::token::TokenFingerprint;
use crate::{ConductorHost, NodeName, RouterName};

use super::RunId;

/// The first line of a record.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The run.
    pub run: RunId,
    /// The plan that it carries out.
    pub plan: PlanHash,
    /// The program that began it, with its version.
    pub program: Box<str>,
    /// What was asked for beside the plan, as it stood on the command line; never a secret.
    pub options: Vec<Box<str>>,
}

/// One line of a record behind the first.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Entry {
    /// The run goes on, with what was asked for this time.
    Resumed {
        /// The options, as they stood on the command line; never a secret.
        options: Vec<Box<str>>,
    },
    /// Of a wave, counted from 0.
    Wave {
        /// Which.
        wave: usize,
        /// What.
        what: WaveEntry,
    },
    /// Of a router.
    Router {
        /// Which.
        router: RouterName,
        /// What.
        what: RouterEntry,
    },
    /// Every node of the conductor was restarted since this run turned Secure Conductor Onboarding on.
    Restarted {
        /// How that is known.
        how: Box<str>,
    },
    /// The program ends by itself, or because it was asked to: nothing is under way.
    Ended {
        /// Why, in a word: `finished`, `interrupted`, `stopped`.
        why: Box<str>,
    },
}

/// What is written down of a wave.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum WaveEntry {
    /// These values will be written into the candidate. It is on disk before the first of them is sent.
    Intent {
        /// Them.
        values: Vec<IntendedValue>,
    },
    /// A router is not part of it any more.
    TakenOut {
        /// Which.
        router: RouterName,
        /// What happened, and what to do.
        why: Box<str>,
    },
    /// Its commit turns Secure Conductor Onboarding on: no router of the conductor has it yet.
    FirstMode(FirstMode),
    /// A commit will be sent.
    Committing {
        /// What the configuration will hold then, when nobody else changes it.
        expected: ValueHash,
        /// Until when its effect is looked for, when its answer is lost.
        until: Timestamp,
    },
    /// Its values run.
    Committed {
        /// Whose commit it was.
        by: CommittedBy,
        /// What else changed with it.
        foreign: Vec<ConfigPath>,
        /// Whether there may be more of that: the run was interrupted, and what ran before is not known any more.
        foreign_unknown: bool,
    },
    /// The candidate will be made the running configuration again; all that is in it is ours.
    Reverting,
    /// It is.
    Reverted,
    /// It goes no further by itself.
    Stopped {
        /// What happened, and what to do.
        why: Box<str>,
    },
}

/// What the first mode on a conductor was found to concern, right before it was committed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FirstMode {
    /// Routers that are connected without Secure Conductor Onboarding.
    pub legacy: usize,
    /// Nodes of the conductor, by their addresses, on which 4505 or 4506 was open.
    pub open: Vec<Box<str>>,
}

/// One value that is to be written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IntendedValue {
    /// Where.
    pub path: ConfigPath,
    /// What; the plan has it itself.
    pub sha256: ValueHash,
    /// What ran there before; none when nothing did. Only names, modes and public keys stand at these paths.
    pub before: Option<Box<str>>,
}

/// Whose commit made values run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommittedBy {
    /// This run's.
    Us,
    /// This run's, which was not answered; reading showed it.
    UsUnanswered,
    /// Somebody else's, who committed the shared candidate, or a person's by the commands that were shown.
    Another,
    /// Nobody's: they ran before.
    Nobody,
}

/// What is written down of a router.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RouterEntry {
    /// A token was made for it, and is kept.
    TokenMade(TokenNote),
    /// The settings of its site will be written.
    SettingsIntended(SettingsNote),
    /// They were, and read back.
    SettingsWritten {
        /// The site.
        site: SiteId,
        /// The token.
        token: TokenFingerprint,
    },
    /// Devices will be taken from their site.
    Unassigning {
        /// Them.
        macs: Vec<Mac>,
    },
    /// They were.
    Unassigned {
        /// Them.
        macs: Vec<Mac>,
    },
    /// Devices will be assigned.
    Assigning(Assigning),
    /// They were.
    Assigned(Assigning),
    /// One of its nodes was looked at.
    Seen {
        /// Which.
        node: NodeName,
        /// How it was.
        sample: Sample,
    },
    /// What that makes of a node.
    Verdict {
        /// Which.
        node: NodeName,
        /// What.
        health: Health,
    },
    /// It stopped.
    Failed(Failure),
    /// It was tried once more after it had stopped.
    Retried,
    /// It does not hold its site any more; its devices were taken from it.
    Released {
        /// The site.
        site: SiteId,
    },
    /// The token in the settings of its site will be taken away.
    Cleaning {
        /// The site.
        site: SiteId,
        /// The token.
        token: TokenFingerprint,
    },
    /// What became of it.
    Cleaned {
        /// The site.
        site: SiteId,
        /// Whether it is gone.
        removed: bool,
        /// For a person.
        outcome: Box<str>,
    },
    /// Something that was done will be taken back.
    Undoing(Undo),
    /// It was.
    Undone(Undo),
    /// A person should know.
    Note(Note),
}

/// A token, without itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenNote {
    /// What identifies it.
    pub token: TokenFingerprint,
    /// Until when it is taken, by the conductor's clock.
    pub expires: Option<Timestamp>,
    /// Where it comes from.
    pub source: TokenSource,
}

/// Where a token comes from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenSource {
    /// The conductor's command line.
    CommandLine,
    /// A person, who brought it.
    Person,
}

/// Settings of a site, as they are to be, and as they were.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsNote {
    /// The site.
    pub site: SiteId,
    /// The addresses.
    pub hosts: Vec<ConductorHost>,
    /// The token.
    pub token: TokenFingerprint,
    /// What stood there.
    pub then: SettingsThen,
}

/// What stood in settings before they were written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsThen {
    /// The addresses.
    pub hosts: Vec<Box<str>>,
    /// The token.
    pub token: TokenThen,
}

/// A token that stood in settings.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenThen {
    /// None.
    Absent,
    /// One that cannot be read.
    Masked,
    /// This one.
    Set(TokenFingerprint),
}

impl From<TokenState> for TokenThen {
    fn from(state: TokenState) -> Self {
        match state {
            TokenState::Absent => Self::Absent,
            TokenState::Masked => Self::Masked,
            TokenState::Set(token) => Self::Set(token),
        }
    }
}

/// An assignment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assigning {
    /// The site.
    pub site: SiteId,
    /// The devices.
    pub macs: Vec<Mac>,
    /// When it is sent; evidence counts from then on.
    pub at: Timestamp,
    /// When Mist's record of each device was changed last, read right before it is sent: as long as that is the same, it was
    /// not done. A device of which Mist does not tell is not among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modified: BTreeMap<Mac, Timestamp>,
}

/// Why a router stopped.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Before which step, in a word: `wave`, `token`, `settings`, `assignment`, `verification`, `cleanup`.
    pub step: Box<str>,
    /// What happened, and what to do.
    pub why: Box<str>,
}

/// Something that a run did and takes back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Undo {
    /// An assignment.
    Assignment {
        /// The devices.
        macs: Vec<Mac>,
    },
    /// The settings of a site.
    Settings {
        /// Which.
        site: SiteId,
    },
    /// Values on the conductor.
    Config {
        /// Where.
        paths: Vec<ConfigPath>,
    },
}

/// Something that a person should know of a router.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What.
    pub text: Box<str>,
}

/// The SHA-256 of a value, or of a whole configuration.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ValueHash([u8; 32]);

impl ValueHash {
    /// That of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Self(hash)
    }
}

crate::hex::sha256_text!(ValueHash);
