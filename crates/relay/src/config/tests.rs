use ids::Cloud;

use super::*;

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(Path::new("fogbell.toml"), text.to_owned())
}

fn said(text: &str) -> String {
    crate::Chain(&parse(text).unwrap_err()).to_string()
}

#[test]
fn the_documented_configuration_parses() {
    let config = parse(include_str!("../../tests/documented.toml")).unwrap();

    assert_eq!(config.org[0].cloud, Some(Cloud::Global01));
    assert_eq!(config.snmp[0].name.as_str(), "noc");
    assert_eq!(config.syslog[0].transport, Transport::Tls);
    assert_eq!(config.journal_path(), Path::new("/var/lib/fogbell/journal.db"));
    assert_eq!(config.grace(), Duration::from_secs(10));
}

#[test]
fn an_empty_configuration_has_safe_defaults() {
    let config = parse("").unwrap();

    assert!(config.admin.address.ip().is_loopback());
    assert!(config.gate.networks.is_empty());
    assert_eq!(config.gate.max_body_bytes, 1 << 20);
}

#[test]
fn a_misspelt_key_is_shown_with_those_that_exist() {
    let text = "[listen]\nadress = \"127.0.0.1:1\"\n";

    let said = said(text);

    for part in ["fogbell.toml:2:1: adress: ", "`address`"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_secret_written_in_place_of_its_home_is_not_repeated() {
    for text in [
        "[[org]]\nname = \"a\"\nsecrets = [\"hunter2\"]",
        "[[snmp]]\nname = \"a\"\naddress = \"h:1\"\nversion = \"2c\"\ncommunity = \"hunter2\"",
        "[[snmp]]\nname = \"a\"\nauth = { protocol = \"sha-999\", secret = \"hunter2\" }",
        "[[snmp]]\nname = \"a\"\nauth = { protocol = \"sha-256\", secret = \"hunter2\" }",
        "[[org]]\nname = \"a\"\nsecrets = [\"hunter2\"",
        "[[org]]\nname = \"a\"\nsecrets = \"hunter2\"",
        "[[org]]\nname = \"a\"\nsecrets = [\n  hunter2,\n]",
        "[[org]]\nname = \"a\"\nsecrets = [\"hunter2=\", 5]",
        "[[snmp]]\nname = \"a\"\naddress = \"h:1\"\nversion = \"3\"\nauth = \"hunter2\"",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!format!("{error:?} {}", crate::Chain(&error)).contains("hunter2"), "{error}");
    }
    assert!(said("[[org]]\nname = \"a\"\nsecrets = [\"hunter2\"]").contains("fogbell.toml:3:12: secrets: "));
}

#[test]
fn a_value_of_the_wrong_kind_is_shown_with_its_line() {
    for (text, parts) in [
        ("grace_secs = \"ten\"", [":1:14: grace_secs", "u64"]),
        ("[[org]]\nname = \"a\"\ncloud = \"global-09\"", [":3:9: cloud", "global-01"]),
        ("[gate]\nnetworks = [\"198.51.100.0/33\"]", [":2:13: networks", "invalid IP address"]),
        ("[[syslog]]\nname = \"a b\"\n", [":2:8: name", "cannot name a sink"]),
        ("[[snmp]]\nname = \"a\"\naddress = \"h:1\"\nversion = \"1\"", [":4:11: version", "2c"]),
    ] {
        let said = said(text);
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}
