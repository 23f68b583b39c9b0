//! The part of a URL behind the question mark.

use std::fmt::{self, Write};
use std::time::Duration;

use ids::Timestamp;

/// Parameters, in the order in which they are sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn add(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    pub(crate) fn add_some(&mut self, name: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// The values with commas between them, as Mist reads lists; nothing when there are none.
    pub(crate) fn add_list(&mut self, name: &str, values: impl IntoIterator<Item = impl fmt::Display>) {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        if !values.is_empty() {
            self.add(name, values.join(","));
        }
    }

    /// Exchanges the value of a parameter, or adds it.
    pub(crate) fn set(&mut self, name: &str, value: impl fmt::Display) {
        self.0.retain(|(known, _)| known != name);
        self.add(name, value);
    }

    /// As it is sent; empty without parameters.
    pub(crate) fn encoded(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            if !text.is_empty() {
                text.push('&');
            }
            encode(&mut text, name);
            text.push('=');
            encode(&mut text, value);
        }
        text
    }

    /// `encoded`, a query that came from elsewhere, with those of these parameters that it does not have.
    pub(crate) fn completed(&self, encoded: &str) -> String {
        let has = |name: &str| {
            encoded.split('&').any(|pair| pair.split_once('=').map_or(pair, |(name, _)| name) == name)
        };
        let missing = Self(self.0.iter().filter(|(name, _)| !has(name)).cloned().collect());
        let missing = missing.encoded();
        if missing.is_empty() { encoded.to_owned() } else { format!("{encoded}&{missing}") }
    }
}

fn encode(text: &mut String, part: &str) {
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b',' | b':' => {
                text.push(char::from(byte));
            }
            _ => write!(text, "%{byte:02X}").expect("a string takes everything"),
        }
    }
}

/// The time that a search looks at; Mist looks at the last day when it is not told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Period {
    /// From that long ago to now, in whole minutes, at least one.
    Last(Duration),
    /// From the first to the second, in whole seconds that hold both.
    Between(Timestamp, Timestamp),
}

impl Period {
    pub(crate) fn add_to(self, query: &mut Query) {
        match self {
            Self::Last(duration) => {
                query.add("duration", format_args!("{}m", duration.as_secs().div_ceil(60).max(1)));
            }
            Self::Between(start, end) => {
                query.add("start", start.micros().div_euclid(MICROS));
                query.add("end", end.micros().saturating_add(MICROS - 1).div_euclid(MICROS));
            }
        }
    }
}

/// In which order a search answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// By time, the oldest first.
    OldestFirst,
    /// By time, the newest first.
    NewestFirst,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OldestFirst => "timestamp",
            Self::NewestFirst => "-timestamp",
        })
    }
}

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_escaped() {
        let mut query = Query::default();
        query.add("name", "a b&c=d/é");
        query.add_list("mac", ["5c5b350e0001", "5c5b350e0002"]);
        query.add_list("type", [""; 0]);
        query.add_some("vc", None::<bool>);

        assert_eq!(query.encoded(), "name=a%20b%26c%3Dd%2F%C3%A9&mac=5c5b350e0001,5c5b350e0002");
    }

    #[test]
    fn a_query_of_the_server_keeps_what_was_asked() {
        let mut query = Query::default();
        query.add("severity", "critical");
        query.add("limit", 10);

        assert_eq!(
            query.completed("limit=5&search_after=%5B1%5D"),
            "limit=5&search_after=%5B1%5D&severity=critical"
        );
        assert_eq!(query.completed("severity=x&limit"), "severity=x&limit");
    }

    #[test]
    fn a_period_is_never_shorter_than_asked() {
        let check = |period: Period, expect: &str| {
            let mut query = Query::default();
            period.add_to(&mut query);
            assert_eq!(query.encoded(), expect);
        };
        let time = Timestamp::from_micros;
        check(Period::Last(Duration::from_secs(61)), "duration=2m");
        check(Period::Last(Duration::ZERO), "duration=1m");
        check(Period::Between(time(1_999_999), time(2_000_001)), "start=1&end=3");
        check(Period::Between(time(1_000_000), time(2_000_000)), "start=1&end=2");
    }
}
