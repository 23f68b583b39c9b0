//! Alerts as they are made, as server-sent events.
//!
//! Source: HTML Living Standard, 9.2 "Server-sent events".

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use alarm::Alert;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use journal::{Log, Position};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::{Body, SAFETY, refuse, view};
use crate::admin::Admin;
use crate::admin::history::{READING, reading, rows};
use crate::interpreter::failed;

/// Events as they come; whoever makes them ends when this is dropped.
struct Events(mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// The alerts behind the last one that who asks has seen, and every one that is made from then on.
pub(super) fn answer<B>(admin: &Arc<Admin>, request: &Request<B>) -> Response<Body> {
    let Ok(place) = Arc::clone(&admin.page.watching).try_acquire_owned() else {
        return refuse((StatusCode::SERVICE_UNAVAILABLE, "too many watch already\n"));
    };
    let seen = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let asked = request.uri().query().and_then(|query| query.strip_prefix("after="));
    let newest = admin.journal.tail(Log::Outbox).borrow().number();
    let after = seen.or(asked).and_then(|after| after.parse().ok()).unwrap_or(newest);
    // who was away for long loads the page again
    let after = after.clamp(newest.saturating_sub(MOST_BEHIND), newest);
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(watch(Arc::clone(admin), after, sender, place));
    let mut answer = Response::new(Events(receiver).boxed_unsync());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer.headers_mut().extend(SAFETY);
    answer
}

/// Tells until nobody listens any more, or the relay stops.
async fn watch(admin: Arc<Admin>, mut after: u64, events: mpsc::Sender<Bytes>, _place: OwnedSemaphorePermit) {
    let mut tail = admin.journal.tail(Log::Outbox);
    if events.send(Bytes::from_static(b": here\n\n")).await.is_err() {
        return;
    }
    while !admin.stopping.is_told() {
        let newest = tail.borrow_and_update().number();
        if newest <= after {
            let changed = timeout(SILENCE, tail.changed()).await;
            // a line now and then shows that the connection still is one
            if changed.is_err() && events.send(Bytes::from_static(b":\n\n")).await.is_err() {
                return;
            }
            continue;
        }
        let read = reading(&admin.journal, Log::Outbox, move |reader| {
            let entries = reader.read(Position::new(after), ROWS, BYTES).map_err(failed(READING))?;
            let to = entries.last().map_or(newest, |entry| entry.position().number());
            Ok((to, rows(entries).collect::<Vec<_>>()))
        });
        let Ok((to, rows)) = read.await else { return };
        after = to;
        for row in rows {
            let Ok(alert) = serde_json::from_slice::<Alert>(&row.body) else { continue };
            if !view::is_shown(&alert) {
                continue;
            }
            // JSON has no line ends of its own
            let event = format!("id: {}\ndata: {}\n\n", row.position.number(), view::row(&alert));
            if events.send(event.into()).await.is_err() {
                return;
            }
        }
    }
}

/// How far behind one may be and still be told everything.
const MOST_BEHIND: u64 = 1000;

/// How many events may wait for a slow browser: it holds nobody up but itself.
const WAITING: usize = 16;

const SILENCE: Duration = Duration::from_secs(15);
const ROWS: usize = 64;
const BYTES: usize = 1 << 18;
