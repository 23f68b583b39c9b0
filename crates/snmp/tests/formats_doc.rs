//! `docs/formats.md` says what the MIB says.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;

use fogbell_snmp::{Mib, Object, Trap};

/// The rows of the table below `heading`, cell by cell, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let document = fs::read_to_string(path).unwrap();
    let mut lines = document.lines().skip_while(|line| *line != heading).skip(1);
    let rows = lines.by_ref().skip_while(|line| !line.starts_with('|')).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

/// The syntax of `object` in the module, a text as `text, 160`.
fn syntax(module: &str, object: Object) -> String {
    let (_, definition) = module.split_once(&format!("\n{} OBJECT-TYPE\n", object.name())).unwrap();
    let line = definition.lines().next().unwrap();
    let clause = line.trim_start().strip_prefix("SYNTAX").unwrap().trim();
    match clause.strip_prefix("FbText (SIZE (0..").and_then(|rest| rest.strip_suffix("))")) {
        Some(size) => format!("text, {size}"),
        None => clause.to_owned(),
    }
}

#[test]
fn every_object_is_described_with_its_number_and_syntax() {
    let module = Mib::default().text();
    let expect: Vec<[String; 3]> = Object::ALL
        .into_iter()
        .map(|object| [(object as u8).to_string(), object.name().to_owned(), syntax(&module, object)])
        .collect();

    let described: Vec<[String; 3]> =
        table("### Objects").iter().map(|row| [row[0].clone(), row[1].clone(), row[2].clone()]).collect();

    assert_eq!(described, expect);
}

#[test]
fn every_notification_is_described_with_its_number() {
    let expect: Vec<[String; 2]> =
        Trap::ALL.into_iter().map(|trap| [(trap as u8).to_string(), trap.name().to_owned()]).collect();

    let described: Vec<[String; 2]> =
        table("### Notifications").iter().map(|row| [row[0].clone(), row[1].clone()]).collect();

    assert_eq!(described, expect);
}
