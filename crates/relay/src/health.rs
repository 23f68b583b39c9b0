//! Whether the relay serves and can go on.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use journal::Journal;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Whether a relay serves, and whether its journal answers; for a service manager.
///
/// A journal that is full answers: it refuses, and heals. One that hangs in a write to a dead disk does not, and
/// nothing but a new start helps.
#[derive(Clone, Debug)]
pub struct Health {
    serving: watch::Sender<bool>,
    answered: Arc<Mutex<Instant>>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { serving: watch::Sender::new(false), answered: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Resolves when the relay accepts webhooks.
    pub async fn serving(&self) {
        // whoever waits holds a sender itself, so there is always one
        let _ = self.serving.subscribe().wait_for(|serving| *serving).await;
    }

    /// Whether the journal has answered within the last five seconds.
    #[must_use]
    pub fn responds(&self) -> bool {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < PATIENCE
    }

    pub(crate) fn serves(&self) {
        self.serving.send_replace(true);
    }

    /// Asks the journal again and again, until it is dropped.
    pub(crate) async fn watch(self, journal: Journal) -> Infallible {
        loop {
            if journal.responds().await {
                self.answers();
            }
            sleep(EVERY).await;
        }
    }

    fn answers(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// How long the journal may take to answer: longer than any commit on a disk that works.
const PATIENCE: Duration = Duration::from_secs(5);

const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_stops_answering_is_noticed_and_so_is_one_that_answers_again() {
        let health = Health::new();
        assert!(health.responds());

        sleep(PATIENCE - Duration::from_millis(1)).await;
        assert!(health.responds());
        sleep(Duration::from_millis(1)).await;
        assert!(!health.responds());

        health.answers();
        assert!(health.responds());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_learns_that_it_serves() {
        let health = Health::new();
        let waits = tokio::spawn({
            let health = health.clone();
            async move { health.serving().await }
        });
        sleep(EVERY).await;
        assert!(!waits.is_finished());

        health.serves();

        waits.await.unwrap();
    }
}
