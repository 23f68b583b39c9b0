//! What the relay says of itself.

use serde::{Deserialize, Serialize};

use crate::{Severity, State};

/// Something the relay says of itself; it travels through the inbox like everything else.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Own {
    /// What it is about.
    pub kind: OwnKind,
    /// Which one: the name of a sink, for example. Empty when there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// Whether it begins, ends or just happened.
    pub state: State,
    /// What happened, to what, and what to do, for a person.
    pub text: String,
    /// How many things it is about, as alerts given up.
    #[serde(default)]
    pub count: u64,
    /// How bad it is, where that is not always the same; else its kind says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How long it has lasted, in seconds, where that is known: of a heartbeat, how long ago the last webhook came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_secs: Option<u64>,
}

/// The kinds of things the relay says of itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OwnKind {
    /// A sink does not keep up; raised and cleared.
    SinkBehind,
    /// A sink was behind by more than its share, and its oldest alerts were given up; an event.
    AlertsGivenUp,
    /// A receiver refuses one notification again and again while it takes others; an event.
    AlertSetAside,
    /// The journal comes near its bound; raised and cleared.
    JournalNearBound,
    /// A stored entry or alert is damaged; an event.
    JournalDamaged,
    /// Organisation and site both post the same topic to this relay; an event.
    DoubleSubscription,
    /// Every webhook seems to come from one private address, so that Mist's own are not seen; raised and cleared.
    SourcesHidden,
    /// A webhook that Mist signed came from an address that is not listed, and was refused; an event.
    UnlistedSource,
    /// The certificate of the listener ends soon, or has ended; raised again as its end comes nearer, and cleared.
    CertificateExpires,
    /// The certificate of the listener could not be renewed or replaced; raised and cleared.
    CertificateNotRenewed,
    /// The relay is alive, and how far behind the sink is that is its resource, for which alone it is; an event.
    Heartbeat,
    /// Nothing came from an organisation of Mist for a set time, and no ping came through; raised and cleared.
    MistSilent,
    /// A certificate that a sink or the API needs ends soon, or has ended; raised again as its end comes nearer, and
    /// cleared.
    SinkCertificateExpires,
    /// The calls of this hour to the API of Mist are nearly spent; raised and cleared.
    ApiCallsShort,
    /// Mist refuses the token of an organisation, it may do nothing there, or it may be deleted soon since it is not used;
    /// raised again when that grows, and cleared.
    ApiTokenInvalid,
    /// An operator tests the sink that is its resource, and it is for that sink alone; raised and cleared.
    Test,
}

impl OwnKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::SinkBehind,
        Self::AlertsGivenUp,
        Self::AlertSetAside,
        Self::JournalNearBound,
        Self::JournalDamaged,
        Self::DoubleSubscription,
        Self::SourcesHidden,
        Self::UnlistedSource,
        Self::CertificateExpires,
        Self::CertificateNotRenewed,
        Self::Heartbeat,
        Self::MistSilent,
        Self::SinkCertificateExpires,
        Self::ApiCallsShort,
        Self::ApiTokenInvalid,
        Self::Test,
    ];

    /// Whether the relay makes alerts of this type.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        name == "uninterpretable" || Self::ALL.iter().any(|kind| kind.word() == name)
    }

    /// The alert's type, `sink_behind`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SinkBehind => "sink_behind",
            Self::AlertsGivenUp => "alerts_given_up",
            Self::AlertSetAside => "alert_set_aside",
            Self::JournalNearBound => "journal_near_bound",
            Self::JournalDamaged => "journal_damaged",
            Self::DoubleSubscription => "double_subscription",
            Self::SourcesHidden => "sources_hidden",
            Self::UnlistedSource => "unlisted_source",
            Self::CertificateExpires => "certificate_expires",
            Self::CertificateNotRenewed => "certificate_not_renewed",
            Self::Heartbeat => "heartbeat",
            Self::MistSilent => "mist_silent",
            Self::SinkCertificateExpires => "sink_certificate_expires",
            Self::ApiCallsShort => "api_calls_short",
            Self::ApiTokenInvalid => "api_token_invalid",
            Self::Test => "test",
        }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::SinkBehind
            | Self::AlertSetAside
            | Self::DoubleSubscription
            | Self::SourcesHidden
            | Self::CertificateExpires
            | Self::CertificateNotRenewed
            | Self::MistSilent
            | Self::SinkCertificateExpires
            | Self::ApiCallsShort
            | Self::ApiTokenInvalid => Severity::Warning,
            Self::Heartbeat => Severity::Info,
            Self::AlertsGivenUp | Self::JournalNearBound | Self::JournalDamaged | Self::UnlistedSource => {
                Severity::Critical
            }
            Self::Test => Severity::Info,
        }
    }

    /// Whether it is for the sink alone that is its resource, whatever the routes say.
    #[must_use]
    pub const fn is_for_its_sink(self) -> bool {
        matches!(self, Self::Heartbeat | Self::Test)
    }
}
