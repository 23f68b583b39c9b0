//! What can be found wrong, by name.

use serde::Serialize;

/// What a check found that is not as it should be. Scripts go by it, and `docs/doctor.md` has a row for each.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(clap::ValueEnum), value(rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Code {
    ConfigMissing,
    ConfigInvalid,
    ConfigNotLoaded,
    ConfigWeakened,
    RelayStopped,
    RelayNotAsked,
    CertificateNameless,
    CertificateNotShown,
    CertificateSelfSigned,
    CertificateEndsSoon,
    CertificateRefused,
    ListenerClosed,
    ListenerElsewhere,
    ListenerTaken,
    ListenerRefuses,
    NameUnknown,
    NameInside,
    NameWithoutIpv4,
    SourcesOld,
    SourcesNone,
    SourcesHidden,
    ApiNone,
    TokenRefused,
    TokenPowerless,
    TokenPersonal,
    CallsShort,
    WebhookUnseen,
    WebhookNone,
    WebhookOff,
    WebhookUnsigned,
    WebhookOtherSecret,
    WebhookUnverified,
    WebhookTopics,
    WebhookTwice,
    WebhookFailed,
    TemplateNone,
    TemplateSilent,
    DelaySet,
    ClockUnknown,
    ClockOff,
    DiskUnseen,
    DiskNearlyFull,
    DiskOutgrown,
    JournalUnreadable,
    JournalFull,
    JournalForgotten,
    SinkBehind,
    SinkNone,
    SinkUnreachable,
    SinkRefuses,
    OpenFilesFew,
    MemoryShort,
}

impl Code {
    /// What was looked at.
    pub(super) const fn component(self) -> &'static str {
        match self {
            Self::ConfigMissing
            | Self::ConfigInvalid
            | Self::ConfigNotLoaded
            | Self::ConfigWeakened
            | Self::RelayStopped
            | Self::RelayNotAsked => "config",
            Self::CertificateNameless
            | Self::CertificateNotShown
            | Self::CertificateSelfSigned
            | Self::CertificateEndsSoon
            | Self::CertificateRefused => "certificate",
            Self::ListenerClosed | Self::ListenerElsewhere | Self::ListenerTaken | Self::ListenerRefuses => {
                "listener"
            }
            Self::NameUnknown | Self::NameInside | Self::NameWithoutIpv4 => "name",
            Self::SourcesOld | Self::SourcesNone => "sources",
            Self::SourcesHidden => "nat",
            Self::ApiNone
            | Self::TokenRefused
            | Self::TokenPowerless
            | Self::TokenPersonal
            | Self::CallsShort => "mist api",
            Self::WebhookUnseen
            | Self::WebhookNone
            | Self::WebhookOff
            | Self::WebhookUnsigned
            | Self::WebhookOtherSecret
            | Self::WebhookUnverified
            | Self::WebhookTopics
            | Self::WebhookTwice
            | Self::WebhookFailed => "webhook",
            Self::TemplateNone | Self::TemplateSilent => "alarm template",
            Self::DelaySet => "up/down delay",
            Self::ClockUnknown | Self::ClockOff => "clock",
            Self::DiskUnseen | Self::DiskNearlyFull | Self::DiskOutgrown => "disk",
            Self::JournalUnreadable | Self::JournalFull | Self::JournalForgotten | Self::SinkBehind => {
                "journal"
            }
            Self::SinkNone | Self::SinkUnreachable | Self::SinkRefuses => "sink",
            Self::OpenFilesFew => "open files",
            Self::MemoryShort => "memory",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::ValueEnum;

    use super::*;

    const PAGE: &str = include_str!("../../../../docs/doctor.md");

    #[test]
    fn the_page_has_a_row_for_each_code_and_for_no_other() {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let known = Code::value_variants();
        let named: BTreeSet<(String, &str)> = known
            .iter()
            .map(|code| (code.to_possible_value().unwrap().get_name().to_owned(), code.component()))
            .collect();
        let shown: BTreeSet<(String, &str)> = rows
            .filter_map(|(code, rest)| {
                let component = rest.strip_prefix('`')?.split_once('`')?.0;
                Some((code.to_owned(), component))
            })
            .collect();

        assert_eq!(shown, named);
        for code in known {
            let name = code.to_possible_value().unwrap();
            assert_eq!(serde_json::to_value(code).unwrap(), name.get_name());
        }
    }
}
