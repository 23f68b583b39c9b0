//! A relay at work: changed while it runs, and drained at its end.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alarm::Rules;
use arc_swap::ArcSwap;
use journal::{Journal, Log};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, info, warn};
use webhook::Gate;

use super::Drained;
use super::sinks::Sinks;
use crate::certificate::Certificate;
use crate::config::{Config, GateLimits};
use crate::error::{Cause, Error};
use crate::feed::Feed;
use crate::intake::{Intake, Terms, Unlisted};
use crate::interpreter::failed;
use crate::listener::Limits;
use crate::metrics::Metrics;
use crate::reload::{NotReloaded, Reload, needs_restart};
use crate::setup::{Setup, rules};
use crate::stop::{Stop, Stopper};
use crate::supervisor::{self, Voice, silence};

/// The parts of a relay that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) config: Config,
    pub(super) journal: Journal,
    pub(super) metrics: Arc<Metrics>,
    pub(super) feed: Feed,
    pub(super) sinks: Sinks,
    pub(super) reloads: mpsc::Receiver<Reload>,
    pub(super) change: Change,
    pub(super) supervisor: Part<Result<(), Error>>,
    pub(super) interpreter: Part<Result<(), Error>>,
    pub(super) listener: Part<()>,
    /// What ends with the others.
    pub(super) sides: JoinSet<Infallible>,
}

/// What another configuration changes beside the sinks.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) certificate: Certificate,
    pub(super) limits: Arc<ArcSwap<Limits>>,
    pub(super) intake: Arc<Intake>,
    pub(super) voice: Voice,
    pub(super) rules: watch::Sender<Arc<Rules>>,
    pub(super) silences: watch::Sender<silence::Limits>,
    pub(super) organisations: watch::Sender<Vec<String>>,
    pub(super) configuration: watch::Sender<String>,
}

/// A part that runs until it is told to stop.
#[derive(Debug)]
pub(super) struct Part<T> {
    pub(super) work: JoinHandle<T>,
    pub(super) stop: Stopper,
}

impl Running {
    /// Runs until `shutdown` resolves, then drains.
    ///
    /// # Errors
    ///
    /// Why a part ended that must not, or why nothing can be promised any more.
    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<Drained, Error> {
        match self.serve(shutdown).await {
            Ok(()) => self.drain().await,
            // a part often hears of a failed write first; the journal knows which write and why
            Err(error) => Err(match timeout(HALT_PATIENCE, self.journal.halted()).await {
                Ok(halted) => failed("writing to the disk")(Cause::from(halted)),
                Err(_) => error,
            }),
        }
    }

    async fn serve(&mut self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let reload = tokio::select! {
                biased;
                halted = self.journal.halted() => return Err(failed("writing to the disk")(Cause::from(halted))),
                () = &mut shutdown => return Ok(()),
                ended = &mut self.supervisor.work => return Err(broken(ended, "the supervisor")),
                ended = &mut self.interpreter.work => return Err(broken(ended, "the interpreter")),
                ended = self.sinks.ended() => return Err(ended),
                _ = &mut self.listener.work => return Err(Error::Ended { part: "the listener" }),
                Some(reload) = self.reloads.recv() => reload,
            };
            let Reload { setup, answer } = reload;
            let reloaded = self.reload(*setup).await?;
            let _gone = answer.send(reloaded);
        }
    }

    /// Goes on by another configuration; one that cannot be taken changes nothing.
    async fn reload(&mut self, setup: Setup) -> Result<Result<(), NotReloaded>, Error> {
        let keys = needs_restart(&self.config, &setup.config);
        if !keys.is_empty() {
            return Ok(Err(NotReloaded::NeedsRestart { keys }));
        }
        if let Err(source) = self.sinks.prepare(&setup.sinks, &setup.config.journal).await {
            return Ok(Err(NotReloaded::NotWritten { source }));
        }
        let change = &self.change;
        change.certificate.take_over(setup.tls.certificate());
        change.limits.store(Arc::new(Limits::from(&setup.config.gate)));
        change.intake.change(terms(setup.gate, &setup.config.gate, &change.voice));
        // what is on its way is finished by the old routes, what comes behind it goes by the new ones
        self.sinks.halt(Instant::now() + RELOAD_PATIENCE).await;
        change.rules.send_replace(Arc::new(rules::rules(&setup.config)));
        change.silences.send_replace(silence_limits(&setup.config));
        change.organisations.send_replace(names(&setup.config));
        self.config = setup.config;
        change.configuration.send_replace(self.config.fingerprint());
        self.sinks.start(setup.sinks, &setup.routes).await?;
        Ok(Ok(()))
    }

    /// Stops each stage behind the one before it: each may take what those before have left, and none may take it all.
    async fn drain(mut self) -> Result<Drained, Error> {
        let grace = self.config.grace();
        let deadline = Instant::now() + grace;
        let (listeners, interpreters) = (deadline - grace / 2, deadline - grace / 4);
        info!(grace_secs = grace.as_secs(), "stopping: finishing what was begun");
        if self.listener.ended_by(listeners).await.is_none() {
            warn!("some requests were not finished in time");
        }
        self.feed.close(interpreters).await;
        let interpreted = self.interpreter.ended_by(interpreters).await;
        self.sinks.stop(deadline).await;
        self.sides.shutdown().await;
        let _late = self.supervisor.ended_by(deadline + LATE).await;
        // nobody can ask for them any more
        debug!(figures = self.metrics.text(), "counted until the end");

        let drained = Drained::of(&self.journal).await;
        self.journal.close().await.map_err(|halted| failed("closing it")(Cause::from(halted)))?;
        match interpreted {
            Some(Ok(Err(error))) => Err(error),
            _ => drained,
        }
    }
}

impl<T: Send + 'static> Part<T> {
    /// Starts `work`, which is handed what tells it to stop.
    pub(super) fn spawn<F: Future<Output = T> + Send + 'static>(work: impl FnOnce(Stop) -> F) -> Self {
        let (stop, told) = Stopper::new();
        Self { work: tokio::spawn(work(told)), stop }
    }

    /// Tells it to stop; what it ended with, or `None` when it had to be ended at `deadline`.
    async fn ended_by(&mut self, deadline: Instant) -> Option<Result<T, JoinError>> {
        self.stop.stop();
        let ended = timeout_at(deadline, &mut self.work).await.ok();
        self.work.abort();
        ended
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

/// The names of the organisations.
pub(super) fn names(config: &Config) -> Vec<String> {
    config.org.iter().map(|org| org.name.clone()).collect()
}

/// After how long a silence of each organisation something may be wrong.
pub(super) fn silence_limits(config: &Config) -> silence::Limits {
    let watched = config.org.iter().filter(|org| org.silence_secs() > 0);
    watched.map(|org| (org.name.clone(), Duration::from_secs(org.silence_secs()))).collect()
}

/// On what terms `gate` lets in.
pub(super) fn terms(gate: Gate, limits: &GateLimits, voice: &Voice) -> Terms {
    Terms {
        gate,
        body_patience: Duration::from_secs(limits.body_secs),
        unlisted: limits.danger_read_unlisted.then(|| Unlisted::new(voice.clone())),
    }
}

/// Why a part that must not end did.
fn broken(ended: Result<Result<(), Error>, JoinError>, part: &'static str) -> Error {
    match ended {
        Ok(Err(error)) => error,
        _ => Error::Ended { part },
    }
}

/// How long a reload waits for sinks to finish what they began.
const RELOAD_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for the journal to say why it failed.
const HALT_PATIENCE: Duration = Duration::from_millis(500);

/// How long behind the sinks the supervisor may take to say its last.
const LATE: Duration = Duration::from_secs(1);
