//! Notifications and messages as an NMS or a SIEM would show them.

use std::fmt::Write;

use crate::notification::{Kind, Message, Value};
use crate::receivers::syslog::Frame;
use crate::receivers::trap::ReceivedTrap;

/// Names of the objects of `FOGBELL-MIB`; the first is object 1 (`fbSummary` without its prefix).
///
/// Written down here from the MIB's design rather than taken from the relay, so that a renumbering shows.
pub const OBJECTS: [&str; 29] = [
    "summary",
    "id",
    "key",
    "state",
    "severity",
    "mistSeverity",
    "topic",
    "type",
    "group",
    "category",
    "org",
    "siteName",
    "siteId",
    "deviceType",
    "deviceName",
    "mac",
    "model",
    "serial",
    "address",
    "port",
    "reason",
    "firstSeen",
    "lastSeen",
    "count",
    "duration",
    "origin",
    "sequence",
    "relay",
    "truncated",
];

/// Names of the notifications of `FOGBELL-MIB`; the first is notification 1.
pub const NOTIFICATIONS: [&str; 9] = [
    "fbAlarmRaised",
    "fbAlarmCleared",
    "fbEvent",
    "fbAudit",
    "fbHeartbeat",
    "fbRelayRaised",
    "fbRelayCleared",
    "fbDeviceDown",
    "fbDeviceUp",
];

/// The enterprise number that RFC 5612 keeps for documentation.
pub const DOCUMENTATION_ENTERPRISE: u32 = 32_473;

/// One block of lines about a notification: what it is, then one line per variable. Control characters are
/// escaped; `enterprise` is the number under which the MIB stands.
#[must_use]
pub fn trap(trap: &ReceivedTrap, enterprise: u32) -> String {
    let mut text = String::new();
    let notification = match &trap.message {
        Message::V2c(notification) => notification,
        Message::V3(header) => {
            let security = match header.flags & 3 {
                0 => "neither authenticated nor encrypted",
                1 => "authenticated",
                _ => "authenticated and encrypted",
            };
            let _ = writeln!(
                text,
                "{} v3 message from {}, {security}, {} bytes",
                trap.at,
                trap.from,
                trap.datagram.len()
            );
            return text;
        }
    };
    let what = match notification.kind {
        Kind::Trap => "trap",
        Kind::Inform if trap.acknowledged => "inform, acknowledged",
        Kind::Inform => "inform, not acknowledged",
    };
    let base = [1, 3, 6, 1, 4, 1, enterprise, 1];
    let name = notification.trap_oid().map_or_else(
        || "without a notification name".to_owned(),
        |oid| match oid.below(&base) {
            Some(&[0, number]) => {
                named(&NOTIFICATIONS, number).map_or_else(|| oid.to_string(), str::to_owned)
            }
            _ => oid.to_string(),
        },
    );
    let _ = writeln!(text, "{} {name} ({what}) from {}, {} bytes", trap.at, trap.from, trap.datagram.len());
    let first = if notification.trap_oid().is_some() { 2 } else { 0 };
    for varbind in notification.varbinds.iter().skip(first) {
        let object = match varbind.oid.below(&base) {
            Some(&[1, number] | &[1, number, 0]) => named(&OBJECTS, number),
            _ if varbind.oid.numbers() == TRAP_ADDRESS => Some("snmpTrapAddress"),
            _ => None,
        };
        let object = object.map_or_else(|| varbind.oid.to_string(), str::to_owned);
        let _ = writeln!(text, "    {object} = {}", value(&object, &varbind.value));
    }
    text
}

/// One line about a syslog message; control characters in it are escaped.
#[must_use]
pub fn frame(frame: &Frame) -> String {
    let transport = match frame.transport {
        crate::Transport::Udp => "udp",
        crate::Transport::Tcp => "tcp",
        crate::Transport::Tls => "tls",
    };
    format!("{} syslog {transport} {} {}\n", frame.at, frame.from, escape(&frame.text()))
}

fn named<const N: usize>(names: &'static [&'static str; N], number: u32) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    names.get(index).copied()
}

fn value(object: &str, value: &Value) -> String {
    match value {
        Value::Integer(number) => match (object, number) {
            ("severity", 1..=6) => {
                let names = ["cleared", "indeterminate", "critical", "major", "minor", "warning"];
                let index = usize::try_from(*number - 1).expect("the arm's range");
                format!("{}({number})", names[index])
            }
            ("duration", -1) => "unknown(-1)".to_owned(),
            _ => number.to_string(),
        },
        Value::OctetString(bytes) => octets(object, bytes),
        Value::Null => "null".to_owned(),
        Value::ObjectId(oid) => oid.to_string(),
        Value::IpAddress(address) => address.to_string(),
        Value::Counter32(number) | Value::Unsigned32(number) | Value::TimeTicks(number) => number.to_string(),
        Value::Counter64(number) => number.to_string(),
        Value::Opaque(bytes) => hex(bytes),
        Value::NoSuchObject => "no such object".to_owned(),
        Value::NoSuchInstance => "no such instance".to_owned(),
        Value::EndOfMibView => "end of MIB view".to_owned(),
    }
}

/// Text as text, a `MacAddress` and a `DateAndTime` (RFC 2579) where one is expected, the rest in hexadecimal.
fn octets(object: &str, bytes: &[u8]) -> String {
    match (object, bytes) {
        ("firstSeen" | "lastSeen", &[high, low, month, day, hour, minute, second, tenths, ref zone @ ..])
            if zone.is_empty() || zone.len() == 3 =>
        {
            let year = u16::from_be_bytes([high, low]);
            let zone = match zone {
                &[sign, hours, minutes] => format!("{}{hours:02}:{minutes:02}", char::from(sign)),
                _ => String::new(),
            };
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{tenths}{zone}")
        }
        ("mac", bytes) if bytes.len() == 6 => {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
        }
        _ => std::str::from_utf8(bytes).map_or_else(|_| hex(bytes), |text| format!("\"{}\"", escape(text))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The text with its control characters escaped, so that it stays one line and harmless to a terminal.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        out
    })
}

const TRAP_ADDRESS: &[u32] = &[1, 3, 6, 1, 6, 3, 18, 1, 3, 0];

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ids::Timestamp;

    use super::*;
    use crate::ber;

    fn oid(numbers: &[u8]) -> Vec<u8> {
        // 1.3.6.1.4.1.32473 and `numbers`
        [&[0x2b, 6, 1, 4, 1, 0x81, 0xfd, 0x59], numbers].concat()
    }

    fn varbind(name: &[u8], tag: u8, contents: &[u8]) -> Vec<u8> {
        let (mut inner, mut out) = (Vec::new(), Vec::new());
        ber::write(&mut inner, ber::OBJECT_ID, name);
        ber::write(&mut inner, tag, contents);
        ber::write(&mut out, ber::SEQUENCE, &inner);
        out
    }

    fn received(varbinds: &[Vec<u8>]) -> ReceivedTrap {
        let trap_oid = [0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0];
        let mut all = varbind(&[0x2b, 6, 1, 2, 1, 1, 3, 0], 0x43, &[1]);
        all.extend(varbind(&trap_oid, ber::OBJECT_ID, &oid(&[1, 0, 8])));
        all.extend(varbinds.concat());
        let (mut pdu, mut message, mut datagram) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            ber::write_integer(&mut pdu, 0);
        }
        ber::write(&mut pdu, ber::SEQUENCE, &all);
        ber::write_integer(&mut message, 1);
        ber::write(&mut message, ber::OCTET_STRING, b"public");
        ber::write(&mut message, 0xa7, &pdu);
        ber::write(&mut datagram, ber::SEQUENCE, &message);
        ReceivedTrap {
            from: "127.0.0.1:9".parse().unwrap(),
            at: Timestamp::from_micros(1_700_000_000_000_000),
            message: Message::decode(&datagram).unwrap(),
            datagram: Bytes::from(datagram),
            acknowledged: false,
        }
    }

    #[test]
    fn a_notification_is_shown_by_its_names() {
        let shown = trap(
            &received(&[
                varbind(&oid(&[1, 1, 1, 0]), ber::OCTET_STRING, "Zürich \x1b[31m\ndown".as_bytes()),
                varbind(&oid(&[1, 1, 5]), ber::INTEGER, &[3]),
                varbind(&oid(&[1, 1, 16, 0]), ber::OCTET_STRING, &[2, 0, 0, 0xab, 0, 1]),
                varbind(
                    &oid(&[1, 1, 22, 0]),
                    ber::OCTET_STRING,
                    &[7, 0xea, 11, 22, 14, 7, 31, 0, b'+', 0, 0],
                ),
                varbind(&oid(&[1, 1, 25, 0]), ber::INTEGER, &[0xff]),
                varbind(&oid(&[1, 1, 29, 0]), ber::OCTET_STRING, b""),
                varbind(&oid(&[1, 1, 30, 0]), ber::INTEGER, &[1]),
                varbind(&[0x2b, 6, 1, 6, 3, 18, 1, 3, 0], 0x40, &[192, 0, 2, 7]),
            ]),
            DOCUMENTATION_ENTERPRISE,
        );

        let (head, variables) = shown.split_once('\n').unwrap();
        assert!(
            head.starts_with("2023-11-14T22:13:20.000Z fbDeviceDown (trap) from 127.0.0.1:9, "),
            "{head}"
        );
        assert_eq!(
            variables,
            "    summary = \"Zürich \\u{1b}[31m\\ndown\"\n    severity = critical(3)\n    \
             mac = 02:00:00:ab:00:01\n    firstSeen = 2026-11-22T14:07:31.0+00:00\n    \
             duration = unknown(-1)\n    truncated = \"\"\n    1.3.6.1.4.1.32473.1.1.30.0 = 1\n    \
             snmpTrapAddress = 192.0.2.7\n"
        );
    }

    #[test]
    fn another_enterprise_has_no_names_here() {
        let shown = trap(&received(&[]), 1);

        assert!(shown.contains("1.3.6.1.4.1.32473.1.0.8"), "{shown}");
    }
}
