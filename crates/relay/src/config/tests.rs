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
        ("[[route]]\nsinks = []\nsite = 5", [":3:8: site", "a list of texts"]),
        ("[[route]]\nsinks = []\nsite = [\"a\", 5]", [":3:14: site", "a string"]),
        (
            "[[route]]\nsinks = []\nsite = { prefx = \"a\" }",
            [":3:10: site", "unknown field `prefx`, expected one of `is`, `prefix`"],
        ),
        ("[[route]]\nsinks = []\nsites = \"a\"", [":3:1: sites", "`site`"]),
        ("[[route]]\nsinks = []\nseverity_at_least = \"bad\"", [":3:21: severity_at_least", "critical"]),
        ("[[org]]\nname = \"a\"\napi.org_id = \"5\"", [":3:14: api.org_id", "UUID"]),
    ] {
        let said = said(text);
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}

#[test]
fn a_matcher_is_a_text_a_list_or_a_table() {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let check = |written: &str, expect: Matcher| {
        let config = parse(&format!("[[route]]\nsinks = [\"a\"]\nsite = {written}")).unwrap();
        assert_eq!(config.route[0].site, Some(expect), "{written}");
    };
    check("\"HQ\"", Matcher { is: texts(&["HQ"]), ..Matcher::default() });
    check("[\"HQ\", \"B1\"]", Matcher { is: texts(&["HQ", "B1"]), ..Matcher::default() });
    check(
        "{ is = \"HQ\", prefix = [\"B\", \"C\"], not = \"B1\", not_prefix = \"B2\" }",
        Matcher {
            is: texts(&["HQ"]),
            prefix: texts(&["B", "C"]),
            not: texts(&["B1"]),
            not_prefix: texts(&["B2"]),
            table: true,
        },
    );
}

#[test]
fn a_moment_is_a_text_or_a_time_of_toml_and_has_a_zone() {
    let until = |written: &str| {
        let text = format!(
            "[[maintenance]]\nname = \"w\"\nwho = \"a\"\nwhy = \"b\"\nfrom = 2026-11-22T00:00:00Z\nuntil = {written}"
        );
        parse(&text).map(|config| config.maintenance[0].until.to_string())
    };
    for written in ["2026-11-22T23:30:00+01:00", "\"2026-11-22T22:30:00Z\"", "2026-11-22 22:30:00.000Z"] {
        assert_eq!(until(written).unwrap(), "2026-11-22T22:30:00.000Z", "{written}");
    }
    for written in ["2026-11-22T23:30:00", "2026-11-22", "\"1795386600\"", "\"tomorrow\"", "1795386600"] {
        let said = until(written).unwrap_err().to_string();
        assert!(said.starts_with("fogbell.toml:6:9: until: ") && said.contains("with its zone"), "{said}");
    }
}

#[test]
fn an_organisation_asks_the_api_of_its_cloud_unless_a_host_is_named() {
    let host = |keys: &str| {
        let text = format!(
            "[[org]]\nname = \"a\"\n{keys}\napi.token.file = \"t\"\n\
             api.org_id = \"0c160b7f-1027-4cd1-923b-744534c4b070\""
        );
        let config = parse(&text).unwrap();
        assert_eq!(config.org[0].api.as_ref().unwrap().budget_percent, 50);
        config.org[0].api_host().map(str::to_owned)
    };
    assert_eq!(host("cloud = \"emea-01\"").unwrap(), "api.eu.mist.com");
    assert_eq!(host("cloud = \"emea-01\"\napi.host = \"10.0.0.1:8443\"").unwrap(), "10.0.0.1:8443");
    assert_eq!(host(""), None);
}

#[test]
fn sinks_of_snmp_are_muted_by_maintenance_and_those_of_syslog_are_not() {
    let config = parse(include_str!("../../tests/documented.toml")).unwrap();

    assert_eq!(config.snmp[0].maintenance, InMaintenance::Muted);
    assert_eq!(config.syslog[0].maintenance, InMaintenance::Exempt);
}
