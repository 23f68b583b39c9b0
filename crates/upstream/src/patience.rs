//! What went wrong, said once, and how long to wait before it is tried again.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::Duration;

use mist::{Pages, Problem};
use thiserror::Error;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::NotStored;

/// Why something was not done.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("the Mist API")]
    Mist(#[from] Problem),
    #[error("storing")]
    Relay(#[from] NotStored),
}

impl Failure {
    /// Whether it may work in a moment.
    pub(crate) fn retry_helps(&self) -> bool {
        match self {
            Self::Mist(problem) => problem.retry_helps(),
            Self::Relay(_) => true,
        }
    }
}

/// Says what goes wrong once, until it is over.
#[derive(Debug)]
pub(crate) struct Said {
    org: String,
    what: &'static str,
    /// What was said last, and how often it happened since.
    last: Option<(String, u64)>,
}

impl Said {
    pub(crate) fn new(org: &str, what: &'static str) -> Self {
        Self { org: org.to_owned(), what, last: None }
    }

    /// Says what went wrong, when it was not said before.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        let text = chain(failure);
        match &mut self.last {
            Some((said, times)) if *said == text => {
                *times += 1;
                debug!(org = self.org, times, "{} still fails: {text}", self.what);
            }
            last => {
                warn!(
                    org = self.org,
                    "{} fails: {text}; webhooks are received all the same, and it is tried again", self.what
                );
                *last = Some((text, 1));
            }
        }
    }

    /// Says that it works again, when it did not.
    pub(crate) fn worked(&mut self) {
        if let Some((_, times)) = self.last.take() {
            info!(org = self.org, failures = times, "{} works again", self.what);
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("writing to memory does not fail");
        cause = error.source();
    }
    text
}

/// Pages that go on where they broke off, some times: what was read of a large organisation is not read again.
pub(crate) struct Steady<T> {
    pages: Pages<T>,
    begun: bool,
}

impl<T: mist::Answer> Steady<T> {
    pub(crate) const fn new(pages: Pages<T>) -> Self {
        Self { pages, begun: false }
    }

    /// The next page. The first one is not asked for again: nothing is lost with it, and its problem is said.
    pub(crate) async fn next_page(&mut self) -> Option<Result<Vec<T>, Problem>> {
        for wait in PAGE_WAITS.iter().filter(|_| self.begun) {
            match self.pages.next_page().await? {
                Err(problem) if problem.retry_helps() => {
                    debug!(%problem, "a page is asked for again");
                    sleep(*wait).await;
                }
                page => return Some(page),
            }
        }
        let page = self.pages.next_page().await?;
        self.begun |= page.is_ok();
        Some(page)
    }
}

/// How long to wait before a page is asked for again; the client itself has tried some times in short order.
const PAGE_WAITS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(60)];
