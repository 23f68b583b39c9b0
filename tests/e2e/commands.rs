//! What every command of both programs has: a help with an example, a manual page, a place in the completions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{fogbell_program, fogpilot_program};

mod json;

/// A program, as it was built.
struct Program {
    name: &'static str,
    file: PathBuf,
}

fn programs() -> [Program; 2] {
    [
        Program { name: "fogbell", file: fogbell_program() },
        Program { name: "fogpilot", file: fogpilot_program() },
    ]
}

impl Program {
    fn help(&self, command: &[String]) -> String {
        let mut asked = Command::new(&self.file);
        asked.args(command).arg("--help").env_remove("COLUMNS").env_remove("RUST_LOG");
        let output = asked.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{} {command:?}: {said}", self.name);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Every command that the helps name, with its help; the program itself first.
    fn commands(&self) -> Vec<(Vec<String>, String)> {
        let (mut found, mut next) = (Vec::new(), vec![Vec::new()]);
        while let Some(command) = next.pop() {
            let help = self.help(&command);
            let inner = named(&help).into_iter().rev();
            next.extend(inner.map(|name| [command.clone(), vec![name]].concat()));
            found.push((command, help));
        }
        found
    }

    /// Writes pages and completions, and answers where.
    fn manual(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(&self.file).arg("manual").arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    }
}

/// The commands that a help lists, without `help` itself.
fn named(help: &str) -> Vec<String> {
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/commands/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: UPDATE_GOLDEN=1 writes it");
}

#[test]
fn every_command_has_a_help_with_an_example_of_itself() {
    for program in programs() {
        let commands = program.commands();
        for (command, help) in &commands {
            let call = [vec![program.name.to_owned()], command.clone()].concat().join(" ");
            let examples = help.split("\nExample").nth(1).unwrap_or_else(|| panic!("no example:\n{help}"));
            assert!(examples.contains(&call), "no example of `{call}`:\n{help}");
        }
        assert!(commands.len() > 20, "{}: {} commands", program.name, commands.len());
    }
}

#[test]
fn the_helps_of_fogbell_are_those_that_were_looked_at() {
    let [fogbell, _] = programs();
    let shown = |(command, help): (Vec<String>, String)| {
        let call = [vec!["fogbell".to_owned()], command, vec!["--help".to_owned()]].concat().join(" ");
        format!("$ {call}\n{help}\n")
    };
    golden("fogbell.txt", &fogbell.commands().into_iter().map(shown).collect::<String>());
}

#[test]
fn every_command_has_a_manual_page_that_mandoc_takes() {
    for program in programs() {
        let folder = program.manual();
        let pages = folder.path().join("man/man1");
        let files: BTreeSet<String> = fs::read_dir(&pages)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let commands = program.commands();
        let page =
            |command: &[String]| [vec![program.name.to_owned()], command.to_vec()].concat().join("-") + ".1";
        let expected: BTreeSet<String> = commands.iter().map(|(command, _)| page(command)).collect();
        assert_eq!(files, expected);

        for (command, help) in &commands {
            let file = pages.join(page(command));
            let output =
                Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(&file).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            // a page has no date, since it says the version; and one line break in a row is enough
            let harmless = |line: &&str| line.contains("missing date") || line.contains("paragraph macro");
            let faults: Vec<&str> = said.lines().filter(|line| !harmless(line)).collect();
            assert!(faults.is_empty(), "{faults:?}");
            let output =
                Command::new("mandoc").args(["-T", "utf8", "-O", "width=500"]).arg(&file).output().unwrap();
            let shown = unstruck(&String::from_utf8(output.stdout).unwrap());
            let example = help.split("\nExample").nth(1).unwrap().lines().nth(1).unwrap().trim();
            assert!(shown.lines().any(|line| line.trim() == example), "`{example}` is not in:\n{shown}");
        }
    }
}

/// Text without the overstriking that shows bold and underlined letters.
fn unstruck(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '\u{8}' => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

#[test]
fn bash_takes_the_completions_which_know_every_command() {
    for program in programs() {
        let folder = program.manual();
        let places = ["bash-completion/completions", "zsh/vendor-completions", "fish/vendor_completions.d"];
        let names = [program.name.to_owned(), format!("_{}", program.name), format!("{}.fish", program.name)];
        for (place, name) in places.iter().zip(names) {
            let text = fs::read_to_string(folder.path().join(place).join(&name)).unwrap();
            for (command, _) in program.commands().iter().skip(1) {
                assert!(text.contains(command.last().unwrap()), "{name}: {command:?}");
            }
        }
        // what bash would offer behind the name of the program; without a compspec, `complete -p` fails
        let script = format!(
            "set -e; . '{}'; complete -p {name} >/dev/null; COMP_WORDS=({name} ''); COMP_CWORD=1; \
             _{name} {name} '' {name}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            folder.path().join(places[0]).join(program.name).display(),
            name = program.name
        );
        let bash = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
        let offered = String::from_utf8(bash.stdout).unwrap();
        for name in named(&program.help(&[])) {
            assert!(offered.lines().any(|line| line == name), "{name} is not offered:\n{offered}");
        }
    }
}
