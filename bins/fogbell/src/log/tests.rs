//! `docs/logs.md` has every error and every warning of the relay, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where the relay is written.
const SOURCES: [&str; 5] =
    ["crates/relay/src", "crates/upstream/src", "crates/acme/src", "crates/mist/src", "bins/fogbell/src"];

#[test]
fn the_page_has_every_error_and_every_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut said = BTreeSet::new();
    for folder in SOURCES {
        lines_in(&root.join(folder), &mut said);
    }
    let page = fs::read_to_string(root.join("docs/logs.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let (level, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let (text, _) = rest.rsplit_once(" | ")?;
        ["error", "warn"].contains(&level).then(|| (level.to_owned(), text.to_owned()))
    });
    // the table of levels has them too
    let shown: BTreeSet<(String, String)> = rows.filter(|(_, text)| !text.starts_with(['3', '4'])).collect();

    assert!(said.len() > 40, "{}", said.len());
    assert_eq!(shown, said);
}

/// Level and text of each `error!` and `warn!` in the sources below.
fn lines_in(folder: &Path, said: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines_in(&path, said);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("log/tests.rs") {
            let source = fs::read_to_string(path).unwrap();
            for level in ["error", "warn"] {
                for (at, _) in source.match_indices(&format!("{level}!(")) {
                    let text = text_of(&source[at + level.len() + 2..]);
                    // said with a text of its own
                    if text != "…" {
                        said.insert((level.to_owned(), text));
                    }
                }
            }
        }
    }
}

/// The text of a macro whose arguments `source` begins with: its last literal outside of other brackets, with a gap for
/// each value in it.
fn text_of(source: &str) -> String {
    let (mut depth, mut last) = (1, "");
    let mut rest = source;
    while depth > 0 {
        let at = rest.find(['"', '(', ')', '[', ']', '{', '}']).expect("a macro ends");
        let (found, behind) = rest[at..].split_at(1);
        rest = behind;
        match found {
            "\"" => {
                let end = end_of_literal(rest);
                if depth == 1 {
                    last = &rest[..end];
                }
                rest = &rest[end + 1..];
            }
            "(" | "[" | "{" => depth += 1,
            _ => depth -= 1,
        }
    }
    with_gaps(last)
}

fn end_of_literal(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, it)| {
        let ends = *it == '"' && !escaped;
        escaped = *it == '\\' && !escaped;
        ends
    });
    end.expect("a literal ends").0
}

fn with_gaps(literal: &str) -> String {
    // a line that ends with a backslash goes on with the first word of the next one
    let whole: String = literal
        .split("\\\n")
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.trim_start() })
        .collect();
    let mut text = String::new();
    let mut rest = whole.as_str();
    while let Some((before, behind)) = rest.split_once('{') {
        text += before;
        text.push('…');
        rest = behind.split_once('}').map_or("", |(_, rest)| rest);
    }
    text + rest
}
