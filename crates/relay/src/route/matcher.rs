//! What one field of an alert must be.

use std::fmt;

use alarm::{Origin, Severity, State};
use ids::Mac;

use super::field::{Facts, Field, ROOM, Value};
use crate::config::Matcher;

/// A matcher, ready to be asked.
#[derive(Debug)]
pub(crate) struct Condition {
    field: Field,
    is: Box<[Box<str>]>,
    prefix: Box<[Box<str>]>,
    not: Box<[Box<str>]>,
    not_prefix: Box<[Box<str>]>,
}

/// What is wrong with a matcher.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Unmatchable {
    /// The list at fault and the place in it; none when it is the matcher as a whole.
    pub(crate) at: Option<(&'static str, usize)>,
    pub(crate) what: String,
}

impl Condition {
    /// A condition on `field`.
    ///
    /// # Errors
    ///
    /// When a value can never be that of `field`, or nothing is asked for.
    pub(crate) fn new(field: Field, matcher: &Matcher) -> Result<Self, Unmatchable> {
        let Matcher { is, prefix, not, not_prefix, .. } = matcher;
        if [is, prefix, not, not_prefix].iter().all(|list| list.is_empty()) {
            let what = "this asks for nothing; name at least one value, or remove it".to_owned();
            return Err(Unmatchable { at: None, what });
        }
        let list =
            |name: &'static str, values: &[String], read: fn(Field, &str) -> Result<String, String>| {
                let value = |(index, value): (usize, &String)| match read(field, value) {
                    Ok(value) => Ok(value.into_boxed_str()),
                    Err(what) => Err(Unmatchable { at: Some((name, index)), what }),
                };
                values.iter().enumerate().map(value).collect::<Result<Box<[_]>, _>>()
            };
        Ok(Self {
            field,
            is: list("is", is, whole)?,
            prefix: list("prefix", prefix, beginning)?,
            not: list("not", not, whole)?,
            not_prefix: list("not_prefix", not_prefix, beginning)?,
        })
    }

    pub(crate) const fn field(&self) -> Field {
        self.field
    }

    /// Whether it says what the field is, and not only what it is not.
    pub(crate) const fn names(&self) -> bool {
        !self.is.is_empty() || !self.prefix.is_empty()
    }

    /// Whether `value` is one of those that the field may be equal to.
    pub(crate) fn names_exactly(&self, value: &str) -> bool {
        self.is.iter().any(|is| **is == *value)
    }

    /// Every whole value, wanted or not.
    pub(crate) fn wholes(&self) -> impl Iterator<Item = (&'static str, usize, &str)> {
        let is = self.is.iter().enumerate().map(|(index, value)| ("is", index, &**value));
        is.chain(self.not.iter().enumerate().map(|(index, value)| ("not", index, &**value)))
    }

    pub(crate) fn holds(&self, facts: &Facts<'_>) -> bool {
        let mut room = [0; ROOM];
        let Value::Text(value) = facts.value(self.field, &mut room) else { return false };
        let word = self.field.is_word();
        let is = |list: &[Box<str>]| list.iter().any(|is| is.len() == value.len() && begins(value, is, word));
        let begun = |list: &[Box<str>]| list.iter().any(|prefix| begins(value, prefix, word));
        (!self.names() || is(&self.is) || begun(&self.prefix)) && !is(&self.not) && !begun(&self.not_prefix)
    }

    /// The value that it judges, for people.
    pub(crate) fn judged(&self, facts: &Facts<'_>) -> String {
        match facts.value(self.field, &mut [0; ROOM]) {
            Value::Text(text) => text.to_owned(),
            Value::Number(number) => number.to_string(),
        }
    }
}

impl fmt::Display for Condition {
    /// What it asks for: `site is "HQ" or begins with "B", and is not "B1"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |words: &str, list: &[Box<str>]| {
            let values: Vec<String> = list.iter().map(|value| format!("{value:?}")).collect();
            (!values.is_empty()).then(|| format!("{words} {}", values.join(" or ")))
        };
        let both = |one: Option<String>, other: Option<String>, between: &str| {
            let parts: Vec<String> = one.into_iter().chain(other).collect();
            (!parts.is_empty()).then(|| parts.join(between))
        };
        let wanted = both(part("is", &self.is), part("begins with", &self.prefix), " or ");
        let not = both(part("is not", &self.not), part("does not begin with", &self.not_prefix), " and ");
        let all = both(wanted, not, ", and ").unwrap_or_default();
        write!(f, "{} {all}", self.field.name())
    }
}

/// Whether `value` begins with `prefix`; of a word in any case, `-` and `_` alike.
fn begins(value: &str, prefix: &str, word: bool) -> bool {
    let Some(beginning) = value.as_bytes().get(..prefix.len()) else { return false };
    if !word {
        return beginning == prefix.as_bytes();
    }
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    beginning.iter().zip(prefix.as_bytes()).all(|(a, b)| plain(*a) == plain(*b))
}

/// A whole value of `field`, spelt as the field is.
fn whole(field: Field, value: &str) -> Result<String, String> {
    let one_of = |words: &[&str]| match words.iter().find(|word| word.eq_ignore_ascii_case(value)) {
        Some(word) => Ok((*word).to_owned()),
        None => Err(format!("`{value}` is no {}; it is one of {}", field.name(), words.join(", "))),
    };
    match field {
        Field::State => one_of(&[State::Raised, State::Cleared, State::Event].map(State::word)),
        Field::Severity => {
            one_of(&[Severity::Critical, Severity::Warning, Severity::Info].map(Severity::word))
        }
        Field::Origin => one_of(&ORIGINS.map(Origin::word)),
        Field::Mac if !value.is_empty() => match value.parse::<Mac>() {
            Ok(mac) => Ok(mac.to_string()),
            Err(error) => Err(error.to_string()),
        },
        Field::Topic => Ok(value.replace('_', "-")),
        _ => Ok(value.to_owned()),
    }
}

/// The beginning of a value of `field`, spelt as the field is.
fn beginning(field: Field, value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("everything begins with an empty text; name a beginning, or remove it".to_owned());
    }
    match field {
        Field::State | Field::Severity | Field::Origin => {
            Err(format!("a {} is named whole: use `is` or `not`", field.name()))
        }
        Field::Mac => {
            let digits: String = value.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
            let is_mac =
                (1..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            match is_mac {
                true => Ok(digits.to_ascii_lowercase()),
                false => {
                    Err(format!("no MAC begins with `{value}`; expected hexadecimal digits, as in 5c:5b:35"))
                }
            }
        }
        _ => whole(field, value),
    }
}

const ORIGINS: [Origin; 6] =
    [Origin::Webhook, Origin::Reconcile, Origin::Backfill, Origin::Expired, Origin::Relay, Origin::Replay];

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, Alert, AlertId};
    use ids::Timestamp;

    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn alert() -> Alert {
        let mut alert = Alert::new(
            AlertId::of(&[]),
            AlarmKey::of(&[]),
            "device-events",
            "AP_DISCONNECTED",
            Timestamp::default(),
        );
        alert.site = "HQ Zürich".into();
        alert.mac = Some("5c5b351e13b5".parse().unwrap());
        alert.severity = Severity::Critical;
        alert.mist_severity = "CRITICAL".into();
        alert
    }

    #[test]
    fn a_matcher_holds_for_what_it_says() {
        let check = |field, is: &[&str], prefix: &[&str], not: &[&str], not_prefix: &[&str], holds| {
            let [is, prefix, not, not_prefix] = [is, prefix, not, not_prefix].map(texts);
            let condition =
                Condition::new(field, &Matcher { is, prefix, not, not_prefix, table: true }).unwrap();
            assert_eq!(condition.holds(&Facts::told(&alert())), holds, "{condition}");
        };
        use Field::{Device, Mac, MistSeverity, Severity, Site, Topic, Type};
        // equality and lists
        check(Site, &["HQ Zürich"], &[], &[], &[], true);
        check(Site, &["hq zürich"], &[], &[], &[], false);
        check(Site, &["B1", "HQ Zürich"], &[], &[], &[], true);
        check(Site, &["HQ"], &[], &[], &[], false);
        check(Device, &[""], &[], &[], &[], true);
        check(Site, &[""], &[], &[], &[], false);
        // beginnings
        check(Site, &[], &["HQ"], &[], &[], true);
        check(Site, &[], &["HQ Z\u{fc}", "B"], &[], &[], true);
        check(Site, &[], &["hq"], &[], &[], false);
        check(Site, &["B1"], &["HQ"], &[], &[], true);
        check(Site, &["B1"], &["B"], &[], &[], false);
        // negations
        check(Site, &[], &[], &["HQ Zürich"], &[], false);
        check(Site, &[], &[], &["B1", "B2"], &[], true);
        check(Site, &[], &[], &[], &["HQ"], false);
        check(Site, &[], &["HQ"], &["HQ Zürich"], &[], false);
        check(Site, &[], &["HQ"], &["HQ Bern"], &["B"], true);
        check(Device, &[], &[], &[""], &[], false);
        // Mist's words in any case, with either mark
        check(Type, &["ap_disconnected"], &[], &[], &[], true);
        check(Type, &["ap-disconnected"], &[], &[], &[], true);
        check(Type, &["ap"], &[], &[], &[], false);
        check(Type, &[], &["ap-"], &[], &[], true);
        check(Type, &[], &[], &["Ap_Disconnected"], &[], false);
        check(Topic, &["device_events"], &[], &[], &[], true);
        check(Topic, &[], &["device_"], &[], &[], true);
        check(MistSeverity, &["critical"], &[], &[], &[], true);
        check(Severity, &["CRITICAL"], &[], &[], &[], true);
        check(Severity, &["warning", "info"], &[], &[], &[], false);
        // MACs in any spelling
        check(Mac, &["5C:5B:35:1E:13:B5"], &[], &[], &[], true);
        check(Mac, &[], &["5c:5b:35"], &[], &[], true);
        check(Mac, &[], &["5C-5"], &[], &[], true);
        check(Mac, &[], &[], &[], &["5c5b.35"], false);
        check(Mac, &[""], &[], &[], &[], false);
    }

    #[test]
    fn what_can_never_match_is_refused() {
        let check = |field, is: &[&str], prefix: &[&str], at, says: &str| {
            let matcher = Matcher { is: texts(is), prefix: texts(prefix), ..Matcher::default() };
            let error = Condition::new(field, &matcher).unwrap_err();
            assert_eq!(error.at, at, "{}", error.what);
            assert!(error.what.contains(says), "{}", error.what);
        };
        check(Field::Site, &[], &[], None, "at least one value");
        check(Field::Site, &[], &["HQ", ""], Some(("prefix", 1)), "empty text");
        check(Field::State, &["raised", "up"], &[], Some(("is", 1)), "raised, cleared, event");
        check(Field::State, &[], &["rai"], Some(("prefix", 0)), "named whole");
        check(Field::Severity, &["major"], &[], Some(("is", 0)), "critical, warning, info");
        check(Field::Origin, &["mist"], &[], Some(("is", 0)), "webhook");
        check(Field::Mac, &["5c5b35"], &[], Some(("is", 0)), "12 hexadecimal digits");
        check(Field::Mac, &[], &["ap-"], Some(("prefix", 0)), "hexadecimal");
    }

    #[test]
    fn a_condition_says_what_it_asks_for() {
        let matcher = Matcher {
            is: texts(&["HQ", "B1"]),
            prefix: texts(&["C"]),
            not: texts(&["C1"]),
            not_prefix: texts(&["D"]),
            table: true,
        };
        let said = |matcher| Condition::new(Field::Site, &matcher).unwrap().to_string();
        let only_not = Matcher { not: texts(&["HQ"]), ..Matcher::default() };
        let is_and_not = Matcher { is: texts(&["HQ"]), not_prefix: texts(&["B"]), ..Matcher::default() };
        assert_eq!(
            said(matcher),
            r#"site is "HQ" or "B1" or begins with "C", and is not "C1" and does not begin with "D""#
        );
        assert_eq!(said(only_not), r#"site is not "HQ""#);
        assert_eq!(said(is_and_not), r#"site is "HQ", and does not begin with "B""#);
    }
}
