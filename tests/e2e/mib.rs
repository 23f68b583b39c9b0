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

/// Everything in the module as pysmi reads it: number, name, kind, and the names of its values; in order of number.
fn read_by_pysmi(folder: &Path) -> Vec<String> {
    let out = TempDir::new().unwrap();
    let source = |folder: &Path| format!("--mib-source=file://{}", folder.display());
    let mut command = Command::new("mibdump");
    command.args([source(folder), source(&base_mibs())]).args(["--destination-format=json", "--rebuild"]);
    command.arg(format!("--destination-directory={}", out.path().display())).arg("FOGBELL-MIB");
    let output = command.output().expect("mibdump is on PATH");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let of = |head: &str| said.lines().find_map(|line| line.strip_prefix(head)).map(str::trim);
    assert!(of("Created/updated MIBs:").is_some_and(|made| made.contains("FOGBELL-MIB")), "{said}");
    assert_eq!(of("Failed MIBs:"), Some(""), "{said}");
    let text = fs::read_to_string(out.path().join("FOGBELL-MIB.json")).unwrap();
    let module: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut nodes: Vec<(Vec<u32>, String)> = Vec::new();
    for (name, node) in module.as_object().unwrap() {
        let Some(oid) = node["oid"].as_str() else { continue };
        let arcs = oid.split('.').map(|arc| arc.parse().unwrap()).collect();
        let mut line = format!("{oid} {name} {}", node["class"].as_str().unwrap());
        if let Some(values) = node["syntax"]["constraints"]["enumeration"].as_object() {
            let mut values: Vec<(i64, &String)> =
                values.iter().map(|(name, number)| (number.as_i64().unwrap(), name)).collect();
            values.sort_unstable();
            values.iter().for_each(|(number, name)| line += &format!(" {name}({number})"));
        }
        nodes.push((arcs, line));
    }
    nodes.sort();
    nodes.into_iter().map(|(_, line)| line).collect()
}

/// What may not become of what was `published`: nothing vanishes or means something else, and what is new has a number above
/// all of its siblings.
fn broken_promises(published: &[String], now: &[String]) -> Vec<String> {
    let number = |line: &str| -> Option<(String, u32)> {
        let (parent, last) = line.split(' ').next()?.rsplit_once('.')?;
        Some((parent.to_owned(), last.parse().ok()?))
    };
    let mut broken: Vec<String> = published
        .iter()
        .filter(|line| !now.contains(line))
        .map(|line| format!("gone or changed: {line}"))
        .collect();
    for line in now.iter().filter(|line| !published.contains(line)) {
        let (parent, last) = number(line).unwrap();
        let siblings = published.iter().filter_map(|it| number(it)).filter(|(other, _)| *other == parent);
        if siblings.map(|(_, number)| number).max().is_some_and(|largest| last <= largest) {
            broken.push(format!("not at the end: {line}"));
        }
    }
    broken
}

#[test]
fn what_was_published_of_the_module_never_moves() {
    let (folder, _) = keep(&ask_fogbell(&["mib"]));
    let now = read_by_pysmi(folder.path());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/mib/published.txt");
    let published: Vec<String> =
        fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();

    let broken = broken_promises(&published, &now);

    assert!(broken.is_empty(), "receivers have these numbers; they only grow:\n{}", broken.join("\n"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, now.join("\n") + "\n").unwrap();
    } else {
        assert_eq!(now, published, "UPDATE_GOLDEN=1 adds what is new");
    }
    // another reader of the same file, by number and by name
    let (numbers, names): (Vec<String>, Vec<String>) = now
        .iter()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .map(|words| (format!(".{}", words[0]), format!("FOGBELL-MIB::{}", words[1])))
        .unzip();
    assert_eq!(translate(folder.path(), &["-On"], &names), numbers);
    assert_eq!(translate(folder.path(), &[], &numbers), names);
}

#[test]
fn a_number_that_moves_vanishes_or_comes_in_between_is_noticed() {
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let published = lines("1.1 a x\n1.1.1 b x up(1)\n1.1.3 c x");
    let check =
        |now: &str, expect: &[&str]| assert_eq!(broken_promises(&published, &lines(now)), expect, "{now}");
    check("1.1 a x\n1.1.1 b x up(1)\n1.1.3 c x\n1.1.4 d x\n1.2 e x\n1.2.1 f x", &[]);
    check("1.1 a x\n1.1.3 c x", &["gone or changed: 1.1.1 b x up(1)"]);
    check(
        "1.1 a x\n1.1.1 b x up(2)\n1.1.3 c x",
        &["gone or changed: 1.1.1 b x up(1)", "not at the end: 1.1.1 b x up(2)"],
    );
    check("1.1 a x\n1.1.1 b x up(1)\n1.1.2 d x\n1.1.3 c x", &["not at the end: 1.1.2 d x"]);
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
