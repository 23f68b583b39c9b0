//! From a request to its answer: screen, read, admit, store, and only then 200.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ids::Timestamp;
use journal::{Journal, Priority};
use tokio::time::{Instant, timeout};
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
    refusals_logged: Ration,
    failures_logged: Ration,
    room: AtomicUsize,
}

impl Intake {
    pub(crate) fn new(gate: Gate, journal: Journal, metrics: Arc<Metrics>, body_patience: Duration) -> Self {
        Self {
            gate,
            journal,
            metrics,
            body_patience,
            flights: Flights::default(),
            refusals_logged: Ration::default(),
            failures_logged: Ration::default(),
            room: AtomicUsize::new(BODIES_BYTES),
        }
    }

    /// The most requests that were being answered at once since this was last asked.
    ///
    /// The number of the moment would not do: all that share a commit are answered together, so it falls to
    /// nothing right behind every one, however busy the intake is.
    pub(crate) fn in_flight(&self) -> usize {
        self.flights.most()
    }

    /// Whether anything from `peer` could ever be let in.
    pub(crate) fn allows(&self, peer: IpAddr) -> bool {
        self.gate.allows(peer)
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
        let mut share = Share { room: &self.room, taken: 0 };
        let mut answer = match self.admit(request, peer, conflict, &mut share).await {
            Ok(admitted) => self.store(admitted).await,
            Err(refusal) => self.refuse(peer, refusal),
        };
        drop((flight, share));
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
        share: &mut Share<'_>,
    ) -> Result<Admitted, Refusal> {
        let (mut head, body) = request.into_parts();
        if conflict {
            head.extensions.insert(ConflictingLength);
        }
        let screened = self.gate.screen(peer, &head)?;
        let read = timeout(self.body_patience, read(body, self.gate.max_body_bytes(), share)).await;
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
                if let Some(unlogged) = self.failures_logged.one_more(Instant::now()) {
                    warn!(error = %Chain(&error), unlogged, "a message was not stored and is answered 503");
                }
                let mut answer =
                    plain(StatusCode::SERVICE_UNAVAILABLE, fixed_text(StatusCode::SERVICE_UNAVAILABLE));
                answer.headers_mut().insert(RETRY_AFTER, RETRY_SECS);
                answer.headers_mut().insert(CONNECTION, CLOSE);
                answer
            }
        }
    }

    fn refuse(&self, peer: IpAddr, refusal: Refusal) -> Response<Full<Bytes>> {
        self.metrics.refused(refusal);
        if let Some(unlogged) = self.refusals_logged.one_more(Instant::now()) {
            let (reason, status) = (refusal.reason(), refusal.status().as_u16());
            info!(%peer, reason, status, unlogged, "refused a request");
        }
        let mut answer = plain(refusal.status(), fixed_text(refusal.status()));
        answer.headers_mut().insert(CONNECTION, CLOSE);
        if refusal == Refusal::Busy {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_SECS);
        }
        if refusal == Refusal::Method {
            answer.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
        }
        answer
    }
}

/// Reads a body of at most `limit` bytes; one that comes in one piece is not copied.
async fn read(mut body: Incoming, limit: u64, share: &mut Share<'_>) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BrokenBody)?.into_data() else { continue };
        length += data.len() as u64;
        if length > limit {
            return Err(Refusal::TooLarge);
        }
        share.take(data.len())?;
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
        StatusCode::SERVICE_UNAVAILABLE => "try again later\n",
        _ => "bad request\n",
    }
}

/// So many log lines a second and no more: whoever can be refused must not be able to fill the disk.
#[derive(Debug, Default)]
struct Ration(Mutex<(Option<Instant>, u32, u64)>);

impl Ration {
    /// Whether one more line may be logged, and how many were not since the last one.
    fn one_more(&self, now: Instant) -> Option<u64> {
        let mut ration = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, logged, unlogged) = &mut *ration;
        if since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            (*since, *logged) = (Some(now), 0);
        }
        if *logged >= LINES_PER_SECOND {
            *unlogged += 1;
            return None;
        }
        *logged += 1;
        Some(std::mem::take(unlogged))
    }
}

/// What one body takes of the room that all bodies share until they are answered.
#[derive(Debug)]
struct Share<'a> {
    room: &'a AtomicUsize,
    taken: usize,
}

impl Share<'_> {
    /// Takes `bytes` more, if there is room.
    fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        let take = |room: usize| room.checked_sub(bytes);
        self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map_err(|_| Refusal::Busy)?;
        self.taken += bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.fetch_add(self.taken, Ordering::Relaxed);
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

/// Most bytes that all bodies may take together between being read and being answered.
const BODIES_BYTES: usize = 64 << 20;

const RETRY_SECS: HeaderValue = HeaderValue::from_static("10");

/// How many refusals are logged in a second; all are counted.
const LINES_PER_SECOND: u32 = 20;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_their_room_and_give_it_back() {
        let room = AtomicUsize::new(100);
        let mut first = Share { room: &room, taken: 0 };
        let mut second = Share { room: &room, taken: 0 };

        assert_eq!(first.take(60), Ok(()));
        assert_eq!(second.take(40), Ok(()));
        assert_eq!(second.take(1), Err(Refusal::Busy));
        drop(first);
        assert_eq!(second.take(60), Ok(()));
        drop(second);
        assert_eq!(room.into_inner(), 100);
    }

    #[test]
    fn a_flood_of_refusals_is_logged_in_part_and_says_how_much_was_not() {
        let ration = Ration::default();
        let start = Instant::now();

        let logged = (0..100).filter(|_| ration.one_more(start).is_some()).count();

        assert_eq!(logged, LINES_PER_SECOND as usize);
        assert_eq!(ration.one_more(start + Duration::from_secs(1)), Some(100 - u64::from(LINES_PER_SECOND)));
        assert_eq!(ration.one_more(start + Duration::from_secs(1)), Some(0));
    }

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
