//! The table of `docs/doctor.md`: every finding is in a story, and says what is written there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A row: component, status, what it says.
struct Row {
    component: String,
    status: String,
    says: String,
}

fn rows() -> BTreeMap<String, Row> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    let page = fs::read_to_string(page).unwrap();
    let cells = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [code, component, status, says, _mend] = cells.as_slice() else { return None };
        let code = code.strip_prefix('`')?.strip_suffix('`')?;
        let component = component.trim_matches('`').to_owned();
        Some((code.to_owned(), Row { component, status: (*status).to_owned(), says: (*says).to_owned() }))
    });
    cells.collect()
}

/// Whether a finding is what the table has.
pub(super) fn agrees(finding: &Value) {
    let code = finding["code"].as_str().unwrap();
    let all = rows();
    let row = all.get(code).unwrap_or_else(|| panic!("docs/doctor.md has no row `{code}`"));
    assert_eq!(finding["component"], *row.component, "{finding}");
    let status = finding["status"].as_str().unwrap().to_uppercase();
    assert!(row.status.contains(&status), "{} is not {status}: {finding}", row.status);
    let text = finding["text"].as_str().unwrap();
    let patterns = quoted(&row.says);
    assert!(
        patterns.is_empty() || !row.says.starts_with('`') || patterns.iter().any(|it| holds(text, it)),
        "{} is not what it says: {text}",
        row.says
    );
}

/// The parts in one or two backticks.
fn quoted(says: &str) -> Vec<&str> {
    if let Some(inner) = says.strip_prefix("``").and_then(|rest| rest.strip_suffix("``")) {
        return vec![inner];
    }
    says.split('`').skip(1).step_by(2).collect()
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
fn holds(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    let parts: Vec<&str> = pattern.split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let part = part.trim();
        match rest.find(part) {
            Some(at) if index > 0 || at == 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || parts.last().is_some_and(|last| last.is_empty())
}

#[test]
fn a_pattern_is_a_text_with_gaps() {
    for (text, pattern, is_it) in [
        ("it is off", "it is off", true),
        ("it is off now", "it is off", false),
        ("now it is off", "it is off", false),
        ("3 of 5 sites have none: so", "… of … sites have none: …", true),
        ("3 of 5 places have none: so", "… of … sites have none: …", false),
    ] {
        assert_eq!(holds(text, pattern), is_it, "{text}: {pattern}");
    }
}

/// A story calls `finds("code")`, which fails when the doctor does not find it, and `mended("code")`, which fails when the
/// doctor still finds it.
#[test]
fn every_finding_is_in_a_story_that_mends_it() {
    let mut stories = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e"), &mut stories);
    let rows = rows();
    assert!(rows.len() > 40, "{}", rows.len());
    let missing: Vec<String> = rows
        .keys()
        .flat_map(|code| [format!("finds(\"{code}\""), format!("mended(\"{code}\"")])
        .filter(|call| !stories.contains(call.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "no story has these calls");
}

/// The text of every source below, but for this one.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with(file!()) {
            *text += &fs::read_to_string(path).unwrap();
        }
    }
}
