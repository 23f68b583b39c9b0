//! Why a wave goes no further.

use conductor::{Finding, PcliProblem, Problem};
use thiserror::Error;

use crate::config::Paths;
use crate::run::{LookError, RecordError};

/// Why a wave goes no further, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WaveStop {
    /// The candidate has changes that this run did not record.
    #[error(
        "the conductor's candidate has changes that this run did not make: {paths}; {} Let whoever made them commit or \
         discard them, then `resume`",
        if *ours { "what this run wrote is in it too, and was left as it is." } else { "nothing was changed." }
    )]
    Foreign {
        /// Where.
        paths: Paths,
        /// Whether it has changes of this run as well.
        ours: bool,
    },
    /// The conductor says that its candidate has changes, and none can be seen.
    #[error(
        "the conductor says that its candidate has changes, and none is visible (a pre-shared secret may be one); nothing was \
         changed. Commit or discard them on the conductor, then `resume`"
    )]
    Hidden,
    /// The first mode other than `disabled` concerns routers, and that was not accepted, or for another number.
    #[error(
        "the first mode closes 4505 and 4506 at the conductor's next restart, which cuts off {routers} routers that were \
         onboarded without Secure Conductor Onboarding{}; look at them, then `--accept-legacy-cutoff={routers}`",
        accepted.map_or_else(String::new, |accepted| format!(" (accepted were {accepted})"))
    )]
    LegacyCutoff {
        /// How many it concerns now.
        routers: usize,
        /// How many were accepted.
        accepted: Option<usize>,
    },
    /// What was written does not stand in the candidate.
    #[error(
        "the candidate does not hold what was written at {paths}; somebody else may work on it. Nothing was committed; find out \
         who, then `resume`"
    )]
    NotInCandidate {
        /// Where.
        paths: Paths,
    },
    /// Validation found problems that are of no router of the wave, or of none that can be told.
    #[error(
        "the conductor refuses the candidate, and names no router of this wave: {}; mend that on the conductor, then `resume`",
        told(findings)
    )]
    Findings {
        /// What it said.
        findings: Vec<Finding>,
    },
    /// The conductor did not do what it was asked for.
    #[error("the conductor does not {what}; nothing was committed, `resume` tries again")]
    Conductor {
        /// What.
        what: &'static str,
        /// Why.
        source: Problem,
    },
    /// The command line did not do what it was asked for.
    #[error("the conductor's command line does not {what}; nothing was committed, `resume` tries again")]
    CommandLine {
        /// What.
        what: &'static str,
        /// Why.
        source: PcliProblem,
    },
    /// A person has something to do.
    #[error("{} commands are to be entered at the conductor, then `resume`", lines.len())]
    ForPerson {
        /// The commands.
        lines: Vec<Box<str>>,
    },
    /// A commit was sent, and what came of it is not known.
    #[error(
        "the commit was not clearly answered, and the running configuration does not hold {paths} yet; the candidate is left as \
         it is. See that the conductor is well, then `resume`, which looks again before anything else"
    )]
    CommitUnknown {
        /// What does not run.
        paths: Paths,
    },
    /// A commit of another wave was sent, and what came of it is not known.
    #[error("the commit of wave {} is not known to be done or not; it comes first", wave + 1)]
    CommitOpen {
        /// Which, counted from 0.
        wave: usize,
    },
    /// The record is of another plan, or the plan has no such wave.
    #[error("the record of this run is not of this plan; take the plan in the folder of the run")]
    OtherPlan,
    /// Something could not be read.
    #[error("the wave cannot go on, and what it wrote is as it was; `resume` looks again")]
    Look(#[from] LookError),
    /// The record could not be written, so nothing more was done.
    #[error("the record of the run cannot be written, so nothing more is done")]
    Record(#[from] RecordError),
}

impl WaveStop {
    /// Whether what this run wrote is to be taken out of the candidate. Not where that is not its own alone, not while a
    /// commit may be under way, and not where a person goes on with it.
    pub(super) const fn reverts(&self) -> bool {
        matches!(
            self,
            Self::LegacyCutoff { .. }
                | Self::NotInCandidate { .. }
                | Self::Findings { .. }
                | Self::Conductor { .. }
                | Self::CommandLine { .. }
        )
    }

    /// Whether a person is waited for, which is no failure.
    #[must_use]
    pub const fn is_for_person(&self) -> bool {
        matches!(self, Self::ForPerson { .. })
    }
}

fn told(findings: &[Finding]) -> String {
    let shown: Vec<String> = findings.iter().take(MOST_SHOWN).map(ToString::to_string).collect();
    let more = findings.len().saturating_sub(MOST_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

const MOST_SHOWN: usize = 5;
