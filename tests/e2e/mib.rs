//! `fogbell mib`: a module that other people's programs accept and translate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{
    Answer, Config, Fogbell, Notification, Reading, Snmptrapd, SnmptrapdSetup, ask_fogbell, ask_fogbell_in,
    base_mibs,
};
use tempfile::TempDir;

/// The notifications by their numbers, which never change.
const NOTIFICATIONS: [&str; 9] = [
    "fbAlarmRaised",
    "fbAlarmCleared",
    "fbEvent",
    "fbAudit",
    "fbHeartbeat",
    "fbRelayRaised",
    "fbRelayCleared",
    "fbDeviceDown",
    "fbDeviceUp",
];

/// The objects by their numbers, which never change.
const OBJECTS: [&str; 29] = [
    "fbSummary",
    "fbAlertId",
    "fbAlarmKey",
    "fbState",
    "fbSeverity",
    "fbMistSeverity",
    "fbTopic",
    "fbType",
    "fbGroup",
    "fbCategory",
    "fbOrganisation",
    "fbSiteName",
    "fbSiteId",
    "fbDeviceType",
    "fbDeviceName",
    "fbDeviceMac",
    "fbDeviceModel",
    "fbDeviceSerial",
    "fbDeviceAddress",
    "fbPort",
    "fbReason",
    "fbFirstSeen",
    "fbLastSeen",
    "fbCount",
    "fbDuration",
    "fbOrigin",
    "fbSequence",
    "fbRelay",
    "fbTruncated",
];

const AUDIT: &str =
    r#"{"topic":"audits","events":[{"id":"1","message":"café \"x\"","timestamp":1767323045}]}"#;

/// Writes a module that the program printed into a folder of its own.
fn keep(answer: &Answer) -> (TempDir, PathBuf) {
    assert_eq!((answer.code, answer.said.as_str()), (0, ""));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("FOGBELL-MIB");
    fs::write(&file, &answer.out).unwrap();
    (folder, file)
}

/// A configuration whose enterprise number is 4711.
fn other_enterprise() -> Config {
    Config::new().set("", "enterprise", "4711")
}

fn smilint(file: &Path) -> String {
    let output = Command::new("smilint")
        .args(["-c", "/dev/null", "-l", "6"])
        .arg(file)
        .env("SMIPATH", base_mibs())
        .output();
    let output = output.expect("smilint is on PATH");
    assert!(output.status.success(), "smilint ended with {}", output.status);
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What net-snmp calls each of `what`, as a number or by name.
fn translate(folder: &Path, how: &[&str], what: &[String]) -> Vec<String> {
    let folders = format!("{}:{}", base_mibs().display(), folder.display());
    let mut command = Command::new("snmptranslate");
    command.args(["-m", "+FOGBELL-MIB", "-M", &folders]).args(how).args(what);
    let output = command.env("SNMPCONFPATH", folder).output().expect("snmptranslate is on PATH");
    let said = String::from_utf8_lossy(&output.stderr);
    // it misses modules of its own that nobody asked for, and says so
    assert!(output.status.success() && !said.contains("FOGBELL"), "snmptranslate: {said}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn smilint_finds_nothing_to_say_at_level_6() {
    let (_folder, file) = keep(&ask_fogbell(&["mib"]));
    assert_eq!(smilint(&file), "");

    // it does speak when something is wrong
    let broken = fs::read_to_string(&file).unwrap().replacen("MAX-ACCESS", "MAX-EXCESS", 1);
    fs::write(&file, broken).unwrap();
    let output = Command::new("smilint")
        .args(["-c", "/dev/null", "-l", "6"])
        .arg(&file)
        .env("SMIPATH", base_mibs())
        .output();
    assert!(!output.unwrap().stderr.is_empty());
}

#[test]
fn net_snmp_translates_every_notification_and_object_both_ways() {
    let relay = Fogbell::start(&other_enterprise());
    for (enterprise, answer) in
        [(32473, ask_fogbell(&["mib"])), (4711, ask_fogbell_in(relay.home(), &["mib"]))]
    {
        let (folder, file) = keep(&answer);
        assert_eq!(smilint(&file), "", "{enterprise}");
        let number =
            |branch: u8| move |index: usize| format!(".1.3.6.1.4.1.{enterprise}.1.{branch}.{}", index + 1);
        let named = |name: &&str| format!("FOGBELL-MIB::{name}");
        let names: Vec<_> = NOTIFICATIONS.iter().chain(&OBJECTS).map(named).collect();
        let numbers: Vec<_> =
            (0..NOTIFICATIONS.len()).map(number(0)).chain((0..OBJECTS.len()).map(number(1))).collect();

        assert_eq!(translate(folder.path(), &["-On"], &names), numbers);
        assert_eq!(translate(folder.path(), &[], &numbers), names);
        // nothing stands behind the last ones
        let beyond = [format!("{}.0", number(0)(9)), number(1)(29)];
        let beyond = translate(folder.path(), &[], &beyond);
        assert!(
            beyond.iter().all(|name| name.contains("fbNotifications.10") || name.contains("fbObjects.30")),
            "{beyond:?}"
        );
    }
}

#[test]
fn a_receiver_with_the_module_shows_names_and_readable_values() {
    let communities = vec!["public".to_owned()];
    let nms =
        Snmptrapd::start(&SnmptrapdSetup { communities, reading: Reading::Names, ..Default::default() });
    let relay = Fogbell::start(&Config::new().v2c("noc", &nms.address(), "public", Notification::Trap));

    relay.deliver(AUDIT);

    let trap = nms.wait_traps(1).remove(0);
    assert_eq!(trap.name, "FOGBELL-MIB::fbAudit");
    let names: Vec<&str> = trap.varbinds.iter().map(|varbind| varbind.name.as_str()).collect();
    assert_eq!(names, OBJECTS.map(|name| format!("FOGBELL-MIB::{name}.0")));
    for (name, value) in [
        ("fbSummary", "café \"x\""),
        ("fbState", "event(3)"),
        ("fbSeverity", "indeterminate(2)"),
        ("fbType", "audits"),
        ("fbOrganisation", "acme"),
        ("fbFirstSeen", "2026-01-02T03:04:05.000Z"),
        ("fbPort", ""),
        ("fbCount", "0"),
        ("fbDuration", "-1"),
        ("fbTruncated", "false(2)"),
    ] {
        assert_eq!(trap.text(&format!("FOGBELL-MIB::{name}.0")).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn traps_and_structured_data_follow_the_enterprise_number() {
    let nms =
        Snmptrapd::start(&SnmptrapdSetup { communities: vec!["public".to_owned()], ..Default::default() });
    let siem = e2e::Rsyslog::start(&e2e::RsyslogSetup::default());
    let config = other_enterprise().v2c("noc", &nms.address(), "public", Notification::Trap);
    let relay = Fogbell::start(&config.syslog("siem", &siem.udp(), "udp"));

    relay.deliver(AUDIT);

    let trap = nms.wait_traps(1).remove(0);
    assert_eq!(trap.name, ".1.3.6.1.4.1.4711.1.0.4");
    assert_eq!(trap.parameters(4711)["type"], "audits");
    assert_eq!(siem.wait_lines(1)[0].parameters(4711)["type"], "audits");
}
