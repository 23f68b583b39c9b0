//! An alert as variable bindings.

mod draft;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::Ipv4Addr;

use alarm::{Alert, Stamp, State};
use bytes::Bytes;

use crate::{Mib, Object, Oid, Trap, ber};
use draft::Draft;

/// One alert, ready to be sent as a trap or an inform.
///
/// The sender puts `sysUpTime.0` and `snmpTrapOID.0` in front.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// What `snmpTrapOID.0` says.
    pub trap: Oid,
    /// All objects of the MIB in its order, each exactly once; after them `snmpTrapAddress.0` when the
    /// device has a known IPv4 address.
    pub varbinds: Vec<Varbind>,
    /// Whether a text was shortened; the last object says so too.
    pub truncated: bool,
}

impl Notification {
    /// Turns `alert` into a notification whose datagram is never larger than `limits` allow.
    ///
    /// An absent text has length zero, an absent count is 0, an absent duration -1, an absent severity
    /// indeterminate (RFC 3416 4.2.6: an object may not be left out). Texts carry no control characters and
    /// keep to the sizes in the MIB. When the datagram is still too large, texts shrink one after another,
    /// each only as far as needed, the least telling first: reason and summary to a part; group, category,
    /// Mist's severity to a part; model; relay and organisation to a part; address, serial number; port to a
    /// part; the rest of the reason; the names of site and device to a part; the site's id, the device's
    /// type; more of the summary; the rest of group, category and port. Id, key, topic, type, MAC, times,
    /// origin and numbers never shrink.
    #[must_use]
    pub fn encode(alert: &Alert, stamp: &Stamp<'_>, mib: &Mib, limits: &Limits) -> Self {
        let mut draft = Draft::new(limits.ascii);
        draft.text(&alert.summary); // 1
        draft.shown(alert.id);
        draft.shown(alert.key);
        draft.number(Value::Integer(match alert.state {
            State::Raised => 1,
            State::Cleared => 2,
            State::Event => 3,
        }));
        draft.number(Value::Integer(alert.severity.perceived(alert.state, alert.is_audit()) as i32)); // 5
        draft.text(&alert.mist_severity);
        draft.text(&alert.topic);
        draft.text(&alert.kind);
        draft.text(&alert.group);
        draft.text(&alert.category); // 10
        draft.text(&alert.org);
        draft.text(&alert.site);
        draft.text(&alert.site_id);
        draft.text(&alert.device_type);
        draft.text(&alert.device); // 15
        match alert.mac {
            Some(mac) => draft.shown(mac),
            None => draft.text(""),
        }
        draft.text(&alert.model);
        draft.text(&alert.serial);
        draft.text(&alert.ip);
        draft.text(&alert.port); // 20
        draft.text(&alert.reason);
        draft.shown(alert.first_seen);
        draft.shown(alert.last_seen);
        draft.number(Value::Gauge32(u32::try_from(alert.count).unwrap_or(u32::MAX)));
        let duration = |secs| i32::try_from(secs).unwrap_or(i32::MAX);
        draft.number(Value::Integer(alert.duration_secs.map_or(-1, duration))); // 25
        draft.text(alert.origin.word());
        draft.number(Value::Counter64(stamp.sequence));
        draft.text(stamp.relay);
        draft.number(TRUE); // 29: set once it is known

        let trap = mib.trap(Trap::of(alert)).clone();
        let address = alert
            .ip
            .parse()
            .ok()
            .map(|address| Varbind { oid: Oid::new(&SNMP_TRAP_ADDRESS), value: Value::IpAddress(address) });
        let rest = limits.header_bytes + prefix_size(&trap) + address.as_ref().map_or(0, Varbind::size);
        let max = limits.max_bytes.clamp(Limits::MIN_BYTES, Limits::MAX_BYTES).saturating_sub(rest);
        let (mut varbinds, truncated) = draft.finish(mib, max);
        varbinds.extend(address);
        Self { trap, varbinds, truncated }
    }

    /// The value of one object.
    #[must_use]
    pub fn value(&self, object: Object) -> &Value {
        &self.varbinds[object as usize - 1].value
    }

    /// Bytes of the whole datagram with a header of `header_bytes`
    /// ([`Credentials::header_bytes`](crate::Credentials::header_bytes)); what is really sent may be a few
    /// bytes smaller.
    #[must_use]
    pub fn datagram_bytes(&self, header_bytes: usize) -> usize {
        header_bytes + prefix_size(&self.trap) + self.varbinds.iter().map(Varbind::size).sum::<usize>()
    }
}

/// What a datagram may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Largest UDP payload; taken as [`Self::MIN_BYTES`] when less, as [`Self::MAX_BYTES`] when more.
    pub max_bytes: usize,
    /// What of it stands around the variable bindings:
    /// [`Credentials::header_bytes`](crate::Credentials::header_bytes).
    pub header_bytes: usize,
    /// Whether texts leave as ASCII, letters folded to the nearest: for receivers that show anything else
    /// as hexadecimals.
    pub ascii: bool,
}

impl Limits {
    /// The smallest limit that can be kept, whatever the alert: what the smallest IPv6 link carries whole
    /// (RFC 8200 5: 1,280 bytes less 48 of headers).
    pub const MIN_BYTES: usize = 1_232;

    /// The largest UDP payload over IPv4.
    pub const MAX_BYTES: usize = 65_507;

    /// The default limit: what an Ethernet frame carries whole over IPv4.
    pub const DEFAULT_BYTES: usize = 1_472;
}

impl Default for Limits {
    /// [`Self::DEFAULT_BYTES`], the largest header there can be, UTF-8.
    fn default() -> Self {
        Self {
            max_bytes: Self::DEFAULT_BYTES,
            header_bytes: crate::credentials::LARGEST_HEADER,
            ascii: false,
        }
    }
}

/// A variable binding: a name and its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Varbind {
    /// The instance.
    pub oid: Oid,
    /// What it has to say.
    pub value: Value,
}

impl Varbind {
    fn size(&self) -> usize {
        size(&self.oid, self.value.size())
    }
}

/// The values that FOGBELL-MIB uses.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names are SMIv2's own")]
pub enum Value {
    Integer(i32),
    Gauge32(u32),
    Counter64(u64),
    OctetString(Text),
    IpAddress(Ipv4Addr),
}

impl Value {
    /// Bytes of tag, length and contents.
    fn size(&self) -> usize {
        match self {
            Self::Integer(value) => ber::integer(*value),
            Self::Gauge32(value) => ber::unsigned(u64::from(*value)),
            Self::Counter64(value) => ber::unsigned(*value),
            Self::OctetString(text) => ber::tlv(text.bytes().len()),
            Self::IpAddress(_) => ber::tlv(4),
        }
    }
}

/// A text as it leaves: UTF-8 without control characters. A clone costs no copy.
#[derive(Clone, Eq, PartialEq)]
pub struct Text(Bytes);

impl Text {
    /// The bytes as they leave.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a text is only made of whole characters")
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// `TRUE` and `FALSE` of a `TruthValue` (RFC 2579).
const TRUE: Value = Value::Integer(1);
const FALSE: Value = Value::Integer(2);

/// RFC 3584 5.2.2: the address of the one that it is about, when another one sends.
const SNMP_TRAP_ADDRESS: [u32; 10] = [1, 3, 6, 1, 6, 3, 18, 1, 3, 0];

/// A variable binding whose value takes `value` bytes.
fn size(oid: &Oid, value: usize) -> usize {
    ber::tlv(ber::oid(oid.arcs()) + value)
}

/// `sysUpTime.0` at its largest, and `snmpTrapOID.0`.
fn prefix_size(trap: &Oid) -> usize {
    const SYS_UP_TIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];
    const SNMP_TRAP_OID: [u32; 11] = [1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
    ber::tlv(ber::oid(&SYS_UP_TIME) + ber::unsigned(u64::from(u32::MAX)))
        + ber::tlv(ber::oid(&SNMP_TRAP_OID) + ber::oid(trap.arcs()))
}
