//! Alerts as they come into the outbox.

use std::ops::ControlFlow;

use alarm::Alert;
use journal::{Log, Position};
use tokio::time::{Instant, timeout_at};

use super::Admin;
use super::history::{READING, reading, rows};
use crate::interpreter::failed;

/// An alert and where it stands in the outbox.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) position: Position,
    /// When it was made, microseconds since 1970.
    pub(super) at: i64,
    pub(super) alert: Box<Alert>,
}

impl Admin {
    /// Shows `take` every alert behind `after`, those that come later too, until it breaks or the deadline is there; what
    /// cannot be read as an alert is passed over.
    pub(super) async fn coming(
        &self,
        mut after: Position,
        deadline: Instant,
        mut take: impl FnMut(Made) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let mut tail = self.journal.tail(Log::Outbox);
        loop {
            let end = *tail.borrow_and_update();
            while after < end {
                let read = reading(&self.journal, Log::Outbox, move |reader| {
                    reader.read(after, ROWS, BYTES).map_err(failed(READING))
                });
                let entries = read.await?;
                let Some(last) = entries.last() else { break };
                after = last.position();
                for row in rows(entries) {
                    if let Ok(alert) = serde_json::from_slice(&row.body)
                        && take(Made { position: row.position, at: row.at, alert }).is_break()
                    {
                        return Ok(());
                    }
                }
            }
            if !matches!(timeout_at(deadline, tail.changed()).await, Ok(Ok(()))) {
                return Ok(());
            }
        }
    }
}

/// How much of the outbox is read at once.
const ROWS: usize = 512;
const BYTES: usize = 1 << 20;
