//! Which sink gets which alert.

use std::cell::LazyCell;
use std::collections::HashMap;

use super::Checks;
use crate::Error;
use crate::config::{Config, InMaintenance, Matcher, Route};
use crate::route::expression::Language;
use crate::route::field::Field;
use crate::route::matcher::Condition;
use crate::route::rule::{Rule, goes_everywhere};
use crate::route::{Ear, Routes};

impl Checks<'_> {
    /// The routes, for sinks in the order in which [`Checks::sinks`] has them.
    pub(super) fn routes(&self) -> Result<Routes, Error> {
        let ears = ears(self.config);
        let places: HashMap<&str, usize> =
            ears.iter().enumerate().map(|(place, ear)| (ear.name.as_str(), place)).collect();
        // made only when a route asks for it: it takes longer than everything else here
        let language: LazyCell<Language> = LazyCell::new(Language::new);
        let rules = self.config.route.iter().enumerate();
        let rules =
            rules.map(|(i, route)| self.rule(i, route, &places, &language)).collect::<Result<Vec<_>, _>>()?;
        Ok(Routes::new(rules, ears))
    }

    fn rule(
        &self,
        i: usize,
        route: &Route,
        places: &HashMap<&str, usize>,
        language: &LazyCell<Language>,
    ) -> Result<Rule, Error> {
        let keys = format!("route[{i}]");
        if route.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(self.wrong(
                &format!("{keys}.name"),
                "a name says something; write one, or remove it",
                None,
            ));
        }
        let mut sinks = Vec::new();
        for (j, sink) in route.sinks.iter().enumerate() {
            let keys = format!("{keys}.sinks[{j}]");
            let Some(place) = places.get(sink.as_str()) else {
                let known = self.config.sink_names().collect::<Vec<_>>().join("`, `");
                let what = match known.as_str() {
                    "" => format!("there is no sink `{sink}`; none is configured"),
                    known => format!("there is no sink `{sink}`; there are `{known}`"),
                };
                return Err(self.wrong(&keys, &what, None));
            };
            if sinks.contains(place) {
                return Err(self.wrong(&keys, &format!("sink `{sink}` is named twice"), None));
            }
            sinks.push(*place);
        }
        let mut conditions = Vec::new();
        for (field, matcher) in matchers(route) {
            let condition = Condition::new(field, matcher).map_err(|error| {
                let keys = value_keys(&format!("{keys}.{}", field.name()), matcher, error.at);
                self.wrong(&keys, &error.what, None)
            })?;
            conditions.push(condition);
        }
        let when = route.when.as_deref().map(|source| {
            language
                .compile(source)
                .map_err(|fault| self.wrong_in(&format!("{keys}.when"), fault.offset, &fault.what))
        });
        Ok(Rule {
            name: route.name.clone().unwrap_or_else(|| format!("route {}", i + 1)),
            sinks: sinks.into(),
            goes_on: route.goes_on,
            at_least: route.severity_at_least,
            conditions: conditions.into(),
            when: when.transpose()?,
        })
    }

    /// What is in order and hardly meant.
    pub(super) fn route_warnings(&self, routes: &Routes, knows_type: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn =
            |keys: &str, what: String| warnings.push(format!("{}: {what}", self.config.place(keys)));
        let rules = routes.rules();
        for (i, (rule, route)) in rules.iter().zip(&self.config.route).enumerate() {
            let keys = format!("route[{i}]");
            for condition in rule.conditions.iter().filter(|condition| condition.field() == Field::Type) {
                for (list, index, kind) in condition.wholes().filter(|(.., kind)| !knows_type(kind)) {
                    let matcher = route.kind.as_ref().expect("the condition was made of it");
                    let keys = value_keys(&format!("{keys}.type"), matcher, Some((list, index)));
                    warn(
                        &keys,
                        format!("no catalogue has a type `{kind}`; it matches all the same, should it come"),
                    );
                }
            }
            let mut topics = rule.when.iter().flat_map(|when| when.topics());
            if let Some(topic) = topics.find(|topic| !goes_everywhere(topic))
                && rule.topic().is_none()
            {
                let what = format!(
                    "a route sees topic `{topic}` only when it names it; add topic = \"{topic}\" beside `when`"
                );
                warn(&format!("{keys}.when"), what);
            }
            let end = rules[..i].iter().find(|above| above.is_open() && !above.goes_on);
            if let Some(above) = end.filter(|_| rule.topic().is_none()) {
                let what = format!("nothing comes this far: `{above}` matches everything and ends there");
                warn(&keys, what);
            }
        }
        for (key, lists) in [
            ("severity", self.config.severity.iter().map(|rule| &rule.types).collect::<Vec<_>>()),
            ("damping", self.config.damping.iter().map(|damping| &damping.types).collect()),
            ("maintenance", self.config.maintenance.iter().map(|window| &window.types).collect()),
        ] {
            for (i, types) in lists.into_iter().enumerate() {
                for (j, kind) in types.iter().enumerate().filter(|(_, kind)| !knows_type(kind)) {
                    let what =
                        format!("no catalogue has a type `{kind}`; it counts all the same, should it come");
                    warn(&format!("{key}[{i}].types[{j}]"), what);
                }
            }
        }
        if !rules.is_empty() {
            for (place, name) in self.config.sink_names().enumerate() {
                if !rules.iter().any(|rule| rule.sinks.contains(&place)) {
                    let table = if place < self.config.snmp.len() { "snmp" } else { "syslog" };
                    let i = if table == "snmp" { place } else { place - self.config.snmp.len() };
                    let what =
                        format!("no route leads to `{name}`; it gets only what the relay says of itself");
                    warn(&format!("{table}[{i}]"), what);
                }
            }
        }
        warnings
    }
}

/// The sinks in the order in which [`Checks::sinks`] has them.
fn ears(config: &Config) -> Vec<Ear> {
    let ear = |name: &str, maintenance, repeat_secs| Ear {
        name: name.to_owned(),
        exempt: maintenance == InMaintenance::Exempt,
        repeat_secs,
    };
    let snmp = config.snmp.iter();
    let snmp = snmp.map(|sink| ear(sink.name.as_str(), sink.maintenance, sink.repeat_while_active_secs));
    let syslog = config.syslog.iter();
    let syslog = syslog.map(|sink| ear(sink.name.as_str(), sink.maintenance, sink.repeat_while_active_secs));
    snmp.chain(syslog).collect()
}

/// The matchers of a route, those first that tell most apart.
fn matchers(route: &Route) -> impl Iterator<Item = (Field, &Matcher)> {
    [
        (Field::Topic, &route.topic),
        (Field::Type, &route.kind),
        (Field::Severity, &route.severity),
        (Field::State, &route.state),
        (Field::MistSeverity, &route.mist_severity),
        (Field::Group, &route.group),
        (Field::Category, &route.category),
        (Field::Org, &route.org),
        (Field::Site, &route.site),
        (Field::SiteId, &route.site_id),
        (Field::DeviceType, &route.device_type),
        (Field::Device, &route.device),
        (Field::Mac, &route.mac),
        (Field::Model, &route.model),
        (Field::Serial, &route.serial),
        (Field::Ip, &route.ip),
        (Field::Port, &route.port),
        (Field::Reason, &route.reason),
        (Field::Origin, &route.origin),
        (Field::Summary, &route.summary),
        (Field::Message, &route.message),
        (Field::Id, &route.id),
        (Field::Key, &route.key),
    ]
    .into_iter()
    .filter_map(|(field, matcher)| Some((field, matcher.as_ref()?)))
}

/// The keys that lead to a value of a matcher, as it was written.
fn value_keys(keys: &str, matcher: &Matcher, at: Option<(&str, usize)>) -> String {
    match at {
        None => keys.to_owned(),
        Some((list, index)) if matcher.table => format!("{keys}.{list}[{index}]"),
        Some((_, index)) => format!("{keys}[{index}]"),
    }
}
