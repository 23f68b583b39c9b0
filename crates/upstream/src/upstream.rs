//! One task for each organisation: what is due is done, one thing after the other.

use std::time::Duration;

use alarm::directory::Lesson;
use alarm::{Catalogue, Unnamed};
use ids::{OrgId, Timestamp};
use mist::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::Inbox;
use crate::backfill::backfill;
use crate::directory;
use crate::lookup::Lookups;
use crate::patience::{Failure, Said};
use crate::reconcile::reconcile;

/// An organisation and the way to ask about it.
#[derive(Debug)]
pub struct Organisation {
    /// Its name in the configuration.
    pub name: String,
    /// Its id.
    pub id: OrgId,
    /// Who asks; its budget is all that may be spent here.
    pub client: Client,
    /// Path of the URL that its webhooks are posted to.
    pub path: String,
}

/// Asks Mist about one organisation, and tells the relay.
#[derive(Debug)]
pub struct Upstream<I> {
    org: Organisation,
    inbox: I,
    /// Since when the relay may have missed something.
    away_since: Option<Timestamp>,
    /// Clients within each part's share of the calls.
    shares: Shares,
    pace: Pace,
}

/// How often each thing is done.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Reading the sites, and the devices that changed.
    pub refresh: Duration,
    /// Reading the whole directory.
    pub whole: Duration,
    /// Asking about open problems.
    pub reconcile: Duration,
    /// How long after a start open problems may be ended by what is posted and fetched, before that.
    pub first_reconcile: Duration,
    /// Looking for deliveries that failed.
    pub backfill: Duration,
    /// Trying again what failed, doubled each time up to 64 times that.
    pub retry: Duration,
}

impl Default for Pace {
    /// 15 minutes, a day, 5 minutes, half a minute, 5 minutes, 5 seconds.
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(900),
            whole: Duration::from_secs(86_400),
            reconcile: Duration::from_secs(300),
            first_reconcile: Duration::from_secs(30),
            backfill: Duration::from_secs(300),
            retry: Duration::from_secs(5),
        }
    }
}

#[derive(Debug)]
struct Shares {
    directory: Client,
    lookups: Client,
    reconcile: Client,
    backfill: Client,
}

impl<I: Inbox> Upstream<I> {
    /// Asks about `org` with at most `percent` of its token's calls; `away_since` is when the newest message had come
    /// before the relay started.
    #[must_use]
    pub fn new(org: Organisation, inbox: I, percent: u8, away_since: Option<Timestamp>) -> Self {
        let percent = u32::from(percent.min(100));
        let part = |of: u32| {
            let percent = u8::try_from(percent * of / 100).unwrap_or(100).max(1);
            // when the calls are spent it is said, and tried again later
            org.client.within(&org.client.budget().share(percent)).patient(PATIENCE)
        };
        let shares =
            Shares { directory: part(40), lookups: part(10), reconcile: part(25), backfill: part(25) };
        Self { org, inbox, away_since, shares, pace: Pace::default() }
    }

    /// The same at another pace.
    #[must_use]
    pub const fn at(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Asks for ever; `unnamed` is what was met and has no name. Stop it by dropping it: nothing is held half done that
    /// is not done again.
    pub async fn run(self, mut unnamed: mpsc::Receiver<Unnamed>) {
        let name = self.org.name.clone();
        let said = |what| Said::new(&name, what);
        let (mut reading, mut looking) = (said("reading the directory"), said("looking up names"));
        let (mut reconciling, mut filling) =
            (said("asking about open problems"), said("fetching what did not arrive"));
        let mut lookups = Lookups::default();
        let mut catalogue = Catalogue::bundled();
        let now = Instant::now();
        let (mut refresh_at, mut reconcile_at, mut backfill_at) =
            (Next::new(now), Next::new(now + self.pace.first_reconcile), Next::new(now));
        let mut lookup_at: Option<Instant> = None;
        let mut missed_since = self.missed_since().await;
        let mut away = missed_since.is_some();
        let mut read_at = self.tell_age().await;
        let mut known_at = read_at;
        loop {
            let next = [refresh_at.at, reconcile_at.at, backfill_at.at].into_iter().chain(lookup_at).min();
            tokio::select! {
                biased;
                Some(met) = unnamed.recv() => {
                    lookups.add(met, Instant::now());
                    if !lookups.is_empty() && lookup_at.is_none() {
                        lookup_at = Some(Instant::now() + GATHER);
                    }
                    continue;
                }
                () = sleep_until(next.unwrap_or(now + self.pace.refresh)) => {}
            }
            let now = Instant::now();
            if lookup_at.is_some_and(|at| at <= now) {
                let asked = lookups.ask(&self.shares.lookups, self.org.id, &self.inbox).await;
                lookup_at = (!lookups.is_empty()).then(|| Instant::now() + GATHER);
                if asked.is_err() {
                    lookup_at = Some(Instant::now() + LOOKUP_PAUSE);
                }
                outcome(&mut looking, asked);
            }
            if backfill_at.is_due(now) {
                // what it covers ends before it begins, and the next one begins a little before that
                let to = Timestamp::now();
                let from = from(missed_since.unwrap_or(to), to);
                let (client, path) = (&self.shares.backfill, &self.org.path);
                let mut done = backfill(client, self.org.id, path, (from, to), away, &self.inbox).await;
                if done.is_ok() {
                    done = self.filled(to).await;
                }
                if done.is_ok() {
                    (missed_since, away) = (Some(to), false);
                }
                backfill_at.set(&done, self.pace.backfill, self.pace.retry);
                outcome(&mut filling, done);
            }
            if refresh_at.is_due(now) {
                let begun = Timestamp::now();
                let whole = read_at.is_none_or(|at| begun.since(at) >= self.pace.whole);
                let client = &self.shares.directory;
                let done = match known_at.filter(|_| !whole).map(a_little_before) {
                    None => directory::read_all(client, self.org.id, &mut catalogue, &self.inbox).await,
                    Some(since) => directory::read_changes(client, self.org.id, since, &self.inbox).await,
                };
                if done.is_ok() {
                    known_at = Some(begun);
                    read_at = if whole { Some(begun) } else { read_at };
                }
                refresh_at.set(&done, self.pace.refresh, self.pace.retry);
                outcome(&mut reading, done);
            }
            if reconcile_at.is_due(now) {
                let client = &self.shares.reconcile;
                let done = reconcile(client, self.org.id, &catalogue, Timestamp::now(), &self.inbox).await;
                reconcile_at.set(&done, self.pace.reconcile, self.pace.retry);
                outcome(&mut reconciling, done);
            }
        }
    }

    /// Since when something may have been missed: since the newest message before this start, or earlier when what was
    /// missed then was never fetched. It is written down, since what comes from now on is newer.
    async fn missed_since(&self) -> Option<Timestamp> {
        let filled = self.inbox.filled().await.ok().flatten();
        if let (None, Some(away_since)) = (filled, self.away_since) {
            let _tried_again_when_it_is_filled = self.filled(away_since).await;
        }
        filled.into_iter().chain(self.away_since).min()
    }

    /// Writes down until when nothing is missing.
    async fn filled(&self, until: Timestamp) -> Result<(), Failure> {
        let lesson = Lesson { filled: Some(until), ..Lesson::default() };
        Ok(self.inbox.learned(&lesson).await?)
    }

    /// Says how old the names are that a start without the API has.
    async fn tell_age(&self) -> Option<Timestamp> {
        let read_at = self.inbox.read_at().await.ok().flatten();
        match read_at {
            Some(at) => {
                let hours = Timestamp::now().since(at).as_secs() / 3600;
                info!(org = self.org.name, read_at = %at, hours, "names are known from before this start");
            }
            None => info!(org = self.org.name, "no names are known yet; the directory is read now"),
        }
        read_at
    }
}

/// When something is done next, and how often it failed in a row.
#[derive(Debug)]
struct Next {
    at: Instant,
    failures: u32,
}

impl Next {
    const fn new(at: Instant) -> Self {
        Self { at, failures: 0 }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.at <= now
    }

    /// After it was done, `every` later; after it failed sooner, unless trying again does not help.
    fn set(&mut self, done: &Result<(), Failure>, every: Duration, retry: Duration) {
        let wait = match done {
            Ok(()) => {
                self.failures = 0;
                every
            }
            Err(failure) if failure.retry_helps() => {
                self.failures = self.failures.saturating_add(1);
                (retry * (1 << self.failures.min(6))).min(every)
            }
            Err(_) => every,
        };
        self.at = Instant::now() + wait;
    }
}

fn outcome(said: &mut Said, done: Result<(), Failure>) {
    match done {
        Ok(()) => said.worked(),
        Err(failure) => said.failed(&failure),
    }
}

/// When to begin, so that nothing is missed by clocks that differ and times that are cut.
fn a_little_before(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.micros() - 120_000_000)
}

/// Where a backfill begins: a little before what was missed, and not before what was seen is forgotten.
fn from(missed_since: Timestamp, now: Timestamp) -> Timestamp {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(0);
    let earliest = now.micros() - micros(LONGEST_GAP);
    Timestamp::from_micros((missed_since.micros() - micros(OVERLAP)).clamp(earliest, now.micros()))
}

/// How long a call may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long names that are missing are gathered, and how long to wait after asking for them failed.
const GATHER: Duration = Duration::from_millis(500);
const LOOKUP_PAUSE: Duration = Duration::from_secs(30);

/// Mist logs a failure when it has given up; the relay remembers for 48 hours what it saw.
const OVERLAP: Duration = Duration::from_secs(600);
const LONGEST_GAP: Duration = Duration::from_secs(47 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backfill_begins_a_little_early_and_not_before_what_is_remembered() {
        let at = |secs: i64| Timestamp::from_micros(secs * 1_000_000);
        assert_eq!(from(at(1_000_000), at(1_003_600)), at(999_400));
        assert_eq!(from(at(0), at(1_003_600)), at(1_003_600 - 47 * 3600));
        assert_eq!(from(at(2_000_000), at(1_003_600)), at(1_003_600), "a clock that was ahead");
    }
}
