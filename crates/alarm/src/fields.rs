//! Reads the fields of an event, whatever form Mist gave them.

use std::borrow::Cow;

use ids::{Mac, Timestamp};

use crate::value::{Object, Value};

/// The fields of one event; texts that are read borrow from its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'e, 'a>(pub(crate) &'e Object<'a>);

impl<'e, 'a> Fields<'e, 'a> {
    /// The first of `names` that says something, as text; numbers and truth values are spelt out.
    pub(crate) fn text(self, names: &[&str]) -> Cow<'a, str> {
        names
            .iter()
            .filter_map(|name| self.0.get(name))
            .map(spelt)
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    /// The elements of the first of `names` that says something: a list's, or one for a plain text.
    pub(crate) fn list(self, names: &[&str]) -> Vec<Cow<'a, str>> {
        let texts = |value: &Value<'a>| -> Vec<Cow<'a, str>> {
            let values = if let Value::List(values) = value { values } else { std::slice::from_ref(value) };
            values.iter().map(spelt).filter(|text| !text.is_empty()).collect()
        };
        let mut found = names.iter().filter_map(|name| self.0.get(name)).map(texts);
        found.find(|texts| !texts.is_empty()).unwrap_or_default()
    }

    /// The first of `names` that is a MAC address and not all zero.
    pub(crate) fn mac(self, names: &[&str]) -> Option<Mac> {
        let mut macs = names.iter().filter_map(|name| match self.0.get(name)? {
            Value::Text(text) => text.parse::<Mac>().ok(),
            _ => None,
        });
        macs.find(|mac| !mac.is_zero())
    }

    /// The time under `name`: seconds as a number or inside a string, or RFC 3339.
    pub(crate) fn time(self, name: &str) -> Option<Timestamp> {
        match self.0.get(name)? {
            Value::Number(number) => Timestamp::from_secs_f64(number.as_f64()?),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The whole number under `name`; a fraction is cut, a negative one is none.
    pub(crate) fn number(self, name: &str) -> Option<u64> {
        let number = match self.0.get(name)? {
            Value::Number(number) => return number.as_u64().or_else(|| whole(number.as_f64()?)),
            Value::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        whole(number)
    }

    /// Whether `name` is said to be true.
    pub(crate) fn is_true(self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
    }

    /// The object under `name`.
    pub(crate) fn object(self, name: &str) -> Option<Self> {
        match self.0.get(name)? {
            Value::Object(object) => Some(Fields(object)),
            _ => None,
        }
    }

    /// The objects in the list under `name`.
    pub(crate) fn objects(self, name: &str) -> Vec<Self> {
        let values = if let Some(Value::List(values)) = self.0.get(name) { values } else { &[][..] };
        let objects = values.iter().filter_map(|value| match value {
            Value::Object(object) => Some(Fields(object)),
            _ => None,
        });
        objects.collect()
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn whole(number: f64) -> Option<u64> {
    (0.0..9e15).contains(&number).then_some(number as u64)
}

/// A scalar as text; anything else says nothing.
fn spelt<'a>(value: &Value<'a>) -> Cow<'a, str> {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string().into(),
        Value::Bool(truth) => truth.to_string().into(),
        _ => Cow::default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_a_field_is_read() {
        let event = json!({
            "float": 1552408871.5, "string": "1552408871.123", "int": 1552408871, "null": null, "empty": "",
            "plain": "one", "none": [], "blank": [""], "many": ["a", "", 3], "zero": "000000000000", "ap": "02:53:4d:bb:7a:74", "neg": -1,
            "count": "609"
        })
        .to_string();
        let object = serde_json::from_str(&event).unwrap();
        let fields = Fields(&object);

        assert_eq!(fields.time("float").unwrap().micros(), 1_552_408_871_500_000);
        assert_eq!(fields.time("string").unwrap().micros(), 1_552_408_871_123_000);
        assert_eq!(fields.time("int").unwrap().micros(), 1_552_408_871_000_000);
        assert_eq!(fields.time("null"), None);
        assert_eq!(fields.text(&["absent", "empty", "null", "plain"]), "one");
        assert_eq!(fields.list(&["plain"]), ["one"]);
        assert_eq!(fields.list(&["many"]), ["a", "3"]);
        assert_eq!(fields.list(&["none", "blank", "empty", "plain"]), ["one"]);
        assert_eq!(fields.mac(&["plain", "zero", "ap"]).unwrap().to_string(), "02534dbb7a74");
        assert_eq!(fields.number("neg"), None);
        assert_eq!(fields.number("float"), Some(1_552_408_871));
        assert_eq!(fields.number("count"), Some(609));
    }
}
