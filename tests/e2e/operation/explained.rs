//! Why an alert is as it is, and went where it went.

use std::fs;

use e2e::{Config, Fogbell, Rsyslog, RsyslogSetup, ask_fogbell_in};

use super::sink;

const DOWN: &str = r#"{"topic":"device-updowns","events":[{"type":"SW_DISCONNECTED","mac":"020000000001","device_name":"sw-1","timestamp":1767000000}]}"#;

fn routed(noc: &Rsyslog, siem: &Rsyslog) -> Config {
    Config::new().table(&sink("noc", &noc.tcp(), "")).table(&sink("siem", &siem.udp(), "")).table(
        "[[route]]\nname = \"gateways\"\nsinks = [\"noc\"]\ndevice_type = \"gateway\"\n\n\
         [[route]]\nname = \"the NOC's\"\nsinks = [\"noc\"]\nseverity_at_least = \"critical\"\n",
    )
}

#[test]
fn an_alert_is_explained_by_its_id_and_a_body_as_if_it_came_now() {
    let (noc, siem) = (Rsyslog::start(&RsyslogSetup::default()), Rsyslog::start(&RsyslogSetup::default()));
    let folder = tempfile::tempdir().unwrap();
    let relay = Fogbell::start_in(folder.path(), &routed(&noc, &siem));
    relay.deliver(DOWN);
    let line = noc.wait_lines(1).remove(0);
    let id = line.parameters(32_473)["id"].clone();

    let told = ask_fogbell_in(folder.path(), &["explain", &id[..10]]);
    assert_eq!((told.code, told.said.as_str()), (0, ""));
    for part in [
        "topic device-updowns, 1 events",
        "\"type\":\"SW_DISCONNECTED\"",
        "route 1   gateways: not matched",
        "route 2   the NOC's: matched",
        "sinks     noc (",
        &format!("id=\"{id}\""),
        "severity = critical",
    ] {
        assert!(told.out.contains(part), "no {part} in {}", told.out);
    }
    // the very bytes that were sent, but for the framing
    assert!(told.out.contains(&line.message), "{}", told.out);

    let body = folder.path().join("body.json");
    fs::write(&body, DOWN.replace("sw-1", "sw-2")).unwrap();
    let told = ask_fogbell_in(folder.path(), &["explain", body.to_str().unwrap()]);
    assert_eq!(told.code, 0, "{}", told.said);
    assert!(told.out.contains("sinks     noc (") && told.out.contains("sw-2"), "{}", told.out);
    assert!(!told.out.contains("no relay runs here"), "{}", told.out);

    for (what, says) in
        [("abcdef", "no alert whose id begins with abcdef is kept"), ("/nowhere", "cannot read")]
    {
        let told = ask_fogbell_in(folder.path(), &["explain", what]);
        assert_eq!(told.code, 1, "{what}");
        assert!(told.said.contains(says), "{}", told.said);
    }
}

#[test]
fn tests_of_rules_hold_or_say_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let config = Config::new()
        .table("[[syslog]]\nname = \"noc\"\naddress = \"127.0.0.1:9\"\ntransport = \"udp\"\n")
        .table("[[route]]\nsinks = [\"noc\"]\nsite = \"Lisboa Store 12\"\n");
    config.write(home);
    // in a pipeline there are no secrets
    fs::remove_dir_all(home.join("secrets")).unwrap();
    let example = ask_fogbell_in(home, &["test-rules", "--example"]);
    assert_eq!(example.code, 0, "{}", example.said);
    let table = home.join("rules_test.toml");
    let test = |text: &str| {
        fs::write(&table, text).unwrap();
        ask_fogbell_in(home, &["test-rules", table.to_str().unwrap()])
    };

    let good = test(&example.out.replace("state = \"raised\"", "state = \"raised\"\nsinks = [\"noc\"]"));
    assert_eq!((good.code, good.said.as_str()), (0, ""), "{}", good.out);
    assert!(good.out.ends_with("1 hold, 0 do not\n"), "{}", good.out);

    let bad = test(
        &example.out.replace("severity = \"critical\"", "severity = \"info\"\ncolour = \"red\"\nsinks = []"),
    );
    assert_eq!(bad.code, 1);
    for part in [
        "FAILED a switch that goes down is critical, and its clear follows it",
        "alert 1: severity is `critical`, not `info`",
        "alert 1: an alert has no field `colour`",
        "alert 1: sinks are [\"noc\"], not []",
    ] {
        assert!(bad.out.contains(part), "no {part} in {}", bad.out);
    }

    let unread = test("[[test]]\nname = \"x\"\nmesages = []\n");
    assert_eq!(unread.code, 1);
    assert!(unread.said.contains("rules_test.toml") && unread.said.contains("mesages"), "{}", unread.said);
}
