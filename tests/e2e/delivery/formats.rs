//! RFC 3164, JSON and CEF come out of a real rsyslog by every transport, read by its own parsers.

use std::collections::BTreeMap;

use e2e::{Config, Fogbell, Line, Parameters, Rsyslog, RsyslogSetup};
use serde_json::json;

use super::expected::{self, Expected, Model, utc};
use super::samples::{Sample, check_text, host};
use super::texts::{HARD, audited, is_unsafe, reported, spelt};

/// A relay with a sink for every format and transport, and the rsyslog behind them.
struct Formats {
    relay: Fogbell,
    siem: Rsyslog,
}

/// Format and input of rsyslog.
type Sink = (&'static str, &'static str);

impl Formats {
    fn start() -> Self {
        let siem = Rsyslog::start(&RsyslogSetup::default());
        let ca = siem.certs().ca();
        let tls = format!("tls = {{ ca = '{}', server_name = \"localhost\" }}\n", ca.display());
        let mut config = Config::new().set("", "name", "\"relay-7\"");
        for (format, framing) in [("rfc3164", "newline"), ("json", "octet-counted"), ("cef", "newline")] {
            for (transport, address, more) in [
                ("udp", siem.udp(), ""),
                ("tcp", siem.tcp(), &*format!("framing = \"{framing}\"\n")),
                ("tls", siem.tls(), &*tls),
            ] {
                config = config.table(&format!(
                    "[[syslog]]\nname = \"{format}-{transport}\"\naddress = \"{address}\"\n\
                     transport = \"{transport}\"\nformat = \"{format}\"\n{more}"
                ));
            }
        }
        Self { relay: Fogbell::start(&config), siem }
    }

    /// What every sink said, once each has said `count` things; more fails.
    fn wait(&self, count: usize) -> BTreeMap<Sink, Vec<Said>> {
        let mut sorted: BTreeMap<Sink, Vec<Said>> = BTreeMap::new();
        for line in self.siem.wait_lines(9 * count) {
            let input = ["udp", "tcp", "tls"].into_iter().find(|input| *input == line.input).unwrap();
            let said = Said::by(line);
            sorted.entry((said.format, input)).or_default().push(said);
        }
        assert_eq!(sorted.len(), 9, "{:?}", sorted.keys());
        for (sink, said) in &sorted {
            assert_eq!(said.len(), count, "lines of {sink:?}");
            let place = |said: &Said| said.parameters["seq"].parse::<u64>().unwrap();
            assert!(said.is_sorted_by(|a, b| place(a) < place(b)), "{sink:?} is out of order");
        }
        sorted
    }
}

/// One line, read.
struct Said {
    format: &'static str,
    line: Line,
    parameters: Parameters,
    /// MSG of RFC 5424, empty when there is none.
    msg: String,
}

impl Said {
    fn by(line: Line) -> Self {
        let (format, mut parameters) = match (line.version.as_str(), line.app.as_str()) {
            ("1", _) => ("json", line.members()),
            (_, "CEF") => ("cef", read_cef(&line)),
            _ => ("rfc3164", line.pairs()),
        };
        let msg = parameters.remove("msg").unwrap_or_default();
        assert!(format == "cef" || line.app == "fogbell", "{line:?}");
        assert_eq!((line.data.as_str(), line.version == "1"), ("-", format == "json"), "{line:?}");
        Self { format, line, parameters, msg }
    }

    /// How a text reads in this format.
    fn spelt(&self, text: &str) -> String {
        let own = match self.format {
            "json" => "\n\r\t",
            "cef" => "\n\r",
            _ => "",
        };
        text.split_inclusive(|c| own.contains(c))
            .map(|part| match part.chars().next_back().filter(|last| own.contains(*last)) {
                Some(last) => spelt(&part[..part.len() - 1]) + &last.to_string(),
                None => spelt(part),
            })
            .collect()
    }
}

/// The parameters of a CEF message, times as the other formats have them.
fn read_cef(line: &Line) -> Parameters {
    let (header, mut parameters) = line.cef();
    assert_eq!((header.vendor.as_str(), header.product.as_str()), ("Fogbell", "fogbell"));
    assert!(header.version.split('.').count() == 3, "{header:?}");
    let kind = host(Some(&header.name));
    assert_eq!(header.class, kind[..kind.len().min(32)], "{header:?}");
    let severity = match (&*parameters["state"], &*parameters["topic"], &*parameters["severity"]) {
        ("cleared", ..) => "2",
        (_, "audits", _) => "4",
        (_, _, "critical") => "9",
        (_, _, "warning") => "6",
        (_, _, "info") => "3",
        other => panic!("{other:?}"),
    };
    assert_eq!(header.severity, severity, "{parameters:?}");
    for time in ["first_seen", "last_seen"] {
        let millis: i64 = parameters[time].parse().unwrap();
        parameters.insert(time.to_owned(), utc(millis * 1000));
    }
    if let Some(mac) = parameters.get_mut("mac") {
        assert_eq!(mac.len(), 17, "{mac}");
        *mac = mac.replace(':', "");
    }
    parameters
}

#[test]
fn every_sample_comes_out_in_every_format_with_the_values_it_had() {
    let formats = Formats::start();
    let mut model = Model::new();
    let mut expect: Vec<(String, Expected)> = Vec::new();

    for sample in Sample::all() {
        formats.relay.deliver(&sample.body);
        let told = model.post(&sample.topic, &sample.events);
        if sample.goes_to_every_sink() {
            expect.extend(told.into_iter().map(|told| (sample.name.clone(), told)));
        }
    }

    assert!(expect.len() > 90, "{}", expect.len());
    let all = formats.wait(expect.len());
    let mut whole: BTreeMap<Sink, usize> = BTreeMap::new();
    for (index, (name, expect)) in expect.iter_mut().enumerate() {
        let first = &all[&("json", "tcp")][index].parameters;
        for time in ["first_seen", "last_seen"] {
            expect.parameters.entry(time.to_owned()).or_insert_with(|| first[time].clone());
        }
        for (sink, said) in &all {
            let what = format!("{name} by {sink:?}");
            let said = &said[index];
            for identity in ["id", "key", "seq"] {
                assert_eq!(said.parameters[identity], first[identity], "{what}");
            }
            *whole.entry(*sink).or_default() += usize::from(check(&what, said, expect));
        }
    }
    for (sink, whole) in &whole {
        // a datagram, and a packet of RFC 3164, is too short for the longest samples
        let least = if sink.0 == "rfc3164" || sink.1 == "udp" { expect.len() * 9 / 10 } else { expect.len() };
        assert!(*whole >= least, "{whole} of {} are whole by {sink:?}", expect.len());
    }
}

/// Fails unless a line has the values of its event; says whether it has them whole.
fn check(what: &str, said: &Said, expect: &Expected) -> bool {
    assert_eq!(said.line.pri, expect.pri.to_string(), "{what}");
    let whole = !said.parameters.contains_key("truncated");
    for (name, value) in &said.parameters {
        if ["id", "key", "seq", "truncated"].contains(&name.as_str()) {
            continue;
        }
        let full = expect.parameters.get(name).unwrap_or_else(|| panic!("{what}: {name} is {value}"));
        let kept = value.strip_suffix('…').filter(|_| !whole && value != full);
        assert!(
            value == full || kept.is_some_and(|kept| full.starts_with(kept)),
            "{what}: {name} is {value}"
        );
    }
    for (name, value) in expect.parameters.iter().filter(|_| whole) {
        assert_eq!(said.parameters.get(name), Some(value), "{what}: {name}");
    }
    if whole {
        match &expect.line {
            expected::Line::Is(text) => assert_eq!(&said.msg, text, "{what}"),
            names @ expected::Line::Names(_) => check_text(what, &said.msg, names),
        }
    }

    let names = ["device", "site", "relay"].map(|name| host(expect.parameters.get(name)));
    let name = names.iter().find(|name| !name.is_empty()).unwrap();
    let ends: &[char] = if said.format == "json" { &[] } else { &['-', '.', '_'] };
    assert_eq!(said.line.host, name.trim_matches(ends), "{what}");
    let (last_seen, timestamp) = (&expect.parameters["last_seen"], &said.line.timestamp);
    if said.format == "json" {
        assert_eq!(&timestamp.replace("+00:00", "Z"), last_seen, "{what}");
    } else {
        // RFC 3164 has neither year nor zone nor milliseconds
        assert_eq!(timestamp[4..19], last_seen[4..19], "{what}");
    }
    whole
}

#[test]
fn hard_texts_arrive_whole_in_every_format_and_as_one_message_each() {
    let formats = Formats::start();

    for text in HARD {
        formats.relay.deliver(&reported(text));
        formats.relay.deliver(&audited(text));
    }

    for (sink, said) in formats.wait(2 * HARD.len()) {
        for (pair, text) in said.chunks(2).zip(HARD) {
            let what = format!("{text:?} by {sink:?}");
            let [reported, audited] = [&pair[0], &pair[1]];
            let read = reported.spelt(text);
            assert_eq!(reported.parameters["reason"], read, "{what}");
            assert_eq!(reported.parameters["device"], format!("ap {read}"), "{what}");
            assert_eq!(reported.parameters["type"], "AP_X", "{what}");
            assert_eq!(audited.msg, read, "{what}");
            assert!(reported.msg.ends_with(&read), "{what}: {}", reported.msg);
            for said in pair {
                assert!(!said.parameters.contains_key("truncated"), "{what}");
                for raw in [&said.line.host, &said.line.message] {
                    assert!(!raw.chars().any(is_unsafe) && !raw.contains("#0"), "{what}: {raw:?}");
                }
            }
        }
    }
}

#[test]
fn long_texts_arrive_visibly_shortened_in_every_format() {
    let formats = Formats::start();
    let texts = ["x", "\"", "=", "|", "\\", "\u{1b}", "\n", "日", "é日🦊"].map(|one| one.repeat(30_000));

    for text in &texts {
        let event = json!({"type": "AP_X", "timestamp": 1_767_323_045, "device_name": "ap 7", "text": text});
        formats.relay.deliver(&json!({"topic": "device-events", "events": [event]}).to_string());
    }

    for (sink, said) in formats.wait(texts.len()) {
        let limit = match sink {
            ("rfc3164", _) => 1024,
            (_, "udp") => 2048,
            _ => 8192,
        };
        for (said, text) in said.iter().zip(&texts) {
            let what = format!("{:?}… by {sink:?}", &text[..text.floor_char_boundary(8)]);
            assert_eq!(said.parameters["truncated"], "1", "{what}");
            assert_eq!(said.parameters["device"], "ap 7", "{what}");
            let reason = &said.parameters["reason"];
            let kept = reason.strip_suffix('…').unwrap_or_else(|| panic!("{what}: {reason}"));
            assert!(kept.len() > 32 && said.spelt(text).starts_with(kept), "{what}: {reason}");
            let bytes = said.line.message.len();
            assert!(bytes < limit && bytes > limit / 2, "{what}: {bytes} bytes");
        }
    }
}
