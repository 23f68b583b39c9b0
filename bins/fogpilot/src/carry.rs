//! What `apply` and `resume` are asked for beside the plan, and carrying it out.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use conductor::Conductor;
use ids::SiteId;
use sco::RouterName;
use sco::certificate::Certificate;
use sco::ek::Format as KeyFormat;
use sco::run::wave::{By, Ways};
use sco::run::{
    Accepted, Applied, ApplyOptions, ApplyStop, End, Record, Stop, Stopper, TokenTrust, World, apply,
};
use sco::token::TokenFlag;

use crate::asking::interrupted;
use crate::exit::{Exit, Failure};
use crate::preflight::{self, Assumed, Due, Looked};
use crate::profile::Session;
use crate::runs::Run;
use crate::safe::Safe;
use crate::show::{Progress, Shower};

/// What is asked for beside the plan.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct Carrying {
    /// Accept that 4505 and 4506 close for N routers that were onboarded by asset id alone; N as it is counted then
    #[arg(long, value_name = "N", help_heading = "What is accepted")]
    accept_legacy_cutoff: Option<usize>,
    /// Write other addresses of a conductor over those of this site (name or id); once for each
    #[arg(long, value_name = "SITE", help_heading = "What is accepted")]
    replace_hosts: Vec<String>,
    /// Write over a token of this site that no run of this plan put there; once for each
    #[arg(long, value_name = "SITE", help_heading = "What is accepted")]
    replace_token: Vec<String>,
    /// Accept that other routers of this site are told the same; once for each
    #[arg(long, value_name = "SITE", help_heading = "What is accepted")]
    accept_other_routers: Vec<String>,
    /// Accept that this site upgrades its routers by itself; once for each
    #[arg(long, value_name = "SITE", help_heading = "What is accepted")]
    accept_auto_upgrade: Vec<String>,
    /// Accept onboarding tokens whose authority nobody vouches for
    #[arg(long, help_heading = "What is accepted")]
    accept_unauthenticated_token: bool,
    /// Accept onboarding tokens with a signature that only the conductor can check
    #[arg(long, help_heading = "What is accepted")]
    accept_unverifiable_token: bool,
    /// Accept onboarding tokens that do not say until when they are taken
    #[arg(long, help_heading = "What is accepted")]
    accept_token_without_expiry: bool,
    #[command(flatten)]
    assumed: Assumed,
    /// Onboard devices too that are not connected to Mist now
    #[arg(long)]
    allow_offline: bool,
    /// Leave out routers that are not as the plan found them, and go on with the others
    #[arg(long)]
    skip_drifted: bool,
    /// Leave this to a person, who did it by `render`: the conductor's configuration
    #[arg(long, value_name = "WHAT")]
    skip: Option<Skip>,
    /// Take this router from the site that it holds past its deadline, so that the next may go on; once for each
    #[arg(long, value_name = "ROUTER")]
    release: Vec<RouterName>,
    /// Assign this router once more, although an assignment whose answer was lost may have been done and taken back by
    /// somebody: ask first who works there; once for each
    #[arg(long, value_name = "ROUTER")]
    assign_again: Vec<RouterName>,
    /// How many routers may fail before no more are begun
    #[arg(long, value_name = "N", default_value_t = 2)]
    max_failures: usize,
    /// How many routers are under way at one time
    #[arg(long, value_name = "N", default_value_t = 4)]
    parallel: usize,
    /// Who writes into the conductor's candidate
    #[arg(long, value_enum, value_name = "WAY", default_value_t, help_heading = "Ways to the conductor")]
    write_by: Way,
    /// Who validates it
    #[arg(long, value_enum, value_name = "WAY", default_value_t, help_heading = "Ways to the conductor")]
    validate_by: Way,
    /// Who commits it
    #[arg(long, value_enum, value_name = "WAY", default_value_t, help_heading = "Ways to the conductor")]
    commit_by: Way,
    /// Formats of endorsement keys that were allowed when the plan was made: der, pem, tpm2b or certificate
    #[arg(long, value_name = "KIND")]
    allow_format: Vec<KeyFormat>,
}

/// What a person did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Skip {
    /// The changes of the plan run already; they are proven by reading
    Conductor,
}

/// Who takes a step on the conductor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Way {
    /// The REST interface
    #[default]
    Rest,
    /// The command line over ssh
    Pcli,
    /// A person, who is told the commands
    Person,
}

impl From<Way> for By {
    fn from(way: Way) -> Self {
        match way {
            Way::Rest => Self::Rest,
            Way::Pcli => Self::CommandLine,
            Way::Person => Self::Person,
        }
    }
}

impl Carrying {
    /// What a run is told, but for what the conductor shows.
    fn options(&self, run: &Run) -> Result<ApplyOptions, Failure> {
        let sites =
            |named: &[String]| named.iter().map(|text| site(text, run)).collect::<Result<BTreeSet<_>, _>>();
        let flags = [
            (self.accept_unauthenticated_token, TokenFlag::Unauthenticated),
            (self.accept_unverifiable_token, TokenFlag::Unverifiable),
            (self.accept_token_without_expiry, TokenFlag::NoExpiry),
        ];
        Ok(ApplyOptions {
            ways: Ways {
                write: self.write_by.into(),
                validate: self.validate_by.into(),
                commit: self.commit_by.into(),
            },
            skip_conductor: self.skip == Some(Skip::Conductor),
            accepted: Accepted {
                replace_hosts: sites(&self.replace_hosts)?,
                replace_token: sites(&self.replace_token)?,
                other_routers: sites(&self.accept_other_routers)?,
                auto_upgrade: sites(&self.accept_auto_upgrade)?,
            },
            accept_legacy_cutoff: self.accept_legacy_cutoff,
            skip_drifted: self.skip_drifted,
            allow_offline: self.allow_offline,
            max_failures: self.max_failures,
            parallel: self.parallel.max(1),
            release: self.release.iter().cloned().collect(),
            assign_again: self.assign_again.iter().cloned().collect(),
            trust: TokenTrust {
                accepted: flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag).collect(),
                ..TokenTrust::default()
            },
            allow: self.allow_format.iter().copied().collect(),
            ..ApplyOptions::default()
        })
    }
}

/// A site by its id or its name.
fn site(text: &str, run: &Run) -> Result<SiteId, Failure> {
    let planned = || run.plan.steps().map(|(_, steps)| steps.site);
    let named: BTreeSet<SiteId> = planned().filter(|site| run.about.site(*site) == text).collect();
    let found = match text.parse::<SiteId>() {
        Ok(site) => planned().find(|planned| *planned == site),
        Err(_) if named.len() == 1 => named.first().copied(),
        Err(_) => None,
    };
    found.ok_or_else(|| Failure::usage(format!("no site of the plan is `{text}`; give its name or its id")))
}

/// Looks at what must hold, and at what the conductor shows of itself. Nothing is written.
pub(crate) async fn prepare(
    session: &Session,
    run: &Run,
    carrying: &Carrying,
    due: Option<&Due>,
    shower: &Shower,
) -> Result<ApplyOptions, Failure> {
    let mut options = carrying.options(run)?;
    let Looked { preflight: looked, legacy_open } =
        preflight::look(&session.world, &session.profile, due).await?;
    for check in looked.in_the_way(&carrying.assumed.assume) {
        shower.say(&format!("{} {}: {}", check.outcome, check.name, check.detail));
    }
    if !preflight::verdict(&looked, &carrying.assumed)? {
        return Err(Failure::of(
            Exit::Preflight,
            "nothing was written; `fogpilot preflight` shows every check",
        ));
    }
    let restarts = looked.checks.iter().filter(|check| &*check.name == "restart");
    let seen: Vec<&str> = restarts.map(|check| &*check.detail).collect();
    options.restarted = due.map(|_| seen.join("; ").into());
    options.legacy_open = legacy_open;
    options.trust.anchor = session.profile.anchor()?;
    options.trust.served = served(&session.profile.conductor.nodes).await;
    options.trust.clock_ahead_micros = clock_ahead(&session.world.conductor).await?;
    Ok(options)
}

/// The certificate of the first node whose port 933 shows one.
async fn served(nodes: &[String]) -> Option<Certificate> {
    for node in nodes {
        let Ok(host) = preflight::at(node, 933).parse() else { continue };
        if let Ok(shown) = Conductor::certificates(&host, LOOK).await
            && let Some(certificate) = shown.first().and_then(|der| Certificate::from_der(der).ok())
        {
            return Some(certificate);
        }
    }
    None
}

async fn clock_ahead(conductor: &Conductor) -> Result<i64, Failure> {
    let skew = conductor.system().await?.skew(SystemTime::now());
    Ok(skew.map_or(0, |(skew, ahead)| {
        let micros = i64::try_from(skew.as_micros()).unwrap_or(i64::MAX);
        if ahead { micros } else { -micros }
    }))
}

/// Carries a run out, or goes on with it.
pub(crate) async fn carry(
    world: &World,
    run: &Run,
    record: &Record,
    safe: &Safe,
    options: &ApplyOptions,
    shower: &Shower,
) -> Result<Applied, ApplyStop> {
    interruptible(shower, |stop| async move {
        apply(world, &run.plan, record, safe, options, shower, &stop).await
    })
    .await
    .0
}

/// Why something goes no further: when it was `asked` to stop, that is why, and `go_on` does what is left.
pub(crate) fn unless_asked(asked: bool, failure: Failure, go_on: &str) -> Failure {
    if !asked {
        return failure;
    }
    Failure::of(Exit::Interrupted, format!("interrupted ({}); `{go_on}` does what is left", failure.text()))
}

/// Does something that is asked to stop by an interrupt, and finishes what is in flight then; what came of it, and whether it was
/// asked.
pub(crate) async fn interruptible<T, F: Future<Output = T>>(
    shower: &Shower,
    work: impl FnOnce(Stop) -> F,
) -> (T, bool) {
    let (stopper, stop) = Stopper::new();
    let work = work(stop);
    tokio::pin!(work);
    let done = tokio::select! {
        done = &mut work => (done, false),
        () = shower.beat() => unreachable!("a heart beats for ever"),
        () = interrupted() => {
            shower.say("interrupted: finishing what is in flight");
            stopper.stop();
            tokio::select! {
                done = &mut work => (done, true),
                () = shower.beat() => unreachable!("a heart beats for ever"),
            }
        }
    };
    shower.end();
    done
}

/// How a program ends whose run came to this.
pub(crate) fn exit(applied: &Applied) -> Exit {
    use sco::run::Stopped;
    if matches!(applied.stopped, Some(Stopped::Interrupted)) {
        return Exit::Interrupted;
    }
    if applied.is_complete() {
        return Exit::Ok;
    }
    if waits_for_a_person(applied) {
        return Exit::Person;
    }
    let failed = |end: &End| matches!(end, End::Failed(_) | End::NotReached);
    if applied.routers.values().all(failed) { Exit::Failed } else { Exit::Partial }
}

/// Whether somebody has something to do on the conductor before the run goes on.
fn waits_for_a_person(applied: &Applied) -> bool {
    use sco::run::Stopped;
    match &applied.stopped {
        Some(Stopped::Restart(_)) => true,
        Some(Stopped::Wave { source, .. }) => source.is_for_person(),
        _ => false,
    }
}

/// A runtime for a run.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// How a run is shown.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct Showing {
    /// How what happens is shown, on standard error
    #[arg(long, value_enum, default_value_t)]
    progress: Progress,
}

impl Showing {
    /// What shows a run with so many routers.
    pub(crate) fn shower(&self, routers: usize) -> Shower {
        Shower::new(self.progress, routers)
    }
}

const LOOK: Duration = Duration::from_secs(5);
