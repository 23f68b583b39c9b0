//! Syslog over TCP and TLS: delivered means written, and the connection still healthy some time later.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alarm::Stamp;
use journal::Position;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use syslog::{Format, Framing};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tracing::info;

use super::pump::Pump;
use super::{Backoff, Failure, Receiver};
use crate::Error;
use crate::outbox::Parcel;
use crate::stop::Stop;

/// A syslog receiver reached by a stream.
pub(crate) struct Stream {
    pub(crate) receiver: Receiver,
    pub(crate) tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    pub(crate) format: Format,
    pub(crate) framing: Framing,
    pub(crate) settle: Duration,
    pub(crate) relay: String,
}

/// Anything that is read and written.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
type Link = Box<dyn Duplex>;

/// How a conversation ended.
enum End {
    /// The relay stops, and everything is confirmed.
    Stopped,
    /// The receiver ended it while nothing was on its way.
    Idle,
    /// Something on its way may be lost.
    Failed(Failure),
}

impl Stream {
    /// Delivers until `stop` turns true and everything is confirmed, or an attempt fails after that.
    pub(crate) async fn run(self, mut pump: Pump, mut stop: Stop) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        loop {
            if pump.is_drained() {
                if stop.is_told() {
                    return pump.settle(true).await;
                }
                pump.rest(&mut stop).await?;
                continue;
            }
            let before = pump.confirmed();
            let failure = match self.connect().await {
                Ok(link) => {
                    info!(sink = pump.name, receiver = %self.receiver, "connected");
                    pump.catch_up().await?;
                    match self.converse(link, &mut pump, &mut stop).await? {
                        End::Stopped => return pump.settle(true).await,
                        End::Idle => {
                            backoff.succeeded();
                            continue;
                        }
                        End::Failed(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            pump.rewind();
            if pump.confirmed() > before {
                backoff.succeeded();
            }
            let wait = backoff.failed();
            pump.failed(&failure, backoff.failures(), wait);
            if stop.is_told() {
                return pump.settle(true).await;
            }
            pump.pause(wait, &mut stop).await?;
        }
    }

    /// Writes what there is and confirms what has settled, until the connection or the relay ends.
    async fn converse(&self, link: Link, pump: &mut Pump, stop: &mut Stop) -> Result<End, Error> {
        let (mut reading, mut writing) = split(link);
        let mut on_its_way: VecDeque<(Instant, Position, Vec<Position>)> = VecDeque::new();
        let mut bytes = Vec::new();
        loop {
            while let Some((written, ..)) = on_its_way.front() {
                if written.elapsed() < self.settle {
                    break;
                }
                // settled is only what the receiver has not refused by now
                if let Some(failure) = self.look(&mut reading).await {
                    return Ok(End::Failed(failure));
                }
                if let Some((_, to, alerts)) = on_its_way.pop_front() {
                    pump.moved_past(to);
                    pump.note_delivered(alerts);
                }
            }
            if on_its_way.is_empty() {
                // what was read behind them and is not for this sink is behind it too
                pump.all_delivered();
            }
            pump.settle(false).await?;

            if on_its_way.len() < MAX_ON_ITS_WAY && !pump.is_drained() {
                let parcels = pump.next(BATCH, !on_its_way.is_empty()).await?;
                if !parcels.is_empty() {
                    bytes.clear();
                    self.encode(&parcels, pump, &mut bytes);
                    if let Err(failure) = self.write(&mut reading, &mut writing, &bytes).await {
                        return Ok(End::Failed(failure));
                    }
                    let alerts = parcels.iter().map(|parcel| parcel.position).collect();
                    on_its_way.push_back((Instant::now(), pump.position(), alerts));
                    continue;
                }
                if on_its_way.is_empty() {
                    pump.all_delivered();
                    pump.settle(false).await?;
                }
            }
            if stop.is_told() && on_its_way.is_empty() && pump.is_drained() {
                self.part(reading, writing).await;
                return Ok(End::Stopped);
            }

            let settled = on_its_way.front().map(|(written, ..)| *written + self.settle);
            let wake = [settled, pump.settle_at()].into_iter().flatten().min();
            let full = on_its_way.len() >= MAX_ON_ITS_WAY;
            let (more, stopped) = (pump.more(), stop.is_told());
            tokio::select! {
                end = watch_for_end(&mut reading) => {
                    if on_its_way.is_empty() && pump.is_drained() {
                        pump.settle(true).await?;
                        return Ok(End::Idle);
                    }
                    return Ok(End::Failed(self.ended(end)));
                }
                () = more, if !full => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => pump.settle(false).await?,
                () = stop.told(), if !stopped => {}
            }
        }
    }

    fn encode(&self, parcels: &[Parcel], pump: &Pump, bytes: &mut Vec<u8>) {
        let mut line = Vec::new();
        for parcel in parcels {
            let stamp = Stamp { relay: &self.relay, sequence: parcel.position.number() };
            line.clear();
            if self.format.encode_into(&pump.shown(parcel, &stamp), &stamp, &mut line) {
                pump.metrics.truncated.get_or_create(&pump.label).inc();
            }
            self.framing.frame(&line, bytes);
        }
    }

    /// Writes `bytes`, unless the connection ends first or the receiver takes nothing for too long.
    async fn write(
        &self,
        reading: &mut ReadHalf<Link>,
        writing: &mut WriteHalf<Link>,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        tokio::select! {
            biased;
            written = hand_over(writing, bytes) => match written {
                Ok(()) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Failure::plain(format!(
                    "{} has taken nothing for {} s",
                    self.receiver,
                    WRITE_PATIENCE.as_secs()
                ))),
                Err(source) => Err(Failure::new(format!("cannot write to {}", self.receiver), source)),
            },
            end = watch_for_end(reading) => Err(self.ended(end)),
        }
    }

    /// Whether the receiver has ended the connection, without waiting.
    async fn look(&self, reading: &mut ReadHalf<Link>) -> Option<Failure> {
        tokio::select! {
            biased;
            end = watch_for_end(reading) => Some(self.ended(end)),
            () = std::future::ready(()) => None,
        }
    }

    fn ended(&self, end: io::Result<()>) -> Failure {
        match end {
            Ok(()) => Failure::plain(format!("{} ended the connection", self.receiver)),
            Err(source) => Failure::new(format!("the connection to {} broke", self.receiver), source),
        }
    }

    /// Takes leave: says so, and reads on until the receiver has seen it, since closing over bytes that were
    /// not read (TLS tickets among them) resets the connection and may take the last lines along.
    async fn part(&self, mut reading: ReadHalf<Link>, mut writing: WriteHalf<Link>) {
        let parting = async {
            let _ = writing.shutdown().await;
            let _ = watch_for_end(&mut reading).await;
        };
        let _ = timeout(PARTING, parting).await;
    }

    /// Connects as for a delivery, and takes leave again.
    pub(crate) async fn probe(&self) -> Result<(), Failure> {
        let (reading, writing) = split(self.connect().await?);
        self.part(reading, writing).await;
        Ok(())
    }

    /// Tries the receiver's addresses one after the other.
    async fn connect(&self) -> Result<Link, Failure> {
        let mut failed = None;
        for to in self.receiver.look_up_all().await? {
            match self.connect_to(to).await {
                Ok(link) => return Ok(link),
                Err(failure) => failed = Some(failure),
            }
        }
        Err(failed.expect("a host that was found has an address"))
    }

    async fn connect_to(&self, to: SocketAddr) -> Result<Link, Failure> {
        match timeout(CONNECT_PATIENCE, self.try_connect(to)).await {
            Ok(connected) => connected,
            Err(_) => Err(Failure::plain(format!(
                "{} ({to}) did not accept a connection within {} s",
                self.receiver,
                CONNECT_PATIENCE.as_secs()
            ))),
        }
    }

    async fn try_connect(&self, to: SocketAddr) -> Result<Link, Failure> {
        let failed = |source| Failure::new(format!("cannot connect to {} ({to})", self.receiver), source);
        let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
        if self.receiver.bind.is_some() {
            socket.bind(self.receiver.source(to)).map_err(failed)?;
        }
        let stream = socket.connect(to).await.map_err(failed)?;
        tune(&stream).map_err(failed)?;
        let Some((config, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let connected = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await;
        let refused = |source| Failure::new(format!("no TLS with {} ({to})", self.receiver), source);
        Ok(Box::new(connected.map_err(refused)?))
    }
}

/// Finds out about a receiver that is gone without a word.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_user_timeout(Some(WRITE_PATIENCE))
}

/// Writes all of `bytes`. A receiver that takes little at a time is slow, not gone: only one that takes nothing for
/// [`WRITE_PATIENCE`] ends it, with [`io::ErrorKind::TimedOut`].
async fn hand_over(writing: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match timeout(WRITE_PATIENCE, writing.write(bytes)).await?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            taken => bytes = &bytes[taken..],
        }
    }
    timeout(WRITE_PATIENCE, writing.flush()).await?
}

/// Reads until the end of the connection; a syslog receiver has nothing to say, so what it says is dropped.
async fn watch_for_end(reading: &mut ReadHalf<Link>) -> io::Result<()> {
    let mut buffer = [0; 512];
    while reading.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// How many alerts are read and written at once.
const BATCH: usize = 256;

/// How many such batches may be on their way.
const MAX_ON_ITS_WAY: usize = 4096;

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
const PARTING: Duration = Duration::from_secs(1);

/// Bytes the kernel may take ahead of what the receiver lets it send. What it holds counts as written, so a deep
/// queue in front of a slow receiver would settle long before it is sent, and be lost with the connection.
const UNSENT: u32 = 16 << 10;

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_takes_little_at_a_time_gets_everything_and_one_that_takes_nothing_ends_it() {
        let (mut near, mut far) = duplex(64);
        let lines = vec![b'x'; 1_000];
        let slow = async {
            let (mut got, mut buffer) = (0, [0; 64]);
            while got < lines.len() {
                sleep(WRITE_PATIENCE - Duration::from_secs(1)).await;
                got += far.read(&mut buffer).await.unwrap();
            }
        };

        let both = async { tokio::join!(hand_over(&mut near, &lines), slow).0 };
        timeout(Duration::from_secs(3_600), both).await.expect("it is given up half-way").unwrap();

        let start = Instant::now();
        let stuck = hand_over(&mut near, &lines).await.unwrap_err();
        assert_eq!((stuck.kind(), start.elapsed()), (io::ErrorKind::TimedOut, WRITE_PATIENCE));
    }
}
