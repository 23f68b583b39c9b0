//! `cargo xtask demo onboard`: `fogpilot` takes 25 routers on 20 sites onto a conductor, is interrupted, and goes on; the
//! cloud, the conductor and the routers are those of the test kit.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::peers;
use crate::programs::succeeds;
use crate::test::is_root;
use crate::workspace::Workspace;

mod estate;
mod pilot;
mod transcript;

use estate::Estate;
use pilot::Pilot;
use transcript::Transcript;

/// Builds the programs, onboards, and judges by what the fakes saw.
///
/// # Errors
///
/// When it is not run by root, or a program cannot be built or started.
pub(super) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let out = parse(arguments)?;
    if !is_root()? {
        bail!(
            "`demo onboard` needs root: its conductor has the documented ports 930 and 933, and a real OpenSSH server in front \
             of its command line; docs/onboarding-demo.md shows what it prints"
        );
    }
    println!("demo: building");
    let build = ["build", "--quiet", "--package", "fogpilot", "--package", "fogbell-testkit", "--bins"];
    if !succeeds(&mut workspace.cargo(build))? {
        bail!("the programs do not build");
    }
    let openssh = peers::openssh(workspace)?;
    let folder = workspace.target.join("demo").join(std::process::id().to_string());
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.with_context(|| format!("cannot make `{}`", folder.display()))?;

    let begun = Instant::now();
    let mut estate = Estate::start(workspace, &folder, &openssh, &ESTATE)?;
    let transcript = Transcript::new(&folder, &estate.told);
    let mut pilot = Pilot::new(workspace, &folder, &openssh, transcript, out.is_none())?;
    let profile = estate.profile(&folder)?;
    let mut wrong: Vec<String> = play(&mut pilot, &mut estate, &profile)?.into_iter().collect();
    wrong.extend(judge(&mut estate, &mut pilot)?);
    wrong.extend(estate.end()?);

    println!("demo: {:.0} s", begun.elapsed().as_secs_f64());
    for line in &wrong {
        println!("demo: WRONG: {line}");
    }
    if !wrong.is_empty() {
        println!("demo: everything is kept in {}", folder.display());
        return Ok(ExitCode::FAILURE);
    }
    if let Some(out) = out {
        fs::write(&out, pilot.transcript.page())
            .with_context(|| format!("cannot write `{}`", out.display()))?;
        println!("demo: the transcript is in {}", out.display());
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot clear `{}`", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// A command of the demo.
struct Step {
    /// What the reader is told before it.
    note: &'static str,
    /// What happens before it.
    before: Option<&'static str>,
    words: Vec<String>,
    /// The exit code that it must end with.
    expected: i32,
    /// Assignments after which somebody presses Ctrl-C.
    interrupt_after: Option<usize>,
}

impl Step {
    fn new(note: &'static str, words: &[&str], expected: i32) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { note, before: None, words, expected, interrupt_after: None }
    }
}

/// The whole of it, command after command, until one does not end as it should; that is told.
fn play(pilot: &mut Pilot, estate: &mut Estate, profile: &[String]) -> Result<Option<String>> {
    for step in steps(profile) {
        pilot.note(step.note);
        if let Some(command) = step.before {
            estate.ask(command)?;
        }
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        let code = pilot.run(&words, step.interrupt_after)?;
        if code != step.expected {
            let text = format!("`fogpilot {}` ended with {code}, and not with {}", words[0], step.expected);
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn steps(profile: &[String]) -> Vec<Step> {
    let profile: Vec<&str> = profile.iter().map(String::as_str).collect();
    let key = ["--vault-key", "vault.key"];
    let run =
        [&key[..], &["--yes", "--parallel", "8", "--assume", "restart", "--danger-time-factor", TIME_FACTOR]]
            .concat();
    let accept = ["--accept-legacy-cutoff", LEGACY];
    vec![
        Step::new(
            "The profile: who is asked, and by which fingerprints each is known. Secrets go into the vault.",
            &[&["profile", "add", "demo"], &key[..], &profile].concat(),
            0,
        ),
        Step::new(
            "What must hold before anything is written. A port 4505 that does not answer is a restarted conductor or a firewall; \
             who knows says so.",
            &[&["preflight", "--assume", "restart"], &key[..]].concat(),
            0,
        ),
        Step::new(
            "What would be done, router by router. Nothing is written but the plan.",
            &[&["plan", "-f", "routers.csv", "-o", "wave1.plan"], &key[..]].concat(),
            0,
        ),
        Step::new(
            "The first router with a mode concerns two legacy routers: without their number nothing begins.",
            &[&["apply", "wave1.plan"], &run[..]].concat(),
            5,
        ),
        Step::new(
            "With it the run begins. The canary's commit turns Secure Conductor Onboarding on, which is in effect once both nodes are \
             restarted: the run ends there, and says so.",
            &[&["apply", "wave1.plan"], &run[..], &accept].concat(),
            7,
        ),
        Step {
            before: Some("conductor restart"),
            interrupt_after: Some(INTERRUPT_AFTER),
            ..Step::new(
                "Both nodes are restarted in a change window, and the run goes on: it sees by the ports that they were. In the middle \
                 somebody presses Ctrl-C.",
                &[&["resume"], &run[..], &accept].concat(),
                130,
            )
        },
        Step::new(
            "Once more: it looks at what is, and does what is missing.",
            &[&["resume"], &run[..], &accept].concat(),
            0,
        ),
        Step::new("Every router once more, by fresh evidence.", &[&["verify"], &key[..]].concat(), 0),
        Step::new(
            "The tokens leave the settings of the sites: one site first, whose routers are seen to stay connected.",
            &[&["cleanup", "--yes", "--danger-time-factor", TIME_FACTOR], &key[..]].concat(),
            0,
        ),
        Step::new(
            "For the file of the change; `-o html` and `-o md` have every step with its time.",
            &["report", "-o", "csv"],
            0,
        ),
    ]
}

/// What the fakes saw, which is what counts.
fn judge(estate: &mut Estate, pilot: &mut Pilot) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    // the restart of the nodes cuts the legacy routers off, as their number was accepted
    let broken = texts(&estate.ask("broken")?);
    let (cut_off, broken): (Vec<_>, Vec<_>) =
        broken.into_iter().partition(|text| text.starts_with("legacy-"));
    wrong.extend(broken.into_iter().map(|text| format!("a rule of safety was broken: {text}")));
    if cut_off.len() > LEGACY.parse()? {
        wrong.push(format!("{} legacy routers are cut off, and {LEGACY} were accepted", cut_off.len()));
    }
    wrong.extend(
        texts(&estate.ask("wrong")?).into_iter().map(|binding| format!("a wrong binding: {binding}")),
    );
    let state = estate.ask("state")?;
    let told = |ssr: &Value| ssr["conductor_token"].as_str().is_some_and(|token| !token.is_empty());
    let left = state["sites"].as_object().into_iter().flatten().filter(|(_, ssr)| told(ssr)).count();
    if left > 0 {
        wrong.push(format!("{left} sites have a token still"));
    }
    let bound = estate.ask("bound")?.as_array().map_or(0, Vec::len);
    if bound != NODES {
        wrong.push(format!("the conductor took {bound} nodes, and not {NODES}"));
    }
    let counts = estate.ask("counts")?;
    let assigned = counts["assignments"].as_u64();
    if assigned != Some(NODES as u64) {
        wrong.push(format!("{counts}: there are {NODES} devices, each to be assigned once"));
    }
    pilot.say(&format!(
        "the fake conductor took {bound} of {NODES} nodes, none wrongly; {} commits, {} assignments, {} calls to Mist",
        counts["commits"], counts["assignments"], counts["mist_calls"]
    ));
    Ok(wrong)
}

/// The texts of a list, other values as JSON.
fn texts(list: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    list.as_array().into_iter().flatten().map(text).collect()
}

/// The file in `--out FILE`.
fn parse(arguments: &[String]) -> Result<Option<PathBuf>> {
    let words: Vec<&str> = arguments.iter().flat_map(|argument| argument.splitn(2, '=')).collect();
    match words[..] {
        [] => Ok(None),
        ["--out", file] => Ok(Some(PathBuf::from(file))),
        ["--out"] => bail!("--out needs a file"),
        _ => bail!(
            "`demo onboard` does not know `{}`; `cargo xtask help` lists what it knows",
            arguments.join(" ")
        ),
    }
}

/// 25 routers on 20 sites: five sites have two, which take turns; two legacy routers live beside them.
const ESTATE: [&str; 17] = [
    "--routers",
    "20",
    "--hardware",
    "3",
    "--pairs",
    "2",
    "--legacy",
    LEGACY,
    "--sites",
    "20",
    "--conductor-pair",
    "--ports",
    "--completed",
    "60",
    "--running",
    "240",
    "--time-factor=100",
];
const NODES: usize = 27;
const LEGACY: &str = "2";

/// How much faster the clock of `fogpilot` goes: five minutes are three seconds.
const TIME_FACTOR: &str = "100";

/// Assignments after which somebody presses Ctrl-C.
const INTERRUPT_AFTER: usize = 9;

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at what happens.
const LOOK: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_from_one_word_or_two() {
        let parse = |words: &[&str]| parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());

        assert_eq!(parse(&[]).unwrap(), None);
        assert_eq!(parse(&["--out", "a.md"]).unwrap(), Some(PathBuf::from("a.md")));
        assert_eq!(parse(&["--out=a.md"]).unwrap(), Some(PathBuf::from("a.md")));
        assert!(parse(&["--out"]).is_err());
        assert!(parse(&["a.md"]).is_err());
    }
}
