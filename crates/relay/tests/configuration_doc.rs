//! `docs/configuration.md` and `docs/fogbell.schema.json` say what the program reads. `UPDATE_GOLDEN=1` rewrites them.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fogbell_relay::Config;
use serde_json::Value;

#[test]
fn the_schema_is_the_one_in_the_documentation() {
    check("fogbell.schema.json", &format!("{:#}\n", Config::schema()));
}

#[test]
fn every_key_is_described_in_the_documentation() {
    let mut page = HEAD.to_owned();
    section(&mut page, &Config::schema(), "");
    check("configuration.md", &page);
}

#[test]
fn what_the_program_puts_in_is_the_default_in_the_schema() {
    let schema = Config::schema();
    let config = Config::parse(Path::new("empty.toml"), String::new()).unwrap();
    let default = |table: &str, key: &str| {
        let within = if table.is_empty() { &schema } else { &schema["properties"][table] };
        within["properties"][key]["default"].clone()
    };

    assert_eq!(default("", "state"), config.state.to_str().unwrap());
    assert_eq!(default("", "grace_secs"), config.grace_secs);
    assert_eq!(default("", "enterprise"), config.enterprise);
    assert_eq!(default("listen", "address"), config.listen.address.to_string());
    assert_eq!(default("admin", "address"), config.admin.address.to_string());
    assert_eq!(default("gate", "max_body_bytes"), config.gate.max_body_bytes);
    assert_eq!(default("gate", "max_connections"), config.gate.max_connections);
    assert_eq!(default("journal", "sink_max_bytes"), config.journal.sink_max_bytes);
}

#[test]
fn every_key_says_what_it_is_and_no_text_repeats_its_default() {
    fn visit(schema: &Value, at: &str) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            let described = value["description"].as_str();
            assert!(described.is_some_and(|text| !text.is_empty()), "{at} has no doc comment");
            let said_twice = value.get("default").is_some() && described.unwrap().contains("Default: ");
            assert!(!said_twice, "{at}: the code says its default, so its doc comment need not");
            visit(value, &at);
            visit(&value["items"], &at);
        }
        if schema["properties"].is_object() {
            assert_eq!(schema["additionalProperties"], false, "{at} takes keys it does not know");
        }
    }

    visit(&Config::schema(), "");
}

#[test]
fn words_are_those_that_the_program_reads() {
    let schema = Config::schema();
    let syslog = &schema["properties"]["syslog"]["items"]["properties"];
    let snmp = &schema["properties"]["snmp"]["items"]["properties"];
    let mut tried = 0;
    for (value, line) in [
        (&syslog["format"], "[[syslog]]\nname = 'a'\naddress = 'h:1'\ntransport = 'udp'\nformat = "),
        (&syslog["transport"], "[[syslog]]\nname = 'a'\naddress = 'h:1'\ntransport = "),
        (&syslog["framing"], "[[syslog]]\nname = 'a'\naddress = 'h:1'\ntransport = 'tcp'\nframing = "),
        (&syslog["facility"], "[[syslog]]\nname = 'a'\naddress = 'h:1'\ntransport = 'udp'\nfacility = "),
        (&snmp["version"], "[[snmp]]\nname = 'a'\naddress = 'h:1'\nversion = "),
        (&snmp["notification"], "[[snmp]]\nname = 'a'\naddress = 'h:1'\nversion = '3'\nnotification = "),
        (
            &snmp["auth"]["properties"]["protocol"],
            "[[snmp]]\nname = 'a'\naddress = 'h:1'\nversion = '3'\nauth.secret.file = 'f'\nauth.protocol = ",
        ),
        (
            &snmp["privacy"]["properties"]["protocol"],
            "[[snmp]]\nname = 'a'\naddress = 'h:1'\nversion = '3'\nprivacy.secret.file = 'f'\nprivacy.protocol = ",
        ),
        (&schema["properties"]["org"]["items"]["properties"]["cloud"], "[[org]]\nname = 'a'\ncloud = "),
    ] {
        let words = words(value);
        assert!(words.len() > 1, "{value}");
        for (word, _) in words {
            let read = Config::parse(Path::new("f.toml"), format!("{line}'{word}'\n"));
            assert!(read.is_ok(), "{line}{word}: {read:?}");
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}

fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(made == kept, "docs/{name} is not what the code says; UPDATE_GOLDEN=1 rewrites it");
}

/// The keys of one table, then the tables in it. `heading` is empty for the top level.
fn section(page: &mut String, table: &Value, heading: &str) {
    let properties = table["properties"].as_object().unwrap();
    let required = |key: &str| {
        table["required"].as_array().is_some_and(|required| required.iter().any(|name| name == key))
    };
    let (tables, mut keys): (Vec<_>, Vec<_>) = properties.iter().partition(|(_, value)| is_table(value));
    keys.sort_by_key(|(key, _)| !required(key));
    if !keys.is_empty() {
        page.push_str("\n| key | type | default | meaning |\n|---|---|---|---|\n");
    }
    for (key, value) in &keys {
        let default = match value.get("default") {
            Some(default) => format!("`{default}`"),
            None if required(key) => "**required**".to_owned(),
            None => String::new(),
        };
        let meaning = value["description"].as_str().unwrap().replace('\n', " ").replace('|', "\\|");
        writeln!(page, "| `{key}` | {} | {default} | {meaning} |", kind(key, value)).unwrap();
    }
    for (key, value) in &keys {
        let described: Vec<_> = words(value).into_iter().filter(|(_, meaning)| !meaning.is_empty()).collect();
        if !described.is_empty() {
            write!(page, "\n`{key}` is one of\n\n").unwrap();
        }
        for (word, meaning) in described {
            writeln!(page, "- `\"{word}\"`: {meaning}").unwrap();
        }
    }
    for (key, value) in tables {
        let (inner, name) = match (value["type"] == "array", heading) {
            (true, "") => (&value["items"], format!("`[[{key}]]`")),
            (false, "") => (value, format!("`[{key}]`")),
            _ => (value, format!("`{key}` of {heading}")),
        };
        let meaning = value["description"].as_str().unwrap().replace('\n', " ");
        let must = if required(key) { " Required." } else { "" };
        write!(page, "\n## {name}\n\n{meaning}{must}\n").unwrap();
        section(page, inner, &name);
    }
}

/// Whether it has a section of its own: a table, or tables, that are more than the home of a secret.
fn is_table(value: &Value) -> bool {
    let table = if value["type"] == "array" { &value["items"] } else { value };
    table["properties"].is_object() && !is_home(table)
}

fn is_home(value: &Value) -> bool {
    let keys = &value["properties"];
    value["maxProperties"] == 1 && keys["file"].is_object() && keys["credential"].is_object()
}

/// The type of a value, its unit and its bounds, as an operator says it.
fn kind(key: &str, value: &Value) -> String {
    if is_home(value) {
        return value["title"].as_str().unwrap().to_owned();
    }
    let words = words(value);
    if !words.is_empty() {
        if words.iter().any(|(_, meaning)| !meaning.is_empty()) {
            return "one of those below".to_owned();
        }
        let listed: Vec<String> = words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect();
        return listed.join(", ");
    }
    match value["type"].as_str() {
        Some("array") => format!("list, each: {}", kind(key, &value["items"])),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("string") if value["title"].is_string() => value["title"].as_str().unwrap().to_owned(),
        Some("string") if value["format"] == "ip" => "IP address".to_owned(),
        Some("string") => match value["pattern"].as_str() {
            Some(pattern) => format!("string that matches `{}`", pattern.replace('|', "\\|")),
            None => "string".to_owned(),
        },
        Some("integer") => {
            let unit = if key.ends_with("_secs") {
                "seconds"
            } else if key.ends_with("_bytes") {
                "bytes"
            } else {
                "number"
            };
            match (value["minimum"].as_u64(), value["maximum"].as_u64()) {
                (Some(least @ 1..), Some(most)) => format!("{unit}, {least} to {most}"),
                (Some(least @ 1..), None) => format!("{unit}, at least {least}"),
                _ => unit.to_owned(),
            }
        }
        None if value["anyOf"].is_array() && value["title"].is_string() => {
            value["title"].as_str().unwrap().to_owned()
        }
        other => panic!("{key} has a type without a name: {other:?} in {value}"),
    }
}

/// The words that a value is one of, with what they mean where that is known.
fn words(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('\n', " ");
    let described = value["oneOf"].as_array().into_iter().flatten().flat_map(|one| {
        let words = one["enum"].as_array().cloned().unwrap_or_else(|| vec![one["const"].clone()]);
        words.into_iter().map(|word| (text(&word), text(&one["description"]))).collect::<Vec<_>>()
    });
    let plain = value["enum"].as_array().into_iter().flatten().map(|word| (text(word), String::new()));
    described.chain(plain).collect()
}

const HEAD: &str = "# Configuration

One file in TOML, by default `/etc/fogbell/fogbell.toml`. A key that does not exist is an error that names those
that do. A secret is never in the file: its home is, as `{ secret = \"name\" }` for one in the [vault](vault.md),
`{ credential = \"name\" }` for one that systemd hands over, or `{ file = \"/etc/fogbell/name.secret\" }`. One line
end at its end is not part of it.
`fogbell check` reads the file with everything it names and starts nothing.

This page and `fogbell.schema.json` are made of the program's own types by
`crates/relay/tests/configuration_doc.rs`. An editor that knows JSON Schema (taplo, Even Better TOML) completes
and checks keys with the schema of the installed version: `fogbell schema > fogbell.schema.json`, and in the first
line of the configuration

```toml
#:schema ./fogbell.schema.json
```

Formats of what leaves are in [formats.md](formats.md), recipes for routes and templates in
[routes.md](routes.md).

## Top level

These keys stand before the first table.
";
