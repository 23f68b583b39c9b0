//! The commit of a wave: compared once more, recorded, sent once, and read.

use std::time::Duration;

use conductor::{Commit, Finding, Line};
use ids::Timestamp;
use tokio::time::{Instant, sleep};

use super::{Compared, Next, Row, Waving};
use crate::config::{Changes, Configuration, Paths, missing};
use crate::run::wave::{By, WaveStop};
use crate::run::{CommittedBy, Happened, ValueHash, WaveEntry};

impl Waving<'_> {
    /// Sends the commit, after everything was compared once more.
    pub(super) async fn commit(&mut self, rows: &[Row<'_>], changes: &Changes) -> Result<Next, WaveStop> {
        if self.options.ways.commit == By::Person || self.by_command_line_only() {
            return Err(WaveStop::ForPerson { lines: vec![Line::commit().text().into()] });
        }
        let (assets, _) = self.world.assets().await?;
        let stores = match self.compare(changes).await? {
            Compared::Committed(running) => {
                return self.done(rows, changes, running, self.found_by()).map(Next::Done);
            }
            Compared::Ours(stores) => stores,
        };
        if self.take_out_unfit(&stores, &assets)? {
            self.revert().await?;
            return Ok(Next::Again);
        }
        let cutoff = self.check_cutoff(rows, &stores.running, &assets)?;
        self.note_first_mode(cutoff)?;
        let within = self.world.pace.commit;
        let until = Timestamp::from_micros(
            Timestamp::now().micros().saturating_add(i64::try_from(within.as_micros()).unwrap_or(i64::MAX)),
        );
        let expected = ValueHash::of(&stores.candidate.canonical());
        self.record.wave(self.number, WaveEntry::Committing { expected, until })?;
        self.watch.happened(&Happened::Committing { wave: self.number });
        let by = match self.send_commit().await? {
            Sent::Done => CommittedBy::Us,
            Sent::Unanswered => {
                self.watch.happened(&Happened::CommitUnanswered { wave: self.number, within });
                CommittedBy::UsUnanswered
            }
            Sent::Refused(findings) => {
                let running = self.world.running().await?;
                if !missing(&running, changes).is_empty() {
                    self.take_out_named(rows, findings).await?;
                    return Ok(Next::Again);
                }
                // it complained, and did it
                CommittedBy::UsUnanswered
            }
        };
        self.first = Some(stores.running);
        match self.wait_until_running(changes, within).await? {
            Ok(running) => self.done(rows, changes, running, by).map(Next::Done),
            Err(paths) => Err(WaveStop::CommitUnknown { paths }),
        }
    }

    fn by_command_line_only(&self) -> bool {
        self.options.ways.commit == By::CommandLine && self.world.pcli.is_none()
    }

    /// Sends it once.
    async fn send_commit(&self) -> Result<Sent, WaveStop> {
        if let (By::CommandLine, Some(pcli)) = (self.options.ways.commit, &self.world.pcli) {
            return match pcli.commit().await {
                Ok(Commit::Done) => Ok(Sent::Done),
                Ok(Commit::Refused(findings)) => Ok(Sent::Refused(findings)),
                Err(problem) if problem.outcome_unknown() => Ok(Sent::Unanswered),
                Err(source) => Err(WaveStop::CommandLine { what: "commit", source }),
            };
        }
        match self.world.conductor.candidate().commit().await {
            Ok(Commit::Done) => Ok(Sent::Done),
            Ok(Commit::Refused(findings)) => Ok(Sent::Refused(findings)),
            Err(problem) if problem.outcome_unknown() => Ok(Sent::Unanswered),
            Err(source) => Err(WaveStop::Conductor { what: "commit", source }),
        }
    }

    /// Reads what runs until it holds `changes`; what it lacks when the time is over.
    pub(super) async fn wait_until_running(
        &self,
        changes: &Changes,
        within: Duration,
    ) -> Result<Result<Configuration, Paths>, WaveStop> {
        let end = Instant::now() + within;
        loop {
            // a conductor that applies a commit may not answer for a while
            let lacks = match self.world.running().await {
                Ok(running) => {
                    let lacks = missing(&running, changes);
                    if lacks.is_empty() {
                        return Ok(Ok(running));
                    }
                    Ok(lacks)
                }
                Err(problem) => Err(problem),
            };
            let now = Instant::now();
            if now >= end {
                return Ok(Err(lacks?));
            }
            sleep((self.world.pace.poll / 4).min(end - now)).await;
        }
    }
}

/// What is known of a commit that was sent.
enum Sent {
    /// The conductor says that it is done.
    Done,
    /// Nothing.
    Unanswered,
    /// The conductor has found problems.
    Refused(Vec<Finding>),
}
