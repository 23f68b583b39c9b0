//! The ingest pipeline, run over a relay's lines, and the index template that its documents go into.

use std::fs;

use serde_json::{Value, json};

use super::scene;

/// What is at a path of names.
fn at<'a>(document: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(document, |at, name| &at[name])
}

/// Every path of a document that has a value.
fn paths(value: &Value, prefix: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                paths(member, &format!("{prefix}{name}."), out);
            }
        }
        _ => out.push(prefix.trim_end_matches('.').to_owned()),
    }
}

#[test]
fn a_line_of_either_format_becomes_the_same_document() {
    let pack = scene::pack("elastic");
    let pipeline = pack.path().join("fogbell-pipeline.json");
    let lines = scene::lines();
    let objects = scene::objects(&lines);
    let documents = |format: &str| {
        let said = scene::asked("ruby", "ingest.rb", Some(&pipeline), &json!(lines[format]));
        said.as_array().unwrap().clone()
    };
    let (from_json, from_data) = (documents("json"), documents("rfc5424"));

    for ((document, other), object) in from_json.iter().zip(&from_data).zip(&objects) {
        assert_eq!(document["fogbell"], *object);
        for (path, name) in [
            ("event.id", "id"),
            ("event.code", "type"),
            ("event.reason", "reason"),
            ("event.sequence", "seq"),
            ("log.level", "severity"),
            ("host.name", "device"),
            ("host.geo.name", "site"),
            ("organization.name", "org"),
            ("observer.name", "relay"),
            ("message", "msg"),
            ("@timestamp", "last_seen"),
            ("event.start", "first_seen"),
        ] {
            assert_eq!(*at(document, path), object[name], "{path} of {document}");
        }
        if object["topic"] != "relay" {
            let mut other = other.clone();
            other["event"]["original"] = document["event"]["original"].clone();
            assert_eq!(other, *document, "both formats say the same");
        }
    }
    let kinds: Vec<&Value> = from_json.iter().map(|it| at(it, "event.kind")).collect();
    assert_eq!(kinds, ["alert", "alert", "alert", "alert", "event", "event", "alert", "alert"]);
    let grades: Vec<&Value> = from_json.iter().map(|it| at(it, "event.severity")).collect();
    assert_eq!(grades, [9, 2, 6, 2, 3, 4, 3, 2].map(|grade| json!(grade)).iter().collect::<Vec<_>>());
    assert_eq!(*at(&from_json[0], "host.mac"), "5C-5B-35-00-00-01");
    assert_eq!(*at(&from_json[2], "host.ip"), "192.0.2.17");
    for (raise, clear) in [(0, 1), (2, 3), (6, 7)] {
        assert_eq!(at(&from_json[raise], "fogbell.key"), at(&from_json[clear], "fogbell.key"));
    }
}

#[test]
fn a_line_that_is_none_of_a_relays_is_refused() {
    let pack = scene::pack("elastic");
    let pipeline = pack.path().join("fogbell-pipeline.json");
    let given = pack.path().join("lines.json");
    fs::write(&given, json!(["<13>1 2026-01-01T00:00:00Z host app - - - {} x"]).to_string()).unwrap();
    let mut ruby = std::process::Command::new("ruby");
    let output = ruby.arg(scene::beside("ingest.rb")).arg(&pipeline).arg(&given).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no pattern matches"), "{said}");
    let text: Value = serde_json::from_str(&fs::read_to_string(&pipeline).unwrap()).unwrap();
    assert_eq!(text["on_failure"][0]["set"]["value"], "pipeline_error");
}

#[test]
fn the_template_has_a_type_for_every_field_of_the_relay() {
    let pack = scene::pack("elastic");
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(pack.path().join(name)).unwrap()).unwrap()
    };
    let template = read("fogbell-index-template.json");
    assert_eq!(template["index_patterns"], json!(["logs-fogbell-*"]));
    assert_eq!(at(&template, "template.settings.index.default_pipeline"), "fogbell");
    let properties = at(&template, "template.mappings.properties.fogbell.properties").as_object().unwrap();
    for object in scene::objects(&scene::lines()) {
        let mut found = Vec::new();
        paths(&object, "", &mut found);
        for name in found {
            let kind = properties.get(&name).unwrap_or_else(|| panic!("no type for {name}"))["type"]
                .as_str()
                .unwrap();
            let fits = match &object[&name] {
                Value::Number(_) => kind == "long",
                Value::Bool(_) => kind == "boolean",
                _ => ["keyword", "match_only_text", "date"].contains(&kind),
            };
            assert!(fits, "{name} is {} and typed {kind}", object[&name]);
        }
    }
}
