//! docs/ as a book: nothing is missing in it, nothing in it leads nowhere, and what it quotes is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Certs, Config, ask_fogbell_in};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Every file below a folder with this ending, by its path from there.
fn files(folder: &Path, ending: &str) -> BTreeMap<String, String> {
    let (mut folders, mut found) = (vec![folder.to_owned()], BTreeMap::new());
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// Where the links of a page lead.
fn links(page: &str) -> Vec<String> {
    // what stands between the brackets may be code
    let text: String = page.split("```").step_by(2).collect();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains([' ', '`'])).map(str::to_owned).collect()
}

/// What a heading is called in a link, as mdbook and forges make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    let mut inside = false;
    let headings = page.lines().filter(|line| {
        inside ^= line.trim_start().starts_with("```");
        !inside && line.starts_with('#')
    });
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn the_summary_names_every_page_once() {
    let pages = files(&root().join("docs"), "md");
    let named = links(&pages["SUMMARY.md"]);
    let all: Vec<&String> = pages.keys().filter(|name| *name != "SUMMARY.md").collect();
    let mut sorted: Vec<&String> = named.iter().collect();
    sorted.sort();
    assert_eq!(sorted, all);
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let docs = root().join("docs");
    let mut pages: Vec<(PathBuf, String)> =
        files(&docs, "md").into_iter().map(|(name, text)| (docs.join(name), text)).collect();
    pages.push((root().join("README.md"), fs::read_to_string(root().join("README.md")).unwrap()));
    let mut count = 0;
    for (path, text) in &pages {
        for link in links(text).iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            let in_book = !path.starts_with(&docs) || target.canonicalize().unwrap().starts_with(&docs);
            assert!(in_book, "{}: {link} leads out of the book", path.display());
            if !heading.is_empty() {
                let there = anchors(&fs::read_to_string(&target).unwrap());
                assert!(there.contains(heading), "{}: {link}: {there:?}", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn mdbook_makes_a_page_of_every_page_and_complains_of_nothing() {
    let out = TempDir::new().unwrap();
    let mut mdbook = Command::new("mdbook");
    let output = mdbook
        .arg("build")
        .arg("--dest-dir")
        .arg(out.path())
        .arg(root())
        .output()
        .expect("mdbook is on PATH");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    let complaint = said.lines().find(|line| ["WARN", "ERROR"].iter().any(|level| line.contains(level)));
    assert!(complaint.is_none(), "{said}");
    let made: BTreeSet<PathBuf> = files(out.path(), "html").into_keys().map(PathBuf::from).collect();
    for name in files(&root().join("docs"), "md").keys().filter(|name| *name != "SUMMARY.md") {
        let page = match name.strip_suffix("README.md") {
            Some(folder) => PathBuf::from(folder).join("index.html"),
            None => PathBuf::from(name).with_extension("html"),
        };
        assert!(made.contains(&page), "{name} is no page: {made:?}");
    }
}

/// The blocks of a page in a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    page.split(&open).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn fogbell_check_takes_every_sink_of_the_recipes() {
    let mut count = 0;
    for (name, page) in files(&root().join("docs/recipes"), "md") {
        for block in blocks(&page, "toml") {
            let home = TempDir::new().unwrap();
            let mut config = Config::new();
            for file in
                block.split("/etc/fogbell/secrets/").skip(1).map(|rest| rest.split('"').next().unwrap())
            {
                let value = if file.ends_with(".key") { "replaced" } else { "a passphrase of some length" };
                config = config.secret(file, value);
            }
            let here = home.path().display().to_string();
            let block = block.replace("/etc/fogbell/certs/relay.pem", &format!("{here}/certs/server.pem"));
            let block = block.replace("/etc/fogbell/secrets/relay.key", &format!("{here}/certs/server.key"));
            config.table(&block.replace("/etc/fogbell", &here)).write(home.path());

            let answer = ask_fogbell_in(home.path(), &["check"]);

            assert_eq!(answer.code, 0, "{name}: {}{}\n{block}", answer.out, answer.said);
            count += 1;
        }
        assert!(page.contains("fogbell test --sink "), "{name} ends with a test");
        assert!(name == "README.md" || page.contains("\n## Red, then green\n"), "{name}");
    }
    assert!(count >= 9, "{count}");
}

#[test]
fn rsyslog_takes_the_configuration_of_its_recipe() {
    let own = TempDir::new().unwrap();
    let certs = Certs::make(&own.path().join("certs"));
    let page = fs::read_to_string(root().join("docs/recipes/syslog.md")).unwrap();
    let block = blocks(&page, "text").into_iter().find(|block| block.contains("imtcp")).unwrap();
    let mut text = block.to_owned();
    for (name, file) in
        [("ca.pem", certs.ca()), ("server.pem", certs.server()), ("server.key", certs.server_key())]
    {
        text = text.replace(&format!("/etc/rsyslog/{name}"), &file.display().to_string());
    }
    let file = own.path().join("rsyslog.conf");
    let checked = |text: &str| {
        fs::write(&file, text).unwrap();
        Command::new("rsyslogd").arg("-N1").arg("-f").arg(&file).output().expect("rsyslogd is on PATH")
    };

    let output = checked(&text);

    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("error:"), "{said}");
    assert!(!checked(&text.replace("mmpstrucdata", "mmnothing")).status.success(), "it does refuse");
}

/// The sources as one text, in which what is filled in is `…`, and a line that goes on is one.
fn sources() -> String {
    let mut all = String::new();
    for folder in ["crates", "bins"] {
        for (name, text) in files(&root().join(folder), "rs") {
            if !name.contains("/src/") {
                continue;
            }
            let mut joined = String::new();
            for line in text.lines() {
                let going_on = joined.ends_with("\\\n");
                if going_on {
                    joined.truncate(joined.len() - 2);
                }
                joined += if going_on { line.trim_start() } else { line };
                joined.push('\n');
            }
            all += &filled(&joined).replace("\\\"", "\"");
        }
    }
    all
}

/// `{…}` within a line as `…`.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, inside) = rest.split_at(start);
        let end = inside.find(['}', '\n']).unwrap_or(inside.len() - 1);
        out += before;
        if inside[end..].starts_with('}') && !inside[1..end].contains('{') {
            out.push('…');
            rest = &inside[end + 1..];
        } else {
            out.push('{');
            rest = &inside[1..];
        }
    }
    out + rest
}

/// The first code in a cell.
fn code(cell: &str) -> Option<&str> {
    let start = cell.find('`')?;
    let width = cell[start..].bytes().take_while(|byte| *byte == b'`').count();
    let inside = &cell[start + width..];
    let end = inside.find(&"`".repeat(width))?;
    Some(inside[..end].trim_start_matches(' ').trim_end_matches(' '))
}

#[test]
fn every_message_of_troubleshooting_is_one_that_the_programs_print() {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let messages: Vec<&str> = rows.map(|row| code(row.split(" | ").next().unwrap()).unwrap()).collect();
    assert!(messages.len() > 50, "{}", messages.len());
    let sources = sources();
    let unknown: Vec<&&str> = messages.iter().filter(|message| !sources.contains(**message)).collect();
    assert!(unknown.is_empty(), "no source has {unknown:#?}");
}

#[test]
fn what_is_read_out_of_a_page_is_what_stands_there() {
    assert_eq!(anchor(" What \"delivered\" means"), "what-delivered-means");
    assert_eq!(anchor("`[[snmp]]`"), "snmp");
    assert_eq!(filled("cannot read `{path}` {a}{b} { c\n}"), "cannot read `…` …… { c\n}");
    assert_eq!(code("| ``cannot read `…` `` "), Some("cannot read `…`"));
    assert_eq!(links("a [b](c.md#d) ```\n[x](y)\n``` [`e`](f)"), ["c.md#d", "f"]);
}
