//! From a request to its answer: screen, read, admit, store, and only then 200.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Request, Response, StatusCode, request};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ids::Timestamp;
use journal::Priority;
use tokio::time::{Instant, timeout};
use tracing::{info, trace, warn};
use webhook::{Admitted, ConflictingLength, Gate, Refusal, Topic, V1_HEADER, V2_HEADER};

use crate::error::Chain;
use crate::inbox::{self, Inbox};
use crate::metrics::{Arrived, Metrics};
use crate::ration::Ration;
use crate::sources::Sources;
use crate::trail::{Trail, What};

mod unlisted;

pub(crate) use unlisted::Unlisted;

/// Lets requests in and stores what they carry.
#[derive(Debug)]
pub(crate) struct Intake {
    terms: ArcSwap<Terms>,
    inbox: Inbox,
    metrics: Arc<Metrics>,
    sources: Arc<Sources>,
    trail: Arc<Trail>,
    flights: Flights,
    refusals_logged: Ration,
    failures_logged: Ration,
    room: AtomicUsize,
}

/// Who is let in, and on what terms.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) gate: Gate,
    /// How long a body may take.
    pub(crate) body_patience: Duration,
    /// Reads bodies from addresses that are not listed; without it nobody does.
    pub(crate) unlisted: Option<Unlisted>,
}

impl Intake {
    pub(crate) fn new(
        terms: Terms,
        inbox: Inbox,
        metrics: Arc<Metrics>,
        sources: Arc<Sources>,
        trail: Arc<Trail>,
    ) -> Self {
        Self {
            terms: ArcSwap::from_pointee(terms),
            inbox,
            metrics,
            sources,
            trail,
            flights: Flights::default(),
            refusals_logged: Ration::default(),
            failures_logged: Ration::default(),
            room: AtomicUsize::new(BODIES_BYTES),
        }
    }

    /// Other terms, for every request from now on.
    pub(crate) fn change(&self, terms: Terms) {
        self.terms.store(Arc::new(terms));
    }

    /// What came a moment ago.
    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The most requests that were being answered at once since this was last asked.
    ///
    /// The number of the moment would not do: all that share a commit are answered together, so it falls to
    /// nothing right behind every one, however busy the intake is.
    pub(crate) fn in_flight(&self) -> usize {
        self.flights.most()
    }

    /// Whether `peer` is allowed nothing, and no proxy either.
    pub(crate) fn is_stranger(&self, peer: IpAddr) -> bool {
        let terms = self.terms.load();
        !terms.gate.allows(peer) && !terms.gate.trusts(peer)
    }

    /// Whether the word of `hop` about where a request comes from counts.
    pub(crate) fn trusts(&self, hop: IpAddr) -> bool {
        self.terms.load().gate.trusts(hop)
    }

    /// Where a request comes from that `hop` brought.
    pub(crate) fn source(&self, hop: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Refusal> {
        self.terms.load().gate.source(hop, headers)
    }

    /// The answer to one request that `hop` brought from `source`; `conflict` and `lost` are what the listener saw of its
    /// head.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        hop: IpAddr,
        source: Result<IpAddr, Refusal>,
        conflict: bool,
        lost: bool,
    ) -> Response<Full<Bytes>> {
        let arrived = self.metrics.arrived();
        let flight = self.flights.begin();
        let mut share = Share { room: &self.room, taken: 0 };
        let admitted = match source {
            Ok(source) => self.admit(request, source, conflict, &mut share).await,
            Err(refusal) => Err(refusal),
        };
        let mut answer = match admitted {
            Ok(admitted) => self.store(admitted, arrived).await,
            Err(refusal) => self.refuse(source.unwrap_or(hop), refusal, arrived),
        };
        drop((flight, share));
        self.metrics.answered(answer.status());
        if lost {
            answer.headers_mut().insert(CONNECTION, CLOSE);
        }
        answer
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
        if head.headers.contains_key(V2_HEADER) || head.headers.contains_key(V1_HEADER) {
            self.sources.saw(peer);
        }
        // one request is judged by the same terms from its head to its last byte
        let terms = self.terms.load_full();
        let screened = match terms.gate.screen(peer, &head) {
            Ok(screened) => screened,
            Err(refusal) => {
                if let (Refusal::Source, Some(unlisted)) = (refusal, &terms.unlisted) {
                    self.look_at(&terms, unlisted, peer, &head, body, share).await;
                }
                return Err(refusal);
            }
        };
        let read = timeout(terms.body_patience, read(body, terms.gate.max_body_bytes(), share)).await;
        let body = read.map_err(|_| Refusal::SlowBody)??;
        terms.gate.admit(screened, body, Timestamp::now())
    }

    /// Reads what comes from an address that is not listed, to learn whether Mist signed it.
    async fn look_at(
        &self,
        terms: &Terms,
        unlisted: &Unlisted,
        peer: IpAddr,
        head: &request::Parts,
        body: Incoming,
        share: &mut Share<'_>,
    ) {
        let (Some(request), Some(_place)) = (terms.gate.unlisted(peer, head), unlisted.place()) else {
            return;
        };
        let read = timeout(terms.body_patience, read(body, terms.gate.max_body_bytes(), share)).await;
        let Ok(Ok(body)) = read else { return };
        if let Some(organisation) = terms.gate.signer_of_unlisted(&request, &body) {
            self.metrics.unlisted(organisation);
            unlisted.signed(peer, organisation);
        }
    }

    /// Answers 200 once the message is on disk, 503 when that cannot be promised.
    async fn store(&self, admitted: Admitted, arrived: Arrived) -> Response<Full<Bytes>> {
        let topic = match admitted.topic() {
            Topic::Other(_) => "other",
            known => known.name(),
        };
        let topic = topic.to_owned();
        // at this level alone, since it tells of people and places
        trace!(
            org = admitted.organisation(),
            topic = admitted.topic().name(),
            body = %String::from_utf8_lossy(admitted.body()),
            "a message"
        );
        let followed = self.trail.is_watched().then(|| {
            let (org, topic) = (admitted.organisation().to_owned(), admitted.topic().name().to_owned());
            (admitted.peer(), org, topic)
        });
        let record = inbox::admitted(admitted);
        let org = record.org.clone();
        let count = move |stored: &Result<_, _>| match stored {
            Ok(_) => arrived.stored(&org, &topic),
            Err(_) => arrived.not_stored(),
        };
        match self.inbox.store_and(record, Priority::Normal, count).await {
            Ok(position) => {
                if let Some((peer, org, topic)) = followed {
                    self.trail.add(peer, || What::stored(&org, &topic, position));
                }
                plain(StatusCode::OK, "")
            }
            Err(error) => {
                if let Some((peer, org, topic)) = followed {
                    self.trail.add(peer, || What::Unstored { org, topic });
                }
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

    fn refuse(&self, peer: IpAddr, refusal: Refusal, arrived: Arrived) -> Response<Full<Bytes>> {
        arrived.refused(refusal);
        let (reason, status) = (refusal.reason(), refusal.status().as_u16());
        self.trail.add(peer, || What::Refused { reason, status });
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
    let mut headers = HeaderMap::with_capacity(SAFETY.len() + OWN_HEADERS);
    headers.extend(SAFETY);
    *answer.headers_mut() = headers;
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

/// What every answer tells a browser that strays here, the same on each: come back by HTTPS alone, keep, guess, run and
/// frame nothing. Auditors look for them.
/// Source: RFC 6797 (`Strict-Transport-Security`), RFC 9111 section 5.2.2.5, Content Security Policy Level 3, the Fetch
/// standard (`X-Content-Type-Options`).
const SAFETY: [(HeaderName, HeaderValue); 4] = [
    (STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Most further fields of one answer, so that the map is made once: `Connection` and `Retry-After` or `Allow`.
const OWN_HEADERS: usize = 2;

const RETRY_SECS: HeaderValue = HeaderValue::from_static("10");

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
