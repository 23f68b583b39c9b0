//! An alert as a syslog message.

use alarm::{Alert, Stamp};
use syslog::{Facility, Framing, MaxBytes, Rfc5424};
use testkit::frames::{Frames, Framing as Seen};

use crate::source::Source;
use crate::strict::Message;

/// Any alert is one line within the limit that is RFC 5424 to the letter and reads back with every value, whole or
/// visibly cut; framed, it is one message.
pub fn line(data: &[u8]) {
    let mut source = Source::new(data);
    let facilities = Facility::all().count();
    let encoder = Rfc5424 {
        facility: Facility::all().nth(source.below(facilities)).expect("one of them"),
        enterprise: u32::try_from(source.number::<4>()).expect("four bytes are a u32"),
        max_bytes: MaxBytes::try_from(480 + source.below(4_096)).expect("at least 480"),
        ..Rfc5424::default()
    };
    let (relay, sequence) = (source.text(), source.number::<8>());
    let alert = source.alert();
    let stamp = Stamp { relay: &relay, sequence };

    let line = encoder.encode(&alert, &stamp);
    assert!(line.bytes.len() <= encoder.max_bytes.bytes());
    assert_eq!(encoder.encode(&alert, &stamp), line);
    let text = std::str::from_utf8(&line.bytes).expect("a message is UTF-8");
    assert!(!text.contains(is_unseen), "{text:?}");
    let message = Message::read(text).unwrap_or_else(|error| panic!("{error}: {text}"));

    let severity = alert.severity.syslog(alert.state, alert.is_audit()) as u8;
    assert_eq!(message.priority, encoder.facility.number() * 8 + severity);
    assert_eq!(message.time, alert.last_seen.to_string());
    assert!(is_time(message.time), "{}", message.time);
    assert_eq!((message.app, message.process), ("fogbell", "-"));
    assert_eq!(message.element, format!("fogbell@{}", encoder.enterprise));
    assert!(
        message
            .host
            .bytes()
            .chain(message.id.bytes())
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    );

    let (short, params): (Vec<_>, Vec<_>) = message.params.iter().partition(|(name, _)| *name == "truncated");
    assert_eq!(short.len(), usize::from(line.truncated));
    let wanted = params_of(&alert, &stamp);
    let mut known = wanted.iter();
    for (name, value) in params {
        let (_, whole) = known.find(|(known, _)| known == name).expect("a known name, in its order, once");
        if value != whole {
            assert!(line.truncated, "{name}: `{value}` of `{whole}`");
            let kept = value.strip_suffix('…').expect("a cut value says so");
            assert!(whole.starts_with(kept), "{name}: `{value}` of `{whole}`");
        }
    }
    for kept in ["id", "key", "state", "severity", "first_seen", "last_seen", "origin", "seq"] {
        assert!(message.param(kept).is_some(), "{kept} never goes");
    }
    let said = if alert.is_audit() && !alert.message.is_empty() { &alert.message } else { &alert.summary };
    let said = visible(said);
    if line.truncated {
        assert!(said.trim().starts_with(message.text.trim_end_matches('…').trim()));
    } else {
        assert_eq!(message.params.len(), wanted.len(), "nothing is left out");
        assert_eq!(message.text.trim(), said.trim());
    }
    framed(&line.bytes);
}

fn framed(line: &[u8]) {
    for (framing, seen) in [(Framing::OctetCounted, Seen::OctetCounted), (Framing::Newline, Seen::Newline)] {
        let mut wire = Vec::new();
        framing.frame(line, &mut wire);
        framing.frame(line, &mut wire);
        let mut frames = Frames::new();
        frames.push(&wire);
        for _ in 0..2 {
            let (found, message) = frames.next_frame().expect("well formed").expect("whole");
            assert!(found == seen && message == line);
        }
        assert_eq!(frames.unfinished(), 0);
    }
}

/// The parameters in the order of docs/formats.md, values as a reader should see them, absent ones left out.
fn params_of(alert: &Alert, stamp: &Stamp<'_>) -> Vec<(&'static str, String)> {
    let listed = [
        ("id", alert.id.to_string()),
        ("key", alert.key.to_string()),
        ("state", alert.state.word().to_owned()),
        ("severity", alert.severity.word().to_owned()),
        ("mist_severity", visible(&alert.mist_severity)),
        ("topic", visible(&alert.topic)),
        ("type", visible(&alert.kind)),
        ("group", visible(&alert.group)),
        ("category", visible(&alert.category)),
        ("org", visible(&alert.org)),
        ("site", visible(&alert.site)),
        ("site_id", visible(&alert.site_id)),
        ("device_type", visible(&alert.device_type)),
        ("device", visible(&alert.device)),
        ("mac", alert.mac.map(|mac| mac.to_string()).unwrap_or_default()),
        ("model", visible(&alert.model)),
        ("serial", visible(&alert.serial)),
        ("ip", visible(&alert.ip)),
        ("port", visible(&alert.port)),
        ("reason", visible(&alert.reason)),
        ("first_seen", alert.first_seen.to_string()),
        ("last_seen", alert.last_seen.to_string()),
        ("count", if alert.count == 0 { String::new() } else { alert.count.to_string() }),
        ("duration", alert.duration_secs.map(|secs| secs.to_string()).unwrap_or_default()),
        ("origin", alert.origin.word().to_owned()),
        ("seq", stamp.sequence.to_string()),
        ("relay", visible(stamp.relay)),
    ];
    listed.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// How docs/formats.md says that unseen characters are spelt.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            c if is_unseen(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn is_unseen(c: char) -> bool {
    let separator_or_mark = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let bidi =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || separator_or_mark || bidi
}

/// `2023-11-14T22:13:20.000Z`.
fn is_time(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    text.len() == shape.len()
        && text.chars().zip(shape.chars()).all(|(c, s)| if s == 'd' { c.is_ascii_digit() } else { c == s })
}
