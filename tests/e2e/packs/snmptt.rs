//! SNMPTT itself, behind a snmptrapd, with and without the module.

use std::fs;

use e2e::{Reading, Snmptrapd, SnmptrapdSetup};
use tempfile::TempDir;

use super::scene;

/// The lines that SNMPTT logged of alerts, once there is one for each, and a heartbeat.
fn logged(reading: Reading) -> Vec<String> {
    let (pack, own) = (scene::pack("snmptt"), TempDir::new().unwrap());
    let path = |name: &str| own.path().join(name).display().to_string();
    let definitions = pack.path().join("fogbell.conf");
    let ini = format!(
        "[General]\nmode = standalone\nmultiple_event = 1\nnet_snmp_perl_enable = 0\n[Logging]\nlog_enable = 1\nlog_file = {}\n\
         log_system_enable = 1\nlog_system_file = {}\nunknown_trap_log_enable = 1\nunknown_trap_log_file = {}\n\
         unknown_trap_nodes_match_mode = 1\nsyslog_enable = 0\nsyslog_system_enable = 0\n[TrapFiles]\nsnmptt_conf_files = <<END\n{}\nEND\n",
        path("log"),
        path("system"),
        path("unknown"),
        definitions.display()
    );
    fs::write(own.path().join("snmptt.ini"), ini).unwrap();
    let nms = Snmptrapd::start(&SnmptrapdSetup {
        lines: vec![
            "authCommunity log,execute public".to_owned(),
            format!("traphandle default snmptt --ini={}", path("snmptt.ini")),
        ],
        reading,
        ..Default::default()
    });
    // an inform that is handled slowly is sent once more
    let relay = scene::with_traps(&nms.address(), "trap");

    scene::let_happen(&relay);

    let read = |name: &str| fs::read_to_string(own.path().join(name)).unwrap_or_default();
    let lines = || read("log").lines().map(str::to_owned).collect();
    let (lines, heartbeat) = scene::told(lines, |line: &String| line.contains("type=heartbeat "));
    assert_eq!(read("unknown"), "", "{}", read("system"));
    assert!(
        heartbeat.contains(" Informational \"Fogbell\" ") && heartbeat.contains(" is alive"),
        "{heartbeat}"
    );
    lines
}

/// What stands behind a name in the brackets at the end, in front of which a text may hold anything.
fn value<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.rsplit_once(&format!(" {name}=")).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.split([' ', ']']).next().unwrap()
}

#[test]
fn snmptt_logs_name_severity_node_text_and_the_clear_of_every_alert() {
    for reading in [Reading::Numbers, Reading::NumbersOfNames] {
        let lines = logged(reading);

        assert_eq!(lines.len(), scene::ALERTS.len(), "each is matched once: {lines:#?}");
        let severities =
            ["Critical", "Normal", "Minor", "Normal", "Informational", "Informational", "Warning", "Normal"];
        for ((line, (kind, state)), severity) in lines.iter().zip(scene::ALERTS).zip(severities) {
            assert!(line.contains(&format!(" {severity} \"Fogbell\" ")), "{severity}: {line}");
            assert!(line.contains(&format!(" - {state} ")), "{state}: {line}");
            assert_eq!(value(line, "type"), kind, "{line}");
        }
        assert!(lines[2].contains("node=core-1 "), "{}", lines[2]);
        assert!(lines[2].contains("SW_PORT_DOWN raised: core-1, port ge-0/0/1"), "{}", lines[2]);
        for (raise, clear) in [(0, 1), (2, 3), (6, 7)] {
            assert_eq!(value(&lines[raise], "key"), value(&lines[clear], "key"));
            assert_eq!(value(&lines[raise], "key").len(), 32);
        }
    }
}
