//! The estate around an onboarding: a program of the test kit that is asked by lines.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::LOOK;
use crate::test::path_with;
use crate::workspace::Workspace;

/// A running estate. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Estate {
    /// Where everything is, as the program says it.
    pub(super) told: Value,
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Estate {
    /// Starts it with its files in `folder`, OpenSSH from `openssh` before `PATH`.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or says nothing.
    pub(super) fn start(
        workspace: &Workspace,
        folder: &Path,
        openssh: &Path,
        settings: &[&str],
    ) -> Result<Self> {
        let mut command = Command::new(workspace.program("fogbell-testkit-estate"));
        command.arg("--folder").arg(folder).args(settings);
        command.arg("--pcli").arg(workspace.program("fogbell-testkit-pcli"));
        command.env("PATH", path_with(openssh)).process_group(0);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `fogbell-testkit-estate`")?;
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("standard output is no pipe")?);
        let mut estate = Self { told: Value::Null, child, commands, answers };
        estate.told = estate.line()?;
        estate.share_connections()?;
        Ok(estate)
    }

    /// Lets all logins of `ssh` share a connection, as an operator would in a configuration of one's own.
    fn share_connections(&self) -> Result<()> {
        let config =
            self.told.pointer("/ssh/config").and_then(Value::as_str).context("the estate has no ssh")?;
        let shared = "  ControlMaster auto\n  ControlPath ssh/shared\n  ControlPersist 5\n";
        OpenOptions::new()
            .append(true)
            .open(config)
            .and_then(|mut file| file.write_all(shared.as_bytes()))
            .with_context(|| format!("cannot write `{config}`"))
    }

    /// The answer to a command.
    ///
    /// # Errors
    ///
    /// When it has ended, or does not know the command.
    pub(super) fn ask(&mut self, command: &str) -> Result<Value> {
        let commands = self.commands.as_mut().context("the estate has ended")?;
        writeln!(commands, "{command}")
            .and_then(|()| commands.flush())
            .context("the estate does not listen")?;
        let mut answer = self.line()?;
        match answer.get_mut("ok") {
            Some(ok) => Ok(ok.take()),
            None => bail!("the estate answers `{command}` by {answer}"),
        }
    }

    /// The arguments of `profile add` that name all of it, files as they are named in `folder`.
    ///
    /// # Errors
    ///
    /// When it did not say where something is.
    pub(super) fn profile(&self, folder: &Path) -> Result<Vec<String>> {
        let told = |pointer: &str| {
            self.told
                .pointer(pointer)
                .and_then(Value::as_str)
                .with_context(|| format!("the estate has no {pointer}"))
        };
        let mut words = Vec::new();
        for (flag, pointer) in FLAGS {
            let value = told(pointer)?;
            let file = Path::new(value).strip_prefix(folder).ok().and_then(Path::to_str);
            words.extend([(*flag).to_owned(), file.unwrap_or(value).to_owned()]);
        }
        let nodes = self.told["conductor"]["nodes"].as_array().context("the conductor has no nodes")?;
        for node in nodes.iter().filter_map(Value::as_str) {
            let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
            words.extend(["--node".to_owned(), host.to_owned()]);
        }
        Ok(words)
    }

    /// Asks it to end; what went wrong then.
    ///
    /// # Errors
    ///
    /// When the system does not say how it ended.
    pub(super) fn end(mut self) -> Result<Option<String>> {
        Ok(match self.wait()? {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("the estate ended by {status}")),
            None => Some("the estate did not end".to_owned()),
        })
    }

    /// It ends, and its OpenSSH server with it, when nobody can ask any more.
    fn wait(&mut self) -> Result<Option<ExitStatus>> {
        drop(self.commands.take());
        let deadline = Instant::now() + GRACE;
        loop {
            let status = self.child.try_wait().context("cannot wait for the estate")?;
            if status.is_some() || Instant::now() > deadline {
                return Ok(status);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line).context("cannot hear the estate")?;
        if line.is_empty() {
            bail!("the estate ended");
        }
        serde_json::from_str(&line).with_context(|| format!("the estate says no JSON: {line}"))
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        if !matches!(self.wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// How long it may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Flags of `profile add`, and where the estate says what belongs there.
const FLAGS: &[(&str, &str)] = &[
    ("--api-host", "/mist/host"),
    ("--api-ca", "/mist/ca"),
    ("--org", "/mist/org"),
    ("--api-token-file", "/mist/token_file"),
    ("--conductor", "/conductor/host"),
    ("--user", "/conductor/user"),
    ("--password-file", "/conductor/password_file"),
    ("--conductor-pin", "/conductor/pin"),
    ("--sco-ca", "/conductor/sco_ca"),
    ("--ssh", "/ssh/host"),
    ("--ssh-config", "/ssh/config"),
];
