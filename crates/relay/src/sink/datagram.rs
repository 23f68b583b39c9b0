//! Syslog over UDP: delivered means that the kernel took it.

use alarm::Stamp;
use syslog::Rfc5424;
use tokio::net::UdpSocket;

use super::pump::{Parcel, Pump};
use super::{Backoff, Failure, LOOK_UP_EVERY, Receiver, Renewed};
use crate::Error;
use crate::stop::Stop;

/// A syslog receiver reached by datagrams.
#[derive(Debug)]
pub(crate) struct Datagrams {
    pub(crate) receiver: Receiver,
    pub(crate) encoder: Rfc5424,
    pub(crate) relay: String,
}

impl Datagrams {
    /// Delivers until `stop` turns true and everything is sent, or a send fails after that.
    pub(crate) async fn run(self, mut pump: Pump, mut stop: Stop) -> Result<(), Error> {
        let mut socket = Renewed::every(LOOK_UP_EVERY);
        let mut backoff = Backoff::default();
        let mut line = Vec::new();
        loop {
            let parcels = pump.next(BATCH, false).await?;
            if parcels.is_empty() {
                if stop.is_told() {
                    return pump.settle(true).await;
                }
                pump.rest(&mut stop).await?;
                continue;
            }
            'parcels: for parcel in parcels {
                if parcel.position <= pump.confirmed() {
                    continue;
                }
                while let Err(failure) = self.send(&mut socket, &parcel, &mut line, &pump).await {
                    if !failure.retry() {
                        pump.set_aside(&parcel, &failure).await?;
                        continue 'parcels;
                    }
                    let wait = backoff.failed();
                    pump.failed(&failure, backoff.failures(), wait);
                    socket.forget();
                    if stop.is_told() {
                        return pump.settle(true).await;
                    }
                    pump.pause(wait, &mut stop).await?;
                    if parcel.position <= pump.catch_up().await? {
                        continue 'parcels;
                    }
                }
                backoff.succeeded();
                pump.delivered(parcel.position, 1);
            }
            pump.all_delivered();
            pump.settle(false).await?;
        }
    }

    async fn send(
        &self,
        socket: &mut Renewed<UdpSocket>,
        parcel: &Parcel,
        line: &mut Vec<u8>,
        pump: &Pump,
    ) -> Result<(), Failure> {
        let socket = socket.get(|| connect(&self.receiver)).await?;
        let stamp = Stamp { relay: &self.relay, sequence: parcel.position.number() };
        line.clear();
        if self.encoder.encode_into(&parcel.alert, &stamp, line) {
            pump.metrics.truncated.get_or_create(&pump.label).inc();
        }
        let sent = socket.send(line).await;
        sent.map(drop).map_err(|source| {
            let too_long = source.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error());
            let failure = Failure::new(format!("cannot send to {}", self.receiver), source);
            if too_long { failure.never() } else { failure }
        })
    }
}

async fn connect(receiver: &Receiver) -> Result<UdpSocket, Failure> {
    let to = receiver.look_up().await?;
    let failed = |source| Failure::new(format!("cannot open a socket to {receiver} ({to})"), source);
    let socket = UdpSocket::bind(receiver.source(to)).await.map_err(failed)?;
    socket.connect(to).await.map_err(failed)?;
    Ok(socket)
}

/// How many alerts are read at once.
const BATCH: usize = 256;
