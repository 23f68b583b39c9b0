//! Webhook topics.

use std::fmt;

/// What a message is about, as Mist names it.
///
/// Shape: lower case with hyphens; underscores, which some of Mist's own examples show, are read as hyphens.
/// Mist adds topics: what is not known here is kept as it came.
/// Source: Mist OpenAPI, `GET /api/v1/const/webhook_topics`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Topic {
    /// `alarms`: infrastructure, security and Marvis alarms.
    Alarms,
    /// `audits`: what administrators did.
    Audits,
    /// `device-events`: what devices report, the noisy one.
    DeviceEvents,
    /// `device-updowns`: devices that connect, disconnect and restart.
    DeviceUpdowns,
    /// `mxedge-events`: what Mist Edges report.
    MxedgeEvents,
    /// `ping`: a test an administrator asked for.
    Ping,
    /// Any other topic.
    Other(Box<str>),
}

impl Topic {
    /// The topic that `text` names; every text names one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let same = |known: &Self| {
            let bytes = text.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
            bytes.eq(known.name().bytes())
        };
        let known = Self::KNOWN.into_iter().find(same);
        known.unwrap_or_else(|| Self::Other(text.replace('_', "-").into_boxed_str()))
    }

    /// The name on the wire, with hyphens.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Alarms => "alarms",
            Self::Audits => "audits",
            Self::DeviceEvents => "device-events",
            Self::DeviceUpdowns => "device-updowns",
            Self::MxedgeEvents => "mxedge-events",
            Self::Ping => "ping",
            Self::Other(name) => name,
        }
    }

    /// Whether alerts of this topic go to every sink that has no route; others go nowhere without one.
    #[must_use]
    pub const fn goes_everywhere(&self) -> bool {
        !matches!(self, Self::Ping | Self::Other(_))
    }

    const KNOWN: [Self; 6] =
        [Self::Alarms, Self::Audits, Self::DeviceEvents, Self::DeviceUpdowns, Self::MxedgeEvents, Self::Ping];
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_and_underscores_are_one() {
        assert_eq!(Topic::new("device_events"), Topic::DeviceEvents);
        assert_eq!(Topic::new("location_asset"), Topic::new("location-asset"));
    }

    #[test]
    fn an_unknown_topic_passes_through() {
        let topic = Topic::new("tea-time");

        assert_eq!(topic.name(), "tea-time");
        assert!(!topic.goes_everywhere());
    }
}
