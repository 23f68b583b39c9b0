//! What a wave writes into the candidate.

use super::{Row, Waving};
use crate::config::{Change, Changes, ConfigPath, Configuration, missing};
use crate::run::wave::write::{Write, commands, routers};
use crate::run::wave::{By, WaveStop};
use crate::run::{Happened, IntendedValue, ValueHash, WaveEntry};

impl Waving<'_> {
    /// Writes down what will be written, where the record does not say so already.
    pub(super) fn intend(&self, changes: &Changes, running: &Configuration) -> Result<(), WaveStop> {
        let value = |(path, value): (&ConfigPath, &str)| IntendedValue {
            path: path.clone(),
            sha256: ValueHash::of(value.as_bytes()),
            before: running
                .value(path)
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).into()),
        };
        let values: Vec<IntendedValue> = changes.iter().map(value).collect();
        let said = self.record.with_progress(|progress| {
            let progress = progress.wave(self.number);
            let is_said = |value: &IntendedValue| {
                progress.intent.get(&value.path).is_some_and(|said| said.sha256 == value.sha256)
            };
            !progress.reverted && values.iter().all(is_said)
        });
        if said {
            return Ok(());
        }
        Ok(self.record.wave(self.number, WaveEntry::Intent { values })?)
    }

    /// Writes what the candidate does not hold yet.
    pub(super) async fn write(&self, rows: &[Row<'_>], candidate: &Configuration) -> Result<(), WaveStop> {
        let lacks = |change: &&Change| !missing(candidate, &Changes::of([*change])).is_empty();
        let left: Vec<&Change> = rows.iter().flat_map(|(_, steps)| &steps.changes).filter(lacks).collect();
        let mut by_hand = Vec::new();
        for router in routers(left.iter().copied()) {
            for change in left.iter().filter(|change| change.router() == router) {
                if !self.write_one(change).await? {
                    by_hand.push(*change);
                }
            }
            self.watch.happened(&Happened::Patched { wave: self.number, router: router.clone() });
        }
        if by_hand.is_empty() { Ok(()) } else { Err(WaveStop::ForPerson { lines: commands(by_hand) }) }
    }

    /// Writes one change; whether it is left to a person.
    async fn write_one(&self, change: &Change) -> Result<bool, WaveStop> {
        let write = Write::of(change);
        match self.options.ways.write {
            By::Rest if self.by_rest(change, &write).await? => Ok(true),
            By::Rest | By::CommandLine => self.by_command_line(change, &write).await,
            By::Person => Ok(false),
        }
    }

    /// Whether REST wrote it; not where what it is of is not there, and was not made.
    async fn by_rest(&self, change: &Change, write: &Write) -> Result<bool, WaveStop> {
        let mut tries = 1;
        loop {
            let problem = match write.by_rest(&self.world.conductor).await {
                Ok(()) => return Ok(true),
                Err(conductor::Problem::NoContainer { .. }) => return Ok(false),
                Err(problem) => problem,
            };
            let failed = |source| WaveStop::Conductor { what: "take a change", source };
            if !problem.outcome_unknown() {
                return Err(failed(problem));
            }
            // the same value at the same place may be sent again, once it is seen that nothing else came there
            let candidate = self.world.candidate().await?;
            if missing(&candidate, &Changes::of([change])).is_empty() {
                return Ok(true);
            }
            let is_there = change.settings().iter().any(|(path, _)| candidate.value(path).is_some());
            let ignored = matches!(problem, conductor::Problem::NotWritten { .. });
            match (ignored, is_there) {
                (true, false) => return Ok(false),
                (false, _) if tries < WRITE_TRIES => tries += 1,
                _ => return Err(failed(problem)),
            }
        }
    }

    /// Whether the command line wrote it; not where there is none.
    async fn by_command_line(&self, change: &Change, write: &Write) -> Result<bool, WaveStop> {
        let Some(pcli) = &self.world.pcli else { return Ok(false) };
        for line in write.lines() {
            if let Err(source) = pcli.run(&line).await {
                let candidate =
                    if source.outcome_unknown() { Some(self.world.candidate().await?) } else { None };
                if candidate.is_none_or(|candidate| !missing(&candidate, &Changes::of([change])).is_empty()) {
                    return Err(WaveStop::CommandLine { what: "take a change", source });
                }
            }
        }
        Ok(true)
    }
}

/// How often one change is sent when nothing is known of it.
const WRITE_TRIES: u32 = 3;
