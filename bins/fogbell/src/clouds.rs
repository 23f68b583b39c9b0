//! `fogbell clouds`: the clouds of Mist and the addresses they post from.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use relay::Config;
use webhook::CloudTable;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show what this configuration goes by, which may name a file of its own
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// Print JSON, the form of the file that `clouds` in [gate] names
    #[arg(long)]
    json: bool,
}

/// Prints the clouds, the hosts of their APIs and the addresses they post from.
pub(crate) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    let table = match &args.config {
        Some(path) => relay::cloud_table(&Config::load(path)?)?,
        None => CloudTable::bundled(),
    };
    let mut out = io::stdout().lock();
    if args.json {
        return Ok(writeln!(out, "{}", table.json())?);
    }
    writeln!(out, "as of {}", table.as_of())?;
    if !table.source().is_empty() {
        writeln!(out, "source: {}", table.source())?;
    }
    writeln!(out, "\n{:<10} {:<17} webhooks come from", "cloud", "API host")?;
    for cloud in table.clouds() {
        let networks: Vec<String> =
            table.allowlist(cloud).networks().iter().map(ToString::to_string).collect();
        writeln!(out, "{:<10} {:<17} {}", cloud.name(), cloud.api_host(), networks.join(", "))?;
    }
    Ok(())
}
