//! Why the relay cannot start or go on.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::Place;

/// Why the relay could not start, or had to stop.
///
/// What goes wrong with one webhook is a [`Refusal`](webhook::Refusal), with one delivery a
/// [`Failure`](crate::sink::Failure); neither stops the relay. `Display` is one line without the cause.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration file could not be read.
    #[error("cannot read `{path}`")]
    ReadConfig {
        /// File that was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The configuration file is not valid. The line itself is not shown: a secret may stand in it.
    #[error("{path}{at}: {what}")]
    ParseConfig {
        /// File that was read.
        path: PathBuf,
        /// Line, column and key at fault, as `:2:1: listen`.
        at: String,
        /// What is wrong with it, and which keys exist.
        what: String,
    },

    /// The configuration is well formed and does not hold.
    #[error("{place}: {what}")]
    Config {
        /// Where.
        place: Box<Place>,
        /// What is wrong, and what to do.
        what: String,
        /// What somebody else said about it.
        source: Option<Cause>,
    },

    /// Something the relay keeps could not be opened, read or written.
    #[error("cannot {action} `{path}`")]
    Keep {
        /// What was tried: `read`, `write`, `listen on`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The journal could not be opened.
    #[error("cannot open the journal `{path}`")]
    OpenJournal {
        /// The file.
        path: PathBuf,
        /// Why.
        source: journal::OpenError,
    },

    /// The journal could not be used.
    #[error("the journal failed while {action}")]
    Journal {
        /// What was being done.
        action: &'static str,
        /// Why.
        source: Cause,
    },

    /// A part of the relay ended that must not.
    #[error("{part} ended unexpectedly; this is a defect, please report it")]
    Ended {
        /// Which part.
        part: &'static str,
    },
}

/// An error of another library, kept as the cause.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Prints an error and everything behind it in one line.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
