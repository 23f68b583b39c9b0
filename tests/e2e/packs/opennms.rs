//! The event definitions: their shape, and that every trap of a relay is matched by the right one.

use std::fs;
use std::process::Command;

use e2e::{Snmptrapd, SnmptrapdSetup, Trap, ask_fogbell};

use super::scene;

/// An event definition, as far as a trap is matched by it.
#[derive(Debug)]
struct Event {
    id: String,
    specific: String,
    severity_is: Option<String>,
    severity: String,
    reduction: Option<String>,
    clears: Option<String>,
}

/// The text of the first element or attribute `name` in XML that the schema has accepted.
fn of<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

fn events(text: &str) -> Vec<Event> {
    let read = |event: &str| {
        let masked =
            |name: &str| of(event, &format!("<mename>{name}</mename><mevalue>"), "<").unwrap().to_owned();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Event {
            id: masked("id"),
            specific: masked("specific"),
            severity_is: owned(of(event, "<vbnumber>5</vbnumber><vbvalue>", "<")),
            severity: of(event, "<severity>", "<").unwrap().to_owned(),
            reduction: owned(of(event, "reduction-key=\"", "\"")),
            clears: owned(of(event, "clear-key=\"", "\"")),
        }
    };
    text.split("<event>").skip(1).map(read).collect()
}

/// The first definition that a trap matches, as OpenNMS translates it to SNMPv1 (RFC 3584 3.1).
fn matching<'a>(events: &'a [Event], trap: &Trap) -> &'a Event {
    let (rest, specific) = trap.name.rsplit_once('.').unwrap();
    let enterprise = rest.strip_suffix(".0").unwrap();
    let severity = trap.varbinds[4].value.text();
    let hit = |event: &&Event| {
        event.id == enterprise
            && event.specific == specific
            && event.severity_is.as_ref().is_none_or(|is| *is == severity)
    };
    events.iter().find(hit).unwrap_or_else(|| panic!("nothing matches {trap:?}"))
}

/// A key with the values of a trap in it.
fn filled(key: &str, trap: &Trap) -> String {
    let mut out = key.to_owned();
    for (place, varbind) in trap.varbinds.iter().enumerate() {
        out = out.replace(&format!("%parm[#{}]%", place + 1), &varbind.value.text());
    }
    assert!(!out.contains('%'), "{out}");
    out
}

#[test]
fn the_schema_accepts_the_definitions_and_a_parser_of_xml_reads_them() {
    let folder = scene::pack("opennms");
    let file = folder.path().join("fogbell.events.xml");
    let validated = |file: &std::path::Path| {
        let mut command = Command::new("xmllint");
        let output =
            command.arg("--noout").arg("--schema").arg(scene::beside("eventconf.xsd")).arg(file).output();
        output.expect("xmllint is on PATH")
    };
    let output = validated(&file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // it does refuse
    for (what, other) in [
        ("<severity>Critical<", "<severity>Bad<"),
        ("<uei>", "<xuei>"),
        ("alarm-type=\"2\"", "alarm-type=\"4\""),
    ] {
        let broken = folder.path().join("broken.xml");
        fs::write(&broken, fs::read_to_string(&file).unwrap().replacen(what, other, 1)).unwrap();
        assert!(!validated(&broken).status.success(), "{other}");
    }
}

#[test]
fn every_trap_finds_its_definition_and_a_clear_names_the_alarm_of_its_raise() {
    let text = ask_fogbell(&["pack", "opennms"]).out;
    let events = events(&text);
    let setup = SnmptrapdSetup { communities: vec!["public".to_owned()], ..Default::default() };
    let nms = Snmptrapd::start(&setup);
    let relay = scene::with_traps(&nms.address(), "inform");

    scene::let_happen(&relay);

    let (traps, heartbeat) = scene::told(|| nms.traps(), |trap: &Trap| trap.name.ends_with(".0.5"));
    let alive = matching(&events, &heartbeat);
    assert_eq!((alive.severity.as_str(), &alive.reduction), ("Indeterminate", &None));
    let found: Vec<(&str, Option<String>, Option<String>)> = traps
        .iter()
        .map(|trap| {
            let event = matching(&events, trap);
            let key = |key: &Option<String>| key.as_ref().map(|key| filled(key, trap));
            (event.severity.as_str(), key(&event.reduction), key(&event.clears))
        })
        .collect();
    let severities: Vec<&str> = found.iter().map(|(severity, ..)| *severity).collect();
    assert_eq!(
        severities,
        ["Critical", "Cleared", "Minor", "Cleared", "Indeterminate", "Indeterminate", "Warning", "Cleared"]
    );
    for (raise, clear) in [(0, 1), (2, 3), (6, 7)] {
        assert!(found[raise].1.is_some() && found[raise].1 == found[clear].2, "{found:#?}");
        assert_ne!(found[raise].1, found[clear].1);
    }
    assert_ne!(found[0].1, found[2].1);
    assert!(found[4].1.is_none() && found[5].1.is_none(), "what is only told is no alarm: {found:#?}");
    for name in ["fbState", "fbSeverity"] {
        let place = if name == "fbState" { 4 } else { 5 };
        assert!(text.contains(&format!("<parmid>parm[#{place}]</parmid>")), "{name} is decoded");
    }
}
