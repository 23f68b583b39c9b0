//! What the subcommands may ask of alerts that are kept: show them, find one, send some once more.

use std::time::Duration;

use alarm::{Alert, Audience, Origin};
use ids::Timestamp;
use journal::{AppendError, Entry, Journal, Log, Position, Priority, Reader, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::Error;
use crate::error::Chain;
use crate::inbox::{self, Inbox};
use crate::interpreter::failed;

/// Which alerts are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// Those behind this position; else as `last` says.
    after: Option<u64>,
    /// From so many before the newest one on.
    last: u64,
    /// When the first and the last of them were made, in microseconds since 1970.
    since: Option<i64>,
    until: Option<i64>,
    /// Whether to wait a moment for one, when there is none yet.
    wait: bool,
}

/// An alert as it is kept.
#[derive(Debug, Serialize)]
struct Kept {
    position: u64,
    at: i64,
    alert: Box<serde_json::value::RawValue>,
}

impl Wanted {
    /// Some of them, and the position behind which the next ones are.
    pub(super) async fn find(self, journal: &Journal) -> Result<Value, String> {
        let mut tail = journal.tail(Log::Outbox);
        let newest = tail.borrow_and_update().number();
        let after = self.after.unwrap_or_else(|| newest.saturating_sub(self.last));
        if self.wait && newest <= after {
            let _nothing_yet = timeout(WAIT, tail.changed()).await;
        }
        reading(journal, Log::Outbox, move |reader| {
            let entries = reader.read(Position::new(after), ROWS, BYTES).map_err(failed(READING))?;
            let next = entries.last().map_or(after, |entry| entry.position().number());
            let mut done = false;
            let mut alerts = Vec::new();
            for row in rows(entries) {
                if self.until.is_some_and(|until| row.at > until) {
                    done = true;
                    break;
                }
                if self.since.is_none_or(|since| row.at >= since)
                    && let Ok(alert) = serde_json::from_slice(&row.body)
                {
                    alerts.push(Kept { position: row.position.number(), at: row.at, alert });
                }
            }
            Ok(json!({ "alerts": alerts, "next": next, "done": done || next >= newest }))
        })
        .await
    }
}

/// The newest alert whose id begins with `prefix`, and the message that it was made of when that is kept.
pub(super) async fn find_alert(journal: &Journal, prefix: &str) -> Result<Value, String> {
    let is_id = (4..=32).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(format!("`{prefix}` is no alert's id: 4 to 32 hexadecimal digits"));
    }
    let prefix = prefix.to_ascii_lowercase();
    let newest = journal.tail(Log::Outbox).borrow().number();
    let wanted = prefix.clone();
    let found = reading(journal, Log::Outbox, move |reader| {
        let mut end = newest;
        while end > newest.saturating_sub(SEARCHED) {
            let begin = end.saturating_sub(BLOCK);
            let mut found = None;
            let mut after = begin;
            while after < end {
                let entries = reader.read(Position::new(after), ROWS, BYTES).map_err(failed(READING))?;
                let Some(last) = entries.last() else { break };
                after = last.position().number();
                for row in rows(entries).filter(|row| row.position.number() <= end) {
                    if has_id(&row.body, &wanted) {
                        found = Some(row);
                    }
                }
            }
            if found.is_some() || begin == 0 {
                return Ok(found);
            }
            end = begin;
        }
        Ok(None)
    });
    let Some(row) = found.await? else {
        return Err(format!("no alert whose id begins with {prefix} is kept"));
    };
    let alert: Value = serde_json::from_slice(&row.body).map_err(|error| error.to_string())?;
    let made_at = row.at;
    let id: Option<alarm::AlertId> = alert["id"].as_str().and_then(|id| id.parse().ok());
    let source = reading(journal, Log::Inbox, move |reader| source_of(reader, id, made_at)).await?;
    Ok(json!({
        "position": row.position.number(),
        "at": row.at,
        "alert": alert,
        "message": source.map(|row| json!({
            "position": row.position.number(),
            "at": row.at,
            "org": row.org,
            "peer": row.peer,
            "body": String::from_utf8_lossy(&row.body),
        })),
    }))
}

/// The entry of the inbox that an alert was made of; it had come shortly before the alert was made.
fn source_of(reader: &mut Reader, id: Option<alarm::AlertId>, made_at: i64) -> Result<Option<Row>, Error> {
    let Some(id) = id else { return Ok(None) };
    let mut after = Position::ZERO;
    // one for all: making one takes longer than interpreting with it, and what it remembers changes no id
    let mut interpreter = alarm::Interpreter::default();
    loop {
        let entries = reader.read(after, ROWS, BYTES).map_err(failed(READING))?;
        let Some(last) = entries.last() else { return Ok(None) };
        after = last.position();
        for row in rows(entries) {
            if row.at > made_at {
                return Ok(None);
            }
            if made_at - row.at > SOURCE_WITHIN_MICROS {
                continue;
            }
            let Some(entry) = inbox::entry(&row) else { continue };
            let read = interpreter.read(entry);
            let effects = interpreter.step(&alarm::Known::new(), read);
            if effects.alerts.iter().any(|alert| alert.id == id) {
                return Ok(Some(row));
            }
        }
    }
}

/// Has the alerts at `positions` sent once more to `sink`; how many were.
pub(super) async fn replay(
    journal: &Journal,
    inbox: &Inbox,
    sink: &str,
    positions: &[u64],
) -> Result<Value, String> {
    if positions.len() > MOST_AT_ONCE {
        return Err(format!("at most {MOST_AT_ONCE} alerts are replayed with one request"));
    }
    let wanted = positions.to_vec();
    let alerts = reading(journal, Log::Outbox, move |reader| {
        let mut alerts = Vec::new();
        for position in wanted {
            let before = Position::new(position.saturating_sub(1));
            let entries = reader.read(before, 1, 1).map_err(failed(READING))?;
            let row = rows(entries).find(|row| row.position.number() == position);
            alerts.extend(row.and_then(|row| serde_json::from_slice::<Alert>(&row.body).ok()));
        }
        Ok(alerts)
    })
    .await?;
    let mut replayed = 0;
    for mut alert in alerts {
        alert.origin = Origin::Replay;
        alert.audience = Audience::Only { sink: sink.to_owned() };
        match inbox.store(inbox::replayed(Timestamp::now(), &alert), Priority::Normal).await {
            Ok(_) => replayed += 1,
            Err(AppendError::Full) => {
                return Err(format!(
                    "the journal has no room; {replayed} alerts were replayed before it was full"
                ));
            }
            Err(error) => return Err(Chain(&error).to_string()),
        }
    }
    Ok(json!({ "replayed": replayed }))
}

/// The state under `keys`, each in hexadecimal digits, as an interpreter asks for it.
pub(super) async fn state(journal: &Journal, keys: Vec<String>) -> Result<Value, String> {
    if keys.len() > MOST_AT_ONCE {
        return Err(format!("at most {MOST_AT_ONCE} keys are looked up with one request"));
    }
    reading(journal, Log::Inbox, move |reader| {
        let mut found = serde_json::Map::new();
        for key in keys {
            let Some(bytes) = bytes_of(&key) else { continue };
            if let Some(value) = reader.state(&bytes).map_err(failed(READING))? {
                found.insert(key, digits(&value).into());
            }
        }
        Ok(Value::Object(found))
    })
    .await
}

/// Bytes as hexadecimal digits, as keys and values of the state travel to and from the admin socket.
#[must_use]
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`digits`] wrote; `None` when it is something else.
#[must_use]
pub fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// Whether the alert in `body` has an id that begins with `prefix`: an alert's first member is its id.
fn has_id(body: &[u8], prefix: &str) -> bool {
    body.strip_prefix(b"{\"id\":\"").is_some_and(|rest| rest.starts_with(prefix.as_bytes()))
}

pub(super) fn rows(entries: Vec<Entry>) -> impl Iterator<Item = Row> {
    entries.into_iter().filter_map(|entry| match entry {
        Entry::Row(row) => Some(row),
        Entry::Damaged { .. } => None,
    })
}

/// Reads where reading may block.
pub(super) async fn reading<T: Send + 'static>(
    journal: &Journal,
    log: Log,
    read: impl FnOnce(&mut Reader) -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let journal = journal.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut reader = journal.reader(log).map_err(failed(READING))?;
        read(&mut reader)
    });
    let read = read.await.unwrap_or(Err(Error::Ended { part: "a look at the journal" }));
    read.map_err(|error| Chain(&error).to_string())
}

pub(super) const READING: &str = "reading what is kept";

/// How much is read at once.
const ROWS: usize = 512;
const BYTES: usize = 1 << 20;

/// How long an answer may wait for something to tell.
const WAIT: Duration = Duration::from_secs(2);

/// Of how many of the newest alerts an id is searched for, and in which steps.
const SEARCHED: u64 = 2_000_000;
const BLOCK: u64 = 4096;

/// How long before an alert its message may have come.
const SOURCE_WITHIN_MICROS: i64 = 600_000_000;

/// How many things may be asked for with one request.
const MOST_AT_ONCE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_travel_as_digits() {
        assert_eq!(digits(&[0, 0xab]), "00ab");
        assert_eq!(bytes_of("00aB"), Some(vec![0, 0xab]));
        for bad in ["0", "0g", "é0"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_alert_is_found_by_the_beginning_of_its_id() {
        let id = alarm::AlertId::of(&[b"a"]);
        let alert = Alert::new(id, alarm::AlarmKey::of(&[]), "alarms", "x", Timestamp::default());
        let body = serde_json::to_vec(&alert).unwrap();

        assert!(has_id(&body, &id.to_string()[..4]));
        assert!(!has_id(&body, "zz"));
    }
}
