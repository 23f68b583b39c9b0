//! What was asked.

use bytes::Bytes;
use http::Method;
use ids::Timestamp;

use super::ask::Ask;
use crate::inbox::Inbox;

/// One call to the API.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// When it arrived, by the machine's clock.
    pub at: Timestamp,
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Its query, without the question mark; empty when there is none.
    pub query: String,
    /// Its body, cut to 64 KiB.
    pub body: Bytes,
    /// The key of its token; `None` without one.
    pub token: Option<String>,
    /// The status of the answer; `None` when none was given.
    pub status: Option<u16>,
}

impl Call {
    pub(super) fn of(at: Timestamp, ask: &Ask) -> Self {
        Self {
            at,
            method: ask.method.clone(),
            path: ask.path.clone(),
            query: ask.query.clone(),
            body: ask.body.slice(..ask.body.len().min(MOST_BODY)),
            token: ask.token.clone(),
            status: None,
        }
    }

    pub(super) fn push(self, calls: &Inbox<Self>) {
        let weight = self.path.len() + self.query.len() + self.body.len() + 256;
        calls.push(self, weight);
    }
}

const MOST_BODY: usize = 64 << 10;
