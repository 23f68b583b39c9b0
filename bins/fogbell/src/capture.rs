//! `fogbell capture`: what Mist sends and answers, without what it says.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use ids::Timestamp;
use journal::{Entry, Export, Log, Position};
use relay::Config;
use serde_json::{Value, json};

use crate::access::{Access, AccessArgs, wait};
use crate::socket;

mod asked;
mod posted;

use posted::Posted;

pub(crate) const EXAMPLE: &str =
    "Examples:\n  fogbell capture > capture.json\n  fogbell capture --api --org acme --out capture.json";

/// What is captured.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    access: AccessArgs,
    /// Also ask Mist, by some ten calls that change nothing, and take down the shape of its answers
    #[arg(long)]
    api: bool,
    /// Write into this new file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Captures, and writes JSON.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.access.config)?;
    let asked = match args.api {
        true => {
            let access = Access::of(&args.access)?;
            wait(asked::all(&access.client, access.org_id))?
        }
        false => Value::Null,
    };
    let captured = json!({
        "captured": Timestamp::now().to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "note": NOTE,
        "webhooks": posted(&config)?,
        "api": asked,
    });
    let text = format!("{captured:#}\n");
    match &args.out {
        Some(path) => write(path, &text)?,
        None => io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(())
}

/// What is in the inbox, with the relay running or stopped.
fn posted(config: &Config) -> Result<Value, Box<dyn Error>> {
    let running = socket::is_running(config)?;
    let mut export = Export::open(&config.journal_path(), running, Log::Inbox, Position::new(0))?;
    let mut posted = Posted::default();
    loop {
        let entries = export.next_rows()?;
        if entries.is_empty() {
            return Ok(posted.to_json());
        }
        for entry in &entries {
            if let Entry::Row(row) = entry
                && relay::is_webhook(row)
            {
                posted.add(Timestamp::from_micros(row.at), &row.body);
            }
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    if path.symlink_metadata().is_ok() {
        return Err(format!("`{}` exists already; a capture goes into a new file", path.display()).into());
    }
    Ok(pki::write_durably(path, text.as_bytes(), 0o600)?)
}

/// What stands first in every capture.
const NOTE: &str = "Shapes, counts and the vendor's words; no names, ids, addresses or secrets. Look through it before you \
                    give it away. docs/unknowns.md says what each part settles.";
