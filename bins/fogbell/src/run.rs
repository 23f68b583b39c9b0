//! `fogbell run`: parse, open, bind, run, drain.

use std::error::Error;
use std::fs::{DirBuilder, File};
use std::io;
use std::net::{SocketAddr, TcpListener as BoundListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use relay::{Config, Relay, Sockets};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::certificate::Make;
use crate::open::{Beside, Parts};
use crate::reload::Live;
use crate::{manager, signal, socket};

/// Runs the relay of the configuration at `path` until it is told to stop.
pub(crate) fn run(path: &Path) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    make_state(&config.state)?;
    let parts = Parts::of(&config, Make::WhatIsMissing)?;
    for warning in parts.setup.warnings() {
        warn!("{warning}");
    }
    info!(as_of = parts.setup.clouds().as_of(), "addresses of the clouds");
    raise_descriptor_limit(config.gate.max_connections);
    // while there is no thread yet: it takes its names out of the environment
    let handed = handed_over(&config)?;
    // before there is a runtime, which what opens a journal may not hold up
    let relay = Relay::open(parts.setup)?;
    serve(path, config, relay, parts.beside, handed)
}

/// The socket for webhooks that a service manager has bound, as systemd does for `fogbell.socket`.
fn handed_over(config: &Config) -> Result<Option<BoundListener>, Box<dyn Error>> {
    let mut handed = ListenFd::from_env();
    if handed.len() > 1 {
        let message = format!(
            "the service manager handed over {} sockets and one is served; leave one ListenStream in fogbell.socket",
            handed.len()
        );
        return Err(message.into());
    }
    let Some(listener) = handed.take_tcp_listener(0)? else { return Ok(None) };
    let (bound, configured) = (listener.local_addr()?, config.listen.address);
    if bound.port() != configured.port() {
        warn!(
            %bound,
            %configured,
            "the service manager listens on another port than listen.address; `fogbell firewall` goes by the latter"
        );
    }
    Ok(Some(listener))
}

/// Takes as many file descriptors as the system grants, and says so when connections could use them up.
fn raise_descriptor_limit(connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "cannot raise the limit of open files");
    }
    let needed = connections as u64 + DESCRIPTORS_BESIDES;
    if let Some(granted) = getrlimit(Resource::Nofile).current.filter(|granted| *granted < needed) {
        warn!(
            granted,
            needed, "too few open files for gate.max_connections; raise LimitNOFILE or lower max_connections"
        );
    }
}

/// Makes the state directory, for its owner only, when it is missing; durably, since what is acknowledged
/// lives in it.
fn make_state(state: &Path) -> Result<(), relay::Error> {
    let make = || match DirBuilder::new().mode(0o700).create(state) {
        Ok(()) => {
            info!(path = %state.display(), "made the state directory");
            let parent = state.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    make().map_err(|source| relay::Error::Keep {
        action: "make the directory",
        path: state.to_owned(),
        source,
    })
}

#[tokio::main]
async fn serve(
    path: &Path,
    config: Config,
    mut relay: Relay,
    beside: Beside,
    handed: Option<BoundListener>,
) -> Result<(), Box<dyn Error>> {
    // before anything can be acknowledged, so that no signal is missed
    let (shutdown, hangup) = (signal::shutdown()?, signal::hangup()?);
    let webhooks = match handed {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)?
        }
        None => bind(config.listen.address).await?,
    };
    let admin = bind(config.admin.address).await?;
    let commands = socket::bind(&config)?;
    info!(address = %admin.local_addr()?, "serving health and metrics");
    info!(address = %webhooks.local_addr()?, version = env!("CARGO_PKG_VERSION"), "accepting webhooks");

    let live = Live::start(path, config, beside, &mut relay);
    let reloading = tokio::spawn(live.serve(hangup));
    let told = tokio::spawn(manager::tell(relay.health()));
    let shutdown = async {
        shutdown.await;
        manager::stopping();
    };
    let drained = relay.run(Sockets { webhooks, admin, commands }, shutdown).await?;
    told.abort();
    reloading.abort();
    for (sink, alerts) in &drained.waiting {
        warn!(sink, alerts, "stopped with alerts waiting; they are stored and go out after the next start");
    }
    if drained.uninterpreted > 0 {
        warn!(
            messages = drained.uninterpreted,
            "stopped with messages that are stored and not yet interpreted"
        );
    }
    info!("stopped");
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, relay::Error> {
    let failed =
        |source| relay::Error::Keep { action: "listen on", path: PathBuf::from(address.to_string()), source };
    TcpListener::bind(address).await.map_err(failed)
}

/// File descriptors the relay needs besides those of its connections: journal, readers, sinks, sockets.
const DESCRIPTORS_BESIDES: u64 = 128;
