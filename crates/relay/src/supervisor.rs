//! Looks after the relay once a second: bounds, figures, and what the relay has to say of itself.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use alarm::{Own, OwnKind, Severity, State};
use ids::Timestamp;
use journal::{Journal, Log, Notice, Notices, Position, Priority, Status};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, error, info, warn};

use crate::Error;
use crate::certificate::Certificate;
use crate::concerns::Concerns;
use crate::error::Chain;
use crate::inbox::{self, Inbox};
use crate::interpreter::failed;
use crate::metrics::Metrics;
use crate::relay::sinks::Receivers;
use crate::silence::AskedPing;
use crate::sources::{Sight, Sources};
use crate::stop::Stop;

mod ages;
mod certificate;
mod concerns;
pub(crate) mod heartbeat;
pub(crate) mod silence;

use ages::Ages;
use heartbeat::{Heartbeats, Intervals, heartbeat};

/// Lets any part of the relay say something of the relay itself.
#[derive(Clone, Debug)]
pub(crate) struct Voice(mpsc::Sender<Own>);

impl Voice {
    /// A voice, and what it says.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Own>) {
        let (sender, receiver) = mpsc::channel(SAYINGS);
        (Self(sender), receiver)
    }

    /// Says it; when too much is being said at once, only the log does.
    pub(crate) fn say(&self, own: Own) {
        if let Err(error) = self.0.try_send(own) {
            let own = error.into_inner();
            error!(kind = own.kind.word(), text = own.text, "too much to say at once; this is only logged");
        }
    }

    /// Says that an entry of `log` is whole and still cannot be used.
    pub(crate) fn unusable(&self, log: Log, position: Position) {
        self.say(damaged(log, position, 1));
    }
}

fn damaged(log: Log, position: Position, rows: u64) -> Own {
    let log = log.name();
    Own {
        kind: OwnKind::JournalDamaged,
        resource: log.to_owned(),
        state: State::Event,
        text: format!(
            "{rows} entries of the journal's {log}, the last at {position}, are damaged and could not be used; \
             check the disk"
        ),
        count: rows,
        severity: None,
        duration_secs: None,
    }
}

/// Logs what begins or happened, as loud as it is bad.
fn log(own: &Own) {
    let (kind, resource, text) = (own.kind.word(), &own.resource, &own.text);
    match own.severity.unwrap_or_else(|| own.kind.severity()) {
        Severity::Critical => error!(kind, resource, "{text}"),
        Severity::Warning => warn!(kind, resource, "{text}"),
        Severity::Info | Severity::Unknown => info!(kind, resource, "{text}"),
    }
}

/// Looks after the relay.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) journal: Journal,
    pub(crate) inbox: Inbox,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) said: mpsc::Receiver<Own>,
    pub(crate) notices: Notices,
    pub(crate) receivers: watch::Receiver<Receivers>,
    pub(crate) unstored: Unstored,
    pub(crate) sources: Arc<Sources>,
    pub(crate) certificate: Certificate,
    /// Name of the relay.
    pub(crate) relay: String,
    pub(crate) intervals: watch::Receiver<Intervals>,
    pub(crate) limits: watch::Receiver<silence::Limits>,
    /// Whoever can have Mist send a ping.
    pub(crate) pings: mpsc::Sender<AskedPing>,
    pub(crate) concerns: Concerns,
}

impl Supervisor {
    /// Looks after the relay until `stop` turns true.
    pub(crate) async fn run(mut self, mut stop: Stop) -> Result<(), Error> {
        let mut open = Problems::recall(&self.journal, &self.receivers.borrow())?;
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut commits, mut ages, mut beats) = (0, Ages::default(), Heartbeats::default());
        loop {
            tokio::select! {
                biased;
                () = stop.told() => {
                    while let Ok(own) = self.said.try_recv() {
                        self.unstored.add(own);
                    }
                    for notice in self.notices.take() {
                        self.noticed(notice, &mut open);
                    }
                    self.store_events().await;
                    // so that what was counted at the end adds up
                    if let Ok(status) = status(&self.journal).await {
                        self.measure(&status, &ages, &mut commits);
                    }
                    return Ok(());
                }
                Some(own) = self.said.recv() => self.unstored.add(own),
                _ = seconds.tick() => {
                    self.journal.tick();
                    let mut own = match status(&self.journal).await {
                        Ok(status) => {
                            ages.look(&status, Instant::now(), Timestamp::now());
                            self.measure(&status, &ages, &mut commits);
                            self.beat(&status, &ages, &mut beats);
                            open.judge(&status, &ages, &self.receivers.borrow())
                        }
                        // nothing that was promised depends on it: it is looked at again in a second
                        Err(error) => {
                            warn!(error = %Chain(&error), "the journal could not be looked at");
                            Vec::new()
                        }
                    };
                    for notice in self.notices.take() {
                        self.noticed(notice, &mut open);
                    }
                    own.extend(open.judge_bound());
                    let sight = self.sources.sight();
                    self.metrics.sources_hidden.set(i64::from(matches!(sight, Sight::Hidden(_))));
                    own.extend(open.judge_sight(sight));
                    let (shown, trouble) = (self.certificate.shown(), self.certificate.trouble());
                    self.metrics.certificate_expiry.set(Timestamp::from(shown.not_after).micros() / 1_000_000);
                    own.extend(open.certificate.judge(&shown, trouble.as_deref(), SystemTime::now()));
                    own.extend(self.judge_silence(&mut open.silences));
                    own.extend(open.concerns.judge(&self.concerns.known()));
                    for own in own {
                        if !self.store(&own).await {
                            open.unsaid(&own);
                        }
                    }
                    self.store_events().await;
                }
            }
        }
    }

    /// Stores the events that wait; those that cannot be stored wait on.
    async fn store_events(&mut self) {
        while let Some(own) = self.unstored.0.pop_front() {
            if !self.store(&own).await {
                self.unstored.0.push_front(own);
                return;
            }
        }
    }

    /// Stores what the relay says; whether that worked.
    async fn store(&self, own: &Own) -> bool {
        match own.state {
            _ if own.kind == OwnKind::Heartbeat => debug!(resource = own.resource, "{}", own.text),
            State::Cleared => info!(kind = own.kind.word(), resource = own.resource, "{}", own.text),
            _ => log(own),
        }
        match self.inbox.store(inbox::own(Timestamp::now(), own), Priority::Own).await {
            Ok(_) => true,
            Err(error) => {
                error!(error = %Chain(&error), text = own.text, "the relay's own alert was not stored");
                false
            }
        }
    }

    fn measure(&self, status: &Status, ages: &Ages, commits: &mut u64) {
        let metrics = &self.metrics;
        metrics.journal_bytes.set(signed(status.live_bytes));
        metrics.journal_writable.set(i64::from(self.journal.writable()));
        let written = status.writer.map_or(0, |writer| writer.commits);
        metrics.journal_commits.inc_by(written.saturating_sub(*commits));
        *commits = written;
        for cursor in &status.cursors {
            if cursor.log == Log::Inbox {
                metrics.inbox_behind.set(signed(cursor.behind_records));
            } else {
                let age = ages.of(&cursor.name);
                metrics.measured(&cursor.name, cursor.behind_records, cursor.behind_bytes, age);
            }
        }
    }

    fn noticed(&mut self, notice: Notice, open: &mut Problems) {
        match notice {
            Notice::GaveUp { cursor, records, bytes, from, to } => {
                self.gave_up(cursor, records, bytes, (from, to))
            }
            Notice::Damaged { log, rows, position } => self.unstored.add(damaged(log, position, rows)),
            Notice::NearBound { used, max } => {
                open.bound = Bound { near: true, said: open.bound.said, used, max };
            }
            Notice::BelowBound => {
                open.bound.near = false;
            }
            Notice::Full(reason) => {
                error!(?reason, "the journal has no room: messages are answered 503 until there is");
            }
            Notice::NotFull => {
                info!("the journal has room again: messages are taken");
            }
            _ => {}
        }
    }
}

impl Supervisor {
    /// Has every sink told that the relay is alive for which that is due. One that has not even got the last heartbeat
    /// gets no other: it is silent to its receiver, which is what a heartbeat is for.
    fn beat(&mut self, status: &Status, ages: &Ages, beats: &mut Heartbeats) {
        let now = Timestamp::now();
        let limits = self.limits.borrow();
        let heard = limits.keys().filter_map(|org| self.metrics.last_message(org)).max();
        for sink in beats.due(&self.intervals.borrow(), Instant::now()) {
            let every = self.intervals.borrow().get(&sink).copied().unwrap_or_default();
            let cursor = status.cursors.iter().find(|cursor| cursor.name == sink && cursor.registered);
            if let Some(cursor) = cursor.filter(|_| ages.of(&sink) < every) {
                self.unstored.add(heartbeat(&self.relay, &sink, cursor.behind_records, heard, now));
            }
        }
    }

    /// Whether an organisation of Mist is heard no more, or again.
    fn judge_silence(&self, silences: &mut silence::Silences) -> Vec<Own> {
        let ask = |org: &str| {
            let (asked, answered) = AskedPing::new(org);
            // when nobody takes it, nobody answers it
            let _nobody = self.pings.try_send(asked);
            answered
        };
        let limits = self.limits.borrow();
        silences.judge(&limits, Instant::now(), |org| self.metrics.last_message(org), ask)
    }

    /// Counts and says what a sink lost. What it had delivered before its place was on disk is no loss.
    fn gave_up(&mut self, sink: String, records: u64, bytes: u64, (from, to): (Position, Position)) {
        let records = self.metrics.tally(&sink).map_or(records, |tally| tally.gave_up(from, to));
        if records == 0 {
            return;
        }
        let text = format!(
            "sink `{sink}` is behind by more than its share: its {records} oldest alerts ({bytes} bytes) were given up; \
             check {}",
            receiver(&self.receivers.borrow(), &sink)
        );
        let kind = OwnKind::AlertsGivenUp;
        let (state, severity) = (State::Event, None);
        self.unstored.add(Own {
            kind,
            resource: sink,
            state,
            text,
            count: records,
            severity,
            duration_secs: None,
        });
    }
}

/// Events that are not stored yet; those of one kind and resource become one while they wait.
#[derive(Debug, Default)]
pub(crate) struct Unstored(VecDeque<Own>);

impl Unstored {
    fn add(&mut self, own: Own) {
        if self.0.len() < SAYINGS {
            return self.0.push_back(own);
        }
        match self.0.iter_mut().find(|waiting| waiting.kind == own.kind && waiting.resource == own.resource) {
            Some(waiting) => waiting.count += own.count,
            None => error!(text = own.text, "too much waits to be said; this is only logged"),
        }
    }
}

/// The problems of the relay that are there now.
#[derive(Debug, Default)]
struct Problems {
    behind: HashMap<String, bool>,
    bound: Bound,
    /// Whether it was said that the sources of webhooks are hidden.
    hidden: bool,
    certificate: certificate::Problems,
    silences: silence::Silences,
    concerns: concerns::Said,
}

/// How near the journal is to its bound, and whether that was said.
#[derive(Debug, Default)]
struct Bound {
    near: bool,
    said: bool,
    used: u64,
    max: u64,
}

impl Problems {
    /// What was there before a restart, as the journal remembers it.
    fn recall(journal: &Journal, receivers: &HashMap<String, String>) -> Result<Self, Error> {
        let (mut open, mut certificate) = (HashSet::new(), certificate::Problems::default());
        let (mut silences, mut concerns) = (silence::Silences::default(), concerns::Said::default());
        crate::feed::open_problems(journal, |problem| {
            certificate.recall(&problem.alert);
            concerns.recall(&problem.alert);
            if problem.alert.is_own() && problem.alert.kind == *OwnKind::MistSilent.word() {
                silences.recall(&problem.alert.category, Instant::now());
            }
            if problem.alert.is_own() {
                open.insert((problem.alert.kind, problem.alert.category));
            }
        })?;
        let is_open = |kind: OwnKind, resource: &str| open.contains(&(kind.word().into(), resource.into()));
        let bound = Bound { said: is_open(OwnKind::JournalNearBound, ""), ..Bound::default() };
        let hidden = is_open(OwnKind::SourcesHidden, "");
        let mut this = Self { bound, behind: HashMap::new(), hidden, certificate, silences, concerns };
        let cursors = match journal.status() {
            Ok(status) => status.cursors.into_iter().map(|cursor| cursor.name).collect(),
            Err(error) => {
                warn!(error = %Chain(&error), "the journal could not be looked at");
                Vec::new()
            }
        };
        for name in cursors.into_iter().chain(receivers.keys().cloned()) {
            let open = is_open(OwnKind::SinkBehind, &name);
            this.behind.insert(name, open);
        }
        // of a sink that was forgotten not even a cursor is left, and its problem still ends
        let behind = open.into_iter().filter(|(kind, _)| kind == OwnKind::SinkBehind.word());
        this.behind.extend(behind.map(|(_, name)| (name.into(), true)));
        Ok(this)
    }

    /// Takes back that something was said: it is said again as long as it is so.
    fn unsaid(&mut self, own: &Own) {
        match own.kind {
            OwnKind::SinkBehind => {
                self.behind.insert(own.resource.clone(), own.state != State::Raised);
            }
            OwnKind::JournalNearBound => self.bound.said = own.state != State::Raised,
            OwnKind::SourcesHidden => self.hidden = own.state != State::Raised,
            OwnKind::CertificateExpires | OwnKind::CertificateNotRenewed => self.certificate.unsaid(own),
            OwnKind::MistSilent => self.silences.unsaid(own),
            OwnKind::SinkCertificateExpires | OwnKind::ApiCallsShort | OwnKind::ApiTokenInvalid => {
                self.concerns.unsaid(own);
            }
            _ => {}
        }
    }

    /// What begins or ends with `status`.
    fn judge(&mut self, status: &Status, ages: &Ages, receivers: &HashMap<String, String>) -> Vec<Own> {
        let mut said = Vec::new();
        for cursor in status.cursors.iter().filter(|cursor| cursor.log == Log::Outbox) {
            let open = self.behind.entry(cursor.name.clone()).or_default();
            let age = ages.of(&cursor.name);
            if !*open && cursor.registered && age >= BEHIND_AFTER {
                *open = true;
                let text = format!(
                    "sink `{}` has {} alerts waiting, the oldest for {} s; check {}",
                    cursor.name,
                    cursor.behind_records,
                    age.as_secs(),
                    receiver(receivers, &cursor.name)
                );
                said.push(problem(OwnKind::SinkBehind, &cursor.name, State::Raised, text));
            } else if *open && (!cursor.registered || age < BEHIND_AFTER / 2) {
                *open = false;
                let text = if cursor.registered {
                    format!("sink `{}` keeps up again", cursor.name)
                } else {
                    format!("sink `{}` is not configured any more", cursor.name)
                };
                said.push(problem(OwnKind::SinkBehind, &cursor.name, State::Cleared, text));
            }
        }
        let is_there = |name: &String| status.cursors.iter().any(|cursor| cursor.name == *name);
        for (name, open) in self.behind.iter_mut().filter(|(name, open)| **open && !is_there(name)) {
            *open = false;
            let text = format!("sink `{name}` is not configured any more");
            said.push(problem(OwnKind::SinkBehind, name, State::Cleared, text));
        }
        said
    }

    /// Whether the journal has come near its bound or gone from it.
    fn judge_bound(&mut self) -> Option<Own> {
        let Bound { near, said, used, max } = self.bound;
        if near == said {
            return None;
        }
        self.bound.said = near;
        let (state, text) = if near {
            let text = format!(
                "what sinks still need fills {used} of the {max} bytes of the journal; when it is full, webhooks are \
                 answered 503: mend the sinks that are behind, or raise journal.max_bytes"
            );
            (State::Raised, text)
        } else {
            (State::Cleared, "the journal has enough room again".to_owned())
        };
        Some(problem(OwnKind::JournalNearBound, "", state, text))
    }

    /// Whether the sources of webhooks are hidden now, or seen again.
    fn judge_sight(&mut self, sight: Sight) -> Option<Own> {
        let (state, text) = match (self.hidden, sight) {
            (false, Sight::Hidden(address)) => {
                let text = format!(
                    "every webhook seems to come from {address}, a private address: what stands there hides Mist's own, so \
                     the allowlist cannot tell them from others; let the firewall translate the destination only and not \
                     the source, or have the proxy there say whom it speaks for (PROXY v2 or X-Forwarded-For) and name it \
                     in listen.trusted_proxies"
                );
                (State::Raised, text)
            }
            (true, Sight::Clear) => {
                (State::Cleared, "the addresses webhooks come from are seen again".to_owned())
            }
            _ => return None,
        };
        self.hidden = state == State::Raised;
        Some(problem(OwnKind::SourcesHidden, "", state, text))
    }
}

/// The state of the journal, read where reading may block.
pub(crate) async fn status(journal: &Journal) -> Result<Status, Error> {
    let journal = journal.clone();
    let read = tokio::task::spawn_blocking(move || journal.status()).await;
    read.map_err(|_| Error::Ended { part: "a look at the journal" })?.map_err(failed("reading its status"))
}

fn problem(kind: OwnKind, resource: &str, state: State, text: String) -> Own {
    Own { kind, resource: resource.to_owned(), state, text, count: 0, severity: None, duration_secs: None }
}

fn receiver<'a>(receivers: &'a HashMap<String, String>, sink: &str) -> &'a str {
    receivers.get(sink).map_or("the receiver", String::as_str)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How long a sink may be behind before the others are told.
const BEHIND_AFTER: Duration = Duration::from_secs(60);

/// How many things may wait to be said.
const SAYINGS: usize = 64;

#[cfg(test)]
mod tests;
