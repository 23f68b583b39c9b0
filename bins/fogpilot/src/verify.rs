//! `fogpilot verify`: whether routers are onboarded, by evidence that is newer than their assignment.

use std::collections::BTreeMap;
use std::io;

use sco::RouterName;
use sco::decide::Health;
use sco::run::{RunId, Verdict, VerifyOptions, verify};
use serde::Serialize;

use crate::carry::{Showing, interruptible, runtime, unless_asked};
use crate::exit::{Done, Exit};
use crate::given;
use crate::open_run::OpenRun;
use crate::output::{self, Format, VERSION};
use crate::profile::Which;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot verify run-20261122-141002 --watch --profile prod")]
pub(crate) struct Args {
    /// The run; the last one without it
    run: Option<RunId>,
    #[command(flatten)]
    which: Which,
    /// Only this router; once for each
    #[arg(long, value_name = "ROUTER")]
    router: Vec<RouterName>,
    /// Look until each has a verdict, at most as long as the deadlines of the plan; else once
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    showing: Showing,
    /// How to write the answer
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    output: Format,
}

/// Looks, writes down what was seen, and says what it makes of each node; exit 3 when one is not verified.
pub(crate) fn run(args: &Args) -> Done {
    let open = OpenRun::open(&args.which, args.run.as_ref(), "verify")?;
    let options = VerifyOptions {
        routers: args.router.iter().cloned().collect(),
        watch: args.watch,
        given: given::load(&open.run)?,
    };
    let shower = args.showing.shower(open.run.plan.routers().len());
    let world = &open.session.world;
    let (plan, record, watch) = (&open.run.plan, &open.record, &shower);
    let options = &options;
    let (verdicts, asked) = runtime()?.block_on(interruptible(&shower, |stop| async move {
        verify(world, plan, Some(record), options, watch, &stop).await
    }));
    let go_on = format!("fogpilot verify {}", open.run.id);
    let verdicts = verdicts.map_err(|error| unless_asked(asked, error.into(), &go_on))?;
    print(args.output, &open.run.id, &verdicts)?;
    let verified = |verdict: &Verdict| verdict.iter().all(|(_, health)| health.is_verified());
    Ok(if verdicts.values().all(verified) { Exit::Ok } else { Exit::Partial })
}

fn print(format: Format, run: &RunId, verdicts: &BTreeMap<RouterName, Verdict>) -> io::Result<()> {
    let rows: Vec<Row<'_>> = verdicts
        .iter()
        .flat_map(|(router, verdict)| verdict.iter().map(move |(node, health)| (router, node, health)))
        .map(|(router, node, health)| Row {
            router,
            node,
            verified: health.is_verified(),
            state: state(health),
            detail: health.to_string(),
        })
        .collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![row.router.to_string(), row.node.to_string(), row.detail.clone()])
        .collect();
    let answer = Answer { version: VERSION, run, nodes: &rows };
    output::rows(format, &answer, "nodes", &["router", "node", "health"], &cells)
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    run: &'a RunId,
    nodes: &'a [Row<'a>],
}

#[derive(Serialize)]
struct Row<'a> {
    router: &'a RouterName,
    node: &'a sco::NodeName,
    verified: bool,
    /// In one word, as in `settling`.
    state: &'static str,
    /// The same in a sentence, with what is missing and what to do.
    detail: String,
}

const fn state(health: &Health) -> &'static str {
    match health {
        Health::Verified { .. } => "verified",
        Health::Settling { .. } => "settling",
        Health::InProgress { .. } => "in-progress",
        Health::Waiting { .. } => "waiting",
        Health::Degraded { .. } => "degraded",
        Health::Stale => "stale",
        Health::AuthNotSeen { .. } => "auth-not-seen",
        _ => "unknown",
    }
}
