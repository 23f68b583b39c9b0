//! Everything around an onboarding as one program: cloud, conductor behind HTTPS and SSH, and routers that live.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use fogbell_testkit::cloud::CloudSettings;
use fogbell_testkit::conductor::{ConductorSettings, Pace};
use fogbell_testkit::estate::{EstateSettings, WholeEstate};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

mod command;
#[path = "../cloud/command.rs"]
mod of_cloud;

/// Be everything around an onboarding: a Mist cloud, a conductor, and routers that act once they are assigned.
///
/// The first line on standard output is a JSON object that says where everything is; the files that it names are in the
/// folder. Then every line on standard input is a command that is answered by one line, {"ok": …} or {"error": …}. Ends at
/// the end of the input, at `quit`, at Ctrl-C or SIGTERM.
#[derive(Parser)]
#[command(name = "fogbell-testkit-estate", version, after_long_help = help())]
struct Args {
    /// Write the files into this folder, which exists
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,

    /// Virtual routers of one node
    #[arg(long, value_name = "N", default_value_t = 1)]
    routers: usize,

    /// Routers of hardware
    #[arg(long, value_name = "N", default_value_t = 0)]
    hardware: usize,

    /// Virtual routers of two nodes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pairs: usize,

    /// Routers that run in the legacy way
    #[arg(long, value_name = "N", default_value_t = 0)]
    legacy: usize,

    /// Sites
    #[arg(long, value_name = "N", default_value_t = 1)]
    sites: usize,

    /// Leave the conductor without the routers that are to be onboarded
    #[arg(long)]
    unconfigured: bool,

    /// Give the conductor two nodes
    #[arg(long)]
    conductor_pair: bool,

    /// Secure onboarding is in effect on the conductor already, by a router of somebody else's
    #[arg(long)]
    in_effect: bool,

    /// The conductor's software
    #[arg(long, default_value_t = ConductorSettings::default().version)]
    conductor_version: String,

    /// Give the conductor the documented ports 930, 933, 4505 and 4506 on loopback addresses of its own; needs root
    #[arg(long)]
    ports: bool,

    /// Put the conductor's command line behind OpenSSH with this program as login shell; needs root
    #[arg(long, value_name = "FOGBELL-TESTKIT-PCLI")]
    pcli: Option<PathBuf>,

    /// Seconds from a router's being taken to `completed`
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    completed: u32,

    /// Seconds from a router's being taken to `running`
    #[arg(long, value_name = "SECONDS", default_value_t = 240)]
    running: u32,

    /// Divide those seconds by this
    #[arg(long, value_name = "N", default_value_t = 1)]
    time_factor: u32,

    /// Calls per token and hour before a 429
    #[arg(long, default_value_t = 5_000)]
    calls_per_hour: u64,

    /// What the ids are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match error.source() {
                Some(cause) => eprintln!("fogbell-testkit-estate: {error}: {cause}"),
                None => eprintln!("fogbell-testkit-estate: {error}"),
            }
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    format!("{}\n\nBehind `cloud`:\n{}", command::HELP, of_cloud::HELP)
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let mut estate = WholeEstate::start(settings(&args)).await?;
    if let Some(pcli) = &args.pcli {
        let folder = args.folder.join("ssh");
        std::fs::create_dir_all(&folder)?;
        // a login shell is named by an absolute path
        estate.serve_ssh(&std::path::absolute(folder)?, &std::path::absolute(pcli)?)?;
    }
    say(&estate.write(&std::path::absolute(&args.folder)?)?)?;

    let (lines, mut commands) = mpsc::channel(16);
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut terminated = signal(SignalKind::terminate())?;
    loop {
        let line = tokio::select! {
            _ = &mut interrupted => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            line = commands.recv() => line,
        };
        match line.as_deref().map(str::trim) {
            None | Some("quit") => return Ok(()),
            Some("") => {}
            Some(line) => say(&match command::run(&estate, line).await {
                Ok(answer) => json!({ "ok": answer }),
                Err(error) => json!({ "error": error.to_string() }),
            })?,
        }
    }
}

fn settings(args: &Args) -> EstateSettings {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let pace = Pace { completed: seconds(args.completed), running: seconds(args.running) };
    EstateSettings {
        virtual_routers: args.routers,
        hardware: args.hardware,
        pairs: args.pairs,
        legacy: args.legacy,
        sites: args.sites,
        configured: !args.unconfigured,
        documented_ports: args.ports,
        cloud: CloudSettings { calls_per_hour: args.calls_per_hour, ..CloudSettings::default() },
        conductor: ConductorSettings {
            pair: args.conductor_pair,
            in_effect: args.in_effect,
            version: args.conductor_version.clone(),
            pace: pace.divided_by(args.time_factor),
            ..ConductorSettings::default()
        },
        seed: args.seed,
    }
}

fn say(line: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
