//! `cargo xtask bench`: the relay's figures next to their goals, and to references measured in the same minute.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::programs::succeeds;
use crate::workspace::Workspace;

mod admin;
mod burst;
mod directory;
mod disk;
mod document;
mod figures;
mod goal;
mod lab;
mod latency;
mod machine;
mod memory;
mod plots;
mod report;
mod server;
mod stage;
mod start;
mod sustained;
mod svg;
mod table;
mod traps;
mod trial;

use lab::{BODY_BYTES, CONNECTIONS, Lab, Plan};
use machine::Machine;
use report::Report;

/// Builds the programs, runs the benches named in `arguments` or all of them, prints their figures and one table of
/// all goals, or with `--json` one object on standard output, and writes the plots.
///
/// # Errors
///
/// When a program cannot be built or started, or does not do what it is for.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let options = Options::parse(arguments)?;
    let written = options.out.clone().unwrap_or_else(|| workspace.root.join("docs"));
    if options.out.is_some() && !written.join("performance.md").is_file() {
        bail!("`{}` has no performance.md to write figures into", written.display());
    }
    build(workspace)?;
    let lab = Lab::new(workspace, options.plan, options.before.clone());
    let machine = Machine::look(workspace);
    lab.warm_up()?;
    let reports = measure(&lab, &options)?;

    let about = about(&lab, &machine);
    let mut text = format!("{about}\n\n");
    for report in &reports {
        text += &format!("## {}\n\n{}\n", report.name, report.text());
    }
    let goals = goal::table(reports.iter().flat_map(Report::judged));
    if !goals.is_empty() {
        text += &format!("## goals\n\n{goals}");
    }
    for (file, plot) in reports.iter().flat_map(|report| &report.plots) {
        write(&written.join("plots").join(format!("{file}.svg")), &plot.svg())?;
    }
    if options.out.is_some() {
        let document = written.join("performance.md");
        for report in &reports {
            document::fill(&document, report.name, &format!("{about}\n\n{}", report.document()))?;
        }
        if options.names == Name::ALL {
            document::fill(&document, "goals", &format!("{about}\n\n{goals}"))?;
        }
    }
    if options.json {
        eprint!("{text}");
        println!("{}", json(&lab, &machine, &reports));
    } else {
        print!("{text}");
    }
    Ok(ExitCode::SUCCESS)
}

fn build(workspace: &Workspace) -> Result<()> {
    eprintln!("bench: building");
    // One after the other, so that the relay is built with its own features, as it is shipped.
    for package in ["fogbell", "e2e", "fogbell-testkit"] {
        let mut build = workspace.cargo(["build", "--release", "--quiet", "--bins", "--package", package]);
        // Standard output is for the result alone.
        if !succeeds(build.stdout(std::io::stderr()))? {
            bail!("the programs do not build");
        }
    }
    Ok(())
}

fn measure(lab: &Lab<'_>, options: &Options) -> Result<Vec<Report>> {
    let wanted = |name| options.names.contains(&name);
    let mut reports = Vec::new();
    // memory is what the other two took
    let burst = (wanted(Name::Burst) || wanted(Name::Memory)).then(|| burst::run(lab)).transpose()?;
    let sustained =
        (wanted(Name::Sustained) || wanted(Name::Memory)).then(|| sustained::run(lab)).transpose()?;
    reports.extend(burst.as_ref().filter(|_| wanted(Name::Burst)).map(burst::report));
    reports.extend(sustained.as_ref().filter(|_| wanted(Name::Sustained)).map(sustained::report));
    if wanted(Name::Traps) {
        reports.push(traps::run(lab)?);
    }
    if wanted(Name::Latency) {
        reports.push(latency::run(lab)?);
    }
    if let (true, Some(burst), Some(sustained)) = (wanted(Name::Memory), &burst, &sustained) {
        reports.push(memory::report(burst, sustained));
    }
    if wanted(Name::Start) {
        reports.push(start::run(lab)?);
    }
    if wanted(Name::Directory) {
        reports.push(directory::run(lab)?);
    }
    if wanted(Name::Plots) {
        reports.push(plots::run(lab)?);
    }
    Ok(reports)
}

/// What was measured, on what and how; one paragraph.
fn about(lab: &Lab<'_>, machine: &Machine) -> String {
    let Plan { rounds, seconds } = lab.plan;
    let cores = if lab.pinned {
        "server on core 0, load and receivers on core 1"
    } else {
        "NOT pinned: all share all cores"
    };
    let rounds = if rounds == 1 {
        "1 round".to_owned()
    } else {
        format!("medians of {rounds} rounds (least to most)")
    };
    format!(
        "{}. {rounds}, windows of {seconds} s where nothing else is said; {cores}; {CONNECTIONS} connections of TLS 1.3, \
         signed alarms of {BODY_BYTES} bytes.",
        machine.text()
    )
}

fn json(lab: &Lab<'_>, machine: &Machine, reports: &[Report]) -> Value {
    json!({
        "benches": reports.iter().map(Report::json).collect::<Vec<_>>(),
        "rounds": lab.plan.rounds,
        "seconds": lab.plan.seconds,
        "connections": CONNECTIONS,
        "body_bytes": BODY_BYTES,
        "pinned": lab.pinned,
        "machine": machine.json(),
        "revision": machine.revision(),
    })
}

/// Writes a file, and its folder when that is missing.
fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().expect("a file is in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, text))
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// The benches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Name {
    Burst,
    Sustained,
    Traps,
    Latency,
    Memory,
    Start,
    Directory,
    Plots,
}

impl Name {
    const ALL: [Self; 8] = [
        Self::Burst,
        Self::Sustained,
        Self::Traps,
        Self::Latency,
        Self::Memory,
        Self::Start,
        Self::Directory,
        Self::Plots,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Sustained => "sustained",
            Self::Traps => "traps",
            Self::Latency => "latency",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Directory => "directory",
            Self::Plots => "plots",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Options {
    /// In the order of [`Name::ALL`].
    names: Vec<Name>,
    plan: Plan,
    json: bool,
    /// The folder whose `performance.md` is filled in; the plots go there too.
    out: Option<PathBuf>,
    /// Another relay to measure burst and sustained with.
    before: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let (mut named, mut plan, mut json) = (Vec::new(), Plan::default(), false);
        let (mut out, mut before) = (None, None);
        let mut words = arguments.iter().flat_map(|argument| argument.splitn(2, '='));
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            let number = |text: &str, most: u64| -> Result<u64> {
                let number = text.parse().ok().filter(|number| (1..=most).contains(number));
                number.with_context(|| format!("`{text}` is not a number from 1 to {most}"))
            };
            match word {
                "--json" => json = true,
                "--rounds" => plan.rounds = usize::try_from(number(value()?, 1000)?)?,
                "--seconds" => plan.seconds = number(value()?, 60)?,
                "--out" => out = Some(value()?.into()),
                "--before" => before = Some(value()?.into()),
                name => match Name::ALL.into_iter().find(|known| known.text() == name) {
                    Some(known) => named.push(known),
                    None => bail!(
                        "`bench` does not know `{name}`; there are {} and what `cargo xtask help` lists",
                        Name::ALL.map(Name::text).join(", ")
                    ),
                },
            }
        }
        let names = Name::ALL.into_iter().filter(|name| named.is_empty() || named.contains(name)).collect();
        Ok(Self { names, plan, json, out, before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        Options::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_name_everything_is_measured() {
        let all = Options {
            names: Name::ALL.to_vec(),
            plan: Plan { rounds: 5, seconds: 3 },
            json: false,
            out: None,
            before: None,
        };
        assert_eq!(parse(&[]).unwrap(), all);
    }

    #[test]
    fn options_are_read_in_any_order_and_nonsense_is_refused() {
        let options = parse(&[
            "--seconds",
            "2",
            "start",
            "--json",
            "--rounds=7",
            "burst",
            "--out",
            "docs",
            "--before",
            "old",
        ])
        .unwrap();
        assert_eq!(options.names, [Name::Burst, Name::Start]);
        assert_eq!(options.plan, Plan { rounds: 7, seconds: 2 });
        assert!(options.json);
        assert_eq!(options.out, Some("docs".into()));
        assert_eq!(options.before, Some("old".into()));

        for wrong in
            [&["--rounds"][..], &["--rounds", "0"], &["--seconds", "soon"], &["7"], &["accept"], &["--out"]]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
