//! Whatever weakens the relay is said at every start.

use std::collections::BTreeSet;

use e2e::{Config, Fogbell, ask_fogbell};
use serde_json::Value;

/// The keys of the configuration that begin with `danger_`.
fn dangers(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(properties) = object.get("properties").and_then(Value::as_object) {
                found.extend(properties.keys().filter(|key| key.starts_with("danger_")).cloned());
            }
            object.values().for_each(|value| dangers(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| dangers(value, found)),
        _ => {}
    }
}

#[test]
fn every_setting_that_weakens_is_warned_of_at_every_start() {
    let schema: Value = serde_json::from_str(&ask_fogbell(&["schema"]).out).unwrap();
    let mut keys = BTreeSet::new();
    dangers(&schema, &mut keys);
    let sink = |name: &str, more: &str| {
        format!(
            "[[snmp]]\nname = \"{name}\"\naddress = \"127.0.0.1:9\"\nversion = \"3\"\nuser = \"u\"\n{more}"
        )
    };
    let config = Config::new()
        .set("gate", "danger_read_unlisted", "true")
        .secret("other", "another secret")
        .table(
            "[[org]]\nname = \"other\"\npath = \"/v1/other\"\nsecrets = [{ file = \"SECRETS/other\" }]\n\
             danger_accept_sha1 = true\ndanger_accept_unsigned = true\n",
        )
        .secret("auth", "authauthauth")
        .table(&sink("open", "danger_without_auth = true\n"))
        .table(&sink(
            "half",
            "danger_without_privacy = true\nauth = { protocol = \"sha-256\", secret = { file = \"SECRETS/auth\" } }\n",
        ));

    let mut relay = Fogbell::start(&config);
    for start in ["first", "second"] {
        let lines = relay.process().lines();
        for key in &keys {
            let said =
                lines.iter().filter(|line| line.contains("WARN") && line.contains(key.as_str())).count();
            assert_eq!(
                said, 1,
                "{key} at the {start} start: set it here, and warn of it in setup/warnings.rs"
            );
        }
        relay.start_again();
    }
}
