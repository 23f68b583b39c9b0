//! A program of the demo: what it says is printed behind its name and noted.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::programs::{Ask, ask};

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Speaker {
    name: &'static str,
    child: Child,
    heard: Arc<Mutex<Heard>>,
    listeners: Vec<JoinHandle<()>>,
}

/// What it said so far.
#[derive(Debug)]
struct Heard {
    /// The first lines: what a program says of itself when it starts.
    first: Vec<String>,
    last: Instant,
}

impl Speaker {
    /// Starts it out of reach of the terminal's Ctrl-C, so that the demo decides who ends when. Every line goes
    /// to `note`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        note: impl Fn(&str) + Clone + Send + 'static,
    ) -> Result<Self> {
        let mut child = command
            .process_group(0)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
        let heard = Arc::new(Mutex::new(Heard { first: Vec::new(), last: Instant::now() }));
        let output = child.stdout.take().context("standard output is no pipe")?;
        let errors = child.stderr.take().context("standard error is no pipe")?;
        let listeners = vec![listen(name, output, &heard, note.clone()), listen(name, errors, &heard, note)];
        Ok(Self { name, child, heard, listeners })
    }

    /// What `look` finds in the first line that has it, among the first lines it says.
    ///
    /// # Errors
    ///
    /// When the program ends before, or `deadline` passes.
    pub(crate) fn wait_for<T>(
        &mut self,
        what: &str,
        deadline: Duration,
        look: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + deadline;
        loop {
            let ended = self.ended().is_some();
            if let Some(found) = lock(&self.heard).first.iter().find_map(|line| look(line)) {
                return Ok(found);
            }
            if ended {
                bail!("{} ended; waited for {what}", self.name);
            }
            if Instant::now() > end {
                bail!("waited {} s for {what}", deadline.as_secs());
            }
            thread::sleep(LOOK);
        }
    }

    /// Its name.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Its name, when it has ended.
    pub(crate) fn ended(&mut self) -> Option<&'static str> {
        (!matches!(self.child.try_wait(), Ok(None))).then_some(self.name)
    }

    /// How long it has said nothing.
    pub(crate) fn quiet_for(&self) -> Duration {
        lock(&self.heard).last.elapsed()
    }

    /// Asks it to end, waits, and hears it out; whether it ended by itself and well.
    ///
    /// # Errors
    ///
    /// When the system does not say how it ended.
    pub(crate) fn end(&mut self, how: Ask, grace: Duration) -> Result<bool> {
        ask(&self.child, how)?;
        let deadline = Instant::now() + grace;
        let status = loop {
            let status = self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))?;
            if status.is_some() || Instant::now() > deadline {
                break status;
            }
            thread::sleep(LOOK);
        };
        if status.is_none() {
            self.child.kill().with_context(|| format!("cannot end {}", self.name))?;
            self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
        }
        for listener in self.listeners.drain(..) {
            let _ = listener.join();
        }
        Ok(status.is_some_and(|status| status.success()))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Prints and notes the lines of one pipe until it closes.
fn listen(
    name: &'static str,
    pipe: impl Read + Send + 'static,
    heard: &Arc<Mutex<Heard>>,
    note: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()> {
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        let prefix = prefix(name, std::io::stdout().is_terminal());
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            // A closed terminal must not keep the program from being heard out.
            let _ = writeln!(std::io::stdout().lock(), "{prefix} {line}");
            note(&line);
            let mut heard = lock(&heard);
            heard.last = Instant::now();
            if heard.first.len() < KEPT {
                heard.first.push(line);
            }
        }
    })
}

/// Who speaks, in a column and, on a terminal, in a colour of its own.
fn prefix(name: &str, terminal: bool) -> String {
    let colour = match name {
        "mist" => 36,
        "relay" => 33,
        "nms" => 35,
        _ => 32,
    };
    if terminal { format!("\x1b[{colour}m{name:<5} |\x1b[0m") } else { format!("{name:<5} |") }
}

/// The lock, also after a panic of another thread: lines are whole at any time.
fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines that are kept.
const KEPT: usize = 1_000;

/// Between two looks at the program.
const LOOK: Duration = Duration::from_millis(20);
