//! `fogbell journal forget`: the place of a sink that is gone, with the relay running or stopped.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use journal::{CursorError, Journal, Options};
use relay::{Config, JOURNAL_FORGET};
use serde_json::{Value, json};
use tracing::warn;

use crate::socket;

/// Drops the cursor `sink` of the journal of the configuration at `path` and says what only it kept.
pub(crate) fn forget(path: &Path, sink: &str, configured: bool, json: bool) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    if sink.starts_with('@') {
        return Err(format!("`{sink}` is the relay's own place in the journal, not a sink's").into());
    }
    let is_configured = config.sink_names().any(|name| name == sink);
    if is_configured && !configured {
        return Err(format!(
            "sink `{sink}` is configured; what it has not got would be lost to it. Remove it from `{}` first, or say \
             --configured",
            path.display()
        )
        .into());
    }
    let request = json!({ "command": JOURNAL_FORGET, "sink": sink });
    let dropped = match socket::request(&config, &request)? {
        Some(dropped) => dropped,
        None => stopped(&config, sink)?,
    };
    if json {
        return Ok(writeln!(io::stdout(), "{dropped:#}")?);
    }
    let number = |name: &str| dropped[name].as_u64().unwrap_or(0);
    let text = format!(
        "forgot `{sink}`: {} alerts ({} bytes) it had not got; {} had been given up before\n",
        number("behind_records"),
        number("behind_bytes"),
        number("given_up_records")
    );
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// The same in the file, which nobody else has open.
fn stopped(config: &Config, sink: &str) -> Result<Value, Box<dyn Error>> {
    let path = config.journal_path();
    // an open would make one that is missing
    journal::inspect(&path)?;
    let options = Options { max_bytes: config.journal.max_bytes, ..Options::default() };
    let journal = Journal::open(&path, &options)?;
    if let Some(salvaged) = journal.salvaged() {
        warn!(?salvaged, "the journal was damaged; what is whole of it was saved into a new one");
    }
    let found = journal.status()?.cursors.into_iter().find(|cursor| cursor.name == sink);
    let forgotten = journal.blocking_forget(sink);
    journal.blocking_close()?;
    match (found, forgotten) {
        (Some(cursor), Ok(_)) => Ok(serde_json::to_value(cursor)?),
        (None, _) | (_, Err(CursorError::Unknown { .. })) => Err(unknown(sink).into()),
        (_, Err(error)) => Err(error.into()),
    }
}

fn unknown(sink: &str) -> String {
    format!("the journal knows no sink `{sink}`; `fogbell journal status` lists them")
}
