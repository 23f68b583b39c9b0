//! Lines of a record.
//!
//! ```text
//! {"sum":"0123456789abcdef","at":1795356451002000,"entry":{…}}
//! ```
//!
//! The time is in microseconds since 1970. The sum is the first eight bytes of the SHA-256 over the sum of the line before and everything behind its own. It
//! finds damage, not deceit: whoever can write the file can write sums.

use std::path::Path;

use ids::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Cut, Entry, Header, Progress, RecordError};

/// The sum of a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Sum([u8; 8]);

impl Sum {
    fn behind(self, rest: &[u8]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(&self.0);
        context.update(rest);
        let mut sum = [0; 8];
        sum.copy_from_slice(&context.finish().as_ref()[..8]);
        Self(sum)
    }

    fn digits(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[derive(Serialize)]
struct FirstOut<'a> {
    at: Timestamp,
    fogbell_record: u32,
    header: &'a Header,
}

#[derive(Serialize)]
struct NextOut<'a> {
    at: Timestamp,
    entry: &'a Entry,
}

#[derive(Deserialize)]
struct VersionOnly {
    fogbell_record: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstIn {
    #[serde(rename = "sum")]
    _sum: String,
    at: Timestamp,
    #[serde(rename = "fogbell_record")]
    _version: u32,
    header: Header,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NextIn {
    #[serde(rename = "sum")]
    _sum: String,
    at: Timestamp,
    entry: Entry,
}

/// The first line and its sum.
pub(super) fn first(at: Timestamp, header: &Header) -> (String, Sum) {
    written(Sum::default(), &FirstOut { at, fogbell_record: VERSION, header })
}

/// A line behind the one with the sum `before`, and its own.
pub(super) fn next(before: Sum, at: Timestamp, entry: &Entry) -> (String, Sum) {
    written(before, &NextOut { at, entry })
}

fn written(before: Sum, line: &impl Serialize) -> (String, Sum) {
    let json = serde_json::to_string(line).expect("a record has only texts as keys");
    // everything behind the brace and the sum's own field
    let rest = format!(",{}", &json[1..]);
    let sum = before.behind(rest.as_bytes());
    (format!("{BEGIN}{}\"{rest}\n", sum.digits()), sum)
}

/// A record, read.
pub(super) struct Lines {
    pub(super) progress: Progress,
    pub(super) entries: Vec<(Timestamp, Entry)>,
    /// The sum of the last whole line.
    pub(super) sum: Sum,
    /// How many bytes the whole lines have.
    pub(super) whole: u64,
    pub(super) cut: Option<Cut>,
}

impl Lines {
    /// Reads the lines in `bytes`; `path` is for messages.
    pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Self, RecordError> {
        let damaged = |line, why: &str| RecordError::Damaged { path: path.to_owned(), line, why: why.into() };
        let mut lines: Option<Self> = None;
        let mut at = 0;
        for (place, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let number = place + 1;
            let is_last = at + text.len() == bytes.len();
            let before = lines.as_ref().map_or_else(Sum::default, |lines| lines.sum);
            match checked(before, text) {
                Ok(sum) => {
                    match &mut lines {
                        None => lines = Some(Self::begin(path, text, sum)?),
                        Some(lines) => lines.go_on(text, sum).map_err(|why| damaged(number, &why))?,
                    }
                    at += text.len();
                    if let Some(lines) = &mut lines {
                        lines.whole = at as u64;
                    }
                }
                // what was being written when the machine stopped was not promised to anybody
                Err(_) if is_last && !holds_two(text) => {
                    let Some(lines) = &mut lines else { break };
                    lines.cut = Some(Cut { line: number, bytes: text.len() });
                    break;
                }
                Err(why) => return Err(damaged(number, why)),
            }
        }
        lines.ok_or_else(|| RecordError::Empty { path: path.to_owned() })
    }

    fn begin(path: &Path, text: &[u8], sum: Sum) -> Result<Self, RecordError> {
        let damaged = |error: serde_json::Error| RecordError::Damaged {
            path: path.to_owned(),
            line: 1,
            why: error.to_string().into(),
        };
        let VersionOnly { fogbell_record: found } = serde_json::from_slice(text).map_err(damaged)?;
        if found != VERSION {
            return Err(RecordError::Version { path: path.to_owned(), found });
        }
        let FirstIn { at, header, .. } = serde_json::from_slice(text).map_err(damaged)?;
        Ok(Self { progress: Progress::new(header, at), entries: Vec::new(), sum, whole: 0, cut: None })
    }

    fn go_on(&mut self, text: &[u8], sum: Sum) -> Result<(), String> {
        // a sum that holds and an entry that is not known: a newer program wrote it
        let NextIn { at, entry, .. } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        self.progress.take(at, &entry);
        self.entries.push((at, entry));
        self.sum = sum;
        Ok(())
    }
}

/// The sum of a line, when the line is whole and the sum in it is right.
fn checked(before: Sum, text: &[u8]) -> Result<Sum, &'static str> {
    let line = text.strip_suffix(b"\n").ok_or("it has no end")?;
    let digits = line.strip_prefix(BEGIN.as_bytes()).ok_or("it does not begin with its sum")?;
    let (digits, rest) = digits.split_at_checked(16).ok_or("it is too short")?;
    let rest = rest.strip_prefix(b"\"").ok_or("it does not begin with its sum")?;
    let sum = before.behind(rest);
    if sum.digits().as_bytes() == digits { Ok(sum) } else { Err("its sum is not right") }
}

/// Whether another line begins in this one, whose end was damaged: no line has this in it, since quotation marks in texts
/// are escaped.
fn holds_two(text: &[u8]) -> bool {
    text.windows(BEGIN.len()).skip(1).any(|window| window == BEGIN.as_bytes())
}

const BEGIN: &str = "{\"sum\":\"";

/// The version of the file.
pub(super) const VERSION: u32 = 1;

/// Any JSON as a first line, with the sum that it needs.
#[cfg(test)]
pub(super) fn written_for_tests(value: &serde_json::Value) -> (String, Sum) {
    written(Sum::default(), value)
}
