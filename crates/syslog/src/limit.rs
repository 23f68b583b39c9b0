//! How long a message may be.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most bytes one whole message may have, header and structured data included, framing not.
///
/// Shape: at least 480, what every receiver must take.
/// Source: RFC 5424 6.1; RFC 5425 4.3.1 for TLS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct MaxBytes(usize);

impl MaxBytes {
    /// 480: what every receiver must take.
    pub const LEAST: Self = Self(480);
    /// 1024, for RFC 3164 on any transport: the most such a packet may have (RFC 3164 4.1).
    pub const PACKET: Self = Self(1024);
    /// 2048, for UDP: what a receiver should take.
    pub const DATAGRAM: Self = Self(2048);
    /// 8192, for TCP and TLS: what a receiver over TLS should take.
    pub const STREAM: Self = Self(8192);

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for MaxBytes {
    /// [`Self::DATAGRAM`], which every transport carries.
    fn default() -> Self {
        Self::DATAGRAM
    }
}

impl TryFrom<usize> for MaxBytes {
    type Error = MaxBytesError;

    fn try_from(bytes: usize) -> Result<Self, Self::Error> {
        if bytes >= Self::LEAST.0 { Ok(Self(bytes)) } else { Err(MaxBytesError { bytes }) }
    }
}

impl From<MaxBytes> for usize {
    fn from(max: MaxBytes) -> Self {
        max.0
    }
}

impl fmt::Display for MaxBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A limit that no message fits in.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{bytes} bytes are too few for a syslog message; 480 is the least (RFC 5424 6.1)")]
pub struct MaxBytesError {
    bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_what_receivers_must_take_is_refused() {
        assert!(MaxBytes::try_from(479).is_err());
        assert_eq!(MaxBytes::try_from(480), Ok(MaxBytes::LEAST));
        assert_eq!(usize::from(MaxBytes::default()), 2048);
    }
}
