//! Tasks of the workspace: `cargo xtask demo`, `cargo xtask test` and what they are made of.
#![allow(clippy::print_stdout, reason = "a command-line tool: what it says is its result")]

use std::process::ExitCode;

use anyhow::{Result, bail};

mod arrows;
mod bench;
mod demo;
mod dist;
mod faults;
mod fuzz;
mod peers;
mod programs;
mod test;
mod workspace;

use workspace::Workspace;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One line per command; each takes the arguments behind its name.
fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        eprint!("{HELP}");
        return Ok(ExitCode::FAILURE);
    };
    match command.as_str() {
        "arrows" => arrows::run(&Workspace::open()?, rest),
        "bench" => bench::run(&Workspace::open()?, rest),
        "demo" => demo::run(&Workspace::open()?, rest),
        "dist" => dist::run(&Workspace::open()?, rest),
        "faults" => faults::run(&Workspace::open()?, rest),
        "fuzz" => fuzz::run(&Workspace::open()?, rest),
        "peers" => peers::run(&Workspace::open()?, rest),
        "test" => test::run(&Workspace::open()?, rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => bail!("no command `{unknown}`; `cargo xtask help` lists them"),
    }
}

const HELP: &str = "\
Usage: cargo xtask COMMAND

  demo    the relay on loopback between a fake Mist cloud and receivers that print what arrives
            --seconds N       end after N seconds (else Ctrl-C)
  demo onboard
          fogpilot takes 25 routers of a fake cloud onto a fake conductor, is interrupted, goes on, and reports; needs root
            --out FILE        write the transcript, as docs/onboarding-demo.md
  test    format, lints, documentation, and all tests, with real peers
            --mist-spec FILE  Mist's OpenAPI document, to check requests against
            --without-peers   leave out what needs snmptrapd, rsyslog and the like
            --without-root    leave out what needs root
  test install
          the packages on a Debian with a running systemd: installed, set up against a fake Mist cloud, upgraded, downgraded,
          removed, purged; static programs where there is no system; the bill of materials; needs root
            --without-static  leave the static programs out
  bench [NAME...]
          the relay's figures next to their goals and to two references; without a name all of burst, sustained,
          traps, latency, memory, start, directory and plots
            --rounds N        rounds (5)
            --seconds S       seconds of a window in a steady state (3)
            --json            one JSON object on standard output; the tables go to standard error
            --before PROGRAM  burst and sustained with another `fogbell` too, as from a revision before
            --out DIR         write the figures into DIR/performance.md; plots go to DIR/plots (else docs/plots)
  faults [NAME…]
          what is promised while things break: the runs of docs/reliability.md, small as in `test`
            --full            as large as the figures there, with release builds
            --seed N          the same random moments again
            --json            one JSON object on standard output; the table goes to standard error
            --without-root    leave out what needs root
  fuzz [TARGET]...
          every parser of outside bytes, or these, under libFuzzer; needs a C++ compiler
            --seconds N       seconds for each target (60)
            --runs N          inputs for each target, instead of seconds
            --minimise        instead: take into fuzz/corpus what covers more, and leave out what does not
  dist    the packages of a release under target/dist/out: .deb, .rpm, an archive with static programs, a bill of
          materials, checksums
            --reproducible    make everything twice, in two folders, and compare bit by bit
            --debug           of debug builds
            --out DIR         write them there
            --without-rpm     leave the .rpm out
            --without-static  leave the static programs out
  arrows  which crate may use which
  peers   find the peers of the tests, or unpack them under the target directory; part of `test`
            FOGBELL_PEERS_FETCH=always   unpack them even when the system has them
  help    this text
";
