//! What can go wrong with a command.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::Line;
use super::said::clean;

/// Why a command has no result. `command` is the command without its values.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PcliProblem {
    /// `ssh` would read the destination as something else.
    #[error("`{text}` is no destination; expected a host of ssh's configuration or user@host")]
    Destination {
        /// How it begins.
        text: Box<str>,
    },
    /// `ssh` cannot be started.
    #[error("cannot start `{program}`")]
    Start {
        /// What was started.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// `ssh` failed itself.
    #[error("ssh: {said}{}", hinted(*hint))]
    Ssh {
        /// What it said last.
        said: Box<str>,
        /// What to look at.
        hint: Option<&'static str>,
        /// Whether the command may have been under way.
        sent: bool,
    },
    /// The command line started a session, and took no notice of the command.
    #[error("`{command}`: the command line took no notice of the command and started a session")]
    Ignored {
        /// What was run.
        command: Box<str>,
    },
    /// The command ended with a status of failure.
    #[error("`{command}` ended with {}: {said}", status.map_or_else(|| "a signal".to_owned(), |status| format!("status {status}")))]
    Failed {
        /// What was run.
        command: Box<str>,
        /// The status; none after a signal.
        status: Option<i32>,
        /// What was said.
        said: Box<str>,
        /// Whether it was to change something.
        changes: bool,
    },
    /// The command line complained, whatever its status.
    #[error("`{command}` was refused: {said}")]
    Refused {
        /// What was run.
        command: Box<str>,
        /// The complaint.
        said: Box<str>,
    },
    /// Its output did not end in time; the child was ended.
    #[error("`{command}` did not end within {} s", after.as_secs_f32())]
    Timeout {
        /// What was run.
        command: Box<str>,
        /// How long it was waited for.
        after: Duration,
        /// Whether it was to change something.
        changes: bool,
    },
    /// Its output is longer than is read; the child was ended.
    #[error("`{command}` says more than {limit_bytes} bytes")]
    TooLong {
        /// What was run.
        command: Box<str>,
        /// The bound.
        limit_bytes: usize,
        /// Whether it was to change something.
        changes: bool,
    },
    /// The pipes to the child broke.
    #[error("`{command}`: lost the child")]
    Broken {
        /// What was run.
        command: Box<str>,
        /// What the operating system said.
        source: io::Error,
        /// Whether it was to change something.
        changes: bool,
    },
    /// Commands get there neither way.
    #[error(
        "the command line takes commands neither as an argument ({argument}) nor on standard input ({input})"
    )]
    NoWay {
        /// What came of the argument.
        argument: Box<str>,
        /// What came of the input.
        input: Box<str>,
    },
}

impl PcliProblem {
    /// Whether the change may have been made all the same: only reading tells.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        match self {
            Self::Failed { changes, .. }
            | Self::Timeout { changes, .. }
            | Self::TooLong { changes, .. }
            | Self::Broken { changes, .. } => *changes,
            Self::Ssh { sent, .. } => *sent,
            _ => false,
        }
    }

    /// Whether it has nothing to do with the command line behind `ssh`.
    pub(super) const fn is_of_ssh(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Ssh { .. } | Self::Timeout { .. })
    }

    /// What `ssh` says when it fails itself.
    pub(super) fn of_ssh(line: &Line, error: &str) -> Self {
        let lines: Vec<&str> = error.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let known = SAYINGS.iter().find(|(part, _)| lines.iter().any(|line| line.contains(part)));
        let told = known.and_then(|(part, _)| lines.iter().rev().find(|line| line.contains(part)));
        let said = told
            .or_else(|| lines.last())
            .map_or_else(|| "failed without a word".to_owned(), |line| clean(line));
        // before a login nothing of the command was sent
        Self::Ssh {
            said: said.into(),
            hint: known.map(|(_, hint)| *hint),
            sent: known.is_none() && line.changes(),
        }
    }
}

fn hinted(hint: Option<&str>) -> String {
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}

/// What OpenSSH says before there is a session.
const SAYINGS: &[(&str, &str)] = &[
    (
        "Host key verification failed",
        "compare the conductor's host key and put it into known_hosts; it is never accepted unseen",
    ),
    ("No matching host key", "the conductor offers no host key that this ssh takes"),
    ("Permission denied", "the key or the agent does not open this account; nothing is asked here"),
    ("Could not resolve hostname", "check the host in ssh's configuration"),
    ("Connection refused", "check the host and the port"),
    ("Connection timed out", "check the way to the host"),
    ("No route to host", "check the way to the host"),
    ("Network is unreachable", "check the way to the host"),
    ("kex_exchange_identification", "the server closed before a login; it may have too many connections"),
    ("Bad configuration option", "check ssh's configuration"),
    ("Can't open user config file", "check the file of -F"),
];
