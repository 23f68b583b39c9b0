//! The status page: what the relay is doing, for a person with a browser.
//!
//! Everything is made here; the one script only adds alerts to the list as they are made. Nothing that came from outside
//! is ever markup: the template escapes every value, and the script sets texts.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{Admin, test};
use crate::concerns::Concerns;
use crate::feed::Feed;

pub(crate) mod door;
mod live;
pub(crate) mod tops;
mod view;

use door::{Closed, Door};
use tops::Tops;

/// What the page needs besides what the subcommands ask for.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) door: Door,
    /// Name of the relay.
    pub(crate) relay: String,
    pub(crate) tops: Arc<Tops>,
    /// Names of the organisations.
    pub(crate) organisations: watch::Receiver<Vec<String>>,
    pub(crate) concerns: Concerns,
    pub(crate) feed: Feed,
    /// Places for those who watch alerts as they are made.
    pub(crate) watching: Arc<Semaphore>,
}

/// Places for those who watch alerts as they are made: fewer than there are connections, so that health is always told.
pub(crate) const WATCHERS: usize = 8;

/// The body of an answer of the admin listener.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

pub(super) fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// The answer to a request for the page or a part of it; `None` when it is for none.
pub(super) async fn answer(admin: &Arc<Admin>, request: Request<Incoming>) -> Option<Response<Body>> {
    let path = request.uri().path().to_owned();
    let get = request.method() == Method::GET || request.method() == Method::HEAD;
    let is_act = path == "/test";
    if !["/", "/page.css", "/page.js", "/events", "/test"].contains(&path.as_str()) {
        return None;
    }
    let door = &admin.page.door;
    let judged = door.is_meant(request.headers()).and_then(|()| match is_act {
        true if request.method() != Method::POST => {
            Err((StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n"))
        }
        true => door.acts(request.headers()),
        false if !get => Err((StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n")),
        false => door.looks(request.headers()),
    });
    if let Err(closed) = judged {
        let mut answer = refuse(closed);
        if closed.0 == StatusCode::METHOD_NOT_ALLOWED {
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(if is_act { "POST" } else { "GET, HEAD" }));
        }
        return Some(answer);
    }
    Some(match path.as_str() {
        "/page.css" => part(CSS, "text/css; charset=utf-8"),
        "/page.js" => part(SCRIPT, "text/javascript; charset=utf-8"),
        "/events" => live::answer(admin, &request),
        "/test" => tested(admin, request).await,
        _ => shown(admin, None).await,
    })
}

/// What who is turned away gets.
pub(super) fn refuse((status, text): Closed) -> Response<Body> {
    let mut answer = part(text, "text/plain; charset=utf-8");
    *answer.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"fogbell\", charset=\"UTF-8\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, basic);
    }
    answer
}

/// The page; with what came of a test.
async fn shown(admin: &Admin, tested: Option<Result<serde_json::Value, String>>) -> Response<Body> {
    match view::html(admin, tested).await {
        Ok(html) => part(html, "text/html; charset=utf-8"),
        Err(error) => {
            warn!(error, "the page cannot be shown");
            refuse((StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be shown; the log says why\n"))
        }
    }
}

/// Tests the sink that the form names, or all.
async fn tested(admin: &Admin, request: Request<Incoming>) -> Response<Body> {
    let read = Limited::new(request.into_body(), MAX_FORM).collect();
    let Ok(Ok(form)) = timeout(PATIENCE, read).await else {
        return refuse((StatusCode::BAD_REQUEST, "bad request\n"));
    };
    let form = form.to_bytes();
    // names of sinks have no character that a form writes otherwise
    let sink = form.strip_prefix(b"sink=").map(|name| String::from_utf8_lossy(name).into_owned());
    info!(sink = sink.as_deref().unwrap_or("all"), "a test was asked for on the page");
    let asked = test::Asked { sinks: sink.into_iter().collect(), wait_secs: TEST_SECS };
    shown(admin, Some(admin.test(asked).await)).await
}

fn part(text: impl Into<Bytes>, kind: &'static str) -> Response<Body> {
    let mut answer = Response::new(body(text));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.extend(SAFETY);
    answer
}

/// What every answer tells the browser: nothing from elsewhere, nothing inline, nobody's frame, nothing kept.
/// Source: Content Security Policy Level 3; the Fetch standard; Referrer Policy.
const SAFETY: [(HeaderName, HeaderValue); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

const CSS: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Most bytes of a form, how long it may take, and how long a test waits for the sinks.
const MAX_FORM: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(5);
const TEST_SECS: u64 = 10;
