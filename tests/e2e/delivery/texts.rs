//! Texts that break receivers: they arrive intact or visibly shortened, each as one message.

use std::fmt::Write;

use e2e::Parameters;
use serde_json::json;

use super::receivers::{Deliveries, ENTERPRISE, Receivers, UDP};

#[test]
fn hard_texts_arrive_whole_and_as_one_message_each() {
    let receivers = Receivers::start();
    for text in HARD {
        receivers.relay.deliver(&reported(text));
        receivers.relay.deliver(&audited(text));
    }

    let lines = receivers.wait_lines(2 * HARD.len());
    for (sink, lines) in &lines {
        for (pair, text) in lines.chunks(2).zip(HARD) {
            let what = format!("{text:?} by {sink}");
            let [reported, audited] = [&pair[0], &pair[1]].map(|line| line.parameters(ENTERPRISE));
            let spelt = spelt(text);
            assert_eq!(reported["reason"], spelt, "{what}");
            assert_eq!(reported["device"], format!("ap {spelt}"), "{what}");
            assert_eq!([&reported, &audited].map(|said| said.get("truncated")), [None, None], "{what}");
            assert_eq!(pair[1].message, spelt, "{what}");
            assert!(pair[0].message.ends_with(&spelt), "{what}: {}", pair[0].message);
        }
    }
    nothing_raw(&lines);
    for (sink, traps) in receivers.wait_traps(2 * HARD.len()) {
        for (pair, text) in traps.chunks(2).zip(HARD) {
            let what = format!("{text:?} by {sink}");
            let [reported, audited] = [&pair[0], &pair[1]].map(|trap| trap.parameters(ENTERPRISE));
            assert_eq!(reported["reason"], tame(text), "{what}");
            assert_eq!(audited["summary"], tame(text), "{what}");
            begins("device", &what, &reported["device"], "...", &format!("ap {}", tame(text)), 48);
        }
    }
}

#[test]
fn long_texts_arrive_visibly_shortened_and_never_broken() {
    let receivers = Receivers::start();
    let fox = "é日🦊".repeat(12_000);
    let texts: Vec<String> = ["x", "\"", "]", "\\", "\u{1b}", "\n", "日"]
        .iter()
        .map(|one| one.repeat(100_000))
        .chain([fox, format!("{}end", "a b c ".repeat(17_000))])
        .collect();

    for text in &texts {
        receivers.relay.deliver(&reported(text));
        receivers.relay.deliver(&audited(text));
    }

    let lines = receivers.wait_lines(2 * texts.len());
    for (sink, lines) in &lines {
        let limit = if *sink == UDP { 2048 } else { 8192 };
        for (pair, text) in lines.chunks(2).zip(&texts) {
            let what = format!("{:?}… by {sink}", &text[..text.floor_char_boundary(8)]);
            let [reported, audited] = [&pair[0], &pair[1]].map(|line| line.parameters(ENTERPRISE));
            assert_eq!([&reported, &audited].map(|found| found["truncated"].as_str()), ["1", "1"], "{what}");
            let spelt = spelt(text);
            // of what may have 2,048 bytes at least some hundred are left to the text itself
            begins("reason", &what, &reported["reason"], "…", &spelt, limit);
            begins("message", &what, &pair[1].message, "…", &spelt, limit);
            for line in pair {
                let bytes = line.data.len() + line.message.len() + line.host.len() + line.msgid.len();
                assert!(bytes <= limit && bytes > limit / 2, "{what}: {bytes} bytes");
            }
        }
    }
    nothing_raw(&lines);
    for (sink, traps) in receivers.wait_traps(2 * texts.len()) {
        for (pair, text) in traps.chunks(2).zip(&texts) {
            let what = format!("{:?}… by {sink}", &text[..text.floor_char_boundary(8)]);
            let [reported, audited] = [&pair[0], &pair[1]].map(|trap| trap.parameters(ENTERPRISE));
            assert_eq!([&reported, &audited].map(|found| found["truncated"].as_str()), ["1", "1"], "{what}");
            begins("reason", &what, &reported["reason"], "...", &tame(text), 128);
            begins("summary", &what, &audited["summary"], "...", &tame(text), 160);
        }
    }
}

#[test]
fn a_text_that_is_no_text_is_not_lost_with_its_message() {
    let receivers = Receivers::start();
    // half of a pair of surrogates: JSON by its grammar, and no character
    let event = r#"{"type":"HALF","timestamp":1767323045,"text":"\ud800"}"#;
    let whole = r#"{"type":"WHOLE","timestamp":1767323045,"text":"\ud83e\udd8a \u0000"}"#;

    receivers.relay.deliver(&format!(r#"{{"topic":"device-events","events":[{event},{whole}]}}"#));

    for (sink, lines) in receivers.wait_lines(2) {
        let [half, whole] = [&lines[0], &lines[1]].map(|line| line.parameters(ENTERPRISE));
        assert_eq!((half["type"].as_str(), half["topic"].as_str()), ("uninterpretable", "relay"), "{sink}");
        assert_eq!((whole["type"].as_str(), whole["reason"].as_str()), ("WHOLE", "🦊 \\u0000"), "{sink}");
    }
    for (sink, traps) in receivers.wait_traps(2) {
        let [half, whole] = [&traps[0], &traps[1]].map(|trap| trap.parameters(ENTERPRISE));
        assert_eq!(half["type"], "uninterpretable", "{sink}");
        assert_eq!(whole["reason"], "🦊 \u{fffd}", "{sink}");
    }
}

/// Texts that receivers have been broken with.
pub(super) const HARD: [&str; 17] = [
    "Zürich, é, 日本, 🦊, n\u{303} combined",
    r#"quotes " ' ` and "a=b""#,
    r"backslash \ and two \\ and at the end \",
    "brackets ] ] [fogbell@32473 id=\"forged\"] [x@1 y=\"z\"]",
    "] ends here\" seq=\"0",
    "two\nlines",
    "\n<34>1 2026-01-01T00:00:00Z forged su - ID47 - a line of its own",
    "\r\ncarriage\rreturn\r\n",
    "\ttabs\t\tand\u{b}more\u{c}",
    "\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}",
    "nul \0 in the \0\0 middle",
    "del \u{7f} c1 \u{85}\u{9b}31m",
    "separators \u{2028} and \u{2029}",
    "turned \u{202e}txet\u{202c} \u{2066}and\u{2069} \u{feff}mark",
    "percent %s %n %m $(reboot) `id` ; rm -rf / | &",
    "123 <13>1 a count that is none",
    " spaces around ",
];

/// A device's event whose reason and device are called so.
pub(super) fn reported(text: &str) -> String {
    let name = format!("ap {text}");
    let name = &name[..name.floor_char_boundary(200)];
    let event = json!({"type": "AP_X", "timestamp": 1_767_323_045, "ap": "020000000001", "device_name": name, "text": text});
    json!({"topic": "device-events", "events": [event]}).to_string()
}

/// An audit with this message.
pub(super) fn audited(text: &str) -> String {
    let event = json!({"message": text, "timestamp": 1_767_323_045, "admin_name": "Jane Admin"});
    json!({"topic": "audits", "events": [event]}).to_string()
}

/// How syslog spells what would break a line or hide in it.
pub(super) fn spelt(text: &str) -> String {
    let mut spelt = String::new();
    for c in text.chars() {
        match c {
            '\n' => spelt.push_str("\\n"),
            '\r' => spelt.push_str("\\r"),
            '\t' => spelt.push_str("\\t"),
            _ if is_unsafe(c) => write!(spelt, "\\u{:04x}", u32::from(c)).unwrap(),
            _ => spelt.push(c),
        }
    }
    spelt
}

/// What of a text reaches a trap: white space that moves the cursor is a space, what is unsafe a mark.
fn tame(text: &str) -> String {
    let tame = |c| match c {
        '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        _ if is_unsafe(c) => '\u{fffd}',
        _ => c,
    };
    text.chars().map(tame).collect()
}

pub(super) fn is_unsafe(c: char) -> bool {
    let turning = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{feff}'];
    c.is_control()
        || turning.contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// Fails unless `found` is `whole`, or a beginning of it of at most `most` bytes that ends in `mark`.
fn begins(name: &str, what: &str, found: &str, mark: &str, whole: &str, most: usize) {
    assert!(found.len() <= most, "{what}: {name} has {} bytes", found.len());
    if found != whole {
        let kept = found.strip_suffix(mark).unwrap_or_else(|| panic!("{what}: {name} has no mark: {found}"));
        assert!(whole.starts_with(kept), "{what}: {name} is {found}");
        assert!(kept.len() >= 32.min(most - mark.len() - 4), "{what}: of {name} only {found} is left");
    }
}

/// Fails when a control character reached rsyslog, as itself or as the `#033` it makes of one.
fn nothing_raw(lines: &Deliveries<e2e::Line>) {
    for line in lines.values().flatten() {
        for text in [&line.host, &line.app, &line.msgid, &line.data, &line.message] {
            assert!(!text.chars().any(is_unsafe) && !text.contains("#0"), "{text:?}");
        }
        let parameters: Parameters = line.parameters(ENTERPRISE);
        assert_ne!(parameters["id"], "forged");
    }
}
