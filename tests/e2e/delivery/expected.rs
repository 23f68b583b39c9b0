//! What an event must become, read off its JSON by this file's own rules; nothing here is shared with the relay.

use e2e::Parameters;
use serde_json::Value;

/// What every delivery of one event must say.
pub(super) struct Expected {
    /// The structured data parameters, but for id, key and seq; without times when the event has none, since then
    /// they are those of its arrival.
    pub(super) parameters: Parameters,
    /// Facility `local0` and the severity of RFC 5424.
    pub(super) pri: u8,
    /// `ItuPerceivedSeverity`.
    pub(super) perceived: u8,
    /// The number of the notification.
    pub(super) notification: u8,
    /// What the readable line is (of an audit), or what it must name in this order.
    pub(super) line: Line,
}

pub(super) enum Line {
    Is(String),
    Names(Vec<String>),
}

/// What `event` of `topic` must become when `acme` posted it to `relay-7`.
pub(super) fn expected(topic: &str, event: &Value) -> Expected {
    let severity = match text(event, &["severity"]).to_lowercase().as_str() {
        "critical" | "high" => "critical",
        "info" | "normal" | "notice" => "info",
        "warn" | "warning" => "warning",
        "" => "",
        other => panic!("a severity that these samples do not have: {other}"),
    };
    let state = match text(event, &["status"]).as_str() {
        "open" if event["group"] == "marvis" => "raised",
        "resolved" | "validated" if event["group"] == "marvis" => "cleared",
        _ => "event",
    };
    let device = Device::of(topic, event);
    let kind = match text(event, &["type"]) {
        none if none.is_empty() => topic.to_owned(),
        kind => kind,
    };
    let first_seen = micros(&event["timestamp"]).or_else(|| micros(&event["last_seen"]));
    let last_seen = micros(&event["last_seen"]).max(first_seen);
    let time = |micros: Option<i64>| micros.map(utc).unwrap_or_default();
    let count = match event["count"].as_u64() {
        None | Some(0) => String::new(),
        Some(count) => count.to_string(),
    };
    let site = text(event, &["site_name"]);
    let reason = if topic == "audits" { who(event) } else { why(event) };
    let mut parameters = Parameters::new();
    for (name, value) in [
        ("state", state),
        ("severity", if severity.is_empty() { "warning" } else { severity }),
        ("mist_severity", &text(event, &["severity"])),
        ("topic", topic),
        ("type", &kind),
        ("group", &text(event, &["group"])),
        ("category", &text(event, &["category"])),
        ("org", "acme"),
        ("site", &site),
        ("site_id", &text(event, &["site_id"])),
        ("device_type", &device.kind),
        ("device", &device.name),
        ("mac", &device.mac),
        ("model", &text(event, &["model"])),
        ("serial", &text(event, &["serial"])),
        ("ip", &device.ip),
        ("port", &device.port),
        ("reason", &reason),
        ("first_seen", &time(first_seen)),
        ("last_seen", &time(last_seen)),
        ("count", &count),
        ("origin", "webhook"),
        ("relay", "relay-7"),
    ] {
        if !value.is_empty() {
            parameters.insert(name.to_owned(), value.to_owned());
        }
    }

    let (pri, perceived) = match (topic, state, severity) {
        (_, "cleared", _) => (NOTICE, 1),
        ("audits", ..) => (NOTICE, 2),
        (_, _, "critical") => (CRITICAL, 3),
        (_, _, "warning") => (WARNING, 5),
        (_, "raised", "info") => (INFORMATIONAL, 6),
        (_, _, "info") => (INFORMATIONAL, 2),
        _ => (WARNING, 2),
    };
    let notification = match (topic, state) {
        ("audits", _) => 4,
        (_, "raised") => 1,
        (_, "cleared") => 2,
        _ => 3,
    };
    let line = if topic == "audits" {
        Line::Is(text(event, &["message"]))
    } else {
        let mut names = vec![kind];
        if state != "event" {
            names.push(state.to_owned());
        }
        let several: Vec<_> = device.several.iter().take(3).cloned().collect();
        names.extend(if device.several.is_empty() && device.name.is_empty() {
            vec![device.mac]
        } else {
            several
        });
        names.extend([device.name, device.port, site]);
        names.retain(|name| !name.is_empty());
        Line::Names(names)
    };
    Expected { parameters, pri: LOCAL0 + pri, perceived, notification, line }
}

/// Whom an event is about.
#[derive(Default)]
struct Device {
    kind: String,
    name: String,
    mac: String,
    ip: String,
    port: String,
    /// The names when it is about several devices, else empty.
    several: Vec<String>,
}

impl Device {
    fn of(topic: &str, event: &Value) -> Self {
        let mut device = Self {
            kind: text(event, &["device_type"]),
            name: text(event, &["device_name", "ap_name", "mxedge_name"]),
            mac: text(event, &["mac", "ap"]),
            ip: text(event, &["ip"]),
            port: text(event, &["port_id", "port"]),
            several: Vec::new(),
        };
        let one = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([one]) => Some(one.clone()),
            _ => None,
        };
        if topic == "mxedge-events" {
            "mxedge".clone_into(&mut device.kind);
        }
        if topic != "alarms" {
            return device;
        }
        let listed = [("aps", "ap"), ("switches", "switch"), ("gateways", "gateway")];
        if let Some((list, kind)) = listed.iter().find(|(list, _)| event[*list].is_array()) {
            (*kind).clone_into(&mut device.kind);
            // with more names than addresses it is not known whose the address is
            if one(&event["hostnames"]).is_some() || !event["hostnames"].is_array() {
                device.mac = one(&event[*list]).map(|mac| spelt(&mac)).unwrap_or_default();
            }
        }
        let names = event["hostnames"].as_array().cloned().unwrap_or_default();
        match names.as_slice() {
            [name] => device.name = spelt(name),
            several => device.several = several.iter().map(spelt).collect(),
        }
        if let Some(port) = one(&event["port_ids"]) {
            device.port = spelt(&port);
        }
        if let Some(entity) = one(&event["impacted_entities"]) {
            device.kind = text(&entity, &["entity_type"]);
            device.name = text(&entity, &["entity_name"]);
            device.mac = text(&entity, &["entity_mac"]);
            device.ip = text(&entity, &["entity_ip"]);
            device.port = text(&entity, &["port_id"]);
        } else if let Some(entities) = event["impacted_entities"].as_array() {
            device.several =
                entities.iter().map(|entity| text(entity, &["entity_name", "entity_mac"])).collect();
        }
        device
    }
}

/// The reason of anything but an audit.
fn why(event: &Value) -> String {
    if let Some(reasons) = event["reasons"].as_array() {
        return reasons.iter().map(spelt).collect::<Vec<_>>().join("; ");
    }
    let plain = text(event, &["reason", "text"]);
    let marvis = [("root cause", "root_cause"), ("suggested", "suggestion")];
    if plain.is_empty() { said(event, &marvis).join(", ") } else { plain }
}

/// The reason of an audit.
fn who(event: &Value) -> String {
    said(event, &[("by", "admin_name"), ("from", "src_ip")]).join(" ")
}

fn said(event: &Value, parts: &[(&str, &str)]) -> Vec<String> {
    let there = parts.iter().filter(|(_, name)| !text(event, &[name]).is_empty());
    there.map(|(word, name)| format!("{word} {}", text(event, &[name]))).collect()
}

/// The first of `names` that is there and not empty.
fn text(event: &Value, names: &[&str]) -> String {
    names.iter().map(|name| spelt(&event[*name])).find(|text| !text.is_empty()).unwrap_or_default()
}

fn spelt(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Microseconds since 1970, from seconds as a number or in a string.
fn micros(value: &Value) -> Option<i64> {
    let seconds: f64 = spelt(value).parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "the samples' times lie in this century")]
    let micros = (seconds * 1e6).round() as i64;
    Some(micros)
}

/// RFC 3339 in UTC with milliseconds, cut. The day is Howard Hinnant's `civil_from_days` for days since 1970.
pub(super) fn utc(micros: i64) -> String {
    let (days, in_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000) / 1000);
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second, milli) =
        (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[test]
fn a_time_is_written_as_any_calendar_has_it() {
    for (micros, expect) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
        (1_685_956_576_923_601, "2023-06-05T09:16:16.923Z"),
    ] {
        assert_eq!(utc(micros), expect);
    }
}

const LOCAL0: u8 = 16 * 8;
const CRITICAL: u8 = 2;
const WARNING: u8 = 4;
const NOTICE: u8 = 5;
const INFORMATIONAL: u8 = 6;
