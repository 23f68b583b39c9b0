//! Examples in the help of commands.

use clap::Command;

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
    fn examples_of_every_command_are_found() {
        let inner = Command::new("show").hide(true).after_help("Example:\n  tool key show < f\n  other show");
        let program = Command::new("tool").subcommand(Command::new("key").subcommand(inner));

        let found = examples(program);

        let words = ["tool", "key", "show"].map(str::to_owned).to_vec();
        assert_eq!(found, [Example { of: "tool key show".to_owned(), words }]);
    }
}
