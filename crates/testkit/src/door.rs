//! A listening socket that can be closed and opened again at the same port.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

/// What is done with a connection that was accepted; must not block.
pub(crate) type OnAccept = Arc<dyn Fn(TcpStream, SocketAddr) + Send + Sync>;

pub(crate) struct Door {
    address: SocketAddr,
    receive_buffer: Option<u32>,
    on_accept: OnAccept,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Door {
    /// Binds `address` and hands every connection to `on_accept`.
    pub(crate) fn start(
        address: SocketAddr,
        receive_buffer: Option<u32>,
        on_accept: OnAccept,
    ) -> io::Result<Self> {
        let listener = listen(address, receive_buffer)?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&on_accept)));
        Ok(Self { address, receive_buffer, on_accept, accepting: Mutex::new(Some(accepting)) })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening: whoever connects from now on is refused. Returns when that is so.
    pub(crate) async fn close(&self) {
        let task = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await; // cancelled, as asked; the listener is dropped with it
        }
    }

    /// Listens again at the same port; does nothing while it does.
    pub(crate) async fn open(&self) -> io::Result<()> {
        let deadline = Instant::now() + REBIND;
        loop {
            let bound = {
                let mut accepting = self.accepting.lock().unwrap_or_else(PoisonError::into_inner);
                if accepting.is_some() {
                    return Ok(());
                }
                listen(self.address, self.receive_buffer).map(|listener| {
                    *accepting = Some(tokio::spawn(accept(listener, Arc::clone(&self.on_accept))));
                })
            };
            match bound {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                    sleep(RETRY).await;
                }
                other => return other,
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

fn listen(address: SocketAddr, receive_buffer: Option<u32>) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?; // before listening: accepted sockets inherit it
    }
    socket.bind(address)?;
    socket.listen(1024)
}

async fn accept(listener: TcpListener, on_accept: OnAccept) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => on_accept(stream, peer),
            Err(_) => sleep(RETRY).await, // out of descriptors: others may go first
        }
    }
}

/// The tasks of a receiver; they end with it. At most [`MAX_TASKS`] at a time.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    /// Runs `task`; when there are too many already, drops it and says `None`.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        (set.len() < MAX_TASKS).then(|| set.spawn(task))
    }

    /// Ends all of them: for an owner that its own tasks hold.
    pub(crate) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

const MAX_TASKS: usize = 16_384;
const REBIND: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(20);
