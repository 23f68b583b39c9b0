use alarm::{AlarmKey, AlertId, Origin, Severity, Text};
use ids::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::mib::Syntax;

const STAMP: Stamp<'static> = Stamp { relay: "relay-1", sequence: 4_294_967_296 };

/// An alert of which only the required is known.
fn bare() -> Alert {
    let at = Timestamp::from_micros(1_795_356_451_002_000);
    Alert::new(AlertId::of(&[b"a"]), AlarmKey::of(&[b"k"]), "alarms", "switch_down", at)
}

fn full() -> Alert {
    let mut alert = bare();
    alert.state = State::Raised;
    alert.severity = Severity::Critical;
    alert.mist_severity = "critical".into();
    alert.group = "infrastructure".into();
    alert.category = "switch".into();
    alert.org = "acme".into();
    alert.site = "Zürich HB".into();
    alert.site_id = "4ac1dcf4-9d8b-7211-65c4-057819f0862b".into();
    alert.device_type = "switch".into();
    alert.device = "sw-core-1".into();
    alert.mac = Some("0209e45575a6".parse().unwrap());
    alert.model = "EX4100-48P".into();
    alert.serial = "JW3620420087".into();
    alert.ip = "192.0.2.17".into();
    alert.port = "ge-0/0/1".into();
    alert.reason = "power\nlost".into();
    alert.last_seen = Timestamp::from_micros(1_795_356_511_002_000);
    alert.count = 3;
    alert.duration_secs = Some(60);
    alert.origin = Origin::Reconcile;
    alert.summary = "switch sw-core-1 at Zürich HB is down".into();
    alert
}

fn encode(alert: &Alert, limits: &Limits) -> Notification {
    Notification::encode(alert, &STAMP, &Mib::default(), limits)
}

fn shown(value: &Value) -> String {
    match value {
        Value::OctetString(text) => text.as_str().to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Gauge32(number) => number.to_string(),
        Value::Counter64(number) => number.to_string(),
        Value::IpAddress(address) => address.to_string(),
    }
}

#[test]
fn a_full_alert_fills_every_object_in_order() {
    let notification = encode(&full(), &Limits::default());

    let mut all: Vec<_> = notification.varbinds.iter().map(|varbind| shown(&varbind.value)).collect();
    let id = AlertId::of(&[b"a"]).to_string();
    let key = AlarmKey::of(&[b"k"]).to_string();
    assert_eq!(
        all,
        [
            "switch sw-core-1 at Zürich HB is down",
            &id,
            &key,
            "1",
            "3",
            "critical",
            "alarms",
            "switch_down",
            "infrastructure",
            "switch",
            "acme",
            "Zürich HB",
            "4ac1dcf4-9d8b-7211-65c4-057819f0862b",
            "switch",
            "sw-core-1",
            "0209e45575a6",
            "EX4100-48P",
            "JW3620420087",
            "192.0.2.17",
            "ge-0/0/1",
            "power lost",
            "2026-11-22T14:07:31.002Z",
            "2026-11-22T14:08:31.002Z",
            "3",
            "60",
            "reconcile",
            "4294967296",
            "relay-1",
            "2",
            "192.0.2.17",
        ]
    );
    assert_eq!(notification.varbinds[29].oid.to_string(), "1.3.6.1.6.3.18.1.3.0");
    assert_eq!(&notification.trap, Mib::default().trap(Trap::DeviceDown));
    assert!(!notification.truncated);

    all = encode(&full(), &Limits { ascii: true, ..Limits::default() })
        .varbinds
        .iter()
        .map(|varbind| shown(&varbind.value))
        .collect();
    assert_eq!(all[11], "Zurich HB");
}

#[test]
fn what_is_not_known_is_empty_not_left_out() {
    let notification = encode(&bare(), &Limits::default());

    assert_eq!(notification.varbinds.len(), 29);
    for object in
        [Object::Summary, Object::DeviceMac, Object::SiteName, Object::Reason, Object::DeviceAddress]
    {
        assert_eq!(shown(notification.value(object)), "", "{object:?}");
    }
    assert_eq!(notification.value(Object::Severity), &Value::Integer(2));
    assert_eq!(notification.value(Object::State), &Value::Integer(3));
    assert_eq!(notification.value(Object::Count), &Value::Gauge32(0));
    assert_eq!(notification.value(Object::Duration), &Value::Integer(-1));
    assert_eq!(notification.value(Object::Truncated), &Value::Integer(2));
}

#[test]
fn numbers_stop_at_their_largest() {
    let mut alert = full();
    alert.count = u64::MAX;
    alert.duration_secs = Some(u64::MAX);

    let notification = encode(&alert, &Limits::default());

    assert_eq!(notification.value(Object::Count), &Value::Gauge32(u32::MAX));
    assert_eq!(notification.value(Object::Duration), &Value::Integer(i32::MAX));
}

#[test]
fn only_an_ipv4_address_becomes_the_trap_address() {
    for (ip, len) in
        [("192.0.2.17", 30), ("2001:db8::1", 29), ("", 29), ("192.0.2.17, 10.0.0.1", 29), ("dhcp", 29)]
    {
        let mut alert = bare();
        alert.ip = ip.into();
        assert_eq!(encode(&alert, &Limits::default()).varbinds.len(), len, "{ip}");
    }
}

/// An alert whose every text is far too long.
fn endless() -> Alert {
    let text = Text::from("Ω".repeat(50_000));
    let mut alert = full();
    for field in [
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
        &mut alert.port,
        &mut alert.reason,
        &mut alert.summary,
    ] {
        field.clone_from(&text);
    }
    alert.count = u64::MAX;
    alert.duration_secs = Some(u64::MAX);
    alert
}

#[test]
fn even_the_largest_alert_fits_the_smallest_datagram() {
    let mib = Mib::new((1 << 31) - 1).unwrap();
    let relay = "r".repeat(10_000);
    let stamp = Stamp { relay: &relay, sequence: u64::MAX };
    for max_bytes in [0, Limits::MIN_BYTES, 1_300, Limits::DEFAULT_BYTES] {
        let limits = Limits { max_bytes, ..Limits::default() };

        let notification = Notification::encode(&endless(), &stamp, &mib, &limits);

        let bytes = notification.datagram_bytes(limits.header_bytes);
        assert!(bytes <= max_bytes.max(Limits::MIN_BYTES), "{bytes} of {max_bytes}");
        // Full use is made of what there is: a step shrinks only as far as needed.
        assert!(bytes + 16 >= max_bytes, "{bytes} of {max_bytes}");
        assert!(notification.truncated);
        assert_eq!(notification.value(Object::Truncated), &Value::Integer(1));
        assert!(shown(notification.value(Object::Summary)).ends_with("..."));
        assert_eq!(shown(notification.value(Object::Type)).len(), 63, "the type never shrinks below its cap");
    }
}

#[test]
fn texts_shrink_in_the_documented_order() {
    let mut alert = full();
    alert.reason = "x".repeat(500).into();
    alert.summary = "y".repeat(500).into();
    let roomy = encode(&alert, &Limits { max_bytes: Limits::MAX_BYTES, ..Limits::default() });
    let size = roomy.datagram_bytes(LARGEST);
    let len = |max_bytes, object| {
        shown(encode(&alert, &Limits { max_bytes, ..Limits::default() }).value(object)).len()
    };

    assert_eq!((len(size, Object::Reason), len(size, Object::Summary)), (128, 160));
    assert_eq!((len(size - 10, Object::Reason), len(size - 10, Object::Summary)), (118, 160));
    assert!(size - 80 > Limits::MIN_BYTES);
    // The reason gives 64 bytes and two bytes of lengths, the summary the other 14.
    assert_eq!((len(size - 80, Object::Reason), len(size - 80, Object::Summary)), (64, 146));
}

const LARGEST: usize = crate::credentials::LARGEST_HEADER;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,40}",
        2 => proptest::collection::vec(any::<char>(), 0..200).prop_map(String::from_iter),
        1 => ("\\PC|[\\x00-\\x1f]|😀|é", 1_usize..25_000).prop_map(|(text, times)| text.repeat(times)),
        1 => Just(String::new()),
    ]
}

prop_compose! {
    fn any_alert()(
        texts in proptest::collection::vec(any_text(), 16),
        state in prop_oneof![Just(State::Raised), Just(State::Cleared), Just(State::Event)],
        own in prop_oneof![3 => Just(""), 1 => Just("audits"), 1 => Just("relay")],
        ip in prop_oneof![any::<std::net::IpAddr>().prop_map(|ip| ip.to_string()), any_text()],
        (micros, count, duration_secs) in any::<(i64, u64, Option<u64>)>(),
        mac in any::<Option<[u8; 6]>>(),
    ) -> Alert {
        let mut texts = texts.into_iter();
        let mut text = || Text::from(texts.next().unwrap());
        let mut alert = full();
        alert.topic = if own.is_empty() { text() } else { own.into() };
        (alert.kind, alert.summary, alert.reason) = (text(), text(), text());
        (alert.group, alert.category, alert.mist_severity) = (text(), text(), text());
        (alert.org, alert.site, alert.site_id) = (text(), text(), text());
        (alert.device, alert.device_type, alert.model) = (text(), text(), text());
        (alert.serial, alert.port) = (text(), text());
        (alert.state, alert.ip) = (state, ip.into());
        (alert.first_seen, alert.last_seen) = (Timestamp::from_micros(micros), Timestamp::from_micros(-1));
        (alert.count, alert.duration_secs) = (count, duration_secs);
        alert.mac = mac.map(ids::Mac::new);
        alert
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_alert_becomes_a_notification_that_keeps_every_promise(
        alert in any_alert(),
        relay in any_text(),
        ascii: bool,
        max_bytes in 1_000_usize..2_000,
    ) {
        let mib = Mib::default();
        let limits = Limits { max_bytes, ascii, ..Limits::default() };
        let notification =
            Notification::encode(&alert, &Stamp { relay: &relay, sequence: u64::MAX }, &mib, &limits);

        prop_assert!(notification.datagram_bytes(LARGEST) <= max_bytes.max(Limits::MIN_BYTES));
        prop_assert!(notification.varbinds.len() >= 29 && notification.varbinds.len() <= 30);
        for (object, varbind) in Object::ALL.into_iter().zip(&notification.varbinds) {
            prop_assert_eq!(&varbind.oid, mib.object(object));
            match (object.syntax(), &varbind.value) {
                (Syntax::Text(max), Value::OctetString(text)) => {
                    let text = std::str::from_utf8(text.bytes()).unwrap();
                    prop_assert!(text.len() <= usize::from(max));
                    prop_assert!(!text.chars().any(char::is_control));
                    prop_assert!(!ascii || text.is_ascii());
                }
                (Syntax::Count, Value::Gauge32(_)) | (Syntax::Sequence, Value::Counter64(_)) => {}
                (Syntax::Duration, Value::Integer(secs)) => prop_assert!(*secs >= -1),
                (Syntax::State, Value::Integer(number)) => prop_assert!((1..=3).contains(number)),
                (Syntax::Severity, Value::Integer(number)) => prop_assert!((1..=6).contains(number)),
                (Syntax::Truth, Value::Integer(number)) => {
                    prop_assert_eq!(*number, if notification.truncated { 1 } else { 2 });
                }
                (_, value) => prop_assert!(false, "{:?} is {:?}", object, value),
            }
        }
        if let Some(address) = notification.varbinds.get(29) {
            prop_assert_eq!(shown(&address.value), alert.ip);
        }
    }
}
