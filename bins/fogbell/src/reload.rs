//! Gives a running relay its configuration anew: when asked, on SIGHUP, and when files of its secrets change.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::upstream::Organisation;
use relay::{AskedReload, Certificate, Concerns, Config, Feed, PingStream, Relay, Reloader, UnnamedStream};
use tokio::signal::unix::Signal;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{error, info, warn};

use crate::certificate::Make;
use crate::open::{Beside, Parts};
use crate::secret_files::SecretFiles;
use crate::worries::{Token, Worries};
use crate::{manager, renewal, socket, upstream};

/// `fogbell reload`: has the running relay read its configuration anew, and says what came of it.
pub(crate) fn ask(path: &Path) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let request = serde_json::json!({ "command": relay::RELOAD });
    match socket::request(&config, &request)? {
        Some(done) => Ok(writeln!(io::stdout(), "{}", done.as_str().unwrap_or("reloaded"))?),
        None => Err("no relay runs here: start it, and it reads its configuration".into()),
    }
}

/// What runs beside the relay and goes by the same configuration.
#[derive(Debug)]
pub(crate) struct Live {
    path: PathBuf,
    config: Config,
    reloader: Reloader,
    feed: Feed,
    /// In a lock so that those who ask can hand it on when others take their place.
    unnamed: Arc<Mutex<UnnamedStream>>,
    /// In a lock for the same reason.
    pings: Arc<Mutex<PingStream>>,
    asking: JoinSet<()>,
    concerns: Concerns,
    worrying: JoinSet<()>,
    tokens: Vec<Token>,
    asked_by: upstream::Access,
    certificate: Certificate,
    renewing: JoinSet<()>,
    files: SecretFiles,
    asked: mpsc::Receiver<AskedReload>,
}

impl Live {
    /// Starts what runs beside `relay`, which was made of `config` as the file at `path` has it.
    pub(crate) fn start(path: &Path, config: Config, beside: Beside, relay: &mut Relay) -> Self {
        let (unnamed, asked, pings) = (relay.unnamed(), relay.asked_to_reload(), relay.pings());
        let mut this = Self {
            path: path.to_owned(),
            config,
            reloader: relay.reloader(),
            feed: relay.feed(),
            unnamed: Arc::new(Mutex::new(unnamed.expect("nobody has taken it"))),
            pings: Arc::new(Mutex::new(pings.expect("nobody has taken them"))),
            asking: JoinSet::new(),
            concerns: relay.concerns(),
            worrying: JoinSet::new(),
            tokens: upstream::tokens(&beside.organisations),
            asked_by: beside.access,
            certificate: relay.certificate(),
            renewing: JoinSet::new(),
            files: SecretFiles::new(beside.files),
            asked: asked.expect("nobody has taken it"),
        };
        this.ask(beside.organisations);
        this.worry();
        this.renewing = renewal::start(beside.upkeep, this.certificate.clone());
        this
    }

    fn ask(&mut self, organisations: Vec<(Organisation, u8)>) {
        let (unnamed, pings) = (Arc::clone(&self.unnamed), Arc::clone(&self.pings));
        self.asking = upstream::start(organisations, &self.feed, unnamed, pings);
    }

    fn worry(&mut self) {
        let worries = Worries::of(&self.config, self.tokens.clone());
        self.worrying.spawn(worries.watch(self.feed.clone(), self.concerns.clone()));
    }

    /// Reloads for as long as it is not dropped.
    pub(crate) async fn serve(mut self, mut hangup: Signal) {
        loop {
            tokio::select! {
                Some(()) = hangup.recv() => {
                    manager::reloading();
                    // what came of it is in the log
                    let _said = self.read_again().await;
                    manager::reloaded();
                }
                Some(asked) = self.asked.recv() => asked.answer(self.read_again().await),
                () = self.files.changed() => self.secrets_changed().await,
                else => return std::future::pending().await,
            }
        }
    }

    /// Reads the file and goes by it, if it holds.
    async fn read_again(&mut self) -> Result<String, String> {
        let path = self.path.clone();
        let read = spawn_blocking(move || Config::load(&path).map_err(|error| said(&error))).await;
        let done = match read.map_err(|_| "reading the configuration ended".to_owned()).and_then(|read| read)
        {
            Ok(config) => self.apply(config).await,
            Err(why) => Err(why),
        };
        match &done {
            Ok(summary) => info!("the configuration was read again: {summary}"),
            Err(error) => error!(error, "the configuration was not taken; the relay goes on as it was"),
        }
        done
    }

    /// Goes by the same configuration with the secrets as they are now.
    async fn secrets_changed(&mut self) {
        match self.apply(self.config.clone()).await {
            Ok(_) => info!("the files of secrets have changed, and were read again"),
            Err(error) => {
                error!(
                    error,
                    "the files of secrets have changed and do not hold; the relay goes on with the old ones"
                )
            }
        }
    }

    async fn apply(&mut self, config: Config) -> Result<String, String> {
        let of = config.clone();
        let read =
            spawn_blocking(move || Parts::of(&of, Make::WhatIsMissing).map_err(|error| said(error.as_ref())));
        let Parts { setup, beside } =
            read.await.map_err(|_| "reading what the configuration names ended".to_owned())??;
        let summary = setup.summary();
        for warning in setup.warnings() {
            warn!("{warning}");
        }
        self.reloader.apply(setup).await.map_err(|error| said(&error))?;
        self.config = config;
        self.files.are(beside.files);
        if beside.access != self.asked_by {
            self.asking.shutdown().await;
            self.tokens = upstream::tokens(&beside.organisations);
            self.ask(beside.organisations);
            self.asked_by = beside.access;
        }
        self.worrying.shutdown().await;
        self.worry();
        self.renewing.shutdown().await;
        self.renewing = renewal::start(beside.upkeep, self.certificate.clone());
        Ok(summary)
    }
}

fn said(error: &(dyn Error + 'static)) -> String {
    relay::Chain(error).to_string()
}
