//! `fogpilot report`: who did what to which router, when, and how it is; for the file of a change.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use clap::ValueEnum;
use ids::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use sco::plan::{Confirmation, PlannedRouter};
use sco::run::{Progress, Record, RunId};
use serde::Serialize;

use crate::exit::{Done, Exit, Failure};
use crate::home::Home;
use crate::output::{self, VERSION};
use crate::runs::Run;
use crate::status::Row;

mod history;

use history::Event;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot report run-20261122-141002 -o html > wave1.html

It is made from the record and the plan of the run; there is no secret in them.")]
pub(crate) struct Args {
    /// The run; the last one without it
    run: Option<RunId>,
    #[command(flatten)]
    home: Home,
    /// How to write it
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    output: Kind,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Kind {
    /// A page of its own, without anything from elsewhere
    Html,
    /// Text with Markdown
    #[default]
    Md,
    /// One line a router
    Csv,
    /// One JSON object
    Json,
}

/// Prints the report of a run.
pub(crate) fn run(args: &Args) -> Done {
    let run = Run::find(&args.home, args.run.as_ref())?;
    let progress = run.progress()?;
    let entries = Record::entries(&run.folder)?;
    let report = Report::of(&run, &progress, history::events(&entries));
    match args.output {
        Kind::Html => write(&rendered("report.html", HTML, &report)?)?,
        Kind::Md => write(&rendered("report.md", MD, &report)?)?,
        Kind::Json => output::json(&report)?,
        Kind::Csv => {
            let cells: Vec<Vec<String>> = report.routers.iter().map(Router::cells).collect();
            output::rows(output::Format::Csv, &report, "routers", &Router::HEAD, &cells)?;
        }
    }
    Ok(Exit::Ok)
}

fn write(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

fn rendered(name: &'static str, template: &'static str, report: &Report<'_>) -> Result<String, Failure> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    environment.add_filter("cell", |text: String| {
        text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
    });
    environment.add_template(name, template)?;
    Ok(environment.get_template(name)?.render(Value::from(Serde(BTreeMap::from([("report", report)]))))?)
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    run: &'a RunId,
    organisation: &'a str,
    conductor: &'a str,
    operator: &'a str,
    profile: String,
    plan: String,
    program: &'a str,
    options: String,
    #[serde(serialize_with = "crate::output::time")]
    begun: Timestamp,
    #[serde(serialize_with = "crate::output::time")]
    last: Timestamp,
    starts: u32,
    ended: &'a str,
    #[serde(serialize_with = "crate::output::time")]
    made: Timestamp,
    totals: Vec<(&'static str, usize)>,
    routers: Vec<Router>,
    waves: Vec<Wave>,
    history: Vec<Event>,
}

#[derive(Serialize)]
struct Router {
    name: String,
    state: &'static str,
    site: String,
    mode: String,
    assigned: String,
    token: String,
    token_expires: String,
    detail: String,
    nodes: Vec<Node>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Node {
    node: String,
    mac: String,
    asset_id: String,
    key: String,
    /// Who says so: `confirmed`, `Mist only`, or by its certificate.
    evidence: &'static str,
    health: String,
}

#[derive(Serialize)]
struct Wave {
    number: usize,
    routers: String,
    outcome: String,
    foreign: Vec<String>,
}

impl<'a> Report<'a> {
    fn of(run: &'a Run, progress: &'a Progress, history: Vec<Event>) -> Self {
        let routers: Vec<(Row, Router)> = run
            .plan
            .routers()
            .iter()
            .map(|router| {
                let row = Row::of(router, run, progress);
                let shown = Router::of(router, &row, progress);
                (row, shown)
            })
            .collect();
        let mut totals: Vec<(&'static str, usize)> = Vec::new();
        for (row, _) in &routers {
            match totals.iter_mut().find(|(word, _)| *word == row.state.word()) {
                Some((_, count)) => *count += 1,
                None => totals.push((row.state.word(), 1)),
            }
        }
        Self {
            version: VERSION,
            run: &run.id,
            organisation: &run.about.organisation,
            conductor: &run.about.conductor,
            operator: &run.about.operator,
            profile: run.about.profile.to_string(),
            plan: run.plan.hash().to_string(),
            program: &progress.header.program,
            options: progress.header.options.join(" "),
            begun: progress.begun,
            last: progress.last,
            starts: progress.starts,
            ended: progress.ended.as_deref().unwrap_or("under way, or cut off"),
            made: run.plan.made(),
            totals,
            routers: routers.into_iter().map(|(_, router)| router).collect(),
            waves: waves(run, progress),
            history,
        }
    }
}

impl Router {
    const HEAD: [&'static str; 14] = [
        "router",
        "state",
        "site",
        "mode",
        "node",
        "mac",
        "asset_id",
        "key",
        "evidence",
        "health",
        "assigned",
        "token",
        "token_expires",
        "detail",
    ];

    fn of(router: &PlannedRouter, row: &Row, progress: &Progress) -> Self {
        let own = progress.router(&router.name);
        let text = |value: Option<String>| value.unwrap_or_default();
        let node = |(name, node): (&sco::NodeName, &sco::plan::NodeBasis)| Node {
            node: name.to_string(),
            mac: node.mac.to_string(),
            asset_id: text(node.wanted_asset_id.as_ref().map(ToString::to_string)),
            key: text(node.mist_key.map(|key| key.to_string())),
            evidence: match node.confirmation {
                Confirmation::Confirmed => "confirmed",
                Confirmation::MistOnly => "Mist only",
                Confirmation::None => "no key",
            },
            health: text(own.verdicts.get(name).map(ToString::to_string)),
        };
        Self {
            name: router.name.to_string(),
            state: row.state.word(),
            site: row.site_name.clone(),
            mode: router.basis.wanted_mode.to_string(),
            assigned: text(row.assigned.map(|time| time.to_string())),
            token: text(row.token_sha256.map(|token| token.to_string())),
            token_expires: text(row.token_expires.map(|time| time.to_string())),
            detail: row.detail.clone(),
            nodes: router.basis.nodes.iter().map(node).collect(),
            notes: router.warnings.iter().chain(&own.notes).map(ToString::to_string).collect(),
        }
    }

    /// One line; the nodes of a pair stand in one cell, with a space between.
    fn cells(&self) -> Vec<String> {
        let of_nodes = |what: fn(&Node) -> &str| self.nodes.iter().map(what).collect::<Vec<_>>().join(" ");
        vec![
            self.name.clone(),
            self.state.to_owned(),
            self.site.clone(),
            self.mode.clone(),
            of_nodes(|node| &node.node),
            of_nodes(|node| &node.mac),
            of_nodes(|node| &node.asset_id),
            of_nodes(|node| &node.key),
            self.nodes.iter().map(|node| node.evidence).collect::<Vec<_>>().join("; "),
            self.nodes.iter().map(|node| &*node.health).collect::<Vec<_>>().join("; "),
            self.assigned.clone(),
            self.token.clone(),
            self.token_expires.clone(),
            self.detail.clone(),
        ]
    }
}

fn waves(run: &Run, progress: &Progress) -> Vec<Wave> {
    let wave = |(number, planned): (usize, &sco::plan::Wave)| {
        let own = progress.wave(number);
        let outcome = match (&own.committed, &own.stopped) {
            (Some(by), _) => format!("committed ({})", history::whose(*by)),
            (None, Some(why)) => format!("stopped: {why}"),
            (None, None) if own.reverted => "taken out of the candidate again".to_owned(),
            (None, None) if own.intent.is_empty() => "not begun, or nothing to change".to_owned(),
            (None, None) => "under way, or cut off".to_owned(),
        };
        Wave {
            number: number + 1,
            routers: planned.routers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            outcome,
            foreign: own.foreign.iter().map(ToString::to_string).collect(),
        }
    };
    run.plan.waves().iter().enumerate().map(wave).collect()
}

const HTML: &str = include_str!("report/report.html");
const MD: &str = include_str!("report/report.md");
