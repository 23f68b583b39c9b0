//! HTTP/1.1 over TLS, and what is done with each call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ids::Timestamp;
use rustls::ServerConfig;
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::ask::Ask;
use super::calls::Call;
use super::deliver::deliver;
use super::misbehaviour::{self, Misbehaviour, Orders};
use super::reply::Reply;
use super::routes;
use super::settings::CloudSettings;
use super::world::World;
use crate::door::{OnAccept, Tasks};
use crate::inbox::Inbox;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: CloudSettings,
    pub(super) calls: Inbox<Call>,
    /// How many deliveries may be under way.
    pub(super) posts: Semaphore,
    world: Mutex<World>,
    orders: Mutex<Orders>,
    tasks: Tasks,
}

impl Shared {
    pub(super) fn new(settings: CloudSettings) -> Self {
        Self {
            world: Mutex::new(World::new(&settings)),
            calls: Inbox::new(settings.kept_calls),
            posts: Semaphore::new(MOST_POSTS),
            orders: Mutex::default(),
            tasks: Tasks::default(),
            settings,
        }
    }

    /// Ends every connection and every delivery that a call has started.
    pub(super) fn end(&self) {
        self.tasks.end();
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves every connection with `tls`.
pub(super) fn on_accept(shared: &Arc<Shared>, tls: Arc<ServerConfig>) -> OnAccept {
    let acceptor = TlsAcceptor::from(tls);
    let shared = Arc::downgrade(shared);
    Arc::new(move |stream, _peer: SocketAddr| {
        let Some(shared) = shared.upgrade() else { return };
        let task = serve(Arc::clone(&shared), acceptor.clone(), stream);
        let _ = shared.tasks.spawn(task); // one too many is closed without an answer
    })
}

async fn serve(shared: Arc<Shared>, acceptor: TlsAcceptor, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return };
    let line = Arc::new(Line(socket2::Socket::from(socket)));
    let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |request| {
        let (shared, line) = (Arc::clone(&shared), Arc::clone(&line));
        async move { Ok::<_, Infallible>(call(&shared, line, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let _ = connection.await; // whoever went away knows it
}

/// One call: recorded, misbehaved to when ordered, else answered.
async fn call(shared: &Arc<Shared>, line: Arc<Line>, request: http::Request<Incoming>) -> Response<Answer> {
    let at = Timestamp::now();
    let ask = match Ask::read(request).await {
        Ok(ask) => ask,
        Err(reply) => return whole(reply),
    };
    let mut call = Call::of(at, &ask);
    let misbehaviour = shared.orders().take(&ask);
    if misbehaviour == Some(Misbehaviour::Silence) {
        call.push(&shared.calls);
        sleep(SILENCE).await;
        return whole(Reply::of_status(StatusCode::GATEWAY_TIMEOUT, 0));
    }
    if let Some(Misbehaviour::Latency(latency)) = &misbehaviour {
        sleep(*latency).await;
    }
    if let Some(Misbehaviour::Oversize(bytes)) = misbehaviour {
        call.status = Some(200);
        call.push(&shared.calls);
        return oversize(bytes);
    }
    let mut reply = answer(shared, ask, misbehaviour.as_ref());
    let jobs = std::mem::take(&mut reply.jobs);
    if !jobs.is_empty() {
        let later = Arc::clone(shared);
        let _ = shared.tasks.spawn(async move {
            deliver(&later, jobs).await;
        });
    }
    call.status = Some(reply.status.as_u16());
    call.push(&shared.calls);
    if misbehaviour == Some(Misbehaviour::HalfThenReset) {
        return half(reply, line);
    }
    whole(reply)
}

/// The answer to `ask`, with what is wrong with it.
fn answer(shared: &Shared, ask: Ask, misbehaviour: Option<&Misbehaviour>) -> Reply {
    let settings = &shared.settings;
    let route = |ask: &Ask| routes::answer(&mut shared.world(), settings, ask);
    match misbehaviour {
        Some(Misbehaviour::Status(code)) => {
            Reply::of_status(misbehaviour::status(*code), settings.calls_per_hour)
        }
        Some(Misbehaviour::Html(code)) => Reply::html(misbehaviour::status(*code)),
        Some(Misbehaviour::Garbage) => misbehaviour::garbage(),
        Some(Misbehaviour::DoneBut(code)) => {
            let done = route(&ask);
            let reply = Reply::of_status(misbehaviour::status(*code), settings.calls_per_hour);
            Reply { jobs: done.jobs, ..reply }
        }
        Some(Misbehaviour::BrokenJson) => {
            let mut reply = route(&ask);
            misbehaviour::halve(&mut reply);
            reply
        }
        Some(Misbehaviour::ContentType(kind)) => Reply { content_type: kind.clone(), ..route(&ask) },
        Some(Misbehaviour::WrongTypes) => {
            let mut reply = route(&ask);
            misbehaviour::wrong_types(&mut reply);
            reply
        }
        Some(Misbehaviour::SamePage) => {
            let ask = ask.with("page", "1").without("search_after");
            let mut reply = route(&ask);
            misbehaviour::go_on(&ask, &mut reply);
            reply
        }
        Some(Misbehaviour::EndlessPages) => {
            let mut reply = route(&ask);
            let limit = ask.limit(settings.most_rows).unwrap_or_default();
            let first = ask.with("page", "1").without("search_after");
            misbehaviour::go_on(&first, &mut reply);
            misbehaviour::fill(&mut reply, &route(&first), limit);
            reply
        }
        _ => route(&ask),
    }
}

fn head(reply: &Reply) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = reply.status;
    let headers = head.headers_mut();
    if !reply.body.is_empty()
        && let Ok(kind) = HeaderValue::from_str(&reply.content_type)
    {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    head
}

fn whole(reply: Reply) -> Response<Answer> {
    head(&reply).map(|()| Answer::Whole(Some(reply.body)))
}

fn half(reply: Reply, line: Arc<Line>) -> Response<Answer> {
    let body = &reply.body;
    let sent = body.slice(..body.len() / 2);
    let left = (body.len() - sent.len()).max(1) as u64;
    head(&reply).map(|()| Answer::Half { sent: Some(sent), left, pause: Box::pin(sleep(FLUSH)), line })
}

fn oversize(bytes: u64) -> Response<Answer> {
    head(&Reply::ok(&Value::Null)).map(|()| Answer::Filler { total: bytes.max(2), sent: 0 })
}

/// The socket below TLS, to be able to reset it.
#[derive(Debug)]
struct Line(socket2::Socket);

/// The body of an answer.
enum Answer {
    Whole(Option<Bytes>),
    /// What is sent, then a reset where `left` bytes were promised.
    Half {
        sent: Option<Bytes>,
        left: u64,
        pause: Pin<Box<Sleep>>,
        line: Arc<Line>,
    },
    /// `[`, blanks, `]`.
    Filler {
        total: u64,
        sent: u64,
    },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        match &mut *self {
            Self::Whole(body) => {
                Poll::Ready(body.take().filter(|body| !body.is_empty()).map(|body| Ok(Frame::data(body))))
            }
            Self::Half { sent, pause, line, .. } => {
                if let Some(sent) = sent.take().filter(|sent| !sent.is_empty()) {
                    return Poll::Ready(Some(Ok(Frame::data(sent))));
                }
                pause.as_mut().poll(context).map(|()| {
                    let _ = line.0.set_linger(Some(Duration::ZERO)); // closing resets from now on
                    Some(Err(Reset))
                })
            }
            Self::Filler { total, sent } => {
                let size = (*total - *sent).min(CHUNK.len() as u64);
                if size == 0 {
                    return Poll::Ready(None);
                }
                let mut chunk = CHUNK.to_vec();
                chunk.truncate(usize::try_from(size).unwrap_or(CHUNK.len()));
                if *sent == 0 {
                    chunk[0] = b'[';
                }
                *sent += size;
                if *sent == *total
                    && let Some(last) = chunk.last_mut()
                {
                    *last = b']';
                }
                Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(body) => body.as_ref().map_or(0, |body| body.len() as u64),
            Self::Half { sent, left, .. } => sent.as_ref().map_or(0, |sent| sent.len() as u64) + left,
            Self::Filler { total, sent } => total - sent,
        })
    }
}

/// The answer breaks off here, as ordered.
#[derive(Debug, Error)]
#[error("broken off as ordered")]
struct Reset;

const CHUNK: &[u8] = &[b' '; 16_384];
const FLUSH: Duration = Duration::from_millis(50);
const HANDSHAKE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(120);
const MOST_POSTS: usize = 64;
const SILENCE: Duration = Duration::from_secs(600);
