//! `fogpilot apply` and `resume`: a plan, carried out or gone on with.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ids::SiteId;
use sco::plan::Plan;
use sco::run::{self, Applied, ApplyOptions, ApplyStop, Entry, Header, Record, RunId};

use crate::acting::Acting;
use crate::asking::{ask, unless_interrupted};
use crate::carry::{self, Carrying, carry, prepare, runtime};
use crate::exit::{Done, Exit, Failure, chain};
use crate::lock::Lock;
use crate::older;
use crate::open_run::OpenRun;
use crate::plan::header;
use crate::preflight::Due;
use crate::profile::Session;
use crate::runs::{About, Run};
use crate::safe::Safe;
use crate::status;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot apply wave1.plan --profile prod --max-failures 2 --yes

Ctrl-C finishes what is in flight and says how to go on: fogpilot resume RUN")]
pub(crate) struct Args {
    /// The plan, as `fogpilot plan -o` wrote it
    plan: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot resume run-20261122-141002 --vault-key fogpilot.key --yes")]
pub(crate) struct ResumeArgs {
    /// The run; the last one without it
    run: Option<RunId>,
    /// Every node of the conductor was restarted since the run turned Secure Conductor Onboarding on, which cannot be seen
    #[arg(long)]
    conductor_restarted: bool,
    #[command(flatten)]
    common: Common,
}

/// What both take.
#[derive(clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    acting: Acting,
    #[command(flatten)]
    carrying: Carrying,
    /// Exit 6 when there is nothing to do
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Carries a plan out.
pub(crate) fn apply(args: &Args) -> Done {
    let plan = crate::plan::load(&args.plan)?;
    let common = &args.common;
    let session = common.acting.which.open_for_run()?;
    session.is_for(&plan)?;
    writeln!(io::stderr(), "{}", header(&session.name, &session.profile, None))?;
    if plan.is_empty() {
        writeln!(io::stderr(), "fogpilot: {plan}; there is nothing to do")?;
        return Ok(if common.detailed_exitcode { Exit::Nothing } else { Exit::Ok });
    }
    for line in older::in_the_way(&common.acting.which.home, &plan)? {
        writeln!(io::stderr(), "fogpilot: {line}")?;
    }
    let about = about(&session)?;
    if common.acting.dry_run {
        return dry_run(session, plan, about, common);
    }
    common.agree(&plan)?;
    let _lock = Lock::take(&common.acting.which.home, "apply")?;
    let run = Run::begin(&common.acting.which.home, plan, about)?;
    let head = Header {
        run: run.id.clone(),
        plan: run.plan.hash(),
        program: concat!("fogpilot ", env!("CARGO_PKG_VERSION")).into(),
        options: options(),
    };
    let record = Record::create(&run.folder, head)?;
    writeln!(io::stderr(), "fogpilot: this is {}", run.id)?;
    let done = work(&session, &run, &record, common, false);
    forget_empty(&run.folder);
    done
}

/// Goes on with a run.
pub(crate) fn resume(args: &ResumeArgs) -> Done {
    let common = &args.common;
    if common.acting.dry_run {
        let run = Run::find(&common.acting.which.home, args.run.as_ref())?;
        let session = common.acting.which.named(&run.about.profile)?.open_for_run()?;
        session.is_for(&run.plan)?;
        run.progress()?;
        let record = copy_of_record(&run)?;
        return look(session, &run, &record.record, common, args.conductor_restarted);
    }
    common.acting.can_ask()?;
    let OpenRun { run, session, record, .. } =
        &OpenRun::open(&common.acting.which, args.run.as_ref(), "resume")?;
    writeln!(io::stderr(), "{}", header(&session.name, &session.profile, None))?;
    common.agree(&run.plan)?;
    record.add(Entry::Resumed { options: options() })?;
    writeln!(io::stderr(), "fogpilot: going on with {}", run.id)?;
    work(session, run, record, common, args.conductor_restarted)
}

impl Common {
    /// Whether the person wants it.
    fn agree(&self, plan: &Plan) -> Result<(), Failure> {
        if self.acting.yes {
            return Ok(());
        }
        self.acting.can_ask()?;
        for change in plan.changes() {
            writeln!(io::stderr(), "  conductor: {change}")?;
        }
        self.acting.agree(&format!("{plan}. Begin?"))
    }
}

/// For whom the run is; the names of sites are asked for.
fn about(session: &Session) -> Result<About, Failure> {
    let sites: BTreeMap<SiteId, Box<str>> =
        ask(async { Ok(session.world.catalogue().await?.sites.into_iter().collect()) })?;
    let profile = &session.profile;
    Ok(About::new(session.name.clone(), profile.org_name.clone(), profile.conductor.host.clone(), sites))
}

/// The run itself, and what is said of it.
fn work(session: &Session, run: &Run, record: &Record, common: &Common, restarted: bool) -> Done {
    let shower = common.acting.showing.shower(run.plan.steps().count());
    let runtime = runtime()?;
    let due = due(record, restarted);
    let options = prepare(session, run, &common.carrying, due.as_ref(), &shower);
    let options = runtime.block_on(unless_interrupted(options));
    let options = options.inspect_err(|_| shower.end()).map_err(|failure| {
        let begun = record.with_progress(|progress| progress.starts > 1);
        let asked = begun && failure.exit() == Exit::Interrupted;
        carry::unless_asked(asked, failure, &format!("fogpilot resume {}", run.id))
    })?;
    let safe = Safe::of(session.unlocked.clone(), run.plan.hash());
    let applied = runtime.block_on(carry(&session.world, run, record, &safe, &options, &shower));
    let applied = applied.map_err(|stop| refused(&stop, run, record))?;
    conclude(run, record, &applied, common)
}

/// The restart that the run waits for; `restarted` says that a person says that it was done.
fn due(record: &Record, restarted: bool) -> Option<Due> {
    let first = record.with_progress(|progress| progress.restart_due().cloned())?;
    Some(Due { open: first.open, said: restarted })
}

/// Why nothing was begun.
fn refused(stop: &ApplyStop, run: &Run, record: &Record) -> Failure {
    let text = chain(stop);
    match stop {
        ApplyStop::Flags { .. } | ApplyStop::Drift { .. } | ApplyStop::Clock { .. } => {
            Failure::of(Exit::Preflight, text)
        }
        ApplyStop::Restart(_) => Failure::of(Exit::Person, text),
        ApplyStop::NoRouter { .. } | ApplyStop::OtherPlan => Failure::usage(text),
        ApplyStop::Record(_) => Failure::from(format!("{text}; then `fogpilot resume {}`", run.id)),
        _ => {
            let begun = record.with_progress(|progress| !progress.routers.is_empty());
            let next = if begun { format!("; `fogpilot resume {}` goes on", run.id) } else { String::new() };
            Failure::of(crate::exit::exit_of(stop), format!("{text}{next}"))
        }
    }
}

fn conclude(run: &Run, record: &Record, applied: &Applied, common: &Common) -> Done {
    status::print_ends(common.acting.output, run, &record.progress(), applied)?;
    let exit = carry::exit(applied);
    let mut out = io::stderr();
    if let Some(stopped) = &applied.stopped {
        writeln!(out, "fogpilot: {}", chain(stopped))?;
    }
    match exit {
        Exit::Ok => writeln!(
            out,
            "fogpilot: done; next: fogpilot verify {0}, fogpilot report {0}, fogpilot cleanup {0}",
            run.id
        )?,
        _ => writeln!(out, "fogpilot: to go on: fogpilot resume {}", run.id)?,
    }
    Ok(exit)
}

/// Everything is looked at, and nothing is written.
fn dry_run(session: Session, plan: Plan, about: About, common: &Common) -> Done {
    let folder = Scratch::new()?;
    let head = Header {
        run: RunId::at(ids::Timestamp::now(), 1),
        plan: plan.hash(),
        program: "fogpilot".into(),
        options: Vec::new(),
    };
    let record = Record::create(&folder.0, head)?;
    let run = Run { id: RunId::at(ids::Timestamp::now(), 1), folder: folder.0.clone(), plan, about };
    look(session, &run, &record, common, false)
}

fn look(session: Session, run: &Run, record: &Record, common: &Common, restarted: bool) -> Done {
    let shower = common.acting.showing.shower(run.plan.steps().count());
    let checked = runtime()?.block_on(unless_interrupted(async {
        let due = due(record, restarted);
        let options: ApplyOptions = prepare(&session, run, &common.carrying, due.as_ref(), &shower).await?;
        run::check(&session.world, &run.plan, record, &options, &shower)
            .await
            .map_err(|stop| refused(&stop, run, record))
    }));
    shower.end();
    let drifted = checked?;
    let mut out = io::stdout();
    for (router, _) in run.plan.steps() {
        let what = if drifted.contains(&router.name) { "left out, drifted" } else { "would be onboarded" };
        writeln!(out, "{}  {what}", router.name)?;
    }
    for change in run.plan.changes().filter(|change| !drifted.contains(change.router())) {
        writeln!(out, "  conductor: {change}")?;
    }
    writeln!(io::stderr(), "fogpilot: a dry run; nothing was written")?;
    Ok(Exit::Ok)
}

/// The record, to be looked at where writing it does no harm.
fn copy_of_record(run: &Run) -> Result<Copied, Failure> {
    let folder = Scratch::new()?;
    fs::copy(run.folder.join(Record::FILE), folder.0.join(Record::FILE))?;
    Ok(Copied { record: Record::open(&folder.0)?.record, _folder: folder })
}

struct Copied {
    record: Record,
    _folder: Scratch,
}

/// A folder that is gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!("fogpilot-dry-run-{}-{}", std::process::id(), ids::Timestamp::now().micros());
        let folder = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // what stays is a record of nothing
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Takes the folder of a run away that was refused before it began: there is nothing to go on with.
fn forget_empty(folder: &Path) {
    if Record::entries(folder).is_ok_and(|entries| entries.is_empty()) {
        let _ = fs::remove_dir_all(folder);
    }
}

/// The command line, for the record; nothing secret is ever taken there.
fn options() -> Vec<Box<str>> {
    std::env::args().skip(1).map(Box::from).collect()
}
