//! `fogpilot import-token`: tokens that a person brings, each bound by its asset ids to one router, and never by order.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ids::Timestamp;
use sco::plan::{Plan, RouterOutcome};
use sco::run::{Keep as _, Progress, RunId};
use sco::token::{Anchor, Binding, Expectation, FoundToken, TokenFingerprint, TokenFlag, bind, find_tokens};
use sco::{AssetId, RouterName};
use serde::Serialize;

use crate::exit::{Done, Exit, Failure};
use crate::given;
use crate::input::Input;
use crate::lock::Lock;
use crate::output::{self, Format, VERSION};
use crate::profile::Which;
use crate::runs::Run;
use crate::safe::Safe;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  fogpilot import-token --plan wave1.plan --profile prod tokens.txt
  fogpilot import-token --run run-20261122-141002 - < session.log")]
pub(crate) struct Args {
    /// File with what the conductor printed, tokens in any text; `-` is standard input. It is a secret
    file: PathBuf,
    /// The plan whose routers the tokens are for
    #[arg(long, value_name = "PLAN", conflicts_with = "run")]
    plan: Option<PathBuf>,
    /// The run; the last one without it and --plan. What `show secure-conductor-onboarding` printed is read too
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    #[command(flatten)]
    which: Which,
    /// Take onboarding tokens whose authority nobody vouches for
    #[arg(long)]
    accept_unauthenticated_token: bool,
    /// Take onboarding tokens with a signature that only the conductor can check
    #[arg(long)]
    accept_unverifiable_token: bool,
    /// Take onboarding tokens that do not say until when they are taken
    #[arg(long)]
    accept_token_without_expiry: bool,
    /// Keep nothing; say what would be taken
    #[arg(long)]
    dry_run: bool,
    /// How to write what became of each
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    output: Format,
}

/// Takes the tokens, and the states, that a text has; exit 3 when one is not taken, 1 when none is.
pub(crate) fn run(args: &Args) -> Done {
    let ground = Ground::of(args)?;
    let (name, profile) = ground.which(args)?.profile()?;
    if profile.org != ground.plan().org() || profile.conductor.pin != ground.plan().conductor().to_string() {
        return Err(Failure::usage(format!(
            "the plan is for another organisation or conductor than the profile `{name}`"
        )));
    }
    let input = Input::read(&args.file, LIMIT)?;
    tell_secret(&args.file, input.exposed)?;
    let text =
        str::from_utf8(&input.bytes).map_err(|_| "the input is no text; hand over what was printed")?;
    let found = find_tokens(text);
    if found.truncated {
        return Err("there is more in the input than is read; hand it over in parts".into());
    }
    let unfinished = unfinished(ground.plan(), ground.progress.as_ref());
    let mut rows = judged(&found.tokens, &unfinished, args, profile.anchor()?.as_ref(), ground.plan());
    rows.extend(found.rejected.iter().map(|rejected| Row {
        line: Some(rejected.line),
        router: None,
        what: "token",
        taken: false,
        token_sha256: None,
        expires: None,
        detail: rejected.error.to_string(),
    }));
    if !args.dry_run {
        keep(args, &ground, &found.tokens, &rows)?;
    }
    let states = ground.run.as_ref().map(|run| states(text, run, args.dry_run)).transpose()?;
    rows.extend(states.into_iter().flatten());
    print(args.output, &rows)?;
    conclude(&rows)
}

/// What the input may be for.
struct Ground {
    plan: Option<Plan>,
    run: Option<Run>,
    progress: Option<Progress>,
}

impl Ground {
    fn of(args: &Args) -> Result<Self, Failure> {
        if let Some(path) = &args.plan {
            return Ok(Self { plan: Some(crate::plan::load(path)?), run: None, progress: None });
        }
        let run = Run::find(&args.which.home, args.run.as_ref())?;
        let progress = run.progress()?;
        Ok(Self { plan: None, run: Some(run), progress: Some(progress) })
    }

    fn plan(&self) -> &Plan {
        let of_run = self.run.as_ref().map(|run| &run.plan);
        self.plan.as_ref().or(of_run).expect("it has a plan or a run")
    }

    fn which(&self, args: &Args) -> Result<Which, Failure> {
        match &self.run {
            Some(run) => args.which.named(&run.about.profile),
            None => Ok(args.which.clone()),
        }
    }
}

/// The routers that need a token, with the asset ids that it must have.
fn unfinished(plan: &Plan, progress: Option<&Progress>) -> Vec<(RouterName, BTreeSet<AssetId>)> {
    let needs = |name: &RouterName| {
        let own = progress.map(|progress| progress.router(name)).unwrap_or_default();
        own.assigned.is_none() && own.released.is_none()
    };
    let routers = plan.routers().iter().filter(|router| match &router.outcome {
        RouterOutcome::Onboard(steps) => !steps.assign.is_empty() && needs(&router.name),
        _ => false,
    });
    let assets = |router: &sco::plan::PlannedRouter| {
        router.basis.nodes.values().filter_map(|node| node.wanted_asset_id.clone()).collect()
    };
    routers.map(|router| (router.name.clone(), assets(router))).collect()
}

/// What becomes of each token.
fn judged(
    tokens: &[FoundToken],
    unfinished: &[(RouterName, BTreeSet<AssetId>)],
    args: &Args,
    anchor: Option<&Anchor>,
    plan: &Plan,
) -> Vec<Row> {
    let bindings = bind(&tokens.iter().map(|found| &found.token).collect::<Vec<_>>(), unfinished);
    let accepted = args.accepted();
    let judge = |(found, binding): (&FoundToken, Binding)| {
        let mut row = Row {
            line: Some(found.line),
            router: None,
            what: "token",
            taken: false,
            token_sha256: Some(found.token.fingerprint()),
            expires: found.token.expires(),
            detail: String::new(),
        };
        let Binding::Router(router) = binding else {
            row.detail = unbound(&binding, &found.token);
            return row;
        };
        let deadlines = plan.deadlines();
        let expect = Expectation {
            asset_ids: found.token.asset_ids(),
            anchor,
            served: None,
            now: Timestamp::now(),
            margin: deadlines.auth.saturating_add(deadlines.running),
        };
        let judgement = found.token.judge(&expect);
        row.taken = judgement.is_usable(&accepted);
        row.router = Some(router);
        let faults = judgement.faults.iter().map(ToString::to_string);
        let missing = judgement.flags.iter().filter(|flag| !accepted.contains(flag));
        let flags = missing.map(|flag| format!("it needs {flag}"));
        let warnings = judgement.warnings.iter().map(ToString::to_string);
        let said: Vec<String> = faults.chain(flags).chain(warnings).collect();
        row.detail = [vec![judgement.authenticity.to_string()], said].concat().join("; ");
        row
    };
    tokens.iter().zip(bindings).map(judge).collect()
}

fn unbound(binding: &Binding, token: &sco::token::OnboardingToken) -> String {
    let ids = || token.asset_ids().iter().map(AssetId::as_str).collect::<Vec<_>>().join(" ");
    match binding {
        Binding::Repeated => "it stands in the input before; that one counts".to_owned(),
        Binding::NoAssets => "it names no assets, so whose it is cannot be told; make it again".to_owned(),
        Binding::SeveralRouters(routers) => {
            let names: Vec<&str> = routers.iter().map(RouterName::as_str).collect();
            format!("{} have its assets; correct the list and plan again", names.join(" and "))
        }
        Binding::SeveralTokens(router) => {
            format!("there are several tokens for {router}; leave the newest one in the input alone")
        }
        _ => format!("no unfinished router has exactly the assets {}; it is for something else", ids()),
    }
}

/// Puts what is taken into the vault.
fn keep(args: &Args, ground: &Ground, tokens: &[FoundToken], rows: &[Row]) -> Result<(), Failure> {
    if !rows.iter().any(|row| row.taken) {
        return Ok(());
    }
    let _lock = Lock::take(&args.which.home, "import-token")?;
    let safe = Safe::of(args.which.home.unlock()?.into(), ground.plan().hash());
    for (found, row) in tokens.iter().zip(rows) {
        if let Some(router) = row.router.as_ref().filter(|_| row.taken) {
            safe.put(router, &found.token)?;
        }
    }
    Ok(())
}

/// Reads the states that the input shows of the assets of a run.
fn states(text: &str, run: &Run, dry_run: bool) -> Result<Vec<Row>, Failure> {
    let nodes = || {
        run.plan
            .routers()
            .iter()
            .flat_map(|router| router.basis.nodes.values().map(move |node| (router, node)))
    };
    let assets: Vec<&AssetId> = nodes().filter_map(|(_, node)| node.wanted_asset_id.as_ref()).collect();
    let found = given::find(text, &assets);
    let now = Timestamp::now();
    if !dry_run && !found.is_empty() {
        let mut known = given::load(run)?;
        known.extend(found.iter().map(|(asset, state)| (asset.clone(), (now, state.clone()))));
        given::save(run, &known)?;
    }
    let row = |(asset, state): (&AssetId, &sco::observe::AuthState)| Row {
        line: None,
        router: nodes()
            .find(|(_, node)| node.wanted_asset_id.as_ref() == Some(asset))
            .map(|(router, _)| router.name.clone()),
        what: "state",
        taken: true,
        token_sha256: None,
        expires: None,
        detail: format!("{asset}: {state}, as of now; `fogpilot verify --watch` counts it for an hour"),
    };
    Ok(found.iter().map(row).collect())
}

impl Args {
    fn accepted(&self) -> Vec<TokenFlag> {
        let flags = [
            (self.accept_unauthenticated_token, TokenFlag::Unauthenticated),
            (self.accept_unverifiable_token, TokenFlag::Unverifiable),
            (self.accept_token_without_expiry, TokenFlag::NoExpiry),
        ];
        flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag).collect()
    }
}

fn tell_secret(path: &Path, exposed: bool) -> io::Result<()> {
    let name = path.display();
    let mut out = io::stderr();
    if path == Path::new("-") {
        return writeln!(
            out,
            "fogpilot: what you hand over is secret as long as its tokens are taken; keep no copy"
        );
    }
    writeln!(
        out,
        "fogpilot: `{name}` is secret as long as its tokens are taken; remove it when they are in the vault"
    )?;
    if exposed {
        writeln!(out, "fogpilot: others on this machine can read it now; `chmod 600 {name}` keeps it")?;
    }
    Ok(())
}

fn conclude(rows: &[Row]) -> Done {
    let taken = rows.iter().filter(|row| row.taken).count();
    if rows.is_empty() {
        return Err("there is neither a token nor a state of one of these routers in the input".into());
    }
    writeln!(io::stderr(), "fogpilot: {taken} of {} taken", rows.len())?;
    Ok(match taken {
        0 => Exit::Failed,
        _ if taken == rows.len() => Exit::Ok,
        _ => Exit::Partial,
    })
}

fn print(format: Format, rows: &[Row]) -> io::Result<()> {
    let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
    let head = ["line", "router", "what", "taken", "detail"];
    output::rows(format, &Answer { version: VERSION, rows }, "rows", &head, &cells)
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    rows: &'a [Row],
}

/// A token or a state, and what becomes of it.
#[derive(Serialize)]
struct Row {
    /// Where it begins; the first line is 1.
    line: Option<usize>,
    router: Option<RouterName>,
    what: &'static str,
    taken: bool,
    token_sha256: Option<TokenFingerprint>,
    #[serde(serialize_with = "crate::output::time_if")]
    expires: Option<Timestamp>,
    detail: String,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        vec![
            self.line.map_or_else(dash, |line| line.to_string()),
            self.router.as_ref().map_or_else(dash, ToString::to_string),
            self.what.to_owned(),
            if self.taken { "yes" } else { "no" }.to_owned(),
            self.detail.clone(),
        ]
    }
}

/// Thousands of tokens and what is around them.
const LIMIT: usize = 32 * 1024 * 1024;
