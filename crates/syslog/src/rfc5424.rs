//! Messages as RFC 5424 has them.

use std::io::Write as _;

use alarm::{Alert, Stamp};

use crate::rfc5424::texts::{Room, Text, Texts};
use crate::{AppName, Facility, MaxBytes};

mod texts;

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

/// One message, without framing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// UTF-8 without any control character.
    pub bytes: Vec<u8>,
    /// Whether something was shortened or left out for the limit.
    pub truncated: bool,
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
        let texts = Texts::new(alert, stamp);
        let start = out.len();
        self.write(alert, stamp, &texts, &Room::unlimited(), false, out);
        let length = out.len() - start;
        if length <= self.max_bytes.bytes() {
            return false;
        }

        out.truncate(start);
        let too_many = length + TRUNCATED.len() - self.max_bytes.bytes();
        self.write(alert, stamp, &texts, &Room::less(too_many, &texts), true, out);
        debug_assert!(out.len() - start <= self.max_bytes.bytes(), "what always stays fits the least limit");
        true
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
        let severity = alert.severity.syslog(alert.state, alert.is_audit());
        put(out, format_args!("<{}>1 ", self.facility.number() * 8 + severity as u8));
        put(out, format_args!("{} ", alert.last_seen));
        texts.put_host(room, out);
        put(out, format_args!(" {} - ", self.app_name));
        texts.put_message_id(out);
        put(out, format_args!(" [fogbell@{}", self.enterprise));

        put(out, format_args!(" id=\"{}\" key=\"{}\"", alert.id, alert.key));
        put(out, format_args!(" state=\"{}\" severity=\"{}\"", alert.state.word(), alert.severity.word()));
        for text in [Text::MistSeverity, Text::Topic, Text::Type, Text::Group, Text::Category] {
            texts.put_param(text, room, out);
        }
        for text in [Text::Org, Text::Site, Text::SiteId, Text::DeviceType, Text::Device] {
            texts.put_param(text, room, out);
        }
        if let Some(mac) = alert.mac {
            put(out, format_args!(" mac=\"{mac}\""));
        }
        for text in [Text::Model, Text::Serial, Text::Ip, Text::Port, Text::Reason] {
            texts.put_param(text, room, out);
        }
        put(out, format_args!(" first_seen=\"{}\" last_seen=\"{}\"", alert.first_seen, alert.last_seen));
        if alert.count > 0 {
            put(out, format_args!(" count=\"{}\"", alert.count));
        }
        if let Some(seconds) = alert.duration_secs {
            put(out, format_args!(" duration=\"{seconds}\""));
        }
        put(out, format_args!(" origin=\"{}\" seq=\"{}\"", alert.origin.word(), stamp.sequence));
        texts.put_param(Text::Relay, room, out);
        if truncated {
            out.extend_from_slice(TRUNCATED);
        }
        out.push(b']');
        texts.put_message(room, out);
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}

const TRUNCATED: &[u8] = b" truncated=\"1\"";
