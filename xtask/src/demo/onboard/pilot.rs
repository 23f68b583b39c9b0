//! `fogpilot`, command after command, shown as it goes.

use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::transcript::Transcript;
use super::{LOOK, PATIENCE};
use crate::programs::{Ask, ask};
use crate::test::path_with;
use crate::workspace::Workspace;

/// Runs `fogpilot` in the folder of the demo.
pub(super) struct Pilot {
    program: PathBuf,
    folder: PathBuf,
    openssh: PathBuf,
    /// Whether it has the terminal for itself, and shows bars there.
    terminal: bool,
    /// Whether somebody wants the demo to end.
    stop: Arc<AtomicBool>,
    /// What was said so far.
    pub(super) transcript: Transcript,
}

impl Pilot {
    /// For the estate that has its files in `folder`. `bars` says that it may have the terminal.
    ///
    /// # Errors
    ///
    /// When it cannot listen for Ctrl-C.
    pub(super) fn new(
        workspace: &Workspace,
        folder: &Path,
        openssh: &Path,
        transcript: Transcript,
        bars: bool,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot listen for Ctrl-C")?;
        }
        Ok(Self {
            program: workspace.program("fogpilot"),
            folder: folder.to_owned(),
            openssh: openssh.to_owned(),
            terminal: bars && io::stderr().is_terminal(),
            stop,
            transcript,
        })
    }

    /// Says something to the reader.
    pub(super) fn note(&mut self, text: &str) {
        show(&format!("\ndemo: {text}"));
        self.transcript.note(text);
    }

    /// Says what came of it.
    pub(super) fn say(&mut self, text: &str) {
        show(&format!("\ndemo: {text}"));
        self.transcript.end(text);
    }

    /// Runs it to its end, with Ctrl-C after so many assignments; the exit code, -1 when a signal ended it.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not end, or somebody wants the demo to end.
    pub(super) fn run(&mut self, words: &[&str], interrupt_after: Option<usize>) -> Result<i32> {
        self.transcript.command(words);
        show(&format!("$ fogpilot {}", words.join(" ")));
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut child = self.start(words)?;
        let listeners = listeners(&mut child, &said);
        let deadline = Instant::now() + PATIENCE;
        let mut told = false;
        let mut interrupt_after = interrupt_after;
        let status = loop {
            if let Some(status) = child.try_wait().context("cannot wait for `fogpilot`")? {
                break status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                bail!("`fogpilot {}` did not end within {} s", words[0], PATIENCE.as_secs());
            }
            if self.stop.load(Ordering::Relaxed) && !told {
                ask(&child, Ask::Interrupt)?;
                told = true;
            }
            if let Some(assignments) = interrupt_after
                && self.assignments()? >= assignments
            {
                ask(&child, Ask::Interrupt)?;
                interrupt_after = None;
            }
            thread::sleep(LOOK);
        };
        for listener in listeners {
            let _ = listener.join();
        }
        if self.stop.load(Ordering::Relaxed) {
            bail!("interrupted; everything is kept in {}", self.folder.display());
        }
        let code = status.code().unwrap_or(-1);
        let lines = said.lock().unwrap_or_else(PoisonError::into_inner);
        self.transcript.answer(&lines, code);
        show(&format!("exit {code}"));
        Ok(code)
    }

    fn start(&self, words: &[&str]) -> Result<Child> {
        let mut command = Command::new(&self.program);
        // out of reach of the terminal's own Ctrl-C, and with a state of its own
        command.args(words).current_dir(&self.folder).process_group(0);
        command.env("XDG_STATE_HOME", self.folder.join("state")).env("PATH", path_with(&self.openssh));
        command.env("USER", "operator").env_remove("RUST_LOG").stdin(Stdio::null());
        if !self.terminal {
            command.env("NO_COLOR", "1").stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        command.spawn().context("cannot start `fogpilot`")
    }

    /// How many assignments the records of all runs have.
    fn assignments(&self) -> Result<usize> {
        let runs = self.folder.join("state/fogpilot/runs");
        let Ok(entries) = fs::read_dir(&runs) else { return Ok(0) };
        let mut count = 0;
        for entry in entries {
            let record = entry.context("cannot look at the runs")?.path().join("record.jsonl");
            let text = fs::read_to_string(record).unwrap_or_default();
            count += text.lines().filter(|line| line.contains("\"assigned\":{")).count();
        }
        Ok(count)
    }
}

/// Shows and notes what a child says on its pipes.
fn listeners(child: &mut Child, said: &Arc<Mutex<Vec<String>>>) -> Vec<JoinHandle<()>> {
    let output = child.stdout.take().map(|pipe| listen(pipe, said));
    let errors = child.stderr.take().map(|pipe| listen(pipe, said));
    output.into_iter().chain(errors).collect()
}

fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            show(&line);
            said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}

/// A closed terminal must not end the demo.
fn show(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
