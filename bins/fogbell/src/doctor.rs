//! `fogbell doctor`: what is wrong, and what mends it.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::json;

use crate::table::table;

mod api;
mod bundle;
mod certificate;
mod clock;
mod code;
mod configuration;
mod delays;
mod disk;
mod finding;
mod journal;
mod limits;
mod listener;
mod name;
mod nat;
mod outside;
mod patient;
mod sinks;
mod sources;
mod templates;
mod webhooks;

use finding::{Finding, Status};
use patient::Patient;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    config: PathBuf,
    /// PEM file with the authorities that Mist is taken to trust. Default: those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Do not look at every site in Mist, which takes two calls for each
    #[arg(long)]
    no_sites: bool,
    /// Exit with 1 for warnings too
    #[arg(long)]
    strict: bool,
    /// Also write a support bundle into this new file: a tar archive without secrets
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Something is wrong; it was printed.
#[derive(Debug)]
pub(crate) struct Unwell;

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something is wrong")
    }
}

impl Error for Unwell {}

/// A check of one thing.
type Check = fn(&Patient<'_>) -> Vec<Finding>;

/// All of them, in the order in which what is wrong is best mended.
const CHECKS: [Check; 15] = [
    configuration::check,
    certificate::check,
    listener::check,
    name::check,
    sources::check,
    nat::check,
    api::check,
    webhooks::check,
    templates::check,
    delays::check,
    clock::check,
    disk::check,
    journal::check,
    sinks::check,
    limits::check,
];

/// Looks at everything.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let loaded = relay::Config::load(&args.config);
    let findings = match &loaded {
        Ok(config) => {
            let patient = Patient::new(config, args.ca.as_deref(), !args.no_sites);
            CHECKS.iter().flat_map(|check| check(&patient)).collect()
        }
        Err(error) => vec![configuration::unread(&args.config, error)],
    };
    if let Some(path) = &args.bundle {
        bundle::write(path, loaded.as_ref().ok(), &findings)?;
    }
    show(&findings, args)?;
    let is_wrong = |it: &Finding| it.status == Status::Fail || args.strict && it.status == Status::Warn;
    if findings.iter().any(is_wrong) { Err(Unwell.into()) } else { Ok(()) }
}

fn show(findings: &[Finding], args: &Args) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let count = |status| findings.iter().filter(|it| it.status == status).count();
    let (failed, warned) = (count(Status::Fail), count(Status::Warn));
    if args.json {
        return writeln!(out, "{:#}", json!({ "failed": failed, "warned": warned, "findings": findings }));
    }
    let mut rows = vec![["COMPONENT", "TARGET", "STATUS", "DETAILS"].map(str::to_owned)];
    for it in findings {
        rows.push([it.component.to_owned(), it.target.clone(), it.status.word().to_owned(), it.text.clone()]);
        if let Some(mend) = &it.mend {
            rows.push([String::new(), String::new(), String::new(), format!("mend: {mend}")]);
        }
    }
    out.write_all(table(&rows).as_bytes())?;
    writeln!(out, "\n{} checked, {failed} failed, {warned} to look at", findings.len())?;
    if let Some(path) = &args.bundle {
        writeln!(
            out,
            "wrote `{}`: no secrets are in it, but names and addresses are; look before you send it",
            path.display()
        )?;
    }
    Ok(())
}

/// What `--help` shows.
pub(crate) const EXAMPLE: &str = "\
Example:
  $ fogbell doctor
  COMPONENT    TARGET                     STATUS  DETAILS
  config       /etc/fogbell/fogbell.toml  PASS    the running relay goes by it (2 sinks, 0 routes)
  certificate  mist-relay.example.net     PASS    an outsider accepts it; 81 days left
  webhook      \"fogbell\"                  FAIL    switched off: nothing is posted
                                                  mend: fogbell webhook create --ask-token";
