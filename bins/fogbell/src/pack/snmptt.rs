//! Definitions for SNMPTT.
//!
//! Source: the documentation of SNMPTT 1.5, "SNMPTT.CONF Configuration file format". What an `EVENT` says of severity is
//! fixed, so each notification has one for every severity it can carry, told apart by `MATCH`.

use std::fmt::Write as _;

use snmp::{Mib, Object, Trap};

use super::Piece;
use super::grades::{Grade, grades};

pub(super) fn pieces(mib: &Mib) -> Vec<Piece> {
    let mut text = HEAD.to_owned();
    for trap in Trap::ALL {
        for grade in grades(trap) {
            text += &event(mib, trap, grade);
        }
    }
    vec![Piece { path: "fogbell.conf", text }]
}

fn event(mib: &Mib, trap: Trap, grade: Grade) -> String {
    let oid = mib.trap(trap);
    let of = |object: Object| format!("${}", object as u8);
    let format = format!(
        "{} {}: {} [node={} type={} site={} key={} id={} seq={}]",
        trap.state().word(),
        grade.name,
        of(Object::Summary),
        of(Object::DeviceName),
        of(Object::Type),
        of(Object::SiteName),
        of(Object::AlarmKey),
        of(Object::AlertId),
        of(Object::Sequence),
    );
    let mut out = String::new();
    let mut line =
        |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("a String takes everything");
    line(format_args!("EVENT {} .{oid} \"Fogbell\" {}", trap.name(), shown(grade)));
    line(format_args!("FORMAT {format}"));
    line(format_args!("MATCH {}: {}", of(Object::Severity), either(grade)));
    line(format_args!("SDESC"));
    line(format_args!("{}", trap.about()));
    line(format_args!("Variables:"));
    for object in Object::ALL {
        line(format_args!("  {}: {}", object as u8, object.name()));
    }
    line(format_args!("EDESC"));
    line(format_args!(""));
    out
}

/// The severity in the words of SNMPTT's own examples: what is over is `Normal`.
fn shown(grade: Grade) -> String {
    match grade.name {
        "cleared" => "Normal".to_owned(),
        "indeterminate" => "Informational".to_owned(),
        _ => grade.title(),
    }
}

/// The number, its name, or both: as snmptrapd writes it without and with the MIB.
fn either(grade: Grade) -> String {
    format!("(^({number}|{name}|{name}\\({number}\\))$)", number = grade.number, name = grade.name)
}

const HEAD: &str = "\
# SNMPTT definitions for FOGBELL-MIB, written by `fogbell pack snmptt`.
# Name this file under [TrapFiles] of snmptt.ini.
#
# A raise and the clear that ends it have the same key; a clear has the severity Normal.

MIB: FOGBELL-MIB

";
