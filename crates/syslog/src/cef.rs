//! Messages in ArcSight's Common Event Format.

use std::net::Ipv4Addr;

use alarm::{Alert, Stamp};
use ids::Timestamp;

use crate::escape::Place;
use crate::rfc3164::put_header;
use crate::rfc5424::put;
use crate::texts::{Around, Host, Layout, Room, Text, Texts, put_name, write_within};
use crate::{AppName, Facility, MaxBytes};

/// Writes alerts in the Common Event Format, version 0, behind PRI, TIMESTAMP and HOSTNAME of
/// [`Rfc3164`](crate::Rfc3164); `CEF:` stands where its TAG does.
///
/// | field | holds |
/// |---|---|
/// | Device Vendor | `Fogbell` |
/// | Device Product | the application's name as a header's name, at most 32 bytes |
/// | Device Version | that of this crate |
/// | Device Event Class ID | the type as a header's name, as MSGID of [`Rfc5424`](crate::Rfc5424) |
/// | Name | the type as Mist wrote it |
/// | Severity | [`alarm::Severity::cef`] |
///
/// The extension uses the dictionary's keys where one means the same, else a labelled custom string or
/// number, else a key of its own that begins with `Fogbell`. What is absent is left out.
///
/// In the header `|` and `\` get a backslash in front, in the extension `=` and `\`; there line feed and
/// carriage return are `\n` and `\r` and read back as themselves. Every other control character, line
/// separator and mark that turns the direction of writing is spelt as the text `\u001b` (in CEF `\\u001b`).
///
/// A message longer than `max_bytes` is shortened as in [`Rfc5424`](crate::Rfc5424).
/// Source: "Implementing ArcSight Common Event Format (CEF)", version 25.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cef {
    /// Facility of every message.
    pub facility: Facility,
    /// Becomes the Device Product of every message.
    pub app_name: AppName,
    /// The most bytes a message may have.
    pub max_bytes: MaxBytes,
}

impl Cef {
    /// Appends the message for `alert` to `out` and says whether it had to be shortened.
    ///
    /// Allocates nothing but what `out` needs, unless it shortens.
    pub fn encode_into(&self, alert: &Alert, stamp: &Stamp<'_>, out: &mut Vec<u8>) -> bool {
        let mut texts = Texts::new(alert, stamp, &LAYOUT);
        if texts.get(Text::Ip).parse::<Ipv4Addr>().is_err() {
            texts.swap(Text::OtherIp, Text::Ip);
        }
        write_within(self.max_bytes, &texts, TRUNCATED.len(), out, |room, truncated, out| {
            self.write(alert, stamp, &texts, room, truncated, out);
        })
    }

    fn write(
        &self,
        alert: &Alert,
        stamp: &Stamp<'_>,
        texts: &Texts<'_>,
        room: &Room,
        truncated: bool,
        out: &mut Vec<u8>,
    ) {
        put_header(self.facility, alert, texts, room, out);
        out.extend_from_slice(b"CEF:0|Fogbell|");
        put_name([self.app_name.as_str()], MAX_PRODUCT, out);
        out.extend_from_slice(concat!("|", env!("CARGO_PKG_VERSION"), "|").as_bytes());
        texts.put_message_id(out);
        out.push(b'|');
        texts.put(Text::Type, room, out);
        put(out, format_args!("|{}|", alert.severity.cef(alert.state, alert.is_audit())));

        put(out, format_args!("externalId={} cs1Label=key cs1={}", alert.id, alert.key));
        put(out, format_args!(" cs2Label=state cs2={}", alert.state.word()));
        put(out, format_args!(" cs3Label=severity cs3={}", alert.severity.word()));
        for text in [Text::MistSeverity, Text::Topic, Text::Group, Text::Category] {
            texts.put(text, room, out);
        }
        for text in [Text::Org, Text::Site, Text::SiteId, Text::DeviceType, Text::Device] {
            texts.put(text, room, out);
        }
        if let Some(mac) = alert.mac {
            let [a, b, c, d, e, f] = mac.bytes();
            put(out, format_args!(" dvcmac={a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"));
        }
        for text in [Text::Model, Text::Serial, Text::Ip, Text::OtherIp, Text::Port, Text::Reason] {
            texts.put(text, room, out);
        }
        put(out, format_args!(" start={} rt={}", millis(alert.first_seen), millis(alert.last_seen)));
        if alert.count > 0 {
            put(out, format_args!(" cnt={}", alert.count));
        }
        if let Some(seconds) = alert.duration_secs {
            put(out, format_args!(" cn1Label=duration cn1={seconds}"));
        }
        put(out, format_args!(" FogbellOrigin={} cn2Label=seq cn2={}", alert.origin.word(), stamp.sequence));
        texts.put(Text::Relay, room, out);
        if truncated {
            out.extend_from_slice(TRUNCATED);
        }
        texts.put(Text::Message, room, out);
    }
}

/// Milliseconds since 1970, one of the two ways CEF writes a time.
const fn millis(time: Timestamp) -> i64 {
    time.micros().div_euclid(1000)
}

const TRUNCATED: &[u8] = b" FogbellTruncated=1";
const MAX_PRODUCT: usize = 32; // ours; the specification has 63

static LAYOUT: Layout = Layout::new(
    Host::Strict,
    [
        (Text::Type, Around { before: "", after: "", place: Place::CefHeader }),
        (Text::MistSeverity, extension(" cs4Label=mist_severity cs4=")),
        (Text::Topic, extension(" cat=")),
        (Text::Group, extension(" FogbellGroup=")),
        (Text::Category, extension(" FogbellCategory=")),
        (Text::Org, extension(" cs5Label=org cs5=")),
        (Text::Site, extension(" cs6Label=site cs6=")),
        (Text::SiteId, extension(" flexString1Label=site_id flexString1=")),
        (Text::DeviceType, extension(" flexString2Label=device_type flexString2=")),
        (Text::Device, extension(" dvchost=")),
        (Text::Model, extension(" FogbellModel=")),
        (Text::Serial, extension(" deviceExternalId=")),
        (Text::Ip, extension(" dvc=")),
        (Text::OtherIp, extension(" FogbellIp=")),
        (Text::Port, extension(" deviceInboundInterface=")),
        (Text::Reason, extension(" reason=")),
        (Text::Relay, extension(" FogbellRelay=")),
        (Text::Message, extension(" msg=")),
    ],
);

const fn extension(before: &'static str) -> Around {
    Around { before, after: "", place: Place::CefValue }
}
