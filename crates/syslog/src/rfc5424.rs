//! Messages as RFC 5424 has them.

use std::io::Write as _;

use alarm::{Alert, Stamp};

use crate::escape::Place;
use crate::texts::{Around, Host, Layout, Room, Text, Texts, write_within};
use crate::{AppName, Facility, Line, MaxBytes};

/// Writes alerts as RFC 5424 messages with structured data.
///
/// | field | holds |
/// |---|---|
/// | PRI | the facility, and the severity of [`alarm::Severity::syslog`] |
/// | TIMESTAMP | when it was last seen, UTC with milliseconds |
/// | HOSTNAME | the device; without one the site, then the relay, then `-` |
/// | APP-NAME | as configured |
/// | PROCID | `-`, so that a restart changes no message |
/// | MSGID | the type, at most 32 bytes; without one the topic |
/// | SD | one element `fogbell@<enterprise>`, absent parameters left out |
/// | MSG | the summary; of an audit its message |
///
/// In the header's names every run of characters other than ASCII letters, digits and `-._` becomes one
/// `-` (receivers make file names of them), and a name without a letter or digit counts as absent; the
/// structured data has all names as they are. MSG is UTF-8
/// without a byte order mark, which 6.4 allows (MSG-ANY) and receivers would show as part of the text.
///
/// A message longer than `max_bytes` is shortened, never broken, and says so by `truncated="1"`. Texts
/// give way in a fixed order: the reason, MSG, then the lesser parameters, at last type, topic and names;
/// reason and MSG keep a readable beginning until the lesser parameters are gone. A cut text ends in `…`;
/// one that has no room left is left out. Id, key, state, severity, times and numbers always stay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rfc5424 {
    /// Facility of every message.
    pub facility: Facility,
    /// APP-NAME of every message.
    pub app_name: AppName,
    /// Enterprise number in the SD-ID; 32473 is the one for documentation (RFC 5612).
    pub enterprise: u32,
    /// The most bytes a message may have.
    pub max_bytes: MaxBytes,
}

impl Default for Rfc5424 {
    fn default() -> Self {
        Self {
            facility: Facility::default(),
            app_name: AppName::default(),
            enterprise: 32473,
            max_bytes: MaxBytes::default(),
        }
    }
}

impl Rfc5424 {
    /// The message for `alert`.
    #[must_use]
    pub fn encode(&self, alert: &Alert, stamp: &Stamp<'_>) -> Line {
        let mut bytes = Vec::with_capacity(1024);
        let truncated = self.encode_into(alert, stamp, &mut bytes);
        Line { bytes, truncated }
    }

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
        put(out, format_args!(" [fogbell@{}", self.enterprise));

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
        out.push(b']');
        texts.put(Text::Message, room, out);
    }
}

/// Appends the header (6.2) up to MSGID.
pub(crate) fn put_header(
    facility: Facility,
    app_name: &AppName,
    alert: &Alert,
    texts: &Texts<'_>,
    room: &Room,
    out: &mut Vec<u8>,
) {
    put_pri(facility, alert, out);
    put(out, format_args!("1 {} ", alert.last_seen));
    texts.put_host(room, out);
    put(out, format_args!(" {app_name} - "));
    texts.put_message_id(out);
}

/// Appends PRI (6.2.1).
pub(crate) fn put_pri(facility: Facility, alert: &Alert, out: &mut Vec<u8>) {
    let severity = alert.severity.syslog(alert.state, alert.is_audit());
    put(out, format_args!("<{}>", facility.number() * 8 + severity as u8));
}

pub(crate) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}

const TRUNCATED: &[u8] = b" truncated=\"1\"";

static LAYOUT: Layout = Layout::new(
    Host::Any,
    [
        (Text::MistSeverity, param(" mist_severity=\"")),
        (Text::Topic, param(" topic=\"")),
        (Text::Type, param(" type=\"")),
        (Text::Group, param(" group=\"")),
        (Text::Category, param(" category=\"")),
        (Text::Org, param(" org=\"")),
        (Text::Site, param(" site=\"")),
        (Text::SiteId, param(" site_id=\"")),
        (Text::DeviceType, param(" device_type=\"")),
        (Text::Device, param(" device=\"")),
        (Text::Model, param(" model=\"")),
        (Text::Serial, param(" serial=\"")),
        (Text::Ip, param(" ip=\"")),
        (Text::Port, param(" port=\"")),
        (Text::Reason, param(" reason=\"")),
        (Text::Relay, param(" relay=\"")),
        (Text::Message, Around { before: " ", after: "", place: Place::Message }),
    ],
);

const fn param(before: &'static str) -> Around {
    Around { before, after: "\"", place: Place::Value }
}
