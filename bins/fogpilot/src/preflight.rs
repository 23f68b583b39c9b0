//! `fogpilot preflight`: what must hold before anything is written, and where that was seen.

use std::io::{self, Write as _};
use std::time::SystemTime;

use conductor::Conductor;
use ids::{OrgId, Timestamp};
use mist::account::{self, Account, PrivilegeScope, Role};
use sco::certificate::Certificate;
use sco::config::{Configuration, Routers};
use sco::decide::{
    Check, Outcome, PortProbe, Preflight, authority_checks, clock_check, first_mode_check, legacy_check,
    legacy_routers, version_check,
};
use sco::run::World;
use sco::token::Anchor;
use serde::Serialize;

use crate::asking::ask;
use crate::exit::{Done, Exit, Failure};
use crate::output::{self, Format, VERSION};
use crate::profile::{Profile, Which};

mod ports;

pub(crate) use ports::at;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot preflight --profile prod --assume restart")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    assumed: Assumed,
    /// How to write the answer
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    output: Format,
}

/// What a person knows that nobody here can see.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct Assumed {
    /// Take a check that ended as unknown for passed; what failed stays failed
    #[arg(long, value_name = "CHECK")]
    pub(crate) assume: Vec<Box<str>>,
}

/// Checks, prints, and refuses when something stands in the way.
pub(crate) fn run(args: &Args) -> Done {
    let session = args.which.open()?;
    let preflight = ask(look(&session.world, &session.profile, None))?.preflight;
    print(args.output, &session.profile, &preflight)?;
    Ok(if verdict(&preflight, &args.assumed)? { Exit::Ok } else { Exit::Preflight })
}

/// Whether nothing stands in the way; what does is told.
pub(crate) fn verdict(preflight: &Preflight, assumed: &Assumed) -> Result<bool, Failure> {
    let names: Vec<&str> = preflight.checks.iter().map(|check| &*check.name).collect();
    if let Some(none) = assumed.assume.iter().find(|name| !names.contains(&&***name)) {
        return Err(Failure::usage(format!("there is no check `{none}`; there are {}", names.join(", "))));
    }
    let (mut failed, mut unknown) = (0, Vec::new());
    for check in preflight.in_the_way(&assumed.assume) {
        match check.outcome {
            Outcome::Unknown if unknown.contains(&&*check.name) => {}
            Outcome::Unknown => unknown.push(&*check.name),
            _ => failed += 1,
        }
    }
    if failed == 0 && unknown.is_empty() {
        return Ok(true);
    }
    let flags: Vec<String> = unknown.iter().map(|name| format!("--assume {name}")).collect();
    let rest = match &flags[..] {
        [] => String::new(),
        flags => format!("; {} not known, which `{}` takes for passed", flags.len(), flags.join(" ")),
    };
    writeln!(io::stderr(), "fogpilot: {failed} checks failed{rest}")?;
    Ok(false)
}

/// Prints every check.
fn print(format: Format, profile: &Profile, preflight: &Preflight) -> io::Result<()> {
    let cells = |check: &Check| {
        let Check { name, outcome, detail, source } = check;
        vec![name.to_string(), outcome.to_string(), detail.to_string(), source.to_string()]
    };
    let cells: Vec<Vec<String>> = preflight.checks.iter().map(cells).collect();
    let answer = Answer {
        version: VERSION,
        organisation: &profile.org_name,
        conductor: &profile.conductor.host,
        checks: &preflight.checks,
    };
    output::rows(format, &answer, "checks", &["check", "status", "details", "source"], &cells)
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    organisation: &'a str,
    conductor: &'a str,
    checks: &'a [Check],
}

/// What was looked at.
pub(crate) struct Looked {
    /// What was made of it.
    pub(crate) preflight: Preflight,
    /// The conductor's nodes on which 4505 or 4506 is open.
    pub(crate) legacy_open: Vec<Box<str>>,
}

/// A restart of the conductor's nodes that a run waits for.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    /// The nodes on which 4505 or 4506 was open before the run turned Secure Conductor Onboarding on.
    pub(crate) open: Vec<Box<str>>,
    /// Whether a person says that every node was restarted.
    pub(crate) said: bool,
}

/// Looks at everything; what cannot be seen is unknown, and what does not answer at all is an error.
pub(crate) async fn look(world: &World, profile: &Profile, due: Option<&Due>) -> Result<Looked, Failure> {
    let system = world.conductor.system().await?;
    let running = world.running().await?;
    let routers = Routers::of(&running);
    let (assets, _) = world.assets().await?;
    let enabled = !routers.none_is_onboarded_securely();
    let clock = system.clock.map(|clock| {
        let since = clock.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or_default())
    });
    let mut checks = vec![of_conductor(system.is_conductor), version_check(Some(&system.version))];
    checks.push(clock_check(clock, Timestamp::now()));
    checks.extend(authority_checks(&running));
    checks.push(legacy_check(legacy_routers(&routers, &assets).len()));
    checks.push(of_candidate(&running, &world.candidate().await?));
    checks.push(of_nodes(&routers, system.router.as_deref(), profile));
    checks.push(first_mode_check(enabled));
    let mut legacy_open = Vec::new();
    for node in &profile.conductor.nodes {
        let ports = ports::Ports::probe(node).await;
        if ports.legacy == PortProbe::Open {
            legacy_open.push(node.as_str().into());
        }
        checks.extend(ports.checks(node, enabled, due));
    }
    for node in &profile.conductor.nodes {
        checks.push(of_onboarding_certificate(node, profile.anchor()?.as_ref()).await);
    }
    checks.extend(of_mist(world).await);
    checks.push(of_command_line(world).await);
    Ok(Looked { preflight: Preflight { checks }, legacy_open })
}

fn check(name: &str, outcome: Outcome, detail: impl Into<Box<str>>, source: &str) -> Check {
    Check { name: name.into(), outcome, detail: detail.into(), source: source.into() }
}

fn of_conductor(is_conductor: Option<bool>) -> Check {
    let (outcome, detail) = match is_conductor {
        Some(true) => (Outcome::Pass, "it says that it is a conductor"),
        Some(false) => {
            (Outcome::Fail, "it says that it is a router; name the conductor's own web server in the profile")
        }
        None => (Outcome::Unknown, "it does not say whether it is a conductor"),
    };
    check("conductor", outcome, detail, "conductor")
}

fn of_candidate(running: &Configuration, candidate: &Configuration) -> Check {
    let paths = sco::config::paths_changed(running, candidate);
    let (outcome, detail) = if paths.is_empty() {
        (Outcome::Pass, "nothing waits to be committed".to_owned())
    } else {
        let text = format!(
            "somebody has changes that are not committed: {paths}; while they are there, nothing is applied"
        );
        (Outcome::Warn, text)
    };
    check("candidate", outcome, detail, "candidate and running configuration")
}

/// Whether the profile has an address of every node.
fn of_nodes(routers: &Routers, conductor: Option<&str>, profile: &Profile) -> Check {
    let known = profile.conductor.nodes.len();
    let router = conductor.and_then(|name| name.parse().ok()).and_then(|name| routers.router(&name));
    let (outcome, detail) = match router.map(|router| router.nodes.len()) {
        Some(nodes) if nodes > known => (
            Outcome::Fail,
            format!(
                "the conductor has {nodes} nodes, and the profile {known}; `profile add --replace --node` names all of them"
            ),
        ),
        Some(nodes) => (Outcome::Pass, format!("the profile has the address of each of {nodes}")),
        None => (
            Outcome::Unknown,
            format!(
                "the running configuration does not tell the conductor's own nodes; the profile has {known}"
            ),
        ),
    };
    check("conductor-nodes", outcome, detail, "running configuration")
}

/// Whether port 933 serves a certificate under the authority that the profile trusts.
async fn of_onboarding_certificate(node: &str, anchor: Option<&Anchor>) -> Check {
    let named = |outcome, detail: String| {
        check("onboarding-certificate", outcome, format!("{node}: {detail}"), "TLS on port 933")
    };
    let Ok(host) = at(node, 933).parse() else {
        return named(Outcome::Fail, "it is no address".to_owned());
    };
    let shown = match Conductor::certificates(&host, ports::WITHIN).await {
        Ok(shown) => shown,
        Err(problem) => {
            let detail =
                format!("no certificate was seen ({}); compare by hand", crate::exit::chain(&problem));
            return named(Outcome::Unknown, detail);
        }
    };
    let mut certificates = shown.iter().filter_map(|der| Certificate::from_der(der).ok());
    let (Some(leaf), between) = (certificates.next(), certificates.collect::<Vec<_>>()) else {
        return named(Outcome::Fail, "what it shows is no certificate".to_owned());
    };
    let fingerprint = leaf.fingerprint();
    let root = match anchor {
        None => {
            let detail = format!(
                "it shows {fingerprint}; the profile trusts no SCO CA, so whose it is nobody said; `profile add --replace \
                 --sco-ca` does"
            );
            return named(Outcome::Unknown, detail);
        }
        Some(Anchor::Certificate(root)) => root.clone(),
        Some(Anchor::Pin(pin)) => match between.iter().find(|shown| shown.fingerprint() == *pin) {
            Some(root) => root.clone(),
            None => {
                let detail = format!(
                    "it shows {fingerprint} without the SCO CA, whose SHA-256 alone the profile has; give its file to check"
                );
                return named(Outcome::Unknown, detail);
            }
        },
    };
    match leaf.leads_to(&root, &between, Timestamp::now()) {
        Ok(()) => named(Outcome::Pass, format!("it shows {fingerprint}, issued under the profile's SCO CA")),
        Err(error) => named(
            Outcome::Fail,
            format!("it shows {fingerprint}, which is not the SCO CA's: {error}; routers would not trust it"),
        ),
    }
}

async fn of_mist(world: &World) -> [Check; 2] {
    let budget = match world.mist.usage().await {
        Ok(usage) => match usage.requests {
            Some(spent) => {
                let limit = usage.limit.unwrap_or(mist::Budget::MIST);
                let left = limit.saturating_sub(spent);
                let outcome = if left < limit / 5 { Outcome::Warn } else { Outcome::Pass };
                (outcome, format!("{left} of {limit} calls are left this hour"))
            }
            None => (Outcome::Unknown, "Mist does not say how many calls are left".to_owned()),
        },
        Err(problem) => (Outcome::Unknown, crate::exit::chain(&problem)),
    };
    let role = match world.mist.send(&account::whoami()).await {
        Ok(account) => role(&account, world.org),
        Err(problem) => (Outcome::Unknown, crate::exit::chain(&problem)),
    };
    [
        check("mist-role", role.0, role.1, "Mist, self"),
        check("mist-budget", budget.0, budget.1, "Mist, usage"),
    ]
}

fn role(account: &Account, org: OrgId) -> (Outcome, String) {
    let here = account.privileges.iter().filter(|privilege| {
        privilege.scope == Some(PrivilegeScope::Org) && privilege.org_id.is_none_or(|id| id == org)
    });
    let roles: Vec<&Role> = here.filter_map(|privilege| privilege.role.as_ref()).collect();
    let shown = || roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
    match &roles[..] {
        [] => (
            Outcome::Unknown,
            "the token has no role in the organisation that is told; it needs `write`".to_owned(),
        ),
        roles if roles.iter().any(|role| matches!(role, Role::Admin | Role::Write)) => {
            (Outcome::Pass, format!("the token may write to the organisation ({})", shown()))
        }
        _ => {
            (Outcome::Fail, format!("the token is `{}`, and settings and assignments need `write`", shown()))
        }
    }
}

async fn of_command_line(world: &World) -> Check {
    let (outcome, detail) = match &world.pcli {
        None => (
            Outcome::Warn,
            "the profile names none: tokens come by `render` and `import-token`, and so does the auth state"
                .to_owned(),
        ),
        Some(pcli) => match pcli.way().await {
            Ok(way) => (Outcome::Pass, format!("it takes commands by {way}")),
            Err(problem) => (Outcome::Fail, crate::exit::chain(&problem)),
        },
    };
    check("command-line", outcome, detail, "ssh")
}
