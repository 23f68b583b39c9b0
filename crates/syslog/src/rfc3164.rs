//! Messages as RFC 3164 has them.

use std::io::Write as _;

use alarm::{Alert, Stamp};
use ids::Timestamp;

use crate::escape::Place;
use crate::rfc5424::{put, put_pri};
use crate::texts::{Around, Host, Layout, Room, Text, Texts, put_name, write_within};
use crate::{AppName, Facility, MaxBytes};

/// Writes alerts as RFC 3164 messages whose text is `name="value"` pairs, the readable line first.
///
/// | field | holds |
/// |---|---|
/// | PRI | as in [`Rfc5424`](crate::Rfc5424) |
/// | TIMESTAMP | when it was last seen, `Aug 23 21:24:48`, always UTC |
/// | HOSTNAME | as in [`Rfc5424`](crate::Rfc5424), with a letter or digit at both ends; `unknown` without any |
/// | TAG | the application's name as a header's name, at most 32 bytes, and a colon |
/// | CONTENT | `msg`, then the parameters of RFC 5424 by the same names |
///
/// In a value `"` and `\` get a backslash in front. Nothing from outside stands outside of quotes but
/// HOSTNAME, so that no text can pass for a pair of its own.
///
/// A message longer than `max_bytes` is shortened as in [`Rfc5424`](crate::Rfc5424).
/// Source: RFC 3164 4.1; it leaves the zone of the time open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rfc3164 {
    /// Facility of every message.
    pub facility: Facility,
    /// Becomes the TAG of every message.
    pub app_name: AppName,
    /// The most bytes a message may have; the RFC's own bound is [`MaxBytes::PACKET`].
    pub max_bytes: MaxBytes,
}

impl Default for Rfc3164 {
    fn default() -> Self {
        Self { facility: Facility::default(), app_name: AppName::default(), max_bytes: MaxBytes::PACKET }
    }
}

impl Rfc3164 {
    /// Appends the message for `alert` to `out` and says whether it had to be shortened.
    ///
    /// Allocates nothing but what `out` needs, unless it shortens.
    pub fn encode_into(&self, alert: &Alert, stamp: &Stamp<'_>, out: &mut Vec<u8>) -> bool {
        let texts = Texts::new(alert, stamp, &LAYOUT);
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
        put_name([self.app_name.as_str()], MAX_TAG, out);
        out.push(b':');

        texts.put(Text::Message, room, out);
        put(out, format_args!(" id=\"{}\" key=\"{}\"", alert.id, alert.key));
        put(out, format_args!(" state=\"{}\" severity=\"{}\"", alert.state.word(), alert.severity.word()));
        for text in [Text::MistSeverity, Text::Topic, Text::Type, Text::Group, Text::Category] {
            texts.put(text, room, out);
        }
        for text in [Text::Org, Text::Site, Text::SiteId, Text::DeviceType, Text::Device] {
            texts.put(text, room, out);
        }
        if let Some(mac) = alert.mac {
            put(out, format_args!(" mac=\"{mac}\""));
        }
        for text in [Text::Model, Text::Serial, Text::Ip, Text::Port, Text::Reason] {
            texts.put(text, room, out);
        }
        put(out, format_args!(" first_seen=\"{}\" last_seen=\"{}\"", alert.first_seen, alert.last_seen));
        if alert.count > 0 {
            put(out, format_args!(" count=\"{}\"", alert.count));
        }
        if let Some(seconds) = alert.duration_secs {
            put(out, format_args!(" duration=\"{seconds}\""));
        }
        put(out, format_args!(" origin=\"{}\" seq=\"{}\"", alert.origin.word(), stamp.sequence));
        texts.put(Text::Relay, room, out);
        if truncated {
            out.extend_from_slice(TRUNCATED);
        }
    }
}

/// Appends PRI, TIMESTAMP and HOSTNAME with a space behind (4.1.1 and 4.1.2).
pub(crate) fn put_header(
    facility: Facility,
    alert: &Alert,
    texts: &Texts<'_>,
    room: &Room,
    out: &mut Vec<u8>,
) {
    put_pri(facility, alert, out);
    put_time(alert.last_seen, out);
    out.push(b' ');
    texts.put_host(room, out);
    out.push(b' ');
}

/// Appends `Mmm dd hh:mm:ss` in UTC, a day below ten with a space in front.
fn put_time(time: Timestamp, out: &mut Vec<u8>) {
    // read off 2021-08-23T21:24:48.250Z
    let mut text = [0; 24];
    write!(text.as_mut_slice(), "{time}").expect("a time has 24 characters");
    let digit = |at: usize| usize::from(text[at] - b'0');
    out.extend_from_slice(MONTHS[digit(5) * 10 + digit(6) - 1].as_bytes());
    out.push(b' ');
    out.push(if text[8] == b'0' { b' ' } else { text[8] });
    out.extend_from_slice(&[text[9], b' ']);
    out.extend_from_slice(&text[11..19]);
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const TRUNCATED: &[u8] = b" truncated=\"1\"";
const MAX_TAG: usize = 32; // RFC 3164 4.1.3

static LAYOUT: Layout = Layout::new(
    Host::Strict,
    [
        (Text::Message, pair(" msg=\"")),
        (Text::MistSeverity, pair(" mist_severity=\"")),
        (Text::Topic, pair(" topic=\"")),
        (Text::Type, pair(" type=\"")),
        (Text::Group, pair(" group=\"")),
        (Text::Category, pair(" category=\"")),
        (Text::Org, pair(" org=\"")),
        (Text::Site, pair(" site=\"")),
        (Text::SiteId, pair(" site_id=\"")),
        (Text::DeviceType, pair(" device_type=\"")),
        (Text::Device, pair(" device=\"")),
        (Text::Model, pair(" model=\"")),
        (Text::Serial, pair(" serial=\"")),
        (Text::Ip, pair(" ip=\"")),
        (Text::Port, pair(" port=\"")),
        (Text::Reason, pair(" reason=\"")),
        (Text::Relay, pair(" relay=\"")),
    ],
);

const fn pair(before: &'static str) -> Around {
    Around { before, after: "\"", place: Place::Quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_rfc_has_it() {
        for (text, shown) in [
            ("2021-08-23T21:24:48.250Z", "Aug 23 21:24:48"),
            ("2026-01-05T00:00:00Z", "Jan  5 00:00:00"),
            ("0001-12-31T23:59:59.999Z", "Dec 31 23:59:59"),
            ("9999-12-30T02:00:00Z", "Dec 30 02:00:00"),
        ] {
            let mut out = Vec::new();
            put_time(text.parse().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), shown, "{text}");
        }
    }
}
