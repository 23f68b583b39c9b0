//! The fields of a JSON object, taken out one by one.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use ids::{Mac, Timestamp};
use serde_json::{Map, Value};

use crate::SecretText;
use crate::answer::Misfit;

/// Fields of an answer that have no place of their own, as they came.
///
/// Also in here is a field that this version knows and that has another type than it knows. `Debug` prints names and no
/// values, since there may be secrets among them.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Extra(Map<String, Value>);

impl Extra {
    /// The fields themselves.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

impl From<Map<String, Value>> for Extra {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl Deref for Extra {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// An object whose fields are taken out; what is `null` counts as absent, what is of another type stays.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of `value`.
    ///
    /// # Errors
    ///
    /// When it is no object.
    pub(crate) fn of(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            other => Err(Misfit::new("an object", &other)),
        }
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    pub(crate) fn secret(&mut self, key: &str) -> Option<SecretText> {
        self.text(key).map(SecretText::new)
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        self.take(key, |value| value.as_bool().ok_or(value))
    }

    /// A count; also one that came as a float or in a string.
    pub(crate) fn count(&mut self, key: &str) -> Option<u64> {
        self.take(key, |value| number(&value).and_then(whole).ok_or(value))
    }

    /// Seconds since 1970; also those that came in a string.
    pub(crate) fn time(&mut self, key: &str) -> Option<Timestamp> {
        self.take(key, |value| number(&value).and_then(Timestamp::from_secs_f64).ok_or(value))
    }

    /// A length of time in seconds; not a negative one.
    pub(crate) fn seconds(&mut self, key: &str) -> Option<f64> {
        self.take(key, |value| number(&value).filter(|seconds| *seconds >= 0.0).ok_or(value))
    }

    pub(crate) fn mac(&mut self, key: &str) -> Option<Mac> {
        self.parsed(key)
    }

    /// Whatever a text stands for.
    pub(crate) fn parsed<T: FromStr>(&mut self, key: &str) -> Option<T> {
        self.take(key, |value| value.as_str().and_then(|text| text.parse().ok()).ok_or(value))
    }

    /// A name out of an open list of names.
    pub(crate) fn named<T>(&mut self, key: &str, new: impl FnOnce(&str) -> T) -> Option<T> {
        self.take(key, |value| value.as_str().map(new).ok_or(value))
    }

    /// A list of texts; none when it is absent. When one of them is no text, the list stays.
    pub(crate) fn texts(&mut self, key: &str) -> Vec<String> {
        self.take(key, |value| {
            let texts = value.as_array().and_then(|items| {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            });
            texts.ok_or(value)
        })
        .unwrap_or_default()
    }

    /// A list of records; when one of them is none, the list stays.
    pub(crate) fn records<T>(&mut self, key: &str, read: impl Fn(Self) -> T) -> Vec<T> {
        self.take(key, |value| match value {
            Value::Array(items) if items.iter().all(Value::is_object) => {
                Ok(items.into_iter().filter_map(|item| Self::of(item).ok()).map(&read).collect())
            }
            other => Err(other),
        })
        .unwrap_or_default()
    }

    /// Secrets by name, as headers are; when one of them is no text, all stay.
    pub(crate) fn secrets(&mut self, key: &str) -> BTreeMap<String, SecretText> {
        self.take(key, |value| match value {
            Value::Object(map) if map.values().all(Value::is_string) => Ok(map
                .into_iter()
                .filter_map(|(name, value)| match value {
                    Value::String(text) => Some((name, SecretText::new(text))),
                    _ => None,
                })
                .collect()),
            other => Err(other),
        })
        .unwrap_or_default()
    }

    pub(crate) fn object(&mut self, key: &str) -> Option<Self> {
        self.take(key, |value| match value {
            Value::Object(map) => Ok(Self(map)),
            other => Err(other),
        })
    }

    /// Everything that was not taken yet, which is then as it came.
    pub(crate) fn all(&self) -> Extra {
        Extra(self.0.clone())
    }

    /// What was not taken.
    pub(crate) fn rest(self) -> Extra {
        Extra(self.0)
    }

    /// Takes a field out, unless `read` gives it back.
    fn take<T>(&mut self, key: &str, read: impl FnOnce(Value) -> Result<T, Value>) -> Option<T> {
        let (key, value) = self.0.remove_entry(key)?;
        if value.is_null() {
            return None;
        }
        match read(value) {
            Ok(taken) => Some(taken),
            Err(value) => {
                self.0.insert(key, value);
                None
            }
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked: up to 2^53 a float has every whole number"
)]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number)).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        Fields::of(value).unwrap_or_else(|misfit| panic!("{misfit:?}"))
    }

    #[test]
    fn times_are_read_in_every_form() {
        for (value, micros) in [
            (json!(1_547_235_620), 1_547_235_620_000_000),
            (json!(1_547_235_620.89), 1_547_235_620_890_000),
            (json!("1547235620.89"), 1_547_235_620_890_000),
            (json!(0.0), 0),
        ] {
            let mut fields = fields(json!({ "at": value }));
            assert_eq!(fields.time("at").map(Timestamp::micros), Some(micros));
        }
    }

    #[test]
    fn what_has_another_type_stays_as_it_came() {
        for value in
            [json!([1]), json!({"a": 1}), json!(true), json!("x"), json!(-1), json!(1e300), json!(0.5)]
        {
            let mut fields = fields(json!({ "count": value }));
            assert_eq!(fields.count("count"), None, "{value}");
            assert_eq!(fields.rest().get("count"), Some(&value));
        }
        let mut odd = fields(json!({"mac": "no mac", "topics": ["alarms", 3], "name": 7, "gone": null}));
        assert_eq!(
            (odd.mac("mac"), odd.texts("topics"), odd.text("name"), odd.text("gone")),
            (None, vec![], None, None)
        );
        assert_eq!(format!("{:?}", odd.rest()), r#"{"mac", "name", "topics"}"#);
    }

    #[test]
    fn unknown_fields_are_kept_and_their_values_not_printed() {
        let mut fields = fields(json!({"name": "a", "psk": "FAKE-PSK"}));

        assert_eq!(fields.text("name").as_deref(), Some("a"));
        let extra = fields.rest();
        assert_eq!(extra["psk"], "FAKE-PSK");
        assert_eq!(format!("{extra:?}"), r#"{"psk"}"#);
    }
}
