//! What figures are told apart by.

use std::fmt::{self, Write};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Version {
    pub(super) version: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Status {
    pub(super) status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Why {
    pub(super) reason: Closed,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct TopicLabel {
    pub(super) org: String,
    pub(super) topic: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct KindLabel {
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct TellerLabel {
    pub(super) from: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct OccasionLabel {
    pub(super) occasion: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct OrgLabel {
    pub(super) org: String,
}

/// The sink a figure is about.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct SinkLabel {
    pub(crate) sink: String,
}

/// The route that a figure is about, as a sink asked it.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct RouteLabel {
    pub(super) route: String,
    pub(super) sink: String,
}

/// Why a connection was closed without an answer, or behind one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Closed {
    Cap,
    Accept,
    /// Only proxies may connect, and it was none.
    NoProxy,
    /// A proxy did not say whom it comes from.
    ProxyHeader,
    Handshake,
    SlowHandshake,
    SlowHead,
    Idle,
    Malformed,
    Broken,
    Challenge,
}

impl EncodeLabelValue for Closed {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.word())
    }
}

impl Closed {
    /// One word for counters and logs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::Accept => "accept",
            Self::NoProxy => "no_proxy",
            Self::ProxyHeader => "proxy_header",
            Self::Handshake => "handshake",
            Self::SlowHandshake => "slow_handshake",
            Self::SlowHead => "slow_head",
            Self::Idle => "idle",
            Self::Malformed => "malformed",
            Self::Broken => "broken",
            Self::Challenge => "challenge",
        }
    }
}

impl SinkLabel {
    pub(crate) fn new(sink: &str) -> Self {
        Self { sink: sink.to_owned() }
    }
}
