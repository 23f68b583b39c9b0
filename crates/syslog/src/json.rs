//! Messages whose text is an object of JSON.

use alarm::{Alert, Stamp};

use crate::escape::Place;
use crate::rfc5424::{put, put_header};
use crate::texts::{Around, Host, Layout, Room, Text, Texts, write_within};
use crate::{AppName, Facility, MaxBytes};

/// Writes alerts as RFC 5424 messages without structured data whose MSG is one object of JSON.
///
/// The header is that of [`Rfc5424`](crate::Rfc5424), so that a syslog receiver files the message by device
/// and severity without reading the object. The object has the parameters of RFC 5424 by the same names and
/// in the same order, then `msg` with what MSG is there. `count`, `duration` and `seq` are numbers,
/// `truncated` is `true`, everything else is a string; what is absent is left out.
///
/// Line feed, carriage return and tab are `\n`, `\r` and `\t` of JSON and read back as themselves. Every other
/// control character, line separator and mark that turns the direction of writing is spelt as the text `\u001b`
/// (in JSON `\\u001b`), so that it does not come back to life where a reader prints the value.
///
/// A message longer than `max_bytes` is shortened as in [`Rfc5424`](crate::Rfc5424); the object stays whole.
/// Source: RFC 8259; RFC 5424 6.4.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Json {
    /// Facility of every message.
    pub facility: Facility,
    /// APP-NAME of every message.
    pub app_name: AppName,
    /// The most bytes a message may have, header and object together.
    pub max_bytes: MaxBytes,
}

impl Json {
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
        put_header(self.facility, &self.app_name, alert, texts, room, out);
        put(out, format_args!(" - {{\"id\":\"{}\",\"key\":\"{}\"", alert.id, alert.key));
        let (state, severity) = (alert.state.word(), alert.severity.word());
        put(out, format_args!(",\"state\":\"{state}\",\"severity\":\"{severity}\""));
        for text in [Text::MistSeverity, Text::Topic, Text::Type, Text::Group, Text::Category] {
            texts.put(text, room, out);
        }
        for text in [Text::Org, Text::Site, Text::SiteId, Text::DeviceType, Text::Device] {
            texts.put(text, room, out);
        }
        if let Some(mac) = alert.mac {
            put(out, format_args!(",\"mac\":\"{mac}\""));
        }
        for text in [Text::Model, Text::Serial, Text::Ip, Text::Port, Text::Reason] {
            texts.put(text, room, out);
        }
        let (first, last) = (alert.first_seen, alert.last_seen);
        put(out, format_args!(",\"first_seen\":\"{first}\",\"last_seen\":\"{last}\""));
        if alert.count > 0 {
            put(out, format_args!(",\"count\":{}", alert.count));
        }
        if let Some(seconds) = alert.duration_secs {
            put(out, format_args!(",\"duration\":{seconds}"));
        }
        put(out, format_args!(",\"origin\":\"{}\",\"seq\":{}", alert.origin.word(), stamp.sequence));
        texts.put(Text::Relay, room, out);
        if truncated {
            out.extend_from_slice(TRUNCATED);
        }
        texts.put(Text::Message, room, out);
        out.push(b'}');
    }
}

const TRUNCATED: &[u8] = b",\"truncated\":true";

static LAYOUT: Layout = Layout::new(
    Host::Any,
    [
        (Text::MistSeverity, member(",\"mist_severity\":\"")),
        (Text::Topic, member(",\"topic\":\"")),
        (Text::Type, member(",\"type\":\"")),
        (Text::Group, member(",\"group\":\"")),
        (Text::Category, member(",\"category\":\"")),
        (Text::Org, member(",\"org\":\"")),
        (Text::Site, member(",\"site\":\"")),
        (Text::SiteId, member(",\"site_id\":\"")),
        (Text::DeviceType, member(",\"device_type\":\"")),
        (Text::Device, member(",\"device\":\"")),
        (Text::Model, member(",\"model\":\"")),
        (Text::Serial, member(",\"serial\":\"")),
        (Text::Ip, member(",\"ip\":\"")),
        (Text::Port, member(",\"port\":\"")),
        (Text::Reason, member(",\"reason\":\"")),
        (Text::Relay, member(",\"relay\":\"")),
        (Text::Message, member(",\"msg\":\"")),
    ],
);

const fn member(before: &'static str) -> Around {
    Around { before, after: "\"", place: Place::Json }
}
