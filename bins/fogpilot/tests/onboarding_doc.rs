//! `docs/onboarding.md` against the code: messages, checks, flags and verdicts that it names are there.

#![allow(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::fs;
use std::path::Path;

#[test]
fn every_message_that_is_explained_is_one_of_the_code() {
    let code = code();
    let page = page();
    let rows = table(&page, "| printed |");
    assert!(rows.len() > 20, "{}", rows.len());

    for row in rows {
        // a message has values in it, which the page writes as an ellipsis
        for part in row[0].split('…').map(str::trim).filter(|part| !part.is_empty()) {
            assert!(code.contains(part), "no message of the code has `{part}`");
        }
    }
}

#[test]
fn every_check_that_is_explained_is_one_of_the_code() {
    let code = code();
    let page = page();
    let rows = table(&page, "| check of `preflight` |");
    assert!(rows.len() > 10, "{}", rows.len());

    for name in rows.iter().flat_map(|row| row[0].split(", ")).map(|name| name.trim_matches('`')) {
        let made = name.starts_with("port-") && code.contains("\"port-{number}\"");
        assert!(made || code.contains(&format!("\"{name}\"")), "no check `{name}`");
    }
}

#[test]
fn every_flag_that_is_named_is_one_of_the_code() {
    let code = code();
    let page = page();
    let flags: Vec<&str> =
        page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(is_flag).collect();
    assert!(flags.len() > 30, "{}", flags.len());

    for flag in flags {
        let field = flag.trim_start_matches('-').replace('-', "_");
        // an argument is a field of its name, or says its name
        let is_there = [format!(" {field}: "), format!("long = \"{}\"", &flag[2..])];
        assert!(is_there.iter().any(|text| code.contains(text)), "no flag {flag}");
    }
}

fn is_flag(word: &&str) -> bool {
    word.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// The cells of the table that begins with the line `head`.
fn table<'a>(page: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let lines = page.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/onboarding.md")).unwrap()
}

/// The code that speaks to an operator, each text on one line.
fn code() -> String {
    let mut code = String::new();
    for folder in ["bins/fogpilot/src", "crates/sco/src", "crates/conductor/src", "crates/mist/src"] {
        read(&root().join(folder), &mut code);
    }
    let mut whole = String::new();
    let mut lines = code.split("\\\n");
    whole.extend(lines.next());
    lines.for_each(|line| whole += line.trim_start());
    whole
}

fn read(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *code += &fs::read_to_string(&path).unwrap();
        }
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
