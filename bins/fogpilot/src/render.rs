//! `fogpilot render`: the exact commands, for a person who enters them at the conductor.

use std::io::{self, Write as _};
use std::path::PathBuf;

use conductor::{Lifetime, Line, Name, Version, Word};
use sco::config::Change;
use sco::plan::{Plan, PlannedRouter, Steps};
use sco::run::wave::commands;
use serde::Serialize;

use crate::exit::{Done, Exit, Failure};
use crate::output::{self, Format, VERSION};
use crate::profile::Which;
use crate::wishes::Wishes;

mod setup;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  fogpilot render wave1.plan --for 7.2.3 --window-hours 8 > pcli.txt
  fogpilot render -f routers.csv --profile prod -o json
  fogpilot render --conductor-setup

Lines that begin with # are for the person. Then: fogpilot import-token --plan wave1.plan tokens.txt")]
pub(crate) struct Args {
    /// The plan, as `fogpilot plan -o` wrote it
    #[arg(required_unless_present_any = ["file", "conductor_setup"], conflicts_with_all = ["file", "conductor_setup"])]
    plan: Option<PathBuf>,
    /// CSV file with the routers, of which a plan is made first; `import-token` and `apply` need that plan in a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "conductor_setup")]
    file: Option<PathBuf>,
    /// Print what prepares the conductor itself, which fogpilot never writes
    #[arg(long)]
    conductor_setup: bool,
    /// The conductor's software, as in 7.2.3-8r2 [default: that of the conductor, where it is asked]
    #[arg(long = "for", value_name = "VERSION")]
    version: Option<Version>,
    /// Hours until the last router of the plan is assigned; tokens are made for them and what follows
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    window_hours: u16,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    wishes: Wishes,
    /// How to write the answer
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    output: Format,
}

/// Prints the commands; nothing is written or sent.
pub(crate) fn run(args: &Args) -> Done {
    if args.conductor_setup {
        return print(args.output, vec![setup::section()]);
    }
    let (plan, found) = match (&args.plan, &args.file) {
        (Some(path), _) => (crate::plan::load(path)?, None),
        (None, Some(file)) => {
            let session = args.which.open()?;
            let made = args.wishes.plan(&session, file)?;
            (made.plan, made.version)
        }
        (None, None) => return Err(Failure::usage("nothing says what to render; give a plan or -f FILE")),
    };
    let version = match (&args.version, found) {
        (Some(version), _) => Some(version.clone()),
        (None, Some(found)) => Some(found),
        (None, None) => None,
    };
    let faults = version
        .as_ref()
        .map_or(Ok(Vec::new()), Version::known_faults)
        .map_err(|error| Failure::of(Exit::Preflight, error))?;
    if plan.is_empty() {
        writeln!(io::stderr(), "fogpilot: the plan has nothing to do")?;
    }
    let mut sections = vec![about(&plan, version.as_ref())];
    sections[0].notes.extend(faults.iter().map(ToString::to_string));
    sections.extend(changes(&plan));
    sections.push(tokens(&plan, args.window_hours)?);
    sections.push(states(&plan)?);
    print(args.output, sections)
}

/// Commands that belong together.
#[derive(Serialize)]
struct Section {
    title: String,
    /// For the person who enters them.
    notes: Vec<String>,
    commands: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    version: u32,
    sections: Vec<Section>,
}

fn print(format: Format, sections: Vec<Section>) -> Done {
    if format == Format::Table {
        io::stdout().write_all(text(&sections).as_bytes())?;
        return Ok(Exit::Ok);
    }
    let row = |section: &Section, command: &String| vec![section.title.clone(), command.clone()];
    let cells: Vec<Vec<String>> = sections
        .iter()
        .flat_map(|section| section.commands.iter().map(move |command| row(section, command)))
        .collect();
    let answer = Answer { version: VERSION, sections };
    output::rows(format, &answer, "sections", &["section", "command"], &cells)?;
    Ok(Exit::Ok)
}

fn text(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        text += &format!("# {}\n", section.title);
        text.extend(section.notes.iter().map(|note| format!("#   {note}\n")));
        text.extend(section.commands.iter().map(|command| format!("{command}\n")));
        text.push('\n');
    }
    text
}

fn about(plan: &Plan, version: Option<&Version>) -> Section {
    let version = version.map_or_else(
        || "its software is not known here; 7.1.3 or later is needed".to_owned(),
        |version| format!("its software is {version}"),
    );
    Section {
        title: format!("Onboarding of {} routers; plan {:.23}", plan.steps().count(), plan.hash()),
        notes: vec![
            format!("organisation {}; conductor with the key {}; {version}", plan.org(), plan.conductor()),
            "enter one line after the other at the conductor's PCLI, and answer its questions with y; lines with # are for you"
                .to_owned(),
        ],
        commands: Vec::new(),
    }
}

/// Each wave: its changes, and one commit.
fn changes(plan: &Plan) -> Vec<Section> {
    let all: Vec<(&PlannedRouter, &Steps)> = plan.steps().collect();
    let mut sections = Vec::new();
    for (number, wave) in plan.waves().iter().enumerate() {
        let of_wave = all.iter().filter(|(router, _)| wave.routers.contains(&router.name));
        let changes: Vec<&Change> = of_wave.flat_map(|(_, steps)| &steps.changes).collect();
        if changes.is_empty() {
            continue;
        }
        let mut lines = vec![Line::compare().text().to_owned()];
        lines.extend(commands(changes.iter().copied()).iter().map(ToString::to_string));
        lines.extend([Line::compare(), Line::validate(), Line::commit()].map(|line| line.text().to_owned()));
        let canary = if wave.canary { ", the canary" } else { "" };
        sections.push(Section {
            title: format!("Wave {}{canary}: {} routers on the conductor", number + 1, wave.routers.len()),
            notes: vec![
                "the first `compare` must show nothing, or somebody else is at work: stop".to_owned(),
                "the second must show these lines and no other; only then validate and commit".to_owned(),
            ],
            commands: lines,
        });
    }
    sections
}

/// The commands that make the tokens, once everything is committed.
fn tokens(plan: &Plan, window: u16) -> Result<Section, Failure> {
    let mut lines = Vec::new();
    for (router, steps) in plan.steps().filter(|(_, steps)| !steps.assign.is_empty()) {
        let hours = u16::try_from(steps.token_hours).unwrap_or(u16::MAX).saturating_add(window);
        let lifetime = Lifetime::hours(hours)
            .map_err(|error| Failure::usage(format!("--window-hours {window} is too long: {error}")))?;
        let name = Name::new(router.name.as_str())?;
        lines.push(Line::create_token(&name, lifetime).text().to_owned());
    }
    Ok(Section {
        title: "Onboarding tokens, when everything above is committed".to_owned(),
        notes: vec![
            "what these print is SECRET: put it into a file that you alone may read (umask 077)".to_owned(),
            "and hand it to `fogpilot import-token`; the order does not matter".to_owned(),
        ],
        commands: lines,
    })
}

/// The commands that show how it went.
fn states(plan: &Plan) -> Result<Section, Failure> {
    let mut lines = Vec::new();
    for (router, _) in plan.steps() {
        for asset_id in router.basis.nodes.values().filter_map(|node| node.wanted_asset_id.as_ref()) {
            lines.push(Line::show_onboarding(Some(&Word::new(asset_id.as_str())?)).text().to_owned());
        }
    }
    Ok(Section {
        title: "State, when the routers are assigned".to_owned(),
        notes: vec!["`fogpilot import-token --run RUN` reads what these print".to_owned()],
        commands: lines,
    })
}
