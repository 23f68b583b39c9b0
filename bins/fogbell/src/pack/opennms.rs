//! Event definitions for OpenNMS.
//!
//! Source: the documentation of OpenNMS, "Events" and "Alarms". A trap of SMIv2 is matched as its translation to SNMPv1 (RFC
//! 3584 3.1): enterprise without the last two numbers, generic 6, specific the last number. A raise and its clear share the
//! alarm key, whatever notification tells them, so the reduction key is of the alarm key alone.

use std::fmt::Write as _;

use alarm::State;
use snmp::{Mib, Object, Trap};

use super::Piece;
use super::grades::{Grade, grades};

pub(super) fn pieces(mib: &Mib) -> Vec<Piece> {
    let mut text = HEAD.to_owned();
    for trap in Trap::ALL {
        let grades = grades(trap);
        // the first that matches is taken: the last takes whatever severity is left
        for (place, grade) in grades.iter().enumerate() {
            text += &event(mib, trap, *grade, grades.len() > 1, place + 1 < grades.len());
        }
    }
    text += "</events>\n";
    vec![Piece { path: "fogbell.events.xml", text }]
}

fn event(mib: &Mib, trap: Trap, grade: Grade, graded: bool, masked: bool) -> String {
    let oid = mib.trap(trap).to_string();
    let enterprise = oid.rsplitn(3, '.').last().unwrap_or_default();
    let of = |object: Object| format!("%parm[#{}]%", object as u8);
    let uei = if graded { format!("{}/{}", trap.name(), grade.name) } else { trap.name().to_owned() };
    let mut out = String::new();
    let mut line =
        |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("a String takes everything");
    line(format_args!("  <event>"));
    line(format_args!("    <mask>"));
    for (name, value) in [
        ("id", format!(".{enterprise}")),
        ("generic", "6".to_owned()),
        ("specific", (trap as u8).to_string()),
    ] {
        line(format_args!(
            "      <maskelement><mename>{name}</mename><mevalue>{value}</mevalue></maskelement>"
        ));
    }
    if masked {
        let (number, value) = (Object::Severity as u8, grade.number);
        line(format_args!(
            "      <varbind><vbnumber>{number}</vbnumber><vbvalue>{value}</vbvalue></varbind>"
        ));
    }
    line(format_args!("    </mask>"));
    line(format_args!("    <uei>{UEI}/{uei}</uei>"));
    let label = format!("Fogbell: {} ({})", trap.name(), grade.name);
    line(format_args!("    <event-label>{label}</event-label>"));
    line(format_args!("    <descr>{}</descr>", escaped(&description(trap))));
    let (summary, device) = (of(Object::Summary), of(Object::DeviceName));
    let dest = if trap == Trap::Heartbeat { "logonly" } else { "logndisplay" };
    line(format_args!("    <logmsg dest=\"{dest}\">{}: {summary} [{device}]</logmsg>", trap.state().word()));
    line(format_args!("    <severity>{}</severity>", grade.title()));
    if let Some(data) = alarm_data(trap, grade) {
        line(format_args!("    {data}"));
    }
    for object in [Object::State, Object::Severity] {
        line(format_args!("    <varbindsdecode>"));
        line(format_args!("      <parmid>parm[#{}]</parmid>", object as u8));
        for (name, number) in object.values() {
            line(format_args!("      <decode varbindvalue=\"{number}\" varbinddecodedstring=\"{name}\"/>"));
        }
        line(format_args!("    </varbindsdecode>"));
    }
    line(format_args!("  </event>"));
    out
}

/// What becomes of it among the alarms: a raise is a problem (1), its clear a resolution (2), an event that is bad is an alarm
/// that somebody has to close (3), and the rest is none.
fn alarm_data(trap: Trap, grade: Grade) -> Option<String> {
    let (key, id) = (Object::AlarmKey as u8, Object::AlertId as u8);
    let problem = format!("fogbell:problem:%parm[#{key}]%");
    let (reduction, kind, clears) = match trap.state() {
        State::Raised => (problem, 1, String::new()),
        State::Cleared => (format!("fogbell:end:%parm[#{key}]%"), 2, format!(" clear-key=\"{problem}\"")),
        State::Event if matches!(grade.name, "critical" | "minor") => {
            (format!("fogbell:event:%parm[#{id}]%"), 3, String::new())
        }
        State::Event => return None,
    };
    let keys = format!("reduction-key=\"{reduction}\" alarm-type=\"{kind}\"{clears}");
    Some(format!("<alarm-data {keys} auto-clean=\"false\"/>"))
}

/// What it is for, and every object that there is something in.
fn description(trap: Trap) -> String {
    let mut text = format!("<p>{}</p><table>", trap.about());
    for object in Object::ALL {
        let (name, number) = (object.name(), object as u8);
        write!(text, "<tr><td>{name}</td><td>%parm[#{number}]%</td></tr>")
            .expect("a String takes everything");
    }
    text + "</table>"
}

/// HTML inside of an element of XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const UEI: &str = "uei.opennms.org/vendor/fogbell";

const HEAD: &str = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!-- Event definitions for FOGBELL-MIB, written by `fogbell pack opennms`. -->
<events xmlns=\"http://xmlns.opennms.org/xsd/eventconf\">
";
