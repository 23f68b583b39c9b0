//! An SNMP notification as a receiver reads it.

use std::net::Ipv4Addr;

use crate::ber::{self, BerError, Oid, Reader};

/// What one datagram held.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// A notification of SNMP v2c, whole.
    V2c(Notification),
    /// A message of SNMP v3, of which only the header is read.
    V3(V3Header),
}

impl Message {
    /// Reads one datagram.
    ///
    /// Of SNMP v2c only `SNMPv2-Trap-PDU` and `InformRequest-PDU` are read; of v3 only the header, so that
    /// what is behind its security can be counted. Source: RFC 3416 section 3, RFC 3412 section 6.
    ///
    /// # Errors
    ///
    /// [`BerError`] says what is malformed; [`BerError::Shape`] also for other versions and other PDUs.
    pub fn decode(datagram: &[u8]) -> Result<Self, BerError> {
        let mut outer = Reader::new(datagram);
        let mut message = outer.enter(ber::SEQUENCE)?;
        outer.end()?;
        match message.integer()? {
            1 => Notification::read(message).map(Self::V2c),
            3 => V3Header::read(message).map(Self::V3),
            0 => Err(BerError::Shape("SNMP v1, which nobody should send")),
            _ => Err(BerError::Shape("an SNMP version that does not exist")),
        }
    }

    /// The notification, when it could be read.
    #[must_use]
    pub const fn notification(&self) -> Option<&Notification> {
        match self {
            Self::V2c(notification) => Some(notification),
            Self::V3(_) => None,
        }
    }
}

/// A trap or inform of SNMP v2c.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Notification {
    /// Trap or inform.
    pub kind: Kind,
    /// The community, as sent.
    pub community: Vec<u8>,
    /// What an answer must repeat.
    pub request_id: i32,
    /// The variable bindings, in the order sent.
    pub varbinds: Vec<Varbind>,
    /// The variable-bindings element as it stood in the datagram, for an answer.
    raw_varbinds: Vec<u8>,
}

/// Which notification PDU.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `SNMPv2-Trap-PDU`, which nobody answers.
    Trap,
    /// `InformRequest-PDU`, which the receiver answers.
    Inform,
}

impl Notification {
    fn read(mut message: Reader<'_>) -> Result<Self, BerError> {
        let community = message.expect(ber::OCTET_STRING)?.to_vec();
        let (tag, contents) = message.element()?;
        message.end()?;
        let kind = match tag {
            TRAP => Kind::Trap,
            INFORM => Kind::Inform,
            _ => return Err(BerError::Shape("a PDU that is no notification")),
        };
        let mut pdu = Reader::new(contents);
        let request_id = pdu.integer()?;
        if pdu.integer()? != 0 || pdu.integer()? != 0 {
            return Err(BerError::Shape("a notification with an error status or index"));
        }
        let bindings = pdu.expect(ber::SEQUENCE)?;
        pdu.end()?;

        let mut varbinds = Vec::new();
        let mut reader = Reader::new(bindings);
        while !reader.is_empty() {
            let mut varbind = reader.enter(ber::SEQUENCE)?;
            let oid = Oid::from_ber(varbind.expect(ber::OBJECT_ID)?)?;
            let (tag, contents) = varbind.element()?;
            varbind.end()?;
            varbinds.push(Varbind { oid, value: Value::read(tag, contents)? });
        }
        Ok(Self { kind, community, request_id, varbinds, raw_varbinds: bindings.to_vec() })
    }

    /// The value of the first variable whose name is exactly `oid`, as in `1.3.6.1.2.1.1.3.0`.
    #[must_use]
    pub fn value(&self, oid: &str) -> Option<&Value> {
        let oid: Oid = oid.parse().ok()?;
        self.varbinds.iter().find(|varbind| varbind.oid == oid).map(|varbind| &varbind.value)
    }

    /// What kind of notification it is: the value of `snmpTrapOID.0`.
    ///
    /// RFC 3416 section 4.2.6 demands it as the second variable, after `sysUpTime.0`; anywhere else it does
    /// not count.
    #[must_use]
    pub fn trap_oid(&self) -> Option<&Oid> {
        match self.varbinds.get(1) {
            Some(Varbind { oid, value: Value::ObjectId(trap) }) if oid.numbers() == TRAP_OID => Some(trap),
            _ => None,
        }
    }

    /// How long the sender has been up in hundredths of a second: the value of `sysUpTime.0`, which must be
    /// the first variable.
    #[must_use]
    pub fn uptime(&self) -> Option<u32> {
        match self.varbinds.first() {
            Some(Varbind { oid, value: Value::TimeTicks(ticks) }) if oid.numbers() == UPTIME => Some(*ticks),
            _ => None,
        }
    }

    /// The bytes of the `Response-PDU` that acknowledges this, with `request_id` and either the same
    /// variables or none. Source: RFC 3416 section 4.2.7.
    #[must_use]
    pub fn response(&self, request_id: i32, with_varbinds: bool) -> Vec<u8> {
        let mut pdu = Vec::new();
        for number in [request_id, 0, 0] {
            ber::write_integer(&mut pdu, number);
        }
        ber::write(&mut pdu, ber::SEQUENCE, if with_varbinds { &self.raw_varbinds } else { &[] });
        let mut message = Vec::new();
        ber::write_integer(&mut message, 1);
        ber::write(&mut message, ber::OCTET_STRING, &self.community);
        ber::write(&mut message, RESPONSE, &pdu);
        let mut datagram = Vec::new();
        ber::write(&mut datagram, ber::SEQUENCE, &message);
        datagram
    }
}

/// A variable and its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Varbind {
    /// The variable's name.
    pub oid: Oid,
    /// Its value.
    pub value: Value,
}

/// A value of a variable, by its type on the wire (RFC 3416 section 3).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Value {
    Integer(i32),
    OctetString(Vec<u8>),
    Null,
    ObjectId(Oid),
    IpAddress(Ipv4Addr),
    Counter32(u32),
    Unsigned32(u32),
    TimeTicks(u32),
    Opaque(Vec<u8>),
    Counter64(u64),
    NoSuchObject,
    NoSuchInstance,
    EndOfMibView,
}

impl Value {
    fn read(tag: u8, contents: &[u8]) -> Result<Self, BerError> {
        let number = || {
            ber::unsigned(contents, 4).and_then(|number| u32::try_from(number).map_err(|_| BerError::Number))
        };
        let empty =
            |value| if contents.is_empty() { Ok(value) } else { Err(BerError::Trailing(contents.len())) };
        match tag {
            ber::INTEGER => ber::signed(contents).map(Self::Integer),
            ber::OCTET_STRING => Ok(Self::OctetString(contents.to_vec())),
            ber::NULL => empty(Self::Null),
            ber::OBJECT_ID => Oid::from_ber(contents).map(Self::ObjectId),
            0x40 => <[u8; 4]>::try_from(contents)
                .map(|address| Self::IpAddress(address.into()))
                .map_err(|_| BerError::Shape("an address that has not four bytes")),
            0x41 => number().map(Self::Counter32),
            0x42 => number().map(Self::Unsigned32),
            0x43 => number().map(Self::TimeTicks),
            0x44 => Ok(Self::Opaque(contents.to_vec())),
            0x46 => ber::unsigned(contents, 8).map(Self::Counter64),
            0x80 => empty(Self::NoSuchObject),
            0x81 => empty(Self::NoSuchInstance),
            0x82 => empty(Self::EndOfMibView),
            _ => Err(BerError::Shape("a value of a type that SNMP does not have")),
        }
    }

    /// The bytes as text, when this is an octet string of valid UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::OctetString(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// The header of a message of SNMP v3 (RFC 3412 section 6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct V3Header {
    /// `msgID`.
    pub message_id: i32,
    /// `msgMaxSize` in bytes.
    pub max_size: i32,
    /// `msgFlags`: 1 authenticated, 2 encrypted, 4 reportable.
    pub flags: u8,
    /// `msgSecurityModel`; 3 is USM.
    pub security_model: i32,
}

impl V3Header {
    fn read(mut message: Reader<'_>) -> Result<Self, BerError> {
        let mut header = message.enter(ber::SEQUENCE)?;
        let message_id = header.integer()?;
        let max_size = header.integer()?;
        let &[flags] = header.expect(ber::OCTET_STRING)? else {
            return Err(BerError::Shape("flags that are not one byte"));
        };
        let security_model = header.integer()?;
        header.end()?;
        message.expect(ber::OCTET_STRING)?; // security parameters
        message.element()?; // the scoped PDU, plain or encrypted
        message.end()?;
        Ok(Self { message_id, max_size, flags, security_model })
    }
}

const INFORM: u8 = 0xa6;
const TRAP: u8 = 0xa7;
const RESPONSE: u8 = 0xa2;
const UPTIME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 3, 0];
const TRAP_OID: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A coldStart as net-snmp's `snmptrap -v 2c -c public` sends it, with one string after it; byte 13 is
    /// the PDU's tag, bytes 17 to 20 the request id.
    pub(crate) fn trap() -> Vec<u8> {
        hex("30 4f 02 01 01 04 06 70 75 62 6c 69 63 a7 42 02 04 12 34 56 78 02 01 00 02 01 00 30 34
             30 0f 06 08 2b 06 01 02 01 01 03 00 43 03 01 e2 40
             30 17 06 0a 2b 06 01 06 03 01 01 04 01 00 06 09 2b 06 01 06 03 01 01 05 01
             30 08 06 03 2b 06 01 04 01 41")
    }

    pub(crate) fn inform(request_id: i32) -> Vec<u8> {
        let mut bytes = trap();
        bytes[13] = INFORM;
        bytes[17..21].copy_from_slice(&request_id.to_be_bytes());
        bytes
    }

    pub(crate) fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    }

    #[test]
    fn a_trap_is_read() {
        let message = Message::decode(&trap()).unwrap();

        let trap = message.notification().unwrap();
        assert_eq!((trap.kind, trap.request_id, &*trap.community), (Kind::Trap, 0x1234_5678, &b"public"[..]));
        assert_eq!(trap.uptime(), Some(123_456));
        assert_eq!(trap.trap_oid().unwrap().to_string(), "1.3.6.1.6.3.1.1.5.1");
        assert_eq!(trap.value("1.3.6.1").unwrap().text(), Some("A"));
        assert_eq!(trap.varbinds.len(), 3);
    }

    #[test]
    fn an_inform_is_answered_with_its_own_variables() {
        let Message::V2c(inform) = Message::decode(&inform(-2_000_000_000)).unwrap() else { panic!() };
        assert_eq!((inform.kind, inform.request_id), (Kind::Inform, -2_000_000_000));

        let same = inform.response(inform.request_id, true);
        let mut wanted = self::inform(-2_000_000_000);
        wanted[13] = RESPONSE;
        assert_eq!(same, wanted);

        let short = inform.response(7, false);
        assert_eq!(
            short,
            hex("30 18 02 01 01 04 06 70 75 62 6c 69 63 a2 0b 02 01 07 02 01 00 02 01 00 30 00")
        );
    }

    #[test]
    fn every_value_type_is_read() {
        for (tag, contents, value) in [
            (0x02, "ff", Some(Value::Integer(-1))),
            (0x04, "", Some(Value::OctetString(vec![]))),
            (0x05, "", Some(Value::Null)),
            (0x05, "00", None),
            (0x06, "2b 06", Some(Value::ObjectId(Oid::new(&[1, 3, 6])))),
            (0x40, "c0 00 02 01", Some(Value::IpAddress(Ipv4Addr::new(192, 0, 2, 1)))),
            (0x40, "c0 00 02", None),
            (0x41, "00 ff ff ff ff", Some(Value::Counter32(u32::MAX))),
            (0x42, "2a", Some(Value::Unsigned32(42))),
            (0x43, "00", Some(Value::TimeTicks(0))),
            (0x44, "9f 78", Some(Value::Opaque(vec![0x9f, 0x78]))),
            (0x46, "00 ff ff ff ff ff ff ff ff", Some(Value::Counter64(u64::MAX))),
            (0x80, "", Some(Value::NoSuchObject)),
            (0x81, "", Some(Value::NoSuchInstance)),
            (0x82, "", Some(Value::EndOfMibView)),
            (0x45, "00", None),
        ] {
            assert_eq!(Value::read(tag, &hex(contents)).ok(), value, "{tag:#x} {contents}");
        }
    }

    #[test]
    fn a_v3_message_is_known_by_its_header() {
        let message = hex(
            "30 1e 02 01 03 30 0f 02 02 04 d2 02 03 00 ff e3 04 01 07 02 01 03 04 02 30 00 04 04 de ad be ef",
        );

        let header = V3Header { message_id: 1234, max_size: 65_507, flags: 7, security_model: 3 };
        assert_eq!(Message::decode(&message), Ok(Message::V3(header)));
    }

    #[test]
    fn what_is_no_notification_is_refused() {
        let mut get = trap();
        get[13] = 0xa0;
        let mut v1 = trap();
        v1[4] = 0;
        let mut error_status = trap();
        error_status[23] = 5;
        let mut longer = trap();
        longer.push(0);
        for bytes in [get, v1, error_status, longer] {
            assert!(Message::decode(&bytes).is_err(), "{bytes:02x?}");
        }
        for end in 0..trap().len() {
            assert!(Message::decode(&trap()[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn a_damaged_trap_never_panics(at in 0..81_usize, byte: u8, cut in 0..81_usize) {
            let mut bytes = trap();
            bytes[at] = byte;
            let _ = Message::decode(&bytes);
            let _ = Message::decode(&bytes[cut..]);
        }
    }
}
