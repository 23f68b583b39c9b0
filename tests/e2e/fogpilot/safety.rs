//! `docs/safety.md` names a test for each rule of safety, and every test that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of every test function in the sources under `folder`.
fn tests_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // an attribute is on the line before; a property has its arguments in the same line
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                match name.and_then(|rest| rest.split('(').next()) {
                    Some(name) if is_test => drop(found.insert(name.to_owned())),
                    _ => {}
                }
                is_test = line == "#[test]" || line.starts_with("#[tokio::test");
            }
        }
    }
}

#[test]
fn every_rule_of_safety_has_a_test_and_every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for folder in ["crates/sco", "crates/conductor", "crates/testkit", "bins/fogpilot", "tests"] {
        tests_in(&root.join(folder), &mut found);
    }
    let text = fs::read_to_string(root.join("docs/safety.md")).unwrap();

    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| rule"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();

    assert!(rows.len() > 45, "{} rules", rows.len());
    for row in rows {
        let [rule, without, tests] = row[..] else { panic!("three columns: {row:?}") };
        assert!(!rule.is_empty() && !without.is_empty(), "{row:?}");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {rule}");
        for name in named {
            assert!(found.contains(name), "`{name}` of \"{rule}\" is no test");
        }
    }
}
