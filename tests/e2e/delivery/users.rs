//! `fogbell snmp user-line`: what it prints makes a receiver hear the relay.

use std::process::{Command, Stdio};

use e2e::{
    Config, DEADLINE, Fogbell, Notification, Snmptrapd, SnmptrapdSetup, V3, ask_fogbell_in, fogbell_program,
    free_port,
};
use tempfile::TempDir;

const ALARM: &str = r#"{"topic":"alarms","events":[{"id":"1","type":"device_down","timestamp":1767323045}]}"#;

/// A user whose passphrases need every quote that a line of net-snmp's can have.
fn v3() -> V3 {
    V3 {
        user: "fog bell".to_owned(),
        auth: r#"auth "of" the \ night"#.to_owned(),
        privacy: "privacy # of { the night".to_owned(),
    }
}

fn config(notification: Notification, address: &str) -> Config {
    Config::new().v3("noc", address, &v3(), notification)
}

/// Runs `fogbell snmp user-line noc --reveal` on a terminal that `script` makes.
fn revealed(home: &std::path::Path) -> String {
    let program = fogbell_program();
    let file = home.join("fogbell.toml");
    let command =
        format!("'{}' snmp user-line noc --reveal --config '{}'", program.display(), file.display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).stdin(Stdio::null());
    let output = script.output().expect("script is on PATH");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text.trim().replace("\r\n", "\n")
}

#[test]
fn the_printed_lines_make_a_fresh_snmptrapd_hear_the_relay() {
    for notification in [Notification::Trap, Notification::Inform] {
        let folder = TempDir::new().unwrap();
        let home = folder.path();
        let mut relay = Fogbell::start_in(home, &config(notification, &format!("127.0.0.1:{}", free_port())));

        let printed = ask_fogbell_in(home, &["snmp", "user-line", "noc"]).out;
        let lines = revealed(home);
        let nms = Snmptrapd::start(&SnmptrapdSetup { lines: vec![lines.clone()], ..Default::default() });
        relay.sigterm();
        assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
        let relay = Fogbell::start_in(home, &config(notification, &nms.address()));
        relay.deliver(ALARM);

        let traps = nms.wait_traps(1);
        assert_eq!(traps[0].parameters(32473)["type"], "device_down", "{notification:?}");
        // a trap is of the sender's engine, an inform of the receiver's
        assert_eq!(lines.contains(" -e 0x"), notification == Notification::Trap, "{lines}");
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let filled = printed
            .trim()
            .replace("<auth passphrase>", &escaped(&v3().auth))
            .replace("<privacy passphrase>", &escaped(&v3().privacy));
        assert_eq!(filled, lines);
    }
}

#[test]
fn passphrases_are_shown_on_a_terminal_only() {
    let folder = TempDir::new().unwrap();
    let relay = Fogbell::start_in(
        folder.path(),
        &config(Notification::Trap, "127.0.0.1:9").v2c("old", "127.0.0.1:9", "public", Notification::Trap),
    );

    let ask = |words: &[&str]| ask_fogbell_in(relay.home(), &[&["snmp", "user-line"], words].concat());
    let [piped, hidden, unknown, v2c] = [&["noc", "--reveal"][..], &["noc"], &["nowhere"], &["old"]].map(ask);

    assert_eq!((piped.code, piped.out.as_str()), (1, ""));
    assert!(piped.said.contains("terminal"), "{}", piped.said);
    assert_eq!(hidden.code, 0, "{}", hidden.said);
    assert!(
        hidden.out.contains("<auth passphrase>") && hidden.out.contains("<privacy passphrase>"),
        "{}",
        hidden.out
    );
    for text in [&piped, &hidden].map(|answer| format!("{}{}", answer.out, answer.said)) {
        assert!(!text.contains("night"), "{text}");
    }
    assert_eq!(unknown.code, 1);
    assert!(unknown.said.contains("`nowhere`") && unknown.said.contains("noc"), "{}", unknown.said);
    assert_eq!(v2c.code, 1);
    assert!(v2c.said.contains("2c"), "{}", v2c.said);
}
