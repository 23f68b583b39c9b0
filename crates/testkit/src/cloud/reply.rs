//! An answer, before it is sent.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::deliver::Job;

/// What is answered, and what happens because of it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Headers besides `Content-Type` and `Content-Length`.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// Deliveries that start once the answer is made.
    pub(crate) jobs: Vec<Job>,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content_type: "application/json".to_owned(),
            body: Bytes::from(body.to_string()),
            jobs: Vec::new(),
        }
    }

    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 200 without a body.
    pub(crate) fn empty() -> Self {
        Self { body: Bytes::new(), ..Self::ok(&Value::Null) }
    }

    pub(crate) fn detail(status: StatusCode, text: &str) -> Self {
        Self::json(status, &json!({ "detail": text }))
    }

    pub(crate) fn bad(text: &str) -> Self {
        Self::detail(StatusCode::BAD_REQUEST, text)
    }

    /// 400 as webhooks have it.
    pub(crate) fn bad_because(detail: &str, reason: &str) -> Self {
        Self::json(StatusCode::BAD_REQUEST, &json!({ "detail": detail, "reason": reason }))
    }

    /// 404, which has no `detail`.
    pub(crate) fn not_found(id: &str) -> Self {
        Self::json(StatusCode::NOT_FOUND, &json!({ "id": id }))
    }

    /// What Mist says with a status that its contract documents, and a plain sentence with any other.
    pub(crate) fn of_status(status: StatusCode, calls_per_hour: u64) -> Self {
        match status.as_u16() {
            401 => Self::detail(status, "Authentication credentials were not provided."),
            403 => Self::detail(status, "You do not have permission to perform this action."),
            404 => Self::not_found("00000000-0000-0000-0000-000000000000"),
            429 => Self::detail(
                status,
                &format!(
                    "Too Many Request. The API Token used for the request reached the {calls_per_hour} API \
                     Calls per hour threshold"
                ),
            ),
            _ => Self::detail(status, status.canonical_reason().unwrap_or("no reason is known")),
        }
    }

    /// A page as a proxy in between makes it.
    pub(crate) fn html(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Unknown");
        let body = format!(
            "<html>\r\n<head><title>{status}</title></head>\r\n<body><center><h1>{} {reason}</h1></center></body>\r\n\
             </html>\r\n",
            status.as_u16()
        );
        Self { content_type: "text/html".to_owned(), body: body.into(), ..Self::json(status, &Value::Null) }
    }
}
