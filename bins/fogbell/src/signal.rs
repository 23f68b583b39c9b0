//! When to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Starts to listen for SIGINT and SIGTERM; what is returned resolves at the first of them.
pub(crate) fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
