//! Alerts that are kept: shown as they are made, and sent once more.

use std::path::Path;
use std::process::Command;

use e2e::{
    Config, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, Running, ask_fogbell_in, fogbell_program, wait_until,
};
use serde_json::Value;

use super::sink;

const ENTERPRISE: u32 = 32_473;

fn down(n: u32) -> String {
    format!(
        r#"{{"topic":"device-updowns","events":[{{"type":"AP_DISCONNECTED","mac":"0200000000{n:02}","device_name":"ap-{n}","timestamp":17670000{n:02}}}]}}"#
    )
}

#[test]
fn alerts_are_shown_and_sent_once_more_to_the_sink_that_was_named() {
    let (noc, siem) = (Rsyslog::start(&RsyslogSetup::default()), Rsyslog::start(&RsyslogSetup::default()));
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new().table(&sink("noc", &noc.tcp(), "")).table(&sink("siem", &siem.tcp(), ""));
    let relay = Fogbell::start_in(folder.path(), &config);
    for n in 10..16 {
        relay.deliver(&down(n));
    }
    assert_eq!(noc.wait_lines(6).len(), 6);
    assert_eq!(siem.wait_lines(6).len(), 6);

    // shown: the newest three, in order
    let shown = ask_fogbell_in(folder.path(), &["tail", "--number", "3"]);
    assert_eq!((shown.code, shown.said.as_str()), (0, ""));
    let lines: Vec<&str> = shown.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", shown.out);
    for (line, n) in lines.iter().zip(13..) {
        assert!(line.contains("RAISED") && line.contains(&format!("ap-{n}")), "{line}");
    }
    let json = ask_fogbell_in(folder.path(), &["tail", "--number", "1", "--json"]);
    let alert: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&alert["device"], &alert["state"]), (&"ap-15".into(), &"raised".into()));

    // sent once more: counted first, and only with --yes
    let counted = ask_fogbell_in(folder.path(), &["replay", "--since", "1h", "--sink", "noc"]);
    assert_eq!(counted.code, 0, "{}", counted.said);
    assert!(counted.out.starts_with("6 alerts made from "), "{}", counted.out);
    assert!(counted.out.contains("nothing was sent"), "{}", counted.out);
    let sent = ask_fogbell_in(folder.path(), &["replay", "--since", "1h", "--sink", "noc", "--yes"]);
    assert!(sent.out.contains("6 alerts are stored for sink `noc`"), "{} {}", sent.out, sent.said);

    let again = noc.wait_lines(12);
    for (first, second) in again[..6].iter().zip(&again[6..]) {
        let (first, second) = (first.parameters(ENTERPRISE), second.parameters(ENTERPRISE));
        assert_eq!((&first["id"], &first["device"]), (&second["id"], &second["device"]));
        assert_eq!((first["origin"].as_str(), second["origin"].as_str()), ("webhook", "replay"));
    }
    // a later alert goes to both, so that a replay to the other one would have come before it
    relay.deliver(&down(20));
    assert_eq!(siem.wait_lines(7).len(), 7);
    assert!(wait_until(DEADLINE, || relay.metric("fogbell_sink_behind_alerts", "") < 0.5));

    let wrong = ask_fogbell_in(folder.path(), &["replay", "--since", "1h", "--sink", "nobody", "--yes"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.said.contains("no sink is called `nobody`; there are: "), "{}", wrong.said);
}

/// The lines that `fogbell tail` shows until it ends, which it must by itself.
fn tail(home: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(fogbell_program());
    command.arg("tail").args(arguments).arg("--config").arg(home.join("fogbell.toml")).env("NO_COLOR", "1");
    let ended = Running::start("fogbell tail", &mut command).wait_exit(DEADLINE);
    assert!(ended.success(), "{ended}");
    let answer = ask_fogbell_in(home, &[&["tail"], arguments].concat());
    answer.out.lines().map(str::to_owned).collect()
}

#[test]
fn fewer_alerts_than_asked_for_are_shown_without_waiting_for_more() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Fogbell::start_in(folder.path(), &Config::new());
    let home = folder.path();
    assert!(tail(home, &["-n", "5"]).is_empty());

    for n in 10..12 {
        relay.deliver(&down(n));
    }
    assert!(wait_until(DEADLINE, || tail(home, &["-n", "5"]).len() == 2));

    let one = tail(home, &["-n", "5", "--filter", "device == 'ap-11'"]);
    assert!(one.len() == 1 && one[0].contains("ap-11"), "{one:?}");
    assert!(tail(home, &["-n", "5", "--filter", "device == 'ap-99'"]).is_empty());
}

#[test]
fn without_a_relay_it_is_said_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Fogbell::start_in(folder.path(), &Config::new());
    drop(relay);

    let answer = ask_fogbell_in(folder.path(), &["tail", "--number", "1"]);

    assert_eq!(answer.code, 1);
    assert!(answer.said.contains("no relay runs here"), "{}", answer.said);
}
