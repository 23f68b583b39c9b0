//! The relay itself: opens, runs and drains everything in the order of the data.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alarm::{Own, OwnKind, State, Unnamed};
use ids::Timestamp;
use journal::{AppendError, CursorError, CursorSpec, Journal, Log, Options, Position, Priority, Salvaged};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{error, info, warn};

use crate::admin::Admin;
use crate::certificate::Certificate;
use crate::config::Start;
use crate::error::{Cause, Chain, Error};
use crate::feed::{Feed, UnnamedStream};
use crate::intake::Intake;
use crate::interpreter::{Interpreter, UnknownTypes, failed};
use crate::listener::{Limits, Listener};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::setup::rules;
use crate::setup::{Kind, Setup, Sink};
use crate::sink::datagram::Datagrams;
use crate::sink::each;
use crate::sink::inform::Informs;
use crate::sink::notify::Notify;
use crate::sink::pump::Pump;
use crate::sink::stream::Stream;
use crate::sink::trap::{Pace, Traps};
use crate::stop::{Stop, Stopper};
use crate::supervisor::{Supervisor, Unstored, Voice};
use crate::{engine, inbox, supervisor};

/// A relay that has opened what it keeps and is ready to run.
#[derive(Debug)]
pub struct Relay {
    setup: Setup,
    journal: Journal,
    engine: Option<snmp::Engine>,
    feed: Feed,
    unnamed: (mpsc::Sender<(String, Unnamed)>, Option<UnnamedStream>),
}

/// The sockets a relay serves on, bound by whoever runs it.
#[derive(Debug)]
pub struct Sockets {
    /// For webhooks.
    pub webhooks: TcpListener,
    /// For health and metrics.
    pub admin: TcpListener,
    /// For the subcommands.
    pub commands: UnixListener,
}

/// What was left when the relay had stopped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drained {
    /// Alerts that each sink still has to get; they are kept, and go out after the next start.
    pub waiting: Vec<(String, u64)>,
    /// Messages that were not interpreted yet; they are kept too.
    pub uninterpreted: u64,
}

impl Relay {
    /// Opens the journal and, for SNMPv3, the engine.
    ///
    /// # Errors
    ///
    /// [`Error::OpenJournal`] and [`Error::Keep`].
    pub fn open(setup: Setup) -> Result<Self, Error> {
        let path = setup.config.journal_path();
        let bounds = &setup.config.journal;
        let options = Options {
            max_bytes: bounds.max_bytes,
            history: Duration::from_secs(bounds.history_secs),
            ..Options::default()
        };
        let journal = Journal::open(&path, &options).map_err(|source| Error::OpenJournal { path, source })?;
        let feed = Feed::new(journal.clone(), last_entry(&journal)?);
        if let Some(salvaged) = journal.salvaged() {
            tell_salvaged(&journal, salvaged)?;
        }
        let v3 = |sink: &Sink| {
            matches!(&sink.kind, Kind::Notifications { credentials: snmp::Credentials::V3 { .. }, .. })
        };
        let engine = if setup.sinks.iter().any(v3) {
            Some(engine::start(&setup.config.state, &setup.mib)?)
        } else {
            None
        };
        let (unnamed, unnamed_stream) = mpsc::channel(UNNAMED);
        Ok(Self { setup, journal, engine, feed, unnamed: (unnamed, Some(unnamed_stream)) })
    }

    /// A way into the inbox for whoever asks Mist.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// The certificate of the listener, to be swapped.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        self.setup.tls.certificate().clone()
    }

    /// What the directory does not name, as it is met; `None` from the second call on.
    pub fn unnamed(&mut self) -> Option<UnnamedStream> {
        self.unnamed.1.take()
    }

    /// Runs until `shutdown` resolves, then drains: no more connections, requests in flight are answered,
    /// what is stored is interpreted and sent as far as the grace period allows, cursors are written down.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when nothing can be promised any more: the process must exit non-zero.
    pub async fn run(self, sockets: Sockets, shutdown: impl Future<Output = ()>) -> Result<Drained, Error> {
        let Self { setup, journal, engine, feed: _, unnamed: (unnamed, _) } = self;
        let metrics = Arc::new(Metrics::new());
        let (voice, said) = Voice::new();
        let receivers: HashMap<String, String> =
            setup.sinks.iter().map(|sink| (sink.name.clone(), sink.receiver.to_string())).collect();
        let grace = setup.config.grace();
        let certificate = setup.tls.certificate().clone();

        // every cursor is registered before anything new is stored, so that a new sink misses nothing from now on
        let outbox = Arc::new(Outbox::new(*journal.tail(Log::Outbox).borrow()));
        let mut pumps = Vec::new();
        let bounds = &setup.config.journal;
        for (place, mut sink) in setup.sinks.into_iter().enumerate() {
            let spec = CursorSpec {
                log: Log::Outbox,
                start: match sink.start {
                    Start::Now => journal::Start::Now,
                    Start::Oldest => journal::Start::Oldest,
                },
                max_bytes: Some(bounds.sink_max_bytes),
                max_age: Some(Duration::from_secs(bounds.sink_max_age_secs)),
            };
            let at = journal.register(&sink.name, spec).await.map_err(failed("registering a sink"))?;
            let pump = Pump::new(
                journal.clone(),
                Arc::clone(&outbox),
                setup.routes.of(place),
                std::mem::take(&mut sink.view),
                at,
                Arc::clone(&metrics),
                voice.clone(),
            )?;
            pumps.push((sink, pump));
        }
        // every sink of the configuration has its cursor now: what stood for lost ones is not needed any more
        match journal.forget(journal::LOST_CURSORS).await {
            Ok(_) | Err(CursorError::Unknown { .. } | CursorError::NotWritten(AppendError::Full)) => {}
            Err(source) => return Err(failed("forgetting the place of lost cursors")(source)),
        }
        let body_patience = Duration::from_secs(setup.config.gate.body_secs);
        let intake = Arc::new(Intake::new(setup.gate, journal.clone(), Arc::clone(&metrics), body_patience));

        let (stop_listener, listener_stop) = Stopper::new();
        let (stop_interpreter, interpreter_stop) = Stopper::new();
        let (stop_sinks, sinks_stop) = Stopper::new();
        let (stop_supervisor, supervisor_stop) = Stopper::new();

        let admin = Arc::new(Admin {
            journal: journal.clone(),
            metrics: Arc::clone(&metrics),
            sinks: receivers.keys().cloned().collect(),
            stopping: listener_stop.clone(),
            certificate: certificate.clone(),
        });
        let mut sides = JoinSet::new();
        sides.spawn(Arc::clone(&admin).serve_http(sockets.admin));
        sides.spawn(admin.serve_socket(sockets.commands));

        let supervisor = Supervisor {
            journal: journal.clone(),
            metrics: Arc::clone(&metrics),
            said,
            notices: journal.notices(),
            receivers,
            unstored: Unstored::default(),
            certificate: certificate.clone(),
        };
        let mut supervising = tokio::spawn(supervisor.run(supervisor_stop));
        let interpreter = Interpreter {
            journal: journal.clone(),
            intake: Arc::clone(&intake),
            outbox,
            metrics: Arc::clone(&metrics),
            voice,
            rules: rules::rules(&setup.config),
            unnamed,
            unknown: UnknownTypes::default(),
        };
        let mut interpreting = tokio::spawn(interpreter.run(interpreter_stop));
        let context =
            Context { relay: setup.name, mib: setup.mib, engine, started: std::time::Instant::now() };
        let mut sinking = JoinSet::new();
        for (sink, pump) in pumps {
            context.spawn(&mut sinking, sink, pump, sinks_stop.clone());
        }
        let no_sinks = sinking.is_empty();
        let listener = Listener { tls: setup.tls, limits: Limits::from(&setup.config.gate), intake, metrics };
        let mut listening = tokio::spawn(listener.serve(sockets.webhooks, listener_stop));

        let ended = tokio::select! {
            biased;
            halted = journal.halted() => return Err(failed("writing to the disk")(Cause::from(halted))),
            () = shutdown => None,
            ended = &mut supervising => Some(broken(ended, "the supervisor")),
            ended = &mut interpreting => Some(broken(ended, "the interpreter")),
            Some(ended) = sinking.join_next(), if !no_sinks => Some(broken(ended, "a sink")),
            _ = &mut listening => Some(Error::Ended { part: "the listener" }),
        };
        if let Some(error) = ended {
            // a part often hears of a failed write first; the journal knows which write and why
            return Err(match timeout(HALT_PATIENCE, journal.halted()).await {
                Ok(halted) => failed("writing to the disk")(Cause::from(halted)),
                Err(_) => error,
            });
        }

        // each stage may take what the ones before have left, and none may take it all
        let deadline = Instant::now() + grace;
        let (listeners, interpreters) = (deadline - grace / 2, deadline - grace / 4);
        info!(grace_secs = grace.as_secs(), "stopping: finishing what was begun");
        stop_listener.stop();
        if timeout_at(listeners, &mut listening).await.is_err() {
            warn!("some requests were not finished in time");
            listening.abort();
        }
        stop_interpreter.stop();
        let interpreted = timeout_at(interpreters, &mut interpreting).await;
        interpreting.abort();
        stop_sinks.stop();
        let drain = async {
            while let Some(ended) = sinking.join_next().await {
                if let Ok(Err(error)) = ended {
                    error!(error = %Chain(&error), "a sink could not write its place down");
                }
            }
        };
        let _ = timeout_at(deadline, drain).await;
        sinking.shutdown().await;
        stop_supervisor.stop();
        let _ = timeout_at(deadline + Duration::from_secs(1), &mut supervising).await;
        supervising.abort();
        sides.shutdown().await;

        let drained = Drained::of(&journal).await;
        journal.close().await.map_err(|halted| failed("closing it")(Cause::from(halted)))?;
        match interpreted {
            Ok(Ok(Err(error))) => Err(error),
            _ => drained,
        }
    }
}

/// When the newest entry of the inbox had come.
fn last_entry(journal: &Journal) -> Result<Option<Timestamp>, Error> {
    let end = journal.tail(Log::Inbox).borrow().number();
    let mut reader = journal.reader(Log::Inbox).map_err(failed("opening the inbox"))?;
    let last =
        reader.read(Position::new(end.saturating_sub(1)), 1, 1).map_err(failed("reading the inbox"))?;
    Ok(last.iter().find_map(|entry| match entry {
        journal::Entry::Row(row) => Some(Timestamp::from_micros(row.at)),
        journal::Entry::Damaged { .. } => None,
    }))
}

/// Says what became of a damaged journal, in the log and by an alert that is stored before anything else.
fn tell_salvaged(journal: &Journal, salvaged: &Salvaged) -> Result<(), Error> {
    let Salvaged { why, kept, saved, lost, cursors, cursors_lost, state, took, .. } = salvaged;
    error!(
        why,
        kept = %kept.display(),
        inbox_saved = saved[0],
        inbox_lost = lost[0],
        outbox_saved = saved[1],
        outbox_lost = lost[1],
        cursors,
        cursors_lost,
        state,
        took_ms = took.as_millis(),
        "the journal was damaged; what is whole of it was saved into a new one"
    );
    for removed in &salvaged.removed {
        warn!(path = %removed.display(), "an older damaged journal was removed: two are kept");
    }
    let repeats = if *cursors_lost { "; sinks whose place was lost repeat what is kept" } else { "" };
    let text = format!(
        "the journal was damaged ({why}): {} messages and {} alerts were saved, {} messages and {} alerts were \
         lost{repeats}; the damaged file is kept as {}; check the disk",
        saved[0],
        saved[1],
        lost[0],
        lost[1],
        kept.display()
    );
    let count = lost[0] + lost[1];
    let own = Own {
        kind: OwnKind::JournalDamaged,
        resource: "journal".to_owned(),
        state: State::Event,
        text,
        count,
        severity: None,
    };
    let stored = journal.blocking_append(inbox::own(Timestamp::now(), &own), Priority::Own);
    match stored {
        // it is in the log, and a relay without room has to start all the same
        Ok(_) | Err(AppendError::Full) => Ok(()),
        Err(source) => Err(failed("storing the relay's own alert")(source)),
    }
}

impl Drained {
    async fn of(journal: &Journal) -> Result<Self, Error> {
        let status = supervisor::status(journal).await?;
        let mut drained = Self { waiting: Vec::new(), uninterpreted: 0 };
        for cursor in
            status.cursors.into_iter().filter(|cursor| cursor.registered && cursor.behind_records > 0)
        {
            match cursor.log {
                Log::Inbox => drained.uninterpreted = cursor.behind_records,
                Log::Outbox => drained.waiting.push((cursor.name, cursor.behind_records)),
            }
        }
        Ok(drained)
    }
}

/// What every sink of a relay shares.
struct Context {
    relay: String,
    mib: snmp::Mib,
    engine: Option<snmp::Engine>,
    started: std::time::Instant,
}

impl Context {
    fn spawn(&self, tasks: &mut JoinSet<Result<(), Error>>, sink: Sink, pump: Pump, stop: Stop) {
        let (receiver, relay) = (sink.receiver, self.relay.clone());
        match sink.kind {
            Kind::Notifications { credentials, delivery, limits, rate, burst } => {
                let v3 = matches!(credentials, snmp::Credentials::V3 { .. });
                let notify = Notify {
                    receiver,
                    credentials,
                    engine: self.engine.clone().filter(|_| v3),
                    mib: self.mib.clone(),
                    limits,
                    relay,
                    started: self.started,
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

/// Why a part that must not end did.
fn broken(ended: Result<Result<(), Error>, tokio::task::JoinError>, part: &'static str) -> Error {
    match ended {
        Ok(Err(error)) => error,
        _ => Error::Ended { part },
    }
}

/// How many names that are missing may wait to be looked up.
const UNNAMED: usize = 1024;

/// How long to wait for the journal to say why it failed.
const HALT_PATIENCE: Duration = Duration::from_millis(500);
