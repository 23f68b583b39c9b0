//! Which sink gets which alert; pure.
//!
//! [`Routes`] are made once of the configuration. A [`Route`] is what one sink sees of them, and
//! [`Routes::judge`] says of an alert what all of them do.

pub(crate) mod expression;
pub(crate) mod field;
mod judged;
pub(crate) mod matcher;
pub(crate) mod rule;

use std::sync::Arc;

use alarm::{Alert, Audience};
use cel::ExecutionError;

pub use judged::{Judged, JudgedRoute, LeftOut, Outcome};

use field::Facts;
use rule::{Rule, Verdict, goes_everywhere};

/// The routes of a relay.
#[derive(Debug)]
pub(crate) struct Routes {
    /// None when no route is configured.
    rules: Option<Arc<[Rule]>>,
    sinks: Vec<Ear>,
}

/// A sink as far as it matters what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Ear {
    pub(crate) name: String,
    /// Whether maintenance windows mean nothing to it.
    pub(crate) exempt: bool,
    /// After how many seconds it is told again of what is still there.
    pub(crate) repeat_secs: Option<u64>,
}

/// The routes as one sink sees them.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    sink: usize,
    ear: Ear,
    rules: Option<Arc<[Rule]>>,
    /// How many of the rules there are up to the last one with this sink.
    relevant: usize,
}

impl Routes {
    /// `rules`, in their order, name sinks by their places in `sinks`; without any there is the default.
    pub(crate) fn new(rules: Vec<Rule>, sinks: Vec<Ear>) -> Self {
        Self { rules: (!rules.is_empty()).then(|| rules.into()), sinks }
    }

    /// What the sink at `sink` sees of them.
    pub(crate) fn of(&self, sink: usize) -> Route {
        let rules = self.rules.clone();
        let last = self.rules().iter().rposition(|rule| rule.sinks.contains(&sink));
        let relevant = last.map_or(0, |last| last + 1);
        Route { sink, ear: self.sinks[sink].clone(), rules, relevant }
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        self.rules.as_deref().unwrap_or_default()
    }

    /// What all of them say of `alert`.
    pub(crate) fn judge(&self, alert: &Alert) -> Judged {
        let mut taken = vec![false; self.sinks.len()];
        let mut routes: Vec<JudgedRoute> = Vec::new();
        let mut matched: Vec<&str> = Vec::new();
        let mut everywhere = false;
        for facts in Facts::judged(alert) {
            let before = matched.len();
            let outcomes = self.outcomes(&facts, &mut taken, &mut matched);
            let own = facts.topic == Alert::OWN_TOPIC;
            let by_default = own || self.rules.is_none() && goes_everywhere(facts.topic);
            everywhere |= matched.len() == before && by_default;
            match routes.as_mut_slice() {
                [] => routes = outcomes,
                // of several forms of a raise, one that matches is what counts
                routes => {
                    for (route, other) in routes.iter_mut().zip(outcomes) {
                        if route.outcome != Outcome::Matched && other.outcome == Outcome::Matched {
                            *route = other;
                        }
                    }
                }
            }
        }
        let mut named = std::collections::HashSet::new();
        matched.retain(|name| named.insert(*name));
        let facts = Facts::judged(alert).next().unwrap_or_else(|| Facts::told(alert));
        let own = facts.topic == Alert::OWN_TOPIC;
        let because = match alert.audience {
            Audience::Only { ref sink } => {
                taken = self.sinks.iter().map(|ear| ear.name == *sink).collect();
                format!("it was asked for by sink `{sink}` alone; routes are not asked")
            }
            _ if !matched.is_empty() => format!("matched: {}", matched.join(", ")),
            _ if own => "what the relay says of itself goes to every sink".to_owned(),
            _ if everywhere => {
                format!("no route is configured, and topic `{}` goes to every sink", facts.topic)
            }
            _ if self.rules.is_none() => format!("topic `{}` goes only where a route names it", facts.topic),
            _ => "no route matches".to_owned(),
        };
        let mut judged = Judged { routes, sinks: Vec::new(), left_out: Vec::new(), because };
        for (ear, taken) in self.sinks.iter().zip(taken) {
            let name = ear.name.clone();
            match ear.left_out(&alert.audience) {
                _ if !taken && !everywhere => {}
                None => judged.sinks.push(name),
                Some(because) => judged.left_out.push(LeftOut { sink: name, because }),
            }
        }
        judged
    }

    /// What all rules say of `facts`, and which sinks that takes.
    fn outcomes<'a>(
        &'a self,
        facts: &Facts<'_>,
        taken: &mut [bool],
        matched: &mut Vec<&'a str>,
    ) -> Vec<JudgedRoute> {
        let mut routes = Vec::new();
        let mut ended = false;
        for (index, rule) in self.rules().iter().enumerate() {
            let verdict = if ended { None } else { Some(rule.judge(facts)) };
            let outcome = match &verdict {
                None => Outcome::NotAsked,
                Some(Verdict::Matched) => {
                    matched.push(&rule.name);
                    rule.sinks.iter().for_each(|sink| taken[*sink] = true);
                    ended = !rule.goes_on;
                    Outcome::Matched
                }
                Some(failed @ Verdict::Failed(_)) => Outcome::Failed { because: failed.because(facts) },
                Some(other) => Outcome::Unmatched { because: other.because(facts) },
            };
            routes.push(JudgedRoute { index, name: rule.name.clone(), outcome });
        }
        routes
    }
}

impl Ear {
    /// Whether something for `audience` is for this sink, if the routes say so too.
    fn is_in(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Exempt { .. } => self.exempt,
            Audience::Muted { .. } => !self.exempt,
            Audience::Repeat { every_secs } => self.repeat_secs == Some(*every_secs),
            Audience::Only { sink } => self.name == *sink,
            _ => true,
        }
    }

    /// Why something for `audience` is not for this sink.
    fn left_out(&self, audience: &Audience) -> Option<String> {
        (!self.is_in(audience)).then(|| match audience {
            Audience::Exempt { window } => format!("muted by maintenance window `{window}`"),
            Audience::Muted { window } => format!("was told during maintenance window `{window}`"),
            Audience::Repeat { every_secs } => {
                format!("this repeats what is there every {every_secs} s, which it does not ask for")
            }
            _ => "it is for another sink alone".to_owned(),
        })
    }
}

impl Route {
    /// Name of the sink.
    pub(crate) fn sink(&self) -> &str {
        &self.ear.name
    }

    /// Whether the sink gets `alert`. `failed` is told of every rule whose expression has no value, which counts
    /// as no match.
    pub(crate) fn takes(&self, alert: &Alert, mut failed: impl FnMut(&Rule, &ExecutionError)) -> bool {
        if !self.ear.is_in(&alert.audience) {
            return false;
        }
        if matches!(alert.audience, Audience::Only { .. }) {
            return true;
        }
        Facts::judged(alert).any(|facts| self.takes_as(&facts, &mut failed))
    }

    /// Whether the sink gets what is told like this.
    fn takes_as(&self, facts: &Facts<'_>, failed: &mut impl FnMut(&Rule, &ExecutionError)) -> bool {
        let own = facts.topic == Alert::OWN_TOPIC;
        let Some(rules) = &self.rules else { return own || goes_everywhere(facts.topic) };
        // what the relay says of itself goes everywhere when none matches, so that all must be asked
        let asked = if own { rules.len() } else { self.relevant };
        let mut matched = false;
        for rule in &rules[..asked] {
            match rule.judge(facts) {
                Verdict::Matched if rule.sinks.contains(&self.sink) => return true,
                Verdict::Matched if !rule.goes_on => return false,
                Verdict::Matched => matched = true,
                Verdict::Failed(error) => failed(rule, &error),
                _ => {}
            }
        }
        own && !matched
    }
}

#[cfg(test)]
mod tests;
