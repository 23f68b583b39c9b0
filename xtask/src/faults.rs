//! `cargo xtask faults`: what breaks, on purpose, and whether the relay keeps its promises meanwhile.
//!
//! Each run is a test that is also part of `cargo xtask test`, where it is small. Here it can be repeated from a
//! seed, made as large as the figures in `docs/reliability.md`, and judged against its goals.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::peers::{self, Peers};
use crate::programs::succeeds;
use crate::test::{Counts, NEEDS_ROOT, is_root, with_peers};
use crate::workspace::Workspace;

mod figures;
mod runs;
mod table;

use figures::{Figures, Size};
use runs::{E2E, RUNS, Run};
use table::{Outcome, Row};

/// Makes the runs named in `arguments`, or all, and prints a table of what they found, or with `--json` one object
/// on standard output. What the tests print goes to standard error.
///
/// Fails when a test fails, tells no figures, or a goal is missed.
///
/// # Errors
///
/// When the arguments are wrong, root is needed and missing, or something does not build.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let options = Options::parse(arguments)?;
    let mut chosen = options.chosen();
    if chosen.iter().any(|run| needs_root(run)) && !is_root()? {
        if !options.without_root {
            bail!("some runs need root: run as root, or leave them out with --without-root");
        }
        chosen.retain(|run| {
            let stays = !needs_root(run);
            if !stays {
                eprintln!("left out: {} (--without-root)", run.name);
            }
            stays
        });
    }
    let peers = peers::provide(workspace)?;
    if chosen.iter().any(|run| run.package == E2E) {
        build(workspace, options.size)?;
    }

    let mut rows = Vec::new();
    for run in chosen {
        let seed = options.seed.unwrap_or_else(new_seed);
        eprintln!("── {} ({}): seed {seed}", run.name, run.line);
        let started = Instant::now();
        let (outcome, figures) = match attempt(workspace, run, options.size, seed, &peers) {
            Ok((figures, failure)) => (Outcome::of(run, options.size, &figures, failure), figures),
            Err(error) => (Outcome::Failed(format!("{error:#}")), Figures::default()),
        };
        let row = Row { run, seed, seconds: started.elapsed().as_secs(), figures, outcome };
        eprintln!("── {}", table::line(&row));
        rows.push(row);
    }

    if options.json {
        eprint!("{}", table::text(&rows, options.size));
        println!("{}", table::json(&rows, options.size));
    } else {
        print!("{}", table::text(&rows, options.size));
    }
    let fine = rows.iter().all(|row| row.outcome == Outcome::Met);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the programs that stories run.
fn build(workspace: &Workspace, size: Size) -> Result<()> {
    // One after the other, so that the relay is built with its own features, as it is shipped.
    for package in ["fogbell", "fogpilot", "fogbell-testkit"] {
        let mut build = workspace.cargo(["build", "--quiet", "--bins", "--package", package]);
        build.args(size.profile());
        // Standard output is for the result alone.
        if !succeeds(build.stdout(std::io::stderr()))? {
            bail!("the programs do not build");
        }
    }
    Ok(())
}

/// Runs one test: the figures it told, and why it counts as failed if it does.
fn attempt(
    workspace: &Workspace,
    run: &Run,
    size: Size,
    seed: u64,
    peers: &Peers,
) -> Result<(Figures, Option<String>)> {
    let mut command = workspace.cargo(["test", "--quiet", "--package", run.package]);
    command.args(size.profile()).args(["--", "--exact", run.test, "--nocapture"]);
    with_peers(&mut command, peers, &workspace.target.join(size.folder()));
    command.env("FOGBELL_SEED", seed.to_string()).env_remove("FOGBELL_LONG");
    if size == Size::Full {
        command.env("FOGBELL_LONG", "1");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `cargo test`")?;
    let output = child.stdout.take().context("`cargo test` has no standard output")?;
    let errors = child.stderr.take().context("`cargo test` has no standard error")?;
    let told = thread::spawn(move || {
        let mut figures = Figures::default();
        pass_on(errors, |line| figures.add(line)).map(|()| figures)
    });
    let mut counts = Counts::default();
    pass_on(output, |line| counts.add(line))?;
    let figures = told.join().ok().context("reading what the test says failed")??;
    let status = child.wait().context("cannot wait for `cargo test`")?;
    let failure = match counts {
        Counts { passed: 1, failed: 0 } if status.success() => None,
        Counts { passed: 0, failed: 0 } if status.success() => {
            Some(format!("{} has no test {}", run.package, run.test))
        }
        Counts { passed: 0, failed: 0 } => Some("the test did not run to its end".to_owned()),
        _ => Some("the test failed".to_owned()),
    };
    Ok((figures, failure))
}

/// Writes every line to standard error and hands it to `look`.
fn pass_on(from: impl Read, mut look: impl FnMut(&str)) -> Result<()> {
    for line in BufReader::new(from).split(b'\n') {
        let line = line.context("cannot read what `cargo test` prints")?;
        look(&String::from_utf8_lossy(&line));
        let mut terminal = std::io::stderr().lock();
        terminal.write_all(&line).and_then(|()| terminal.write_all(b"\n")).context("cannot print")?;
    }
    Ok(())
}

/// Whether only root can make this run.
fn needs_root(run: &Run) -> bool {
    // a stage of fogpilot has the documented ports and a real OpenSSH server
    run.test.starts_with("fogpilot::") || run.test.split("::").any(|module| module == NEEDS_ROOT)
}

/// A seed that nobody chose.
fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos())
}

/// What was asked for on the command line.
#[derive(Debug, Eq, PartialEq)]
struct Options {
    /// Names of runs; all when there are none.
    names: Vec<String>,
    size: Size,
    seed: Option<u64>,
    json: bool,
    without_root: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options =
            Self { names: Vec::new(), size: Size::Small, seed: None, json: false, without_root: false };
        let mut words = arguments.iter().flat_map(|argument| argument.splitn(2, '='));
        while let Some(word) = words.next() {
            match word {
                "--full" => options.size = Size::Full,
                "--json" => options.json = true,
                "--without-root" => options.without_root = true,
                "--seed" => {
                    let text = words.next().context("--seed needs a number")?;
                    let seed = text.parse().with_context(|| format!("`{text}` is no seed: not a number"))?;
                    options.seed = Some(seed);
                }
                flag if flag.starts_with('-') => {
                    bail!("`faults` does not know `{flag}`; `cargo xtask help` lists what it knows")
                }
                name if RUNS.iter().any(|run| run.name == name) => options.names.push(name.to_owned()),
                name => {
                    let names: Vec<&str> = RUNS.iter().map(|run| run.name).collect();
                    bail!("no run `{name}`; there are {}", names.join(", "));
                }
            }
        }
        Ok(options)
    }

    /// The runs asked for, in the order of the table.
    fn chosen(&self) -> Vec<&'static Run> {
        let named = |run: &&Run| self.names.is_empty() || self.names.iter().any(|name| name == run.name);
        RUNS.iter().filter(named).collect()
    }
}

impl Size {
    /// What cargo is told: a debug build is too slow for a full run.
    const fn profile(self) -> &'static [&'static str] {
        match self {
            Self::Small => &[],
            Self::Full => &["--release"],
        }
    }

    /// Where cargo then puts the programs, under its target directory.
    fn folder(self) -> &'static Path {
        Path::new(match self {
            Self::Small => "debug",
            Self::Full => "release",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        Options::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_in_any_order_and_nonsense_is_refused() {
        let all = parse(&[]).unwrap();
        assert_eq!((all.size, all.seed, all.chosen().len()), (Size::Small, None, RUNS.len()));

        let one = parse(&["--full", "kills", "--seed=7", "--json"]).unwrap();
        assert_eq!((one.size, one.seed, one.json), (Size::Full, Some(7), true));
        assert_eq!(one.chosen().iter().map(|run| run.name).collect::<Vec<_>>(), ["kills"]);

        for wrong in [&["--seed"][..], &["--seed", "soon"], &["everything"], &["--long"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
