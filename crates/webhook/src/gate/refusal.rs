//! Why a request is turned away, and how it is answered.

use std::fmt;

use http::StatusCode;

/// Why one request was turned away.
///
/// Its status is all the caller learns; [`reason`](Self::reason) is for the log and the counters.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// It comes from an address that is not allowed.
    Source,
    /// Nobody is served at this path.
    Path,
    /// It is not a POST.
    Method,
    /// It has both a length and a transfer encoding, or another transfer encoding than chunked.
    Framing,
    /// Its body is longer than is read.
    TooLarge,
    /// Its body is encoded.
    Encoding,
    /// Its body took too long to arrive.
    SlowBody,
    /// Its body ended before its length.
    BrokenBody,
    /// Too many bodies are not answered yet.
    Busy,
    /// It carries no signature that counts.
    SignatureMissing,
    /// Its signature is not one, or there are several.
    SignatureMalformed,
    /// None of the organisation's secrets made its signature.
    SignatureWrong,
    /// It is signed, and not a JSON object with a topic.
    NoMessage,
}

impl Refusal {
    /// Every refusal there is.
    pub const ALL: [Self; 13] = [
        Self::Source,
        Self::Path,
        Self::Method,
        Self::Framing,
        Self::TooLarge,
        Self::Encoding,
        Self::SlowBody,
        Self::BrokenBody,
        Self::Busy,
        Self::SignatureMissing,
        Self::SignatureMalformed,
        Self::SignatureWrong,
        Self::NoMessage,
    ];

    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Source => StatusCode::FORBIDDEN,
            Self::Path => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::SignatureMissing | Self::SignatureMalformed | Self::SignatureWrong => {
                StatusCode::UNAUTHORIZED
            }
            Self::Framing | Self::BrokenBody | Self::NoMessage => StatusCode::BAD_REQUEST,
        }
    }

    /// One word for counters and logs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Path => "path",
            Self::Method => "method",
            Self::Framing => "framing",
            Self::TooLarge => "too_large",
            Self::Encoding => "encoding",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::Busy => "busy",
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureWrong => "signature_wrong",
            Self::NoMessage => "no_message",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Refusal {}
