//! What stands in a line, by name, for whoever writes the configuration of a receiver.
//!
//! Nothing is listed here: the names are read off lines that the encoders write for an alert of which everything is known,
//! and each of whose texts is the name of its parameter.

use alarm::{AlarmKey, Alert, AlertId, Severity, Stamp};
use ids::Timestamp;

use crate::{Cef, Format, Json};

/// The names of the parameters in the order in which every format writes them, without `msg`, which is not one in all of them.
///
/// Source: `Parameters` in `docs/formats.md`.
#[must_use]
pub fn parameters() -> Vec<String> {
    let line = written(&Format::Json(Json::default()), "ip");
    let (_, object) = line.split_once(" - {\"").unwrap_or_default();
    let names = object.split(",\"").filter_map(|member| member.split_once("\":"));
    names.map(|(name, _)| name.to_owned()).filter(|name| name != "msg").collect()
}

/// A key of the extension of a CEF message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CefKey {
    /// The key, such as `cs1` or `dvchost`.
    pub key: String,
    /// Whether the pair of its label, such as `cs1Label=key`, stands in front of it.
    pub labelled: bool,
    /// The parameter that it holds, or `msg`.
    pub holds: String,
}

/// The keys of the extension in the order in which they are written. An address has two: one for IPv4, one for what is none.
///
/// Source: `CEF` in `docs/formats.md`.
#[must_use]
pub fn cef_keys() -> Vec<CefKey> {
    let (addressed, named) = (cef_keys_with("10.2.3.4"), cef_keys_with("ip"));
    let mut keys = Vec::with_capacity(addressed.len() + 1);
    for (address, name) in addressed.into_iter().zip(named) {
        let other = (address.key != name.key).then_some(name);
        keys.push(address);
        keys.extend(other);
    }
    keys
}

fn cef_keys_with(ip: &str) -> Vec<CefKey> {
    let line = written(&Format::Cef(Cef::default()), ip);
    let extension = line.rsplit('|').next().unwrap_or_default();
    let mut label = None;
    let mut keys = Vec::new();
    for (key, value) in extension.split(' ').filter_map(|pair| pair.split_once('=')) {
        if key.ends_with("Label") {
            label = Some(value.to_owned());
            continue;
        }
        let labelled = label.is_some();
        let holds = label.take().unwrap_or_else(|| holding(value));
        keys.push(CefKey { key: key.to_owned(), labelled, holds });
    }
    keys
}

/// The parameter that a value without a label is of.
fn holding(value: &str) -> String {
    match value {
        "10.2.3.4" => "ip",
        "13" => "first_seen",
        "14" => "last_seen",
        "11" => "count",
        "1" => "truncated",
        "webhook" => "origin",
        mac if mac.contains(':') => "mac",
        id if id == sample("").id.to_string() => "id",
        text if text.starts_with("reason") => "reason",
        name => name,
    }
    .to_owned()
}

/// The line for an alert of which everything is known, and more than fits.
fn written(format: &Format, ip: &str) -> String {
    let line = format.encode(&sample(ip), &Stamp { relay: "relay", sequence: 15 });
    String::from_utf8_lossy(&line.bytes).into_owned()
}

fn sample(ip: &str) -> Alert {
    let (first, last) = (Timestamp::from_micros(13_000), Timestamp::from_micros(14_000));
    let mut alert = Alert::new(AlertId::of(&[b"id"]), AlarmKey::of(&[b"key"]), "topic", "type", first);
    alert.last_seen = last;
    alert.severity = Severity::Critical;
    for (text, name) in [
        (&mut alert.mist_severity, "mist_severity"),
        (&mut alert.group, "group"),
        (&mut alert.category, "category"),
        (&mut alert.org, "org"),
        (&mut alert.site, "site"),
        (&mut alert.site_id, "site_id"),
        (&mut alert.device_type, "device_type"),
        (&mut alert.device, "device"),
        (&mut alert.model, "model"),
        (&mut alert.serial, "serial"),
        (&mut alert.ip, ip),
        (&mut alert.port, "port"),
        (&mut alert.summary, "msg"),
    ] {
        *text = name.into();
    }
    alert.mac = Some(ids::Mac::new([2, 0, 0, 0, 0, 1]));
    alert.reason = "reason".repeat(2_000).into();
    (alert.count, alert.duration_secs) = (11, Some(12));
    alert
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_found_once_and_has_its_key() {
        let names = parameters();
        assert_eq!(names.first().map(String::as_str), Some("id"));
        assert_eq!(names.last().map(String::as_str), Some("truncated"));
        assert_eq!(names.len(), 28);

        let keys = cef_keys();
        for name in names.iter().filter(|name| *name != "type").map(String::as_str).chain(["msg"]) {
            let held = keys.iter().filter(|key| key.holds == name).count();
            assert_eq!(held, if name == "ip" { 2 } else { 1 }, "{name}: {keys:?}");
        }
        let of = |key: &str| keys.iter().find(|it| it.key == key).unwrap();
        assert_eq!((of("cs1").labelled, of("cs1").holds.as_str()), (true, "key"));
        assert_eq!((of("dvchost").labelled, of("dvchost").holds.as_str()), (false, "device"));
        assert_eq!(of("FogbellIp").holds, "ip");
    }
}
