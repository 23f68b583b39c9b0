//! The app: its files as Python's reader of INI takes them, and its expressions by PCRE over a relay's lines.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::scene;

/// The sections of a file, as `configparser` reads them: strictly, with nothing interpolated.
fn read(file: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let script = "import configparser, json, sys\n\
                  it = configparser.RawConfigParser(delimiters=('=',), comment_prefixes=('#',), strict=True)\n\
                  it.optionxform = str\n\
                  it.read_file(open(sys.argv[1], encoding='utf-8'))\n\
                  print(json.dumps({name: dict(it[name]) for name in it.sections()}))\n";
    let output = Command::new("python3").args(["-c", script]).arg(file).output().expect("python3 is on PATH");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", file.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What an expression finds in each line: the named groups of each, or null.
fn found(regex: &str, lines: &[String]) -> Vec<Value> {
    let said = scene::asked("php", "splunk.php", None, &json!({"regex": regex, "lines": lines}));
    said.as_array().unwrap().clone()
}

/// A value as the format wrote it, as it reads.
fn plain(format: &str, name: &str, text: &str) -> String {
    // MSG of RFC 5424 is no parameter, in which something would be escaped
    let escaped: &[char] = match format {
        "rfc5424" if name == "msg" => &[],
        "cef" if name == "type" => &['|', '\\'],
        "cef" => &['=', '\\'],
        _ => &['"', '\\', ']'],
    };
    let mut out = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match characters.peek() {
            Some(next) if c == '\\' && escaped.contains(next) => out.extend(characters.next()),
            _ => out.push(c),
        }
    }
    if format == "cef" && name == "mac" { out.replace(':', "") } else { out }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn every_format_is_taken_apart_into_the_same_fields_whatever_stands_in_the_texts() {
    let app = scene::pack("splunk");
    let (props, transforms) =
        (read(&app.path().join("default/props.conf")), read(&app.path().join("default/transforms.conf")));
    let lines = scene::lines();
    let objects = scene::objects(&lines);

    for format in ["rfc5424", "rfc3164", "cef"] {
        let report = &props[&format!("fogbell:{format}")]["REPORT-fogbell"];
        let all = found(&transforms[report]["REGEX"], &lines[format]);
        let [raise, clear] = [6, 7].map(|place: usize| &all[place]);
        assert_eq!((&raise["type"], &raise["category"]), (&json!("test"), &json!(format)), "{raise}");
        assert_eq!(
            (&raise["key"], &raise["state"], &clear["state"]),
            (&clear["key"], &json!("raised"), &json!("cleared"))
        );
        for (fields, object) in all.iter().zip(&objects).take(scene::POSTED) {
            for (name, value) in object.as_object().unwrap() {
                // CEF has times as milliseconds
                if format == "cef" && name.ends_with("_seen") {
                    assert!(fields[name].as_str().unwrap().parse::<u64>().unwrap() > 0);
                    continue;
                }
                let text = fields[name].as_str().unwrap_or_else(|| panic!("{format}: no {name} in {fields}"));
                assert_eq!(plain(format, name, text), shown(value), "{format}: {name} of {fields}");
            }
            let parameters = fields.as_object().unwrap().keys().filter(|name| !name.starts_with("syslog_"));
            for name in parameters.filter(|name| name.parse::<u32>().is_err()) {
                assert!(object.get(name).is_some(), "{format}: {name} is in {fields} and not in {object}");
            }
        }
    }
    let kept = found(&transforms["fogbell_object"]["REGEX"], &lines["json"]);
    for (kept, object) in kept.iter().zip(&objects) {
        let kept: Value = serde_json::from_str(kept["1"].as_str().or(kept[1].as_str()).unwrap()).unwrap();
        assert_eq!(kept, *object);
    }
    for format in scene::FORMATS {
        let host =
            props[&format!("fogbell:{format}")]["TRANSFORMS-fogbell"].split(',').next().unwrap().to_owned();
        for (host, line) in found(&transforms[&host]["REGEX"], &lines[format]).iter().zip(&lines[format]) {
            let host = host["1"].as_str().or(host[1].as_str()).unwrap();
            assert!(line.contains(&format!(" {host} ")), "{line}");
        }
    }
}

#[test]
fn every_file_is_read_and_every_name_in_one_is_in_another() {
    let app = scene::pack("splunk");
    let file = |name: &str| read(&app.path().join("default").join(name));
    let (props, transforms) = (file("props.conf"), file("transforms.conf"));
    for (name, section) in &props {
        let named =
            section.iter().filter(|(key, _)| key.starts_with("REPORT-") || key.starts_with("TRANSFORMS-"));
        let named: Vec<&str> = named.flat_map(|(_, value)| value.split(", ")).collect();
        assert!(!named.is_empty(), "{name}");
        for transform in named {
            assert!(transforms.contains_key(transform), "{name} names {transform}");
        }
        // what the model of alerts asks for
        for field in ["app", "description", "dest", "severity", "signature", "type"] {
            assert!(section.contains_key(&format!("EVAL-{field}")), "{name} has no {field}");
        }
    }
    assert_eq!(props.len(), scene::FORMATS.len());
    let (types, tags) = (file("eventtypes.conf"), file("tags.conf"));
    assert_eq!(tags["eventtype=fogbell_alert"]["alert"], "enabled");
    assert!(types.contains_key("fogbell_alert") && types.contains_key("fogbell_heartbeat"));
    for search in file("savedsearches.conf").values() {
        let used = types.keys().any(|name| search["search"].contains(&format!("eventtype={name}")));
        assert!(used, "{search:?}");
    }
    assert!(file("app.conf").contains_key("launcher"));
}
