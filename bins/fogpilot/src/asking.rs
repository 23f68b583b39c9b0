//! Asking over the network: one thread, and an end when the person says so.

use std::future::Future;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};

/// Does what changes nothing; an interrupt ends it where it is.
pub(crate) fn ask<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    Builder::new_current_thread().enable_all().build()?.block_on(unless_interrupted(work))
}

/// The work, which changes nothing; an interrupt ends it where it is.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = interrupted() => Err(Failure::of(Exit::Interrupted, "interrupted; nothing was written")),
    }
}

/// Returns at an interrupt from the terminal, or when the program is to terminate.
pub(crate) async fn interrupted() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => if interrupt.is_err() { std::future::pending().await },
        () = terminate => {}
    }
}
