//! What is under way at one time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// A few futures of which the next to be done is waited for. Dropped, they are all dropped.
pub(super) struct Jobs<'a, T>(Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>>);

impl<'a, T> Jobs<'a, T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn push(&mut self, job: impl Future<Output = T> + Send + 'a) {
        self.0.push(Box::pin(job));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the next of them comes to; never when there is none.
    pub(super) async fn next(&mut self) -> T {
        poll_fn(|context| {
            let done =
                self.0.iter_mut().enumerate().find_map(|(place, job)| match job.as_mut().poll(context) {
                    Poll::Ready(value) => Some((place, value)),
                    Poll::Pending => None,
                });
            match done {
                Some((place, value)) => {
                    drop(self.0.swap_remove(place));
                    Poll::Ready(value)
                }
                None => Poll::Pending,
            }
        })
        .await
    }
}
