//! Takes connections, enforces their deadlines and hands their requests to the gate; decides nothing.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::certificate::Acceptor;
use crate::config::GateLimits;
use crate::intake::Intake;
use crate::metrics::{Closed, Metrics};
use crate::stop::Stop;

pub(crate) mod connection;
pub(crate) mod head;

use connection::{Connection, Expired, Patience};

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) tls: Acceptor,
    pub(crate) limits: Limits,
    pub(crate) intake: Arc<Intake>,
    pub(crate) metrics: Arc<Metrics>,
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
            let stranger = !self.intake.allows(peer);
            let Some(permit) = Permit::take(&open, peer, stranger, &self.limits) else {
                self.metrics.closed(Closed::Cap);
                continue;
            };
            let (this, stop) = (self.clone(), stop.clone());
            connections.spawn(async move {
                this.connection(stream, peer, stop).await;
                drop(permit);
            });
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
            warn!(%error, "cannot accept a connection; check the limit of open files (LimitNOFILE)");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }

    async fn connection(&self, stream: TcpStream, peer: IpAddr, mut stop: Stop) {
        // without it the first answer waits for the client's delayed acknowledgement
        let _ = stream.set_nodelay(true);
        let handshake = timeout(self.limits.handshake, self.tls.accept(stream));
        let handshake = tokio::select! {
            biased;
            done = handshake => done,
            // nothing was asked yet, so there is nothing to finish
            () = stop.told() => return,
        };
        let stream = match handshake {
            Ok(Ok(Some(stream))) => stream,
            // an authority has seen what it wanted to see
            Ok(Ok(None)) => return self.metrics.closed(Closed::Challenge),
            Ok(Err(error)) => {
                debug!(%peer, %error, "TLS handshake failed");
                return self.metrics.closed(Closed::Handshake);
            }
            Err(_) => return self.metrics.closed(Closed::SlowHandshake),
        };
        self.requests(Connection::new(stream, self.limits.patience), peer, stop).await;
    }

    async fn requests<S>(&self, connection: Connection<S>, peer: IpAddr, mut stop: Stop)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let watch = connection.watch();
        let index = Mutex::new(0);
        let service = service_fn(move |request| {
            let index = {
                let mut next = index.lock().unwrap_or_else(PoisonError::into_inner);
                *next += 1;
                *next - 1
            };
            let (conflict, lost) = {
                let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
                (watch.conflicts(index), watch.is_lost(index))
            };
            Box::pin(Arc::clone(&self.intake).answer(request, peer, conflict, lost))
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
            (None, Err(error)) if error.is_parse() => Some(Closed::Malformed),
            (None, Err(_)) => Some(Closed::Broken),
            (None, Ok(())) => None,
        };
        if let Some(reason) = closed {
            self.metrics.closed(reason);
        }
        if let Err(error) = result {
            debug!(%peer, %error, "connection ended");
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

/// How many connections are open.
#[derive(Debug, Default)]
struct Open(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// From addresses that are allowed nothing; they get a share, so that they cannot shut Mist out.
    strangers: usize,
    from: HashMap<IpAddr, usize>,
}

/// The right to have one connection open.
#[derive(Debug)]
struct Permit {
    open: Arc<Open>,
    peer: IpAddr,
    stranger: bool,
}

impl Permit {
    fn take(open: &Arc<Open>, peer: IpAddr, stranger: bool, limits: &Limits) -> Option<Self> {
        let mut counts = open.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = counts.from.get(&peer).copied().unwrap_or(0);
        if counts.all >= limits.connections
            || from >= limits.connections_per_address
            || (stranger && counts.strangers >= (limits.connections / STRANGERS_SHARE).max(1))
        {
            return None;
        }
        counts.all += 1;
        counts.strangers += usize::from(stranger);
        counts.from.insert(peer, from + 1);
        Some(Self { open: Arc::clone(open), peer, stranger })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        counts.strangers -= usize::from(self.stranger);
        match counts.from.get_mut(&self.peer) {
            Some(from) if *from > 1 => *from -= 1,
            _ => drop(counts.from.remove(&self.peer)),
        }
    }
}

/// Which part of all connections may be from addresses that are allowed nothing: a quarter.
const STRANGERS_SHARE: usize = 4;

/// Longest head of a request; hyper answers 431 beyond it. Mist's heads are under 2 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long an ended connection may take to be read to its end, and how much of it is.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: usize = 4 << 20;

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: usize, per_address: usize) -> Limits {
        Limits::from(&GateLimits {
            max_connections: connections,
            max_connections_per_address: per_address,
            ..GateLimits::default()
        })
    }

    #[test]
    fn caps_hold_in_all_and_per_address_and_are_given_back() {
        let open = Arc::new(Open::default());
        let limits = limits(3, 2);
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());

        let first = Permit::take(&open, a, false, &limits).unwrap();
        let _second = Permit::take(&open, a, false, &limits).unwrap();
        assert!(Permit::take(&open, a, false, &limits).is_none(), "two from one address");
        let _third = Permit::take(&open, b, false, &limits).unwrap();
        assert!(Permit::take(&open, b, false, &limits).is_none(), "three in all");

        drop(first);
        assert!(Permit::take(&open, b, false, &limits).is_some());
        assert_eq!(open.0.lock().unwrap().from.get(&a), Some(&1));
    }

    #[test]
    fn strangers_cannot_take_every_place() {
        let open = Arc::new(Open::default());
        let limits = limits(8, 8);
        let stranger = |n: u8| Permit::take(&open, [203, 0, 113, n].into(), true, &limits);

        let taken: Vec<_> = (0..8).filter_map(stranger).collect();

        assert_eq!(taken.len(), 2);
        assert!(Permit::take(&open, [192, 0, 2, 1].into(), false, &limits).is_some());
        drop(taken);
        assert!(stranger(9).is_some());
    }
}
