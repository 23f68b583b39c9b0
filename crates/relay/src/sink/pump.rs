//! Reads the outbox for one sink and keeps its cursor behind what was delivered.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alarm::{Alert, Own, OwnKind, Stamp, State};
use cel::ExecutionError;
use ids::Timestamp;
use journal::{AppendError, Journal, Log, Position, Priority, Reader};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::{error, warn};

use super::standing::Standing;
use crate::Error;
use crate::error::Chain;
use crate::inbox::{self, Inbox};
use crate::interpreter::{failed, is_full};
use crate::metrics::{Fate, Metrics, SinkLabel, Tally};
use crate::outbox::{Outbox, Parcel};
use crate::relay::sinks::Shared;
use crate::route::Route;
use crate::route::rule::Rule;
use crate::stop::Stop;
use crate::supervisor::Voice;
use crate::view::View;

/// The outbox as one sink sees it.
#[derive(Debug)]
pub(crate) struct Pump {
    pub(crate) name: String,
    pub(crate) label: SinkLabel,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) voice: Voice,
    standing: Arc<Standing>,
    journal: Journal,
    inbox: Inbox,
    tally: Arc<Tally>,
    outbox: Arc<Outbox>,
    route: Route,
    view: View,
    /// In a lock only so that a pump can be shared; nobody ever waits for it.
    reader: Mutex<Option<Reader>>,
    tail: watch::Receiver<Position>,
    stop: Stop,
    /// Everything up to here has been read.
    read: Position,
    /// The durable cursor, as last asked for.
    cursor: Position,
    /// Everything up to here is delivered.
    delivered: Position,
    moved: Instant,
}

impl Pump {
    pub(crate) fn new(
        shared: &Shared,
        route: Route,
        view: View,
        standing: Arc<Standing>,
        (cursor, tally): (Position, Arc<Tally>),
        stop: Stop,
    ) -> Result<Self, Error> {
        let Shared { journal, inbox, outbox, metrics, voice, .. } = shared;
        let reader = journal.reader(Log::Outbox).map_err(failed("opening the outbox"))?;
        let tail = outbox.tail();
        Ok(Self {
            name: route.sink().to_owned(),
            label: SinkLabel::new(route.sink()),
            metrics: Arc::clone(metrics),
            voice: voice.clone(),
            standing,
            journal: journal.clone(),
            inbox: inbox.clone(),
            tally,
            outbox: Arc::clone(outbox),
            route,
            view,
            reader: Mutex::new(Some(reader)),
            tail,
            stop,
            read: cursor,
            cursor,
            delivered: cursor,
            moved: Instant::now(),
        })
    }

    /// Whether everything there is has been read, or nothing more is to be.
    pub(crate) fn is_drained(&self) -> bool {
        self.stop.is_halted() || *self.tail.borrow() <= self.read
    }

    /// Waits until there is more to read or the relay stops, writing the cursor down when its time comes.
    pub(crate) async fn rest(&mut self, stop: &mut Stop) -> Result<(), Error> {
        let mut tail = self.tail.clone();
        let read = self.read;
        let work = async {
            tokio::select! {
                more = tail.wait_for(|tail| *tail > read) => more.is_ok(),
                () = stop.told() => true,
            }
        };
        match self.settling(work).await? {
            true => Ok(()),
            // the journal is gone; whoever waits for it ends the relay
            false => std::future::pending().await,
        }
    }

    /// Waits `wait` after a failure, or less when the relay stops.
    pub(crate) async fn pause(&mut self, wait: Duration, stop: &mut Stop) -> Result<(), Error> {
        let work = async {
            let _ = timeout_at(Instant::now() + wait, stop.told()).await;
        };
        self.settling(work).await
    }

    /// Waits `wait`, whatever happens: for what is due in a moment.
    pub(crate) async fn wait(&mut self, wait: Duration) -> Result<(), Error> {
        self.settling(tokio::time::sleep(wait)).await
    }

    /// Counts and says that an alert will not be delivered, so that those behind it can be; it is said durably
    /// before the cursor can pass.
    pub(crate) async fn set_aside(&self, parcel: &Parcel, failure: &super::Failure) -> Result<(), Error> {
        self.tally.note([parcel.position], Fate::SetAside);
        let text = format!(
            "sink `{}` cannot be given alert {} ({}), which was set aside so that others go on: {}",
            self.name,
            parcel.alert.id,
            parcel.alert.kind,
            Chain(failure)
        );
        warn!("{text}");
        self.standing.lose(parcel.position, parcel.position, format!("set aside: {}", Chain(failure)));
        if parcel.alert.is_own() {
            // what the relay says would be set aside too, and said, and set aside again
            return Ok(());
        }
        let kind = OwnKind::AlertSetAside;
        let own = Own {
            kind,
            resource: self.name.clone(),
            state: State::Event,
            text,
            count: 1,
            severity: None,
            duration_secs: None,
        };
        match self.inbox.store(inbox::own(Timestamp::now(), &own), Priority::Own).await {
            Ok(_) => Ok(()),
            Err(AppendError::Full) => {
                self.voice.say(own);
                Ok(())
            }
            Err(source) => Err(failed("storing the relay's own alert")(source)),
        }
    }

    /// Resolves when there is more to read; drops nothing when it is dropped.
    pub(crate) fn more(&self) -> impl Future<Output = ()> + use<> {
        let mut tail = self.tail.clone();
        let (read, halted) = (self.read, self.stop.is_halted());
        async move {
            if halted || tail.wait_for(|tail| *tail > read).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Up to where everything has been delivered.
    pub(crate) const fn confirmed(&self) -> Position {
        self.delivered
    }

    /// Up to where the outbox has been read.
    pub(crate) const fn position(&self) -> Position {
        self.read
    }

    /// The next alerts this sink is to get, in order, read past the ones it is not; empty when everything
    /// has been read.
    ///
    /// `unconfirmed` tells that earlier ones are still on their way: else the cursor passes what is not for
    /// this sink.
    pub(crate) async fn next(&mut self, most: usize, unconfirmed: bool) -> Result<Vec<Parcel>, Error> {
        while !self.is_drained() {
            let mut parcels = match self.outbox.recent(self.read, most) {
                Some(recent) => {
                    self.read = recent.last().map_or(self.read, |parcel| parcel.position);
                    recent
                }
                None => self.read_journal(most).await?,
            };
            let failed = |rule: &Rule, error: &ExecutionError| self.when_failed(rule, error);
            let mut elsewhere = Vec::new();
            parcels.retain(|parcel| {
                let takes = self.route.takes(&parcel.alert, failed);
                if !takes {
                    elsewhere.push(parcel.position);
                }
                takes
            });
            self.tally.note(elsewhere, Fate::NotRouted);
            if !parcels.is_empty() {
                return Ok(parcels);
            }
            if !unconfirmed {
                self.moved_past(self.read);
                self.settle(false).await?;
            }
        }
        Ok(Vec::new())
    }

    /// The next alerts as the journal has them; none when what came behind was given up.
    async fn read_journal(&mut self, most: usize) -> Result<Vec<Parcel>, Error> {
        let (from, reader) =
            (self.read, self.reader.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        let mut reader = reader.expect("given back below");
        let read = move || (reader.read(from, most, READ_BYTES), reader);
        let (entries, reader) = tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| Error::Ended { part: "a read of the outbox" })?;
        self.reader = Mutex::new(Some(reader));
        let entries = entries.map_err(failed("reading the outbox"))?;
        self.read = entries.last().map_or_else(|| *self.tail.borrow(), journal::Entry::position);
        Ok(entries.into_iter().filter_map(|entry| self.parcel(entry)).collect())
    }

    fn parcel(&self, entry: journal::Entry) -> Option<Parcel> {
        let row = match entry {
            journal::Entry::Row(row) => row,
            journal::Entry::Damaged { from, to } => {
                error!(sink = self.name, %from, %to, "damaged alerts in the outbox cannot be delivered");
                self.tally.note((from.number()..=to.number()).map(Position::new), Fate::Unreadable);
                return None;
            }
        };
        match serde_json::from_slice::<Alert>(&row.body) {
            Ok(alert) => Some(Parcel { position: row.position, alert: Arc::new(alert) }),
            Err(error) => {
                error!(sink = self.name, position = %row.position, %error, "an alert cannot be read and is not delivered");
                self.voice.unusable(Log::Outbox, row.position);
                self.tally.note([row.position], Fate::Unreadable);
                None
            }
        }
    }

    /// Starts over behind the last alert that was delivered: what was on its way is read again.
    pub(crate) fn rewind(&mut self) {
        self.read = self.delivered;
    }

    /// The alert at `position` has been delivered, and everything before it is done with.
    pub(crate) fn delivered(&mut self, position: Position) {
        self.moved_past(position);
        self.note_delivered([position]);
    }

    /// Nothing up to `position` needs to be delivered any more.
    pub(crate) fn moved_past(&mut self, position: Position) {
        self.delivered = self.delivered.max(position);
        self.standing.reach(self.delivered);
    }

    /// Notes alerts that were delivered; they count once the cursor that passes them is on disk.
    pub(crate) fn note_delivered(&self, positions: impl IntoIterator<Item = Position>) {
        self.tally.note(positions, Fate::Delivered);
    }

    /// When everything that was read has been delivered, what lies between counts too.
    pub(crate) fn all_delivered(&mut self) {
        self.moved_past(self.read);
    }

    /// Writes the cursor down; not at every step, unless `now`, since losing the last one only repeats.
    pub(crate) async fn settle(&mut self, now: bool) -> Result<(), Error> {
        if self.delivered <= self.cursor || (!now && self.moved.elapsed() < SETTLE_EVERY) {
            return Ok(());
        }
        self.write_down().await
    }

    /// Moves past what the journal gave up meanwhile, because the sink was too far behind: it was counted and
    /// said to be lost, so it is not sent. Up to where nothing needs to be sent any more.
    pub(crate) async fn catch_up(&mut self) -> Result<Position, Error> {
        self.write_down().await?;
        Ok(self.delivered)
    }

    async fn write_down(&mut self) -> Result<(), Error> {
        self.moved = Instant::now();
        match self.journal.advance(&self.name, self.delivered).await {
            // the journal may have moved it further, when the sink was too far behind
            Ok(at) => {
                self.tally.passed(at);
                if at > self.delivered {
                    let first = Position::new(self.delivered.number() + 1);
                    self.standing.lose(first, at, GIVEN_UP.to_owned());
                }
                self.cursor = at;
                self.moved_past(at);
                self.read = self.read.max(at);
                Ok(())
            }
            Err(error) if is_full(&error) => {
                warn!(sink = self.name, error = %Chain(&error), "the sink's cursor waits for room in the journal");
                Ok(())
            }
            Err(source) => Err(failed("moving a sink's cursor")(source)),
        }
    }

    /// The deadline by which the cursor should be written down.
    pub(crate) fn settle_at(&self) -> Option<Instant> {
        (self.delivered > self.cursor).then(|| self.moved + SETTLE_EVERY)
    }

    /// Waits for `work`, writing the cursor down when its time comes.
    pub(crate) async fn settling<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        let mut work = std::pin::pin!(work);
        loop {
            let Some(at) = self.settle_at() else { return Ok(work.await) };
            match timeout_at(at, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) => self.settle(true).await?,
            }
        }
    }

    /// The alert as this sink shows it. A template that has no text for it is counted and said, at the first time
    /// and then rarely.
    pub(crate) fn shown<'a>(&self, parcel: &'a Parcel, stamp: &Stamp<'_>) -> Cow<'a, Alert> {
        let (shown, failed) = self.view.of(&parcel.alert, stamp);
        if let Some(error) = failed
            && (self.metrics.template_errors.get_or_create(&self.label).inc() + 1).is_power_of_two()
        {
            warn!(sink = self.name, alert = %parcel.alert.id, %error, "the template has no text for an alert: its own is sent");
        }
        shown
    }

    /// Counts that the expression of a route had no value and says so: at the first time, and then rarely.
    fn when_failed(&self, rule: &Rule, error: &ExecutionError) {
        if self.metrics.when_failed(&rule.name, &self.label).is_power_of_two() {
            warn!(sink = self.name, route = %rule, %error, "`when` of a route has no value: taken as no match");
        }
    }

    /// Counts a failed attempt and says so: at the first of a row, and then rarely.
    pub(crate) fn failed(&self, failure: &super::Failure, failures: u32, wait: Duration) {
        self.metrics.failures.get_or_create(&self.label).inc();
        self.standing.fail(Chain(failure).to_string());
        if failures.is_power_of_two() {
            warn!(
                sink = self.name,
                error = %Chain(failure),
                attempts = failures,
                again_in_ms = wait.as_millis(),
                "not delivered; what is stored waits"
            );
        }
    }
}

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

/// How often a cursor is written down while alerts flow.
const SETTLE_EVERY: Duration = Duration::from_millis(200);

/// Why the journal moves a sink that is behind.
const GIVEN_UP: &str = "given up: the sink was behind by more than its share of the journal";
