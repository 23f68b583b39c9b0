//! Takes Session Smart Routers from a Juniper Mist inventory onto a conductor.
#![allow(clippy::print_stdout, reason = "a program's answers go to standard output")]

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;

mod access;
mod acting;
mod apply;
mod asking;
mod capture;
mod carry;
mod check;
mod cleanup;
mod ek;
mod exit;
mod export_tokens;
mod given;
mod home;
mod import_token;
mod input;
mod lock;
mod older;
mod open_run;
mod output;
mod plan;
mod preflight;
mod profile;
mod protect;
mod render;
mod report;
mod rollback;
mod routers;
mod runs;
mod safe;
mod show;
mod status;
mod template;
mod terminal;
mod token;
mod verify;
mod wishes;

use exit::{Done, Exit, Failure};

/// Take Session Smart Routers from a Juniper Mist inventory onto a conductor.
///
/// Data goes to standard output, everything else to standard error. No secret is printed or taken as an argument.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Fogpilot {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a list of routers to be filled in, with what each column means
    #[command(after_help = "Example:\n  fogpilot template > routers.csv")]
    Template,
    /// Judge a whole list of routers by itself: every fault with its line and column; exit 2 when there is one
    ///
    /// Nothing is asked or changed: whether sites and devices are there only Mist can say.
    Check(check::Args),
    /// Look after profiles: an organisation, a conductor, and who asks them
    #[command(subcommand, after_help = "Example:\n  fogpilot profile list")]
    Profile(profile::Command),
    /// Take down what Mist and the conductor answer, without what they say: what settles the unknowns of docs/unknowns.md
    ///
    /// Changes nothing. Names, ids, addresses, keys and tokens are not in it.
    Capture(capture::Args),
    /// Check what must hold before anything is written; exit 5 when something stands in the way
    ///
    /// Each check ends in pass, warn, fail or unknown, and names where that was seen. Nothing is written. What ended as unknown
    /// stands in the way until a person who knows says `--assume CHECK`; nothing makes a failure pass.
    Preflight(preflight::Args),
    /// Decide what is to be done for each listed router, and write it down; nothing else is written
    ///
    /// The whole list is judged first. `+` is new, `~` is there in part, `=` needs nothing, `?` waits for its device, `!` is
    /// refused and says what to do. Exit 3 when some are refused, 1 when all are.
    Plan(Box<plan::Args>),
    /// Carry a plan out: conductor, tokens, settings of sites, assignments, verification
    ///
    /// Everything is looked at first; nothing is written when a check stands in the way (exit 5), a flag is not given, or a row
    /// is not as the plan found it. Each step is read, written down, done and read back. Exit 3 when some routers are not verified.
    Apply(Box<apply::Args>),
    /// Go on with a run that was interrupted or stopped; reality is looked at first
    ///
    /// Assignments and commits are never repeated blindly, and what is done stays done.
    Resume(Box<apply::ResumeArgs>),
    /// Say how far a run is, as its record says; nothing is asked of anybody
    Status(status::Args),
    /// Write a report of a run: who, when, which router, each step with its time and evidence; no secret
    Report(report::Args),
    /// Look whether the routers of a run are onboarded; exit 3 when one is not verified
    ///
    /// Verified means: authentication completed, asset running, connected to the conductor and to Mist, for as long as the plan
    /// says, on evidence that is newer than the assignment.
    Verify(verify::Args),
    /// Take the onboarding tokens of a run out of the settings of its sites; exit 3 when one stays
    ///
    /// One site goes first, and its routers are seen to stay connected. Addresses are never touched, nor is a token while a router
    /// of the site is unfinished.
    Cleanup(cleanup::Args),
    /// Take back what a run wrote, where nothing was built on it; exit 3 when something stays
    ///
    /// What would be taken back is shown first. A value is touched only while it still is what the run wrote. A router that was
    /// onboarded, or may have been, is left alone unless --force-router names it.
    Rollback(rollback::Args),
    /// Print the exact commands for a person who enters them at the conductor; nothing is sent
    Render(Box<render::Args>),
    /// Take onboarding tokens, and states, out of what the conductor printed
    ///
    /// Each token is bound by its asset ids to exactly one unfinished router, and goes into the vault. Neither it nor its secret is
    /// printed.
    ImportToken(import_token::Args),
    /// Export the endorsement keys of the listed routers from Mist, where they are called ID tokens
    ///
    /// The list is judged whole before Mist is asked. Each row is accounted for: a key is written only when it is what the
    /// conductor takes, is not weak, is no other row's, and equals the column `ek` where that has one.
    ExportTokens(export_tokens::Args),
    /// Look at endorsement keys of routers
    #[command(subcommand, after_help = "Example:\n  fogpilot ek inspect id-token.txt")]
    Ek(Ek),
    /// Look at onboarding tokens
    #[command(subcommand, after_help = "Example:\n  fogpilot token inspect token.txt")]
    Token(Token),
    /// Print the completions for a shell
    #[command(
        after_help = "Example:\n  fogpilot completion bash > ~/.local/share/bash-completion/completions/fogpilot"
    )]
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages and completions of all commands under a folder, as under /usr/share
    #[command(hide = true, after_help = "Example:\n  fogpilot manual ~/.local/share")]
    Manual {
        /// The folder
        folder: PathBuf,
    },
}

#[derive(Subcommand)]
enum Ek {
    /// Say what a file with an endorsement key is; exit 0 only for a key that is accepted
    ///
    /// Accepted is what the conductor's `endorsement-key` takes: the base64 of the DER of an RSA public key of 2048 bits
    /// (3072 and 4096 with a warning) that is not known to be weak. Everything else is named and refused.
    Inspect(ek::Args),
}

#[derive(Subcommand)]
enum Token {
    /// Say what an onboarding token is and who made it; exit 0 only for one that needs no further consent
    ///
    /// The token is found in any text, such as what the conductor printed. What is inside proves nothing: the trust comes
    /// from the authority of Secure Conductor Onboarding, which --sco-ca or --sco-ca-sha256 names. Neither the token nor its
    /// secret is printed.
    Inspect(token::Args),
}

fn main() -> ExitCode {
    let command = Fogpilot::parse().command;
    log();
    protect::protect();
    let done = match command {
        Command::Template => template::print(),
        Command::Check(args) => check::check(&args),
        Command::Profile(command) => profile::run(&command),
        Command::Capture(args) => capture::run(&args),
        Command::Preflight(args) => preflight::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Apply(args) => apply::apply(&args),
        Command::Resume(args) => apply::resume(&args),
        Command::Status(args) => status::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Cleanup(args) => cleanup::run(&args),
        Command::Rollback(args) => rollback::run(&args),
        Command::Render(args) => render::run(&args),
        Command::ImportToken(args) => import_token::run(&args),
        Command::ExportTokens(args) => export_tokens::export(&args),
        Command::Ek(Ek::Inspect(args)) => ek::inspect(&args),
        Command::Token(Token::Inspect(args)) => token::inspect(&args),
        Command::Completion { shell } => completion(shell),
        Command::Manual { folder } => write_manual(&folder),
    };
    done.unwrap_or_else(Failure::told).into()
}

fn completion(shell: Shell) -> Done {
    io::stdout().write_all(&manual::completion(Fogpilot::command(), shell))?;
    Ok(Exit::Ok)
}

fn write_manual(folder: &Path) -> Done {
    manual::write(&Fogpilot::command(), folder)?;
    Ok(Exit::Ok)
}

fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours && io::stderr().is_terminal())
        .init();
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done, or accepted
  1    failed, or refused
  2    the arguments or the list of routers are at fault; nothing was done
  3    done for some routers and not for others
  4    Mist or the conductor did not accept who asked
  5    something stands in the way, and nothing was written
  6    there is nothing to do, where --detailed-exitcode asks for that
  7    somebody has something to do on the conductor first, as said; then `fogpilot resume`
  130  interrupted

Example:
  fogpilot template > routers.csv";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_what_its_command_takes() {
        let examples = manual::examples(Fogpilot::command());

        for example in &examples {
            // a fingerprint is shown by its beginning
            let words = example.words.iter().map(|word| word.replace("5f2c…", &"5f2c".repeat(16)));
            let parsed = Fogpilot::command().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{}: {}", example.of, parsed.unwrap_err());
        }
        assert!(examples.len() > 20, "{}", examples.len());
    }

    #[test]
    fn every_command_line_in_the_documentation_is_what_the_program_takes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let places = [root.join("docs"), root.join("README.md")];
        let mut calls: Vec<_> =
            places.iter().flat_map(|place| manual::quoted_at(place, "fogpilot").unwrap()).collect();
        // a fingerprint is shown by its beginning
        let whole = |word: &mut String| *word = word.replace("5f2c…", &"5f2c".repeat(16));
        calls.iter_mut().for_each(|(_, call)| call.words.iter_mut().for_each(whole));

        let program = Fogpilot::command();
        let wrong: Vec<String> = calls
            .iter()
            .filter_map(|(page, call)| {
                Some(format!("{}: {}", page.display(), manual::refusal(&program, call)?))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(calls.len() > 20, "{}", calls.len());
    }
}
