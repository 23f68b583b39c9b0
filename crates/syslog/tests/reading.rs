//! Every message read back by a parser that is not ours (`syslog_loose`).

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use alarm::Stamp;
use fogbell_syslog::{Facility, Framing, MaxBytes, Rfc5424};
use proptest::collection::vec;
use proptest::prelude::*;
use syslog_loose::{Message, Protocol, Variant, parse_message_with_year_exact};

use alerts::{any_alert, expected_params, is_unseen, longest, plain, said, stamp, visible};

mod alerts;

#[test]
fn a_reason_of_100_kb_leaves_a_whole_message() {
    let mut alert = plain();
    alert.reason = "\"é\n".repeat(25_600).into();
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
    alert.category = "c".repeat(100).into();
    alert.reason = "r".repeat(1000).into();
    alert.summary = "s".repeat(1000).into();
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
    alert.reason = "x".repeat(600).into();
    let whole = Rfc5424::default().encode(&alert, &stamp(1));

    let at = encoder(MaxBytes::try_from(whole.bytes.len()).unwrap()).encode(&alert, &stamp(1));
    let below = encoder(MaxBytes::try_from(whole.bytes.len() - 1).unwrap()).encode(&alert, &stamp(1));

    assert_eq!(at, whole);
    assert!(!whole.truncated && below.truncated);
    assert!(below.bytes.len() < whole.bytes.len());
}

#[test]
fn the_longest_of_everything_fits_the_least_limit() {
    let alert = longest();
    let encoder = Rfc5424 {
        facility: "local7".parse().unwrap(),
        app_name: "a".repeat(48).parse().unwrap(),
        enterprise: u32::MAX,
        max_bytes: MaxBytes::LEAST,
    };

    let line = encoder.encode(&alert, &Stamp { relay: &alert.device, sequence: u64::MAX });

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
        prop_assert_eq!(read_params(&message), expected_params(&alert, sequence, visible));
        let said = visible(said(&alert));
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
