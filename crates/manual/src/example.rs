//! Examples in the help of commands.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap::error::ErrorKind;

/// A line of an example that calls the program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Example {
    /// The command whose help shows it, such as `fogbell journal status`.
    pub of: String,
    /// What the program is called with, its own name first; what a shell keeps for itself is left out.
    pub words: Vec<String>,
}

/// Every call of `program` that the helps of its commands show, hidden ones too.
///
/// A command without one is missing here, which a test can see.
#[must_use]
pub fn examples(mut program: Command) -> Vec<Example> {
    program.build();
    let mut found = Vec::new();
    add(&program, program.get_name(), &mut found);
    found
}

fn add(command: &Command, program: &str, found: &mut Vec<Example>) {
    let behind = command.get_after_long_help().or_else(|| command.get_after_help());
    let text = behind.map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
    let of = command.get_bin_name().unwrap_or(program).to_owned();
    let calls = text.lines().filter(|line| line.starts_with(' ')).flat_map(calls);
    found.extend(calls.filter(|words| words[0] == program).map(|words| Example { of: of.clone(), words }));
    command.get_subcommands().for_each(|it| add(it, program, found));
}

/// A call of the program in a page of Markdown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quoted {
    /// What the program is called with, its own name first.
    pub words: Vec<String>,
    /// Whether it is a line of a block, to be run as it stands; within a sentence a command may be named without what it needs.
    pub in_block: bool,
}

/// Every call of `program` in the pages of Markdown at `place`, a page or a folder with pages and folders, each with its page.
///
/// # Errors
///
/// When one cannot be read.
pub fn quoted_at(place: &Path, program: &str) -> io::Result<Vec<(PathBuf, Quoted)>> {
    if place.is_dir() {
        let mut found = Vec::new();
        for entry in fs::read_dir(place)? {
            found.extend(quoted_at(&entry?.path(), program)?);
        }
        return Ok(found);
    }
    if place.extension().is_none_or(|extension| extension != "md") {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(place)?;
    Ok(quoted(&text, program).into_iter().map(|call| (place.to_owned(), call)).collect())
}

/// Why `program` does not take a call that a page shows; `None` when it does, and when a sentence only names a command without
/// what it needs.
#[must_use]
pub fn refusal(program: &Command, call: &Quoted) -> Option<String> {
    let error = program.clone().try_get_matches_from(&call.words).err()?;
    let is_taken = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !call.in_block,
        _ => false,
    };
    (!is_taken).then(|| format!("{:?}: {error}", call.words))
}

/// Every call of `program` in Markdown: the lines of its blocks for a shell, and the code within its sentences.
///
/// In front of the name may stand `$`, `sudo` or variables; comments behind it are left out, and so is a sentence's code with `…` or
/// brackets in it, which is no call but the form of one.
#[must_use]
pub fn quoted(markdown: &str, program: &str) -> Vec<Quoted> {
    let mut found = Vec::new();
    let (mut block, mut prose) = (None, String::new());
    let mut begun = String::new();
    for line in markdown.lines() {
        let bare = line.trim_start();
        if let Some(kind) = bare.strip_prefix("```").filter(|_| block.is_none() || bare.trim() == "```") {
            block = if block.is_some() { None } else { Some(kind.trim().to_owned()) };
            continue;
        }
        match block.as_deref() {
            None => prose.extend([line, " "]),
            Some("" | "sh" | "bash" | "console") => {
                begun += bare;
                match begun.strip_suffix('\\') {
                    Some(part) => begun = part.to_owned(),
                    None => found.extend(of(&std::mem::take(&mut begun), program, true)),
                }
            }
            Some(_) => {}
        }
    }
    for code in spans(&prose) {
        let form = ["…", "[", "<"].iter().any(|mark| code.contains(mark));
        if !form && code.strip_prefix(program).is_some_and(|rest| rest.starts_with(' ')) {
            found.extend(of(code, program, false));
        }
    }
    found
}

/// The calls of `program` in a line for a shell.
fn of(line: &str, program: &str, in_block: bool) -> Vec<Quoted> {
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let line = line.split_once(" #").map_or(line, |(line, _)| line);
    let before = |word: &String| word == "sudo" || word.contains('=');
    calls(&substituted(line))
        .into_iter()
        .map(|words| words.into_iter().skip_while(before).collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|word| word == program))
        .map(|words| Quoted { words, in_block })
        .collect()
}

/// `$(…)` as one word.
fn substituted(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, inside)) = rest.split_once("$(") {
        out.extend([before, "x"]);
        rest = inside.split_once(')').map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// What stands between backticks, as many behind it as in front.
fn spans(text: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        let width = rest[start..].bytes().take_while(|byte| *byte == b'`').count();
        let (ticks, inside) = (&rest[start..start + width], &rest[start + width..]);
        let Some(end) = inside.find(ticks) else { break };
        spans.push(inside[..end].trim());
        rest = &inside[end + width..];
    }
    spans
}

/// The words of each call in a line for a shell, without where their output goes; no call is empty.
fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut skip = false;
    for character in line.chars().chain([' ']) {
        match (character, quote) {
            (mark, Some(open)) if mark == open => quote = None,
            (other, Some(_)) => word.get_or_insert_default().push(other),
            (mark @ ('\'' | '"'), None) => {
                quote = Some(mark);
                word.get_or_insert_default();
            }
            (' ', None) => match word.take().as_deref() {
                None => {}
                Some("&&" | "|" | ";") => {
                    calls.push(Vec::new());
                    skip = false;
                }
                Some(">" | ">>" | "<") => skip = true,
                Some(_) if skip => skip = false,
                Some(whole) => calls.last_mut().into_iter().for_each(|call| call.push(whole.to_owned())),
            },
            (other, None) => word.get_or_insert_default().push(other),
        }
    }
    calls.retain(|call| !call.is_empty());
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_a_shell_does() {
        let check = |line: &str, expect: &[&[&str]]| assert_eq!(calls(line), expect, "{line}");
        check("", &[]);
        check("  a b", &[&["a", "b"]]);
        check("a && a c > file d", &[&["a"], &["a", "c", "d"]]);
        check("a --filter \"x == 'y z'\" '' | head", &[&["a", "--filter", "x == 'y z'", ""], &["head"]]);
    }

    #[test]
    fn calls_in_a_page_are_found_in_blocks_and_in_sentences() {
        let page = "Run `tool a b`, or `tool c …`; `tool.toml` and ``tool d `x` `` too.\n```sh\n$ sudo A=b tool e$(f g) \\\n  f > g  # not h\n\
                    other tool\n```\n```toml\ntool = 1\n```\n";

        let found = quoted(page, "tool");

        let call = |words: &[&str], in_block| Quoted {
            words: words.iter().map(|&it| it.to_owned()).collect(),
            in_block,
        };
        assert_eq!(
            found,
            [
                call(&["tool", "ex", "f"], true),
                call(&["tool", "a", "b"], false),
                call(&["tool", "d", "`x`"], false)
            ]
        );
    }

    #[test]
    fn examples_of_every_command_are_found() {
        let inner = Command::new("show").hide(true).after_help("Example:\n  tool key show < f\n  other show");
        let program = Command::new("tool").subcommand(Command::new("key").subcommand(inner));

        let found = examples(program);

        let words = ["tool", "key", "show"].map(str::to_owned).to_vec();
        assert_eq!(found, [Example { of: "tool key show".to_owned(), words }]);
    }
}
