//! Every system call the relay makes is one that the unit allows.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use e2e::{Config, DEADLINE, Fogbell, Notification, Rsyslog, RsyslogSetup, V3, wait_until};

use super::super::unit::units;

/// The system calls of a group of systemd's, those of groups in it among them.
fn group(name: &str) -> BTreeSet<String> {
    let output =
        Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", name]).output().unwrap();
    assert!(output.status.success(), "{name}");
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    words
        .flat_map(|word| if word.starts_with('@') { group(word) } else { BTreeSet::from([word.to_owned()]) })
        .collect()
}

/// What the lines `SystemCallFilter=` of the service allow.
fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(units().join("fogbell.service")).unwrap();
    let mut allowed = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (takes, names) = line.strip_prefix('~').map_or((false, line), |names| (true, names));
        for name in names.split(' ').flat_map(group) {
            if takes {
                allowed.remove(&name)
            } else {
                allowed.insert(name)
            };
        }
    }
    allowed
}

#[test]
fn the_relay_makes_no_system_call_that_its_unit_forbids() {
    let allowed = allowed();
    assert!(allowed.contains("fsync") && !allowed.contains("mount") && !allowed.contains("setrlimit"));
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let v3 = V3 {
        user: "fogbell".to_owned(),
        auth: "authauthauth".to_owned(),
        privacy: "privprivpriv".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let counts = folder.path().join("calls");
    let config = Config::new()
        .syslog("tcp", &siem.tcp(), "tcp")
        .syslog("udp", &siem.udp(), "udp")
        .syslog("name", "localhost:9", "udp")
        .v3("noc", "127.0.0.1:9", &v3, Notification::Trap)
        .set("tls", "self_signed", "[\"localhost\"]");
    let counted = counts.display().to_string();
    let mut relay =
        Fogbell::start_under(&["strace", "-f", "-c", "-U", "name,calls", "-o", &counted], &config);

    let signed = e2e::sign(Config::SECRET, MESSAGE.as_bytes());
    let curl = e2e::Curl::new(&relay.url(Config::PATH)).danger_insecure().body(MESSAGE);
    assert_eq!(curl.header("X-Mist-Signature-v2", &signed).run().status, 200);
    assert_eq!(siem.wait_lines(2).len(), 2);
    assert!(wait_until(DEADLINE, || relay.metric("fogbell_delivered_total", "") >= 4.0));
    assert_eq!(e2e::ask_fogbell_in(relay.home(), &["journal", "status"]).code, 0);
    // the signal is for the relay and not for strace, which is its parent
    let strace = relay.process().pid();
    let children = fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap();
    let ended = Command::new("kill").args(["-TERM", children.trim()]).status().unwrap();
    assert!(ended.success() && relay.wait_exit(DEADLINE).success());

    let text = fs::read_to_string(&counts).unwrap();
    let names = text.lines().skip(2).take_while(|line| !line.starts_with('-'));
    let made: BTreeSet<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(made.contains("fsync") && made.contains("accept4") && made.len() > 40, "{text}");
    // SQLite keeps the owner of a file only when it is root, and the service is not
    let forbidden: Vec<_> =
        made.iter().filter(|name| !allowed.contains(**name) && **name != "fchown").collect();
    assert!(forbidden.is_empty(), "the service would be refused {forbidden:?}");
}

const MESSAGE: &str = r#"{"topic":"device-updowns","events":[{"type":"AP_DISCONNECTED","mac":"020000000001","timestamp":1767000001}]}"#;
