//! Receives Juniper Mist webhooks and relays them as SNMP notifications and syslog.
#![allow(clippy::print_stdout, reason = "a program's answers go to standard output")]

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

mod access;
mod alerts;
mod backup;
mod bound;
mod capture;
mod cert;
mod certificate;
mod check;
mod clouds;
mod doctor;
mod explain;
mod firewall;
mod ha;
mod init;
mod journal_export;
mod journal_forget;
mod journal_status;
mod journal_verify;
mod log;
mod manager;
mod open;
mod pack;
mod probe;
mod protect;
mod reload;
mod renewal;
mod replay;
mod restore;
mod run;
mod secret;
mod secret_files;
mod secrets;
mod signal;
mod socket;
mod table;
mod tail;
mod terminal;
mod test;
mod test_rules;
mod upstream;
mod user_line;
mod watch;
mod webhook;
mod worries;

/// Relay Juniper Mist webhooks to SNMP and syslog receivers.
#[derive(Parser)]
#[command(version, after_help = BEHIND)]
struct Fogbell {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask for what the relay needs, check each answer against the real thing, and write the configuration and its secrets
    ///
    /// At a terminal it asks; without one it names the flags that are missing. What is written and changed is shown first,
    /// and a second run with the same answers changes nothing.
    #[command(after_help = init::EXAMPLE)]
    Init(Box<init::Args>),
    /// Run the relay until SIGTERM or SIGINT
    ///
    /// The log goes to standard error; started by systemd, to its journal, where each value is a field. RUST_LOG sets what
    /// is logged, as info (the default), warn or fogbell_relay=debug.
    #[command(
        after_help = "Examples:\n  fogbell run --config /etc/fogbell/fogbell.toml\n  fogbell run --log json"
    )]
    Run {
        #[command(flatten)]
        file: File,
        /// Form of the log
        #[arg(long, value_enum, value_name = "FORM", default_value = "auto", env = "FOGBELL_LOG")]
        log: log::Form,
    },
    /// Have the running relay read its configuration and secrets anew; what does not hold is refused, and the old stays
    #[command(after_help = "Example:\n  fogbell check && fogbell reload")]
    Reload(File),
    /// Check the configuration with its secrets and certificates; bind and write nothing
    #[command(after_help = "Example:\n  fogbell check --config ./fogbell.toml")]
    Check {
        #[command(flatten)]
        file: File,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Look at everything the relay needs, on this machine, in Mist and at the receivers, and say how to mend what is wrong
    ///
    /// Changes nothing. Exits with 0 when nothing is wrong, with 1 when something is; warnings count with --strict.
    #[command(after_help = doctor::EXAMPLE)]
    Doctor(doctor::Args),
    /// Show, check, renew or make the certificate of the listener
    #[command(subcommand)]
    #[command(after_help = "Example:\n  fogbell cert show")]
    Cert(cert::Cert),
    /// Look at the journal
    #[command(subcommand)]
    #[command(after_help = "Example:\n  fogbell journal status")]
    Journal(Journal),
    /// Show alerts as the running relay makes them
    #[command(
        after_help = "Examples:\n  fogbell tail\n  fogbell tail -n 20 --filter \"severity == 'critical'\" --json"
    )]
    Tail(tail::Args),
    /// Send a raise and a clear to the sinks by the way of every alert, and say what can be known of them
    ///
    /// Asks the running relay. Routes are not asked: the test is for the sinks that are named, or for all. The raise and its
    /// clear have the same alarm key, so that nothing stays open at the receivers. Exits with 0 when nothing went wrong at
    /// any of them.
    #[command(after_help = test::EXAMPLE)]
    Test(test::Args),
    /// Look at the webhooks in Mist, make this relay's, have Mist ping it, or switch it off
    #[command(subcommand)]
    #[command(after_help = "Example:\n  fogbell webhook list")]
    Webhook(webhook::Webhook),
    /// Show what becomes of a message, or became of an alert: events, routes, and the bytes for each sink
    #[command(after_help = "Examples:\n  fogbell explain webhook.json\n  fogbell explain 9c1e5f")]
    Explain(explain::Args),
    /// Run a table of messages, the alerts they must become and the sinks that must get them
    #[command(
        after_help = "Examples:\n  fogbell test-rules --example > rules_test.toml\n  fogbell test-rules rules_test.toml --config ./fogbell.toml"
    )]
    TestRules(test_rules::Args),
    /// Send alerts that are kept once more to one sink; they are counted first
    #[command(after_help = "Example:\n  fogbell replay --sink siem --since 6h")]
    Replay(replay::Args),
    /// Keep secrets in the vault, a sealed file
    #[command(subcommand)]
    #[command(after_help = "Example:\n  fogbell secret list")]
    Secret(secret::Secret),
    /// Print FOGBELL-MIB, for the receivers of traps
    #[command(after_help = "Example:\n  fogbell mib > FOGBELL-MIB")]
    Mib {
        /// Take the enterprise number from this configuration file
        #[arg(short, long)]
        config: Option<PathBuf>,
    },
    /// Write ready configuration for an NMS or a SIEM, made of the same tables as FOGBELL-MIB and the lines of syslog
    ///
    /// With --out the files are written and named, and a file that is there and differs is left alone; without it a pack of one
    /// file is printed.
    #[command(after_help = pack::EXAMPLE)]
    Pack(pack::Args),
    /// Take down what Mist sends and answers, without what it says: what settles the unknowns of docs/unknowns.md
    ///
    /// Reads the messages that are kept, with the relay running or stopped, and writes JSON: which fields there are, of
    /// which kinds, how often, and the vendor's own words. Names, ids, addresses and secrets are not in it.
    #[command(after_help = capture::EXAMPLE)]
    Capture(capture::Args),
    /// Write what a relay needs to go on elsewhere into one file, with the relay running or stopped
    ///
    /// In it are the journal as it is at one moment, the vault (sealed), the configuration with the files that it names,
    /// the SNMP engine, certificates and keys. What opens the vault is not.
    #[command(after_help = BACKUP_EXAMPLE)]
    Backup(backup::Args),
    /// Put what is in a backup where it was, on this machine or another; the relay must not run
    ///
    /// All of it is read and checked before anything is written. Without --replace nothing is written over.
    #[command(after_help = RESTORE_EXAMPLE)]
    Restore(restore::Args),
    /// Show the clouds of Mist: their API hosts, the addresses they post from, and as of when
    #[command(after_help = "Example:\n  fogbell clouds --json")]
    Clouds(clouds::Args),
    /// Print the rules for this machine's firewall: who may connect, and what the relay must reach
    ///
    /// Nothing is changed: look at what is printed, then load it.
    #[command(after_help = "Example:\n  fogbell firewall nftables --ssh-from 192.0.2.0/24 > fogbell.nft")]
    Firewall(firewall::Args),
    /// Run two relays behind a virtual IP
    #[command(subcommand)]
    #[command(after_help = "Example:\n  fogbell ha ready")]
    Ha(ha::Ha),
    /// Print the JSON Schema of the configuration, for editors
    #[command(after_help = "Example:\n  fogbell schema > fogbell.schema.json")]
    Schema,
    /// Help setting up receivers of SNMP
    #[command(subcommand)]
    #[command(after_help = "Example:\n  fogbell snmp probe noc")]
    Snmp(Snmp),
    /// Print the completions for a shell
    #[command(
        after_help = "Example:\n  fogbell completion bash > ~/.local/share/bash-completion/completions/fogbell"
    )]
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages and completions of all commands under a folder, as under /usr/share
    #[command(hide = true, after_help = "Example:\n  fogbell manual ~/.local/share")]
    Manual {
        /// The folder
        folder: PathBuf,
    },
}

/// The configuration a command works with.
#[derive(Args)]
struct File {
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    config: PathBuf,
}

#[derive(Subcommand)]
enum Journal {
    /// Show what is stored, how far each sink is, and what was given up
    #[command(after_help = "Example:\n  fogbell journal status --json")]
    Status {
        #[command(flatten)]
        file: File,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read everything and say what is damaged; exit 0 when nothing is, 1 when something is
    #[command(after_help = "Example:\n  fogbell journal verify")]
    Verify {
        #[command(flatten)]
        file: File,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print rows as lines of JSON; exit 1 when some are damaged, which a line says for each
    #[command(after_help = "Example:\n  fogbell journal export --log outbox --cursor siem > waiting.jsonl")]
    Export(journal_export::Args),
    /// Drop the place of a sink that is not configured any more, and what only it kept
    #[command(after_help = "Example:\n  fogbell journal forget old-siem")]
    Forget {
        /// Name of the sink
        sink: String,
        #[command(flatten)]
        file: File,
        /// Also when the sink is configured; it then starts anew, and what it had not got is lost to it
        #[arg(long)]
        configured: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum Snmp {
    /// Ask the receiver of a sink, step by step, whether it would take what the relay sends
    ///
    /// Sends a heartbeat as an inform, no alarm. What a receiver says of itself is mostly not signed: a hint for
    /// people, which changes nothing in the relay. Exits with 0 only when it works.
    #[command(after_help = "Example:\n  fogbell snmp probe noc")]
    Probe {
        /// Name of the sink
        name: String,
        #[command(flatten)]
        file: File,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the lines that tell net-snmp's snmptrapd about the SNMPv3 user of a sink
    #[command(after_help = "Example:\n  fogbell snmp user-line noc --reveal")]
    UserLine {
        /// Name of the sink
        name: String,
        #[command(flatten)]
        file: File,
        /// Print the passphrases themselves; only on a terminal
        #[arg(long)]
        reveal: bool,
    },
}

fn main() -> ExitCode {
    let command = Fogbell::parse().command;
    let form = match &command {
        Command::Run { log, .. } => *log,
        _ => log::Form::Text,
    };
    let log = match log::Log::start(form) {
        Ok(log) => log,
        Err(error) => {
            let _ = writeln!(io::stderr(), "fogbell: {error}");
            return ExitCode::FAILURE;
        }
    };
    protect::protect();
    let done = match command {
        Command::Init(args) => init::run(&args),
        Command::Run { file, .. } => run::run(&file.config),
        Command::Reload(file) => reload::ask(&file.config),
        Command::Check { file, json } => check::check(&file.config, json),
        Command::Doctor(args) => doctor::run(&args),
        Command::Cert(cert) => cert::run(cert),
        Command::Journal(Journal::Status { file, json }) => journal_status::show(&file.config, json),
        Command::Journal(Journal::Verify { file, json }) => journal_verify::show(&file.config, json),
        Command::Journal(Journal::Export(args)) => journal_export::print(&args),
        Command::Journal(Journal::Forget { sink, file, configured, json }) => {
            journal_forget::forget(&file.config, &sink, configured, json)
        }
        Command::Tail(args) => tail::show(&args),
        Command::Explain(args) => explain::show(&args),
        Command::Test(args) => test::show(&args),
        Command::Webhook(webhook) => webhook::run(webhook),
        Command::TestRules(args) => test_rules::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Capture(args) => capture::run(&args),
        Command::Backup(args) => backup::make(&args).map_err(|error| -> Box<dyn Error> { error }),
        Command::Restore(args) => restore::run(&args).map_err(|error| -> Box<dyn Error> { error }),
        Command::Clouds(args) => clouds::show(&args),
        Command::Firewall(args) => firewall::show(&args),
        Command::Ha(ha) => ha::run(&ha),
        Command::Secret(secret) => secret::run(secret).map_err(|error| -> Box<dyn Error> { error }),
        Command::Mib { config } => mib(config),
        Command::Pack(args) => pack::show(&args),
        Command::Schema => schema(),
        Command::Completion { shell } => completion(shell),
        Command::Manual { folder } => manual::write(&Fogbell::command(), &folder).map_err(Into::into),
        Command::Snmp(Snmp::Probe { name, file, json }) => probe::show(&file.config, &name, json),
        Command::Snmp(Snmp::UserLine { name, file, reveal }) => user_line::show(&file.config, &name, reveal),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // a reader that has gone (`fogbell mib | head`) is no fault
            let broken_pipe =
                error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
            // what was found was printed
            if !broken_pipe
                && !error.is::<Damaged>()
                && !error.is::<test_rules::Unheld>()
                && !error.is::<cert::Unsound>()
                && !error.is::<test::Failed>()
                && !error.is::<webhook::Lost>()
                && !error.is::<doctor::Unwell>()
            {
                log.last(error.as_ref());
            }
            exit_code(error.as_ref())
        }
    }
}

/// Something in the journal is damaged; the exit code says so too.
#[derive(Debug)]
struct Damaged;

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the journal is damaged")
    }
}

impl Error for Damaged {}

/// 78 when the configuration is at fault, so that a service manager does not start it again and again.
fn exit_code(error: &(dyn Error + 'static)) -> ExitCode {
    match error.downcast_ref::<relay::Error>() {
        Some(
            relay::Error::ReadConfig { .. } | relay::Error::ParseConfig { .. } | relay::Error::Config { .. },
        ) => ExitCode::from(78),
        _ => ExitCode::FAILURE,
    }
}

fn mib(config: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let enterprise = match config {
        Some(path) => relay::Config::load(&path)?.enterprise,
        None => snmp::Mib::DEFAULT_ENTERPRISE,
    };
    Ok(io::stdout().write_all(snmp::Mib::new(enterprise)?.text().as_bytes())?)
}

fn completion(shell: Shell) -> Result<(), Box<dyn Error>> {
    Ok(io::stdout().write_all(&manual::completion(Fogbell::command(), shell))?)
}

fn schema() -> Result<(), Box<dyn Error>> {
    Ok(writeln!(io::stdout(), "{:#}", relay::Config::schema())?)
}

const BACKUP_EXAMPLE: &str = "\
Example:
  fogbell backup /mnt/backup/fogbell.backup";

const RESTORE_EXAMPLE: &str = "\
Example, on a machine with the package and without a configuration:
  fogbell restore --check /mnt/backup/fogbell.backup
  fogbell restore /mnt/backup/fogbell.backup
  fogbell check";

const BEHIND: &str = "\
Exit codes:
  0   done
  1   failed, or what was looked at is not as it must be
  2   the arguments are at fault
  78  the configuration is at fault; a service manager does not start the relay again

Files:
  /etc/fogbell/fogbell.toml  the configuration
  /var/lib/fogbell           what the relay keeps: the journal above all
  /usr/share/doc/fogbell     how to set it up, and examples

Examples:
  fogbell check
  fogbell run";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_what_its_command_takes() {
        let examples = manual::examples(Fogbell::command());

        for example in &examples {
            let parsed = Fogbell::command().try_get_matches_from(&example.words);
            assert!(parsed.is_ok(), "{}: {}", example.of, parsed.unwrap_err());
        }
        assert!(examples.len() > 30, "{}", examples.len());
    }

    #[test]
    fn every_command_line_in_the_documentation_is_what_the_program_takes() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let places = [root.join("docs"), root.join("README.md")];
        let calls: Vec<_> =
            places.iter().flat_map(|place| manual::quoted_at(place, "fogbell").unwrap()).collect();

        let program = Fogbell::command();
        let wrong: Vec<String> = calls
            .iter()
            .filter_map(|(page, call)| {
                Some(format!("{}: {}", page.display(), manual::refusal(&program, call)?))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(calls.len() > 80, "{}", calls.len());
    }
}
