//! Answers, before anybody sees them.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::Misfit;

/// An answer that was read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// The body, without pre-shared secrets; an empty one is `null`.
    pub(crate) fn json(&self) -> Result<Value, Misfit> {
        json(&self.body)
    }

    /// Whether it says that all is well, begins as JSON, and broke on its way.
    pub(crate) fn is_torn(&self) -> bool {
        self.status == StatusCode::OK
            && matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'['))
            && serde_json::from_slice::<Value>(&self.body).is_err()
    }
}

/// JSON without pre-shared secrets; nothing at all is `null`.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, Misfit> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map(without_secrets).map_err(|_| Misfit::NotJson)
}

/// `value` without every field named `pre-shared-secret`, however deep and in whatever spelling; its memory is cleared.
#[must_use]
pub fn without_secrets(mut value: Value) -> Value {
    remove(&mut value);
    value
}

fn remove(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove),
        Value::Object(fields) => {
            fields.retain(|key, value| {
                let secret = is_secret(key);
                if secret {
                    clear(value);
                }
                !secret
            });
            fields.values_mut().for_each(remove);
        }
        _ => {}
    }
}

fn clear(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(clear),
        Value::Object(fields) => fields.values_mut().for_each(clear),
        _ => {}
    }
}

/// `pre-shared-secret`, `pre_shared_secret`, `preSharedSecret`.
pub(crate) fn is_secret(key: &str) -> bool {
    let letters = key.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    letters.eq(*b"presharedsecret")
}

/// The conductor's own words about a refusal: `message` of its JSON, else how it begins.
pub(crate) fn detail(body: &[u8]) -> String {
    let said = match json(body) {
        Ok(value) => ["message", "detail", "error"]
            .iter()
            .find_map(|key| value.get(key)?.as_str().map(str::to_owned))
            .unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(4 * MOST_DETAIL)]).into_owned(),
    };
    let line: Vec<&str> =
        said.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    line.join(" ").chars().take(MOST_DETAIL).collect()
}

/// Reads a body to its end; nothing when it is larger than `limit`.
pub(crate) async fn collect(
    mut body: Incoming,
    limit: usize,
) -> Result<Option<Zeroizing<Vec<u8>>>, hyper::Error> {
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(told.min(limit).min(ALLOCATED_AHEAD)));
    while let Some(frame) = body.frame().await {
        let data: Bytes = frame?.into_data().unwrap_or_default();
        if data.len() > limit - bytes.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes))
}

/// What is allocated for an answer because its head says that it is as long.
const ALLOCATED_AHEAD: usize = 1 << 20;
const MOST_DETAIL: usize = 300;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pre_shared_secrets_are_removed_wherever_they_are() {
        let read = json!({"a": [{"pre-shared-secret": "x", "mode": "weak"}], "preSharedSecret": {"b": "y"}, "pre_shared_secret": 1});

        assert_eq!(without_secrets(read), json!({"a": [{"mode": "weak"}]}));
    }

    #[test]
    fn a_detail_is_one_line_of_bounded_length() {
        assert_eq!(detail(br#"{"message": "bad\n\tthing"}"#), "bad thing");
        assert_eq!(detail(b"<html>\x1b[2J\r\n<body>"), "<html> [2J <body>");
        assert_eq!(detail(&[b'x'; 10_000]).len(), 300);
        assert_eq!(detail(b""), "");
        assert_eq!(detail(br#"{"pre-shared-secret": "FAKE"}"#), "");
    }
}
