//! What can go wrong with a call.

use std::error::Error as StdError;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use thiserror::Error;

/// Why a call has no result.
///
/// No variant carries a secret or a name: `endpoint` is method and path template, and what an answer says is masked
/// where it repeats the password or the session's token. `Display` is one line without the cause; the cause is
/// [`source`](StdError::source).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The conductor, or something in between, refused.
    #[error("`{endpoint}` was answered with {}{}{}", status.as_u16(), said(detail), hinted(*status))]
    Refused {
        /// What was asked.
        endpoint: String,
        /// The status of the answer.
        status: StatusCode,
        /// The conductor's own words, at most some hundred characters.
        detail: Box<str>,
        /// Whether it was a call that changes something.
        write: bool,
    },

    /// The change was refused because what is to be changed is not there: REST does not make it; the command line may.
    #[error("`{endpoint}` was answered with {}: the place to write to does not exist{}", status.as_u16(), said(detail))]
    NoContainer {
        /// What was asked.
        endpoint: String,
        /// The status of the answer.
        status: StatusCode,
        /// The conductor's own words.
        detail: Box<str>,
    },

    /// The change was accepted, and is not there when read back.
    #[error("`{endpoint}` was accepted, but `{field}` reads back as something else")]
    NotWritten {
        /// What was asked.
        endpoint: String,
        /// The first field that differs.
        field: String,
    },

    /// GraphQL answered without the data that was asked for.
    #[error("`{endpoint}` gave no data: {messages}")]
    NoData {
        /// What was asked.
        endpoint: String,
        /// What it said instead.
        messages: Box<str>,
    },

    /// The answer cannot be understood.
    #[error("`{endpoint}` was answered with {}: {misfit}", status.as_u16())]
    Unreadable {
        /// What was asked.
        endpoint: String,
        /// The status of the answer.
        status: StatusCode,
        /// What is wrong with it.
        misfit: Misfit,
        /// Whether it was a call that changes something.
        write: bool,
    },

    /// The answer is larger than is read.
    #[error("`{endpoint}`: the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was asked.
        endpoint: String,
        /// The bound.
        limit_bytes: usize,
        /// Whether it was a call that changes something.
        write: bool,
    },

    /// The connection could not be made.
    #[error("`{endpoint}`: no connection")]
    Connect {
        /// What was asked.
        endpoint: String,
        /// Whether the certificate is not trusted, which no retry changes.
        distrust: bool,
        /// What the connection said.
        source: Box<dyn StdError + Send + Sync>,
    },

    /// The connection broke with the request under way.
    #[error("`{endpoint}`: the connection broke")]
    Broken {
        /// What was asked.
        endpoint: String,
        /// What the connection said.
        source: Box<dyn StdError + Send + Sync>,
        /// Whether it was a call that changes something.
        write: bool,
    },

    /// The answer did not come in time.
    #[error("`{endpoint}`: no answer within {} s", after.as_secs_f32())]
    Timeout {
        /// What was asked.
        endpoint: String,
        /// How long it was waited for.
        after: Duration,
        /// Whether it was a call that changes something.
        write: bool,
    },
}

impl Problem {
    /// Whether the same call may succeed later without anybody changing anything. Read first where
    /// [`outcome_unknown`](Self::outcome_unknown).
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Refused { status, .. } => worth_a_retry(*status),
            Self::Unreadable { status, .. } => worth_a_retry(*status) || status.as_u16() == 200,
            Self::Connect { distrust, .. } => !*distrust,
            Self::Broken { .. } | Self::Timeout { .. } => true,
            Self::NoContainer { .. }
            | Self::NotWritten { .. }
            | Self::NoData { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// Whether the change may have been made all the same: only reading tells.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Refused { status, write, .. } => *write && status.is_server_error(),
            Self::Unreadable { status, write, .. } => *write && !status.is_client_error(),
            Self::TooLarge { write, .. } | Self::Broken { write, .. } | Self::Timeout { write, .. } => *write,
            Self::NotWritten { .. } => true,
            Self::NoContainer { .. } | Self::NoData { .. } | Self::Connect { .. } => false,
        }
    }

    /// The status of the answer, where there was one.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. }
            | Self::NoContainer { status, .. }
            | Self::Unreadable { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Why an answer cannot be understood; values are named by their kind.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Misfit {
    /// It is no JSON: a page of something in between, or broken.
    #[error("not with JSON")]
    NotJson,
    /// It is JSON of another shape.
    #[error("expected {expected} at `{at}`, found {found}")]
    Shape {
        /// Where, as `.token`; `.` is the whole.
        at: &'static str,
        /// What should be there.
        expected: &'static str,
        /// The kind of what is there.
        found: &'static str,
    },
}

impl Misfit {
    pub(crate) fn shape(at: &'static str, expected: &'static str, found: Option<&Value>) -> Self {
        let found = match found {
            None => "nothing",
            Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "a boolean",
            Some(Value::Number(_)) => "a number",
            Some(Value::String(_)) => "a text",
            Some(Value::Array(_)) => "a list",
            Some(Value::Object(_)) => "an object",
        };
        Self::Shape { at, expected, found }
    }
}

/// Whether a request that was answered so may succeed later.
pub(crate) const fn worth_a_retry(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// What to look at after such an answer.
const fn hint(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        300..=399 => "redirects are not followed; check the host",
        401 => "check user and password",
        403 => "check the role of the account; it needs config-read, and config-write to change something",
        404 => "there is no such thing; check the names, and that this is a conductor",
        429 => "the conductor has too many requests; try again later",
        500..=599 => "the fault is the conductor's, or of something in between",
        _ => return None,
    })
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {}", text.trim_end_matches('.')) }
}

fn hinted(status: StatusCode) -> String {
    hint(status).map(|hint| format!(" ({hint})")).unwrap_or_default()
}
