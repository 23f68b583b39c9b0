//! From a request to its answer: screen, read, admit, store, and only then 200.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ids::Timestamp;
use journal::{Journal, Priority};
use tokio::time::timeout;
use tracing::{info, warn};
use webhook::{Admitted, ConflictingLength, Gate, Refusal};

use crate::error::Chain;
use crate::inbox;
use crate::metrics::Metrics;

/// Lets requests in and stores what they carry.
#[derive(Debug)]
pub(crate) struct Intake {
    gate: Gate,
    journal: Journal,
    metrics: Arc<Metrics>,
    body_patience: Duration,
    flights: Flights,
}

impl Intake {
    pub(crate) fn new(gate: Gate, journal: Journal, metrics: Arc<Metrics>, body_patience: Duration) -> Self {
        Self { gate, journal, metrics, body_patience, flights: Flights::default() }
    }

    /// The most requests that were being answered at once since this was last asked.
    ///
    /// The number of the moment would not do: all that share a commit are answered together, so it falls to
    /// nothing right behind every one, however busy the intake is.
    pub(crate) fn in_flight(&self) -> usize {
        self.flights.most()
    }

    /// The answer to one request; `conflict` and `lost` are what the listener saw of its head.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: IpAddr,
        conflict: bool,
        lost: bool,
    ) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
        let flight = self.flights.begin();
        let mut answer = match self.admit(request, peer, conflict).await {
            Ok(admitted) => self.store(admitted).await,
            Err(refusal) => self.refuse(peer, refusal),
        };
        drop(flight);
        self.metrics.answered(answer.status());
        if lost {
            answer.headers_mut().insert(CONNECTION, CLOSE);
        }
        Ok(answer)
    }

    async fn admit(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        conflict: bool,
    ) -> Result<Admitted, Refusal> {
        let (mut head, body) = request.into_parts();
        if conflict {
            head.extensions.insert(ConflictingLength);
        }
        let screened = self.gate.screen(peer, &head)?;
        let read = timeout(self.body_patience, read(body, self.gate.max_body_bytes())).await;
        let body = read.map_err(|_| Refusal::SlowBody)??;
        self.gate.admit(screened, body, Timestamp::now())
    }

    /// Answers 200 once the message is on disk, 503 when that cannot be promised.
    async fn store(&self, admitted: Admitted) -> Response<Full<Bytes>> {
        self.metrics.admitted(&admitted);
        match self.journal.append(inbox::admitted(admitted), Priority::Normal).await {
            Ok(_) => plain(StatusCode::OK, ""),
            Err(error) => {
                self.metrics.unstored();
                warn!(error = %Chain(&error), "a message was not stored and is answered 503");
                let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, "try again later\n");
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
                answer.headers_mut().insert(CONNECTION, CLOSE);
                answer
            }
        }
    }

    fn refuse(&self, peer: IpAddr, refusal: Refusal) -> Response<Full<Bytes>> {
        self.metrics.refused(refusal);
        info!(%peer, reason = refusal.reason(), status = refusal.status().as_u16(), "refused a request");
        let mut answer = plain(refusal.status(), fixed_text(refusal.status()));
        answer.headers_mut().insert(CONNECTION, CLOSE);
        if refusal == Refusal::Method {
            answer.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
        }
        answer
    }
}

/// Reads a body of at most `limit` bytes; one that comes in one piece is not copied.
async fn read(mut body: Incoming, limit: u64) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BrokenBody)?.into_data() else { continue };
        length += data.len() as u64;
        if length > limit {
            return Err(Refusal::TooLarge);
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                let expected = body.size_hint().lower().min(limit) as usize;
                whole.reserve(first.len() + data.len() + expected);
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}

/// One short text per status: it teaches nothing that the status does not.
const fn fixed_text(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "forbidden\n",
        StatusCode::NOT_FOUND => "not found\n",
        StatusCode::METHOD_NOT_ALLOWED => "method not allowed\n",
        StatusCode::REQUEST_TIMEOUT => "timeout\n",
        StatusCode::PAYLOAD_TOO_LARGE => "too large\n",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported encoding\n",
        StatusCode::UNAUTHORIZED => "unauthorized\n",
        _ => "bad request\n",
    }
}

/// How many requests are being answered.
#[derive(Debug, Default)]
struct Flights {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Flights {
    fn begin(&self) -> Flight<'_> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        Flight(self)
    }

    /// The most at once since this was last asked.
    fn most(&self) -> usize {
        let now = self.now.load(Ordering::Relaxed);
        self.most.swap(now, Ordering::Relaxed).max(now)
    }
}

/// One request being answered.
#[derive(Debug)]
struct Flight<'a>(&'a Flights);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

const CLOSE: HeaderValue = HeaderValue::from_static("close");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_that_was_answered_in_between_is_still_seen_once() {
        let flights = Flights::default();
        let burst = [flights.begin(), flights.begin(), flights.begin()];
        drop(burst);
        let one = flights.begin();

        assert_eq!(flights.most(), 3);
        assert_eq!(flights.most(), 1);
        drop(one);
        assert_eq!(flights.most(), 1);
        assert_eq!(flights.most(), 0);
    }
}
