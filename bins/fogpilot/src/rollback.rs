//! `fogpilot rollback`: what a run wrote, taken back where nothing was built on it.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use sco::RouterName;
use sco::run::{
    RollbackError, RollbackPlan, RolledBack, RouterRollback, RunId, Stop, plan_rollback, roll_back,
};
use serde::Serialize;

use crate::acting::Acting;
use crate::asking::ask;
use crate::carry::{interruptible, runtime, unless_asked};
use crate::exit::{Done, Exit, Failure};
use crate::open_run::OpenRun;
use crate::output::{self, Format, VERSION};

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot rollback run-20261122-141002 --profile prod --dry-run

What is to be taken back on the conductor is printed for a person to enter: its candidate is everybody's.")]
pub(crate) struct Args {
    /// The run; the last one without it
    run: Option<RunId>,
    #[command(flatten)]
    acting: Acting,
    /// Take this router back too, although it was onboarded, or may have been, and cut it off; once for each
    #[arg(long, value_name = "ROUTER")]
    force_router: Vec<RouterName>,
}

/// Shows what would be taken back, and takes it back; exit 3 when something stays.
pub(crate) fn run(args: &Args) -> Done {
    args.acting.can_ask()?;
    let open = OpenRun::open(&args.acting.which, args.run.as_ref(), "rollback")?;
    let (world, plan, record) = (&open.session.world, &open.run.plan, &open.record);
    let force = args.force_router.iter().cloned().collect();
    let back = ask(async { plan_rollback(world, plan, record, &force).await.map_err(refused) })?;
    if args.acting.dry_run || back.is_empty() {
        print(args.acting.output, &open, &back, None)?;
        let what = if args.acting.dry_run {
            "a dry run; nothing was written"
        } else {
            "there is nothing to take back"
        };
        writeln!(io::stderr(), "fogpilot: {what}")?;
        return Ok(Exit::Ok);
    }
    if !args.acting.yes {
        print(Format::Table, &open, &back, None)?;
        args.acting.agree(&format!("Take this back of {}?", open.run.id))?;
    }
    let shower = args.acting.showing.shower(back.routers.len());
    let watch = &shower;
    let to_do = &back;
    let (done, asked) = runtime()?.block_on(interruptible(&shower, |stop: Stop| async move {
        roll_back(world, record, to_do, watch, &stop).await
    }));
    let go_on = format!("fogpilot rollback {}", open.run.id);
    let done = done.map_err(|error| unless_asked(asked, refused(error), &go_on))?;
    print(args.acting.output, &open, &back, Some(&done))?;
    let good = |done: &RolledBack| matches!(done, RolledBack::Done | RolledBack::ForPerson);
    Ok(if done.values().all(good) { Exit::Ok } else { Exit::Partial })
}

fn refused(error: RollbackError) -> Failure {
    match error {
        RollbackError::NoRouter { .. } => Failure::of(Exit::Usage, error),
        error => error.into(),
    }
}

type Outcomes = BTreeMap<RouterName, RolledBack>;

fn print(format: Format, open: &OpenRun, back: &RollbackPlan, done: Option<&Outcomes>) -> io::Result<()> {
    let rows: Vec<Row<'_>> = back
        .routers
        .iter()
        .map(|own| Row { steps: own, outcome: done.and_then(|done| done.get(&own.router)).map(told) })
        .collect();
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells(open)).collect();
    let commands = back.commands();
    let answer = Answer { version: VERSION, run: &open.run.id, routers: &rows, commands: &commands };
    output::rows(format, &answer, "routers", &["router", "what", "outcome"], &cells)?;
    if format == Format::Table && !commands.is_empty() {
        let mut out = io::stdout();
        writeln!(
            out,
            "# at the conductor, by a person: `compare` must show these lines and no other before the commit"
        )?;
        commands.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

fn told(done: &RolledBack) -> String {
    match done {
        RolledBack::Done => "taken back".to_owned(),
        RolledBack::ForPerson => {
            "taken back in Mist; the commands for the conductor are yours to enter".to_owned()
        }
        RolledBack::LeftAlone(why) => format!("left alone: {why}"),
        RolledBack::Failed(why) => format!("failed: {why}"),
        RolledBack::NotReached => "its turn did not come; call it again".to_owned(),
        _ => "not known here".to_owned(),
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    run: &'a RunId,
    routers: &'a [Row<'a>],
    /// What a person enters at the conductor.
    commands: &'a [Box<str>],
}

#[derive(Serialize)]
struct Row<'a> {
    steps: &'a RouterRollback,
    /// What became of it; null when nothing was done yet.
    outcome: Option<String>,
}

impl Row<'_> {
    fn cells(&self, open: &OpenRun) -> Vec<String> {
        let own = self.steps;
        let mut what: Vec<String> = own.left_alone.iter().map(ToString::to_string).collect();
        what.extend(own.unassign.iter().map(|mac| format!("unassign {mac}")));
        what.extend(own.settings.iter().map(|(site, hosts)| {
            let hosts = if hosts.is_empty() { "none".to_owned() } else { hosts.join(" ") };
            format!("site {}: conductor_hosts {hosts}, token away", open.run.about.site(*site))
        }));
        what.extend(own.config.iter().map(|(path, value)| match value {
            Some(value) => format!("{path} becomes {value}"),
            None => format!("{path} is deleted"),
        }));
        what.extend(own.kept.iter().map(|kept| format!("{kept} holds something else, and stays")));
        vec![own.router.to_string(), what.join("; "), self.outcome.clone().unwrap_or_else(|| "-".to_owned())]
    }
}
