//! The template, read by Zabbix' own importer, and what its items and triggers make of a relay's traps.

use std::fs;

use e2e::{Reading, Snmptrapd, SnmptrapdSetup};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::scene;

/// The traps of a story and a heartbeat, in the form in which Zabbix' receiver hands them to the server.
fn received(reading: Reading) -> Vec<String> {
    let own = TempDir::new().unwrap();
    let file = own.path().join("traps");
    // what Debian has at a place of the system's
    let first = own.path().join("first.pl");
    fs::write(&first, "use NetSNMP::TrapReceiver;\n").unwrap();
    let nms = Snmptrapd::start(&SnmptrapdSetup {
        lines: vec![
            "authCommunity log,execute,net public".to_owned(),
            format!("perlInitFile {}", first.display()),
            format!("perl do \"{}\"", scene::beside("receiver.pl").display()),
        ],
        reading,
        under: vec!["with-perl".to_owned(), format!("FOGBELL_TRAPS={}", file.display())],
        ..Default::default()
    });
    let relay = scene::with_traps(&nms.address(), "trap");

    scene::let_happen(&relay);

    let read = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut traps: Vec<String> = text.split("----\n").map(str::to_owned).collect();
        traps.pop();
        traps
    };
    let (mut traps, heartbeat) = scene::told(read, |trap: &String| trap.contains("\"heartbeat\""));
    traps.push(heartbeat);
    traps
}

fn triggers(taken: &Value) -> &Vec<Value> {
    taken[0]["triggers"].as_array().unwrap()
}

/// The trigger of which `what` is true; there is one at most.
fn the<'a>(taken: &'a Value, what: &str) -> Option<&'a Value> {
    let mut found = triggers(taken).iter().filter(|trigger| trigger[what] == true);
    let first = found.next();
    assert!(found.next().is_none(), "{taken}");
    first
}

#[test]
fn zabbix_reads_the_template_and_a_clear_closes_what_its_raise_opened() {
    let pack = scene::pack("zabbix");
    let template = pack.path().join("fogbell.yaml");
    for reading in [Reading::Numbers, Reading::Names] {
        let traps = received(reading);

        let said = scene::asked("php", "zabbix.php", Some(&template), &json!(traps));

        let said = said.as_array().unwrap();
        let items: Vec<&str> = said
            .iter()
            .map(|taken| {
                assert_eq!(taken.as_array().unwrap().len(), 1, "one item takes it: {taken}");
                taken[0]["item"].as_str().unwrap()
            })
            .collect();
        let (problems, own) = ("Fogbell: Problems", "Fogbell: Problems of the relay");
        assert_eq!(
            items,
            [
                problems,
                problems,
                problems,
                problems,
                "Fogbell: Events",
                "Fogbell: Audits",
                own,
                own,
                "Fogbell: Heartbeats"
            ]
        );
        for (raise, clear, priority) in [(0, 1, "HIGH"), (2, 3, "AVERAGE"), (6, 7, "WARNING")] {
            let opened = the(&said[raise], "opens").unwrap();
            assert_eq!(opened["priority"], priority, "{opened}");
            assert!(the(&said[clear], "opens").is_none() && said[raise][0]["triggers"][0]["closes"] == false);
            let closing =
                triggers(&said[clear]).iter().find(|it| it["trigger"] == opened["trigger"]).unwrap();
            assert_eq!(closing["closes"], true, "{closing}");
            let tag = opened["tag"].as_str().unwrap();
            assert_eq!(opened["tags"][tag], closing["tags"][tag]);
            assert_eq!(opened["tags"][tag].as_str().unwrap().len(), 32, "{opened}");
        }
        assert!(the(&said[4], "opens").is_none() && triggers(&said[5]).iter().all(|it| it["opens"] == false));
        let port = the(&said[2], "opens").unwrap();
        assert!(
            port["event"].as_str().unwrap().starts_with("SW_PORT_DOWN raised: core-1, port ge-0/0/1"),
            "{port}"
        );
        assert_eq!(
            (&port["tags"]["device"], &port["tags"]["site"]),
            (&json!("core-1"), &json!("HQ")),
            "{port}"
        );
        assert_eq!(port["tags"]["type"], "SW_PORT_DOWN");
    }
}

#[test]
fn zabbix_refuses_what_is_no_template() {
    let pack = scene::pack("zabbix");
    let template = pack.path().join("fogbell.yaml");
    let text = fs::read_to_string(&template).unwrap();
    for (what, other) in
        [("type: SNMP_TRAP", "type: SNMP_TRIP"), ("correlation_mode: TAG_VALUE", "correlation: TAG_VALUE")]
    {
        fs::write(&template, text.replacen(what, other, 1)).unwrap();
        let output = std::process::Command::new("php")
            .arg(scene::beside("zabbix.php"))
            .arg(&template)
            .arg("/dev/null")
            .output()
            .unwrap();
        assert!(!output.status.success(), "{other}");
    }
}
