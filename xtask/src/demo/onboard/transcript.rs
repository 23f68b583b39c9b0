//! What was said, without what is another in every run: folders, addresses, fingerprints and times.

use std::path::Path;

use serde_json::Value;

/// Commands with their answers, as Markdown.
pub(super) struct Transcript {
    /// What is replaced by what, the longest first.
    replaced: Vec<(String, String)>,
    text: String,
    /// Whether a block of commands is open.
    open: bool,
}

impl Transcript {
    /// Of a demo in `folder` with the estate that `told` where everything is.
    pub(super) fn new(folder: &Path, told: &Value) -> Self {
        let mut replaced = vec![(format!("{}/", folder.display()), String::new())];
        for (pointer, name) in NAMES {
            if let Some(found) = told.pointer(pointer).and_then(Value::as_str) {
                replaced.push((found.to_owned(), (*name).to_owned()));
                let host = found.rsplit_once(':').filter(|_| pointer.starts_with("/conductor/nodes/"));
                replaced.extend(host.map(|(host, _)| (host.to_owned(), (*name).to_owned())));
            }
        }
        replaced.sort_by_key(|(found, _)| std::cmp::Reverse(found.len()));
        Self { replaced, text: String::new(), open: false }
    }

    /// Something for the reader.
    pub(super) fn note(&mut self, text: &str) {
        self.close();
        self.text += &format!("{text}\n\n```console\n");
        self.open = true;
    }

    /// What came of all.
    pub(super) fn end(&mut self, text: &str) {
        self.close();
        let (first, rest) = text.split_at(1);
        self.text += &format!("Judged by the fakes: {first}{rest}.\n");
    }

    /// A command.
    pub(super) fn command(&mut self, words: &[&str]) {
        let line = self.clean(&format!("$ fogpilot {}", words.join(" ")));
        self.text += &folded(&line);
    }

    /// What it answered, and how it ended.
    pub(super) fn answer(&mut self, lines: &[String], code: i32) {
        for line in lines {
            let line = self.clean(line);
            self.text += &format!("{}\n", line.trim_end());
        }
        if code != 0 {
            self.text += &format!("exit {code}\n");
        }
    }

    /// The page.
    pub(super) fn page(mut self) -> String {
        self.close();
        format!("{HEAD}{}", self.text)
    }

    fn close(&mut self) {
        if self.open {
            self.text += "```\n\n";
            self.open = false;
        }
    }

    fn clean(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (found, name) in &self.replaced {
            let mut from = 0;
            while let Some(at) = line[from..].find(found.as_str()).map(|at| from + at) {
                line = put(&line, at, found.len(), name);
                from = at + name.len();
            }
        }
        runs(&times(&line))
    }
}

/// A line with `name` in place of the `length` bytes at `at`; the next column stays where it is.
fn put(line: &str, at: usize, length: usize, name: &str) -> String {
    let (before, rest) = (&line[..at], &line[at + length..]);
    let Some(gap) = rest.find("  ") else { return format!("{before}{name}{rest}") };
    let (cell, rest) = rest.split_at(gap);
    let column = rest.trim_start();
    let wide = rest.len() - column.len() + length;
    let spaces = wide.saturating_sub(name.chars().count()).max(2);
    format!("{before}{name}{cell}{}{column}", " ".repeat(spaces))
}

/// A line without the time that it begins with, and with a word for the others.
fn times(line: &str) -> String {
    let mut text = line.to_owned();
    let mut from = 0;
    while let Some(at) =
        (from..text.len()).find(|&at| text.is_char_boundary(at) && is_like(&text[at..], SECOND))
    {
        let fraction = &text[at + SECOND.len()..];
        let digits = fraction.bytes().take_while(|byte| *byte == b'.' || byte.is_ascii_digit()).count();
        if !fraction[digits..].starts_with('Z') {
            from = at + SECOND.len();
            continue;
        }
        let length = SECOND.len() + digits + 1;
        if at == 0 {
            text = text[length..].trim_start().to_owned();
        } else {
            text = put(&text, at, length, "TIME");
            from = at + "TIME".len();
        }
    }
    text
}

/// A line in which every run has one name.
fn runs(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("run-") {
        text += &rest[..at];
        rest = &rest[at..];
        let length = if is_like(rest, RUN) { RUN.len() } else { "run-".len() };
        text += if length == RUN.len() { RUN_NAME } else { "run-" };
        rest = &rest[length..];
    }
    text + rest
}

/// Whether a text begins like this; a 0 stands for any digit.
fn is_like(text: &str, shape: &str) -> bool {
    let alike = |(byte, shape): (u8, u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    text.len() >= shape.len() && text.bytes().zip(shape.bytes()).all(alike)
}

/// A command on several lines, none longer than a page is wide.
fn folded(line: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in line.split(' ') {
        let begins = width == 0;
        if !begins && width + word.len() + 3 > WIDTH {
            text += " \\\n   ";
            width = 3;
        }
        if !begins {
            text.push(' ');
        }
        text += word;
        width += word.len() + 1;
    }
    text + "\n"
}

/// What differs from run to run, and what stands in its place.
const NAMES: &[(&str, &str)] = &[
    ("/mist/host", "api.example.net"),
    ("/conductor/host", "conductor.example.net"),
    ("/conductor/nodes/0", "node0.example.net"),
    ("/conductor/nodes/1", "node1.example.net"),
    ("/conductor/pin", "sha256:5f2c…"),
];

const SECOND: &str = "0000-00-00T00:00:00";
const RUN: &str = "run-00000000-000000";
const RUN_NAME: &str = "run-20261122-140731";
const WIDTH: usize = 116;

const HEAD: &str = "\
# An onboarding, from the profile to the report

Written by `cargo xtask demo onboard --out docs/onboarding-demo.md`: the real `fogpilot` and the real OpenSSH against the fake
cloud, conductor and routers of the test kit, with every wait divided by 100. 25 routers (20 virtual, 3 of hardware, 2 pairs) on
20 sites; two legacy routers live on the same conductor. Folders, addresses and times, which are others in every run, are
replaced. What each command does is in [onboarding.md](onboarding.md).

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_replaced() {
        let told = serde_json::json!({ "mist": { "host": "127.0.0.1:4711" }, "conductor": { "nodes": ["127.0.0.1"] } });
        let transcript = Transcript::new(Path::new("/tmp/demo"), &told);
        let check = |line: &str, expect: &str| assert_eq!(transcript.clean(line), expect, "{line}");

        check("2026-11-22T14:07:31Z store-0001: assigned", "store-0001: assigned");
        check("good until 2026-11-22T14:07:31.123Z, so", "good until TIME, so");
        check("in `/tmp/demo/state`, 127.0.0.1:4711", "in `state`, api.example.net");
        check(
            "fogpilot resume run-20261122-140731-2 re-run-it",
            "fogpilot resume run-20261122-140731-2 re-run-it",
        );
        check("fogpilot resume run-20261126-100000", "fogpilot resume run-20261122-140731");
        check("a  2026-11-22T14:07:31.530Z  b", "a  TIME                      b");
        check("127.0.0.1: open  b", "node0.example.net: open  b");
        check("2026-11-22T14:07:31 is local", "2026-11-22T14:07:31 is local");
    }

    #[test]
    fn a_long_command_is_folded_between_words() {
        let word = "x".repeat(60);
        let text = folded(&format!("$ fogpilot {word} {word}"));

        assert_eq!(text, format!("$ fogpilot {word} \\\n    {word}\n"));
    }
}
