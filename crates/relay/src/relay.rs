//! The relay itself: opens, runs and drains everything in the order of the data.

mod past;
mod running;
pub(crate) mod sinks;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alarm::Unnamed;
use arc_swap::ArcSwap;
use ids::Timestamp;
use journal::{AppendError, CursorError, Journal, Log, Options, Position};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::admin::Admin;
use crate::admin::about::About;
use crate::admin::page::tops::Tops;
use crate::admin::page::{Page, WATCHERS};
use crate::certificate::Certificate;
use crate::concerns::Concerns;
use crate::engine;
use crate::error::Error;
use crate::feed::{Feed, UnnamedStream};
use crate::health::Health;
use crate::inbox::Inbox;
use crate::intake::Intake;
use crate::interpreter::{Interpreter, UnknownTypes, failed};
use crate::listener::{Limits, Listener};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::reload::{AskedReload, Reload, Reloader};
use crate::setup::{Setup, Sink, rules};
use crate::silence::{AskedPing, PingStream};
use crate::sources::Sources;
use crate::stop::Stopper;
use crate::supervisor::{Supervisor, Unstored, Voice};
use crate::trail::Trail;

use past::{last_entry, last_messages, tell_salvaged};
use running::{Change, Part, Running, names, silence_limits, terms};
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
        self.start(sockets).await?.run(shutdown).await
    }

    /// Starts every part, those that data comes to before those that it comes from.
    async fn start(self, sockets: Sockets) -> Result<Running, Error> {
        let Self { setup, journal, engine, metrics, inbox, opened_at, .. } = self;
        let Self { unnamed: (unnamed, _), pings: (pings, untaken), concerns, .. } = self;
        let Self { reloads, ask_reload, health, feed, .. } = self;
        drop(untaken);
        let config = setup.config;
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
            relay: setup.name,
            intervals: sinks.intervals(),
            limits: silences.subscribe(),
            pings,
            concerns,
        };
        let supervisor = Part::spawn(|stop| supervisor.run(stop));
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
        let interpreter = Part::spawn(|stop| interpreter.run(stop));
        let listener = Listener {
            tls: setup.tls,
            limits: Arc::clone(&limits),
            proxy_protocol: config.listen.proxy_protocol,
            intake: Arc::clone(&intake),
            metrics: Arc::clone(&metrics),
            closes_logged: Arc::default(),
        };
        let listener =
            Part { work: tokio::spawn(listener.serve(sockets.webhooks, listener_stop)), stop: stop_listener };
        health.serves();
        let change =
            Change { certificate, limits, intake, voice, rules, silences, organisations, configuration };
        Ok(Running {
            config,
            journal,
            metrics,
            feed,
            sinks,
            reloads,
            change,
            supervisor,
            interpreter,
            listener,
            sides,
        })
    }
}

/// How many pings may be wanted at once.
const PINGS: usize = 64;

/// How many names that are missing may wait to be looked up.
const UNNAMED: usize = 1024;
