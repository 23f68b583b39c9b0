//! What the command line says, without what it says to a terminal.

use std::fmt;

use zeroize::Zeroizing;

use super::{Line, PcliProblem, Way};
use crate::Finding;
use crate::answer::is_secret;

/// The output of one command.
///
/// Text without escape sequences, overwritten lines, prompts, the echo of the command, and pre-shared secrets. It may
/// hold an onboarding token, so it does not print itself and its memory is cleared.
pub struct Said {
    text: Zeroizing<String>,
    error: String,
    status: Option<i32>,
    prompted: bool,
}

impl Said {
    /// Reads what came out of a child that was given `command`, and how it ended. Any bytes will do.
    #[must_use]
    pub fn new(output: &[u8], error: &[u8], status: Option<i32>, command: &str) -> Self {
        let plain = Zeroizing::new(without_escapes(&String::from_utf8_lossy(output)));
        let mut text = Zeroizing::new(String::with_capacity(plain.len()));
        let mut prompted = false;
        for line in plain.split('\n') {
            let line = overwritten(line);
            let (behind, prompt) = behind_prompt(line);
            prompted |= prompt;
            if prompt && (behind.trim().is_empty() || behind.trim() == command) {
                continue;
            }
            text.push_str(&without_secret(behind));
            text.push('\n');
        }
        let end = text.trim_end().len();
        text.truncate(end);
        Self { text, error: clean(&String::from_utf8_lossy(error)), status, prompted }
    }

    /// The text; for looking into, never for showing it: there may be a token in it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first line that is a complaint, on a line of bounded length.
    ///
    /// The words are not documented: a cross or `%` in front, or what begins with error, invalid, unknown and the like.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        self.text.lines().map(behind_question).find(|line| is_complaint(line)).map(clean)
    }

    /// Whether the command ended by itself, and said no.
    pub(super) fn is_refusal(&self) -> bool {
        self.status.is_some() && self.complaint().is_some()
    }

    /// Every line, as a finding of its own: a message may go on on the next, and names stand anywhere in it.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let lines = self.text.lines().filter(|line| !line.trim().is_empty());
        lines.take(MOST_FINDINGS).map(|line| Finding { message: clean(line), path: None }).collect()
    }

    /// What it begins with, for a message; nothing that looks like a token.
    pub(super) fn first_line(&self) -> String {
        let line = self.text.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
        clean(line).chars().take(80).collect()
    }

    /// Whether there are three numbers with dots between them, as a version has.
    pub(super) fn has_version(&self) -> bool {
        self.text
            .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
            .any(|word| word.parse::<crate::Version>().is_ok())
    }

    /// The same, when the command did what it should as far as status and words tell.
    pub(super) fn judged(self, line: &Line, way: Way) -> Result<Self, PcliProblem> {
        let command = line.label();
        if self.status != Some(0) {
            let said = self.complaint().or_else(|| Some(self.error.clone()).filter(|text| !text.is_empty()));
            let said = said.unwrap_or_else(|| self.first_line());
            return Err(PcliProblem::Failed {
                command,
                status: self.status,
                said: said.into(),
                changes: line.changes(),
            });
        }
        if self.prompted && way == Way::Argument {
            return Err(PcliProblem::Ignored { command });
        }
        match self.complaint() {
            Some(said) if !line.only_shows() => Err(PcliProblem::Refused { command, said: said.into() }),
            _ => Ok(self),
        }
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Said")
            .field("bytes", &self.text.len())
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What a line says behind a question for yes or no, whose answer is not echoed.
fn behind_question(line: &str) -> &str {
    let ends = ["[y/N]", "[Y/n]", "[y/n]", "(y/N)", "(y/n)"];
    let behind = ends.iter().filter_map(|end| Some(line.rfind(end)? + end.len())).max();
    behind.map_or(line, |place| line[place..].trim_start_matches([':', '?', ' ']))
}

/// Whether output ends in a question for yes or no.
pub(super) fn asks(output: &[u8]) -> bool {
    let tail = &output[output.len().saturating_sub(TAIL)..];
    let tail = without_escapes(&String::from_utf8_lossy(tail)).to_ascii_lowercase();
    let tail = tail.trim_end().trim_end_matches([':', '?']).trim_end();
    tail.ends_with("[y/n]") || tail.ends_with("(y/n)")
}

/// Whether a session has shown its prompt again, behind what came of one command.
pub(super) fn is_over(output: &[u8]) -> bool {
    let plain = without_escapes(&String::from_utf8_lossy(output));
    let prompts = plain.lines().filter(|line| behind_prompt(overwritten(line)).1).count();
    let last = plain.rsplit('\n').next().map(overwritten).unwrap_or_default();
    prompts > 1 && behind_prompt(last) == ("", true)
}

/// One line for a message: no control characters, bounded, and no word as long as a token.
pub(super) fn clean(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        let word = if word.len() > LONGEST_WORD { "…" } else { word };
        if line.len() + word.len() > MOST_SAID {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Without escape sequences (ECMA-48: CSI, OSC and two-character ones) and other controls; backspaces take back.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => {
                    // parameters and intermediates, then one final byte
                    while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
                    chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
                }
                Some(']') => {
                    // up to BEL or ST, within the line
                    while let Some(c) = chars.next_if(|c| *c != '\n') {
                        if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                Some('\n') => plain.push('\n'),
                _ => {}
            },
            '\u{8}' if !plain.ends_with('\n') => {
                plain.pop();
            }
            '\n' | '\r' | '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

/// What is left of a line when its beginning was written over: what stands behind the last carriage return.
fn overwritten(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line)
}

/// A line without the prompts at its beginning, `*admin@node0.conductor (authority)# `, and whether there was one.
fn behind_prompt(line: &str) -> (&str, bool) {
    let (mut rest, mut prompted) = (line, false);
    while let Some(behind) = behind_one_prompt(rest) {
        (rest, prompted) = (behind, true);
    }
    (rest, prompted)
}

fn behind_one_prompt(line: &str) -> Option<&str> {
    let start = line.trim_start();
    let (prompt, behind) = start.split_once('#')?;
    let prompt = prompt.strip_prefix('*').unwrap_or(prompt);
    let (place, mode) = prompt.split_once(' ').unwrap_or((prompt, ""));
    let (user, place) = place.split_once('@')?;
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    let in_parentheses = mode.is_empty() || (mode.starts_with('(') && mode.ends_with(')'));
    (name(user) && name(place) && in_parentheses).then(|| behind.strip_prefix(' ').unwrap_or(behind))
}

/// A line of configuration without the value of a pre-shared secret.
fn without_secret(line: &str) -> String {
    let key =
        line.split(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"')).find(|word| is_secret(word));
    let Some(key) = key else { return line.to_owned() };
    let end = line.find(key).map_or(line.len(), |at| at + key.len());
    format!("{} (removed)", &line[..end])
}

fn is_complaint(line: &str) -> bool {
    let line = line.trim();
    if line.starts_with(['✖', '✗', '✘', '❌', '%']) {
        return true;
    }
    let lower: String = line.chars().take(40).flat_map(char::to_lowercase).collect();
    COMPLAINTS.iter().any(|begin| lower.starts_with(begin))
}

const TAIL: usize = 256;
const MOST_FINDINGS: usize = 10_000;
const COMPLAINTS: &[&str] = &[
    "abort",
    "error",
    "invalid",
    "unknown",
    "unrecognized",
    "failed",
    "failure",
    "cannot",
    "could not",
    "unable",
    "unauthorized",
    "permission denied",
    "not authorized",
    "command not found",
    "incomplete command",
    "ambiguous",
    "missing required",
    "validation failed",
];
const LONGEST_WORD: usize = 128;
const MOST_SAID: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(output: &str) -> String {
        Said::new(output.as_bytes(), b"", Some(0), "show x").text().to_owned()
    }

    #[test]
    fn what_is_for_a_terminal_is_taken_away() {
        for (output, expect) in [
            ("a\r\nb\r\n", "a\nb"),
            ("\u{1b}[32m✔\u{1b}[0m done", "✔ done"),
            ("\u{1b}]0;title\u{7}a\u{1b}]2;x\u{1b}\\b", "ab"),
            ("| Validating...\r/ Validating...\r✔ Validating", "✔ Validating"),
            ("ab\u{8}c", "ac"),
            ("admin@node0.c# show x\r\nvalue\r\nadmin@node0.c# ", "value"),
            ("*admin@node0.c (router r1)# admin@node0.c# value", "value"),
            ("mail me@example.net # 1", "mail me@example.net # 1"),
            ("pre-shared-secret  FAKE-SECRET", "pre-shared-secret (removed)"),
            ("  \"pre-shared-secret\": \"FAKE\",", "  \"pre-shared-secret (removed)"),
            ("\u{1b}[", ""),
            ("\u{1b}", ""),
        ] {
            assert_eq!(text(output), expect, "{output:?}");
        }
    }

    #[test]
    fn complaints_are_known_by_how_they_begin() {
        for line in ["✖ no", "% Error: no", "Error: no", "Invalid argument", "Unknown command 'y'"] {
            let said = Said::new(format!("ok\n  {line}").as_bytes(), b"", Some(0), "x");
            assert_eq!(said.complaint().as_deref(), Some(line));
        }
        let asked = Said::new("Are you sure? [y/N]: ✖ no".as_bytes(), b"", Some(0), "x");
        assert_eq!(asked.complaint().as_deref(), Some("✖ no"), "an answer stands behind its question");
        assert_eq!(Said::new("✔ Committed\nno errors".as_bytes(), b"", Some(0), "x").complaint(), None);
    }

    #[test]
    fn questions_and_the_end_of_a_command_are_seen() {
        for (output, question, over) in [
            ("", false, false),
            ("Are you sure? [y/N]: ", true, false),
            ("\u{1b}[1mAre you sure [Y/n]?\u{1b}[0m ", true, false),
            ("[y/N]: y\nDone\n", false, false),
            ("hello\na@b.c# ", false, false),
            ("hello\na@b.c# Done\n", false, false),
            ("hello\na@b.c# Done\n*a@b.c# ", false, true),
        ] {
            assert_eq!((asks(output.as_bytes()), is_over(output.as_bytes())), (question, over), "{output:?}");
        }
    }

    #[test]
    fn status_and_words_are_judged() {
        let judged = |output: &str, status, line: &Line, way| {
            Said::new(output.as_bytes(), b"why", status, "").judged(line, way)
        };
        let (show, commit) = (Line::show_version(), Line::commit());

        assert!(judged("Error is what was asked for", Some(0), &show, Way::Argument).is_ok());
        assert!(matches!(
            judged("Error: no", Some(0), &commit, Way::Argument),
            Err(PcliProblem::Refused { .. })
        ));
        let failed = judged("", Some(2), &commit, Way::Argument).unwrap_err();
        assert!(
            failed.outcome_unknown() && failed.to_string() == "`commit` ended with status 2: why",
            "{failed}"
        );
        assert!(matches!(judged("a@b# ", Some(0), &show, Way::Argument), Err(PcliProblem::Ignored { .. })));
        assert!(judged("a@b# ", Some(0), &show, Way::Input).is_ok());
    }

    #[test]
    fn nothing_as_long_as_a_token_gets_into_a_message() {
        let token = format!("eyJ{}", "a".repeat(400));
        let said = Said::new(format!("Error: {token}").as_bytes(), token.as_bytes(), Some(1), "x");
        assert_eq!(said.complaint().as_deref(), Some("Error: …"));
        assert!(!format!("{said:?}").contains("eyJ"));
        assert!(!said.judged(&Line::show_version(), Way::Argument).unwrap_err().to_string().contains("eyJ"));
    }
}
