//! Takes connections, enforces their deadlines and hands their requests to the gate; decides nothing.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::server::TlsStream;
use tracing::{debug, error, info};

use crate::certificate::Acceptor;
use crate::config::GateLimits;
use crate::intake::Intake;
use crate::metrics::{Closed, Metrics};
use crate::ration::Ration;
use crate::stop::Stop;
use crate::trail::What;

pub(crate) mod connection;
pub(crate) mod head;
mod place;
mod proxied;

use connection::{Connection, Expired, Patience};
use place::{Open, Place};
use proxied::Unproxied;

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) tls: Acceptor,
    pub(crate) limits: Arc<ArcSwap<Limits>>,
    /// Whether every connection begins with a PROXY header.
    pub(crate) proxy_protocol: bool,
    pub(crate) intake: Arc<Intake>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) closes_logged: Arc<Ration>,
}

/// Deadlines and caps, as the configuration gives them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    handshake: Duration,
    patience: Patience,
    connections: usize,
    connections_per_address: usize,
}

impl From<&GateLimits> for Limits {
    fn from(limits: &GateLimits) -> Self {
        Self {
            handshake: Duration::from_secs(limits.handshake_secs),
            patience: Patience {
                head: Duration::from_secs(limits.header_secs),
                idle: Duration::from_secs(limits.idle_secs),
            },
            connections: limits.max_connections,
            connections_per_address: limits.max_connections_per_address,
        }
    }
}

impl Listener {
    /// Serves until `stop` turns true, then finishes the requests in flight.
    pub(crate) async fn serve(self, listener: TcpListener, mut stop: Stop) {
        let open = Arc::new(Open::default());
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.told() => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.accept_failed(&error).await;
                    continue;
                }
            };
            let peer = address.ip().to_canonical();
            if self.proxy_protocol && !self.intake.trusts(peer) {
                self.close(Closed::NoProxy, peer, &"only the proxies of listen.trusted_proxies may connect");
                continue;
            }
            let Some(place) = Place::take(&open, peer, self.intake.is_stranger(peer), &self.limits.load())
            else {
                self.closed(Closed::Cap, peer, None);
                continue;
            };
            let (this, stop) = (self.clone(), stop.clone());
            connections.spawn(async move { this.connection(stream, place, stop).await });
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    /// An accept that fails says nothing about the next one, except when descriptors are short.
    async fn accept_failed(&self, error: &io::Error) {
        self.metrics.closed(Closed::Accept);
        let gone =
            [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted];
        if !gone.contains(&error.kind()) {
            error!(%error, "cannot accept a connection; check the limit of open files (LimitNOFILE)");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }

    async fn connection(&self, stream: TcpStream, mut place: Place, mut stop: Stop) {
        // without it the first answer waits for the client's delayed acknowledgement
        let _ = stream.set_nodelay(true);
        let accepted = Instant::now();
        let limits = self.limits.load_full();
        let peer = place.holder();
        let opening = timeout(limits.handshake, self.open(stream, &mut place));
        let opened = tokio::select! {
            biased;
            opened = opening => opened,
            // nothing was asked yet, so there is nothing to finish
            () = stop.told() => return,
        };
        match opened {
            Ok(Ok(stream)) => {
                // who was slow with the handshake has less time for the first head, but for what it may take alone
                let first = accepted + limits.patience.head.max(limits.handshake);
                self.requests(Connection::new(stream, limits.patience, first), place, stop).await;
            }
            // that was said with what the other side objected to
            Ok(Err(Closed::Handshake)) => {}
            Ok(Err(reason)) => self.closed(reason, peer, None),
            Err(_) => self.closed(Closed::SlowHandshake, peer, None),
        }
    }

    /// What stands before the first request: whom a proxy speaks for, and the TLS handshake.
    async fn open(&self, mut stream: TcpStream, place: &mut Place) -> Result<TlsStream<TcpStream>, Closed> {
        if self.proxy_protocol {
            match proxied::source(&mut stream).await {
                Ok(None) => {}
                Ok(Some(source)) if self.pass_on(place, source) => {}
                Ok(Some(_)) => return Err(Closed::Cap),
                Err(Unproxied::Ended(_)) => return Err(Closed::ProxyHeader),
                Err(Unproxied::Header(error)) => {
                    self.log_close(Closed::ProxyHeader, place.holder(), &error);
                    return Err(Closed::ProxyHeader);
                }
            }
        }
        match self.tls.accept(stream).await {
            Ok(Some(stream)) => Ok(stream),
            // an authority has seen what it wanted to see
            Ok(None) => Err(Closed::Challenge),
            Err(error) => {
                debug!(peer = %place.holder(), %error, "TLS handshake failed");
                self.closed(Closed::Handshake, place.holder(), Some(&error));
                Err(Closed::Handshake)
            }
        }
    }

    /// Whether a connection may go on now that it is known to be of `source`.
    fn pass_on(&self, place: &mut Place, source: IpAddr) -> bool {
        place.pass_on(source, self.intake.is_stranger(source), &self.limits.load())
    }

    /// Counts that a connection ended without an answer.
    fn closed(&self, reason: Closed, peer: IpAddr, detail: Option<&io::Error>) {
        self.metrics.closed(reason);
        let detail = detail.map(|error| error.to_string());
        self.intake.trail().add(peer, || What::Closed { reason: reason.word(), detail });
    }

    fn close(&self, reason: Closed, peer: IpAddr, why: &dyn std::fmt::Display) {
        self.closed(reason, peer, None);
        self.log_close(reason, peer, why);
    }

    fn log_close(&self, reason: Closed, peer: IpAddr, why: &dyn std::fmt::Display) {
        if let Some(unlogged) = self.closes_logged.one_more(Instant::now()) {
            info!(%peer, reason = reason.word(), unlogged, "closed a connection: {why}");
        }
    }

    async fn requests<S>(&self, connection: Connection<S>, place: Place, mut stop: Stop)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let watch = connection.watch();
        let index = Mutex::new(0);
        let hop = place.holder();
        let proxied = self.intake.trusts(hop);
        let place = Mutex::new(place);
        let service = service_fn(|request: Request<Incoming>| {
            let index = {
                let mut next = index.lock().unwrap_or_else(PoisonError::into_inner);
                *next += 1;
                *next - 1
            };
            let (conflict, lost) = {
                let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
                (watch.conflicts(index), watch.is_lost(index))
            };
            let source = self.intake.source(hop, request.headers());
            // a connection that a proxy keeps open counts for whoever asks on it
            let crowded = proxied
                && source.is_ok_and(|source| {
                    !self.pass_on(&mut place.lock().unwrap_or_else(PoisonError::into_inner), source)
                });
            let answer = Arc::clone(&self.intake).answer(request, hop, source, conflict, lost);
            Box::pin(async move { if crowded { Err(Crowded) } else { Ok(answer.await) } })
        });
        // every answer is flushed by itself: gathered for pipelined requests, answers would wait for the rest of a
        // half head behind them, and be lost with a connection that ends before its input was read
        let mut http = http1::Builder::new();
        http.timer(hyper_util::rt::TokioTimer::new())
            .header_read_timeout(None)
            .half_close(false)
            .max_buf_size(MAX_HEAD_BYTES);
        let mut http = http.serve_connection(TokioIo::new(connection), service);
        let mut stopping = false;
        let result = loop {
            tokio::select! {
                biased;
                result = poll_fn(|cx| http.poll_without_shutdown(cx)) => break result,
                () = stop.told(), if !stopping => {
                    stopping = true;
                    std::pin::Pin::new(&mut http).graceful_shutdown();
                }
            }
        };
        let connection = http.into_parts().io.into_inner();
        // a rest that ends too late is an orderly end to the library
        let closed = match (connection.expired(), &result) {
            (Some(Expired::Head), _) => Some(Closed::SlowHead),
            (Some(Expired::Idle), _) => Some(Closed::Idle),
            (None, Err(error)) if error.is_user() => Some(Closed::Cap),
            (None, Err(error)) if error.is_parse() => Some(Closed::Malformed),
            (None, Err(_)) => Some(Closed::Broken),
            (None, Ok(())) => None,
        };
        if let Some(reason) = closed {
            self.closed(reason, hop, None);
        }
        if let Err(error) = result {
            debug!(peer = %hop, %error, "connection ended");
        }
        farewell(connection.into_stream()).await;
    }
}

/// Ends a connection so that what was answered arrives: closing over bytes that were not read resets it.
async fn farewell<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S) {
    let drain = async {
        stream.shutdown().await?;
        let mut left = FAREWELL_BYTES;
        let mut buffer = vec![0; 16 * 1024];
        while left > 0 {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        io::Result::Ok(())
    };
    // whoever keeps sending, or is gone, has had the chance to read the answer
    let _ = timeout(FAREWELL, drain).await;
}

/// A request came in over a connection that counts for somebody who has too many.
#[derive(Debug, thiserror::Error)]
#[error("too many connections for one address")]
struct Crowded;

/// Longest head of a request; hyper answers 431 beyond it. Mist's heads are under 2 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long an ended connection may take to be read to its end, and how much of it is.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: usize = 4 << 20;

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
