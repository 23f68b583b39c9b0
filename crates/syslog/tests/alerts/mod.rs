//! Alerts for tests, and what a reader must find of them.

#![allow(dead_code, reason = "each test uses its part")]

use alarm::{AlarmKey, Alert, AlertId, Origin, Severity, Stamp, State, Text};
use ids::{Mac, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) const RELAY: &str = "relay \"a\"";

pub(crate) const fn stamp(sequence: u64) -> Stamp<'static> {
    Stamp { relay: RELAY, sequence }
}

pub(crate) fn plain() -> Alert {
    let at = Timestamp::from_micros(1_629_753_888_250_000);
    let mut alert = Alert::new(AlertId::of(&[b"id"]), AlarmKey::of(&[b"key"]), "alarms", "ap_offline", at);
    alert.summary = "all is well".into();
    alert
}

pub(crate) fn texts(alert: &mut Alert) -> [&mut Text; 17] {
    [
        &mut alert.mist_severity,
        &mut alert.topic,
        &mut alert.kind,
        &mut alert.group,
        &mut alert.category,
        &mut alert.org,
        &mut alert.site,
        &mut alert.site_id,
        &mut alert.device_type,
        &mut alert.device,
        &mut alert.model,
        &mut alert.serial,
        &mut alert.ip,
        &mut alert.port,
        &mut alert.reason,
        &mut alert.summary,
        &mut alert.message,
    ]
}

/// Texts as an attacker or a careless administrator writes them, mostly short, sometimes far too long.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 ./:-]{0,12}",
        1 => any::<String>(),
        2 => prop::sample::select(vec![
            "\"", "\\", "]", "[", "\\\"", "\\n", "\n", "\r\n", "\t", "\0", "\u{1b}[31m", "\u{7f}", "\u{85}",
            "\u{9b}", "\u{2028}", "\u{202e}", "\u{feff}", "🦊", "e\u{301}", "…", "=", "<0>1 - - - - - -",
        ]).prop_map(str::to_owned),
    ];
    prop_oneof![
        2 => Just(String::new()),
        8 => vec(piece, 0..6).prop_map(|pieces| pieces.concat()),
        1 => ("[a\"\\]\n\\\\é🦊]", 1_usize..4000).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

pub(crate) fn any_alert() -> impl Strategy<Value = Alert> {
    let choices = (
        prop::sample::select(vec![State::Raised, State::Cleared, State::Event]),
        prop::sample::select(vec![Severity::Unknown, Severity::Info, Severity::Warning, Severity::Critical]),
        prop::sample::select(vec![Origin::Webhook, Origin::Reconcile, Origin::Relay]),
        prop::bool::weighted(0.2),
    );
    let numbers = (any::<Option<[u8; 6]>>(), any::<u64>(), any::<Option<u64>>());
    let times = (0..4_000_000_000_000_000_i64, 0..4_000_000_000_000_000_i64);
    (vec(any_text(), 17), choices, numbers, times).prop_map(|(values, choices, numbers, times)| {
        let mut alert = plain();
        for (text, value) in texts(&mut alert).into_iter().zip(values) {
            *text = value.into();
        }
        (alert.state, alert.severity, alert.origin, _) = choices;
        if choices.3 {
            alert.topic = "audits".into();
        }
        (alert.mac, alert.count, alert.duration_secs) = (numbers.0.map(Mac::new), numbers.1, numbers.2);
        alert.first_seen = Timestamp::from_micros(times.0);
        alert.last_seen = Timestamp::from_micros(times.1);
        alert
    })
}

/// The parameters in the order of the documentation, with texts as `spell` has a reader see them.
pub(crate) fn expected_params(
    alert: &Alert,
    sequence: u64,
    visible: fn(&str) -> String,
) -> Vec<(String, String)> {
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
        ("seq", sequence.to_string()),
        ("relay", visible(RELAY)),
    ];
    listed.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, v)| (name.to_owned(), v)).collect()
}

/// How the documentation says that unseen characters are spelt.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => r"\n".to_owned(),
            '\r' => r"\r".to_owned(),
            '\t' => r"\t".to_owned(),
            c if is_unseen(c) => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

pub(crate) fn is_unseen(c: char) -> bool {
    let bidi =
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c) || bidi.contains(c)
}

/// What the readable line must be.
pub(crate) fn said(alert: &Alert) -> &str {
    if alert.is_audit() && !alert.message.is_empty() { &alert.message } else { &alert.summary }
}

/// The longest alert there can be: with every text too long, it is what always stays.
pub(crate) fn longest() -> Alert {
    let mut alert = plain();
    for text in texts(&mut alert) {
        *text = "\u{1b}X".repeat(3000).into();
    }
    alert.last_seen = Timestamp::from_micros(253_402_207_199_999_999);
    alert.first_seen = alert.last_seen;
    alert.mac = Some(Mac::new([0xff; 6]));
    alert.count = u64::MAX;
    alert.duration_secs = Some(u64::MAX);
    alert.state = State::Cleared;
    alert.severity = Severity::Critical;
    alert.origin = Origin::Reconcile;
    alert
}
