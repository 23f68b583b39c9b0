//! `fogbell test` goes the way of every alert, and says what can be known of it.

use e2e::{
    Answer, Config, Fogbell, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, SnmptrapdUser,
    TlsTrust, V3, ask_fogbell_in, free_port,
};
use serde_json::Value;

use super::sink;

const RAISED: &str = ".1.3.6.1.4.1.32473.1.0.6";
const CLEARED: &str = ".1.3.6.1.4.1.32473.1.0.7";
const KEY: &str = ".1.3.6.1.4.1.32473.1.1.3.0";

fn test(relay: &Fogbell, more: &[&str]) -> (Answer, Value) {
    let answer = ask_fogbell_in(relay.home(), &[&["test", "--json"], more].concat());
    let told = serde_json::from_str(&answer.out).unwrap_or(Value::Null);
    (answer, told)
}

/// What the report says of a sink.
fn of<'a>(told: &'a Value, name: &str) -> &'a Value {
    let sinks = told["sinks"].as_array().unwrap_or_else(|| panic!("{told}"));
    sinks.iter().find(|sink| sink["sink"] == name).unwrap_or_else(|| panic!("no {name} in {told}"))
}

#[test]
fn a_test_reaches_every_kind_of_sink_whatever_the_routes_say() {
    let v3 =
        V3 { user: "relay".into(), auth: "auth passphrase".into(), privacy: "privacy passphrase".into() };
    // the receiver has to know the relay's engine, which the first start makes
    let nms = Snmptrapd::start(&SnmptrapdSetup {
        communities: vec!["public".to_owned()],
        users: vec![SnmptrapdUser {
            name: "relay".to_owned(),
            create_user: "createUser relay SHA-256 \"auth passphrase\" AES \"privacy passphrase\"".to_owned(),
        }],
        ..SnmptrapdSetup::default()
    });
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let ca = siem.certs().ca();
    let trust = TlsTrust { ca: &ca, server_name: "localhost", client: None };
    let relay = Fogbell::start(
        &Config::new()
            .v2c("trap", &nms.address(), "public", Notification::Trap)
            .v3("inform", &nms.address(), &v3, Notification::Inform)
            .syslog("udp", &siem.udp(), "udp")
            .syslog("tcp", &siem.tcp(), "tcp")
            .syslog_tls("tls", &siem.tls(), &trust)
            .table("[[route]]\nname = \"one\"\ntopic = [\"relay\"]\nsinks = [\"tcp\"]\n"),
    );

    let (answer, told) = test(&relay, &["--wait", "20"]);

    assert_eq!((answer.code, answer.said.as_str()), (0, ""), "{}", answer.out);
    for (name, outcome) in [
        ("trap", "sent"),
        ("inform", "acknowledged"),
        ("udp", "sent"),
        ("tcp", "settled"),
        ("tls", "settled"),
    ] {
        let sink = of(&told, name);
        assert_eq!(sink["outcome"], outcome, "{sink}");
        let [raise, clear] = [0, 1].map(|n| sink["ms"][n].as_u64());
        assert!(raise.is_some() && raise <= clear, "{sink}");
    }
    let traps = nms.wait_traps(4);
    let lines = siem.wait_lines(6);
    assert_eq!((traps.len(), lines.len()), (4, 6));
    for name in ["trap", "inform"] {
        let key = of(&told, name)["key"].as_str().unwrap();
        let of_key = traps.iter().filter(|trap| trap.text(KEY).as_deref() == Some(key));
        let names: Vec<&str> = of_key.map(|trap| trap.name.as_str()).collect();
        assert_eq!(names, [RAISED, CLEARED], "{name}");
    }
    for name in ["udp", "tcp", "tls"] {
        let key = of(&told, name)["key"].as_str().unwrap();
        let mine = lines.iter().filter(|line| line.data.contains(&format!("key=\"{key}\"")));
        let said: Vec<(&str, bool, bool)> = mine
            .map(|it| (it.input.as_str(), it.data.contains("\"raised\""), it.data.contains("\"cleared\"")))
            .collect();
        assert_eq!(said, [(name, true, false), (name, false, true)]);
    }
    assert!(relay.metric("fogbell_problems_open", "").abs() < 0.5, "nothing stays open");
}

#[test]
fn a_test_says_what_went_wrong_and_only_of_the_sinks_that_were_named() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let away = format!("127.0.0.1:{}", free_port());
    let relay = Fogbell::start(
        &Config::new()
            .table(&sink("siem", &siem.tcp(), ""))
            .table(&sink("away", &away, ""))
            .syslog("deaf", &away, "udp")
            .v2c("silent", &away, "public", Notification::Inform),
    );

    let (answer, told) = test(&relay, &["--wait", "6"]);
    assert_eq!((answer.code, answer.said.as_str()), (1, ""), "{}", answer.out);
    assert_eq!(of(&told, "siem")["outcome"], "settled");
    for (name, outcome, error) in [
        ("away", "late", "Connection refused"),
        ("deaf", "doubtful", "Connection refused"),
        ("silent", "late", "did not acknowledge"),
    ] {
        let sink = of(&told, name);
        assert_eq!(sink["outcome"], outcome, "{sink}");
        assert!(sink["error"].as_str().unwrap().contains(error), "{sink}");
    }

    let before = siem.wait_lines(2).len();
    let answer = ask_fogbell_in(relay.home(), &["test", "--sink", "siem"]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.said);
    assert!(answer.out.contains("syslog TCP  written") && !answer.out.contains("away"), "{}", answer.out);
    assert_eq!((before, siem.wait_lines(4).len()), (2, 4));

    let (answer, _) = test(&relay, &["--sink", "nobody"]);
    assert_eq!(answer.code, 1);
    assert!(answer.said.contains("no sink `nobody`; it serves: away, deaf, siem, silent"), "{}", answer.said);
}

#[test]
fn without_a_relay_there_is_nothing_to_test() {
    let folder = tempfile::tempdir().unwrap();
    Config::new().write(folder.path());

    let answer = ask_fogbell_in(folder.path(), &["test"]);

    assert_eq!((answer.code, answer.out.as_str()), (1, ""));
    assert!(answer.said.contains("no relay runs here; start it"), "{}", answer.said);
}
