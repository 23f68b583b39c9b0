//! The sinks of a running relay: started together, and stopped together.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use journal::{CursorSpec, Journal, Log, Position};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::config::{JournalBounds, Start};
use crate::engine;
use crate::error::{Chain, Error};
use crate::inbox::Inbox;
use crate::interpreter::failed;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::route::Routes;
use crate::setup::{Kind, Sink};
use crate::sink::datagram::Datagrams;
use crate::sink::each;
use crate::sink::inform::Informs;
use crate::sink::notify::Notify;
use crate::sink::pump::Pump;
use crate::sink::standing::{Standing, Standings};
use crate::sink::stream::Stream;
use crate::sink::trap::{Pace, Traps};
use crate::stop::{Stop, Stopper};
use crate::supervisor::heartbeat::Intervals;
use crate::supervisor::{self, Voice};

/// The receiver of each sink, for the texts.
pub(crate) type Receivers = Arc<HashMap<String, String>>;

/// What every sink of a relay shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) journal: Journal,
    pub(crate) inbox: Inbox,
    /// Where the outbox ended when the relay started.
    pub(crate) began: Position,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) voice: Voice,
    /// Name of the relay.
    pub(crate) relay: String,
    pub(crate) state: PathBuf,
    pub(crate) mib: snmp::Mib,
    pub(crate) started: std::time::Instant,
}

/// All sinks.
#[derive(Debug)]
pub(crate) struct Sinks {
    shared: Shared,
    /// There once a sink has needed it.
    engine: Option<snmp::Engine>,
    receivers: watch::Sender<Receivers>,
    intervals: watch::Sender<Intervals>,
    standings: watch::Sender<Standings>,
    tasks: JoinSet<Result<(), Error>>,
    stopper: Stopper,
}

impl Sinks {
    /// None yet; `engine` is theirs, when one was made.
    pub(crate) fn new(shared: Shared, engine: Option<snmp::Engine>) -> Self {
        let receivers = watch::Sender::new(Receivers::default());
        let (intervals, standings) = (watch::Sender::default(), watch::Sender::new(Standings::default()));
        let (tasks, stopper) = (JoinSet::new(), Stopper::new().0);
        Self { shared, engine, receivers, intervals, standings, tasks, stopper }
    }

    /// How often those want a heartbeat that want one.
    pub(crate) fn intervals(&self) -> watch::Receiver<Intervals> {
        self.intervals.subscribe()
    }

    /// How those that are served stand.
    pub(crate) fn standings(&self) -> watch::Receiver<Standings> {
        self.standings.subscribe()
    }

    /// The receivers of those that are served.
    pub(crate) fn receivers(&self) -> watch::Receiver<Receivers> {
        self.receivers.subscribe()
    }

    /// Writes down what `sinks` need before they start: a cursor each, so that a new one misses nothing from now on, and
    /// the engine of SNMPv3. Nothing that is served changes.
    pub(crate) async fn prepare(&mut self, sinks: &[Sink], bounds: &JournalBounds) -> Result<(), Error> {
        if self.engine.is_none() && sinks.iter().any(Sink::needs_engine) {
            self.engine = Some(engine::start(&self.shared.state, &self.shared.mib)?);
        }
        let served = self.receivers.borrow().clone();
        let mut made = Vec::new();
        for sink in sinks {
            let spec = CursorSpec {
                log: Log::Outbox,
                start: match sink.start {
                    Start::Now => journal::Start::Now,
                    Start::Oldest => journal::Start::Oldest,
                },
                max_bytes: Some(bounds.sink_max_bytes),
                max_age: Some(Duration::from_secs(bounds.sink_max_age_secs)),
            };
            if let Err(source) = self.shared.journal.register(&sink.name, spec).await {
                for name in made {
                    self.release(name).await;
                }
                return Err(failed("registering a sink")(source));
            }
            if !served.contains_key(&sink.name) {
                made.push(&sink.name);
            }
        }
        Ok(())
    }

    /// Starts `sinks`, which were prepared; `routes` are theirs.
    pub(crate) async fn start(&mut self, sinks: Vec<Sink>, routes: &Routes) -> Result<(), Error> {
        let receivers = sinks.iter().map(|sink| (sink.name.clone(), sink.receiver.to_string())).collect();
        let before = self.receivers.send_replace(Arc::new(receivers));
        let intervals = sinks.iter().filter_map(|sink| Some((sink.name.clone(), sink.heartbeat?)));
        self.intervals.send_replace(intervals.collect());
        let places = self.places().await?;
        let (stopper, stop) = Stopper::new();
        self.stopper = stopper;
        let (stood, mut standings) = (self.standings.borrow().clone(), Standings::default());
        for (place, mut sink) in sinks.into_iter().enumerate() {
            let (at, waiting) = places.get(&sink.name).copied().unwrap_or_default();
            let before = (at.number() + waiting).saturating_sub(self.shared.began.number());
            let tally = self.shared.metrics.serve(&sink.name, at, waiting, before);
            let view = std::mem::take(&mut sink.view);
            let stood = stood.get(&sink.name).map(Arc::as_ref);
            let (route, receiver) = (routes.of(place), sink.receiver.to_string());
            let standing = Arc::new(Standing::new(sink.means(), receiver, route.clone(), at, stood));
            Arc::make_mut(&mut standings).insert(sink.name.clone(), Arc::clone(&standing));
            let pump = Pump::new(&self.shared, route, view, standing, (at, tally), stop.clone())?;
            self.spawn(sink, pump, stop.clone());
        }
        self.standings.send_replace(standings);
        let served = self.receivers.borrow().clone();
        for gone in before.keys().filter(|name| !served.contains_key(*name)) {
            info!(sink = gone, "a sink is not served any more; its place is kept, within its bounds");
            self.release(gone).await;
            self.shared.metrics.forget(gone);
        }
        Ok(())
    }

    /// Where the cursors are, and how many alerts wait behind each.
    async fn places(&self) -> Result<BTreeMap<String, (Position, u64)>, Error> {
        let status = supervisor::status(&self.shared.journal).await?;
        let cursors = status.cursors.into_iter();
        Ok(cursors.map(|cursor| (cursor.name, (cursor.position, cursor.behind_records))).collect())
    }

    async fn release(&self, name: &str) {
        if let Err(error) = self.shared.journal.release(name).await {
            warn!(sink = name, error = %Chain(&error), "the place of a sink that is not served could not be let go");
        }
    }

    /// Has all of them deliver what there is, until `deadline`.
    pub(crate) async fn stop(&mut self, deadline: Instant) {
        self.stopper.stop();
        self.end(deadline).await;
    }

    /// Has all of them finish what they began and no more, until `deadline`.
    pub(crate) async fn halt(&mut self, deadline: Instant) {
        self.stopper.halt();
        self.end(deadline).await;
    }

    /// Waits for their end; what one could not write down is sent again.
    async fn end(&mut self, deadline: Instant) {
        let drain = async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Ok(Err(error)) = ended {
                    warn!(error = %Chain(&error), "a sink could not write its place down: it sends some of its alerts again");
                }
            }
        };
        let _late = timeout_at(deadline, drain).await;
        self.tasks.shutdown().await;
    }

    /// Why a sink ended, which none does by itself; for ever pending while there is none.
    pub(crate) async fn ended(&mut self) -> Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(_) => Error::Ended { part: "a sink" },
            None => std::future::pending().await,
        }
    }

    fn spawn(&mut self, sink: Sink, pump: Pump, stop: Stop) {
        let (receiver, relay) = (sink.receiver, self.shared.relay.clone());
        let tasks = &mut self.tasks;
        match sink.kind {
            Kind::Notifications { credentials, delivery, limits, rate, burst } => {
                let v3 = matches!(credentials, snmp::Credentials::V3 { .. });
                let notify = Notify {
                    receiver,
                    credentials,
                    engine: self.engine.clone().filter(|_| v3),
                    mib: self.shared.mib.clone(),
                    limits,
                    relay,
                    started: self.shared.started,
                };
                match delivery {
                    snmp::Delivery::Trap => {
                        tasks.spawn(each::run(Traps::new(notify, Pace::new(rate, burst)), pump, stop));
                    }
                    snmp::Delivery::Inform => {
                        tasks.spawn(Informs { notify }.run(pump, stop));
                    }
                }
            }
            Kind::Datagrams { format } => {
                tasks.spawn(each::run(Datagrams::new(receiver, format, relay), pump, stop));
            }
            Kind::Stream { format, framing, settle, tls } => {
                tasks.spawn(Stream { receiver, tls, format, framing, settle, relay }.run(pump, stop));
            }
        }
    }
}
