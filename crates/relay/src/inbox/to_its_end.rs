//! Work that goes on when whoever waited for it has gone.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Runs to its end: when it is dropped before, the runtime goes on with it.
pub(super) struct ToItsEnd<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> ToItsEnd<F> {
    pub(super) fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToItsEnd<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for ToItsEnd<F> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(work));
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> fmt::Debug for ToItsEnd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToItsEnd")
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::{Duration, timeout};

    use super::*;

    #[tokio::test]
    async fn it_goes_on_when_nobody_waits_and_is_not_done_twice() {
        let (go, told) = oneshot::channel::<()>();
        let (done, heard) = oneshot::channel();
        let work = ToItsEnd::new(async move {
            let _told = told.await;
            let _gone = done.send(7);
        });
        assert!(timeout(Duration::from_millis(1), work).await.is_err());

        go.send(()).expect("it waits for this");

        assert_eq!(heard.await, Ok(7));
        assert_eq!(ToItsEnd::new(async { 8 }).await, 8);
    }
}
