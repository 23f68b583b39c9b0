//! One route, ready to be asked.

use std::fmt;

use alarm::{Alert, Severity};
use cel::ExecutionError;
use webhook::Topic;

use super::expression::Expression;
use super::field::{Facts, Field, rank};
use super::matcher::Condition;

/// What an alert must look like to go to some sinks.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// Which sinks, by their place.
    pub(crate) sinks: Box<[usize]>,
    /// Whether the routes below are asked as well.
    pub(crate) goes_on: bool,
    pub(crate) at_least: Option<Severity>,
    pub(crate) conditions: Box<[Condition]>,
    pub(crate) when: Option<Expression>,
}

/// What a route says of an alert.
#[derive(Debug)]
pub(crate) enum Verdict<'r> {
    Matched,
    /// Its topic goes nowhere by default, and the route does not name it.
    Unseen,
    Milder(Severity),
    Differs(&'r Condition),
    Untrue,
    /// The expression has no value.
    Failed(Box<ExecutionError>),
}

impl Rule {
    /// Asks the cheap things first.
    pub(crate) fn judge(&self, facts: &Facts<'_>) -> Verdict<'_> {
        if !goes_everywhere(facts.topic) && !self.names_topic(facts) {
            return Verdict::Unseen;
        }
        if let Some(least) = self.at_least.filter(|least| facts.rank() < rank(*least)) {
            return Verdict::Milder(least);
        }
        if let Some(condition) = self.conditions.iter().find(|condition| !condition.holds(facts)) {
            return Verdict::Differs(condition);
        }
        match self.when.as_ref().map(|when| when.holds(facts)) {
            None | Some(Ok(true)) => Verdict::Matched,
            Some(Ok(false)) => Verdict::Untrue,
            Some(Err(error)) => Verdict::Failed(error),
        }
    }

    /// Whether it asks for the topic of `facts` by name: what the relay says of itself by the whole name.
    fn names_topic(&self, facts: &Facts<'_>) -> bool {
        self.topic().is_some_and(|topic| {
            if facts.topic == Alert::OWN_TOPIC {
                topic.names_exactly(Alert::OWN_TOPIC)
            } else {
                topic.names()
            }
        })
    }

    /// What it asks of the topic.
    pub(crate) fn topic(&self) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.field() == Field::Topic)
    }

    /// Whether it matches whatever it sees.
    pub(crate) const fn is_open(&self) -> bool {
        self.at_least.is_none() && self.conditions.is_empty() && self.when.is_none()
    }
}

impl Verdict<'_> {
    /// Why it is no match, for people.
    pub(crate) fn because(&self, facts: &Facts<'_>) -> String {
        match self {
            Self::Matched => String::new(),
            Self::Unseen => format!(
                "topic \"{}\" goes only where a route names it, with topic = \"{}\"",
                facts.topic, facts.topic
            ),
            Self::Milder(least) => format!("its severity is below {}", least.word()),
            Self::Differs(condition) => format!("{condition}; here it is {:?}", condition.judged(facts)),
            Self::Untrue => "`when` is false".to_owned(),
            Self::Failed(error) => format!("`when` has no value: {error}"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Whether alerts of `topic`, spelt with hyphens, are seen by routes that do not name it.
pub(crate) fn goes_everywhere(topic: &str) -> bool {
    EVERYWHERE.iter().any(|known| known.name() == topic)
}

const EVERYWHERE: [Topic; 5] =
    [Topic::Alarms, Topic::Audits, Topic::DeviceEvents, Topic::DeviceUpdowns, Topic::MxedgeEvents];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_everywhere_is_what_the_topic_says() {
        for topic in EVERYWHERE {
            assert!(topic.goes_everywhere() && goes_everywhere(topic.name()), "{topic}");
        }
        for topic in ["ping", "relay", "client-sessions", "nac-events", "tea-time", "device_events"] {
            assert!(!goes_everywhere(topic), "{topic}");
        }
    }
}
