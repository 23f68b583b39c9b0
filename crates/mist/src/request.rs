//! A request before it is sent, and its answer before it is believed.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::answer::{Answer, Misfit};
use crate::problem::{hint, worth_a_retry};
use crate::query::Query;
use crate::{Endpoint, Host, Problem};

/// One operation of the API with its parameters; what it answers is read as `T`.
///
/// It is a value: nothing is sent before [`Client::send`](crate::Client::send) gets it, and the same one may be sent again.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<T> {
    pub(crate) call: Call,
    reads: PhantomData<fn() -> T>,
}

impl<T: Answer> Request<T> {
    pub(crate) const fn new(call: Call) -> Self {
        Self { call, reads: PhantomData }
    }

    /// Method and path template.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.call.endpoint
    }

    /// The vendor's name of the operation, its `operationId`; empty for a call by hand.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.call.operation
    }

    /// Whether sending it twice is as good as once, so that the client may repeat it.
    #[must_use]
    pub const fn is_idempotent(&self) -> bool {
        self.call.idempotent
    }

    /// The request as HTTP, without the token and the client's own headers.
    pub fn to_http(&self, host: &Host) -> http::Request<Bytes> {
        self.call.to_http(host, "https")
    }

    /// Reads an answer; nothing but the answer counts.
    ///
    /// # Errors
    ///
    /// [`Problem::Api`] and [`Problem::NotJson`] when the request was refused or something else answered,
    /// [`Problem::Decode`] when the answer has another shape.
    pub fn read(&self, status: StatusCode, body: &[u8]) -> Result<T, Problem> {
        if let Some(problem) = self.call.refusal(status, body) {
            return Err(problem);
        }
        if body.iter().all(u8::is_ascii_whitespace)
            && let Some(empty) = T::empty()
        {
            return Ok(empty);
        }
        let value = self.call.json(status, body)?;
        T::from_json(value).map_err(|misfit| self.call.misfit(misfit))
    }
}

/// What a request is, whatever it answers.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) endpoint: Endpoint,
    pub(crate) operation: &'static str,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) body: Option<Bytes>,
    pub(crate) idempotent: bool,
}

impl Call {
    /// A request for the path that `template` becomes with `ids` in the place of its names, in order.
    pub(crate) fn new(
        method: Method,
        operation: &'static str,
        template: &'static str,
        ids: &[&dyn fmt::Display],
    ) -> Self {
        let mut path = String::with_capacity(template.len() + 40 * ids.len());
        let mut ids = ids.iter();
        for (index, part) in template.split(['{', '}']).enumerate() {
            // every second part is the name of an id
            match (index % 2, ids.len()) {
                (1, 1..) => path.extend(ids.next().map(ToString::to_string)),
                _ => path.push_str(part),
            }
        }
        Self {
            idempotent: method != Method::POST,
            endpoint: Endpoint::new(method, template),
            operation,
            path,
            query: Query::default(),
            body: None,
        }
    }

    pub(crate) fn get(operation: &'static str, template: &'static str, ids: &[&dyn fmt::Display]) -> Self {
        Self::new(Method::GET, operation, template, ids)
    }

    pub(crate) fn with_body(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into());
        self
    }

    /// A request for a path by hand; see [`Client::call`](crate::Client::call).
    pub(crate) fn by_hand(
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Self, Problem> {
        let plain = |segment: &str| {
            let fits =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'~');
            !segment.is_empty() && segment.bytes().all(fits) && segment.bytes().any(|byte| byte != b'.')
        };
        if !path.strip_prefix("/api/").is_some_and(|rest| rest.split('/').all(plain)) {
            return Err(Problem::BadPath);
        }
        let mut asked = Query::default();
        for (name, value) in query {
            asked.add(name, value);
        }
        let call = Self {
            idempotent: method.is_idempotent(),
            endpoint: Endpoint::of_path(method, path),
            operation: "",
            path: path.to_owned(),
            query: asked,
            body: None,
        };
        Ok(match body {
            Some(body) => call.with_body(body),
            None => call,
        })
    }

    pub(crate) fn to_http(&self, host: &Host, scheme: &str) -> http::Request<Bytes> {
        self.to_http_with(host, scheme, &self.query.encoded())
    }

    /// The same with a query that came from the server.
    pub(crate) fn to_http_with(&self, host: &Host, scheme: &str, query: &str) -> http::Request<Bytes> {
        let mark = if query.is_empty() { "" } else { "?" };
        let uri = format!("{scheme}://{}{}{mark}{query}", host.authority(), self.path);
        let mut request = http::Request::builder()
            .method(self.endpoint.method())
            .uri(uri)
            .header(ACCEPT, JSON)
            .body(self.body.clone().unwrap_or_default())
            .expect("host, path and query have only characters of a URL");
        if self.body.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        request
    }

    /// What an answer that is no success says.
    pub(crate) fn refusal(&self, status: StatusCode, body: &[u8]) -> Option<Problem> {
        if status.is_success() {
            return None;
        }
        let endpoint = self.endpoint.clone();
        match serde_json::from_slice::<Value>(body) {
            Err(_) if !body.is_empty() && !status.is_redirection() => Some(self.not_json(status, body)),
            answer => Some(Problem::Api {
                endpoint,
                status,
                detail: answer.map(|answer| detail(&answer)).unwrap_or_default().into(),
                retry: worth_a_retry(status),
                hint: hint(status),
            }),
        }
    }

    /// What a good answer to a read is that broke on its way: reading again is no harm.
    pub(crate) fn torn(&self, status: StatusCode, body: &[u8]) -> Option<Problem> {
        let reads = *self.endpoint.method() == Method::GET && begins_as_json(body);
        (reads && serde_json::from_slice::<Value>(body).is_err()).then(|| self.not_json(status, body))
    }

    pub(crate) fn json(&self, status: StatusCode, body: &[u8]) -> Result<Value, Problem> {
        serde_json::from_slice(body).map_err(|_| self.not_json(status, body))
    }

    fn not_json(&self, status: StatusCode, body: &[u8]) -> Problem {
        let torn = status.is_success() && begins_as_json(body);
        Problem::NotJson { endpoint: self.endpoint.clone(), status, snippet: self.snippet(body).into(), torn }
    }

    pub(crate) fn misfit(&self, misfit: Misfit) -> Problem {
        let Misfit { at, expected, found } = misfit;
        let at = if at.is_empty() { ".".to_owned() } else { at };
        Problem::Decode { endpoint: self.endpoint.clone(), at, expected, found }
    }

    /// How an answer begins that is no JSON, up to where something begins that may be JSON after all, behind a mark or
    /// other bytes; of what begins as JSON where it breaks. There may be secrets in both, and in whatever repeats the body
    /// that was sent.
    fn snippet(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(&body[..body.len().min(4 * MOST_CHARACTERS)]);
        let text = text.trim_start();
        if text.starts_with(['{', '[', '"']) {
            let error = serde_json::from_slice::<Value>(body).err();
            return error
                .map(|error| format!("broken at line {} column {}", error.line(), error.column()))
                .unwrap_or_default();
        }
        if self.body.is_some() {
            return String::new();
        }
        // attributes of HTML have quotation marks too
        let suspects: &[char] = if text.starts_with('<') { &['{', '['] } else { &['{', '[', '"'] };
        shortened(text.split(suspects).next().unwrap_or_default())
    }
}

/// Whether this may be the beginning of an answer, and no page of something in between.
fn begins_as_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

impl fmt::Debug for Call {
    /// Without the body, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", self.endpoint.method())
            .field("path", &self.path)
            .field("query", &self.query)
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

/// Mist's own words in the answer of a refusal.
fn detail(answer: &Value) -> String {
    let said = |name: &str| match answer.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let words: Vec<String> =
        ["detail", "reason", "error", "message"].iter().filter_map(|name| said(name)).collect();
    shortened(&words.join(", "))
}

/// One line of bounded length without control characters.
fn shortened(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Characters of an answer that an error repeats.
const MOST_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests;
