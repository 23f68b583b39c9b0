//! What becomes of an alert, asked without a running relay: by `explain`, `test-rules` and filters.

use std::fmt;
use std::sync::Arc;

use alarm::{Alert, Interpreter, Stamp};
use snmp::Notification;
use thiserror::Error;

use crate::config::Config;
use crate::route::expression::{Expression, Language};
use crate::route::field::Facts;
use crate::route::{Judged, Routes};
use crate::setup::{Kind, rules};
use crate::{Error, Setup, setup};

/// The part of a configuration that needs no secrets: how events are interpreted, and which sink gets which alert.
#[derive(Debug)]
pub struct Rulebook {
    routes: Routes,
    rules: alarm::Rules,
}

impl Rulebook {
    /// The rules of `config`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the place in the file, what is wrong and what to do.
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self { routes: setup::routes_of(config)?, rules: rules::rules(config) })
    }

    /// An interpreter that remembers nothing yet.
    #[must_use]
    pub fn interpreter(&self) -> Interpreter {
        Interpreter::new(self.rules.clone())
    }

    /// What the routes say of `alert`, and which sinks get it.
    #[must_use]
    pub fn judge(&self, alert: &Alert) -> Judged {
        self.routes.judge(alert)
    }
}

/// What one sink would be sent.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Name of the sink.
    pub sink: String,
    /// Where it would go.
    pub receiver: String,
    /// What would go there.
    pub sent: Sent,
}

/// What is sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Sent {
    /// A line of syslog, without the framing of a stream.
    Line {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Whether it had to be shortened.
        truncated: bool,
    },
    /// A trap or inform.
    Notification(Notification),
}

impl Setup {
    /// What each of the sinks that the routes name would be sent of `alert` at place `sequence` of the outbox.
    #[must_use]
    pub fn show(&self, alert: &Alert, sequence: u64) -> Vec<Shown> {
        let judged = self.judge(alert);
        let stamp = Stamp { relay: &self.name, sequence };
        let alert = Arc::new(alert.clone());
        let taken = self.sinks.iter().filter(|sink| judged.sinks.contains(&sink.name));
        taken
            .map(|sink| {
                let (shown, _its_own_text_is_sent) = sink.view.of(&alert, &stamp);
                let sent = match &sink.kind {
                    Kind::Notifications { limits, .. } => {
                        Sent::Notification(Notification::encode(&shown, &stamp, &self.mib, limits))
                    }
                    Kind::Datagrams { format } | Kind::Stream { format, .. } => {
                        let line = format.encode(&shown, &stamp);
                        Sent::Line { bytes: line.bytes, truncated: line.truncated }
                    }
                };
                Shown { sink: sink.name.clone(), receiver: sink.receiver.to_string(), sent }
            })
            .collect()
    }
}

/// A CEL expression over the fields of an alert, as `when` of a route has it.
#[derive(Debug)]
pub struct Filter(Expression);

/// Why an expression cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub struct BadFilter {
    column: usize,
    what: String,
}

impl fmt::Display for BadFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.what)
    }
}

impl Filter {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// [`BadFilter`] says where and why.
    pub fn parse(text: &str) -> Result<Self, BadFilter> {
        let compiled = Language::new().compile(text);
        compiled.map(Self).map_err(|fault| BadFilter {
            column: text.get(..fault.offset).map_or(fault.offset, |before| before.chars().count()) + 1,
            what: fault.what,
        })
    }

    /// Whether it is true of `alert`, as the alert was told; without a value it is not.
    #[must_use]
    pub fn takes(&self, alert: &Alert) -> bool {
        self.0.holds(&Facts::told(alert)).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, AlertId, Severity};
    use ids::Timestamp;

    use super::*;

    #[test]
    fn a_filter_takes_what_its_expression_says_and_a_bad_one_says_where() {
        let mut alert =
            Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), "alarms", "device_down", Timestamp::default());
        alert.severity = Severity::Critical;

        assert!(Filter::parse("severity == 'critical' && topic == 'alarms'").unwrap().takes(&alert));
        assert!(!Filter::parse("severity == 'info'").unwrap().takes(&alert));
        let said = Filter::parse("severity == ").unwrap_err().to_string();
        assert!(said.starts_with("column "), "{said}");
    }
}
