//! What can go wrong with a call.

use std::error::Error as StdError;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::Endpoint;

/// Why a call has no result.
///
/// No variant carries a secret, an id or a query: endpoints are templates, values that could not be read are named by
/// their kind, and what an answer says is masked where it repeats the token. `Display` is one line without the cause;
/// the cause is [`source`](StdError::source).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// Mist, or something in between, refused the request.
    #[error("`{endpoint}` was answered with {}{}{}", status.as_u16(), said(detail), hinted(*hint))]
    Api {
        /// What was asked.
        endpoint: Endpoint,
        /// The status of the answer.
        status: StatusCode,
        /// Mist's own words, `detail` and `reason` of its answer, at most some hundred characters; empty when it had
        /// none, as with 404.
        detail: Box<str>,
        /// Whether the same request may succeed later.
        retry: bool,
        /// What to look at.
        hint: Option<&'static str>,
    },

    /// The answer is no JSON: a page of a proxy or a captive portal, or it is broken.
    #[error("`{endpoint}` was answered with {}, and not with JSON{}", status.as_u16(), said(snippet))]
    NotJson {
        /// What was asked.
        endpoint: Endpoint,
        /// The status of the answer.
        status: StatusCode,
        /// How it begins; of what looks like JSON only where it breaks.
        snippet: Box<str>,
        /// Whether it is a good answer that begins as JSON and breaks off: it may come whole the next time.
        torn: bool,
    },

    /// The answer is JSON of another shape.
    #[error("`{endpoint}`: expected {expected} at `{at}` of the answer, found {found}")]
    Decode {
        /// What was asked.
        endpoint: Endpoint,
        /// Where in the answer, as `.results[3]`; `.` is the whole.
        at: String,
        /// What should be there.
        expected: &'static str,
        /// The kind of what is there.
        found: &'static str,
    },

    /// The answer is larger than is read.
    #[error("`{endpoint}`: the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was asked.
        endpoint: Endpoint,
        /// The bound.
        limit_bytes: usize,
    },

    /// The connection could not be made, or broke.
    #[error("`{endpoint}`: the connection failed")]
    Transport {
        /// What was asked.
        endpoint: Endpoint,
        /// Whether the same request may succeed later; not so when the certificate is not trusted.
        retry: bool,
        /// What the connection said.
        source: Box<dyn StdError + Send + Sync>,
    },

    /// The answer did not come in time.
    #[error("`{endpoint}`: no answer within {} s", after.as_secs_f32())]
    Timeout {
        /// What was asked.
        endpoint: Endpoint,
        /// How long it was waited for.
        after: Duration,
    },

    /// The calls of this hour are spent, and the caller does not wait that long. Nothing was done: the request was not sent, or
    /// Mist refused it with 429.
    #[error("`{endpoint}` was not sent: the token's calls are spent for the next {} s", reset.as_secs())]
    OutOfBudget {
        /// What would have been asked.
        endpoint: Endpoint,
        /// When the next call is free.
        reset: Duration,
    },

    /// The server answers with the same page again and again.
    #[error("`{endpoint}`: the pages repeat after {pages}")]
    Endless {
        /// What was asked.
        endpoint: Endpoint,
        /// Pages read before.
        pages: u32,
    },

    /// The path of a call by hand is none of this API.
    #[error("expected a path as in /api/v1/self, without query, `..` and characters that are to be escaped")]
    BadPath,

    /// The cursor is of another listing.
    #[error("`{endpoint}`: the cursor is not of this listing")]
    BadCursor {
        /// What was asked.
        endpoint: Endpoint,
    },
}

impl Problem {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Api { retry, .. } | Self::Transport { retry, .. } => *retry,
            Self::NotJson { status, torn, .. } => worth_a_retry(*status) || *torn,
            Self::Timeout { .. } | Self::OutOfBudget { .. } => true,
            Self::Decode { .. }
            | Self::TooLarge { .. }
            | Self::Endless { .. }
            | Self::BadPath
            | Self::BadCursor { .. } => false,
        }
    }

    /// The status of the answer, where there was one that counts.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api { status, .. } | Self::NotJson { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Whether a request that was answered so may succeed later.
pub(crate) const fn worth_a_retry(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// What to look at after such an answer.
pub(crate) const fn hint(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        300..=399 => "redirects are not followed; check the host",
        401 => {
            "check the token and the cloud; a user's token dies after 90 days without use, and the `src_ips` of the \
             token or of the organisation's API policy may leave out this address"
        }
        403 => {
            "check the role of the token; the `src_ips` of the token or of the organisation's API policy may leave \
             out this address"
        }
        404 => "there is no such thing that this token can see; check the id and the cloud",
        429 => "the token's calls are spent for this hour",
        407 => "the proxy wants a user and a password",
        500..=599 => "the fault is Mist's, or of something in between",
        _ => return None,
    })
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {}", text.trim_end_matches('.')) }
}

fn hinted(hint: Option<&str>) -> String {
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}
