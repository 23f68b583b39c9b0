//! Asking over the network: one thread, and an end when the person says so.

use std::future::Future;

use tokio::runtime::Builder;

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
        interrupt = tokio::signal::ctrl_c() => {
            interrupt?;
            Err(Failure::of(Exit::Interrupted, "interrupted; nothing was written"))
        }
    }
}
