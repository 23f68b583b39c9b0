//! `fogpilot export-tokens`: the endorsement keys of routers, as Mist has them.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sco::input::Row;

use crate::access::Access;
use crate::exit::{Done, Exit, Failure};
use crate::output::Format;
use crate::routers::List;

mod answer;
mod ask;
mod judge;

use answer::Answer;
use judge::{Outcome, Router};

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot export-tokens --cloud global-01 --org 0c160b7f-1027-4cd1-923b-744534c4b070 \\
    --token-file mist.token --conductor-host 203.0.113.10 --out keys.csv routers.csv
  fogpilot export-tokens --profile prod --vault-key fogpilot.key --out keys.csv routers.csv")]
pub(crate) struct Args {
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    access: Access,
    /// File for the keys: CSV with name, node, mac, spki_sha256 and mist_key, mode 0600
    ///
    /// It is written when everything has been asked and judged. A key that Mist said is no witness for what Mist said, so
    /// `mist_key` does not go into the column `ek` of a list of routers.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace that file when there is one
    #[arg(long)]
    replace: bool,
    /// How to write what became of each row
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Exports the keys and tells what became of each row.
pub(crate) fn export(args: &Args) -> Done {
    let rows = match args.list.read()? {
        Ok(rows) => rows,
        Err(faults) => {
            let places = args.list.places(&faults);
            writeln!(io::stderr(), "{places}fogpilot: {faults}; Mist was not asked")?;
            return Ok(Exit::Usage);
        }
    };
    if !args.replace && fs::symlink_metadata(&args.out).is_ok() {
        let path = args.out.display();
        return Err(Failure::usage(format!("`{path}` exists; give another name, or --replace")));
    }
    let (routers, refused) = asked(&args.access, rows)?;
    let exported: Vec<&Router> = routers.iter().filter(|router| router.key().is_some()).collect();
    if !exported.is_empty() {
        write(&args.out, &exported)?;
    }
    let (good, all) = (exported.len(), routers.len());
    Answer::of(&routers, &args.out).print(args.output)?;
    let written =
        if good > 0 { format!("are in `{}`", args.out.display()) } else { "were exported".to_owned() };
    writeln!(io::stderr(), "fogpilot: {good} of {all} endorsement keys {written}")?;
    Ok(match good {
        _ if good == all => Exit::Ok,
        0 if refused => Exit::Auth,
        0 => Exit::Failed,
        _ => Exit::Partial,
    })
}

/// What Mist said of each row, judged, and whether it refused the token on the way.
fn asked(access: &Access, rows: Vec<Row>) -> Result<(Vec<Router>, bool), Failure> {
    let (client, org) = access.client()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(async {
        tokio::select! {
            answers = ask::ask(&client, org, rows) => answers,
            interrupt = tokio::signal::ctrl_c() => {
                interrupt?;
                Err(Failure::of(Exit::Interrupted, "interrupted; nothing was written"))
            }
        }
    })?;
    let mut routers: Vec<Router> = answers.rows.into_iter().map(Router::judge).collect();
    judge::judge_together(&mut routers);
    Ok((routers, answers.refused))
}

fn write(path: &Path, exported: &[&Router]) -> Result<(), Failure> {
    let mut text = csv::Writer::from_writer(Vec::new());
    text.write_record(["name", "node", "mac", "spki_sha256", "mist_key"])?;
    for router in exported {
        let Outcome::Exported { key, .. } = &router.outcome else { continue };
        let mac = router.mac.map(|mac| mac.to_string()).unwrap_or_default();
        let (name, node) = (router.holder.router.as_str(), router.holder.node.as_str());
        text.write_record([name, node, &mac, &key.fingerprint().to_string(), &key.to_base64()])?;
    }
    let bytes = text.into_inner().map_err(|error| error.to_string())?;
    Ok(pki::write_durably(path, &bytes, 0o600)?)
}
