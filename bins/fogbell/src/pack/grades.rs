//! Which severities a notification can carry.

use alarm::Severity;
use snmp::{Object, Trap};

/// A severity as the MIB names and numbers it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Grade {
    /// As in the MIB: `critical`.
    pub(super) name: &'static str,
    pub(super) number: i32,
}

impl Grade {
    /// Its name with a capital: `Critical`.
    pub(super) fn title(self) -> String {
        let mut characters = self.name.chars();
        characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
    }
}

/// The severities that `trap` can carry, the worst first.
pub(super) fn grades(trap: Trap) -> Vec<Grade> {
    let audit = trap == Trap::Audit;
    // a sign of life is graded like anything else that is only good to know
    let severities: &[Severity] = match trap {
        Trap::Audit | Trap::Heartbeat => &[Severity::Info],
        _ => &[Severity::Critical, Severity::Warning, Severity::Info, Severity::Unknown],
    };
    let mut grades: Vec<Grade> = Vec::new();
    for severity in severities {
        let number = severity.perceived(trap.state(), audit) as i32;
        let named = Object::Severity.values().iter().find(|(_, it)| *it == number);
        let Some((name, number)) = named.copied() else { continue };
        if grades.iter().all(|grade| grade.number != number) {
            grades.push(Grade { name, number });
        }
    }
    grades
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_those_that_the_encoder_can_write() {
        let check = |trap: Trap, expect: &[&str]| {
            let names: Vec<&str> = grades(trap).iter().map(|grade| grade.name).collect();
            assert_eq!(names, expect, "{trap:?}");
        };
        check(Trap::AlarmRaised, &["critical", "minor", "warning", "indeterminate"]);
        check(Trap::AlarmCleared, &["cleared"]);
        check(Trap::Event, &["critical", "minor", "indeterminate"]);
        check(Trap::Audit, &["indeterminate"]);
        check(Trap::Heartbeat, &["indeterminate"]);
        check(Trap::DeviceDown, &["critical", "minor", "warning", "indeterminate"]);
    }
}
