//! Answers of GraphQL: the data first, what was said beside it after.

use serde_json::Value;

use crate::Misfit;
use crate::answer::json;

/// What was asked for, and the errors that came with it.
///
/// Since 5.0 a conductor adds errors such as `no elements in sequence` to data that is complete, so they are warnings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged<T> {
    /// What was asked for.
    pub value: T,
    /// The messages that came with it.
    pub warnings: Vec<String>,
}

/// An answer, split in two.
pub(crate) fn read(body: &[u8]) -> Result<(Option<Value>, Vec<String>), Misfit> {
    let mut value = json(body)?;
    if !value.is_object() {
        return Err(Misfit::shape(".", "an object", Some(&value)));
    }
    let data = value.get_mut("data").map(Value::take).filter(Value::is_object);
    let errors = value.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let messages = errors.iter().take(MOST).map(|error| {
        let message = error.get("message").and_then(Value::as_str).unwrap_or("an error without a message");
        let clean = message.chars().map(|c| if c.is_control() { ' ' } else { c });
        clean.take(MOST_TEXT).collect()
    });
    Ok((data, messages.collect()))
}

/// Whether a body is an answer of GraphQL at all, whatever its status.
pub(crate) fn is_graphql(body: &[u8]) -> bool {
    read(body).is_ok_and(|(data, errors)| data.is_some() || !errors.is_empty())
}

/// Whether an error says that this release does not have a field that was asked for.
pub(crate) fn is_unknown_field(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("cannot query field")
        || message.contains("unknown field")
        || message.contains("validation error")
}

const MOST: usize = 20;
const MOST_TEXT: usize = 300;
