//! `fogbell journal export`: rows as lines of JSON, with the relay running or stopped.

use std::error::Error;
use std::io::{self, BufWriter, Write};

use clap::ValueEnum;
use journal::{Entry, Export, Log, Position, Row};
use relay::Config;
use serde_json::{Value, json};

use crate::{Damaged, File, socket};

/// What is exported.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
    /// Which log
    #[arg(long, value_enum, default_value_t = Which::Both)]
    log: Which,
    /// Begin at this position
    #[arg(long, value_name = "POSITION", conflicts_with = "cursor")]
    from: Option<u64>,
    /// Begin behind where this reader is: what it has not got yet
    #[arg(long, value_name = "NAME")]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Which {
    Inbox,
    Outbox,
    Both,
}

/// Prints the rows.
pub(crate) fn print(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.file.config)?;
    let (path, running) = (config.journal_path(), socket::is_running(&config)?);
    let after = Position::new(args.from.map_or(0, |from| from.saturating_sub(1)));
    let mut out = BufWriter::new(io::stdout().lock());
    let mut damaged = false;
    let mut known = args.cursor.is_none();
    for log in Log::ALL {
        if !matches!(
            (args.log, log),
            (Which::Both, _) | (Which::Inbox, Log::Inbox) | (Which::Outbox, Log::Outbox)
        ) {
            continue;
        }
        let export = Export::open(&path, running, log, after)?;
        let export = match &args.cursor {
            None => Some(export),
            Some(name) => export.from_cursor(name)?,
        };
        let Some(mut export) = export else { continue };
        known = true;
        loop {
            let entries = export.next_rows()?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                damaged |= matches!(entry, Entry::Damaged { .. });
                serde_json::to_writer(&mut out, &line(log, entry))?;
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()?;
    if !known {
        let name = args.cursor.as_deref().unwrap_or_default();
        return Err(
            format!("there is no reader `{name}` of this log; `fogbell journal status` lists them").into()
        );
    }
    if damaged { Err(Damaged.into()) } else { Ok(()) }
}

/// One row: `text` holds the bytes when they are UTF-8, else `base64`.
fn line(log: Log, entry: &Entry) -> Value {
    match entry {
        Entry::Damaged { from, to } => json!({ "log": log, "damaged": { "from": from, "to": to } }),
        Entry::Row(Row { position, kind, at, org, peer, body }) => {
            let mut line = json!({ "log": log, "position": position, "kind": kind, "at": at });
            if log == Log::Inbox {
                line["org"] = org.as_str().into();
                line["peer"] = peer.as_str().into();
            }
            match std::str::from_utf8(body) {
                Ok(text) => line["text"] = text.into(),
                Err(_) => line["base64"] = base64(body).into(),
            }
            line
        }
    }
}

/// Source: RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= three.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_the_rfc_has_them() {
        // RFC 4648, section 10
        for (bytes, expect) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expect);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
