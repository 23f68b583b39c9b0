//! The texts of a message in any format, and who gives way when there is too little room.

use alarm::{Alert, Stamp};

use crate::MaxBytes;
use crate::escape::{Place, beginning, escape, width};

/// A text of any length in a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Text {
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
    /// An address that a format writes in another place than [`Self::Ip`].
    OtherIp,
    Port,
    Reason,
    Relay,
    Message,
    Host,
}

impl Text {
    const COUNT: usize = Self::Host as usize + 1;
}

/// How a format writes each text.
pub(crate) struct Layout {
    around: [Around; Text::COUNT],
    host: Host,
}

/// What a HOSTNAME may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Host {
    /// Letters, digits and `-._`; `-` when there is none.
    Any,
    /// The same, with a letter or digit at both ends, as RFC 952 has host names and as receivers of RFC 3164 tell
    /// one from a TAG; `unknown` when there is none.
    Strict,
}

impl Layout {
    /// HOSTNAME is not listed.
    pub(crate) const fn new<const N: usize>(host: Host, listed: [(Text, Around); N]) -> Self {
        let mut all = [Around { before: "", after: "", place: Place::Message }; Text::COUNT];
        let mut at = 0;
        while at < N {
            all[listed[at].0 as usize] = listed[at].1;
            at += 1;
        }
        Self { around: all, host }
    }
}

/// What stands around a text, and goes with it when there is no room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
    pub(crate) place: Place,
}

impl Around {
    const fn width(self) -> usize {
        self.before.len() + self.after.len()
    }
}

/// The texts of one alert.
pub(crate) struct Texts<'a> {
    layout: &'static Layout,
    texts: [&'a str; Text::COUNT],
    relay: &'a str,
}

impl<'a> Texts<'a> {
    /// Those of `alert`, to be written as `layout` says.
    pub(crate) fn new(alert: &'a Alert, stamp: &Stamp<'a>, layout: &'static Layout) -> Self {
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
        Self { layout, texts, relay: stamp.relay }
    }

    /// Has `text` written in the place of `other`, which is written no more.
    pub(crate) fn swap(&mut self, text: Text, other: Text) {
        self.texts[text as usize] = std::mem::take(&mut self.texts[other as usize]);
    }

    pub(crate) fn get(&self, text: Text) -> &'a str {
        self.texts[text as usize]
    }

    const fn around(&self, text: Text) -> Around {
        self.layout.around[text as usize]
    }

    /// How many bytes `text` takes when nothing limits it, without its overhead.
    fn width(&self, text: Text) -> usize {
        if text == Text::Host {
            let mut host = Vec::new();
            self.put_host(&Room::unlimited(), &mut host);
            host.len()
        } else {
            width(self.get(text), self.around(text).place)
        }
    }

    /// Appends `text` with what stands around it, if there is something of it.
    pub(crate) fn put(&self, text: Text, room: &Room, out: &mut Vec<u8>) {
        let Around { before, after, place } = self.around(text);
        let shown = room.fit(text, self.get(text), place);
        if !shown.is_nothing() {
            out.extend_from_slice(before.as_bytes());
            shown.put(place, out);
            out.extend_from_slice(after.as_bytes());
        }
    }

    /// Appends the HOSTNAME.
    pub(crate) fn put_host(&self, room: &Room, out: &mut Vec<u8>) {
        let start = out.len();
        let most = room.of(Text::Host).min(MAX_HOST);
        put_name([self.get(Text::Device), self.get(Text::Site), self.relay], most, out);
        if self.layout.host == Host::Strict {
            let end = out.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
            out.truncate(end.max(start));
            let odd = out[start..].iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
            out.drain(start..start + odd);
            if out.len() == start {
                out.extend_from_slice(b"unknown");
            }
        }
    }

    /// Appends the MSGID.
    pub(crate) fn put_message_id(&self, out: &mut Vec<u8>) {
        put_name([self.get(Text::Type), self.get(Text::Topic)], MAX_MESSAGE_ID, out);
    }
}

/// How many bytes each text may take.
pub(crate) struct Room([usize; Text::COUNT]);

impl Room {
    const fn unlimited() -> Self {
        Self([usize::MAX; Text::COUNT])
    }

    /// Room for all but `too_many` of the bytes of `texts`, taken away in [`ORDER`].
    fn less(mut too_many: usize, texts: &Texts<'_>) -> Self {
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
                saved = now + texts.around(text).width();
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

    fn fit<'a>(&self, text: Text, value: &'a str, place: Place) -> Shown<'a> {
        let room = self.of(text);
        if room == usize::MAX || width(value, place) <= room {
            return Shown { text: value, cut: false };
        }
        let Some(room) = room.checked_sub(MARK.len()).filter(|room| *room > 0) else {
            return Shown { text: "", cut: false };
        };
        Shown { text: beginning(value, place, room), cut: true }
    }
}

/// Appends what `write` writes, all of it or shortened until it fits `max`, and says whether it was shortened.
///
/// `write` is told to what room to keep, and whether to add the `mark` that says so, in bytes.
pub(crate) fn write_within(
    max: MaxBytes,
    texts: &Texts<'_>,
    mark: usize,
    out: &mut Vec<u8>,
    write: impl Fn(&Room, bool, &mut Vec<u8>),
) -> bool {
    let start = out.len();
    write(&Room::unlimited(), false, out);
    let length = out.len() - start;
    if length <= max.bytes() {
        return false;
    }

    out.truncate(start);
    let too_many = length + mark - max.bytes();
    write(&Room::less(too_many, texts), true, out);
    debug_assert!(out.len() - start <= max.bytes(), "what always stays fits the least limit");
    true
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
pub(crate) fn put_name<const N: usize>(names: [&str; N], most: usize, out: &mut Vec<u8>) {
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
/// at its last floor the longest possible message of any format fits [`MaxBytes::LEAST`].
const ORDER: [(Text, usize); 21] = [
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
    (Text::OtherIp, 0),
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
