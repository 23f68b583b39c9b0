//! When to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Starts to listen for SIGINT and SIGTERM, and to take a limit of file sizes as the failed write it is, not as an
/// end (SIGXFSZ); what is returned resolves at the first of them.
pub(crate) fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let _nobody_waits = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Starts to listen for SIGHUP.
pub(crate) fn hangup() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
