//! HTTP/1.1 over TLS, and what is done with each call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ids::Timestamp;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::disturbance::Disturbance;
use super::rest::{self, Call, message};
use super::settings::ConductorSettings;
use super::world::{Ask, World};
use crate::cloud::Misbehaviour;
use crate::cloud::misbehaviour;
use crate::cloud::reply::Reply;
use crate::door::{OnAccept, Tasks};
use crate::orders::Orders;
use crate::wire::{Answer, Line, half, oversize, whole};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: ConductorSettings,
    pub(super) orders: Mutex<Orders>,
    /// Those about the command line.
    pub(super) disturbances: Mutex<Orders<Disturbance>>,
    pub(super) tasks: Tasks,
    world: Mutex<World>,
}

impl Shared {
    pub(super) fn new(settings: ConductorSettings, authority: Authority) -> Self {
        let world = Mutex::new(World::new(&settings, authority));
        Self {
            settings,
            orders: Mutex::default(),
            disturbances: Mutex::default(),
            tasks: Tasks::default(),
            world,
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn disturbances(&self) -> MutexGuard<'_, Orders<Disturbance>> {
        self.disturbances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every connection.
    pub(super) fn end(&self) {
        self.tasks.end();
    }
}

/// Serves every connection to a node with `tls`.
pub(super) fn on_accept(shared: &Arc<Shared>, tls: Arc<ServerConfig>, node: usize) -> OnAccept {
    let acceptor = TlsAcceptor::from(tls);
    let shared = Arc::downgrade(shared);
    Arc::new(move |stream, _peer: SocketAddr| {
        let Some(shared) = shared.upgrade() else { return };
        let task = serve(Arc::clone(&shared), acceptor.clone(), stream, node);
        let _ = shared.tasks.spawn(task); // one too many is closed without an answer
    })
}

async fn serve(shared: Arc<Shared>, acceptor: TlsAcceptor, stream: TcpStream, node: usize) {
    let _ = stream.set_nodelay(true);
    let Ok(line) = Line::of(&stream).map(Arc::new) else { return };
    let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |request| {
        let (shared, line) = (Arc::clone(&shared), Arc::clone(&line));
        async move { Ok::<_, Infallible>(call(&shared, line, request, node).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let _ = connection.await; // whoever went away knows it
}

/// One call: recorded, misbehaved to when ordered, else answered.
async fn call(
    shared: &Arc<Shared>,
    line: Arc<Line>,
    request: http::Request<Incoming>,
    node: usize,
) -> Response<Answer> {
    let at = Timestamp::now();
    let Some(call) = read(request, node).await else {
        return whole(message(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or not complete"));
    };
    let what = format!("{} {}", call.method, call.target());
    let login = call.path.ends_with("/login");
    let body = if login { String::new() } else { String::from_utf8_lossy(&call.body).into_owned() };
    let writes = super::writes(&call.method, &call.path);
    let number = {
        let mut world = shared.world();
        world.before(&what);
        let account = world.account(&call).unwrap_or_default().to_owned();
        world.asked.push(Ask { at, account, what, body, writes, status: None });
        world.asked.len() - 1
    };
    let misbehaviour = shared.orders().take(Some(&call.method), &call.target());
    if let Some(Misbehaviour::Latency(latency)) = &misbehaviour {
        sleep(*latency).await;
    }
    let answered = |status: u16| shared.world().asked[number].status = Some(status);
    if let Some(Misbehaviour::Late(late)) = misbehaviour {
        let reply = done_late(shared, call, late).await;
        answered(reply.status.as_u16());
        return whole(dated(reply, shared.world().now()));
    }
    let route = || rest::answer(&mut shared.world(), &shared.settings, &call);
    let silent = || async {
        sleep(SILENCE).await;
        whole(message(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"))
    };
    let reply = match &misbehaviour {
        Some(Misbehaviour::Silence) => return silent().await,
        Some(Misbehaviour::DoneButSilence) => {
            route();
            return silent().await;
        }
        Some(Misbehaviour::Oversize(bytes)) => {
            answered(200);
            return oversize(*bytes);
        }
        Some(Misbehaviour::Status(code)) => of_status(*code),
        Some(Misbehaviour::Html(code)) => Reply::html(misbehaviour::status(*code)),
        Some(Misbehaviour::Garbage) => misbehaviour::garbage(),
        Some(Misbehaviour::DoneBut(code)) => {
            route();
            of_status(*code)
        }
        Some(Misbehaviour::BrokenJson) => {
            let mut reply = route();
            misbehaviour::halve(&mut reply);
            reply
        }
        Some(Misbehaviour::WrongTypes) => {
            let mut reply = route();
            misbehaviour::wrong_types(&mut reply);
            reply
        }
        _ => route(),
    };
    answered(reply.status.as_u16());
    let reply = dated(reply, shared.world().now());
    if misbehaviour == Some(Misbehaviour::HalfThenReset) {
        return half(reply, line);
    }
    whole(reply)
}

/// Does what was asked later, even when nobody waits any more.
async fn done_late(shared: &Arc<Shared>, call: Call, late: Duration) -> Reply {
    let (answered, reply) = oneshot::channel();
    let other = Arc::clone(shared);
    let _ = shared.tasks.spawn(async move {
        sleep(late).await;
        let _ = answered.send(rest::answer(&mut other.world(), &other.settings, &call)); // nobody waits any more
    });
    reply.await.unwrap_or_else(|_| of_status(504))
}

async fn read(request: http::Request<Incoming>, node: usize) -> Option<Call> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.ok()?.to_bytes().to_vec();
    let bearer = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    Some(Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        bearer: bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned),
        body,
        node,
    })
}

fn of_status(code: u16) -> Reply {
    let status = misbehaviour::status(code);
    message(status, status.canonical_reason().unwrap_or("no reason is known"))
}

/// With the conductor's clock in `Date`.
fn dated(mut reply: Reply, now: i64) -> Reply {
    if let Ok(now) = u64::try_from(now) {
        let date = std::time::UNIX_EPOCH + Duration::from_secs(now);
        reply.headers.push(("date", httpdate::fmt_http_date(date)));
    }
    reply
}

const HANDSHAKE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(120);
const MAX_BODY: usize = 4 << 20;
const SILENCE: Duration = Duration::from_secs(600);
