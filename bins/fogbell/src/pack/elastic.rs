//! An ingest pipeline and an index template for Elasticsearch.
//!
//! Source: the reference of Elasticsearch, "Ingest processors" and "Index templates"; the Elastic Common Schema 8.11. There is
//! no script in it, so that nothing has to be allowed.

use alarm::{Severity, State};
use serde_json::{Map, Value, json};
use syslog::parameters;

use super::Piece;
use super::lines::{self, Pattern};

pub(super) fn pieces() -> Vec<Piece> {
    let piece = |path, value: &Value| Piece { path, text: format!("{value:#}\n") };
    vec![piece("fogbell-pipeline.json", &pipeline()), piece("fogbell-index-template.json", &template())]
}

fn pipeline() -> Value {
    let mut processors = vec![
        json!({ "rename": { "field": "message", "target_field": "event.original", "ignore_missing": true,
            "if": "ctx.event?.original == null" } }),
        grok(),
        json!({ "json": { "field": OBJECT, "target_field": "fogbell", "if": format!("ctx.{OBJECT} != null") } }),
    ];
    // JSON's own reader has undone its escaping; of structured data it is undone here
    processors.extend(texts().iter().map(|name| {
        json!({ "gsub": { "field": format!("fogbell.{name}"), "pattern": "\\\\([\"\\\\\\]])", "replacement": "$1",
            "ignore_missing": true, "if": format!("ctx.{OBJECT} == null") } })
    }));
    processors.extend(NUMBERS.iter().map(|name| {
        json!({ "convert": { "field": format!("fogbell.{name}"), "type": "long", "ignore_missing": true } })
    }));
    processors.extend([
        json!({ "set": { "field": "fogbell.truncated", "value": true, "if": "ctx.fogbell?.truncated != null" } }),
        json!({ "date": { "field": "fogbell.last_seen", "formats": ["ISO8601"], "target_field": "@timestamp" } }),
        json!({ "date": { "field": "fogbell.first_seen", "formats": ["ISO8601"], "target_field": "event.start" } }),
    ]);
    processors.extend(
        [
            ("event.module", "fogbell"),
            ("event.dataset", "fogbell.alert"),
            ("event.kind", "alert"),
            ("observer.vendor", "Fogbell"),
            ("observer.type", "relay"),
        ]
        .map(|(field, value)| json!({ "set": { "field": field, "value": value } })),
    );
    processors.push(
        json!({ "set": { "field": "event.kind", "value": "event", "if": "ctx.fogbell?.state == 'event'" } }),
    );
    processors.push(json!({ "set": { "field": "event.category", "value": ["network"] } }));
    processors.push(json!({ "set": { "field": "event.type", "value": ["info"] } }));
    processors.extend(COPIES.iter().map(|(from, to)| {
        json!({ "set": { "field": to, "copy_from": format!("fogbell.{from}"), "ignore_empty_value": true } })
    }));
    processors.extend(grades());
    processors.extend([
        json!({ "convert": { "field": "fogbell.ip", "target_field": "host.ip", "type": "ip", "ignore_missing": true,
            "ignore_failure": true } }),
        // ECS writes 00-00-5E-00-53-23
        json!({ "uppercase": { "field": "host.mac", "ignore_missing": true } }),
        json!({ "gsub": { "field": "host.mac", "pattern": "(..)(?=.)", "replacement": "$1-", "ignore_missing": true } }),
        json!({ "remove": { "field": OBJECT, "ignore_missing": true } }),
    ]);
    json!({
        "description": "Lines of Fogbell in the formats json and rfc5424, written by `fogbell pack elastic`",
        "processors": processors,
        "on_failure": [
            { "set": { "field": "event.kind", "value": "pipeline_error" } },
            { "append": { "field": "error.message", "value": "{{{ _ingest.on_failure_message }}}" } },
        ],
    })
}

fn grok() -> Value {
    let mut definitions = Map::new();
    for pattern in [Pattern::Word, Pattern::Number, Pattern::Quoted, Pattern::Rest, Pattern::Object] {
        definitions.insert(definition(pattern), json!(pattern.expression()));
    }
    json!({ "grok": {
        "field": "event.original",
        "patterns": [lines::json(capture), lines::rfc5424(capture)],
        "pattern_definitions": definitions,
    } })
}

/// The name of a pattern among the definitions.
fn definition(pattern: Pattern) -> String {
    format!("FOGBELL_{pattern:?}").to_uppercase()
}

fn capture(name: &str, pattern: Pattern) -> String {
    let field = match name {
        "syslog_host" => "log.syslog.hostname".to_owned(),
        "syslog_app" => "log.syslog.appname".to_owned(),
        "syslog_msgid" => "log.syslog.msgid".to_owned(),
        "syslog_pri" => "log.syslog.priority:long".to_owned(),
        "object" => OBJECT.to_owned(),
        name => format!("fogbell.{name}"),
    };
    format!("%{{{}:{field}}}", definition(pattern))
}

/// The severity as a number, 0 to 10, as the format `cef` has it; of a clear it is the same whatever it was.
fn grades() -> Vec<Value> {
    let grade = |number: u8, condition: String| json!({ "set": { "field": "event.severity", "value": number, "if": condition } });
    let mut grades: Vec<Value> = [Severity::Critical, Severity::Warning, Severity::Info]
        .map(|it| grade(it.cef(State::Raised, false), format!("ctx.fogbell?.severity == '{}'", it.word())))
        .into();
    grades.push(grade(Severity::Info.cef(State::Event, true), "ctx.fogbell?.topic == 'audits'".to_owned()));
    let cleared = State::Cleared;
    grades.push(grade(
        Severity::Info.cef(cleared, false),
        format!("ctx.fogbell?.state == '{}'", cleared.word()),
    ));
    grades
}

fn template() -> Value {
    let mut properties = Map::new();
    for name in parameters() {
        let kind = match name.as_str() {
            number if NUMBERS.contains(&number) => json!({ "type": "long" }),
            "first_seen" | "last_seen" => json!({ "type": "date" }),
            "truncated" => json!({ "type": "boolean" }),
            "reason" => json!({ "type": "match_only_text" }),
            _ => json!({ "type": "keyword", "ignore_above": 1024 }),
        };
        properties.insert(name, kind);
    }
    properties.insert("msg".to_owned(), json!({ "type": "match_only_text" }));
    json!({
        "index_patterns": ["logs-fogbell-*"],
        "data_stream": {},
        "priority": 200,
        "composed_of": ["logs-mappings", "logs-settings", "ecs@mappings"],
        "ignore_missing_component_templates": ["logs-mappings", "logs-settings", "ecs@mappings"],
        "template": {
            "settings": { "index": { "default_pipeline": "fogbell" } },
            "mappings": { "properties": { "fogbell": { "properties": properties } } },
        },
        "_meta": { "description": "Alerts of Fogbell, written by `fogbell pack elastic`" },
    })
}

/// The parameters whose values are texts in which something may be escaped.
fn texts() -> Vec<String> {
    let plain = ["id", "key", "state", "severity", "mac", "first_seen", "last_seen", "origin", "truncated"];
    parameters()
        .into_iter()
        .filter(|name| !plain.contains(&name.as_str()) && !NUMBERS.contains(&name.as_str()))
        .collect()
}

/// Where the object of the format `json` is until it is read; nothing is there for `rfc5424`.
const OBJECT: &str = "fogbell_object";

const NUMBERS: [&str; 3] = ["count", "duration", "seq"];

/// Which field of ECS says the same as a parameter.
const COPIES: [(&str, &str); 12] = [
    ("id", "event.id"),
    ("type", "event.code"),
    ("reason", "event.reason"),
    ("seq", "event.sequence"),
    ("severity", "log.level"),
    ("device", "host.name"),
    ("device_type", "host.type"),
    ("mac", "host.mac"),
    ("site", "host.geo.name"),
    ("org", "organization.name"),
    ("relay", "observer.name"),
    ("msg", "message"),
];
