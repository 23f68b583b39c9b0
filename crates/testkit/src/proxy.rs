//! A bad network between two programs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use crate::door::{Door, Tasks};

/// A TCP proxy on loopback that forwards until told to misbehave.
///
/// Orders take effect on all connections at once, those of before too. Dropping it closes every connection.
pub struct Proxy {
    door: Door,
    shared: Arc<Shared>,
    _tasks: Arc<Tasks>,
}

/// What a [`Proxy`] has counted since its start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProxyCounters {
    /// Connections accepted.
    pub connections: u64,
    /// Connections accepted for which the receiver could not be reached.
    pub unreachable: u64,
    /// Bytes forwarded to the receiver.
    pub forwarded_bytes: u64,
    /// Bytes taken from clients and thrown away.
    pub swallowed_bytes: u64,
}

struct Shared {
    to: SocketAddr,
    orders: watch::Sender<Orders>,
    allowance: Mutex<Option<Allowance>>,
    connections: AtomicU64,
    unreachable: AtomicU64,
    forwarded: AtomicU64,
    swallowed: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    stalled: bool,
    /// Grows with every order to reset: a connection older than it ends.
    resets: u64,
}

/// How many bytes may still pass to the receiver, and what happens to the next.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    bytes: u64,
    then: Then,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    Reset,
    Swallow,
}

impl Proxy {
    /// Listens on loopback and forwards to `to`.
    ///
    /// # Errors
    ///
    /// When no socket can be bound.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            to,
            orders: watch::Sender::new(Orders::default()),
            allowance: Mutex::new(None),
            connections: AtomicU64::new(0),
            unreachable: AtomicU64::new(0),
            forwarded: AtomicU64::new(0),
            swallowed: AtomicU64::new(0),
        });
        let tasks = Arc::new(Tasks::default());
        let (for_accept, tasks_for_accept) = (Arc::clone(&shared), Arc::clone(&tasks));
        let on_accept = Arc::new(move |stream: TcpStream, _| {
            for_accept.connections.fetch_add(1, Ordering::Relaxed);
            let born = for_accept.orders.borrow().resets;
            tasks_for_accept.spawn(connect(stream, born, Arc::clone(&for_accept)));
        });
        let door = Door::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None, on_accept)?;
        Ok(Self { door, shared, _tasks: tasks })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Forwards everything again: ends a stall, a refusal and an allowance.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound again.
    pub async fn pass(&self) -> io::Result<()> {
        self.allow(None);
        self.shared.orders.send_modify(|orders| orders.stalled = false);
        self.door.open().await
    }

    /// Reads nothing more, in either direction, and keeps the connections; new ones are accepted and
    /// stall as well.
    pub fn stall(&self) {
        self.shared.orders.send_modify(|orders| orders.stalled = true);
    }

    /// Resets every connection, towards client and receiver; new ones are accepted.
    pub fn reset_all(&self) {
        self.shared.orders.send_modify(|orders| orders.resets += 1);
    }

    /// Refuses new connections; those there are stay. Returns when that is so.
    pub async fn refuse(&self) {
        self.door.close().await;
    }

    /// Forwards `bytes` more bytes to the receiver, of all connections together, then resets every
    /// connection that sends another one.
    pub fn reset_after(&self, bytes: u64) {
        self.allow(Some(Allowance { bytes, then: Then::Reset }));
    }

    /// Forwards `bytes` more bytes to the receiver, of all connections together, then takes from clients
    /// what they send and throws it away.
    pub fn swallow_after(&self, bytes: u64) {
        self.allow(Some(Allowance { bytes, then: Then::Swallow }));
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> ProxyCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProxyCounters {
            connections: read(&self.shared.connections),
            unreachable: read(&self.shared.unreachable),
            forwarded_bytes: read(&self.shared.forwarded),
            swallowed_bytes: read(&self.shared.swallowed),
        }
    }

    fn allow(&self, allowance: Option<Allowance>) {
        *self.shared.allowance.lock().unwrap_or_else(PoisonError::into_inner) = allowance;
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address()).field("to", &self.shared.to).finish()
    }
}

/// Forwards between `client` and the receiver until both ends have closed, one of them fails, or more
/// resets were ordered than the `born` ones of the connection's start.
async fn connect(mut client: TcpStream, born: u64, shared: Arc<Shared>) {
    let mut orders = shared.orders.subscribe();
    let Ok(mut server) = TcpStream::connect(shared.to).await else {
        shared.unreachable.fetch_add(1, Ordering::Relaxed);
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (server.set_nodelay(true), client.set_nodelay(true));
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let there = forward(client_read, server_write, shared.orders.subscribe(), Some(&shared));
    let back = forward(server_read, client_write, shared.orders.subscribe(), None);
    let polite = tokio::select! {
        _ = orders.wait_for(|orders| orders.resets > born) => false,
        ended = async { tokio::try_join!(there, back) } => ended.is_ok(),
    };
    if !polite {
        let _ = (client.set_zero_linger(), server.set_zero_linger()); // dropping them resets now
    }
}

/// Forwards one direction until its end, which is passed on as such.
async fn forward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut orders: watch::Receiver<Orders>,
    shared: Option<&Shared>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        if orders.wait_for(|orders| !orders.stalled).await.is_err() {
            return Ok(());
        }
        let count = tokio::select! {
            biased;
            _ = orders.wait_for(|orders| orders.stalled) => continue,
            count = from.read(&mut buffer) => count?,
        };
        if count == 0 {
            return to.shutdown().await;
        }
        let may = shared.map_or(count, |shared| shared.take(count));
        to.write_all(&buffer[..may]).await?;
        if let Some(shared) = shared {
            shared.forwarded.fetch_add(may as u64, Ordering::Relaxed);
            if may < count && !shared.swallow((count - may) as u64) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
    }
}

impl Shared {
    /// How many of `count` bytes may pass.
    fn take(&self, count: usize) -> usize {
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = allowance.as_mut() else { return count };
        let may = left.bytes.min(count as u64);
        left.bytes -= may;
        usize::try_from(may).expect("no more than `count`")
    }

    /// Throws `count` bytes away, when that is what is ordered.
    fn swallow(&self, count: u64) -> bool {
        let allowance = *self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let swallow = !allowance.is_some_and(|allowance| allowance.then == Then::Reset);
        if swallow {
            self.swallowed.fetch_add(count, Ordering::Relaxed);
        }
        swallow
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);
    const LITTLE: Duration = Duration::from_millis(50);

    /// A proxy, a connection through it, and the receiver's end of that.
    async fn through() -> (Proxy, TcpListener, TcpStream, TcpStream) {
        let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(receiver.local_addr().unwrap()).await.unwrap();
        let client = TcpStream::connect(proxy.address()).await.unwrap();
        let (server, _) = timeout(SOON, receiver.accept()).await.unwrap().unwrap();
        (proxy, receiver, client, server)
    }

    async fn read(stream: &mut TcpStream, count: usize) -> String {
        let mut bytes = vec![0; count];
        timeout(SOON, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// How the stream ends, after how many bytes.
    async fn end(stream: &mut TcpStream) -> (io::Result<usize>, usize) {
        let mut bytes = Vec::new();
        let end = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
        (end, bytes.len())
    }

    #[tokio::test]
    async fn both_directions_and_the_polite_end_pass() {
        let (proxy, _receiver, mut client, mut server) = through().await;

        client.write_all(b"question").await.unwrap();
        assert_eq!(read(&mut server, 8).await, "question");
        client.shutdown().await.unwrap();
        assert_eq!(end(&mut server).await.0.unwrap(), 0);
        server.write_all(b"answer").await.unwrap();
        drop(server);

        assert_eq!(end(&mut client).await.0.unwrap(), 6);
        assert_eq!((proxy.counters().connections, proxy.counters().forwarded_bytes), (1, 8));
    }

    #[tokio::test]
    async fn a_stall_holds_everything_until_it_passes() {
        let (proxy, _receiver, mut client, mut server) = through().await;

        proxy.stall();
        client.write_all(b"held").await.unwrap();
        let mut byte = [0];
        assert!(timeout(LITTLE, server.read(&mut byte)).await.is_err());
        proxy.pass().await.unwrap();

        assert_eq!(read(&mut server, 4).await, "held");
    }

    #[tokio::test]
    async fn a_reset_is_a_reset_at_both_ends_and_new_connections_pass() {
        let (proxy, receiver, mut client, mut server) = through().await;

        proxy.reset_all();

        assert_eq!(end(&mut client).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(end(&mut server).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = receiver.accept().await.unwrap();
        client.write_all(b"again").await.unwrap();
        assert_eq!(read(&mut server, 5).await, "again");
    }

    #[tokio::test]
    async fn a_refusal_keeps_what_is_there_and_ends_at_the_same_port() {
        let (proxy, _receiver, mut client, mut server) = through().await;

        proxy.refuse().await;
        let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        client.write_all(b"still").await.unwrap();
        assert_eq!(read(&mut server, 5).await, "still");

        proxy.pass().await.unwrap();
        TcpStream::connect(proxy.address()).await.unwrap();
    }

    #[tokio::test]
    async fn exactly_the_allowed_bytes_arrive_before_a_reset() {
        let (proxy, _receiver, mut client, mut server) = through().await;

        proxy.reset_after(10);
        client.write_all(b"0123456789").await.unwrap();
        assert_eq!(read(&mut server, 10).await, "0123456789");
        client.write_all(b"x").await.unwrap();

        assert_eq!(end(&mut client).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        let (ended, bytes) = end(&mut server).await;
        assert_eq!((ended.unwrap_err().kind(), bytes), (io::ErrorKind::ConnectionReset, 0));
    }

    #[tokio::test]
    async fn swallowed_bytes_are_accepted_and_never_arrive() {
        let (proxy, _receiver, mut client, mut server) = through().await;

        proxy.swallow_after(3);
        client.write_all(b"abcdef").await.unwrap();
        assert_eq!(read(&mut server, 3).await, "abc");
        client.shutdown().await.unwrap();

        let (ended, bytes) = end(&mut server).await;
        assert_eq!((ended.unwrap(), bytes), (0, 0));
        assert_eq!(proxy.counters().swallowed_bytes, 3);
    }

    #[tokio::test]
    async fn without_a_receiver_clients_are_reset() {
        let (proxy, receiver, client, server) = through().await;
        drop((receiver, client, server));

        let mut client = TcpStream::connect(proxy.address()).await.unwrap();

        assert_eq!(end(&mut client).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(proxy.counters().unreachable, 1);
    }
}
