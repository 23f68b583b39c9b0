//! The relay itself: opens, runs and drains everything in the order of the data.

pub(crate) mod sinks;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alarm::{Own, OwnKind, State, Unnamed};
use arc_swap::ArcSwap;
use ids::Timestamp;
use journal::{AppendError, CursorError, Journal, Log, Options, Position, Priority, Salvaged};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{error, info, warn};
use webhook::Gate;

use crate::admin::Admin;
use crate::admin::about::About;
use crate::admin::page::tops::Tops;
use crate::admin::page::{Page, WATCHERS};
use crate::certificate::Certificate;
use crate::concerns::Concerns;
use crate::config::{Config, GateLimits};
use crate::error::{Cause, Error};
use crate::feed::{Feed, UnnamedStream};
use crate::health::Health;
use crate::inbox::Inbox;
use crate::intake::{Intake, Terms, Unlisted};
use crate::interpreter::{Interpreter, UnknownTypes, failed};
use crate::listener::{Limits, Listener};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::reload::{AskedReload, NotReloaded, Reload, Reloader, needs_restart};
use crate::setup::{Setup, Sink, rules};
use crate::silence::{AskedPing, PingStream};
use crate::sources::Sources;
use crate::stop::Stopper;
use crate::supervisor::{Supervisor, Unstored, Voice, silence};
use crate::trail::Trail;
use crate::{engine, inbox, supervisor};

use sinks::{Shared, Sinks};

/// A relay that has opened what it keeps and is ready to run.
#[derive(Debug)]
pub struct Relay {
    setup: Setup,
    journal: Journal,
    engine: Option<snmp::Engine>,
    metrics: Arc<Metrics>,
    inbox: Inbox,
    /// Where the inbox ended when nothing had come yet.
    opened_at: Position,
    feed: Feed,
    unnamed: (mpsc::Sender<(String, Unnamed)>, Option<UnnamedStream>),
    reloader: Reloader,
    reloads: mpsc::Receiver<Reload>,
    ask_reload: mpsc::Sender<AskedReload>,
    asked_reload: Option<mpsc::Receiver<AskedReload>>,
    pings: (mpsc::Sender<AskedPing>, Option<PingStream>),
    concerns: Concerns,
    health: Health,
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
    /// [`Error::OpenJournal`], [`Error::Journal`] and [`Error::Keep`].
    pub fn open(setup: Setup) -> Result<Self, Error> {
        let path = setup.config.journal_path();
        let bounds = &setup.config.journal;
        let options = Options {
            max_bytes: bounds.max_bytes,
            history: Duration::from_secs(bounds.history_secs),
            ..Options::default()
        };
        let journal = Journal::open(&path, &options).map_err(|source| Error::OpenJournal { path, source })?;
        let metrics = Arc::new(Metrics::new());
        for (org, at) in last_messages(&journal)? {
            metrics.message_at(&org, at);
        }
        let inbox = Inbox::new(journal.clone(), Arc::clone(&metrics));
        let feed = Feed::new(journal.clone(), inbox.clone(), last_entry(&journal)?);
        if let Some(salvaged) = journal.salvaged() {
            tell_salvaged(&journal, salvaged)?;
        }
        let opened_at = *journal.tail(Log::Inbox).borrow();
        let concerns = Concerns::new(Arc::clone(&metrics));
        // who sets receivers up asks for it as soon as the relay says that it serves
        let engine = match setup.sinks.iter().any(Sink::needs_engine) {
            true => Some(engine::start(&setup.config.state, &setup.mib)?),
            false => None,
        };
        let (unnamed, unnamed_stream) = mpsc::channel(UNNAMED);
        let (pings, ping_stream) = mpsc::channel(PINGS);
        let (unnamed, health) = ((unnamed, Some(unnamed_stream)), Health::new());
        let (reloader, reloads) = Reloader::new();
        let (ask_reload, asked_reload) = mpsc::channel(1);
        Ok(Self {
            setup,
            journal,
            engine,
            metrics,
            inbox,
            opened_at,
            feed,
            unnamed,
            reloader,
            reloads,
            ask_reload,
            asked_reload: Some(asked_reload),
            pings: (pings, Some(ping_stream)),
            concerns,
            health,
        })
    }

    /// A way into the inbox for whoever asks Mist.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// A way to change it while it runs.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Who wants the configuration read again, at the admin socket; `None` from the second call on.
    pub fn asked_to_reload(&mut self) -> Option<mpsc::Receiver<AskedReload>> {
        self.asked_reload.take()
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

    /// The pings that it wants Mist to send, to learn whether it can be reached; `None` from the second call on. When
    /// nobody takes them, silence alone counts.
    pub fn pings(&mut self) -> Option<PingStream> {
        self.pings.1.take()
    }

    /// Where those beside it say what there is to worry about.
    #[must_use]
    pub fn concerns(&self) -> Concerns {
        self.concerns.clone()
    }

    /// Whether it serves and can go on, for as long as it runs.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Runs until `shutdown` resolves, then drains: no more connections, requests in flight are answered,
    /// what is stored is interpreted and sent as far as the grace period allows, cursors are written down.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] when nothing can be promised any more: the process must exit non-zero.
    pub async fn run(self, sockets: Sockets, shutdown: impl Future<Output = ()>) -> Result<Drained, Error> {
        let Self { setup, journal, engine, metrics, inbox, opened_at, .. } = self;
        let Self { unnamed: (unnamed, _), pings: (pings, untaken), concerns, .. } = self;
        let Self { mut reloads, ask_reload, health, .. } = self;
        drop(untaken);
        let mut config = setup.config;
        let (voice, said) = Voice::new();
        let certificate = setup.tls.certificate().clone();

        let began = *journal.tail(Log::Outbox).borrow();
        let outbox = Arc::new(Outbox::new(began));
        let shared = Shared {
            journal: journal.clone(),
            inbox: inbox.clone(),
            began,
            outbox: Arc::clone(&outbox),
            metrics: Arc::clone(&metrics),
            voice: voice.clone(),
            relay: setup.name.clone(),
            state: config.state.clone(),
            mib: setup.mib,
            started: std::time::Instant::now(),
        };
        let mut sinks = Sinks::new(shared, engine);
        // every cursor is registered before anything new is stored, so that a new sink misses nothing from now on
        sinks.prepare(&setup.sinks, &config.journal).await?;
        sinks.start(setup.sinks, &setup.routes).await?;
        // every sink of the configuration has its cursor now: what stood for lost ones is not needed any more
        match journal.forget(journal::LOST_CURSORS).await {
            Ok(_) | Err(CursorError::Unknown { .. } | CursorError::NotWritten(AppendError::Full)) => {}
            Err(source) => return Err(failed("forgetting the place of lost cursors")(source)),
        }
        let listens_at = sockets.webhooks.local_addr().unwrap_or(config.listen.address);
        let sources = Arc::new(Sources::new(listens_at.ip()));
        let first = terms(setup.gate, &config.gate, &voice);
        let trail = Arc::new(Trail::new());
        let configuration = watch::Sender::new(config.fingerprint());
        let intake = Arc::new(Intake::new(
            first,
            inbox.clone(),
            Arc::clone(&metrics),
            Arc::clone(&sources),
            Arc::clone(&trail),
        ));
        let limits = Arc::new(ArcSwap::from_pointee(Limits::from(&config.gate)));

        let (stop_listener, listener_stop) = Stopper::new();
        let (stop_interpreter, interpreter_stop) = Stopper::new();
        let (stop_supervisor, supervisor_stop) = Stopper::new();

        let tops = Arc::new(Tops::new());
        let organisations = watch::Sender::new(names(&config));
        let page = Page {
            door: setup.door,
            relay: setup.name.clone(),
            tops: Arc::clone(&tops),
            organisations: organisations.subscribe(),
            concerns: concerns.clone(),
            feed: Feed::new(journal.clone(), inbox.clone(), None),
            watching: Arc::new(Semaphore::new(WATCHERS)),
        };
        let admin = Arc::new(Admin {
            page,
            tls: setup.admin_tls,
            journal: journal.clone(),
            inbox: inbox.clone(),
            metrics: Arc::clone(&metrics),
            sinks: sinks.receivers(),
            standings: sinks.standings(),
            trail: Arc::clone(&trail),
            about: About {
                started: Timestamp::now(),
                configuration: configuration.subscribe(),
                sources: Arc::clone(&sources),
            },
            testing: tokio::sync::Mutex::new(()),
            stopping: listener_stop.clone(),
            health: health.clone(),
            certificate: certificate.clone(),
            reload: ask_reload,
        });
        let mut sides = JoinSet::new();
        sides.spawn(Arc::clone(&admin).serve_http(sockets.admin));
        sides.spawn(admin.serve_socket(sockets.commands));
        sides.spawn(health.clone().watch(journal.clone()));

        let relay = setup.name;
        let silences = watch::Sender::new(silence_limits(&config));
        let supervisor = Supervisor {
            journal: journal.clone(),
            inbox: inbox.clone(),
            metrics: Arc::clone(&metrics),
            said,
            notices: journal.notices(),
            receivers: sinks.receivers(),
            unstored: Unstored::default(),
            sources,
            certificate: certificate.clone(),
            relay,
            intervals: sinks.intervals(),
            limits: silences.subscribe(),
            pings,
            concerns,
        };
        let mut supervising = tokio::spawn(supervisor.run(supervisor_stop));
        let rules = watch::Sender::new(Arc::new(rules::rules(&config)));
        let interpreter = Interpreter {
            journal: journal.clone(),
            inbox,
            opened_at,
            intake: Arc::clone(&intake),
            outbox,
            metrics: Arc::clone(&metrics),
            voice: voice.clone(),
            rules: rules.subscribe(),
            unnamed,
            unknown: UnknownTypes::default(),
            tops,
        };
        let mut interpreting = tokio::spawn(interpreter.run(interpreter_stop));
        let listener = Listener {
            tls: setup.tls,
            limits: Arc::clone(&limits),
            proxy_protocol: config.listen.proxy_protocol,
            intake: Arc::clone(&intake),
            metrics,
            closes_logged: Arc::default(),
        };
        let mut listening = tokio::spawn(listener.serve(sockets.webhooks, listener_stop));
        health.serves();

        let mut shutdown = std::pin::pin!(shutdown);
        let ended = loop {
            let reload = tokio::select! {
                biased;
                halted = journal.halted() => return Err(failed("writing to the disk")(Cause::from(halted))),
                () = &mut shutdown => break None,
                ended = &mut supervising => break Some(broken(ended, "the supervisor")),
                ended = &mut interpreting => break Some(broken(ended, "the interpreter")),
                ended = sinks.ended() => break Some(ended),
                _ = &mut listening => break Some(Error::Ended { part: "the listener" }),
                Some(reload) = reloads.recv() => reload,
            };
            let Reload { setup, answer } = reload;
            let keys = needs_restart(&config, &setup.config);
            if !keys.is_empty() {
                let _gone = answer.send(Err(NotReloaded::NeedsRestart { keys }));
                continue;
            }
            if let Err(source) = sinks.prepare(&setup.sinks, &setup.config.journal).await {
                let _gone = answer.send(Err(NotReloaded::NotWritten { source }));
                continue;
            }
            certificate.take_over(setup.tls.certificate());
            limits.store(Arc::new(Limits::from(&setup.config.gate)));
            intake.change(terms(setup.gate, &setup.config.gate, &voice));
            // what is on its way is finished by the old routes, what comes behind it goes by the new ones
            sinks.halt(Instant::now() + RELOAD_PATIENCE).await;
            rules.send_replace(Arc::new(rules::rules(&setup.config)));
            silences.send_replace(silence_limits(&setup.config));
            organisations.send_replace(names(&setup.config));
            config = setup.config;
            configuration.send_replace(config.fingerprint());
            if let Err(error) = sinks.start(setup.sinks, &setup.routes).await {
                break Some(error);
            }
            let _gone = answer.send(Ok(()));
        };
        if let Some(error) = ended {
            // a part often hears of a failed write first; the journal knows which write and why
            return Err(match timeout(HALT_PATIENCE, journal.halted()).await {
                Ok(halted) => failed("writing to the disk")(Cause::from(halted)),
                Err(_) => error,
            });
        }

        // each stage may take what the ones before have left, and none may take it all
        let grace = config.grace();
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
        sinks.stop(deadline).await;
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

/// The names of the organisations.
fn names(config: &Config) -> Vec<String> {
    config.org.iter().map(|org| org.name.clone()).collect()
}

/// After how long a silence of each organisation something may be wrong.
fn silence_limits(config: &Config) -> silence::Limits {
    let watched = config.org.iter().filter(|org| org.silence_secs() > 0);
    watched.map(|org| (org.name.clone(), Duration::from_secs(org.silence_secs()))).collect()
}

/// On what terms `gate` lets in.
fn terms(gate: Gate, limits: &GateLimits, voice: &Voice) -> Terms {
    Terms {
        gate,
        body_patience: Duration::from_secs(limits.body_secs),
        unlisted: limits.danger_read_unlisted.then(|| Unlisted::new(voice.clone())),
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

/// When the newest webhook of each organisation had come, as far as they are among the newest entries.
fn last_messages(journal: &Journal) -> Result<BTreeMap<String, Timestamp>, Error> {
    let mut last = BTreeMap::new();
    let end = journal.tail(Log::Inbox).borrow().number();
    let mut reader = journal.reader(Log::Inbox).map_err(failed("opening the inbox"))?;
    let mut after = end.saturating_sub(LOOKED_BACK);
    while after < end {
        let entries = reader.read(Position::new(after), AT_ONCE, AT_ONCE_BYTES);
        let entries = entries.map_err(failed("reading the inbox"))?;
        after = entries.last().map_or(end, |entry| entry.position().number());
        for entry in entries {
            if let journal::Entry::Row(row) = entry
                && inbox::is_webhook(&row)
            {
                last.insert(row.org, Timestamp::from_micros(row.at));
            }
        }
    }
    Ok(last)
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
        duration_secs: None,
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

/// Why a part that must not end did.
fn broken(ended: Result<Result<(), Error>, tokio::task::JoinError>, part: &'static str) -> Error {
    match ended {
        Ok(Err(error)) => error,
        _ => Error::Ended { part },
    }
}

/// How many pings may be wanted at once.
const PINGS: usize = 64;

/// How many entries are looked at for the newest webhooks, and how many at once.
const LOOKED_BACK: u64 = 1024;
const AT_ONCE: usize = 256;
const AT_ONCE_BYTES: usize = 1 << 20;

/// How many names that are missing may wait to be looked up.
const UNNAMED: usize = 1024;

/// How long a reload waits for sinks to finish what they began.
const RELOAD_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for the journal to say why it failed.
const HALT_PATIENCE: Duration = Duration::from_millis(500);
