//! The programs a bench runs, each on its core, each ended with the bench.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::programs::{Ask, ask};

/// Where the measured program runs, and everything else.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Core {
    Server,
    Others,
}

/// A command that runs `program` on its core; anywhere when `pinned` is false.
pub(crate) fn on(core: Core, pinned: bool, program: &Path) -> Command {
    if !pinned {
        return Command::new(program);
    }
    let core = match core {
        Core::Server => "0",
        Core::Others => "1",
    };
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    command
}

/// A running program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// The newest lines, for when something goes wrong.
    said: VecDeque<String>,
}

/// Which output of a program tells what it does; the other one goes where the bench's own goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Speaks {
    Output,
    Errors,
}

impl Server {
    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn start(name: &'static str, mut command: Command, speaks: Speaks) -> Result<Self> {
        command.stdin(Stdio::piped());
        match speaks {
            Speaks::Output => command.stdout(Stdio::piped()),
            Speaks::Errors => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (sender, lines) = sync_channel(KEPT);
        let mut reader: Box<dyn BufRead + Send> = match speaks {
            Speaks::Output => Box::new(BufReader::new(child.stdout.take().expect("it is piped"))),
            Speaks::Errors => Box::new(BufReader::new(child.stderr.take().expect("it is piped"))),
        };
        thread::spawn(move || {
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                // What nobody waits for any more is still read, so that the program does not block.
                let _full = sender.try_send(std::mem::take(&mut line));
                line.clear();
            }
        });
        let input = child.stdin.take();
        Ok(Self { name, child, input, lines, said: VecDeque::new() })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that `find` finds something in.
    ///
    /// # Errors
    ///
    /// When there is none in time, or the program ends before; the error carries what it said.
    pub(crate) fn wait_for<T>(&mut self, within: Duration, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let until = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = find(&line) {
                        return Ok(found);
                    }
                    self.said.push_back(line);
                    if self.said.len() > KEPT {
                        self.said.pop_front();
                    }
                }
                Err(end) => {
                    let said: String = self.said.drain(..).collect();
                    let why = match end {
                        RecvTimeoutError::Timeout => "did not say what was waited for",
                        RecvTimeoutError::Disconnected => "ended",
                    };
                    bail!("{} {why}; it said:\n{said}", self.name);
                }
            }
        }
    }

    /// Waits for a line that is JSON.
    ///
    /// # Errors
    ///
    /// As [`Self::wait_for`].
    pub(crate) fn json(&mut self, within: Duration) -> Result<Value> {
        self.wait_for(within, |line| serde_json::from_str(line).ok())
    }

    /// Gives it a line to read; its answer, which is JSON.
    ///
    /// # Errors
    ///
    /// When it does not read any more, or as [`Self::wait_for`].
    pub(crate) fn ask(&mut self, line: &str) -> Result<Value> {
        let input = self.input.as_mut().expect("open until it is ended");
        writeln!(input, "{line}").with_context(|| format!("{} does not listen", self.name))?;
        self.json(PATIENCE)
    }

    /// Processor time since its start, all its threads, user and system, in microseconds, counted in ticks of 10 ms.
    /// Source: proc(5).
    ///
    /// # Errors
    ///
    /// When the program is gone.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))
            .with_context(|| format!("{} is gone", self.name))?;
        ticks(&stat).map(|ticks| ticks * MICROS_PER_TICK).context("no times in /proc/PID/stat")
    }

    /// Resident memory now, MiB.
    ///
    /// # Errors
    ///
    /// When the program is gone.
    pub(crate) fn resident(&self) -> Result<f64> {
        self.memory("VmRSS")
    }

    /// The most memory that was resident at once since its start, MiB.
    ///
    /// # Errors
    ///
    /// When the program is gone.
    pub(crate) fn peak(&self) -> Result<f64> {
        self.memory("VmHWM")
    }

    /// A line of `/proc/PID/status` in MiB.
    fn memory(&self, key: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .with_context(|| format!("{} is gone", self.name))?;
        let kib = kib(&status, key).with_context(|| format!("no {key} in /proc/PID/status"))?;
        Ok(kib as f64 / 1024.0)
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When it does not end in time, or badly.
    pub(crate) fn ended(&mut self, within: Duration) -> Result<()> {
        let until = Instant::now() + within;
        let status: ExitStatus = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() < until => thread::sleep(LOOK),
                None => bail!("{} does not end", self.name),
            }
        };
        if !status.success() {
            let mut said: String = self.said.drain(..).collect();
            said.extend(self.lines.try_iter());
            bail!("{} ended badly ({status}); it said:\n{said}", self.name);
        }
        Ok(())
    }

    /// Asks it to end: by the end of its input, and by SIGTERM when `asked`.
    ///
    /// # Errors
    ///
    /// As [`Self::ended`].
    pub(crate) fn end(mut self, asked: bool) -> Result<()> {
        self.input = None;
        if asked {
            ask(&self.child, Ask::Terminate)?;
        }
        self.ended(END)
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    ///
    /// When that is refused.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended and waited for already, unless something went wrong.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The number of KiB behind `key` in `/proc/PID/status`.
fn kib(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// `utime + stime` of a line of `/proc/PID/stat`: fields 14 and 15, counted from 1. The second field is the
/// program's name in parentheses and may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some(ticks()? + ticks()?)
}

const MICROS_PER_TICK: f64 = 10_000.0;

/// How long a program may take to start or to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Lines kept.
const KEPT: usize = 256;

/// How long a program may take to end: the relay's own limit is 10 seconds.
const END: Duration = Duration::from_secs(20);

const LOOK: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_kib() {
        let status = "Name:\tfogbell\nVmHWM:\t   12345 kB\nVmRSS:\t     678 kB\n";
        assert_eq!(kib(status, "VmHWM"), Some(12345));
        assert_eq!(kib(status, "VmRSS"), Some(678));
        assert_eq!(kib(status, "VmSize"), None);
    }

    #[test]
    fn the_times_are_found_behind_whatever_the_name_is() {
        assert_eq!(ticks("7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 25 17 0 0 20 0 1 0 5 6 7"), Some(42.0));
        assert_eq!(ticks("7 (a) S 1 7"), None);
    }
}
