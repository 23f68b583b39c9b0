//! A fake Mist cloud as a program: a REST API behind HTTPS that keeps state, driven by lines on standard input.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, thread};

use clap::{ArgGroup, Parser};
use fogbell_testkit::Trust;
use fogbell_testkit::cloud::{CloudSettings, Estate, FakeCloud, Payloads};
use serde_json::{Value, json};
use tokio::sync::mpsc;

mod command;

/// Be a Mist cloud: serve its REST API over HTTPS and post signed deliveries when something happens.
///
/// The first line on standard output is a JSON object: address, the file with the authority of the certificate,
/// and the organisations with their tokens. Then every line on standard input is a command that is answered by
/// one line, {"ok": …} or {"error": …}. Ends at the end of the input, at `quit` or at Ctrl-C.
#[derive(Parser)]
#[command(name = "fogbell-testkit-cloud", version, after_long_help = command::HELP)]
#[command(group = ArgGroup::new("receivers").args(["trust", "danger_insecure"]))]
struct Args {
    /// Listen here
    #[arg(long, default_value = "127.0.0.1:0")]
    address: SocketAddr,

    /// Write the authority of the cloud's certificate to this PEM file
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,

    /// PEM file with the authority of the webhook receivers' certificates
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,

    /// Accept any certificate of a webhook receiver
    #[arg(long)]
    danger_insecure: bool,

    /// What the organisations are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Have one organisation with so many sites instead
    #[arg(long, requires = "devices")]
    sites: Option<usize>,

    /// So many devices in these sites
    #[arg(long, requires = "sites")]
    devices: Option<usize>,

    /// Seconds since these were made and last changed
    #[arg(long, default_value_t = 0)]
    age: u32,

    /// Calls per token and hour before a 429
    #[arg(long, default_value_t = 5_000)]
    calls_per_hour: u64,

    /// Write payloads into the delivery log as the contract's example has them, with escaped quotation marks
    #[arg(long)]
    escaped_payloads: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match error.source() {
                Some(cause) => eprintln!("fogbell-testkit-cloud: {error}: {cause}"),
                None => eprintln!("fogbell-testkit-cloud: {error}"),
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let cloud = FakeCloud::start(settings(&args)?).await?;
    fs::write(&args.ca, cloud.ca_pem())
        .map_err(|error| format!("cannot write `{}`: {error}", args.ca.display()))?;
    say(&introduction(&cloud, &args)?)?;

    let (lines, mut commands) = mpsc::channel(16);
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let line = tokio::select! {
            _ = &mut interrupted => return Ok(()),
            line = commands.recv() => line,
        };
        match line.as_deref().map(str::trim) {
            None | Some("quit") => return Ok(()),
            Some("") => {}
            Some(line) => say(&match command::run(&cloud, line).await {
                Ok(answer) => json!({ "ok": answer }),
                Err(error) => json!({ "error": error.to_string() }),
            })?,
        }
    }
}

fn settings(args: &Args) -> Result<CloudSettings, Box<dyn Error>> {
    let trust = match &args.trust {
        Some(path) => {
            let pem = fs::read_to_string(path)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
            Some(Trust::pem(&pem)?)
        }
        None if args.danger_insecure => {
            eprintln!("warning: any certificate of a receiver is accepted");
            Some(Trust::danger_any())
        }
        None => None,
    };
    Ok(CloudSettings {
        address: args.address,
        estate: match (args.sites, args.devices) {
            (Some(sites), Some(devices)) => Estate::large(sites, devices, args.seed),
            _ => Estate::small(args.seed),
        },
        estate_age: Duration::from_secs(args.age.into()),
        trust,
        calls_per_hour: args.calls_per_hour,
        payloads: if args.escaped_payloads { Payloads::Escaped } else { Payloads::Exact },
        ..CloudSettings::default()
    })
}

fn introduction(cloud: &FakeCloud, args: &Args) -> Result<Value, Box<dyn Error>> {
    let mut organisations = Vec::new();
    for org in cloud.organisations() {
        organisations.push(json!({
            "id": org,
            "name": cloud.organisation_name(org)?,
            "token": cloud.token(org),
            "read_token": cloud.read_token(org),
            "sites": cloud.sites(org)?.len(),
            "devices": cloud.devices(org)?.len(),
        }));
    }
    let ca = args.ca.display().to_string();
    Ok(json!({ "address": cloud.address(), "ca": ca, "organisations": organisations }))
}

fn say(line: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
