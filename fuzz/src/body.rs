//! What Mist posts, from the bytes to the alerts.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use alarm::{Alert, Entry, Stamp};
use bytes::Bytes;
use ids::Timestamp;
use serde_json::{Map, Value};
use snmp::{Limits, Mib, Notification};
use syslog::Rfc5424;
use webhook::{Allowlist, Gate, Message, MessageError, Organisation, Refusal, SigningSecret};

/// A signed body: let in exactly when it is a JSON object with a topic; then at least an alert for a
/// single event, the same ones every time, what is unknown passed through as it came, and each within bounds and fit to be sent.
pub fn body(data: &[u8]) {
    let message = Message::parse(data);
    match admitted(data) {
        Ok(admitted) => {
            assert_eq!(admitted.body(), data, "the signed bytes are kept");
            assert!(!matches!(message, Err(MessageError::NoMessage)), "what was let in is a message");
            if let Ok(message) = &message {
                assert_eq!(*admitted.topic(), message.topic);
            }
        }
        Err(refusal) => {
            assert_eq!(refusal, Refusal::NoMessage, "a signed body is refused for nothing else");
            assert!(matches!(message, Err(MessageError::NoMessage)), "what was refused is no message");
        }
    }

    // whatever is in the inbox, damage or an older version's entries included, is interpreted
    let alerts = alerts(data, RECEIVED);
    assert_eq!(alerts, self::alerts(data, RECEIVED), "the same entry makes the same alerts");
    let Ok(message) = message else {
        assert_eq!(alerts.len(), 1, "what cannot be read is one alert that says so");
        assert!(alerts[0].is_own() && alerts[0].kind == "uninterpretable");
        check(&alerts[0], data.len());
        return;
    };
    for (index, alert) in alerts.iter().enumerate() {
        check(alert, data.len());
        assert!(alert.is_own() || alert.topic == message.topic.name());
        if index < SENT {
            send(alert);
        }
    }
    // one event, and not one that holds a list of events
    let [event] = message.events.as_slice() else { return };
    match serde_json::from_str::<Map<String, Value>>(event.get()) {
        Ok(fields) if !fields.get("alert_events").is_some_and(Value::is_array) => {
            assert!(!alerts.is_empty(), "an event is an alert at least");
            for alert in &alerts {
                passes_through(alert, &fields);
            }
            if fields.get("id").and_then(Value::as_str).is_some_and(|id| !id.is_empty()) {
                let ids = |alerts: &[Alert]| alerts.iter().map(|alert| alert.id).collect::<Vec<_>>();
                let later = self::alerts(data, RECEIVED + 3_600_000_000);
                assert_eq!(ids(&alerts), ids(&later), "a repeat of what has an id is the same alert");
            }
        }
        Ok(_) => {}
        Err(_) => assert!(alerts.len() == 1 && alerts[0].kind == "uninterpretable"),
    }
}

/// A type and a severity that Mist wrote arrive as it wrote them, known or not.
fn passes_through(alert: &Alert, fields: &Map<String, Value>) {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(kind) = text("type") {
        assert_eq!(alert.kind, kind);
    }
    if let Some(severity) = text("severity") {
        assert_eq!(alert.mist_severity, severity);
    }
    assert!(!alert.kind.is_empty(), "without a type there is still the topic");
}

/// What is true of every alert that a body of `bytes` bytes can make.
fn check(alert: &Alert, bytes: usize) {
    assert!(alert.first_seen <= alert.last_seen);
    assert!(alert.summary.chars().count() <= 513, "512 characters and an ellipsis");
    assert!(!alert.summary.is_empty(), "there is always something to read");
    // a number spelt out is longer than it was, and a list is joined with separators
    let most = bytes * 8 + 1_024;
    for text in
        [&alert.kind, &alert.topic, &alert.reason, &alert.message, &alert.device, &alert.site, &alert.port]
    {
        assert!(text.len() <= most, "{} bytes out of {bytes}", text.len());
    }
    let stored = serde_json::to_vec(alert).expect("an alert is JSON");
    let back: Alert = serde_json::from_slice(&stored).expect("what was stored is read back");
    assert_eq!(back, *alert);
}

fn send(alert: &Alert) {
    let stamp = Stamp { relay: "relay-a", sequence: 7 };
    let line = Rfc5424::default().encode(alert, &stamp);
    assert!(line.bytes.len() <= 2_048 && std::str::from_utf8(&line.bytes).is_ok());
    let limits = Limits::default();
    let notification = Notification::encode(alert, &stamp, &MIB, &limits);
    assert!(notification.datagram_bytes(limits.header_bytes) <= Limits::DEFAULT_BYTES);
}

fn alerts(body: &[u8], received: i64) -> Vec<Alert> {
    let entry = Entry::Admitted { org: "acme", received: Timestamp::from_micros(received), body };
    let mut interpreter = alarm::Interpreter::default();
    let read = interpreter.read(entry);
    interpreter.step(&HashMap::new(), read).alerts
}

fn admitted(body: &[u8]) -> Result<webhook::Admitted, Refusal> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    let tag = ring::hmac::sign(&key, body);
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = http::Request::post("/v1/mist").header("X-Mist-Signature-v2", digits).body(());
    let (head, ()) = request.expect("the head is plain").into_parts();
    let screened = GATE.screen(IpAddr::V4(Ipv4Addr::LOCALHOST), &head).expect("the source is allowed");
    GATE.admit(screened, Bytes::copy_from_slice(body), Timestamp::from_micros(RECEIVED))
}

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let mut acme = Organisation::new("acme", "/v1/mist");
    acme.secrets.push(SigningSecret::new(SECRET).expect("it is not empty"));
    acme.allowlist = Allowlist::new(["127.0.0.0/8".parse().expect("a network")]);
    Gate::new(vec![acme], 1 << 20).expect("one organisation with a secret")
});

static MIB: LazyLock<Mib> = LazyLock::new(Mib::default);

const SECRET: &[u8] = b"example-secret";
const RECEIVED: i64 = 1_700_000_000_000_000;

/// Alerts of one message that are also encoded.
const SENT: usize = 2;
