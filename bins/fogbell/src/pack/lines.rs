//! Patterns that take a line of syslog apart, made of what the encoders write.
//!
//! Parameters stand in a fixed order and any may be absent, so a pattern names each in its place. None looks for pairs
//! wherever they stand: a text from outside, such as `MSG`, cannot pass for a parameter.

use syslog::{cef_keys, parameters};

/// How a receiver captures what `pattern` matches as the field `name`.
pub(super) type Capture = fn(name: &str, pattern: Pattern) -> String;

/// What a capture matches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pattern {
    /// Anything without a space.
    Word,
    Number,
    /// A value between quotes, in which a backslash is in front of quotes and backslashes.
    Quoted,
    /// A value of CEF, in which a backslash is in front of `=` and backslashes.
    Cef,
    /// A field of the header of CEF.
    CefHeader,
    /// Anything up to the end.
    Rest,
    /// An object of JSON up to the end.
    Object,
}

impl Pattern {
    /// As an expression of PCRE and of Oniguruma.
    pub(super) const fn expression(self) -> &'static str {
        match self {
            Self::Word => r"\S+",
            Self::Number => r"\d+",
            Self::Quoted => r#"[^"\\]*(?:\\.[^"\\]*)*"#,
            Self::Cef => r"[^\\=]*(?:\\.[^\\=]*)*",
            Self::CefHeader => r"[^|\\]*(?:\\.[^|\\]*)*",
            Self::Rest => r".+",
            Self::Object => r"\{.*\}",
        }
    }
}

/// A line of the format `rfc5424`.
pub(super) fn rfc5424(capture: Capture) -> String {
    let mut pattern = format!(r"{} \[fogbell@\d+", header(capture));
    for name in parameters() {
        pattern += &format!(r#"(?: {name}="{}")?"#, capture(&name, Pattern::Quoted));
    }
    pattern + &format!(r"\](?: {})?$", capture("msg", Pattern::Rest))
}

/// A line of the format `json`: its header, and the object.
pub(super) fn json(capture: Capture) -> String {
    format!("{} - {}$", header(capture), capture("object", Pattern::Object))
}

/// A line of the format `rfc3164`.
pub(super) fn rfc3164(capture: Capture) -> String {
    let (head, tag) = (old_header(capture), capture("syslog_app", Pattern::Word));
    let mut pattern = format!("{head} {tag}:");
    for name in ["msg".to_owned()].into_iter().chain(parameters()) {
        pattern += &format!(r#"(?: {name}="{}")?"#, capture(&name, Pattern::Quoted));
    }
    pattern + "$"
}

/// A line of the format `cef`.
pub(super) fn cef(capture: Capture) -> String {
    let (app, number) = (capture("syslog_app", Pattern::CefHeader), Pattern::Number.expression());
    let field = Pattern::CefHeader.expression();
    let (id, kind) = (capture("syslog_msgid", Pattern::CefHeader), capture("type", Pattern::CefHeader));
    let mut pattern =
        format!(r"{} CEF:0\|Fogbell\|{app}\|{field}\|{id}\|{kind}\|{number}\|", old_header(capture));
    let mut before = "";
    let mut seen: Vec<String> = Vec::new();
    for key in cef_keys() {
        let label = if key.labelled { format!("{}Label={} ", key.key, key.holds) } else { String::new() };
        // an address that is none of IPv4 has a key of its own, and a group must have a name of its own
        let twice = if seen.contains(&key.holds) { "_text" } else { "" };
        let name = format!("{}{twice}", key.holds);
        pattern += &format!(r"(?:{before}{label}{}={})?", key.key, capture(&name, Pattern::Cef));
        seen.push(key.holds);
        before = " ";
    }
    pattern + "$"
}

/// The header of RFC 5424 up to MSGID; receivers may have taken its PRI away.
fn header(capture: Capture) -> String {
    let word = |name| capture(name, Pattern::Word);
    let (host, app, id) = (word("syslog_host"), word("syslog_app"), word("syslog_msgid"));
    format!(r"^(?:<{}>)?1 \S+ {host} {app} - {id}", capture("syslog_pri", Pattern::Number))
}

/// The header of RFC 3164 up to HOSTNAME.
fn old_header(capture: Capture) -> String {
    let (pri, host) = (capture("syslog_pri", Pattern::Number), capture("syslog_host", Pattern::Word));
    format!(r"^(?:<{pri}>)?[A-Z][a-z][a-z] [ \d]\d [\d:]+ {host}")
}
