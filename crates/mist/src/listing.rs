//! What comes in pages, and a place in it.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde_json::Value;
use thiserror::Error;

use crate::answer::{Answer, Misfit};
use crate::request::Call;
use crate::{Endpoint, Host};

/// A request whose answer comes in pages of rows that are read as `T`.
///
/// Its parameters hold for every page.
#[derive(Debug)]
#[must_use = "a listing does nothing until its pages are asked for"]
pub struct Listing<T> {
    pub(crate) call: Call,
    pub(crate) style: Style,
    pub(crate) limit: u32,
    reads: PhantomData<fn() -> T>,
}

impl<T: Answer> Listing<T> {
    /// A listing whose pages have numbers.
    pub(crate) const fn numbered(call: Call) -> Self {
        Self { call, style: Style::Numbered, limit: DEFAULT_LIMIT, reads: PhantomData }
    }

    /// A listing whose pages name the one behind them.
    pub(crate) const fn chained(call: Call) -> Self {
        Self { call, style: Style::Chained, limit: DEFAULT_LIMIT, reads: PhantomData }
    }

    /// The same with up to `rows` rows a page, at least one; else it is 1,000, the most that Mist gives.
    ///
    /// Source: Juniper, "RESTful API Pagination Example".
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = rows.max(1);
        self
    }

    /// Method and path template.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.call.endpoint
    }

    /// The vendor's name of the operation, its `operationId`.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.call.operation
    }

    /// The request for the first page as HTTP, without the token and the client's own headers.
    pub fn to_http(&self, host: &Host) -> http::Request<bytes::Bytes> {
        self.call.to_http_with(host, "https", &self.query_at(&self.first()))
    }

    pub(crate) const fn first(&self) -> Place {
        match self.style {
            Style::Numbered => Place::Page(1),
            Style::Chained => Place::First,
        }
    }

    /// The query for a page.
    pub(crate) fn query_at(&self, place: &Place) -> String {
        let mut query = self.call.query.clone();
        query.set("limit", self.limit);
        match place {
            Place::First => query.encoded(),
            Place::Page(number) => {
                query.set("page", number);
                query.encoded()
            }
            Place::Query(next) => query.completed(next),
        }
    }

    /// Takes the rows out of an answer: a list, or an object with a list of `results`.
    pub(crate) fn page(&self, answer: Value) -> Result<RawPage, Misfit> {
        let mut object = match answer {
            Value::Array(rows) => return Ok(RawPage { rows, next: None, total: None }),
            Value::Object(object) => object,
            other => return Err(Misfit::new("a list or an object with results", &other)),
        };
        let rows = match object.remove("results") {
            Some(Value::Array(rows)) => rows,
            other => {
                return Err(Misfit::new("a list", &other.unwrap_or_default()).inside(".results"));
            }
        };
        let next = match object.remove("next") {
            None | Some(Value::Null) => None,
            Some(Value::String(next)) if next.is_empty() => None,
            Some(Value::String(next)) => Some(next),
            Some(other) => return Err(Misfit::new("a URL", &other).inside(".next")),
        };
        Ok(RawPage { rows, next, total: object.get("total").and_then(Value::as_u64) })
    }

    /// The query of a `next` URL: only that is taken from it, so that it leads nowhere else.
    ///
    /// Shape: a URL without host, of this listing's path.
    pub(crate) fn query_of(&self, next: &str) -> Result<String, Misfit> {
        let (path, query) = next.split_once('?').unwrap_or((next, ""));
        // tolerated: a whole URL, of which host and path do not count either
        let fits = path.ends_with(&self.call.path) && !query.is_empty();
        if fits && query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            Ok(query.to_owned())
        } else {
            Err(Misfit {
                at: ".next".to_owned(),
                expected: "a URL of the same path with a query",
                found: "another",
            })
        }
    }
}

/// How the pages of a listing follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// By `page=2`, until one is short.
    Numbered,
    /// By the URL in `next`, until there is none.
    Chained,
}

/// A page as it came.
#[derive(Debug)]
pub(crate) struct RawPage {
    pub(crate) rows: Vec<Value>,
    pub(crate) next: Option<String>,
    pub(crate) total: Option<u64>,
}

/// A page that is to be asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// The first one of a chain.
    First,
    Page(u32),
    /// The one of this query, which the server gave.
    Query(String),
}

/// A place in a listing, to go on from later with [`Client::resume`](crate::Client::resume).
///
/// Shape: a line of text, to be stored and parsed; what is in it is the server's. How long a server honours one is not
/// documented.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor(pub(crate) Place);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::First => f.write_str("first"),
            Place::Page(number) => write!(f, "page {number}"),
            Place::Query(query) => write!(f, "query {query}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = match text.split_once(' ') {
            None if text == "first" => Place::First,
            Some(("page", number)) => Place::Page(number.parse().map_err(|_| CursorError)?),
            Some(("query", query)) if query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') => {
                Place::Query(query.to_owned())
            }
            _ => return Err(CursorError),
        };
        Ok(Self(place))
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("this is no place in a listing")]
pub struct CursorError;

/// Rows of a page.
const DEFAULT_LIMIT: u32 = 1_000;
