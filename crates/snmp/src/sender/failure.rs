//! Why a notification did not get through.

use std::io;

use async_snmp as wire;
use thiserror::Error;

/// One notification that was not delivered, as far as the sender knows.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody answered in time. A wrong user or passphrase looks the same: a receiver's complaint about
    /// those is not signed, so it proves nothing.
    #[error("no acknowledgement in time")]
    Timeout,
    /// The receiver answered that it did not take it.
    #[error("the receiver refused it: {reason}")]
    Refused {
        /// The error status or report in its answer.
        reason: String,
    },
    /// The notification is larger than the receiver or the socket takes; encode it with smaller limits.
    #[error("{size} bytes are more than the {limit} the receiver takes; lower `max_bytes` of the sink")]
    TooBig {
        /// Bytes of the datagram.
        size: usize,
        /// Bytes that can be sent.
        limit: usize,
    },
    /// The operating system did not send it.
    #[error("the system did not send it")]
    Io {
        /// What it said.
        source: io::Error,
    },
    /// The socket is of no use any more.
    #[error("the socket is closed")]
    Closed,
    /// The sender is not set up for it: an SNMPv3 trap needs an [`Engine`](crate::Engine), for one.
    #[error("the sender is not set up for it: {reason}")]
    Unfit {
        /// What the library said.
        reason: String,
    },
    /// The library underneath refuses this very notification.
    #[error("it cannot be sent: {reason}")]
    Unsendable {
        /// What the library said.
        reason: String,
    },
}

impl Failure {
    /// What helps.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Timeout | Self::Refused { .. } | Self::TooBig { .. } | Self::Unfit { .. } => Retry::Again,
            Self::Io { .. } | Self::Closed => Retry::Reconnect,
            Self::Unsendable { .. } => Retry::Never,
        }
    }

    pub(super) fn from_wire(error: &wire::Error) -> Self {
        match error.exchange_source() {
            wire::Error::Timeout { .. } => Self::Timeout,
            wire::Error::OutboundMessageTooLarge { size, limit } => {
                Self::TooBig { size: *size, limit: *limit }
            }
            wire::Error::Closed { .. } => Self::Closed,
            wire::Error::Network { source, .. } => Self::Io {
                source: source.raw_os_error().map_or_else(
                    || io::Error::new(source.kind(), source.to_string()),
                    io::Error::from_raw_os_error,
                ),
            },
            wire::Error::Snmp { status, .. } => Self::Refused { reason: status.to_string() },
            wire::Error::Report { status, .. } => Self::Refused { reason: status.to_string() },
            wire::Error::Auth { .. } => Self::Refused { reason: "its answer is out of time".to_owned() },
            wire::Error::RequestIdInUse { .. } => Self::Timeout,
            unsendable @ (wire::Error::InvalidMessage(_) | wire::Error::InvalidOid(_)) => {
                Self::Unsendable { reason: unsendable.to_string() }
            }
            wire::Error::Config(reason) => Self::Unfit { reason: reason.to_string() },
            // An answer that makes no sense says nothing about the next attempt.
            other => Self::Refused { reason: other.to_string() },
        }
    }
}

/// What helps after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// Sending it again, after a pause.
    Again,
    /// Sending it again from a new sender.
    Reconnect,
    /// Nothing: this notification cannot be sent like this.
    Never,
}
