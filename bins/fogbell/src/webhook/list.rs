//! `fogbell webhook list`.

use std::error::Error;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::found::{self, Found};
use super::here::Here;
use super::secret;
use crate::access::{Access, AccessArgs, wait};
use crate::secrets::Secrets;
use crate::table::table;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    access: AccessArgs,
    /// Also show those that point elsewhere
    #[arg(short, long)]
    all: bool,
    /// Do not look at the sites, which takes a call for each
    #[arg(long)]
    no_sites: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Shows them.
pub(super) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    let access = Access::of(&args.access)?;
    let here = Here::of(&access.config, access.org());
    let (known, _) = secret::known(&Secrets::of(&access.config), access.org());
    let all = wait(found::all(&access.client, access.org_id, !args.no_sites))??;
    let shown: Vec<&Found> = all.iter().filter(|it| args.all || it.is_here(&here)).collect();
    let mut out = io::stdout().lock();
    if args.json {
        let rows: Vec<Value> = shown.iter().map(|it| it.json(&all, &here, &known)).collect();
        writeln!(out, "{:#}", json!({ "org": access.org().name, "url": here.url(), "webhooks": rows }))?;
        return Ok(());
    }
    if shown.is_empty() {
        let url = here.url().unwrap_or_else(|| "this relay".to_owned());
        writeln!(
            out,
            "no webhook of {} posts to {url}; `fogbell webhook create` makes one",
            access.org().name
        )?;
        return Ok(());
    }
    let head = ["OF", "NAME", "ID", "ENABLED", "CERTIFICATE", "SECRET", "TOPICS", "URL", "NOTES"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(shown.iter().map(|it| {
        let word = |is: bool, yes: &str, no: &str| if is { yes } else { no }.to_owned();
        [
            it.site.as_ref().map_or_else(|| "organisation".to_owned(), |site| format!("site {site}")),
            it.webhook.name.clone().unwrap_or_default(),
            it.id().map_or_else(String::new, ToString::to_string),
            word(it.is_enabled(), "yes", "NO"),
            word(it.verifies(), "checked", "NOT checked"),
            it.secret_word(&known).to_owned(),
            it.webhook.topics.join(","),
            it.webhook.url.clone().unwrap_or_default(),
            it.notes(&all, &here, &known).join("; "),
        ]
    }));
    Ok(out.write_all(table(&rows).as_bytes())?)
}

/// What `--help` shows.
pub(super) const EXAMPLE: &str = "\
Example:
  $ fogbell webhook list
  OF            NAME     ID    ENABLED  CERTIFICATE  SECRET      TOPICS         URL                            NOTES
  organisation  fogbell  4f…   yes      checked      known here  alarms,audits  https://relay.example.net/v1/mist";
