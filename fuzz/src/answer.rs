//! What a receiver of informs answers: BER from the network.

use async_snmp::DecodeConfig;
use async_snmp::message::{CommunityMessage, Message};
use bytes::Bytes;
use testkit::ber::{self, Oid, Reader};
use testkit::notification::{Message as Received, Value};

/// Arbitrary bytes are a message or an error, for the library that reads answers and for the tests' own reader;
/// what the latter reads, it writes and reads again as the same.
pub fn answer(data: &[u8]) {
    for config in [DecodeConfig::default(), DecodeConfig::STRICT] {
        let _ = Message::decode(Bytes::copy_from_slice(data), config);
        let _ = CommunityMessage::decode(Bytes::copy_from_slice(data), config);
    }

    let mut reader = Reader::new(data);
    let mut read = 0;
    while let Ok((_, contents)) = reader.element() {
        read += 2 + contents.len();
        if let Ok(oid) = Oid::from_ber(contents) {
            assert_eq!(oid.to_string().parse(), Ok(oid));
        }
    }
    assert!(read <= data.len(), "no element is larger than what it was read from");

    let Ok(Received::V2c(notification)) = Received::decode(data) else { return };
    let mut bindings = Vec::new();
    for varbind in &notification.varbinds {
        let Some((tag, contents)) = written(&varbind.value) else { return };
        let mut binding = Vec::new();
        let Some(name) = oid(&varbind.oid) else { return };
        ber::write(&mut binding, ber::OBJECT_ID, &name);
        ber::write(&mut binding, tag, &contents);
        ber::write(&mut bindings, ber::SEQUENCE, &binding);
    }
    let mut pdu = Vec::new();
    for number in [notification.request_id, 0, 0] {
        ber::write_integer(&mut pdu, number);
    }
    ber::write(&mut pdu, ber::SEQUENCE, &bindings);
    let mut message = Vec::new();
    ber::write_integer(&mut message, 1);
    ber::write(&mut message, ber::OCTET_STRING, &notification.community);
    ber::write(&mut message, TRAP, &pdu);
    let mut datagram = Vec::new();
    ber::write(&mut datagram, ber::SEQUENCE, &message);

    let Ok(Received::V2c(again)) = Received::decode(&datagram) else {
        panic!("what was written is not read")
    };
    assert_eq!(again.varbinds, notification.varbinds);
    assert_eq!((again.request_id, again.community), (notification.request_id, notification.community));
}

/// Tag and contents of the kinds of values that a trap of ours can have.
fn written(value: &Value) -> Option<(u8, Vec<u8>)> {
    let unsigned = |number: u64| {
        let bytes = [&[0][..], &number.to_be_bytes()].concat();
        let zeros = bytes.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
        bytes[zeros..].to_vec()
    };
    Some(match value {
        Value::OctetString(bytes) => (ber::OCTET_STRING, bytes.clone()),
        Value::IpAddress(address) => (0x40, address.octets().to_vec()),
        Value::Counter32(number) => (0x41, unsigned(u64::from(*number))),
        Value::Unsigned32(number) => (0x42, unsigned(u64::from(*number))),
        Value::TimeTicks(number) => (0x43, unsigned(u64::from(*number))),
        Value::Counter64(number) => (0x46, unsigned(*number)),
        Value::ObjectId(name) => (ber::OBJECT_ID, oid(name)?),
        Value::Null => (ber::NULL, Vec::new()),
        _ => return None,
    })
}

fn oid(oid: &Oid) -> Option<Vec<u8>> {
    let [first, second, rest @ ..] = oid.numbers() else { return None };
    let mut out = Vec::new();
    for number in
        std::iter::once(u64::from(*first) * 40 + u64::from(*second)).chain(rest.iter().map(|n| u64::from(*n)))
    {
        let mut shift = 35;
        while shift > 0 && number >> shift == 0 {
            shift -= 7;
        }
        while shift > 0 {
            out.push(0x80 | (number >> shift & 0x7f) as u8);
            shift -= 7;
        }
        out.push((number & 0x7f) as u8);
    }
    Some(out)
}

const TRAP: u8 = 0xa7;
