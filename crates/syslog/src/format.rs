//! The formats of a message.

use alarm::{Alert, Stamp};

use crate::{Cef, Json, Rfc3164, Rfc5424};

/// An encoder for any of the formats.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Format {
    /// RFC 5424 with structured data.
    Rfc5424(Rfc5424),
    /// RFC 3164 with named values in its text.
    Rfc3164(Rfc3164),
    /// An object of JSON behind a header of RFC 5424.
    Json(Json),
    /// ArcSight's Common Event Format behind a header of RFC 3164.
    Cef(Cef),
}

impl Format {
    /// The message for `alert`.
    #[must_use]
    pub fn encode(&self, alert: &Alert, stamp: &Stamp<'_>) -> Line {
        let mut bytes = Vec::with_capacity(1024);
        let truncated = self.encode_into(alert, stamp, &mut bytes);
        Line { bytes, truncated }
    }

    /// Appends the message for `alert` to `out` and says whether it had to be shortened.
    ///
    /// Allocates nothing but what `out` needs, unless it shortens.
    pub fn encode_into(&self, alert: &Alert, stamp: &Stamp<'_>, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Rfc5424(encoder) => encoder.encode_into(alert, stamp, out),
            Self::Rfc3164(encoder) => encoder.encode_into(alert, stamp, out),
            Self::Json(encoder) => encoder.encode_into(alert, stamp, out),
            Self::Cef(encoder) => encoder.encode_into(alert, stamp, out),
        }
    }
}

/// One message, without framing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// UTF-8 without any control character.
    pub bytes: Vec<u8>,
    /// Whether something was shortened or left out for the limit.
    pub truncated: bool,
}
