//! Tells what those beside the relay worry about: once when it begins, again when it grows, and when it has ended.

use std::collections::BTreeMap;

use alarm::{Alert, Own, OwnKind, Severity, State};

use super::problem;
use crate::concerns::Known;

/// What was said last: the severity of each concern that is open, by the word of its kind and what it is about.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<(&'static str, String), Severity>);

impl Said {
    /// Remembers an open problem from before a restart.
    pub(super) fn recall(&mut self, alert: &Alert) {
        let kind = KINDS.iter().map(|kind| kind.word()).find(|word| alert.kind == *word);
        if let Some(kind) = kind.filter(|_| alert.is_own()) {
            self.0.insert((kind, alert.category.to_string()), alert.severity);
        }
    }

    /// Takes back that something was said: it is said again as long as it is so.
    pub(super) fn unsaid(&mut self, own: &Own) {
        let key = (own.kind.word(), own.resource.clone());
        match own.state {
            State::Raised => drop(self.0.remove(&key)),
            _ => drop(self.0.insert(key, Severity::Info)),
        }
    }

    /// What begins, grows or ends; of kinds that nobody has looked at yet nothing.
    pub(super) fn judge(&mut self, known: &Known) -> Vec<Own> {
        let mut said = Vec::new();
        for (word, (kind, concerns)) in known {
            let ended: Vec<_> = self
                .0
                .keys()
                .filter(|(open, resource)| *open == *word && !concerns.contains_key(resource))
                .cloned()
                .collect();
            for key in ended {
                self.0.remove(&key);
                said.push(problem(*kind, &key.1, State::Cleared, format!("{} is in order again", key.1)));
            }
            for (resource, concern) in concerns {
                let before = self.0.insert((word, resource.clone()), concern.severity);
                if before.is_none_or(|before| rank(before) < rank(concern.severity)) {
                    let own = problem(*kind, resource, State::Raised, concern.text.clone());
                    said.push(Own { severity: Some(concern.severity), ..own });
                }
            }
        }
        said
    }
}

const fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Unknown => 0,
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

/// The kinds that are told this way.
const KINDS: [OwnKind; 3] =
    [OwnKind::SinkCertificateExpires, OwnKind::ApiCallsShort, OwnKind::ApiTokenInvalid];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::concerns::{Concern, Concerns};

    use super::*;

    const KIND: OwnKind = OwnKind::SinkCertificateExpires;

    fn are(concerns: &Concerns, all: &[(&str, Severity)]) {
        let of = |(about, severity): &(&str, Severity)| {
            ((*about).to_owned(), Concern { severity: *severity, text: String::new() })
        };
        concerns.are(KIND, all.iter().map(of).collect());
    }

    fn said(said: &mut Said, concerns: &Concerns) -> Vec<(String, State)> {
        said.judge(&concerns.known()).into_iter().map(|own| (own.resource, own.state)).collect()
    }

    #[test]
    fn a_concern_is_told_once_again_when_it_grows_and_when_it_has_ended() {
        let (concerns, mut told) = (Concerns::new(Arc::default()), Said::default());
        let one = |about: &str, state| vec![(about.to_owned(), state)];

        assert_eq!(said(&mut told, &concerns), []);
        are(&concerns, &[("siem", Severity::Info)]);
        assert_eq!(said(&mut told, &concerns), one("siem", State::Raised));
        assert_eq!(said(&mut told, &concerns), []);
        are(&concerns, &[("siem", Severity::Critical)]);
        assert_eq!(said(&mut told, &concerns), one("siem", State::Raised));
        are(&concerns, &[("siem", Severity::Warning)]);
        assert_eq!(said(&mut told, &concerns), []);
        are(&concerns, &[]);
        assert_eq!(said(&mut told, &concerns), one("siem", State::Cleared));
        assert_eq!(said(&mut told, &concerns), []);
    }

    #[test]
    fn what_was_open_before_a_restart_is_neither_told_again_nor_forgotten() {
        let (concerns, mut told) = (Concerns::new(Arc::default()), Said::default());
        told.0.insert((KIND.word(), "siem".to_owned()), Severity::Warning);
        told.0.insert((KIND.word(), "gone".to_owned()), Severity::Warning);

        assert_eq!(said(&mut told, &concerns), [], "nobody has looked yet");
        are(&concerns, &[("siem", Severity::Warning)]);
        assert_eq!(said(&mut told, &concerns), [("gone".to_owned(), State::Cleared)]);
    }

    #[test]
    fn what_was_not_stored_is_said_again() {
        let (concerns, mut told) = (Concerns::new(Arc::default()), Said::default());
        are(&concerns, &[("siem", Severity::Info)]);
        let first = told.judge(&concerns.known());
        told.unsaid(&first[0]);
        assert_eq!(said(&mut told, &concerns), [("siem".to_owned(), State::Raised)]);
        are(&concerns, &[]);
        let end = told.judge(&concerns.known());
        told.unsaid(&end[0]);
        assert_eq!(said(&mut told, &concerns), [("siem".to_owned(), State::Cleared)]);
    }
}
