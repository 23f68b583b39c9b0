//! How bad it is, and what syslog, CEF and SNMP call that.

use serde::{Deserialize, Serialize};

use crate::State;

/// How bad an alert is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Neither the body nor a catalogue says; leaves as the word `warning`, in the MIB as indeterminate.
    #[default]
    Unknown,
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody must look now.
    Critical,
}

impl Severity {
    /// Reads any of Mist's words in any case; what is not known is [`Self::Unknown`].
    ///
    /// Source: alarms `critical`, `warn`, `info`; device events `notice`, `warn`; Mist Edge `normal`,
    /// `warning`, `high`, `critical`.
    #[must_use]
    pub fn from_mist(word: &str) -> Self {
        let is = |known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is(&["critical", "high", "emergency", "alert"]) {
            Self::Critical
        } else if is(&["warn", "warning", "major", "minor", "error"]) {
            Self::Warning
        } else if is(&["info", "informational", "notice", "normal"]) {
            Self::Info
        } else {
            Self::Unknown
        }
    }

    /// `critical`, `warning` or `info`; what is not known is a `warning`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning | Self::Unknown => "warning",
            Self::Info => "info",
        }
    }

    /// The severity of a syslog line (RFC 5424 6.2.1) about something in `state`; `audit` marks an audit.
    #[must_use]
    pub const fn syslog(self, state: State, audit: bool) -> SyslogSeverity {
        match (state, self) {
            (State::Cleared, _) => SyslogSeverity::Notice,
            _ if audit => SyslogSeverity::Notice,
            (_, Self::Critical) => SyslogSeverity::Critical,
            (_, Self::Warning | Self::Unknown) => SyslogSeverity::Warning,
            (_, Self::Info) => SyslogSeverity::Informational,
        }
    }

    /// The severity of a CEF message, 0 to 10, about something in `state`; `audit` marks an audit.
    ///
    /// Source: "Implementing ArcSight Common Event Format (CEF)", version 25: 0-3 low, 4-6 medium, 7-8 high,
    /// 9-10 very high.
    #[must_use]
    pub const fn cef(self, state: State, audit: bool) -> u8 {
        match (state, self) {
            (State::Cleared, _) => 2,
            _ if audit => 4,
            (_, Self::Critical) => 9,
            (_, Self::Warning | Self::Unknown) => 6,
            (_, Self::Info) => 3,
        }
    }

    /// The perceived severity (ITU-T X.733, RFC 3877) of something in `state`; `audit` marks an audit.
    #[must_use]
    pub const fn perceived(self, state: State, audit: bool) -> PerceivedSeverity {
        match (state, self) {
            (State::Cleared, _) => PerceivedSeverity::Cleared,
            _ if audit => PerceivedSeverity::Indeterminate,
            (_, Self::Critical) => PerceivedSeverity::Critical,
            (_, Self::Warning) => PerceivedSeverity::Minor,
            (State::Raised, Self::Info) => PerceivedSeverity::Warning,
            (_, Self::Info | Self::Unknown) => PerceivedSeverity::Indeterminate,
        }
    }
}

/// The severities of syslog that Fogbell uses, by their numbers in RFC 5424 6.2.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum SyslogSeverity {
    /// `crit`.
    Critical = 2,
    /// `warning`.
    Warning = 4,
    /// `notice`.
    Notice = 5,
    /// `info`.
    Informational = 6,
}

/// `ItuPerceivedSeverity` of RFC 3877, by its numbers there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum PerceivedSeverity {
    Cleared = 1,
    Indeterminate = 2,
    Critical = 3,
    Major = 4,
    Minor = 5,
    Warning = 6,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_severity_table_holds() {
        use PerceivedSeverity as P;
        use SyslogSeverity as S;
        for (severity, state, audit, syslog, cef, perceived) in [
            (Severity::Critical, State::Raised, false, S::Critical, 9, P::Critical),
            (Severity::Critical, State::Event, false, S::Critical, 9, P::Critical),
            (Severity::Warning, State::Raised, false, S::Warning, 6, P::Minor),
            (Severity::Info, State::Event, false, S::Informational, 3, P::Indeterminate),
            (Severity::Info, State::Raised, false, S::Informational, 3, P::Warning),
            (Severity::Critical, State::Cleared, false, S::Notice, 2, P::Cleared),
            (Severity::Info, State::Event, true, S::Notice, 4, P::Indeterminate),
            (Severity::Unknown, State::Event, false, S::Warning, 6, P::Indeterminate),
        ] {
            assert_eq!(severity.syslog(state, audit), syslog, "{severity:?} {state:?}");
            assert_eq!(severity.cef(state, audit), cef, "{severity:?} {state:?}");
            assert_eq!(severity.perceived(state, audit), perceived, "{severity:?} {state:?}");
        }
    }

    #[test]
    fn mists_words_are_read_in_any_case() {
        for (word, severity) in [
            ("critical", Severity::Critical),
            ("warn", Severity::Warning),
            ("NOTICE", Severity::Info),
            ("normal", Severity::Info),
            ("high", Severity::Critical),
            ("purple", Severity::Unknown),
            ("", Severity::Unknown),
        ] {
            assert_eq!(Severity::from_mist(word), severity, "{word}");
        }
    }
}
