//! RFC 3164, JSON and CEF read back: headers by a parser that is not ours (`syslog_loose`), objects by
//! `serde_json`, and pairs as `docs/formats.md` and the specification of CEF say that they are read.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;

use alarm::{Alert, Stamp};
use fogbell_syslog::{Cef, Format, Json, MaxBytes, Rfc3164};
use proptest::prelude::*;
use serde_json::Value;
use syslog_loose::{Message, Protocol, Variant, parse_message_with_year_exact};

use alerts::{any_alert, expected_params, is_unseen, longest, plain, said, stamp, visible};

mod alerts;

/// What a host name neither begins nor ends with.
const NO_END: [char; 3] = ['-', '.', '_'];

type Params = BTreeMap<String, String>;

/// A format, how it is read, and how texts read in it.
struct Reading {
    format: fn(MaxBytes) -> Format,
    read: fn(&str) -> Params,
    spell: fn(&str) -> String,
}

const ALL: [Reading; 3] = [
    Reading {
        format: |max_bytes| Format::Rfc3164(Rfc3164 { max_bytes, ..Rfc3164::default() }),
        read: read_rfc3164,
        spell: visible,
    },
    Reading {
        format: |max_bytes| Format::Json(Json { max_bytes, ..Json::default() }),
        read: read_json,
        spell: |text| visible_but(text, "\n\r\t"),
    },
    Reading {
        format: |max_bytes| Format::Cef(Cef { max_bytes, ..Cef::default() }),
        read: read_cef,
        spell: |text| visible_but(text, "\n\r"),
    },
];

#[test]
fn the_longest_of_everything_fits_the_least_limit() {
    let alert = longest();
    let (facility, app_name) = ("local7".parse().unwrap(), "a".repeat(48).parse().unwrap());
    let max_bytes = MaxBytes::LEAST;
    for (format, read) in [
        (Format::Rfc3164(Rfc3164 { facility, app_name, max_bytes }), read_rfc3164 as fn(&str) -> Params),
        (Format::Json(Json { facility, app_name: "a".repeat(48).parse().unwrap(), max_bytes }), read_json),
        (Format::Cef(Cef { facility, app_name: "|".repeat(48).parse().unwrap(), max_bytes }), read_cef),
    ] {
        let line = format.encode(&alert, &Stamp { relay: &alert.device, sequence: u64::MAX });

        assert!(line.bytes.len() <= 480, "{} in {format:?}", line.bytes.len());
        let params = read(std::str::from_utf8(&line.bytes).unwrap());
        assert_eq!(params["seq"], u64::MAX.to_string(), "{format:?}");
        assert_eq!(params["truncated"], "1", "{format:?}");
    }
}

#[test]
fn what_has_too_much_to_say_uses_the_room_there_is() {
    let mut alert = plain();
    alert.reason = "\"é=|\\\n".repeat(25_600).into();
    for Reading { format, read, spell } in ALL {
        for max_bytes in [MaxBytes::LEAST, MaxBytes::PACKET, MaxBytes::DATAGRAM, MaxBytes::STREAM] {
            let line = format(max_bytes).encode(&alert, &stamp(9));

            let text = std::str::from_utf8(&line.bytes).unwrap();
            let params = read(text);
            assert!(line.truncated && params["truncated"] == "1", "{text}");
            assert_eq!(params["msg"], "all is well");
            let reason = params.get("reason").map_or("", String::as_str);
            if max_bytes > MaxBytes::LEAST {
                let kept = reason.strip_suffix('…').unwrap();
                assert!(kept.len() > 32 && spell(&alert.reason).starts_with(kept), "{reason}");
                let unused = max_bytes.bytes() - line.bytes.len();
                assert!(unused < 8, "{unused} bytes of {max_bytes} are left empty");
            }
        }
    }
}

#[test]
fn a_text_cannot_pass_for_a_field() {
    let forged = "x\" seq=\"0\" state=\"cleared\\\" cs2=cleared cn2=0 | |9|cn2=0\",\"seq\":0,\"a\":\"\\";
    let mut alert = plain();
    for text in alerts::texts(&mut alert) {
        *text = forged.into();
    }
    for Reading { format, read, spell } in ALL {
        let line = format(MaxBytes::STREAM).encode(&alert, &stamp(7));

        let params = read(std::str::from_utf8(&line.bytes).unwrap());
        let mut expect: Params = expected_params(&alert, 7, spell).into_iter().collect();
        expect.insert("msg".to_owned(), forged.to_owned());
        assert_eq!(params, expect);
    }
}

#[test]
fn a_host_of_rfc_3164_begins_and_ends_with_a_letter_or_digit() {
    for (device, site, host) in [
        ("core-1", "", "core-1"),
        ("--core-1..", "", "core-1"),
        ("ap \"]\n", "", "ap"),
        ("日本", "HQ!", "HQ"),
        ("_", "-", "relay-a"),
    ] {
        let mut alert = plain();
        (alert.device, alert.site) = (device.into(), site.into());
        for format in [Format::Rfc3164(Rfc3164::default()), Format::Cef(Cef::default())] {
            let line = format.encode(&alert, &stamp(7));

            let text = String::from_utf8(line.bytes).unwrap();
            assert_eq!(text.split(' ').nth(3), Some(host), "{text}");
        }
    }
    let line = Format::Cef(Cef::default()).encode(&plain(), &Stamp { relay: "日本", sequence: 7 });
    assert!(String::from_utf8(line.bytes).unwrap().contains(" unknown CEF:0|"));
}

#[test]
fn an_address_that_is_no_ipv4_has_another_key_in_cef() {
    let mut alert = plain();
    for (ip, part) in [("10.2.3.4", " dvc=10.2.3.4 "), ("2001:db8::1", " FogbellIp=2001:db8::1 ")] {
        alert.ip = ip.into();

        let line = Format::Cef(Cef::default()).encode(&alert, &stamp(7));

        let text = String::from_utf8(line.bytes).unwrap();
        assert!(text.contains(part), "{text}");
        assert_eq!(read_cef(&text)["ip"], ip);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_alert_reads_back_with_its_values(alert in any_alert(), sequence: u64) {
        for Reading { format, read, spell } in ALL {
            let line = format(MaxBytes::try_from(1 << 20).unwrap()).encode(&alert, &stamp(sequence));

            prop_assert!(!line.truncated);
            let text = std::str::from_utf8(&line.bytes).unwrap();
            let mut expect: Params = expected_params(&alert, sequence, spell).into_iter().collect();
            let msg = spell(said(&alert));
            if !msg.is_empty() {
                expect.insert("msg".to_owned(), msg);
            }
            cef_names_only(&alert, text, &mut expect);
            prop_assert_eq!(read(text), expect);
            prop_assert_eq!(pri(text), 128 + alert.severity.syslog(alert.state, alert.is_audit()) as u16);
        }
    }

    #[test]
    fn no_alert_makes_a_second_line_or_breaks_the_limit(alert in any_alert(), max in 480_usize..3000) {
        for Reading { format, read, .. } in ALL {
            let line = format(MaxBytes::try_from(max).unwrap()).encode(&alert, &stamp(5));
            let whole = format(MaxBytes::try_from(1 << 20).unwrap()).encode(&alert, &stamp(5));

            prop_assert!(line.bytes.len() <= max);
            prop_assert_eq!(line.truncated, whole.bytes.len() > max);
            let text = std::str::from_utf8(&line.bytes).unwrap();
            prop_assert!(!text.chars().any(is_unseen), "{text:?}");
            let full = read(std::str::from_utf8(&whole.bytes).unwrap());
            let params = read(text);
            prop_assert_eq!(params.contains_key("truncated"), line.truncated);
            for (name, value) in params.into_iter().filter(|(name, _)| name != "truncated") {
                let full = &full[&name];
                let kept = value.strip_suffix('…').filter(|_| value != *full);
                prop_assert!(full.starts_with(kept.unwrap_or(&value)), "{name}");
                prop_assert!(kept.is_some() || value == *full, "{name} was cut without a mark");
            }
        }
    }
}

/// The type stands in the header of CEF, where line ends have no spelling of the format's own.
fn cef_names_only(alert: &Alert, text: &str, expect: &mut Params) {
    if text.contains(" CEF:0|") && !alert.kind.is_empty() {
        expect.insert("type".to_owned(), visible(&alert.kind));
    }
}

/// As [`visible`], but for the characters of `own`, which stay.
fn visible_but(text: &str, own: &str) -> String {
    text.split_inclusive(|c| own.contains(c))
        .map(|part| match part.chars().next_back() {
            Some(last) if own.contains(last) => visible(&part[..part.len() - 1]) + &last.to_string(),
            _ => visible(part),
        })
        .collect()
}

fn pri(text: &str) -> u16 {
    text[1..text.find('>').unwrap()].parse().unwrap()
}

fn header(text: &str, variant: Variant, protocol: Protocol) -> Message<&str> {
    let message = parse_message_with_year_exact(text, |_| 2024, variant).unwrap();
    assert_eq!(message.protocol, protocol, "{text}");
    assert!(message.timestamp.is_some() && message.structured_data.is_empty(), "{text}");
    let host = message.hostname.unwrap();
    assert!(host.len() <= 255 && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)));
    message
}

fn read_rfc3164(text: &str) -> Params {
    let message = header(text, Variant::RFC3164, Protocol::RFC3164);
    assert!(message.appname.unwrap().len() <= 32);
    let host = message.hostname.unwrap();
    assert!(!host.starts_with(NO_END) && !host.ends_with(NO_END), "{host}");
    // the parser takes the spaces around the text away
    let mut rest = message.msg;
    let mut params = Params::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut characters = behind.char_indices();
        let end = loop {
            match characters.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => {
                    let (_, escaped) = characters.next().unwrap();
                    assert!("\"\\".contains(escaped));
                    value.push(escaped);
                }
                (_, c) => value.push(c),
            }
        };
        assert!(params.insert(name.to_owned(), value).is_none(), "{name} stands twice");
        rest = behind[end + 1..].strip_prefix(' ').unwrap_or_else(|| &behind[end + 1..]);
    }
    params
}

fn read_json(text: &str) -> Params {
    let message = header(text, Variant::RFC5424, Protocol::RFC5424(1));
    let object: serde_json::Map<String, Value> = serde_json::from_str(message.msg).unwrap();
    let text = |(name, value): (String, Value)| {
        let numeric = ["count", "duration", "seq"].contains(&name.as_str());
        let text = match value {
            Value::String(text) if !numeric => text,
            Value::Number(number) if numeric => number.to_string(),
            Value::Bool(true) if name == "truncated" => "1".to_owned(),
            other => panic!("{name} is {other}"),
        };
        (name, text)
    };
    object.into_iter().map(text).collect()
}

/// Reads CEF by its specification: the header by its pipes, the extension by its equal signs.
fn read_cef(text: &str) -> Params {
    let (before, cef) = text.split_once(" CEF:0|").unwrap();
    let tagged = format!("{before} CEF: x");
    let host = header(&tagged, Variant::RFC3164, Protocol::RFC3164).hostname.unwrap();
    assert!(!host.starts_with(NO_END) && !host.ends_with(NO_END), "{host}");
    let mut fields = split_unescaped(cef, '|', 6);
    let extension = fields.pop().unwrap();
    let [vendor, product, version, class, name, severity] =
        fields.iter().map(|field| unescaped(field, "|\\")).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!([&*vendor, &*version], ["Fogbell", env!("CARGO_PKG_VERSION")]);
    assert!((1..=32).contains(&product.len()) && (1..=32).contains(&class.len()));
    assert!(severity.parse::<u8>().unwrap() <= 10);

    let parts = split_unescaped(extension, '=', usize::MAX);
    let mut raw = Params::new();
    let mut key = parts[0];
    for (index, part) in parts.iter().enumerate().skip(1) {
        let (value, next) =
            if index + 1 == parts.len() { (*part, "") } else { part.rsplit_once(' ').unwrap() };
        assert!(key.chars().all(|c| c.is_ascii_alphanumeric()), "{key}");
        assert!(raw.insert(key.to_owned(), unescaped(value, "=\\nr")).is_none(), "{key} stands twice");
        key = next;
    }

    let mut params = Params::new();
    if !name.is_empty() {
        params.insert("type".to_owned(), name);
    }
    for (key, value) in &raw {
        let name = match key.as_str() {
            label if label.ends_with("Label") => continue,
            "externalId" => "id",
            "cat" => "topic",
            "dvchost" => "device",
            "dvcmac" => "mac",
            "deviceExternalId" => "serial",
            "dvc" | "FogbellIp" => "ip",
            "deviceInboundInterface" => "port",
            "start" => "first_seen",
            "rt" => "last_seen",
            "cnt" => "count",
            "FogbellGroup" => "group",
            "FogbellCategory" => "category",
            "FogbellModel" => "model",
            "FogbellOrigin" => "origin",
            "FogbellRelay" => "relay",
            "FogbellTruncated" => "truncated",
            "msg" | "reason" => key,
            labelled => &raw[&format!("{labelled}Label")],
        };
        let value = match name {
            "mac" => value.replace(':', ""),
            "first_seen" | "last_seen" => {
                let millis: i64 = value.parse().unwrap();
                ids::Timestamp::from_micros(millis * 1000).to_string()
            }
            _ => value.clone(),
        };
        assert!(params.insert(name.to_owned(), value).is_none(), "{name} stands twice");
    }
    params
}

/// The parts of `text` between those `separator`s that have no backslash in front, at most `most` of which count.
fn split_unescaped(text: &str, separator: char, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if c == separator && !escaped && parts.len() < most {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// `text` without its escapes, which may be those of `known` only.
fn unescaped(text: &str, known: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let escaped = characters.next().unwrap();
        assert!(known.contains(escaped), "\\{escaped}");
        plain.push(match escaped {
            'n' => '\n',
            'r' => '\r',
            other => other,
        });
    }
    plain
}
