//! What the journal tells of the time before the start.

use std::collections::BTreeMap;

use alarm::{Own, OwnKind, State};
use ids::Timestamp;
use journal::{AppendError, Journal, Log, Position, Priority, Salvaged};
use tracing::{error, warn};

use crate::error::Error;
use crate::inbox;
use crate::interpreter::failed;

/// When the newest entry of the inbox had come.
pub(super) fn last_entry(journal: &Journal) -> Result<Option<Timestamp>, Error> {
    let end = journal.tail(Log::Inbox).borrow().number();
    let mut reader = journal.reader(Log::Inbox).map_err(failed("opening the inbox"))?;
    let last =
        reader.read(Position::new(end.saturating_sub(1)), 1, 1).map_err(failed("reading the inbox"))?;
    Ok(last.iter().find_map(|entry| match entry {
        journal::Entry::Row(row) => Some(Timestamp::from_micros(row.at)),
        journal::Entry::Damaged { .. } => None,
    }))
}

/// When the newest webhook of each organisation had come, as far as they are among the newest entries.
pub(super) fn last_messages(journal: &Journal) -> Result<BTreeMap<String, Timestamp>, Error> {
    let mut last = BTreeMap::new();
    let end = journal.tail(Log::Inbox).borrow().number();
    let mut reader = journal.reader(Log::Inbox).map_err(failed("opening the inbox"))?;
    let mut after = end.saturating_sub(LOOKED_BACK);
    while after < end {
        let entries = reader.read(Position::new(after), AT_ONCE, AT_ONCE_BYTES);
        let entries = entries.map_err(failed("reading the inbox"))?;
        after = entries.last().map_or(end, |entry| entry.position().number());
        for entry in entries {
            if let journal::Entry::Row(row) = entry
                && inbox::is_webhook(&row)
            {
                last.insert(row.org, Timestamp::from_micros(row.at));
            }
        }
    }
    Ok(last)
}

/// Says what became of a damaged journal, in the log and by an alert that is stored before anything else.
pub(super) fn tell_salvaged(journal: &Journal, salvaged: &Salvaged) -> Result<(), Error> {
    let Salvaged { why, kept, saved, lost, cursors, cursors_lost, state, took, .. } = salvaged;
    error!(
        why,
        kept = %kept.display(),
        inbox_saved = saved[0],
        inbox_lost = lost[0],
        outbox_saved = saved[1],
        outbox_lost = lost[1],
        cursors,
        cursors_lost,
        state,
        took_ms = took.as_millis(),
        "the journal was damaged; what is whole of it was saved into a new one"
    );
    for removed in &salvaged.removed {
        warn!(path = %removed.display(), "an older damaged journal was removed: two are kept");
    }
    let repeats = if *cursors_lost { "; sinks whose place was lost repeat what is kept" } else { "" };
    let text = format!(
        "the journal was damaged ({why}): {} messages and {} alerts were saved, {} messages and {} alerts were \
         lost{repeats}; the damaged file is kept as {}; check the disk",
        saved[0],
        saved[1],
        lost[0],
        lost[1],
        kept.display()
    );
    let count = lost[0] + lost[1];
    let own = Own {
        kind: OwnKind::JournalDamaged,
        resource: "journal".to_owned(),
        state: State::Event,
        text,
        count,
        severity: None,
        duration_secs: None,
    };
    let stored = journal.blocking_append(inbox::own(Timestamp::now(), &own), Priority::Own);
    match stored {
        // it is in the log, and a relay without room has to start all the same
        Ok(_) | Err(AppendError::Full) => Ok(()),
        Err(source) => Err(failed("storing the relay's own alert")(source)),
    }
}

/// How many entries are looked at for the newest webhooks, and how many at once.
const LOOKED_BACK: u64 = 1024;
const AT_ONCE: usize = 256;
const AT_ONCE_BYTES: usize = 1 << 20;
