//! What comes in pages, and a place in it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use http::StatusCode;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::answer::{Answer, Misfit};
use crate::request::Call;
use crate::{Endpoint, Host, Problem};

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

    /// Reads the rows of a page; nothing but the answer counts.
    ///
    /// # Errors
    ///
    /// As [`Request::read`](crate::Request::read).
    pub fn read(&self, status: StatusCode, body: &[u8]) -> Result<Vec<T>, Problem> {
        self.read_page(status, body).map(|page| page.rows)
    }

    pub(crate) fn read_page(&self, status: StatusCode, body: &[u8]) -> Result<Page<T>, Problem> {
        if let Some(problem) = self.call.refusal(status, body) {
            return Err(problem);
        }
        let answer = self.call.json(status, body)?;
        self.page(answer).map_err(|misfit| self.call.misfit(misfit))
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
    fn page(&self, answer: Value) -> Result<Page<T>, Misfit> {
        let (rows, place, mut around) = match answer {
            Value::Array(rows) => (rows, "", Map::new()),
            Value::Object(mut object) => match object.remove("results") {
                Some(Value::Array(rows)) => (rows, ".results", object),
                other => return Err(Misfit::new("a list", &other.unwrap_or_default()).inside(".results")),
            },
            other => return Err(Misfit::new("a list or an object with results", &other)),
        };
        let next = match around.remove("next") {
            None | Some(Value::Null) => None,
            Some(Value::String(next)) if next.is_empty() => None,
            Some(Value::String(next)) => Some(self.query_of(&next)),
            Some(other) => Some(Err(Misfit::new("a URL", &other).inside(".next"))),
        };
        let hash = hash(&rows);
        let rows = rows.into_iter().enumerate().map(|(index, row)| {
            T::from_json(row).map_err(|misfit| misfit.inside(&format!("{place}[{index}]")))
        });
        let total = around.get("total").and_then(Value::as_u64);
        Ok(Page { rows: rows.collect::<Result<_, _>>()?, hash, next, total })
    }

    /// The query of a `next` URL: only that is taken from it, so that it leads nowhere else.
    ///
    /// Shape: a URL without host, of this listing's path.
    fn query_of(&self, next: &str) -> Result<String, Misfit> {
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

/// A page.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    /// Of the rows as they came.
    pub(crate) hash: u64,
    /// The query of the page behind it, or why that is none; not all listings say.
    pub(crate) next: Option<Result<String, Misfit>>,
    /// Rows of all pages; not all listings say.
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

/// Tells apart what is not the same, as far as that is worth telling.
pub(crate) fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Rows of a page.
const DEFAULT_LIMIT: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing<Value> {
        let mut call = Call::get("x", "/api/v1/orgs/{org_id}/alarms/search", &[&"A"]);
        call.query.add("severity", "critical");
        Listing::chained(call)
    }

    #[test]
    fn every_page_is_asked_for_with_all_parameters() {
        let numbered = Listing::<Value>::numbered(listing().call).limit(50);

        assert_eq!(numbered.query_at(&Place::Page(3)), "severity=critical&limit=50&page=3");
        assert_eq!(listing().query_at(&Place::First), "severity=critical&limit=1000");
        assert_eq!(
            listing().query_at(&Place::Query("limit=10&search_after=%5B1%5D".to_owned())),
            "limit=10&search_after=%5B1%5D&severity=critical"
        );
    }

    #[test]
    fn only_the_query_of_the_next_page_is_taken_over() {
        for (next, query) in [
            (
                "/api/v1/orgs/A/alarms/search?search_after=%5B1%2C+%222%22%5D",
                Some("search_after=%5B1%2C+%222%22%5D"),
            ),
            ("https://evil.example/api/v1/orgs/A/alarms/search?a=b", Some("a=b")),
            ("/api/v1/orgs/B/alarms/search?a=b", None),
            ("/api/v1/orgs/A/alarms/search", None),
            ("string", None),
            ("/api/v1/orgs/A/alarms/search?a=b c", None),
            ("/api/v1/orgs/A/alarms/search?a=b#c", None),
        ] {
            assert_eq!(listing().query_of(next).ok().as_deref(), query, "{next}");
        }
    }

    #[test]
    fn rows_come_alone_or_among_other_things() {
        let read = |body: &str| listing().read_page(StatusCode::OK, body.as_bytes());

        assert_eq!(read("[1,2]").unwrap().rows, [1, 2]);
        let page = read(r#"{"results":[1],"total":7,"next":null}"#).unwrap();
        assert_eq!((page.rows.len(), page.total, page.next), (1, Some(7), None));
        for (body, at) in [("3", "`.`"), ("{}", "`.results`"), (r#"{"results":{}}"#, "`.results`")] {
            let said = read(body).unwrap_err().to_string();
            assert!(said.contains(at), "{said}");
        }
        assert!(read(r#"{"results":[1],"next":7}"#).unwrap().next.unwrap().is_err());
    }

    #[test]
    fn a_cursor_is_a_line_of_text() {
        for place in [Place::First, Place::Page(7), Place::Query("a=b&c=%20".to_owned())] {
            let cursor = Cursor(place);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "page", "page x", "page -1", "query a b", "query a#b", "first 1"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
