//! The relay as it was built.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tempfile::TempDir;

use crate::balance::Scrape;
use crate::certs::Certs;
use crate::ports::free_port;
use crate::programs::fogbell_program;
use crate::running::Running;
use crate::wait::{DEADLINE, wait_until};

pub(crate) mod config;

use config::Config;

/// A running `fogbell run`, in a folder of its own.
#[derive(Debug)]
pub struct Fogbell {
    home: PathBuf,
    /// Removed when this is dropped, unless the story brought its own folder.
    _folder: Option<TempDir>,
    ca: PathBuf,
    running: Running,
    address: String,
    admin: String,
    /// Why its figures need not add up at the end of the story.
    excepted: Option<String>,
}

impl Fogbell {
    /// Starts one and waits until it accepts webhooks.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(config: &Config) -> Self {
        Self::start_under(&[], config)
    }

    /// The same under another program, such as `env` with its arguments, which must end with it.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start_under(wrapper: &[&str], config: &Config) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let home = folder.path().to_owned();
        write_home(&home, config);
        let (running, address, admin) = run(&home, wrapper);
        let ca = home.join("certs/ca.pem");
        Self { home, _folder: Some(folder), ca, running, address, admin, excepted: None }
    }

    /// Starts one in `home`, which stays when this is dropped.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start_in(home: &Path, config: &Config) -> Self {
        Self::start_in_under(home, &[], config)
    }

    /// The same under another program, such as `env` with its arguments, which must end with it.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start_in_under(home: &Path, wrapper: &[&str], config: &Config) -> Self {
        write_home(home, config);
        Self::start_as_it_is(home, wrapper)
    }

    /// Starts one in `home` as everything was written there, under another program; `home` stays when this is dropped.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start_as_it_is(home: &Path, wrapper: &[&str]) -> Self {
        let (running, address, admin) = run(home, wrapper);
        Self {
            home: home.to_owned(),
            _folder: None,
            ca: home.join("certs/ca.pem"),
            running,
            address,
            admin,
            excepted: None,
        }
    }

    /// Starts it again on the same folder, configuration and ports; what still runs is killed first.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.start_again_under(&[]);
    }

    /// The same under another program, such as `strace` with its arguments, which must end with it.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again_under(&mut self, wrapper: &[&str]) {
        self.running.kill9();
        (self.running, self.address, self.admin) = run(&self.home, wrapper);
    }

    /// Where it listens for webhooks, as `IP:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `https://IP:PORT` and `path` behind it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// `http://IP:PORT` of the admin listener, and `path` behind it.
    #[must_use]
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }

    /// The CA of its certificate.
    #[must_use]
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// Its folder: `fogbell.toml`, `state/`, `secrets/`, `certs/`.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The process: its log, its signals.
    #[must_use]
    pub fn process(&mut self) -> &mut Running {
        &mut self.running
    }

    /// Ends it without a chance to tidy up.
    pub fn kill9(&mut self) {
        self.running.kill9();
    }

    /// Asks it to drain and end.
    pub fn sigterm(&self) {
        self.running.sigterm();
    }

    /// How it ended, once it does. What one that ended in order has counted until then has to add up.
    ///
    /// # Panics
    ///
    /// When it has not ended within `deadline`, or its last figures do not add up.
    #[must_use]
    pub fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let ended = self.running.wait_exit(deadline);
        if ended.success() && self.excepted.is_none() {
            self.assert_balanced_at_its_end();
        }
        ended
    }

    /// Its figures need not add up at the end of the story, because of `why`.
    pub fn except_from_balance(&mut self, why: &str) {
        self.excepted = Some(why.to_owned());
    }

    /// The figures that it said last have to add up.
    fn assert_balanced_at_its_end(&mut self) {
        let line = self.running.wait_line("its last figures", |line| line.contains(LAST_FIGURES));
        let scrape = Scrape::in_log(&line).unwrap_or_else(|| self.running.give_up("said no last figures"));
        let wrong = scrape.unbalanced();
        assert!(
            wrong.is_empty(),
            "the last figures of {} do not add up:\n  {}",
            self.home.display(),
            wrong.join("\n  ")
        );
    }

    /// Waits until its figures add up.
    ///
    /// # Panics
    ///
    /// When they do not before the deadline.
    pub fn assert_balanced(&mut self) {
        let mut said = Vec::new();
        let balanced = wait_until(DEADLINE, || {
            said = self.try_scrape().map_or_else(|said| vec![said], |scrape| scrape.unbalanced());
            said.is_empty()
        });
        assert!(balanced, "the figures of {} do not add up:\n  {}", self.home.display(), said.join("\n  "));
    }
}

impl Drop for Fogbell {
    /// A relay that runs to the end of its story has counted everything that it did. One whose folder is gone has stopped,
    /// or is about to: a story that brings its own may drop it first.
    fn drop(&mut self) {
        let is_asked = self.excepted.is_none() && self.home.exists();
        if !std::thread::panicking() && is_asked && self.running.is_running() {
            self.assert_balanced();
        }
    }
}

/// Writes configuration, secrets and certificates into `home`.
fn write_home(home: &Path, config: &Config) {
    for name in ["state", "secrets"] {
        let folder = home.join(name);
        fs::create_dir_all(&folder).expect("a temporary folder can be made");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
            .expect("a folder can be closed to others");
    }
    for (name, value) in config.secrets() {
        let file = home.join("secrets").join(name);
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(file);
        file.and_then(|mut file| file.write_all(value.as_bytes())).expect("a secret can be written");
    }
    if !home.join("certs").exists() {
        let _ = Certs::make(&home.join("certs"));
    }
    let text = config.render(home, free_port(), free_port());
    fs::write(home.join("fogbell.toml"), text).expect("a temporary file can be written");
}

/// Starts the program and learns from its log where it listens.
fn run(home: &Path, wrapper: &[&str]) -> (Running, String, String) {
    let program = fogbell_program();
    let mut command = match wrapper.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.arg("run").arg("--config").arg(home.join("fogbell.toml"));
    command.env("NO_COLOR", "1").env("RUST_LOG", LOGGED).env_remove("FOGBELL_LOG").current_dir(home);
    let mut running = Running::start("fogbell", &mut command);
    let mut address = |said: &str| {
        let line = running.wait_line(&format!("`{said}`"), |line| line.contains(said));
        let address = address_in(&line);
        address.unwrap_or_else(|| running.give_up(&format!("named no address in `{line}`")))
    };
    let admin = address("serving health and metrics");
    let listener = address("accepting webhooks");
    (running, listener, admin)
}

/// What is logged by default, and what was counted until the end.
const LOGGED: &str = "info,async_snmp=off,fogbell_relay::relay=debug";

/// What it says with its last figures.
const LAST_FIGURES: &str = "counted until the end";

/// The value of `address=` in a line of the log.
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("address=")?;
    let word = rest.split_whitespace().next()?;
    Some(word.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_a_line_of_the_log_is_found() {
        let check =
            |line: &str, expect: Option<&str>| assert_eq!(address_in(line).as_deref(), expect, "{line}");
        check("INFO relay: accepting webhooks address=127.0.0.1:8443", Some("127.0.0.1:8443"));
        check("INFO accepting webhooks address=\"[::1]:8443\" tls=self-signed", Some("[::1]:8443"));
        check("INFO accepting webhooks", None);
    }
}
