//! `cargo xtask test`: everything that a change must pass before it lands.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::peers::Peers;
use crate::peers::prism::Prism;
use crate::programs::{must_succeed, succeeds};
use crate::workspace::Workspace;
use crate::{arrows, fuzz, peers};

mod install;

/// Runs every step, also behind one that failed, and closes with `N passed, M failed`.
///
/// A test counts as one, and so does a failed step that is no test or ran none.
///
/// # Errors
///
/// When the arguments are wrong, or root is needed and missing: before anything is run.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if arguments.first().is_some_and(|word| word == "install") {
        return install::run(workspace, &arguments[1..]);
    }
    let options = Options::parse(arguments)?;
    let left_out = options.left_out();
    if options.peers && options.root && !is_root()? {
        bail!("some tests need root: run as root, or leave them out with --without-root");
    }
    let document = options.mist_spec.as_deref().map(check_spec).transpose()?;

    let mut run = Run { workspace, tally: Tally::default() };
    run.step("format", |workspace| {
        // one after the other, so that both are shown
        let main = succeeds(&mut workspace.cargo(["fmt", "--all", "--check"]))?;
        Ok(succeeds(&mut fuzz::cargo(workspace, &["fmt", "--check"]))? && main)
    });
    run.step("arrows", |workspace| Ok(arrows::run(workspace, &[])? == ExitCode::SUCCESS));
    run.step("lints", |workspace| {
        let arguments = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
        let mut main = succeeds(&mut workspace.cargo(arguments))?;
        // what no plain `cargo test` runs is not among all targets
        for (package, test) in [(MIST, SHAPES), (CONDUCTOR, SSH)] {
            let arguments =
                ["clippy", "--package", package, "--test", test, "--quiet", "--", "-D", "warnings"];
            main &= succeeds(&mut workspace.cargo(arguments))?;
        }
        let arguments =
            ["clippy", "--package", "e2e", "--test", install::TEST, "--quiet", "--", "-D", "warnings"];
        main &= succeeds(&mut workspace.cargo(arguments))?;
        let arguments = ["clippy", "--all-targets", "--quiet", "--locked", "--", "-D", "warnings"];
        Ok(succeeds(&mut fuzz::cargo(workspace, &arguments))? && main)
    });
    run.step("documentation", |workspace| {
        let mut command = workspace.cargo(["doc", "--workspace", "--no-deps", "--quiet"]);
        succeeds(command.env("RUSTDOCFLAGS", "-D warnings"))
    });
    run.step("each crate alone", |workspace| {
        let mut all = true;
        for package in workspace.packages() {
            if !succeeds(&mut workspace.cargo(["check", "--quiet", "--package", package]))? {
                println!("`{package}` does not compile alone");
                all = false;
            }
        }
        Ok(all)
    });
    run.tests("tests", workspace.cargo(["test", "--quiet", "--no-fail-fast"]));
    let arguments = ["test", "--quiet", "--no-fail-fast", "--locked"];
    run.tests("fuzz corpus", fuzz::cargo(workspace, &arguments));
    if options.peers {
        run_peers(&mut run, options.root);
        if let Some(document) = document {
            run_shapes(&mut run, &document);
        }
    }

    println!();
    for line in left_out {
        println!("left out: {line}");
    }
    Ok(run.tally.close())
}

/// The built programs against real peers.
fn run_peers(run: &mut Run<'_>, root: bool) {
    let mut provided = None;
    run.step("peers", |workspace| {
        provided = Some(peers::provide(workspace)?);
        Ok(true)
    });
    let built = run.step("programs", |workspace| {
        let packages = ["--package", "fogbell", "--package", "fogpilot", "--package", "fogbell-testkit"];
        let arguments = [&["build", "--quiet", "--bins"][..], &packages].concat();
        succeeds(&mut workspace.cargo(arguments))
    });
    let (Some(peers), true) = (provided, built) else {
        run.tally.fail("tests with peers: not run, since what they need is missing".to_owned());
        return;
    };
    let workspace = run.workspace;
    let mut command = workspace.cargo(["test", "--quiet", "--package", "e2e", "--no-fail-fast"]);
    if !root {
        command.args(["--", "--skip", NEEDS_ROOT]);
        command.args(LOOK_INSIDE.iter().flat_map(|story| ["--skip", story]));
    }
    with_peers(&mut command, &peers, &workspace.target.join("debug"));
    run.tests("tests with peers", command);
    let arguments = ["test", "--quiet", "--package", SCO, "--test", "peers", "--no-fail-fast"];
    let mut command = run.workspace.cargo(arguments);
    command.env("PATH", path_with(&peers.bin));
    run.tests("endorsement keys and tokens", command);
    if root {
        let arguments = ["test", "--quiet", "--package", CONDUCTOR, "--test", SSH, "--no-fail-fast"];
        let mut command = workspace.cargo(arguments);
        with_peers(&mut command, &peers, &workspace.target.join("debug"));
        run.tests("command line over SSH", command);
        let arguments = ["test", "--quiet", "--package", SCO, "--test", APPLY, "--no-fail-fast"];
        let mut command = workspace.cargo(arguments);
        with_peers(&mut command, &peers, &workspace.target.join("debug"));
        run.tests("runs of fogpilot", command);
    }
}

/// Every request to Mist against its OpenAPI document, as Prism reads it.
fn run_shapes(run: &mut Run<'_>, document: &Path) {
    let mut prism = None;
    run.step("Prism", |workspace| {
        let (home, log) = (workspace.target.join("peers"), workspace.target.join("prism.log"));
        prism = Some(Prism::start(&home, document, &log)?);
        Ok(true)
    });
    let Some(prism) = prism else {
        run.tally.fail("request shapes: not run, since there is no Prism".to_owned());
        return;
    };
    let arguments = ["test", "--quiet", "--package", MIST, "--test", SHAPES, "--no-fail-fast"];
    let mut command = run.workspace.cargo(arguments);
    command.env("FOGBELL_PRISM", prism.address().to_string()).env("FOGBELL_MIST_SPEC", document);
    run.tests("request shapes", command);
}

/// Tells the stories where the peers are, and the programs that cargo put into `built`.
pub(crate) fn with_peers(command: &mut Command, peers: &Peers, built: &Path) {
    command
        .env("FOGBELL_BIN", built.join("fogbell"))
        .env("FOGPILOT_BIN", built.join("fogpilot"))
        .env("FOGBELL_TESTKIT_BIN_DIR", built)
        .env("FOGBELL_MIBS", &peers.mibs)
        .env("PATH", path_with(&peers.bin));
}

/// The package with the client of Mist's API, and its test of the shapes of requests.
const MIST: &str = "fogbell-mist";
const SHAPES: &str = "prism";

/// The package of onboarding, and its test with a TPM and OpenSSL.
const SCO: &str = "fogbell-sco";
/// The test of the onboarding that needs the same.
const APPLY: &str = "apply";

/// The package with the client of the conductor, and its test through an OpenSSH server, which needs root.
const CONDUCTOR: &str = "fogbell-conductor";
const SSH: &str = "ssh";

/// Tests under a module of this name need root.
pub(crate) const NEEDS_ROOT: &str = "needs_root";

/// Stories that look into the relay's process, which only root may: its memory, its open files, its system calls.
const LOOK_INSIDE: [&str; 7] = [
    "nothing_lost::day",
    "nothing_lost::injected",
    "nothing_lost::limits",
    "nothing_lost::soak",
    "refusals::bombs",
    "refusals::memory",
    "service::watched",
];

/// What was asked for on the command line.
#[derive(Debug, Eq, PartialEq)]
struct Options {
    /// Mist's OpenAPI document.
    mist_spec: Option<PathBuf>,
    /// Whether tests with peers run.
    peers: bool,
    /// Whether tests that need root run.
    root: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { mist_spec: None, peers: true, root: true };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument
                .split_once('=')
                .map_or((argument.as_str(), None), |(name, value)| (name, Some(value)))
            {
                ("--without-peers", None) => options.peers = false,
                ("--without-root", None) => options.root = false,
                ("--mist-spec", value) => {
                    let file = value
                        .or_else(|| rest.next().map(String::as_str))
                        .context("--mist-spec needs a file")?;
                    options.mist_spec = Some(file.into());
                }
                _ => bail!("`test` does not know `{argument}`; `cargo xtask help` lists what it knows"),
            }
        }
        Ok(options)
    }

    fn left_out(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.peers {
            lines.push("tests with real peers (--without-peers)".to_owned());
        }
        match (&self.mist_spec, self.peers) {
            (None, _) => lines.push("request shapes (no --mist-spec FILE)".to_owned()),
            (Some(_), false) => lines.push("request shapes (--without-peers)".to_owned()),
            (Some(_), true) => {}
        }
        if !self.root {
            lines.push("tests that need root (--without-root)".to_owned());
        }
        lines
    }
}

/// Steps that were run.
#[derive(Debug)]
struct Run<'a> {
    workspace: &'a Workspace,
    tally: Tally,
}

impl Run<'_> {
    /// Runs a step that is no test; whether it succeeded.
    fn step(&mut self, name: &str, work: impl FnOnce(&Workspace) -> Result<bool>) -> bool {
        println!("── {name}");
        let started = Instant::now();
        let succeeded = work(self.workspace).unwrap_or_else(|error| {
            println!("{error:#}");
            false
        });
        println!("── {name}: {}, {} s", if succeeded { "ok" } else { "FAILED" }, started.elapsed().as_secs());
        if !succeeded {
            self.tally.fail(name.to_owned());
        }
        succeeded
    }

    /// Runs `cargo test`, passes on what it prints and counts the results in it.
    fn tests(&mut self, name: &str, command: Command) {
        println!("── {name}");
        let started = Instant::now();
        match counted(command) {
            Ok((succeeded, counts)) => self.tally.tests(name, succeeded, &counts),
            Err(error) => self.tally.fail(format!("{name}: {error:#}")),
        }
        println!("── {name}: {} s", started.elapsed().as_secs());
    }
}

/// What has been counted so far.
#[derive(Debug, Default, Eq, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
    /// What failed, one line each.
    failures: Vec<String>,
}

impl Tally {
    /// Says what failed, and closes with the sums.
    fn close(&self) -> ExitCode {
        let Self { passed, failed, failures } = self;
        for failure in failures {
            println!("failed: {failure}");
        }
        println!("{passed} passed, {failed} failed");
        if *failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Counts something that failed and is no test.
    fn fail(&mut self, what: String) {
        self.failed += 1;
        self.failures.push(what);
    }

    /// Counts the results of one `cargo test`, which must agree with how it ended.
    fn tests(&mut self, name: &str, succeeded: bool, counts: &Counts) {
        self.passed += counts.passed;
        self.failed += counts.failed;
        if counts.failed > 0 {
            self.failures.push(format!("{name}: {} of {}", counts.failed, counts.failed + counts.passed));
        } else if !succeeded {
            self.fail(format!("{name}: did not run to their end"));
        } else if counts.passed == 0 {
            self.fail(format!("{name}: none was run"));
        }
    }
}

/// Results in what `cargo test` printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; …`; other lines count nothing.
    pub(crate) fn add(&mut self, line: &str) {
        let Some(result) = line.trim().strip_prefix("test result: ") else { return };
        for part in result.split([';', '.']) {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// Runs a `cargo test`, passing on its output: whether it succeeded, and what it counted.
fn counted(mut command: Command) -> Result<(bool, Counts)> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run `cargo test`")?;
    let output = child.stdout.take().context("`cargo test` has no output")?;
    let mut counts = Counts::default();
    let mut terminal = std::io::stdout();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what `cargo test` prints")?;
        counts.add(&String::from_utf8_lossy(&line));
        terminal.write_all(&line).and_then(|()| terminal.write_all(b"\n")).context("cannot print")?;
    }
    let status = child.wait().context("cannot wait for `cargo test`")?;
    Ok((status.success(), counts))
}

/// Reads an OpenAPI document as far as seeing that it is one, and says where it is from any folder.
fn check_spec(file: &Path) -> Result<PathBuf> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{shown}`"))?;
    let document: Value = serde_json::from_str(&text).with_context(|| format!("`{shown}` is no JSON"))?;
    if !document["openapi"].is_string() {
        bail!("`{shown}` is no OpenAPI document: it has no `openapi`");
    }
    file.canonicalize().with_context(|| format!("cannot find `{shown}`"))
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> Result<bool> {
    Ok(must_succeed(Command::new("id").arg("-u"))?.trim() == "0")
}

/// `PATH` with `folder` in front.
pub(crate) fn path_with(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted_line_by_line() {
        let check = |line: &str, passed, failed| {
            let mut counts = Counts::default();
            counts.add(line);
            assert_eq!(counts, Counts { passed, failed }, "{line}");
        };
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
            12,
            0,
        );
        check("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out", 3, 2);
        check("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", 0, 0);
        check("running 3 tests", 0, 0);
        check("thread panicked: 3 passed; 1 failed;", 0, 0);
    }

    #[test]
    fn the_tally_never_reports_success_for_tests_that_did_not_run() {
        let check = |succeeded, passed, failed, expect: (u64, u64, &[&str])| {
            let mut tally = Tally::default();
            tally.tests("tests", succeeded, &Counts { passed, failed });
            let failures: Vec<&str> = tally.failures.iter().map(String::as_str).collect();
            assert_eq!((tally.passed, tally.failed, failures.as_slice()), expect);
        };
        check(true, 5, 0, (5, 0, &[]));
        check(false, 5, 2, (5, 2, &["tests: 2 of 7"]));
        check(false, 5, 0, (5, 1, &["tests: did not run to their end"]));
        check(true, 0, 0, (0, 1, &["tests: none was run"]));
    }

    #[test]
    fn what_is_left_out_is_said() {
        let left_out = |words: &str| {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            Options::parse(&words).unwrap().left_out().join(", ")
        };

        assert_eq!(left_out("--mist-spec a"), "");
        assert_eq!(left_out(""), "request shapes (no --mist-spec FILE)");
        assert_eq!(
            left_out("--mist-spec a --without-peers"),
            "tests with real peers (--without-peers), request shapes (--without-peers)"
        );
    }

    #[test]
    fn options_are_read_in_any_order_and_unknown_ones_refused() {
        let parse =
            |words: &str| Options::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let spec = Some(PathBuf::from("mist.json"));

        assert_eq!(parse("").unwrap(), Options { mist_spec: None, peers: true, root: true });
        assert_eq!(
            parse("--without-root --mist-spec mist.json").unwrap(),
            Options { mist_spec: spec.clone(), peers: true, root: false }
        );
        assert_eq!(
            parse("--mist-spec=mist.json --without-peers").unwrap(),
            Options { mist_spec: spec, peers: false, root: true }
        );
        assert!(parse("--mist-spec").is_err());
        assert!(parse("--without-tests").is_err());
        assert!(parse("--without-peers=yes").is_err());
    }
}
