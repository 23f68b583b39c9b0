//! The texts of a message, and who gives way when there is too little room.

use alarm::{Alert, Stamp};

use crate::escape::{Place, beginning, escape, width};

/// A text of any length in a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Text {
    MistSeverity,
    Topic,
    Type,
    Group,
    Category,
    Org,
    Site,
    SiteId,
    DeviceType,
    Device,
    Model,
    Serial,
    Ip,
    Port,
    Reason,
    Relay,
    Message,
    Host,
}

impl Text {
    const COUNT: usize = Self::Host as usize + 1;

    /// The PARAM-NAME; empty for what is no parameter.
    const fn name(self) -> &'static str {
        match self {
            Self::MistSeverity => "mist_severity",
            Self::Topic => "topic",
            Self::Type => "type",
            Self::Group => "group",
            Self::Category => "category",
            Self::Org => "org",
            Self::Site => "site",
            Self::SiteId => "site_id",
            Self::DeviceType => "device_type",
            Self::Device => "device",
            Self::Model => "model",
            Self::Serial => "serial",
            Self::Ip => "ip",
            Self::Port => "port",
            Self::Reason => "reason",
            Self::Relay => "relay",
            Self::Message | Self::Host => "",
        }
    }

    const fn place(self) -> Place {
        if matches!(self, Self::Message) { Place::Message } else { Place::Value }
    }

    /// The bytes around the text that go with it.
    const fn overhead(self) -> usize {
        match self {
            Self::Message => " ".len(),
            Self::Host => 0,
            param => param.name().len() + " =\"\"".len(),
        }
    }
}

/// The texts of one alert.
pub(super) struct Texts<'a> {
    texts: [&'a str; Text::COUNT],
    relay: &'a str,
}

impl<'a> Texts<'a> {
    pub(super) fn new(alert: &'a Alert, stamp: &Stamp<'a>) -> Self {
        let mut texts = [""; Text::COUNT];
        for (text, value) in [
            (Text::MistSeverity, alert.mist_severity.as_str()),
            (Text::Topic, &alert.topic),
            (Text::Type, &alert.kind),
            (Text::Group, &alert.group),
            (Text::Category, &alert.category),
            (Text::Org, &alert.org),
            (Text::Site, &alert.site),
            (Text::SiteId, &alert.site_id),
            (Text::DeviceType, &alert.device_type),
            (Text::Device, &alert.device),
            (Text::Model, &alert.model),
            (Text::Serial, &alert.serial),
            (Text::Ip, &alert.ip),
            (Text::Port, &alert.port),
            (Text::Reason, &alert.reason),
            (Text::Relay, stamp.relay),
        ] {
            texts[text as usize] = value;
        }
        let audit = alert.is_audit() && !alert.message.is_empty();
        texts[Text::Message as usize] = if audit { &alert.message } else { &alert.summary };
        Self { texts, relay: stamp.relay }
    }

    fn get(&self, text: Text) -> &'a str {
        self.texts[text as usize]
    }

    /// How many bytes `text` takes when nothing limits it, without its overhead.
    fn width(&self, text: Text) -> usize {
        if text == Text::Host {
            let mut host = Vec::new();
            self.put_host(&Room::unlimited(), &mut host);
            host.len()
        } else {
            width(self.get(text), text.place())
        }
    }

    /// Appends the parameter `text`, if there is something of it.
    pub(super) fn put_param(&self, text: Text, room: &Room, out: &mut Vec<u8>) {
        let shown = room.fit(text, self.get(text));
        if shown.is_nothing() {
            return;
        }
        out.push(b' ');
        out.extend_from_slice(text.name().as_bytes());
        out.extend_from_slice(b"=\"");
        shown.put(text.place(), out);
        out.push(b'"');
    }

    /// Appends a space and MSG, if there is something of it.
    pub(super) fn put_message(&self, room: &Room, out: &mut Vec<u8>) {
        let shown = room.fit(Text::Message, self.get(Text::Message));
        if !shown.is_nothing() {
            out.push(b' ');
            shown.put(Place::Message, out);
        }
    }

    /// Appends the HOSTNAME.
    pub(super) fn put_host(&self, room: &Room, out: &mut Vec<u8>) {
        let most = room.of(Text::Host).min(MAX_HOST);
        put_name([self.get(Text::Device), self.get(Text::Site), self.relay], most, out);
    }

    /// Appends the MSGID.
    pub(super) fn put_message_id(&self, out: &mut Vec<u8>) {
        put_name([self.get(Text::Type), self.get(Text::Topic)], MAX_MESSAGE_ID, out);
    }
}

/// How many bytes each text may take.
pub(super) struct Room([usize; Text::COUNT]);

impl Room {
    pub(super) const fn unlimited() -> Self {
        Self([usize::MAX; Text::COUNT])
    }

    /// Room for all but `too_many` of the bytes of `texts`, taken away in [`ORDER`].
    pub(super) fn less(mut too_many: usize, texts: &Texts<'_>) -> Self {
        let mut room = Self::unlimited();
        for (text, floor) in ORDER {
            if too_many == 0 {
                break;
            }
            let now = room.of(text).min(texts.width(text));
            if now <= floor {
                continue;
            }
            let mut next = now.saturating_sub(too_many).max(floor);
            let mut saved = now - next;
            if next <= MARK.len() {
                saved = now + text.overhead();
                next = 0;
            }
            room.0[text as usize] = next;
            too_many = too_many.saturating_sub(saved);
        }
        room
    }

    const fn of(&self, text: Text) -> usize {
        self.0[text as usize]
    }

    fn fit<'a>(&self, text: Text, value: &'a str) -> Shown<'a> {
        let room = self.of(text);
        if room == usize::MAX || width(value, text.place()) <= room {
            return Shown { text: value, cut: false };
        }
        let Some(room) = room.checked_sub(MARK.len()).filter(|room| *room > 0) else {
            return Shown { text: "", cut: false };
        };
        Shown { text: beginning(value, text.place(), room), cut: true }
    }
}

/// What is left of a text.
struct Shown<'a> {
    text: &'a str,
    cut: bool,
}

impl Shown<'_> {
    const fn is_nothing(&self) -> bool {
        self.text.is_empty() && !self.cut
    }

    fn put(&self, place: Place, out: &mut Vec<u8>) {
        escape(self.text, place, out);
        if self.cut {
            out.extend_from_slice(MARK.as_bytes());
        }
    }
}

/// Appends the first of `names` that is one, with at most `most` bytes of it; else `-` (NILVALUE).
///
/// Stricter than PRINTUSASCII: receivers make file names of what stands here, so `/` and what a shell or a
/// parser might take for its own does not pass.
fn put_name<const N: usize>(names: [&str; N], most: usize, out: &mut Vec<u8>) {
    let start = out.len();
    for name in names {
        let mut gap = false;
        for c in name.chars() {
            if !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')) {
                gap = true;
                continue;
            }
            if gap && out.len() > start {
                out.push(b'-');
            }
            gap = false;
            out.extend(u8::try_from(c));
            if out.len() - start >= most {
                break;
            }
        }
        out.truncate(start + most);
        if out[start..].iter().any(u8::is_ascii_alphanumeric) {
            return;
        }
        out.truncate(start);
    }
    out.push(b'-');
}

/// Who gives way, in this order, and down to how many bytes before the next one does. With every text
/// at its last floor the longest possible message has 473 bytes, fewer than [`crate::MaxBytes::LEAST`].
const ORDER: [(Text, usize); 20] = [
    (Text::Reason, 64),
    (Text::Message, 128),
    (Text::Reason, 0),
    (Text::Category, 0),
    (Text::Group, 0),
    (Text::MistSeverity, 0),
    (Text::Model, 0),
    (Text::Serial, 0),
    (Text::DeviceType, 0),
    (Text::Ip, 0),
    (Text::SiteId, 0),
    (Text::Port, 0),
    (Text::Message, 0),
    (Text::Topic, 0),
    (Text::Type, 0),
    (Text::Org, 0),
    (Text::Relay, 0),
    (Text::Site, 0),
    (Text::Device, 0),
    (Text::Host, 8),
];

const MARK: &str = "…";
const MAX_HOST: usize = 255; // RFC 5424 6.2.4
const MAX_MESSAGE_ID: usize = 32; // RFC 5424 6.2.7

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_name_holds_nothing_but_letters_digits_and_three_marks() {
        for (names, shown) in [
            (["core-1", "", ""], "core-1"),
            (["AP 12 – Büro", "", ""], "AP-12-B-ro"),
            ([" \t lobby\n", "", ""], "lobby"),
            (["", "HQ Zürich", "relay"], "HQ-Z-rich"),
            (["日本", "", "relay"], "relay"),
            (["-", "..", "??"], "-"),
            (["../../etc/x", "", ""], "..-..-etc-"),
            (["ap\"]<0>:1", "", ""], "ap-0-1"),
            (["abcdefghij klmno", "", ""], "abcdefghij"),
            (["abcdefghi jklmno", "", ""], "abcdefghi-"),
        ] {
            let mut out = b"before ".to_vec();
            put_name(names, 10, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("before {shown}"), "{names:?}");
        }
    }
}
