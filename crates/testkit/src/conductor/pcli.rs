//! The command line: what a typed line does, and what it says.

use serde_json::{Value, json};

use super::rest::shown;
use super::settings::{CommandWay, ConductorSettings, TokenPlace};
use super::tree;
use super::world::{Ask, World};
use crate::rng::Rng;

/// What is printed when, and whether the session ends with that.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) exit: Option<i32>,
    /// The session says nothing any more.
    pub(super) silent: bool,
}

/// One session: what it still wants to know.
#[derive(Debug, Default)]
pub(super) struct Session {
    argument: bool,
    pending: Option<String>,
    failed: bool,
    /// What the next command is refused with.
    refusal: Option<String>,
    /// The status that the session is to end with, whatever became of it.
    status: Option<i32>,
}

impl Session {
    /// What this line would run: itself, or the command whose question it answers.
    pub(super) fn command<'a>(&'a self, line: &'a str) -> &'a str {
        self.pending.as_deref().unwrap_or(line)
    }

    /// Whether this line runs something: it is no command that asks first, and no answer but yes.
    pub(super) fn runs(&self, world: &World, line: &str) -> bool {
        match &self.pending {
            Some(_) => line.trim().eq_ignore_ascii_case("y"),
            None => !asks(world, line.trim()),
        }
    }

    /// The next command is not run, and this is said instead.
    pub(super) fn refuse_next(&mut self, text: &str) {
        self.refusal = Some(text.to_owned());
    }

    /// The session will end with this status.
    pub(super) const fn end_with(&mut self, status: i32) {
        self.status = Some(status);
    }

    /// Begins, with the command that was given as an argument or none.
    pub(super) fn begin(
        &mut self,
        world: &mut World,
        settings: &ConductorSettings,
        argument: Option<&str>,
    ) -> Printed {
        match (argument, world.readings.command_way) {
            (Some(command), CommandWay::Both | CommandWay::Argument) => {
                self.argument = true;
                let mut printed = self.type_line(world, settings, command);
                if self.pending.is_none() {
                    printed.exit = Some(self.exit_status(world));
                }
                printed
            }
            (None, CommandWay::Argument) => {
                let err = "the command line needs a terminal\n".to_owned();
                Printed { err, exit: Some(1), ..Printed::default() }
            }
            _ => {
                let out = format!("Session Smart Router {}\n{}", settings.version, prompt(world, settings));
                Printed { out, ..Printed::default() }
            }
        }
    }

    /// A line of input.
    pub(super) fn line(&mut self, world: &mut World, settings: &ConductorSettings, line: &str) -> Printed {
        let mut printed = self.type_line(world, settings, line.trim());
        if self.argument {
            printed.exit = Some(self.exit_status(world)); // an argument is one command; this was its answer
        } else if printed.exit.is_none() && self.pending.is_none() {
            printed.out.push_str(&prompt(world, settings));
        }
        printed
    }

    /// The end of the input; a question that is open is answered with no.
    pub(super) fn end(&mut self, world: &World) -> Printed {
        let out = if self.pending.take().is_some() { "\nAborted\n" } else { "\n" };
        Printed { out: out.to_owned(), exit: Some(self.exit_status(world)), ..Printed::default() }
    }

    fn exit_status(&self, world: &World) -> i32 {
        self.status.unwrap_or_else(|| i32::from(self.failed && world.readings.honest_status))
    }

    fn type_line(&mut self, world: &mut World, settings: &ConductorSettings, line: &str) -> Printed {
        if let Some(command) = self.pending.take() {
            if line.eq_ignore_ascii_case("y") {
                return self.run(world, settings, &command);
            }
            return Printed { out: "Aborted\n".to_owned(), ..Printed::default() };
        }
        if matches!(line, "exit" | "quit") {
            return Printed { exit: Some(self.exit_status(world)), ..Printed::default() };
        }
        if asks(world, line) {
            self.pending = Some(line.to_owned());
            return Printed {
                out: format!("Are you sure that you want to {line}? [y/N]: "),
                ..Printed::default()
            };
        }
        self.run(world, settings, line)
    }

    fn run(&mut self, world: &mut World, settings: &ConductorSettings, line: &str) -> Printed {
        self.note(world, settings, line);
        let said = self.refusal.take().map_or_else(|| run(world, settings, line), Err);
        self.failed |= said.is_err();
        let text = match said {
            Ok(text) => text,
            Err(text) => format!("✖ {text}"),
        };
        Printed { out: dressed(world, line, text), ..Printed::default() }
    }

    /// Others do what they do before this command, and it is written down.
    fn note(&self, world: &mut World, settings: &ConductorSettings, line: &str) {
        world.before(line);
        let writes = ["configure", "config", "commit", "restore"].iter().any(|word| line.starts_with(word));
        world.asked.push(Ask {
            at: ids::Timestamp::now(),
            account: settings.user.clone(),
            what: line.to_owned(),
            body: String::new(),
            writes,
            status: None,
        });
    }
}

/// Whether a command asks first.
fn asks(world: &World, line: &str) -> bool {
    let mut words = line.split_whitespace();
    let deletes = matches!(words.next(), Some("configure" | "config")) && {
        let mut rest = words.skip_while(|word| *word != "delete").skip(1);
        rest.next().is_some_and(|word| word != "force")
    };
    world.readings.asks && (deletes || matches!(line, "commit" | "restore config running"))
}

/// What a command does; what it says, good or bad.
fn run(world: &mut World, settings: &ConductorSettings, line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [] => Ok(String::new()),
        ["show", "system", "version"] => Ok(format!(
            "Node   Version\n------ -----------\nnode0  {}\nCompleted in 0.05 seconds",
            settings.version
        )),
        ["show", "secure-conductor-onboarding"] => Ok(all_states(world, settings)),
        ["show", "secure-conductor-onboarding", asset] => state(world, settings, asset),
        ["show", "assets"] => Ok(assets(world, settings, None)),
        ["show", "assets", asset] => Ok(assets(world, settings, Some(asset))),
        ["show", "config", "running", path @ ..] => show(world, &world.running, path),
        ["show", "config", "candidate", path @ ..] => show(world, &world.candidate, path),
        ["compare", "config", "running", "candidate"] => Ok(compare(world)),
        ["create", "secure-conductor-onboarding", "token", rest @ ..] => create_token(world, settings, rest),
        ["configure" | "config", path @ ..] if path.contains(&"delete") => delete(world, path),
        ["configure" | "config", path @ .., value] => configure(world, path, value),
        ["validate"] => match world.validate() {
            found if found.is_empty() => Ok("✔ Validating...\nConfiguration is valid".to_owned()),
            found => Err(numbered(&found)),
        },
        ["commit"] | ["commit", "force"] => match world.commit("pcli") {
            Ok(()) => Ok("✔ Validating, then committing...\nConfiguration committed".to_owned()),
            Err(found) => Err(numbered(&found)),
        },
        ["restore", "config", "running"] => {
            world.candidate = world.running.clone();
            Ok("✔ Restored".to_owned())
        }
        [first, ..] => Err(format!("Unknown command '{first}'")),
    }
}

fn create_token(world: &World, settings: &ConductorSettings, words: &[&str]) -> Result<String, String> {
    let value =
        |key: &str| words.iter().position(|word| *word == key).and_then(|at| words.get(at + 1).copied());
    let router = value("router-name").ok_or("Missing required argument router-name")?;
    let seconds = match value("expiration-timeout") {
        None => DAY,
        Some(text) => span(text).ok_or_else(|| format!("Invalid expiration-timeout '{text}'"))?,
    };
    let token = world.token(router, seconds, settings).map_err(|text| format!("Error: {text}"))?;
    Ok(match world.readings.token_place {
        TokenPlace::Alone => token,
        TokenPlace::Labelled => format!("Token: {token}"),
        TokenPlace::Json => json!({ "token": token }).to_string(),
    })
}

/// `1h`, `2d`, `1w`, `1M`; a year is the most.
fn span(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "h" => 3_600,
        "d" => DAY,
        "w" => 7 * DAY,
        "M" => 30 * DAY,
        "y" => 365 * DAY,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok()?.checked_mul(unit)?;
    (1..=365 * DAY).contains(&seconds).then_some(seconds)
}

fn configure(world: &mut World, path: &[&str], value: &str) -> Result<String, String> {
    let (field, place) = path.split_last().ok_or("Incomplete command")?;
    if place.first() != Some(&"authority") || place.len() < 2 && *field == "router" {
        return Err("Incomplete command".to_owned());
    }
    let value = match value {
        "true" => json!(true),
        "false" => json!(false),
        text => json!(text),
    };
    tree::merge(&mut world.candidate, place, json!({ *field: value }));
    Ok(String::new())
}

/// `configure authority … delete [force] ELEMENT…`: `delete` is a word of every container, and what follows it is below.
fn delete(world: &mut World, path: &[&str]) -> Result<String, String> {
    let at = path.iter().position(|word| *word == "delete").ok_or("Incomplete command")?;
    let below = path[at + 1..].strip_prefix(&["force"]).unwrap_or_else(|| &path[at + 1..]);
    if below.is_empty() || path.first() != Some(&"authority") {
        return Err("Incomplete command".to_owned());
    }
    let place = [&path[..at], below].concat();
    if tree::remove(&mut world.candidate, &place) {
        return Ok(String::new());
    }
    Err("Error: there is no such configuration".to_owned())
}

fn show(world: &World, tree: &Value, path: &[&str]) -> Result<String, String> {
    let found = tree::find(tree, path).cloned().ok_or("Error: there is no such configuration")?;
    let mut out = String::new();
    tree::shown(&shown(world, found), 0, &mut out);
    Ok(out)
}

fn compare(world: &World) -> String {
    if !world.is_dirty() {
        return "No differences".to_owned();
    }
    let text = |tree: &Value| {
        let mut out = String::new();
        tree::shown(&shown(world, tree.clone()), 0, &mut out);
        out
    };
    let (running, candidate) = (text(&world.running), text(&world.candidate));
    let lines = |from: &str, other: &str, sign: char| -> String {
        from.lines()
            .filter(|line| !other.lines().any(|other| other == *line))
            .map(|line| format!("{sign}{line}\n"))
            .collect()
    };
    lines(&running, &candidate, '-') + &lines(&candidate, &running, '+')
}

fn state(world: &World, settings: &ConductorSettings, asset: &str) -> Result<String, String> {
    let (router, node) = world.owner(asset).ok_or_else(|| format!("Error: asset '{asset}' is not known"))?;
    let (auth, _) = world.states(asset, settings);
    Ok(format!(
        "Asset Id:    {asset}\nRouter:      {router}\nNode:        {node}\nMode:        {}\nAuth State:  {auth}",
        world.mode(&router)
    ))
}

fn all_states(world: &World, settings: &ConductorSettings) -> String {
    let rows = world.asset_ids().into_iter().filter_map(|asset| {
        let (router, node) = world.owner(&asset)?;
        let (auth, _) = world.states(&asset, settings);
        Some(format!("{asset:<16} {router:<16} {node:<8} {auth}\n"))
    });
    let rows: String = rows.collect();
    format!("Asset Id         Router           Node     Auth State\n{rows}")
}

fn assets(world: &World, settings: &ConductorSettings, only: Option<&str>) -> String {
    let ids = world.asset_ids().into_iter().filter(|id| only.is_none_or(|only| id == only));
    let rows = ids.map(|asset| {
        let (router, node) = world.owner(&asset).unwrap_or_default();
        let (_, status) = world.states(&asset, settings);
        format!("{asset:<16} {router:<16} {node:<8} {:<12} {status}\n", settings.version)
    });
    let rows: String = rows.collect();
    format!("Asset Id         Router           Node     SSR Version  Status\n{rows}")
}

fn numbered(found: &[super::validate::Found]) -> String {
    let lines: Vec<String> = found
        .iter()
        .enumerate()
        .map(|(at, found)| format!("{}. {}\n   config path: {}", at + 1, found.message, found.path))
        .collect();
    format!("Failed to validate:\n{}", lines.join("\n"))
}

fn prompt(world: &World, settings: &ConductorSettings) -> String {
    let dirty = if world.is_dirty() { "*" } else { "" };
    format!("{dirty}{}@node0.{}# ", settings.user, settings.name)
}

/// The text with everything that the command line is to add.
fn dressed(world: &World, line: &str, text: String) -> String {
    let readings = &world.readings;
    let mut text = match readings.wrap {
        Some(columns) => wrapped(&text, columns.max(1)),
        None => text,
    };
    if readings.decorated {
        let spinner = if line.starts_with("commit") || line == "validate" {
            "| Working...\r/ Working...\r"
        } else {
            ""
        };
        text = format!("\u{1b}[?25l{spinner}\u{1b}[1m{}\u{1b}[0m\u{1b}[?25h", text.replace('\n', "\r\n"));
    }
    text.push('\n');
    if readings.appended {
        let number = Rng::new(text.len() as u64).below(100);
        text.push_str(&format!("Asset FAKE-{number}: state changed to synchronized\n"));
    }
    text
}

fn wrapped(text: &str, columns: usize) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let letters: Vec<char> = line.chars().collect();
            let pieces: Vec<String> = letters.chunks(columns).map(|piece| piece.iter().collect()).collect();
            pieces.join("\n")
        })
        .collect();
    lines.join("\n")
}

const DAY: i64 = 86_400;
