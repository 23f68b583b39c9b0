//! `fogpilot plan`: what would be done for which router, and why nothing for another.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sco::plan::{Plan, PlanError, RouterOutcome};

use crate::exit::{Done, Exit, Failure};
use crate::older;
use crate::output::Format;
use crate::profile::Which;
use crate::wishes::{Made, Wishes};

mod show;

pub(crate) use show::header;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot plan -f routers.csv -o wave1.plan --profile prod

The plan is what `fogpilot apply` carries out. It holds no secret, and is refused when it was changed.")]
pub(crate) struct Args {
    /// CSV file with the routers, as `fogpilot template` has it; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// File for the plan; without it nothing is written
    #[arg(short, long, value_name = "PLAN")]
    out: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    wishes: Wishes,
    /// Write no file either
    #[arg(long)]
    dry_run: bool,
    /// Exit 6 when there is nothing to do
    #[arg(long)]
    detailed_exitcode: bool,
    /// How to write the answer; -o names the plan here
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Makes a plan, shows it, and writes it down.
pub(crate) fn run(args: &Args) -> Done {
    if let Some(out) = &args.out {
        check_out(out)?;
    }
    let session = args.which.open()?;
    let mut made = args.wishes.plan(&session, &args.file)?;
    made.notes.extend(older::in_the_way(&args.which.home, &made.plan)?);
    show::print(args.format, &session, &made)?;
    if let Some(out) = args.out.as_ref().filter(|_| !args.dry_run) {
        pki::write_durably(out, made.plan.to_json().as_bytes(), 0o600)?;
        let next = if made.plan.is_empty() {
            String::new()
        } else {
            format!("; next: fogpilot apply {}", out.display())
        };
        writeln!(io::stderr(), "fogpilot: the plan is in `{}`{next}", out.display())?;
    }
    Ok(exit(&made, args.detailed_exitcode))
}

fn exit(made: &Made, detailed: bool) -> Exit {
    let refused =
        made.plan.routers().iter().filter(|router| matches!(router.outcome, RouterOutcome::Refused(_)));
    match refused.count() {
        0 if made.plan.is_empty() && detailed => Exit::Nothing,
        0 => Exit::Ok,
        all if all == made.plan.routers().len() => Exit::Failed,
        _ => Exit::Partial,
    }
}

/// A plan replaces a plan, and nothing else.
fn check_out(path: &Path) -> Result<(), Failure> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text.unwrap_or_default(),
    };
    match Plan::from_json(&text) {
        Err(PlanError::NoPlan | PlanError::TooLarge) => {
            Err(Failure::usage(format!("`{}` exists and is no plan; give another name", path.display())))
        }
        _ => Ok(()),
    }
}

/// The plan in a file.
pub(crate) fn load(path: &Path) -> Result<Plan, Failure> {
    let wrong = |what: String| Failure::usage(format!("`{}`: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Plan::from_json(&text).map_err(|error| wrong(error.to_string()))
}
