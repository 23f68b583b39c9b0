//! HTTP/1.1 over TLS, and what is done with each call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ids::Timestamp;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::ask::Ask;
use super::calls::Call;
use super::deliver::deliver;
use super::misbehaviour::{self, Misbehaviour};
use super::reply::Reply;
use super::routes;
use super::settings::CloudSettings;
use super::world::World;
use crate::door::{OnAccept, Tasks};
use crate::inbox::Inbox;
use crate::orders::Orders;
use crate::wire::{Answer, Line, half, oversize, whole};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: CloudSettings,
    pub(super) calls: Inbox<Call>,
    /// How many deliveries may be under way.
    pub(super) posts: Semaphore,
    world: Mutex<World>,
    pub(super) orders: Mutex<Orders>,
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
    let Ok(line) = Line::of(&stream).map(Arc::new) else { return };
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
    shared.world().before(&format!("{} {}", ask.method, ask.target()));
    let misbehaviour = shared.orders().take(Some(&ask.method), &ask.target());
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
    let mut reply = match &misbehaviour {
        Some(Misbehaviour::Late(late)) => done_late(shared, ask, *late).await,
        _ => answer(shared, ask, misbehaviour.as_ref()),
    };
    if misbehaviour == Some(Misbehaviour::DoneButSilence) {
        call.push(&shared.calls);
        sleep(SILENCE).await;
        return whole(Reply::of_status(StatusCode::GATEWAY_TIMEOUT, 0));
    }
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

/// Does what was asked later, even when nobody waits any more.
async fn done_late(shared: &Arc<Shared>, ask: Ask, late: Duration) -> Reply {
    let (answered, reply) = oneshot::channel();
    let other = Arc::clone(shared);
    let _ = shared.tasks.spawn(async move {
        sleep(late).await;
        let _ = answered.send(answer(&other, ask, None)); // nobody waits any more
    });
    reply.await.unwrap_or_else(|_| Reply::of_status(StatusCode::GATEWAY_TIMEOUT, 0))
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

const HANDSHAKE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(120);
const MOST_POSTS: usize = 64;
const SILENCE: Duration = Duration::from_secs(600);
