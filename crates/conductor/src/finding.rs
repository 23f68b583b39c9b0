//! What validation finds.

use std::fmt;

use serde_json::Value;

use crate::answer::json;
use crate::problem::Misfit;

/// One problem that validation or a commit has found.
///
/// Only the `message` is documented by code that reads it; a `path` is taken where there is one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The conductor's words, on one line, without control characters.
    pub message: String,
    /// Where in the configuration.
    pub path: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{} (at {path})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Reads the answer to a validation or a commit: a list, or nothing at all.
///
/// # Errors
///
/// [`Misfit`] when it is anything else: whoever does not understand the answer does not know what has happened.
pub fn read_findings(body: &[u8]) -> Result<Vec<Finding>, Misfit> {
    match json(body)? {
        Value::Null => Ok(Vec::new()),
        Value::Object(fields) if fields.is_empty() => Ok(Vec::new()),
        Value::Array(items) => Ok(items.iter().take(MOST).map(finding).collect()),
        other => Err(Misfit::shape(".", "a list of problems", Some(&other))),
    }
}

/// Every element is a problem, understood or not.
fn finding(item: &Value) -> Finding {
    let text = |key: &str| item.get(key).and_then(Value::as_str).map(line);
    let message = match item {
        Value::String(text) => line(text),
        _ => text("message").filter(|message| !message.is_empty()).unwrap_or_else(|| line(&item.to_string())),
    };
    Finding { message, path: text("path").filter(|path| !path.is_empty()) }
}

fn line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(MOST_TEXT).collect()
}

const MOST: usize = 10_000;
const MOST_TEXT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_every_element_counts() {
        let read = |text: &str| read_findings(text.as_bytes());
        for empty in ["", " \n", "[]", "{}", "null"] {
            assert_eq!(read(empty), Ok(vec![]), "{empty:?}");
        }
        let found = read(r#"[{"message": "bad\n thing", "path": "/a"}, "worse", {"odd": 1}]"#).unwrap();
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["bad thing (at /a)", "worse", r#"{"odd":1}"#]);
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_success() {
        for text in ["true", "\"ok\"", r#"{"message": "no"}"#, "[", "<html>", "7"] {
            assert!(read_findings(text.as_bytes()).is_err(), "{text}");
        }
    }
}
