//! Syslog over UDP.

use alarm::Stamp;
use syslog::Format;
use tokio::net::UdpSocket;

use super::each::SendEach;
use super::pump::Pump;
use super::{Failure, LOOK_UP_EVERY, Receiver, Renewed};
use crate::outbox::Parcel;

/// A syslog receiver reached by datagrams.
#[derive(Debug)]
pub(crate) struct Datagrams {
    receiver: Receiver,
    format: Format,
    relay: String,
    socket: Renewed<UdpSocket>,
    line: Vec<u8>,
}

impl Datagrams {
    pub(crate) fn new(receiver: Receiver, format: Format, relay: String) -> Self {
        Self { receiver, format, relay, socket: Renewed::every(LOOK_UP_EVERY), line: Vec::new() }
    }
}

impl SendEach for Datagrams {
    async fn send(&mut self, parcel: &Parcel, pump: &Pump) -> Result<(), Failure> {
        let socket = self.socket.get(|| connect(&self.receiver)).await?;
        let stamp = Stamp { relay: &self.relay, sequence: parcel.position.number() };
        self.line.clear();
        if self.format.encode_into(&pump.shown(parcel, &stamp), &stamp, &mut self.line) {
            pump.metrics.truncated.get_or_create(&pump.label).inc();
        }
        let sent = socket.send(&self.line).await;
        sent.map(drop).map_err(|source| {
            let too_long = source.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error());
            let failure = Failure::new(format!("cannot send to {}", self.receiver), source);
            if too_long { failure.never() } else { failure }
        })
    }

    fn renew(&mut self) {
        self.socket.forget();
    }
}

async fn connect(receiver: &Receiver) -> Result<UdpSocket, Failure> {
    let to = receiver.look_up().await?;
    let failed = |source| Failure::new(format!("cannot open a socket to {receiver} ({to})"), source);
    let socket = UdpSocket::bind(receiver.source(to)).await.map_err(failed)?;
    socket.connect(to).await.map_err(failed)?;
    Ok(socket)
}
