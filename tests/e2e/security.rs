//! `docs/security.md` sends nobody to a command that is not there.

use std::collections::BTreeSet;
use std::fs;

use e2e::ask_fogbell;

#[test]
fn every_command_of_the_page_exists() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md")).unwrap();
    let mut commands = BTreeSet::new();
    // those between backticks, and those that begin a line
    for code in text.split('`').skip(1).step_by(2).chain(text.lines()) {
        let Some(words) = code.trim().strip_prefix("fogbell ") else {
            continue;
        };
        let is_word = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
        let command: Vec<&str> =
            words.split_whitespace().take_while(|word| is_word(word) && !word.starts_with('-')).collect();
        let options = words.split_whitespace().filter(|word| word.starts_with("--")).map(str::to_owned);
        commands.insert((command.join(" "), options.collect::<Vec<_>>()));
    }

    assert!(commands.len() > 15, "{commands:?}");
    for (command, options) in &commands {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let answer = ask_fogbell(&words);
        assert_eq!(answer.code, 0, "`fogbell {command}`: {}", answer.said);
        for option in options {
            assert!(answer.out.contains(option), "`fogbell {command}` has no {option}");
        }
    }
}
