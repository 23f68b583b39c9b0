//! The body of a message.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::Topic;

/// One POST body as Mist signed it, split into its events.
///
/// Shape: `{"topic": "…", "events": [ {…}, … ]}` in any key order, other keys allowed, `events` possibly
/// missing. Events stay the bytes they were. Source: Juniper, "Webhook Messages".
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// What it is about.
    pub topic: Topic,
    /// Its events, each a JSON value, unread.
    pub events: Vec<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// Splits `body`.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoMessage`] when it is no JSON object with a topic, [`MessageError::NoEvents`] when
    /// `events` is there and not a list.
    pub fn parse(body: &'a [u8]) -> Result<Self, MessageError> {
        let (topic, events) = match Envelope::<Vec<&RawValue>>::parse(body) {
            Some(envelope) => (envelope.topic, envelope.events),
            // the slow way, which tells what is wrong with it
            None => {
                let envelope = Envelope::<&RawValue>::parse(body).ok_or(MessageError::NoMessage)?;
                let events = envelope.events.map(|events| serde_json::from_str(events.get()));
                (envelope.topic, events.transpose().map_err(MessageError::NoEvents)?)
            }
        };
        Ok(Self { topic: Topic::new(&topic), events: events.unwrap_or_default() })
    }

    /// Reads `body` in one go, each of its events as an `E`.
    ///
    /// `None` when it is no message, or one of its events is no `E`: [`parse`](Self::parse) tells them apart, and
    /// what is sound in it.
    #[must_use]
    pub fn read<E: Deserialize<'a>>(body: &'a [u8]) -> Option<(Topic, Vec<E>)> {
        // asked once whether all is UTF-8, texts are not asked one by one
        let text = str::from_utf8(body).ok()?;
        let envelope = Envelope::<Vec<E>>::parse_with(body, |_| serde_json::from_str(text))?;
        Some((Topic::new(&envelope.topic), envelope.events.unwrap_or_default()))
    }
}

/// Why a body could not be split.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The body is not a JSON object with a topic.
    #[error("the body is not a JSON object with a topic")]
    NoMessage,
    /// `events` is not a list.
    #[error("`events` is not a list")]
    NoEvents(#[source] serde_json::Error),
}

/// What every message has in common, its events read as `E`; the rest of the object is checked to be JSON and
/// left alone.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a, E> {
    #[serde(borrow)]
    pub(crate) topic: Cow<'a, str>,
    #[serde(default = "Option::default")]
    events: Option<E>,
}

impl<'a, E: Deserialize<'a>> Envelope<'a, E> {
    /// The envelope of `body`; `None` when it is no JSON object with a topic that says something, or its events
    /// are no `E`.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        Self::parse_with(body, serde_json::from_slice)
    }

    fn parse_with(body: &'a [u8], parse: impl FnOnce(&'a [u8]) -> serde_json::Result<Self>) -> Option<Self> {
        let starts_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let envelope = starts_object.then(|| parse(body).ok()).flatten()?;
        (!envelope.topic.trim().is_empty()).then_some(envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_into_the_bytes_of_its_events() {
        let body =
            br#"{"events": [ {"a": 1.50}, {"b":"\u00e9"} ], "extra": {"x": []}, "topic":"device_events"}"#;

        let message = Message::parse(body).unwrap();

        assert_eq!(message.topic, Topic::DeviceEvents);
        assert_eq!(
            message.events.iter().map(|event| event.get()).collect::<Vec<_>>(),
            [r#"{"a": 1.50}"#, r#"{"b":"\u00e9"}"#]
        );
    }

    #[test]
    fn a_message_is_read_in_one_go_with_its_events_or_not_at_all() {
        let read = |body: &'static str| Message::read::<Vec<u8>>(body.as_bytes());

        let read_whole = (Topic::DeviceEvents, vec![vec![1], vec![2, 3]]);
        assert_eq!(read(r#"{"events":[[1], [2,3]],"x":{},"topic":"device_events"}"#), Some(read_whole));
        assert_eq!(read(r#"{"topic":"ping","events":null}"#), Some((Topic::Ping, vec![])));
        for body in
            [r#"{"topic":"ping","events":[[1],{}]}"#, r#"["ping",[[1]]]"#, r#"{"topic":" ","events":[]}"#, ""]
        {
            assert_eq!(read(body), None, "{body}");
        }
        assert_eq!(Message::read::<Vec<u8>>(b"{\"topic\":\"ping\",\"x\":\"\xff\"}"), None, "it is no UTF-8");
    }

    #[test]
    fn events_may_be_missing_but_nothing_else_than_a_list() {
        assert!(Message::parse(br#"{"topic":"ping"}"#).unwrap().events.is_empty());
        assert!(Message::parse(br#"{"topic":"ping","events":null}"#).unwrap().events.is_empty());
        assert!(matches!(Message::parse(br#"{"topic":"ping","events":{}}"#), Err(MessageError::NoEvents(_))));
    }

    #[test]
    fn what_is_no_object_with_a_topic_is_no_message() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "null",
            "[]",
            r#"["ping",[]]"#,
            "{}",
            r#"{"topic":1}"#,
            r#"{"topic":null}"#,
            r#"{"topic":""}"#,
            r#"{"topic":"ping"} x"#,
            r#"{"topic":"ping","topic":"alarms"}"#,
            r#"{"topic":"ping","events":[}"#,
            r#"{"topic":"ping","n":NaN}"#,
            &deep,
        ] {
            assert!(matches!(Message::parse(body.as_bytes()), Err(MessageError::NoMessage)), "{body:.60}");
        }
        assert!(Message::parse(b"{\"topic\":\"p\xff\"}").is_err());
    }
}
