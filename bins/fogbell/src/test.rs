//! `fogbell test`: a raise and a clear for the sinks, and what can be known of them.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use relay::{Config, TEST};
use serde::Deserialize;
use serde_json::json;

use crate::alerts::ask;
use crate::table::table;

/// Which sinks.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Test only this sink; may be repeated
    #[arg(short, long, value_name = "NAME")]
    sink: Vec<String>,
    /// Seconds to wait for what becomes of it, at most 50
    #[arg(short, long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=50))]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    config: PathBuf,
}

/// What the relay tells.
#[derive(Debug, Deserialize)]
struct Report {
    wait_secs: u64,
    sinks: Vec<Tested>,
}

#[derive(Debug, Deserialize)]
struct Tested {
    sink: String,
    receiver: String,
    means: String,
    outcome: String,
    key: Option<String>,
    /// After how many milliseconds raise and clear were delivered.
    ms: Vec<Option<u64>>,
    error: Option<String>,
}

/// Something went wrong at a sink; it was printed.
#[derive(Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the test did not get through everywhere")
    }
}

impl Error for Failed {}

/// Tests, and says what became of it.
pub(crate) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.config)?;
    let told = ask(&config, &json!({ "command": TEST, "sinks": args.sink, "wait_secs": args.wait }))?;
    let report: Report = serde_json::from_value(told.clone())?;
    let mut out = io::stdout().lock();
    match args.json {
        true => writeln!(out, "{told:#}")?,
        false => out.write_all(lines(&report).as_bytes())?,
    }
    match report.sinks.iter().all(Tested::is_good) {
        true => Ok(()),
        false => Err(Failed.into()),
    }
}

fn lines(report: &Report) -> String {
    let mut rows = vec![["SINK", "RECEIVER", "BY", "RESULT", "DETAILS"].map(str::to_owned)];
    rows.extend(report.sinks.iter().map(|tested| {
        [
            tested.sink.clone(),
            tested.receiver.clone(),
            tested.by().to_owned(),
            tested.result().to_owned(),
            tested.details(report.wait_secs),
        ]
    }));
    table(&rows)
}

impl Tested {
    fn is_good(&self) -> bool {
        matches!(self.outcome.as_str(), "acknowledged" | "settled" | "sent")
    }

    fn by(&self) -> &str {
        match self.means.as_str() {
            "trap" => "trap",
            "inform" => "inform",
            "udp" => "syslog UDP",
            "tcp" => "syslog TCP",
            "tls" => "syslog TLS",
            other => other,
        }
    }

    fn result(&self) -> &str {
        match self.outcome.as_str() {
            "acknowledged" => "acknowledged",
            "settled" => "written",
            "sent" => "sent",
            _ => "FAILED",
        }
    }

    fn details(&self, waited: u64) -> String {
        let error = self.error.as_deref().unwrap_or("no attempt has failed yet");
        let times = match self.ms.as_slice() {
            [Some(raise), Some(clear)] => format!("raise after {raise} ms, clear after {clear} ms"),
            _ => String::new(),
        };
        let key = self.key.as_deref().unwrap_or("-");
        match self.outcome.as_str() {
            "acknowledged" => format!("{times}, both acknowledged; alarm key {key}"),
            "settled" => {
                format!("{times}, and the connection was still healthy a moment later; alarm key {key}")
            }
            "sent" => format!(
                "{times}, handed to the kernel; whether they arrived cannot be known: look for alarm key {key} there"
            ),
            "doubtful" => format!("handed to the kernel and hardly arrived: {error}"),
            "lost" => format!("not delivered and not tried again: {error}"),
            "late" => format!("not delivered within {waited} s, and still tried: {error}"),
            _ => error.to_owned(),
        }
    }
}

/// What `--help` shows.
pub(crate) const EXAMPLE: &str = "\
Example:
  $ fogbell test --sink noc --sink siem
  SINK  RECEIVER         BY          RESULT        DETAILS
  noc   192.0.2.50:162   inform      acknowledged  raise after 9 ms, clear after 12 ms, both acknowledged; alarm key …
  siem  192.0.2.60:6514  syslog TLS  written       raise after 2014 ms, clear after 2014 ms, and the connection was …";
