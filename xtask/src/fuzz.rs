//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, on the compiler that everything else uses.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::programs::{must_succeed, on_path, succeeds};
use crate::workspace::Workspace;

/// Builds the targets and runs them one after another; fails when one of them found something.
///
/// # Errors
///
/// When the arguments are wrong, a C++ compiler is missing, or a target cannot be built or started.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let fuzz = Fuzz::of(workspace)?;
    let options = Options::parse(arguments, &fuzz.targets()?)?;
    fuzz.build(&options.targets)?;
    if options.minimise {
        options.targets.iter().try_for_each(|target| fuzz.minimise(target))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut all_held = true;
    let mut lines = Vec::new();
    for target in &options.targets {
        let run = fuzz.run(target, options.until)?;
        all_held &= run.held;
        lines.push(run.line(target));
    }
    println!("{:<14}{:>14}{:>10}{:>8}  found", "target", "inputs", "inputs/s", "cov");
    lines.iter().for_each(|line| println!("{line}"));
    Ok(if all_held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A call of cargo in the workspace of `fuzz/`, which builds beside the main one and uses what that has built.
pub(crate) fn cargo(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = workspace.cargo(arguments);
    command.current_dir(workspace.root.join("fuzz")).env("CARGO_TARGET_DIR", &workspace.target);
    command
}

/// Where the targets are and what they leave behind.
#[derive(Debug)]
struct Fuzz<'a> {
    workspace: &'a Workspace,
    /// `fuzz/` in the tree.
    root: PathBuf,
    /// The target directory of the instrumented build, whose folders `found` and `grown` hold what it leaves.
    target: PathBuf,
    /// The machine's triple. It is named, so that build scripts and macros are not instrumented.
    host: String,
}

impl<'a> Fuzz<'a> {
    fn of(workspace: &'a Workspace) -> Result<Self> {
        let version = must_succeed(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(Self {
            workspace,
            root: workspace.root.join("fuzz"),
            target: workspace.target.join("fuzz"),
            host: host.context("`rustc -vV` names no host")?.to_owned(),
        })
    }

    /// The names of all targets.
    fn targets(&self) -> Result<Vec<String>> {
        let folder = self.root.join("fuzz_targets");
        let files = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let stem = |file: fs::DirEntry| file.path().file_stem()?.to_str().map(str::to_owned);
        let mut names: Vec<String> = files.filter_map(|file| stem(file.ok()?)).collect();
        names.sort();
        Ok(names)
    }

    fn build(&self, targets: &[String]) -> Result<()> {
        if !["c++", "g++", "clang++"].iter().any(|compiler| on_path(compiler).is_some()) {
            bail!("libFuzzer is C++ and there is no compiler for it; install the package `g++`");
        }
        let mut command =
            cargo(self.workspace, &["build", "--release", "--locked", "--features", "libfuzzer"]);
        command.args(["--target", &self.host]).args(targets.iter().flat_map(|target| ["--bin", target]));
        command.env("CARGO_TARGET_DIR", &self.target).env("RUSTFLAGS", FLAGS);
        if !succeeds(&mut command)? {
            bail!("the targets do not build");
        }
        Ok(())
    }

    /// A call of a target's program.
    fn program(&self, target: &str) -> Command {
        let mut command = Command::new(self.target.join(&self.host).join("release").join(target));
        command.current_dir(&self.root).stdin(Stdio::null());
        command.args([format!("-max_len={MAX_LEN}"), "-timeout=20".into(), "-rss_limit_mb=2048".into()]);
        let words = self.root.join("dictionaries").join(target);
        if words.is_file() {
            command.arg(format!("-dict={}", words.display()));
        }
        command
    }

    /// A folder for what a target leaves, made when it is not there.
    fn folder(&self, what: &str, target: &str) -> Result<PathBuf> {
        let folder = self.target.join(what).join(target);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    fn kept(&self, target: &str) -> PathBuf {
        self.root.join("corpus").join(target)
    }

    fn run(&self, target: &str, until: Until) -> Result<Run> {
        println!("── {target}");
        let (grown, found) = (self.folder("grown", target)?, self.folder("found", target)?);
        let mut command = self.program(target);
        command.arg(match until {
            Until::Seconds(seconds) => format!("-max_total_time={seconds}"),
            Until::Runs(runs) => format!("-runs={runs}"),
        });
        command.args(["-print_final_stats=1", "-use_value_profile=0"]);
        command.arg(format!("-artifact_prefix={}/", found.display()));
        command.arg(grown).arg(self.kept(target)).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run `{target}`"))?;
        let said = child.stderr.take().context("libFuzzer says nothing")?;
        let mut run = Run::default();
        for line in BufReader::new(said).lines() {
            let line = line.context("cannot read what libFuzzer says")?;
            run.take(&line);
            eprintln!("{line}");
        }
        run.held = child.wait().with_context(|| format!("cannot wait for `{target}`"))?.success();
        Ok(run)
    }

    /// Replaces the kept corpus by the fewest files of it and of what has grown that cover as much.
    fn minimise(&self, target: &str) -> Result<()> {
        let (kept, small) = (self.kept(target), self.target.join("small").join(target));
        if small.exists() {
            fs::remove_dir_all(&small).with_context(|| format!("cannot empty {}", small.display()))?;
        }
        self.folder("small", target)?;
        let mut command = self.program(target);
        command
            .args(["-merge=1", "-use_counters=0"])
            .args([&small, &kept])
            .arg(self.folder("grown", target)?);
        if !succeeds(command.stderr(Stdio::null()))? {
            bail!("the corpus of `{target}` cannot be made smaller: a file of it does not hold");
        }
        // regressions are kept by their names, whatever they cover
        for file in files(&kept)?.iter().filter(|file| !is_regression(file)) {
            fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
        let mut count = 0;
        for file in files(&small)? {
            let name = file.file_name().context("a file has a name")?;
            fs::copy(&file, kept.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
            count += 1;
        }
        println!("{target}: {count} files");
        Ok(())
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    files.map(|file| Ok(file?.path())).collect()
}

fn is_regression(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("regression-"))
}

/// When a target has run enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Until {
    Seconds(u64),
    Runs(u64),
}

/// What was asked for on the command line.
#[derive(Debug, Eq, PartialEq)]
struct Options {
    targets: Vec<String>,
    until: Until,
    minimise: bool,
}

impl Options {
    fn parse(arguments: &[String], known: &[String]) -> Result<Self> {
        let mut options = Self { targets: Vec::new(), until: Until::Seconds(60), minimise: false };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut number = || -> Result<u64> {
                let number = rest.next().with_context(|| format!("{argument} needs a number"))?;
                number
                    .parse()
                    .ok()
                    .filter(|number| *number > 0)
                    .with_context(|| format!("`{number}` is no count"))
            };
            match argument.as_str() {
                "--seconds" => options.until = Until::Seconds(number()?),
                "--runs" => options.until = Until::Runs(number()?),
                "--minimise" => options.minimise = true,
                target if known.iter().any(|known| known == target) => {
                    options.targets.push(target.to_owned())
                }
                other => bail!("`fuzz` does not know `{other}`; the targets are: {}", known.join(", ")),
            }
        }
        if options.targets.is_empty() {
            options.targets = known.to_vec();
        }
        Ok(options)
    }
}

/// What libFuzzer said of one run.
#[derive(Debug, Default, Eq, PartialEq)]
struct Run {
    held: bool,
    inputs: u64,
    per_second: u64,
    coverage: u64,
    found: Option<String>,
}

impl Run {
    /// Reads a line such as `#42 NEW    cov: 9 ft: 9 …`, `stat::number_of_executed_units: 42` or `artifact_prefix=…;
    /// Test unit written to PATH`; other lines say nothing.
    fn take(&mut self, line: &str) {
        let number = |text: &str| text.split_whitespace().next().and_then(|word| word.parse().ok());
        if let Some(rest) = line.strip_prefix("stat::number_of_executed_units:") {
            self.inputs = number(rest).unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("stat::average_exec_per_sec:") {
            self.per_second = number(rest).unwrap_or(0);
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.found = Some(path.trim().to_owned());
        } else if let Some((_, rest)) = line.strip_prefix('#').and_then(|line| line.split_once("cov: ")) {
            self.coverage = number(rest).unwrap_or(self.coverage);
        }
    }

    fn line(&self, target: &str) -> String {
        let found = match (&self.found, self.held) {
            (Some(path), _) => path,
            (None, true) => "nothing",
            (None, false) => "ended by itself",
        };
        format!("{target:<14}{:>14}{:>10}{:>8}  {found}", self.inputs, self.per_second, self.coverage)
    }
}

/// What makes a stable compiler count the branches that libFuzzer follows, and show it what is compared.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// Longest input, in bytes; a file of the kept corpus may be larger.
const MAX_LEN: u32 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_read() {
        let mut run = Run::default();
        for line in [
            "INFO: Seed: 1",
            "#2\tINITED cov: 8 ft: 8 corp: 1/1b exec/s: 0 rss: 27Mb",
            "#59409\tREDUCE cov: 11 ft: 11 corp: 4/16b lim: 580 exec/s: 0 rss: 27Mb",
            "artifact_prefix='found/'; Test unit written to found/crash-1",
            "stat::number_of_executed_units: 4194304",
            "stat::average_exec_per_sec:     1398101",
        ] {
            run.take(line);
        }

        let found = Some("found/crash-1".to_owned());
        assert_eq!(run, Run { held: false, inputs: 4_194_304, per_second: 1_398_101, coverage: 11, found });
    }

    #[test]
    fn options_name_known_targets_and_counts_above_zero() {
        let known = ["body".to_owned(), "head".to_owned()];
        let parse = |words: &str| {
            Options::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), &known)
        };

        let all = Options { targets: known.to_vec(), until: Until::Seconds(60), minimise: false };
        assert_eq!(parse("").unwrap(), all);
        let one = Options { targets: vec!["head".into()], until: Until::Runs(5), minimise: false };
        assert_eq!(parse("head --runs 5").unwrap(), one);
        for words in ["tail", "--runs", "--runs x", "--seconds 0"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
