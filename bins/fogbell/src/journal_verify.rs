//! `fogbell journal verify`: everything read and judged, with the relay running or stopped.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use journal::Verified;
use relay::Config;

use crate::{Damaged, socket};

/// Verifies the journal of the configuration at `path` and says what was found.
pub(crate) fn show(path: &Path, json: bool) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let journal = config.journal_path();
    let verified = journal::verify(&journal, socket::is_running(&config)?)?;
    let text = if json {
        serde_json::to_string_pretty(&verified)? + "\n"
    } else {
        format!("journal   {}\n{}", journal.display(), report(&verified))
    };
    io::stdout().write_all(text.as_bytes())?;
    if verified.whole { Ok(()) } else { Err(Damaged.into()) }
}

fn report(verified: &Verified) -> String {
    let Verified { rows, lost_before, cursors, state, damage, more_damage, .. } = verified;
    let mut text = format!(
        "whole     {} entries of the inbox, {} alerts of the outbox, {cursors} cursors, {state} state values\n",
        rows[0], rows[1]
    );
    if *lost_before != [0, 0] {
        let [inbox, outbox] = lost_before;
        let _ =
            writeln!(text, "lost      {inbox} entries and {outbox} alerts, to damage that was told earlier");
    }
    for what in damage {
        let _ = writeln!(text, "DAMAGED   {what}");
    }
    if *more_damage > 0 {
        let _ = writeln!(text, "DAMAGED   and {more_damage} more");
    }
    text
}
