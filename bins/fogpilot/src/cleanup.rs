//! `fogpilot cleanup`: the onboarding tokens of a run, taken out of the settings of its sites.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use ids::SiteId;
use sco::decide::{Cleanup, CleanupDone};
use sco::run::{CleanupError, CleanupOptions, RunId, SiteCleanup, Stop, clean_up};
use serde::Serialize;

use crate::acting::Acting;
use crate::carry::{interruptible, runtime, unless_asked};
use crate::exit::{Done, Exit, Failure};
use crate::open_run::OpenRun;
use crate::output::{self, Format, VERSION};
use crate::show::Shower;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot cleanup run-20261122-141002 --profile prod --yes")]
pub(crate) struct Args {
    /// The run; the last one without it
    run: Option<RunId>,
    #[command(flatten)]
    acting: Acting,
    /// Take a site's token away too where the organisation's would apply then
    #[arg(long)]
    accept_organisation_token: bool,
    /// Take a token away too that cannot be read, so that it may be somebody else's
    #[arg(long)]
    accept_unreadable_token: bool,
}

/// Takes them away, one site first; exit 3 when one stays.
pub(crate) fn run(args: &Args) -> Done {
    args.acting.can_ask()?;
    let open = OpenRun::open(&args.acting.which, args.run.as_ref(), "cleanup")?;
    let shower = args.acting.showing.shower(open.run.plan.queues().len());
    let options = |dry_run| CleanupOptions {
        accept_org_token: args.accept_organisation_token,
        accept_unreadable: args.accept_unreadable_token,
        dry_run,
    };
    if args.acting.dry_run || !args.acting.yes {
        let sites = clean(&open, options(true), &shower)?;
        print(args.acting.output, &open, &sites)?;
        if args.acting.dry_run {
            writeln!(io::stderr(), "fogpilot: a dry run; nothing was written")?;
            return Ok(exit(&sites, true));
        }
        args.acting.agree(&format!("Take the tokens of {} away?", open.run.id))?;
    }
    let sites = clean(&open, options(false), &shower)?;
    print(args.acting.output, &open, &sites)?;
    Ok(exit(&sites, false))
}

type Sites = BTreeMap<SiteId, SiteCleanup>;

fn clean(open: &OpenRun, options: CleanupOptions, shower: &Shower) -> Result<Sites, Failure> {
    let (world, plan, record) = (&open.session.world, &open.run.plan, &open.record);
    let (cleaned, asked): (Result<Sites, CleanupError>, bool) = runtime()?
        .block_on(interruptible(shower, |stop: Stop| async move {
            clean_up(world, plan, record, options, shower, &stop).await
        }));
    let go_on = format!("fogpilot cleanup {}", open.run.id);
    cleaned.map_err(|error| unless_asked(asked, error.into(), &go_on))
}

fn exit(sites: &Sites, dry_run: bool) -> Exit {
    let good = |done: &SiteCleanup| match done {
        SiteCleanup::Done(done) => *done == CleanupDone::Removed,
        SiteCleanup::Decided(Cleanup::Nothing) => true,
        SiteCleanup::Decided(Cleanup::Remove | Cleanup::AfterCanary) => dry_run,
        _ => false,
    };
    if sites.values().all(good) { Exit::Ok } else { Exit::Partial }
}

fn print(format: Format, open: &OpenRun, sites: &Sites) -> io::Result<()> {
    let outcome = |done: &SiteCleanup| match done {
        SiteCleanup::Decided(decision) => decision.to_string(),
        SiteCleanup::Done(done) => done.to_string(),
        SiteCleanup::Failed(why) => format!("failed: {why}"),
        _ => "not known here".to_owned(),
    };
    let rows: Vec<Row> = sites
        .iter()
        .map(|(site, done)| Row {
            site: *site,
            site_name: open.run.about.site(*site),
            outcome: outcome(done),
        })
        .collect();
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| vec![row.site_name.clone(), row.outcome.clone()]).collect();
    let answer = Answer { version: VERSION, run: &open.run.id, sites: &rows };
    output::rows(format, &answer, "sites", &["site", "token"], &cells)
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    run: &'a RunId,
    sites: &'a [Row],
}

#[derive(Serialize)]
struct Row {
    site: SiteId,
    site_name: String,
    outcome: String,
}
