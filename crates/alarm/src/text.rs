//! The texts of an alert: its reason and its one readable line.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::fields::Fields;
use crate::{Alert, State, Text};

/// Why, in Mist's words.
pub(crate) fn reason(fields: Fields<'_, '_>) -> String {
    let plain = fields.list(&["reasons", "reason", "text", "detail"]).join("; ");
    if !plain.is_empty() {
        return plain;
    }
    let marvis = said(fields, [("root cause", "root_cause"), ("suggested", "suggestion")], ", ");
    if marvis.is_empty() { seen(fields) } else { marvis }
}

/// Which part of a device it is, or what a device saw; where nothing says why, that is what there is to know.
fn seen(fields: Fields<'_, '_>) -> String {
    let mut seen = Vec::new();
    for (word, name) in SEEN {
        let list = fields.list(&[name]);
        if !list.is_empty() {
            let named = list.len().min(SEEN_AT_MOST);
            seen.push(format!("{word} {}", list[..named].join(" ")));
        }
    }
    seen.join(", ")
}

/// What the fields say, each behind its word; `parts` are words and names of fields.
pub(crate) fn said(fields: Fields<'_, '_>, parts: [(&str, &str); 2], separator: &str) -> String {
    let mut said = String::new();
    for (word, name) in parts {
        let text = fields.text(&[name]);
        if !text.is_empty() {
            let separator = if said.is_empty() { "" } else { separator };
            said.extend([separator, word, " ", &text]);
        }
    }
    said
}

/// One readable line: what, to which device, where, and why; `several` are the devices when there is not one.
pub(crate) fn summary(alert: &Alert, several: &[Cow<'_, str>]) -> Text {
    let device: Cow<'_, str> = match several {
        [] if alert.device.is_empty() => match alert.mac {
            Some(mac) => mac.to_string().into(),
            None => alert.ip.as_str().into(),
        },
        [] => alert.device.as_str().into(),
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len()).into()
        }
        few => few.join(", ").into(),
    };
    let mut line = String::with_capacity(SUMMARY_CHARS);
    line += &alert.kind;
    if alert.state != State::Event {
        line += " ";
        line += alert.state.word();
    }
    let site = if alert.site.is_empty() && device.is_empty() { &alert.site_id } else { &alert.site };
    let mut separator = ": ";
    for (word, text) in [("", device.as_ref()), ("port ", &alert.port), ("site ", site)] {
        if !text.is_empty() {
            line.extend([separator, word, text]);
            separator = ", ";
        }
    }
    if let (State::Cleared, Some(secs)) = (alert.state, alert.duration_secs) {
        line.extend([" after ", &duration(secs)]);
    }
    if alert.count > 1 {
        write!(line, " (x{})", alert.count).expect("writing to memory does not fail");
    }
    if !alert.reason.is_empty() {
        line += ": ";
        match end_of(&alert.reason, SUMMARY_REASON_CHARS) {
            None => line += &alert.reason,
            Some(end) => line.extend([&alert.reason[..end], "…"]),
        }
    }
    shortened(&line, SUMMARY_CHARS).into()
}

/// `34s`, `5m 10s`, `2h 3m`, `4d 1h`.
fn duration(secs: u64) -> String {
    let two = |large: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit} {small}{part}"),
    };
    match secs {
        0..60 => format!("{secs}s"),
        60..3600 => two(secs / 60, "m", secs % 60, "s"),
        3600..86_400 => two(secs / 3600, "h", secs % 3600 / 60, "m"),
        _ => two(secs / 86_400, "d", secs % 86_400 / 3600, "h"),
    }
}

/// At most `most` characters of `text`; where some are missing, it shows.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match end_of(text, most) {
        None => text.into(),
        Some(end) => [&text[..end], "…"].concat().into(),
    }
}

/// Where the first `most` characters of `text` end; `None` when it has no more.
fn end_of(text: &str, most: usize) -> Option<usize> {
    // a character has at least one byte, and most often no more
    if text.as_bytes().get(..most)?.is_ascii() {
        return (text.len() > most).then_some(most);
    }
    text.char_indices().nth(most).map(|(end, _)| end)
}

/// Words and the fields behind them.
const SEEN: [(&str, &str); 7] = [
    ("service", "service"),
    ("component", "component"),
    ("SSID", "ssids"),
    ("BSSID", "bssids"),
    ("client", "client_macs"),
    ("server", "servers"),
    ("VLAN", "vlans"),
];

/// How many of each are named; Mist lists ten.
const SEEN_AT_MOST: usize = 10;

/// How much of a long reason the summary repeats, and how long it is at most, in characters.
const SUMMARY_REASON_CHARS: usize = 120;
pub(crate) const SUMMARY_CHARS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shortened_ends_behind_a_whole_character_and_shows_it() {
        for (text, most, shown) in [
            ("", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc…"),
            ("äöü", 3, "äöü"),
            ("äöüß", 3, "äöü…"),
            ("abcß", 3, "abc…"),
            ("abßc", 3, "abß…"),
            ("ab", 3, "ab"),
            ("a", 0, "…"),
        ] {
            assert_eq!(shortened(text, most), shown, "{text} {most}");
        }
    }

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        for (secs, text) in
            [(0, "0s"), (34, "34s"), (310, "5m 10s"), (600, "10m"), (7_380, "2h 3m"), (349_200, "4d 1h")]
        {
            assert_eq!(duration(secs), text);
        }
    }
}
