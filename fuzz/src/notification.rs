//! An alert as a trap.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use alarm::Stamp;
use async_snmp as wire;
use async_snmp::message::CommunityMessage;
use snmp::{Community, Credentials, Limits, Mib, Notification, Object, Value};
use testkit::notification::{Message, Value as Received};

use crate::source::Source;

/// Any alert is a notification of all objects in their order, its texts within the MIB's sizes and without control
/// characters, its datagram no larger than counted and than allowed; and a reader that shares no code with the
/// writer finds in the datagram what was put in.
pub fn notification(data: &[u8]) {
    let mut source = Source::new(data);
    let word = "c".repeat(1 + source.below(128));
    let credentials = Credentials::V2c { community: Community::new(&word).expect("1 to 128 letters") };
    let limits = Limits {
        max_bytes: source.below(1 << 17),
        header_bytes: credentials.header_bytes(),
        ascii: source.chance(),
    };
    let (relay, sequence) = (source.text(), source.number::<8>());
    let alert = source.alert();
    let stamp = Stamp { relay: &relay, sequence };

    let notification = Notification::encode(&alert, &stamp, &MIB, &limits);
    assert_eq!(Notification::encode(&alert, &stamp, &MIB, &limits), notification);
    let counted = notification.datagram_bytes(limits.header_bytes);
    assert!(counted <= limits.max_bytes.clamp(Limits::MIN_BYTES, Limits::MAX_BYTES), "{counted} bytes");
    check(&notification, limits.ascii);
    let address = alert.ip.parse::<Ipv4Addr>().ok();
    assert_eq!(notification.varbinds.len(), OBJECTS + usize::from(address.is_some()));
    assert_eq!(*notification.value(Object::Sequence), Value::Counter64(sequence));

    let request = wire::NotificationPdu::trap_v2(
        wire::Version::V2c,
        i32::MIN,
        u32::MAX,
        &wire::Oid::from_slice(notification.trap.arcs()),
        varbinds(&notification),
    );
    let message = CommunityMessage::v2c(word.as_str(), request.expect("it is a notification"));
    let datagram = message.and_then(|message| message.encode()).expect("it fits");
    assert!(datagram.len() <= counted, "{} bytes where {counted} were counted", datagram.len());
    assert!(counted - datagram.len() <= SPARE, "{} bytes where {counted} were counted", datagram.len());

    let message = Message::decode(&datagram).expect("what is sent is read");
    let received = message.notification().expect("it is v2c");
    assert_eq!(received.uptime(), Some(u32::MAX));
    assert_eq!(received.trap_oid().map(|oid| oid.numbers()), Some(notification.trap.arcs()));
    assert_eq!(received.varbinds.len(), 2 + notification.varbinds.len());
    for (received, sent) in received.varbinds[2..].iter().zip(&notification.varbinds) {
        assert_eq!(received.oid.numbers(), sent.oid.arcs());
        let value = match &sent.value {
            Value::Integer(value) => Received::Integer(*value),
            Value::Gauge32(value) => Received::Unsigned32(*value),
            Value::Counter64(value) => Received::Counter64(*value),
            Value::OctetString(text) => Received::OctetString(text.bytes().to_vec()),
            Value::IpAddress(address) => Received::IpAddress(*address),
        };
        assert_eq!(received.value, value);
    }
}

/// Names, order and texts.
fn check(notification: &Notification, ascii: bool) {
    for (varbind, number) in notification.varbinds.iter().zip(1..=OBJECTS) {
        assert_eq!(
            varbind.oid.arcs()[varbind.oid.arcs().len() - 2],
            u32::try_from(number).expect("29 at most")
        );
        let Value::OctetString(text) = &varbind.value else { continue };
        let text = text.as_str();
        assert!(text.len() <= SIZES[number - 1], "object {number} has {} bytes", text.len());
        assert!(!text.chars().any(char::is_control), "object {number}: {text:?}");
        assert!(!ascii || text.is_ascii(), "object {number}: {text:?}");
    }
    let truncated = Value::Integer(if notification.truncated { 1 } else { 2 });
    assert_eq!(*notification.value(Object::Truncated), truncated);
}

/// As `snmp::Sender` hands them to the library.
fn varbinds(notification: &Notification) -> Vec<wire::VarBind> {
    let value = |value: &Value| match value {
        Value::Integer(value) => wire::Value::Integer(*value),
        Value::Gauge32(value) => wire::Value::Gauge32(*value),
        Value::Counter64(value) => wire::Value::Counter64(*value),
        Value::OctetString(text) => wire::Value::OctetString(text.bytes().clone()),
        Value::IpAddress(address) => wire::Value::IpAddress(address.octets()),
    };
    let varbinds = notification.varbinds.iter();
    varbinds
        .map(|varbind| wire::VarBind::new(wire::Oid::from_slice(varbind.oid.arcs()), value(&varbind.value)))
        .collect()
}

static MIB: LazyLock<Mib> = LazyLock::new(Mib::default);

const OBJECTS: usize = 29;

/// What `FOGBELL-MIB` says of each object that is a text; 0 for the others.
const SIZES: [usize; OBJECTS] = [
    160, 32, 32, 0, 0, 16, 32, 64, 32, 32, 48, 48, 36, 16, 48, 17, 32, 32, 45, 48, 128, 32, 32, 0, 0, 16, 0,
    48, 0,
];

/// What a count may be above the truth: the numbers of the header at their largest.
const SPARE: usize = 16;
