//! A receiver of syslog messages.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ids::Timestamp;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::door::{Door, Tasks};
use crate::frames::{Frames, Framing};
use crate::inbox::{Inbox, Missed};
use crate::tls::{TlsError, server_config};

mod datagrams;
mod settings;

use datagrams::Datagrams;
pub use settings::{SyslogSettings, TlsSettings, Transport};

/// Receives syslog over UDP, TCP or TLS on loopback, and misbehaves on demand.
///
/// A stream's framing, octet-counted or by line feeds, is found out message by message. Orders to misbehave
/// are for streams; over UDP only [`Self::stall`] and [`Self::refuse`] do anything.
pub struct SyslogReceiver {
    socket: Socket,
    shared: Arc<Shared>,
    _tasks: Arc<Tasks>,
}

/// One message that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// How it came.
    pub transport: Transport,
    /// How it was set apart from the next.
    pub framing: Framing,
    /// Who sent it.
    pub from: SocketAddr,
    /// Which connection it came by, counted from 1; 0 for a datagram.
    pub connection: u64,
    /// When it was read, by this machine's clock.
    pub at: Timestamp,
    /// The message without its framing.
    pub bytes: Bytes,
}

impl Frame {
    /// The message as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What a [`SyslogReceiver`] has counted since its start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SyslogCounters {
    /// Messages received.
    pub messages: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections that are there now, TLS handshakes among them.
    pub open_connections: u64,
    /// Connections whose TLS handshake failed.
    pub failed_handshakes: u64,
    /// Connections that the sender ended properly: over TLS by `close_notify`.
    pub ended: u64,
    /// Connections that the sender broke: a reset, or over TLS an end without `close_notify`.
    pub broken: u64,
    /// Connections that ended in the middle of a message.
    pub cut_messages: u64,
    /// Connections given up since their framing could not be followed.
    pub malformed: u64,
    /// Connections that this receiver reset because it was told to.
    pub reset: u64,
    /// Connections that this receiver closed because it was told to.
    pub closed: u64,
    /// Messages no longer in the record, since it is bounded.
    pub dropped: u64,
}

enum Socket {
    Stream(Door),
    Datagram(Datagrams),
}

struct Shared {
    transport: Transport,
    tls: Option<TlsAcceptor>,
    inbox: Inbox<Frame>,
    orders: watch::Sender<Orders>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counters: SyslogCounters,
    reset_after: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    stalled: bool,
    /// Grow with every order; a connection that is older than one obeys it.
    resets: u64,
    closes: u64,
}

/// How a connection ended.
enum End {
    Sender,
    Broken,
    Malformed,
    Reset,
    Close,
}

impl SyslogReceiver {
    /// Receives datagrams on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// When no socket can be bound.
    pub async fn udp() -> io::Result<Self> {
        Self::start(SyslogSettings::new(Transport::Udp)).await
    }

    /// Receives streams on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// When no socket can be bound.
    pub async fn tcp() -> io::Result<Self> {
        Self::start(SyslogSettings::new(Transport::Tcp)).await
    }

    /// Receives streams inside TLS on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// When no socket can be bound or `settings` do not fit together.
    pub async fn tls(settings: TlsSettings) -> io::Result<Self> {
        Self::start(SyslogSettings { tls: Some(settings), ..SyslogSettings::new(Transport::Tls) }).await
    }

    /// Receives as `settings` say.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound; [`io::ErrorKind::InvalidInput`] when the TLS settings are missing
    /// or do not fit together.
    pub async fn start(settings: SyslogSettings) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            transport: settings.transport,
            tls: acceptor(&settings)?,
            inbox: Inbox::new(settings.capacity),
            orders: watch::Sender::new(Orders::default()),
            state: Mutex::new(State::default()),
        });
        let tasks = Arc::new(Tasks::default());
        let socket = if settings.transport == Transport::Udp {
            Socket::Datagram(Datagrams::start(settings.address, settings.receive_buffer, &shared).await?)
        } else {
            let (shared, tasks) = (Arc::clone(&shared), Arc::clone(&tasks));
            let on_accept = Arc::new(move |stream, from| {
                let connection = shared.count(|counters| {
                    counters.open_connections += 1;
                    counters.connections += 1;
                    counters.connections
                });
                let orders = *shared.orders.borrow();
                let task = Arc::clone(&shared).serve(stream, from, connection, orders);
                if tasks.spawn(task).is_none() {
                    shared.count(|counters| counters.open_connections -= 1);
                }
            });
            Socket::Stream(Door::start(settings.address, settings.receive_buffer, on_accept)?)
        };
        Ok(Self { socket, shared, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        match &self.socket {
            Socket::Stream(door) => door.address(),
            Socket::Datagram(datagrams) => datagrams.address,
        }
    }

    /// The next message that this method has not handed out yet.
    ///
    /// # Errors
    ///
    /// [`Missed`] when none arrived `within` that time.
    pub async fn next(&self, within: Duration) -> Result<Frame, Missed> {
        self.shared.inbox.next(within).await
    }

    /// Waits until `count` messages have arrived since the start.
    ///
    /// # Errors
    ///
    /// [`Missed`] when there were fewer `within` that time.
    pub async fn wait_for(&self, count: u64, within: Duration) -> Result<(), Missed> {
        self.shared.inbox.wait_for(count, within).await
    }

    /// The messages still in the record, in the order they were read.
    #[must_use]
    pub fn received(&self) -> Vec<Frame> {
        self.shared.inbox.all()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> SyslogCounters {
        let counters = self.shared.count(|counters| *counters);
        SyslogCounters { dropped: self.shared.inbox.dropped(), ..counters }
    }

    /// Resets every connection now (RST); what was sent and not yet read is lost.
    pub fn reset(&self) {
        self.shared.orders.send_modify(|orders| orders.resets += 1);
    }

    /// Resets the connection by which the `messages`th message from now comes, right after that one was
    /// recorded; once.
    pub fn reset_after(&self, messages: u64) {
        self.shared.state().reset_after = Some(messages.max(1));
    }

    /// Reads nothing more, on any connection, until [`Self::go_on`]; the kernel's buffers fill.
    pub fn stall(&self) {
        self.shared.orders.send_modify(|orders| orders.stalled = true);
    }

    /// Reads again.
    pub fn go_on(&self) {
        self.shared.orders.send_modify(|orders| orders.stalled = false);
    }

    /// Ends every connection politely: over TLS with `close_notify`, then FIN, then reads for at most a
    /// second what the sender still sends and throws it away.
    pub fn close(&self) {
        self.shared.orders.send_modify(|orders| orders.closes += 1);
    }

    /// Closes the listening socket: who connects is refused, connections that are there stay. Returns when
    /// that is so.
    pub async fn refuse(&self) {
        match &self.socket {
            Socket::Stream(door) => door.close().await,
            Socket::Datagram(datagrams) => datagrams.stop().await,
        }
    }

    /// Closes the listening socket and resets every connection; the record stays.
    pub async fn stop(&self) {
        self.refuse().await;
        self.reset();
    }

    /// Listens again at the same port, after [`Self::refuse`] or [`Self::stop`].
    ///
    /// # Errors
    ///
    /// When the port is still taken after five seconds.
    pub async fn restart(&self) -> io::Result<()> {
        match &self.socket {
            Socket::Stream(door) => door.open().await,
            Socket::Datagram(datagrams) => datagrams.open(&self.shared).await,
        }
    }
}

impl std::fmt::Debug for SyslogReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyslogReceiver")
            .field("transport", &self.shared.transport)
            .field("address", &self.address())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

fn acceptor(settings: &SyslogSettings) -> io::Result<Option<TlsAcceptor>> {
    let invalid =
        |error: Box<dyn std::error::Error + Send + Sync>| io::Error::new(io::ErrorKind::InvalidInput, error);
    match (&settings.tls, settings.transport) {
        (None, Transport::Tls) => Err(invalid("TLS without a certificate".into())),
        (Some(tls), Transport::Tls) => {
            let config: Result<Arc<ServerConfig>, TlsError> =
                server_config(&tls.certificate, tls.client_ca.as_deref(), tls.version);
            config.map(|config| Some(config.into())).map_err(|error| invalid(error.into()))
        }
        (_, Transport::Udp | Transport::Tcp) => Ok(None),
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count<R>(&self, change: impl FnOnce(&mut SyslogCounters) -> R) -> R {
        change(&mut self.state().counters)
    }

    /// Records a message; says whether its connection is to be reset now.
    fn record(&self, framing: Framing, bytes: Bytes, from: SocketAddr, connection: u64) -> bool {
        let mut state = self.state();
        state.counters.messages += 1;
        let reset = match &mut state.reset_after {
            None => false,
            Some(left) => {
                *left -= 1;
                *left == 0
            }
        };
        if reset {
            state.reset_after = None;
        }
        drop(state);
        let weight = bytes.len() + 64;
        let frame =
            Frame { transport: self.transport, framing, from, connection, at: Timestamp::now(), bytes };
        self.inbox.push(frame, weight);
        reset
    }

    /// One connection from its first byte to its last; `born` are the orders at its start.
    async fn serve(self: Arc<Self>, stream: TcpStream, from: SocketAddr, connection: u64, born: Orders) {
        match &self.tls {
            None => {
                let mut stream = stream;
                let end = self.read(&mut stream, from, connection, born).await;
                if matches!(end, End::Reset) {
                    let _ = stream.set_zero_linger(); // dropping it resets now
                }
            }
            Some(acceptor) => {
                let mut orders = self.orders.subscribe();
                let handshake = timeout(HANDSHAKE, acceptor.accept(stream));
                let accepted = tokio::select! {
                    _ = orders.wait_for(|orders| orders.resets > born.resets) => None,
                    accepted = handshake => accepted.ok().and_then(Result::ok),
                };
                match accepted {
                    None => self.count(|counters| counters.failed_handshakes += 1),
                    Some(mut stream) => {
                        let end = self.read(&mut stream, from, connection, born).await;
                        if matches!(end, End::Reset) {
                            let _ = stream.get_ref().0.set_zero_linger();
                        }
                    }
                }
            }
        }
        self.count(|counters| counters.open_connections -= 1);
    }

    async fn read(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        from: SocketAddr,
        connection: u64,
        born: Orders,
    ) -> End {
        let mut frames = Frames::new();
        let end = self.read_frames(stream, &mut frames, from, connection, born).await;
        self.count(|counters| {
            counters.cut_messages += u64::from(frames.unfinished() > 0);
            match end {
                End::Sender => counters.ended += 1,
                End::Broken => counters.broken += 1,
                End::Malformed => counters.malformed += 1,
                End::Reset => counters.reset += 1,
                End::Close => counters.closed += 1,
            }
        });
        if matches!(end, End::Close | End::Sender) {
            let _ = stream.shutdown().await;
        }
        if matches!(end, End::Close) {
            let rest = async {
                let mut buffer = vec![0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
            };
            let _ = timeout(LINGER, rest).await; // so that FIN is not followed by a reset at once
        }
        end
    }

    async fn read_frames(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        frames: &mut Frames,
        from: SocketAddr,
        connection: u64,
        born: Orders,
    ) -> End {
        let mut orders = self.orders.subscribe();
        let mut buffer = vec![0; 16 << 10];
        loop {
            let now = *orders.borrow_and_update();
            if now.resets > born.resets {
                return End::Reset;
            }
            if now.closes > born.closes {
                return End::Close;
            }
            let count = tokio::select! {
                biased;
                _ = orders.changed() => continue,
                count = stream.read(&mut buffer), if !now.stalled => count,
            };
            match count {
                Ok(0) => return End::Sender,
                Ok(count) => frames.push(&buffer[..count]),
                Err(_) => return End::Broken,
            }
            loop {
                match frames.next_frame() {
                    Ok(None) => break,
                    Ok(Some((framing, bytes))) => {
                        if self.record(framing, bytes, from, connection) {
                            return End::Reset;
                        }
                    }
                    Err(_) => return End::Malformed,
                }
            }
        }
    }
}

const HANDSHAKE: Duration = Duration::from_secs(30);
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
