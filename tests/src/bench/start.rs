//! How long a program takes from `exec` until it is there.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::{Value, json};

/// A program to be started, and how to know that it is there.
#[derive(Clone, Debug)]
pub struct Start {
    /// The core it is bound to.
    pub core: Option<usize>,
    /// Where `GET /readyz` is asked until it answers 200; without it the program's end is waited for.
    pub ready: Option<SocketAddr>,
    /// A text that a line of its standard error has once it is there.
    pub line: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Start {
    /// A start as `{"core", "ready", "line", "program", "arguments"}`; the first two may be missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let said: Value = serde_json::from_str(text).ok()?;
        let arguments = said["arguments"].as_array()?.iter();
        Some(Self {
            core: said["core"].as_u64().and_then(|core| usize::try_from(core).ok()),
            ready: said["ready"].as_str().map(str::parse).transpose().ok()?,
            line: said["line"].as_str()?.to_owned(),
            program: said["program"].as_str()?.into(),
            arguments: arguments.map(|text| text.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        })
    }

    /// Starts the program and measures: `ready_us` to the first 200 and `line_us` to the line, or `ended_us`. Then
    /// kills it with SIGKILL when standard input ends.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends, or is not there in time.
    pub fn run(self) -> io::Result<()> {
        // a child runs where the thread that made it runs, so this thread goes there and is gone
        let started = thread::spawn({
            let this = self.clone();
            move || this.spawn()
        });
        let (start, mut child) = started.join().map_err(|_| io::Error::other("starting panicked"))??;
        let Some(ready) = self.ready else {
            child.wait()?;
            return writeln!(io::stdout(), "{}", json!({ "ended_us": micros(start.elapsed()) }));
        };
        let line = self.listen(&mut child, start);
        let measured = wait(&mut child, ready, start);
        if measured.is_err() {
            child.kill()?;
        }
        let measured = measured.and_then(|ready| {
            let line = line.join().map_err(|_| io::Error::other("listening panicked"))?;
            let line = line.ok_or_else(|| io::Error::other("it never said that it is there"))?;
            writeln!(io::stdout(), "{}", json!({ "ready_us": micros(ready), "line_us": micros(line) }))
        });
        io::copy(&mut io::stdin().lock(), &mut io::sink())?;
        child.kill()?;
        child.wait()?;
        measured
    }

    fn spawn(&self) -> io::Result<(Instant, Child)> {
        if let Some(core) = self.core {
            let mut cores = CpuSet::new();
            cores.set(core);
            sched_setaffinity(None, &cores)?;
        }
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(if self.ready.is_some() { Stdio::piped() } else { Stdio::null() });
        let start = Instant::now();
        Ok((start, command.spawn()?))
    }

    /// When the line came, on a thread of its own, which then goes on reading.
    fn listen(&self, child: &mut Child, start: Instant) -> JoinHandle<Option<Duration>> {
        let (wanted, errors) = (self.line.clone(), child.stderr.take().expect("it is piped"));
        thread::spawn(move || {
            let mut errors = BufReader::new(errors);
            let mut line = String::new();
            while errors.read_line(&mut line).ok()? > 0 {
                if line.contains(&wanted) {
                    let came = start.elapsed();
                    thread::spawn(move || io::copy(&mut errors, &mut io::sink()));
                    return Some(came);
                }
                line.clear();
            }
            None
        })
    }
}

/// When `address` first answered 200.
fn wait(child: &mut Child, address: SocketAddr, start: Instant) -> io::Result<Duration> {
    loop {
        if is_ready(address) {
            return Ok(start.elapsed());
        }
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("it ended: {status}")));
        }
        if start.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // on loopback a port nobody listens on refuses at once, so this is all that passes between two looks
        thread::sleep(LOOK);
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200 "))
    };
    ask().unwrap_or(false)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const LOOK: Duration = Duration::from_micros(100);
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_read_with_or_without_what_tells_that_it_is_there() {
        let start = Start::parse(
            r#"{"core":0,"ready":"127.0.0.1:1","line":"accepting","program":"/p","arguments":["run"]}"#,
        )
        .unwrap();
        assert_eq!((start.core, start.ready), (Some(0), Some(([127, 0, 0, 1], 1).into())));
        assert_eq!(start.arguments, ["run"]);
        let start = Start::parse(r#"{"line":"","program":"/bin/true","arguments":[]}"#).unwrap();
        assert_eq!((start.core, start.ready), (None, None));
        for wrong in [r#"{"line":"","arguments":[]}"#, r#"{"line":"","program":"/p","arguments":[1]}"#, ""] {
            assert!(Start::parse(wrong).is_none(), "{wrong}");
        }
    }
}
