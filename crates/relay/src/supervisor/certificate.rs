//! What the relay says of its certificate: that it ends soon, and that another one did not come.

use std::time::SystemTime;

use alarm::{Alert, Own, OwnKind, Severity, State};
use ids::Timestamp;

use super::problem;
use crate::certificate::{Nearness, Renewed, Shown, nearness};

/// What was said last.
#[derive(Debug)]
pub(super) struct Problems {
    near: Nearness,
    trouble: bool,
}

impl Default for Problems {
    fn default() -> Self {
        Self { near: Nearness::Far, trouble: false }
    }
}

impl Problems {
    /// Remembers an open problem from before a restart. Its severity tells how near the end was said to be.
    pub(super) fn recall(&mut self, alert: &Alert) {
        if !alert.is_own() {
            return;
        }
        if *alert.kind == *OwnKind::CertificateExpires.word() {
            self.near = match alert.severity {
                Severity::Critical => Nearness::Week,
                Severity::Warning => Nearness::Fortnight,
                Severity::Info | Severity::Unknown => Nearness::Month,
            };
        } else if *alert.kind == *OwnKind::CertificateNotRenewed.word() {
            self.trouble = true;
        }
    }

    /// Takes back that something was said: it is said again as long as it is so.
    pub(super) fn unsaid(&mut self, own: &Own) {
        let raised = own.state == State::Raised;
        match own.kind {
            OwnKind::CertificateExpires => self.near = if raised { Nearness::Far } else { Nearness::Month },
            OwnKind::CertificateNotRenewed => self.trouble = !raised,
            _ => {}
        }
    }

    /// What begins, grows or ends at `now`.
    pub(super) fn judge(&mut self, shown: &Shown, trouble: Option<&str>, now: SystemTime) -> Vec<Own> {
        let mut said = Vec::new();
        let near = nearness(shown, now);
        if near != self.near {
            self.near = near;
            said.push(expiry(shown, near, now));
        }
        if trouble.is_some() != self.trouble {
            self.trouble = trouble.is_some();
            let (state, text) = match trouble {
                Some(text) => (State::Raised, text.to_owned()),
                None => (State::Cleared, format!("another certificate came, which ends at {}", end(shown))),
            };
            said.push(problem(OwnKind::CertificateNotRenewed, RESOURCE, state, text));
        }
        said
    }
}

fn expiry(shown: &Shown, near: Nearness, now: SystemTime) -> Own {
    let names = shown.names.join(", ");
    let end = end(shown);
    if near == Nearness::Far {
        let text = format!("the certificate of the listener ({names}) ends at {end}, which is not soon");
        return problem(OwnKind::CertificateExpires, RESOURCE, State::Cleared, text);
    }
    let when = match shown.not_after.duration_since(now) {
        Ok(left) if left.as_secs() >= DAY => format!("ends in {} days, at {end}", left.as_secs() / DAY),
        Ok(_) => format!("ends within a day, at {end}"),
        Err(_) => format!("ended at {end}: who verifies it does not post any more"),
    };
    let what = match shown.renewed {
        Renewed::ByOperator => "put another one into its files, which the relay notices",
        Renewed::ByRelay => "it was not renewed in time: `fogbell cert show` says why",
    };
    let text = format!("the certificate of the listener ({names}) {when}; {what}");
    let severity = match near {
        Nearness::Far | Nearness::Month => Severity::Info,
        Nearness::Fortnight => Severity::Warning,
        Nearness::Week | Nearness::Day | Nearness::Over => Severity::Critical,
    };
    Own { severity: Some(severity), ..problem(OwnKind::CertificateExpires, RESOURCE, State::Raised, text) }
}

fn end(shown: &Shown) -> Timestamp {
    shown.not_after.into()
}

const RESOURCE: &str = "listener";
const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shown(end: SystemTime) -> Shown {
        Shown {
            names: vec!["relay.test".to_owned()],
            not_before: end - Duration::from_secs(365 * DAY),
            not_after: end,
            fingerprint: String::new(),
            renewed: Renewed::ByOperator,
        }
    }

    #[test]
    fn the_end_is_said_at_each_step_with_growing_severity_and_a_new_certificate_ends_it() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        let (old, new) = (shown(end), shown(end + Duration::from_secs(200 * DAY)));
        let mut problems = Problems::default();
        let mut said = |shown: &Shown, days: f64| {
            let said = problems.judge(shown, None, end - Duration::from_secs(DAY).mul_f64(days));
            said.into_iter().map(|own| (own.state, own.severity)).collect::<Vec<_>>()
        };
        let raised = |severity| vec![(State::Raised, Some(severity))];

        assert_eq!(said(&old, 31.0), []);
        assert_eq!(said(&old, 29.9), raised(Severity::Info));
        assert_eq!(said(&old, 20.0), []);
        assert_eq!(said(&old, 13.9), raised(Severity::Warning));
        assert_eq!(said(&old, 6.9), raised(Severity::Critical));
        assert_eq!(said(&old, 0.9), raised(Severity::Critical));
        assert_eq!(said(&old, 0.5), []);
        assert_eq!(said(&new, 0.5), [(State::Cleared, None)]);
        assert_eq!(said(&new, 0.4), []);
    }

    #[test]
    fn trouble_is_said_once_and_its_end_too_and_what_was_not_stored_again() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        let now = end - Duration::from_secs(100 * DAY);
        let shown = shown(end);
        let mut problems = Problems::default();

        let first = problems.judge(&shown, Some("no answer"), now);
        assert_eq!((first.len(), first[0].state, first[0].text.as_str()), (1, State::Raised, "no answer"));
        assert_eq!(problems.judge(&shown, Some("still no answer"), now), []);
        problems.unsaid(&first[0]);
        assert_eq!(problems.judge(&shown, Some("no answer"), now).len(), 1);
        assert_eq!(problems.judge(&shown, None, now)[0].state, State::Cleared);
        assert_eq!(problems.judge(&shown, None, now), []);
    }
}
