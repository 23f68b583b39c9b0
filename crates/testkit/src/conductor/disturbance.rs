//! A command line as it should not be.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// What a command gets instead of its answer, or besides it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Disturbance {
    /// The right answer, so much later; it is done then.
    Latency(Duration),
    /// Nothing is done, and there is no answer; the session stays open for ten minutes at most.
    Silence,
    /// It is done, and there is no answer.
    DoneButSilence,
    /// It is done, half of its output is printed, and the session ends with status 255, as a connection that breaks.
    CutOff,
    /// It is done, and the session ends with this status whatever became of it.
    Status(i32),
    /// It is done, and this stands in front of its output.
    Noise(String),
    /// Nothing is done, and this is said in red as a refusal.
    Refused(String),
}

impl FromStr for Disturbance {
    type Err = UnknownDisturbance;

    /// Reads `latency:250` (milliseconds), `silence`, `done-but-silence`, `cut-off`, `status:3`, `noise:TEXT`,
    /// `refused:TEXT`; in a text `_` stands for a space.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownDisturbance(text.into());
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        Ok(match name {
            "latency" => Self::Latency(Duration::from_millis(value.parse().map_err(|_| unknown())?)),
            "silence" => Self::Silence,
            "done-but-silence" => Self::DoneButSilence,
            "cut-off" => Self::CutOff,
            "status" => Self::Status(value.parse().map_err(|_| unknown())?),
            "noise" => Self::Noise(value.replace('_', " ")),
            "refused" => Self::Refused(value.replace('_', " ")),
            _ => return Err(unknown()),
        })
    }
}

/// A text that names no [`Disturbance`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no disturbance; expected one as in latency:250, silence or cut-off")]
pub struct UnknownDisturbance(Box<str>);
