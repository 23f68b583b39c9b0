//! The plan as a file: JSON with a version, and the hash of its content.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Plan;

/// The SHA-256 of a plan's content.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PlanHash([u8; 32]);

crate::hex::sha256_text!(PlanHash);

/// The file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    fogbell_plan: u32,
    hash: PlanHash,
    plan: Plan,
}

/// The version of the file, before anything else of it is read.
#[derive(Deserialize)]
struct VersionOnly {
    fogbell_plan: u32,
}

impl Plan {
    /// What identifies its content; two plans that do the same on the same ground have the same.
    #[must_use]
    pub fn hash(&self) -> PlanHash {
        let content = serde_json::to_vec(self).expect("a plan has only texts as keys");
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, &content).as_ref());
        PlanHash(hash)
    }

    /// The plan as a file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let file = File { fogbell_plan: VERSION, hash: self.hash(), plan: self.clone() };
        serde_json::to_string_pretty(&file).expect("a plan has only texts as keys")
    }

    /// Reads what [`to_json`](Self::to_json) wrote, of at most 64 MiB.
    ///
    /// # Errors
    ///
    /// [`PlanError`] when it is of another version, was changed, or is none.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        if text.len() > MAX_BYTES {
            return Err(PlanError::TooLarge);
        }
        let VersionOnly { fogbell_plan } = serde_json::from_str(text).map_err(|_| PlanError::NoPlan)?;
        if fogbell_plan != VERSION {
            return Err(PlanError::Version { found: fogbell_plan });
        }
        let file: File = serde_json::from_str(text)
            .map_err(|error| PlanError::Broken { line: error.line(), column: error.column() })?;
        let found = file.plan.hash();
        if found != file.hash {
            return Err(PlanError::Changed { found, expected: file.hash });
        }
        Ok(file.plan)
    }
}

/// Why a file is no plan that can be carried out.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PlanError {
    /// It is larger than any.
    #[error("the file is larger than 64 MiB and no plan")]
    TooLarge,
    /// It is something else.
    #[error("the file is no plan; `fogpilot plan -o FILE` writes one")]
    NoPlan,
    /// It is of another version.
    #[error("the plan is of format {found}, and this program reads {VERSION}; make it again")]
    Version {
        /// Which.
        found: u32,
    },
    /// It cannot be read.
    #[error("the plan cannot be read at {line}:{column}; make it again")]
    Broken {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// It was changed after it was made.
    #[error(
        "the plan was changed after it was made: its content is {found:.16}, and was {expected:.16}; make it again"
    )]
    Changed {
        /// The hash of what it holds.
        found: PlanHash,
        /// The hash it was made with.
        expected: PlanHash,
    },
}

impl fmt::Display for Plan {
    /// One line of totals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::RouterOutcome as O;
        let count = |is: fn(&O) -> bool| self.routers.iter().filter(|router| is(&router.outcome)).count();
        write!(
            f,
            "{} to onboard, {} unchanged, {} waiting for their device, {} refused",
            count(|outcome| matches!(outcome, O::Onboard(_))),
            count(|outcome| matches!(outcome, O::Done)),
            count(|outcome| matches!(outcome, O::WaitingForDevice(_))),
            count(|outcome| matches!(outcome, O::Refused(_))),
        )
    }
}

const VERSION: u32 = 1;
const MAX_BYTES: usize = 64 * 1024 * 1024;
