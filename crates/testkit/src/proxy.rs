//! A bad network between two programs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::door::{Door, Tasks};

/// A TCP proxy on loopback that forwards until told to misbehave.
///
/// Orders take effect on all connections at once, those of before too. Dropping it closes every connection.
///
/// What it takes from clients ahead of the receiver is little, some 100 KiB a connection, so that clients feel
/// a receiver that is slow or stalls.
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
    /// Bytes that pass to the receiver each second, of each connection; 0 for no limit.
    pace: u64,
    /// How long a new connection waits before anything passes.
    delay: Duration,
    /// Grows with every order to reset: a connection older than it ends.
    resets: u64,
    /// Grows with every order to half-close: a client older than it is told that nothing more comes.
    half_closes: u64,
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
    Cut,
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
            let born = *for_accept.orders.borrow();
            tasks_for_accept.spawn(connect(stream, born, Arc::clone(&for_accept)));
        });
        let door = Door::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Some(AHEAD), on_accept)?;
        Ok(Self { door, shared, _tasks: tasks })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Forwards everything again, at once: ends a stall, a pace, a delay, a refusal and an allowance.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound again.
    pub async fn pass(&self) -> io::Result<()> {
        self.allow(None);
        self.shared.orders.send_modify(|orders| {
            *orders = Orders { resets: orders.resets, half_closes: orders.half_closes, ..Orders::default() };
        });
        self.door.open().await
    }

    /// Reads nothing more, in either direction, and keeps the connections; new ones are accepted and
    /// stall as well.
    pub fn stall(&self) {
        self.shared.orders.send_modify(|orders| orders.stalled = true);
    }

    /// Lets at most `bytes_per_sec` bytes a second pass to the receiver, of each connection; 0 ends that. What
    /// the receiver says is not slowed.
    pub fn slow(&self, bytes_per_sec: u64) {
        self.shared.orders.send_modify(|orders| orders.pace = bytes_per_sec);
    }

    /// Accepts new connections, but lets nothing of them pass, in either direction, and does not connect to the
    /// receiver, for `delay`.
    pub fn delay(&self, delay: Duration) {
        self.shared.orders.send_modify(|orders| orders.delay = delay);
    }

    /// Tells every client that nothing more comes (FIN), and goes on forwarding what clients send: half-closed
    /// connections, as from a receiver that shut down its sending side. New ones are whole.
    pub fn half_close_all(&self) {
        self.shared.orders.send_modify(|orders| orders.half_closes += 1);
    }

    /// Resets every connection, towards client and receiver; new ones are accepted.
    pub fn reset_all(&self) {
        self.shared.orders.send_modify(|orders| orders.resets += 1);
    }

    /// Refuses new connections; those there are stay. Returns when that is so.
    pub async fn refuse(&self) {
        self.door.close().await;
    }

    /// Takes new connections again after a refusal; whatever else is ordered stays.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound again.
    pub async fn open(&self) -> io::Result<()> {
        self.door.open().await
    }

    /// Forwards `bytes` more bytes to the receiver, of all connections together, then resets every
    /// connection that sends another one.
    pub fn reset_after(&self, bytes: u64) {
        self.allow(Some(Allowance { bytes, then: Then::Reset }));
    }

    /// Forwards `bytes` more bytes to the receiver, of all connections together, then ends every connection that
    /// sends another one, politely (FIN) and in the middle of whatever it was saying.
    pub fn cut_after(&self, bytes: u64) {
        self.allow(Some(Allowance { bytes, then: Then::Cut }));
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
/// resets were ordered than at the connection's start, when `born` were the orders.
async fn connect(mut client: TcpStream, born: Orders, shared: Arc<Shared>) {
    let mut orders = shared.orders.subscribe();
    let reset = |orders: &Orders| orders.resets > born.resets;
    let waited = tokio::select! {
        _ = orders.wait_for(reset) => false,
        () = delayed(shared.orders.subscribe()) => true,
    };
    let server = if waited { Some(TcpStream::connect(shared.to).await) } else { None };
    let Some(Ok(mut server)) = server else {
        shared.unreachable.fetch_add(u64::from(waited), Ordering::Relaxed);
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (server.set_nodelay(true), client.set_nodelay(true));
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let there = forward(client_read, server_write, shared.orders.subscribe(), &shared);
    let back = answer(server_read, client_write, shared.orders.subscribe(), born.half_closes);
    let ended = tokio::select! {
        _ = orders.wait_for(reset) => Err(Broken::Reset),
        ended = async { tokio::try_join!(there, back) } => ended.map(|_| ()),
    };
    match ended {
        Ok(()) => {}
        Err(Broken::Cut) => part(&mut client, &mut server).await,
        // dropping them resets now
        Err(Broken::Reset) => {
            let _ = (client.set_zero_linger(), server.set_zero_linger());
        }
    }
}

/// Ends both sides politely. What the client still says is read for a while: closing over it would be a reset.
async fn part(client: &mut TcpStream, server: &mut TcpStream) {
    let _ = (server.shutdown().await, client.shutdown().await);
    let mut buffer = vec![0; 16 << 10];
    let rest = async { while client.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
    let _ = timeout(PARTING, rest).await;
}

/// Waits until the delay that is ordered has passed since now, or is ordered no more.
async fn delayed(mut orders: watch::Receiver<Orders>) {
    let delay = orders.borrow_and_update().delay;
    tokio::select! {
        () = sleep(delay) => {}
        _ = orders.wait_for(|orders| orders.delay.is_zero()) => {}
    }
}

/// Why a connection ends before its two ends have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Broken {
    /// An end of it broke, or it is to be reset.
    Reset,
    /// It is to be cut.
    Cut,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Reset
    }
}

/// Forwards what `from` says to the receiver until its end, which is passed on as such, or until no more may pass.
async fn forward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut orders: watch::Receiver<Orders>,
    shared: &Shared,
) -> Result<(), Broken> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(now) = orders.wait_for(|orders| !orders.stalled).await.map(|orders| *orders) else {
            return Ok(());
        };
        let most = if now.pace == 0 { buffer.len() } else { paced(now.pace).min(buffer.len()) };
        let count = tokio::select! {
            biased;
            _ = orders.wait_for(|orders| orders.stalled || orders.pace != now.pace) => continue,
            count = from.read(&mut buffer[..most]) => count?,
        };
        if count == 0 {
            to.shutdown().await?;
            return Ok(());
        }
        let (may, then) = shared.take(count);
        to.write_all(&buffer[..may]).await?;
        shared.forwarded.fetch_add(may as u64, Ordering::Relaxed);
        if may < count {
            match then {
                Then::Reset => return Err(Broken::Reset),
                Then::Cut => return Err(Broken::Cut),
                Then::Swallow => shared.swallowed.fetch_add((count - may) as u64, Ordering::Relaxed),
            };
        }
        if now.pace > 0 {
            let pause = Duration::from_secs_f64(count as f64 / now.pace as f64);
            tokio::select! {
                () = sleep(pause) => {}
                _ = orders.wait_for(|orders| orders.pace != now.pace) => {}
            }
        }
    }
}

/// Forwards what the receiver says until its end, which is passed on as such, or, by order, with an end before
/// that, when what it says is read on and thrown away.
async fn answer(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut orders: watch::Receiver<Orders>,
    born: u64,
) -> Result<(), Broken> {
    let mut buffer = vec![0; 64 << 10];
    let mut half_closed = false;
    loop {
        let Ok(half_closes) =
            orders.wait_for(|orders| !orders.stalled).await.map(|orders| orders.half_closes)
        else {
            return Ok(());
        };
        if half_closes > born && !half_closed {
            half_closed = true;
            to.shutdown().await?;
        }
        let count = tokio::select! {
            biased;
            _ = orders.wait_for(|orders| orders.stalled || orders.half_closes != half_closes) => continue,
            count = from.read(&mut buffer) => count?,
        };
        if half_closed {
            if count == 0 {
                return Ok(());
            }
        } else if count == 0 {
            return Ok(to.shutdown().await?);
        } else {
            to.write_all(&buffer[..count]).await?;
        }
    }
}

/// Bytes that pass at once at `pace` bytes a second: what a twentieth of a second lets pass.
fn paced(pace: u64) -> usize {
    usize::try_from(pace / 20).unwrap_or(usize::MAX).max(1)
}

impl Shared {
    /// How many of `count` bytes may pass, and what happens to the others.
    fn take(&self, count: usize) -> (usize, Then) {
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = allowance.as_mut() else { return (count, Then::Swallow) };
        let may = left.bytes.min(count as u64);
        left.bytes -= may;
        (usize::try_from(may).expect("no more than `count`"), left.then)
    }
}

/// The receive buffer of a client's connection, which the kernel doubles.
const AHEAD: u32 = 32 << 10;

/// How long a client that is cut off may still speak.
const PARTING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
