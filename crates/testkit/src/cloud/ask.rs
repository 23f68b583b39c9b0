//! A request, read.

use std::fmt::Write;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::reply::Reply;

/// What a client asks.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(super) method: Method,
    /// The path as it was sent.
    pub(super) path: String,
    /// The query as it was sent, without the question mark.
    pub(super) query: String,
    pub(super) token: Option<String>,
    pub(super) body: Bytes,
    fields: Vec<(String, String)>,
}

impl Ask {
    /// Reads a request and its body; the refusal when that is too long or breaks off.
    pub(super) async fn read(request: http::Request<Incoming>) -> Result<Self, Reply> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| {
            Reply::detail(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or not complete")
        })?;
        let query = head.uri.query().unwrap_or_default().to_owned();
        let token = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Ok(Self {
            fields: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
            path: head.uri.path().to_owned(),
            query,
            token: token.and_then(|value| value.strip_prefix("Token ")).map(|key| key.trim().to_owned()),
            body: body.to_bytes(),
            method: head.method,
        })
    }

    /// The path below `/api/v1`, in parts.
    pub(super) fn parts(&self) -> Option<Vec<&str>> {
        let rest = self.path.strip_prefix("/api/v1/")?;
        Some(rest.trim_end_matches('/').split('/').collect())
    }

    /// Path and query.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// A field of the query; `None` when it is not there or empty.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// A field with values between commas.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.field(name).map(|text| text.split(',').map(str::trim).collect())
    }

    /// Whether the field is absent or one of its values equals `value`, the case of letters aside.
    pub(super) fn admits(&self, name: &str, value: &str) -> bool {
        self.list(name).is_none_or(|wanted| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)))
    }

    /// Whether the field is absent or matches `value`, where `*` stands for any text.
    pub(super) fn resembles(&self, name: &str, value: &str) -> bool {
        self.field(name).is_none_or(|pattern| matches(&pattern.to_lowercase(), &value.to_lowercase()))
    }

    /// A field that is a whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Reply> {
        self.field(name).map(|text| text.parse().map_err(|_| wrong(name))).transpose()
    }

    /// A field that is true or false.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Reply> {
        match self.field(name) {
            None => Ok(default),
            Some("true" | "True" | "1") => Ok(true),
            Some("false" | "False" | "0") => Ok(false),
            Some(_) => Err(wrong(name)),
        }
    }

    /// `limit`, 100 unless given, and no more than `most`.
    pub(super) fn limit(&self, most: usize) -> Result<usize, Reply> {
        let limit = self.number("limit")?.unwrap_or(100);
        usize::try_from(limit).map(|limit| limit.min(most)).map_err(|_| wrong("limit"))
    }

    /// `page`, 1 unless given.
    pub(super) fn page(&self) -> Result<usize, Reply> {
        let page = self.number("page")?.unwrap_or(1);
        usize::try_from(page).ok().filter(|&page| page > 0).ok_or_else(|| wrong("page"))
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<serde_json::Map<String, Value>, Reply> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Reply::bad("JSON object expected")),
            Err(error) => Err(Reply::bad(&format!("JSON parse error - {error}"))),
        }
    }

    /// The same path, with the query's fields replaced by `changes`, in order of their names.
    pub(super) fn again(&self, changes: &[(&str, String)]) -> String {
        let changed = |name: &str| changes.iter().any(|(key, _)| *key == name);
        let mut fields: Vec<(&str, &str)> = self
            .fields
            .iter()
            .filter(|(name, _)| !changed(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(changes.iter().map(|(name, value)| (*name, value.as_str())))
            .collect();
        fields.sort_unstable();
        let query: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        format!("{}?{}", self.path, query.join("&"))
    }

    /// The same request with another field of the query.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(key, _)| key != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request without a field of the query.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(key, _)| key != name);
        self
    }
}

/// A field that does not have the form it must have.
pub(super) fn wrong(name: &str) -> Reply {
    Reply::bad(&format!("invalid field: {name}"))
}

/// Whether `text` is what `pattern` says, where `*` stands for any text, also none.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (plain(name), plain(value))
}

/// Undoes percent-encoding, and `+` for a blank; what is not valid stays as it is.
fn plain(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                at += 3;
            }
            _ => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => write!(out, "%{byte:02X}").expect("a String takes every text"),
        }
    }
    out
}

const MAX_BODY: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expect) in [
            ("*5b35*", "5c5b351e13b5", true),
            ("5c*", "5c5b351e13b5", true),
            ("*13b5", "5c5b351e13b5", true),
            ("5b35", "5c5b351e13b5", false),
            ("a*b*a", "aba", true),
            ("ab*ba", "aba", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_escaped_reads_back() {
        for text in ["[1711031354000, \"56bf\"]", "São Paulo+DC%", "a=b&c"] {
            assert_eq!(plain(&escaped(text)), text);
        }
        assert_eq!(plain("%zz%4"), "%zz%4");
        assert_eq!(plain("%F0%9F"), "\u{fffd}");
    }
}
