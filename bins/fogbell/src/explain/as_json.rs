//! The same as JSON.

use alarm::Alert;
use relay::{Outcome, Sent, Setup};
use serde_json::{Map, Value, json};
use snmp::{Object, Value as Varbind};

use super::Told;

/// Everything.
pub(super) fn all(setup: &Setup, told: &Told) -> Value {
    let alerts = told.alerts.iter().map(|(alert, sequence)| self::alert(setup, alert, *sequence));
    json!({
        "received": told.received.as_ref().map(|(at, peer)| json!({ "at": at.to_string(), "peer": peer })),
        "message": told.message.as_ref().map(|(org, body)| message(org, body)),
        "made": told.made.map(|(at, place)| json!({ "at": at.to_string(), "place": place })),
        "notes": told.notes,
        "alerts": alerts.collect::<Vec<_>>(),
    })
}

fn message(org: &str, body: &[u8]) -> Value {
    match webhook::Message::parse(body) {
        Ok(message) => {
            let events =
                message.events.iter().map(|event| serde_json::from_str(event.get()).unwrap_or_default());
            json!({ "org": org, "topic": message.topic.name(), "events": events.collect::<Vec<Value>>() })
        }
        Err(error) => json!({ "org": org, "error": error.to_string() }),
    }
}

fn alert(setup: &Setup, alert: &Alert, sequence: u64) -> Value {
    let judged = setup.judge(alert);
    let routes = judged.routes.iter().map(|route| {
        let (outcome, because) = match &route.outcome {
            Outcome::Matched => ("matched", None),
            Outcome::Unmatched { because } => ("not_matched", Some(because)),
            Outcome::Failed { because } => ("failed", Some(because)),
            _ => ("not_asked", None),
        };
        json!({ "number": route.index + 1, "name": route.name, "outcome": outcome, "because": because })
    });
    let left_out = judged.left_out.iter().map(|left| json!({ "sink": left.sink, "because": left.because }));
    let sent = setup.show(alert, sequence).into_iter().map(|shown| {
        let (key, value, truncated) = match shown.sent {
            Sent::Line { bytes, truncated } => ("line", json!(String::from_utf8_lossy(&bytes)), truncated),
            Sent::Notification(notification) => {
                let objects =
                    Object::ALL.map(|object| (object.name().to_owned(), plain(notification.value(object))));
                let objects: Map<String, Value> = objects.into_iter().collect();
                ("notification", json!({ "trap": notification.trap.to_string(), "objects": objects }), false)
            }
            _ => ("other", Value::Null, false),
        };
        json!({ "sink": shown.sink, "receiver": shown.receiver, key: value, "truncated": truncated })
    });
    json!({
        "alert": alert,
        "routes": routes.collect::<Vec<_>>(),
        "sinks": judged.sinks,
        "because": judged.because,
        "left_out": left_out.collect::<Vec<_>>(),
        "sent": sent.collect::<Vec<_>>(),
    })
}

fn plain(value: &Varbind) -> Value {
    match value {
        Varbind::Integer(number) => json!(number),
        Varbind::Gauge32(number) => json!(number),
        Varbind::Counter64(number) => json!(number),
        Varbind::OctetString(text) => json!(String::from_utf8_lossy(text.bytes())),
        Varbind::IpAddress(address) => json!(address.to_string()),
    }
}
