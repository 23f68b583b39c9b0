//! `fogpilot status`: how far a run is, as its record says. Nothing is asked.

use std::io::{self, Write as _};

use ids::{SiteId, Timestamp};
use sco::RouterName;
use sco::plan::{PlannedRouter, RouterOutcome};
use sco::run::{Applied, End, Progress, RouterProgress, RunId, holds_site};
use sco::token::TokenFingerprint;
use serde::Serialize;

use crate::exit::{Done, Exit};
use crate::home::Home;
use crate::output::{self, Format, VERSION};
use crate::runs::Run;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot status --failed -o json")]
pub(crate) struct Args {
    /// The run; the last one without it
    run: Option<RunId>,
    #[command(flatten)]
    home: Home,
    /// Only routers that are not where the plan wants them
    #[arg(long)]
    failed: bool,
    /// How to write the answer
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    output: Format,
}

/// Prints what the record says of each router; exit 3 when one failed or is not verified.
pub(crate) fn run(args: &Args) -> Done {
    let run = Run::find(&args.home, args.run.as_ref())?;
    let progress = run.progress()?;
    let mut routers: Vec<Row> =
        run.plan.routers().iter().map(|router| Row::of(router, &run, &progress)).collect();
    let bad = routers.iter().any(|row| row.state.is_bad());
    if args.failed {
        routers.retain(|row| row.state.is_bad());
    }
    print(args.output, &run, &progress, &routers)?;
    Ok(if bad { Exit::Partial } else { Exit::Ok })
}

/// Where a router is, in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Verified,
    Unchanged,
    Configured,
    Assigned,
    NotVerified,
    Failed,
    Released,
    UndoneHere,
    SiteTold,
    TokenMade,
    OnConductor,
    Drifted,
    Blocked,
    WaitingForDevice,
    Refused,
    NotBegun,
}

impl State {
    /// Whether somebody has to look at it.
    pub(crate) const fn is_bad(self) -> bool {
        matches!(self, Self::NotVerified | Self::Failed | Self::Refused | Self::Drifted | Self::Blocked)
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unchanged => "unchanged",
            Self::Configured => "configured",
            Self::Assigned => "assigned",
            Self::NotVerified => "not verified",
            Self::Failed => "failed",
            Self::Released => "released",
            Self::UndoneHere => "taken back",
            Self::SiteTold => "site told",
            Self::TokenMade => "token made",
            Self::OnConductor => "on the conductor",
            Self::Drifted => "drifted",
            Self::Blocked => "blocked",
            Self::WaitingForDevice => "waiting for device",
            Self::Refused => "refused",
            Self::NotBegun => "not begun",
        }
    }
}

/// A router of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: RouterName,
    pub(crate) state: State,
    pub(crate) site: SiteId,
    pub(crate) site_name: String,
    /// When it was assigned.
    #[serde(serialize_with = "crate::output::time_if")]
    pub(crate) assigned: Option<Timestamp>,
    /// Until when its token is taken.
    #[serde(serialize_with = "crate::output::time_if")]
    pub(crate) token_expires: Option<Timestamp>,
    pub(crate) token_sha256: Option<TokenFingerprint>,
    /// What is known, and what to do.
    pub(crate) detail: String,
}

impl Row {
    /// What the record says of it.
    pub(crate) fn of(router: &PlannedRouter, run: &Run, progress: &Progress) -> Self {
        let own = progress.router(&router.name);
        let (state, detail) = match &router.outcome {
            RouterOutcome::Done => (State::Unchanged, "already onboarded and healthy".to_owned()),
            RouterOutcome::Refused(refusal) => (State::Refused, refusal.to_string()),
            RouterOutcome::WaitingForDevice(_) => (
                State::WaitingForDevice,
                "its device is not connected to Mist; plan again when it is".to_owned(),
            ),
            RouterOutcome::Onboard(steps) => {
                let begun = begun(router, steps.assign.is_empty(), &own, progress);
                // of one that was interrupted the holder may still come up
                let over = progress.ended.as_deref().is_some_and(|why| why != "interrupted");
                let waits = over && begun.0 == State::OnConductor;
                holder(router, run, progress).filter(|_| waits).map_or(begun, blocked)
            }
        };
        Self {
            name: router.name.clone(),
            state,
            site: router.basis.site,
            site_name: run.about.site(router.basis.site),
            assigned: own.assigned.as_ref().map(|assigned| assigned.at),
            token_expires: own.token.as_ref().and_then(|token| token.expires),
            token_sha256: own.token.as_ref().map(|token| token.token),
            detail,
        }
    }

    fn cells(&self) -> Vec<String> {
        let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        vec![
            self.name.to_string(),
            self.state.word().to_owned(),
            self.site_name.clone(),
            time(self.assigned),
            time(self.token_expires),
            self.detail.clone(),
        ]
    }
}

fn begun(
    router: &PlannedRouter,
    nothing_to_assign: bool,
    own: &RouterProgress,
    progress: &Progress,
) -> (State, String) {
    let health = || {
        let nodes = own.verdicts.iter().map(|(node, health)| format!("{node} {health}"));
        nodes.collect::<Vec<_>>().join("; ")
    };
    let wave = progress.waves.values().find(|wave| {
        wave.committed.is_some() && wave.intent.keys().any(|path| path.router() == Some(router.name.as_str()))
    });
    let taken_out = progress.waves.values().find_map(|wave| wave.taken_out.get(&router.name));
    let verified = router
        .basis
        .nodes
        .keys()
        .all(|node| own.verdicts.get(node).is_some_and(sco::decide::Health::is_verified));
    if !own.undone.is_empty() {
        return (State::UndoneHere, "what was done for it was taken back".to_owned());
    }
    if own.released.is_some() {
        return (State::Released, "it does not hold its site any more; plan again to onboard it".to_owned());
    }
    if let Some(failure) = &own.failed {
        return (State::Failed, failure.why.to_string());
    }
    if let Some(why) = taken_out {
        return (State::Failed, why.to_string());
    }
    if verified {
        return (State::Verified, health());
    }
    if own.assigned.is_some() {
        let over = own.verdicts.values().any(|health| {
            use sco::decide::Health as H;
            matches!(
                health,
                H::Waiting { .. } | H::Degraded { .. } | H::Unknown | H::Stale | H::AuthNotSeen { .. }
            )
        });
        return (if over { State::NotVerified } else { State::Assigned }, health());
    }
    if own.assigning.is_some() {
        return (State::Assigned, "whether it was assigned is not known; `resume` looks".to_owned());
    }
    if own.settings_written {
        return (State::SiteTold, String::new());
    }
    if own.token.is_some() {
        return (State::TokenMade, String::new());
    }
    let next = || "`resume` goes on with it".to_owned();
    match (wave, nothing_to_assign) {
        (Some(_), true) => (State::Configured, String::new()),
        (Some(_), false) => (State::OnConductor, next()),
        (None, _) => (State::NotBegun, next()),
    }
}

/// Who holds the site of a router that waits for it.
fn holder<'a>(router: &PlannedRouter, run: &'a Run, progress: &Progress) -> Option<&'a RouterName> {
    let holds = |other: &&PlannedRouter| {
        other.basis.site == router.basis.site && holds_site(other, &progress.router(&other.name))
    };
    run.plan.routers().iter().filter(|other| other.name != router.name).find(holds).map(|other| &other.name)
}

fn blocked(by: &RouterName) -> (State, String) {
    (State::Blocked, format!("{by} holds its site; `fogpilot resume --release {by}` takes that one away"))
}

/// Prints what became of a run that just ended: the record knows most, and the end the rest.
pub(crate) fn print_ends(
    format: Format,
    run: &Run,
    progress: &Progress,
    applied: &Applied,
) -> io::Result<()> {
    let mut rows: Vec<Row> = run.plan.routers().iter().map(|router| Row::of(router, run, progress)).collect();
    for row in &mut rows {
        let Some(end) = applied.routers.get(&row.name) else { continue };
        (row.state, row.detail) = match end {
            End::Verified => (State::Verified, std::mem::take(&mut row.detail)),
            End::AlreadyThere => (State::Unchanged, "it was there, and well, before this run".to_owned()),
            End::Configured => (State::Configured, "there was nothing to assign".to_owned()),
            End::NotVerified(_) => (State::NotVerified, std::mem::take(&mut row.detail)),
            End::WaitingForDevice(macs) => {
                let macs: Vec<String> = macs.iter().map(ToString::to_string).collect();
                (
                    State::WaitingForDevice,
                    format!("{} not connected to Mist; `resume` when it is", macs.join(", ")),
                )
            }
            End::Blocked { by, .. } => blocked(by),
            End::Failed(why) => (State::Failed, why.to_string()),
            End::Released => (State::Released, std::mem::take(&mut row.detail)),
            End::Drifted => (State::Drifted, "it is not as the plan found it; plan again".to_owned()),
            _ => (row.state, std::mem::take(&mut row.detail)),
        };
    }
    print(format, run, progress, &rows)
}

fn print(format: Format, run: &Run, progress: &Progress, routers: &[Row]) -> io::Result<()> {
    let count = |state| routers.iter().filter(|row| row.state == state).count();
    let answer = Answer {
        version: VERSION,
        run: &run.id,
        profile: run.about.profile.to_string(),
        organisation: &run.about.organisation,
        begun: progress.begun,
        last: progress.last,
        starts: progress.starts,
        ended: progress.ended.as_deref(),
        verified: count(State::Verified),
        not_verified: count(State::NotVerified),
        failed: count(State::Failed),
        restart_due: progress.restart_due().is_some(),
        routers,
    };
    let cells: Vec<Vec<String>> = routers.iter().map(Row::cells).collect();
    if format == Format::Table {
        let ended = progress.ended.as_deref().unwrap_or("under way, or cut off");
        let about = &run.about;
        writeln!(
            io::stdout(),
            "{}  {ended}   Org {}   conductor {}",
            run.id,
            about.organisation,
            about.conductor
        )?;
        if progress.restart_due().is_some() {
            writeln!(
                io::stdout(),
                "the conductor's nodes must be restarted, then `fogpilot resume {}`",
                run.id
            )?;
        }
    }
    let head = ["router", "state", "site", "assigned", "token_until", "what"];
    output::rows(format, &answer, "routers", &head, &cells)
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    run: &'a RunId,
    profile: String,
    organisation: &'a str,
    #[serde(serialize_with = "crate::output::time")]
    begun: Timestamp,
    #[serde(serialize_with = "crate::output::time")]
    last: Timestamp,
    starts: u32,
    /// Why the program ended; null when it is under way, or was cut off.
    ended: Option<&'a str>,
    verified: usize,
    not_verified: usize,
    failed: usize,
    /// Whether the conductor's nodes must be restarted before the run goes on.
    restart_due: bool,
    routers: &'a [Row],
}
