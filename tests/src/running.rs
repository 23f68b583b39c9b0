//! A program that runs as long as its story, and what it says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{DEADLINE, wait_for};

/// A running program. It is killed, by its process id, when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    said: Arc<Mutex<Said>>,
}

/// The last lines of standard output and standard error, and how many there were before them.
#[derive(Debug, Default)]
struct Said {
    lines: VecDeque<String>,
    forgotten: usize,
}

impl Running {
    /// Starts `command` without standard input and listens to what it says.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let said = Arc::new(Mutex::new(Said::default()));
        listen(child.stdout.take().expect("standard output is a pipe"), &said);
        listen(child.stderr.take().expect("standard error is a pipe"), &said);
        Self { name: name.to_owned(), child, said }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The lines it said last, oldest first: at most 5,000, of standard output and standard error.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        lock(&self.said).lines.iter().cloned().collect()
    }

    /// The first line that `wanted` accepts, among those said already and those said within the deadline.
    ///
    /// # Panics
    ///
    /// When the program ends without such a line, or the deadline passes.
    #[must_use]
    pub fn wait_line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut seen = 0;
        let mut ended = false;
        let line = wait_for(DEADLINE, || {
            // Ended is asked before the lines are looked at, so that the last ones are not missed.
            let last_look = ended;
            ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            let said = lock(&self.said);
            let news = said.lines.iter().skip(seen.max(said.forgotten) - said.forgotten);
            let found = news.clone().find(|line| wanted(line)).cloned();
            seen = said.forgotten + said.lines.len();
            match found {
                Some(line) => Some(Some(line)),
                None if last_look => Some(None),
                None => None,
            }
        });
        line.flatten().unwrap_or_else(|| self.give_up(&format!("did not say {what}")))
    }

    /// Asks it to end, as a service manager does.
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it without a chance to tidy up, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Sends any signal; a process that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id is positive");
        // The process is not reaped before `wait`, so the id is still its own; an error means that it ended.
        let _ = kill_process(pid, signal);
    }

    /// How it ended, once it does.
    ///
    /// # Panics
    ///
    /// When it has not ended within `deadline`.
    #[must_use]
    pub fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        wait_for(deadline, || self.child.try_wait().expect("a child can be waited for"))
            .unwrap_or_else(|| self.give_up(&format!("has not ended after {} s", deadline.as_secs())))
    }

    /// Whether it is still there.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Panics with what the program last said.
    pub(crate) fn give_up(&self, why: &str) -> ! {
        let lines = self.lines();
        let end = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n  ");
        panic!("{} {why}; it last said:\n  {end}", self.name);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            self.kill9();
        }
    }
}

/// Keeps the lines of one pipe until it closes.
fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<Said>>) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let mut said = lock(&said);
            if said.lines.len() == KEPT {
                said.lines.pop_front();
                said.forgotten += 1;
            }
            said.lines.push_back(String::from_utf8_lossy(&line).into_owned());
        }
    });
}

/// The lock, also after a panic of another thread: lines are whole at any time.
fn lock(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines that are kept.
const KEPT: usize = 5_000;

/// Lines that a panic shows.
const SHOWN: usize = 40;
