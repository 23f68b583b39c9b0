//! Answers as they should not be.

use std::str::FromStr;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use thiserror::Error;

use super::ask::Ask;
use super::reply::Reply;

/// What a call gets instead of its answer, or besides it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// This status with the JSON body that Mist documents for it; nothing is done.
    Status(u16),
    /// This status with a page in HTML, as from a proxy in between; nothing is done.
    Html(u16),
    /// What was asked is done, and the answer is this status all the same.
    DoneBut(u16),
    /// What was asked is done, and there is no answer; the connection stays open for ten minutes at most.
    DoneButSilence,
    /// The right answer, so much later.
    Latency(Duration),
    /// What was asked is done so much later, and then answered, whether or not somebody still waits for it.
    Late(Duration),
    /// No answer; the connection stays open for ten minutes at most.
    Silence,
    /// The right head and half of the body, then a reset of the connection.
    HalfThenReset,
    /// The right head with a body that is cut in the middle, in valid HTTP: no JSON.
    BrokenJson,
    /// A body of bytes that are not even text.
    Garbage,
    /// The right body, said to be of this type.
    ContentType(String),
    /// In every second row (or in the one object) numbers are texts, texts are numbers, lists are objects.
    WrongTypes,
    /// The first page, whichever page is asked for; a search says each time that there is a next one.
    SamePage,
    /// No page is the last: after the last comes the first again.
    EndlessPages,
    /// JSON of so many bytes.
    Oversize(u64),
}

impl FromStr for Misbehaviour {
    type Err = UnknownMisbehaviour;

    /// Reads `status:503`, `html:502`, `done-but:503`, `done-but-silence`, `latency:250` and `late:250` (milliseconds),
    /// `silence`, `half-then-reset`, `broken-json`, `garbage`, `content-type:text/plain`, `wrong-types`, `same-page`,
    /// `endless-pages`, `oversize:1000000` (bytes).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownMisbehaviour(text.into());
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let status = || value.parse().ok().filter(|code| (200..600).contains(code)).ok_or_else(unknown);
        Ok(match name {
            "status" => Self::Status(status()?),
            "html" => Self::Html(status()?),
            "done-but" => Self::DoneBut(status()?),
            "latency" => Self::Latency(Duration::from_millis(value.parse().map_err(|_| unknown())?)),
            "late" => Self::Late(Duration::from_millis(value.parse().map_err(|_| unknown())?)),
            "done-but-silence" => Self::DoneButSilence,
            "silence" => Self::Silence,
            "half-then-reset" => Self::HalfThenReset,
            "broken-json" => Self::BrokenJson,
            "garbage" => Self::Garbage,
            "content-type" if !value.is_empty() => Self::ContentType(value.to_owned()),
            "wrong-types" => Self::WrongTypes,
            "same-page" => Self::SamePage,
            "endless-pages" => Self::EndlessPages,
            "oversize" => Self::Oversize(value.parse().map_err(|_| unknown())?),
            _ => return Err(unknown()),
        })
    }
}

/// A text that names no [`Misbehaviour`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no misbehaviour; expected one as in status:503, latency:250 or silence")]
pub struct UnknownMisbehaviour(Box<str>);

/// Changes the types of every second row of an answer, or of the one object that it is.
pub(crate) fn wrong_types(reply: &mut Reply) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else { return };
    let listed = body.get("results").is_some();
    let rows = if listed { &mut body["results"] } else { &mut body };
    match rows {
        Value::Array(rows) => rows.iter_mut().step_by(2).for_each(|row| *row = changed(row)),
        other => *other = changed(other),
    }
    reply.body = body.to_string().into();
}

/// The same value in another type; of an object the values of its fields.
fn changed(value: &Value) -> Value {
    match value {
        Value::Null => json!(0),
        Value::Bool(flag) => json!(flag.to_string()),
        Value::Number(number) => json!(number.to_string()),
        Value::String(text) => json!(text.len()),
        Value::Array(list) => json!({ "list": list }),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), changed_field(value))).collect()
        }
    }
}

fn changed_field(value: &Value) -> Value {
    if value.is_object() { json!([value]) } else { changed(value) }
}

/// Cuts the body in the middle.
pub(crate) fn halve(reply: &mut Reply) {
    reply.body = reply.body.slice(..reply.body.len() / 2);
}

/// Makes sure that a search says that there is a next page: this one again, or the first.
pub(crate) fn go_on(ask: &Ask, reply: &mut Reply) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else { return };
    if body.get("results").is_some() && body.get("next").is_none() {
        body["next"] = json!(ask.again(&[]));
        reply.body = body.to_string().into();
    }
}

/// Makes a page that is an array as long as it may be, with the rows of the first page over and over.
pub(crate) fn fill(reply: &mut Reply, first: &Reply, limit: usize) {
    let read = |body| serde_json::from_slice::<Vec<Value>>(body);
    let (Ok(mut rows), Ok(first)) = (read(&reply.body), read(&first.body)) else { return };
    let missing = limit.saturating_sub(rows.len());
    rows.extend(first.iter().cycle().take(missing).cloned());
    reply.body = Value::Array(rows).to_string().into();
}

/// A body that is not text.
pub(crate) fn garbage() -> Reply {
    let body: Vec<u8> = (0..=255_u8).rev().cycle().take(2_048).collect();
    Reply { body: body.into(), ..Reply::ok(&Value::Null) }
}

/// The status of this number, 500 when there is none.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code)
        .ok()
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
