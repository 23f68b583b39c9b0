//! The socket of a receiver of datagrams.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Shared;
use crate::frames::Framing;

/// A UDP socket that can be closed and opened again at the same port.
pub(super) struct Datagrams {
    pub(super) address: SocketAddr,
    receive_buffer: Option<u32>,
    receiving: Mutex<Option<JoinHandle<()>>>,
}

impl Datagrams {
    pub(super) async fn start(
        address: SocketAddr,
        receive_buffer: Option<u32>,
        shared: &Arc<Shared>,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        let this = Self { address, receive_buffer, receiving: Mutex::new(None) };
        this.run(socket, shared);
        Ok(this)
    }

    fn run(&self, socket: UdpSocket, shared: &Arc<Shared>) {
        let buffer = self.receive_buffer.map_or(DATAGRAM_BUFFER, |bytes| bytes as usize);
        let _ = SockRef::from(&socket).set_recv_buffer_size(buffer); // the system may grant less
        let task = tokio::spawn(receive(socket, Arc::clone(shared)));
        *self.receiving.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    pub(super) async fn stop(&self) {
        let task = self.receiving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await; // cancelled, as asked; the socket is dropped with it
        }
    }

    pub(super) async fn open(&self, shared: &Arc<Shared>) -> io::Result<()> {
        self.stop().await;
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            match UdpSocket::bind(self.address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                    sleep(Duration::from_millis(20)).await;
                }
                bound => return bound.map(|socket| self.run(socket, shared)),
            }
        }
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        if let Some(task) = self.receiving.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

async fn receive(socket: UdpSocket, shared: Arc<Shared>) {
    let mut orders = shared.orders.subscribe();
    let mut buffer = vec![0; 65_536];
    loop {
        if orders.wait_for(|orders| !orders.stalled).await.is_err() {
            return;
        }
        let received = tokio::select! {
            biased;
            _ = orders.wait_for(|orders| orders.stalled) => continue,
            received = socket.recv_from(&mut buffer) => received,
        };
        if let Ok((count, from)) = received {
            shared.record(Framing::Datagram, Bytes::copy_from_slice(&buffer[..count]), from, 0);
        }
    }
}

const DATAGRAM_BUFFER: usize = 8 << 20;
