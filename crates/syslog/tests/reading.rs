//! Every message read back by a parser that is not ours (`syslog_loose`).

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use alarm::{AlarmKey, Alert, AlertId, Origin, Severity, Stamp, State};
use fogbell_syslog::{Facility, Framing, MaxBytes, Rfc5424};
use ids::{Mac, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use syslog_loose::{Message, Protocol, Variant, parse_message_with_year_exact};

const RELAY: &str = "relay \"a\"";

#[test]
fn a_reason_of_100_kb_leaves_a_whole_message() {
    let mut alert = plain();
    alert.reason = "\"é\n".repeat(25_600);
    for max_bytes in [MaxBytes::LEAST, MaxBytes::DATAGRAM, MaxBytes::STREAM] {
        let line = encoder(max_bytes).encode(&alert, &stamp(9));

        let text = std::str::from_utf8(&line.bytes).unwrap();
        let message = parse(text);
        assert!(line.truncated);
        assert_eq!(param(&message, "truncated").as_deref(), Some("1"));
        assert_eq!(message.msg, "all is well");
        let reason = param(&message, "reason").unwrap();
        assert!(reason.ends_with('…') && reason.starts_with("\"é"), "{reason}");
        let unused = max_bytes.bytes() - line.bytes.len();
        assert!(unused < 8, "{unused} bytes of {max_bytes} are left empty");
    }
}

#[test]
fn a_reason_gives_way_before_the_message_and_both_before_names() {
    let mut alert = plain();
    alert.device = "core-1".into();
    alert.category = "c".repeat(100);
    alert.reason = "r".repeat(1000);
    alert.summary = "s".repeat(1000);
    let shown = |max: usize| {
        let line = encoder(MaxBytes::try_from(max).unwrap()).encode(&alert, &stamp(9));
        let text = String::from_utf8(line.bytes).unwrap();
        let message = parse(&text);
        let length = |name| param(&message, name).map_or(0, |value| value.len());
        (length("reason"), message.msg.len(), length("category"), length("device"))
    };
    let whole = encoder(MaxBytes::STREAM).encode(&alert, &stamp(9)).bytes.len();

    assert_eq!(shown(whole), (1000, 1000, 100, 6));
    assert_eq!(shown(whole - 500), (1000 - 500 - " truncated=\"1\"".len(), 1000, 100, 6));
    assert_eq!(shown(whole - 1500), (64, 1000 - (1500 - 936) - " truncated=\"1\"".len(), 100, 6));
    let (reason, message, category, device) = shown(whole - 1920);
    assert!(reason == 0 && message == 128 && category < 100 && device == 6);
}

#[test]
fn a_message_exactly_at_its_limit_is_left_alone() {
    let mut alert = plain();
    alert.reason = "x".repeat(600);
    let whole = Rfc5424::default().encode(&alert, &stamp(1));

    let at = encoder(MaxBytes::try_from(whole.bytes.len()).unwrap()).encode(&alert, &stamp(1));
    let below = encoder(MaxBytes::try_from(whole.bytes.len() - 1).unwrap()).encode(&alert, &stamp(1));

    assert_eq!(at, whole);
    assert!(!whole.truncated && below.truncated);
    assert!(below.bytes.len() < whole.bytes.len());
}

#[test]
fn the_longest_of_everything_fits_the_least_limit() {
    let mut alert = plain();
    let long = "\u{1b}X".repeat(3000);
    for text in texts(&mut alert) {
        text.clone_from(&long);
    }
    alert.last_seen = Timestamp::from_micros(253_402_207_199_999_999);
    alert.mac = Some(Mac::new([0xff; 6]));
    alert.count = u64::MAX;
    alert.duration_secs = Some(u64::MAX);
    alert.state = State::Cleared;
    alert.severity = Severity::Critical;
    alert.origin = Origin::Reconcile;
    let encoder = Rfc5424 {
        facility: "local7".parse().unwrap(),
        app_name: "a".repeat(48).parse().unwrap(),
        enterprise: u32::MAX,
        max_bytes: MaxBytes::LEAST,
    };

    let line = encoder.encode(&alert, &Stamp { relay: &long, sequence: u64::MAX });

    assert!(line.bytes.len() <= 480, "{}", line.bytes.len());
    let text = String::from_utf8(line.bytes).unwrap();
    assert_eq!(param(&parse(&text), "seq"), Some(u64::MAX.to_string()));
}

#[test]
fn encoding_appends_and_keeps_what_was_there() {
    let mut out = b"before ".to_vec();
    let alert = plain();

    let truncated = Rfc5424::default().encode_into(&alert, &stamp(3), &mut out);

    let line = Rfc5424::default().encode(&alert, &stamp(3));
    assert!(!truncated);
    assert_eq!(out, [b"before ".as_slice(), &line.bytes].concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_alert_reads_back_with_its_values(alert in any_alert(), sequence: u64) {
        let line = encoder(MaxBytes::try_from(1 << 20).unwrap()).encode(&alert, &stamp(sequence));

        prop_assert!(!line.truncated);
        let text = std::str::from_utf8(&line.bytes).unwrap();
        let message = parse(text);
        let severity = alert.severity.syslog(alert.state, alert.is_audit());
        prop_assert_eq!(message.facility.map(|f| f as u8), Some(16));
        prop_assert_eq!(message.severity.map(|s| s as u8), Some(severity as u8));
        prop_assert_eq!(message.timestamp.unwrap().timestamp_millis(), alert.last_seen.micros().div_euclid(1000));
        prop_assert_eq!(message.appname, Some("fogbell"));
        prop_assert!(message.procid.is_none());
        prop_assert!(message.hostname.unwrap().len() <= 255);
        prop_assert!(message.msgid.is_none_or(|id| id.len() <= 32));
        prop_assert_eq!(read_params(&message), expected_params(&alert, sequence));
        let said = if alert.is_audit() && !alert.message.is_empty() { &alert.message } else { &alert.summary };
        let said = visible(said);
        prop_assert_eq!(message.msg.trim(), said.trim());
    }

    #[test]
    fn no_alert_makes_a_second_line_or_breaks_the_limit(alert in any_alert(), max in 480_usize..3000) {
        let encoder = encoder(MaxBytes::try_from(max).unwrap());
        let line = encoder.encode(&alert, &stamp(5));
        let whole = Rfc5424 { max_bytes: MaxBytes::try_from(1 << 20).unwrap(), ..encoder }.encode(&alert, &stamp(5));

        prop_assert!(line.bytes.len() <= max);
        prop_assert_eq!(line.truncated, whole.bytes.len() > max);
        let text = std::str::from_utf8(&line.bytes).unwrap();
        prop_assert!(!text.chars().any(is_unseen), "{text:?}");
        let message = parse(text);
        prop_assert_eq!(param(&message, "truncated").is_some(), line.truncated);
        let full = read_params(&parse(std::str::from_utf8(&whole.bytes).unwrap()));
        for (name, value) in read_params(&message).into_iter().filter(|(name, _)| name != "truncated") {
            let (_, full) = full.iter().find(|(known, _)| *known == name).unwrap();
            let kept = value.strip_suffix('…').filter(|_| value != *full);
            prop_assert!(full.starts_with(kept.unwrap_or(&value)), "{name}");
            prop_assert!(kept.is_some() || value == *full, "{name} was cut without a mark");
        }
    }

    #[test]
    fn what_is_framed_is_read_back_message_by_message(alerts in vec(any_alert(), 0..5)) {
        let lines: Vec<_> = alerts.iter().map(|alert| Rfc5424::default().encode(alert, &stamp(5)).bytes).collect();

        for (framing, read) in
            [(Framing::OctetCounted, read_counted as fn(&[u8]) -> Vec<Vec<u8>>), (Framing::Newline, read_newline)]
        {
            let mut wire = Vec::new();
            lines.iter().for_each(|line| framing.frame(line, &mut wire));
            prop_assert_eq!(&read(&wire), &lines, "{:?}", framing);
        }
    }
}

fn encoder(max_bytes: MaxBytes) -> Rfc5424 {
    Rfc5424 { facility: Facility::LOCAL0, max_bytes, ..Rfc5424::default() }
}

const fn stamp(sequence: u64) -> Stamp<'static> {
    Stamp { relay: RELAY, sequence }
}

fn plain() -> Alert {
    let at = Timestamp::from_micros(1_629_753_888_250_000);
    let mut alert = Alert::new(AlertId::of(&[b"id"]), AlarmKey::of(&[b"key"]), "alarms", "ap_offline", at);
    alert.summary = "all is well".into();
    alert
}

fn texts(alert: &mut Alert) -> [&mut String; 17] {
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
fn any_text() -> impl Strategy<Value = String> {
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

fn any_alert() -> impl Strategy<Value = Alert> {
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
            *text = value;
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

/// The parameters in the order of the documentation, values as a reader should see them.
fn expected_params(alert: &Alert, sequence: u64) -> Vec<(String, String)> {
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
        ("relay", RELAY.to_owned()),
    ];
    listed.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, v)| (name.to_owned(), v)).collect()
}

/// How the documentation says that unseen characters are spelt.
fn visible(text: &str) -> String {
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

fn is_unseen(c: char) -> bool {
    let bidi =
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c) || bidi.contains(c)
}

fn parse(text: &str) -> Message<&str> {
    let message = parse_message_with_year_exact(text, |_| 2026, Variant::RFC5424).unwrap();
    assert_eq!(message.protocol, Protocol::RFC5424(1));
    assert_eq!(message.structured_data.len(), 1, "{text}");
    message
}

fn read_params(message: &Message<&str>) -> Vec<(String, String)> {
    message.structured_data[0].params().map(|(name, value)| ((*name).to_owned(), value)).collect()
}

fn param(message: &Message<&str>, name: &str) -> Option<String> {
    read_params(message).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn read_counted(mut wire: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while !wire.is_empty() {
        let space = wire.iter().position(|b| *b == b' ').unwrap();
        let length: usize = std::str::from_utf8(&wire[..space]).unwrap().parse().unwrap();
        let (message, rest) = wire[space + 1..].split_at(length);
        messages.push(message.to_vec());
        wire = rest;
    }
    messages
}

fn read_newline(wire: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<_> = wire.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    assert_eq!(messages.pop(), Some(Vec::new()), "the wire ends in a line feed");
    messages
}
