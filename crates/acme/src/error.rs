//! Why there is no new certificate.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::hook::HookError;

/// An error of somebody else's, kept as the cause.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why no certificate was issued, stored or served.
///
/// `Display` is one line for an operator, without the cause.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings cannot work.
    #[error("{what}")]
    Settings {
        /// What is wrong with them.
        what: String,
        /// What somebody else said about it.
        source: Option<Cause>,
    },
    /// Something in the folder could not be read or written.
    #[error("cannot {action} `{path}`")]
    Keep {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Cause,
    },
    /// The authority refused, or could not be asked.
    #[error("the authority did not {action}{why}")]
    Authority {
        /// What was asked.
        action: &'static str,
        /// What it said, behind a colon; empty when the cause says it.
        why: String,
        /// When it wants to be asked again at the earliest.
        retry_after: Option<Duration>,
        /// Whether it limits how often it may be asked.
        limited: bool,
        /// What it said.
        source: Option<Cause>,
    },
    /// A name was not proven.
    #[error("the authority could not validate {name}: {why}")]
    Validation {
        /// The name.
        name: String,
        /// What the authority said.
        why: String,
    },
    /// The hook did not set a record.
    #[error("the hook did not set the record `{name}`")]
    Hook {
        /// Name of the record.
        name: String,
        /// Why not.
        source: HookError,
    },
    /// It all took too long.
    #[error("there was no certificate within {} s", .0.as_secs())]
    TooLong(Duration),
    /// What was issued cannot be used.
    #[error("the certificate that was issued cannot be used: {why}")]
    Useless {
        /// Why not.
        why: String,
    },
    /// The server did not take it.
    #[error("the new certificate was not taken")]
    NotServed {
        /// Why not.
        source: Cause,
    },
}

impl Error {
    pub(crate) fn keep(action: &'static str, path: PathBuf) -> impl FnOnce(Cause) -> Self {
        move |source| Self::Keep { action, path, source }
    }

    pub(crate) fn io(action: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Keep { action, path, source: source.into() }
    }

    /// The whole of it in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            line = format!("{line}: {error}");
            source = error.source();
        }
        line
    }

    /// When the authority wants to be asked again at the earliest, and whether it said that it was asked too often.
    pub(crate) const fn patience(&self) -> (Option<Duration>, bool) {
        match self {
            Self::Authority { retry_after, limited, .. } => (*retry_after, *limited),
            _ => (None, false),
        }
    }
}
