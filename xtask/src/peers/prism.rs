//! Prism, which knows from an OpenAPI document what a request must look like.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::npm;
use crate::programs::on_path;

/// The npm package; with what it needs some 180 packages and 90 MB.
pub(crate) const NPM_PACKAGE: &str = "@stoplight/prism-cli@5.14.2";

/// A running Prism; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Prism {
    child: Child,
    address: SocketAddr,
}

impl Prism {
    /// Installs Prism under `home` unless it is there, starts it with `document`, and waits until it listens. What it
    /// says goes into `log`.
    ///
    /// # Errors
    ///
    /// When node or npm is missing, or it does not start.
    pub(crate) fn start(home: &Path, document: &Path, log: &Path) -> Result<Self> {
        let program = install(home)?;
        let address = free_address()?;
        let said = File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let errors = said.try_clone().context("cannot write Prism's log twice")?;
        let mut command = Command::new("node");
        command.arg(program).arg("mock").arg(document);
        command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string(), "-v", "warn"]);
        let child = command
            .stdin(Stdio::null())
            .stdout(said)
            .stderr(errors)
            .spawn()
            .context("cannot run `node`, which runs Prism")?;
        let mut prism = Self { child, address };
        prism.listening(log)?;
        Ok(prism)
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it listens.
    fn listening(&mut self, log: &Path) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().context("cannot wait for Prism")? {
                bail!("Prism ended with {status}:\n{}", fs::read_to_string(log).unwrap_or_default());
            }
            if TcpStream::connect_timeout(&self.address, PAUSE).is_ok() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        bail!("Prism does not listen after {} s; `{}` has what it said", PATIENCE.as_secs(), log.display());
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        // one that has ended already is what is wanted
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The script that node runs.
fn install(home: &Path) -> Result<PathBuf> {
    for (tool, package) in [("node", "nodejs"), ("npm", "npm")] {
        if on_path(tool).is_none() {
            bail!(
                "there is no `{tool}` (Debian package {package}) for Prism, which is in no Debian package but in the npm \
                 package {NPM_PACKAGE}; without --mist-spec or with --without-peers requests to Mist are not checked"
            );
        }
    }
    let folder = home.join("prism");
    let program = folder.join("node_modules/@stoplight/prism-cli/dist/index.js");
    if !program.is_file() {
        println!("peers: installing the npm package {NPM_PACKAGE} under {}", home.display());
        npm::install(home, NPM_PACKAGE, &folder)?;
    }
    if !program.is_file() {
        bail!("{NPM_PACKAGE} has no `{}`", program.display());
    }
    Ok(program)
}

/// An address on loopback where nothing listens; Prism does not say which it took when it is given none.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot bind a port on loopback")?;
    listener.local_addr().context("cannot tell the port on loopback")
}

/// How long it may take to read the document: 18 seconds for the vendor's whole one.
const PATIENCE: Duration = Duration::from_secs(120);

const PAUSE: Duration = Duration::from_millis(100);
