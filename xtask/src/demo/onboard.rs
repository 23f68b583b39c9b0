//! `cargo xtask demo onboard`: `fogpilot` takes 25 routers on 20 sites onto a conductor, is interrupted, and goes on; the
//! cloud, the conductor and the routers are those of the test kit.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

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
    let mut pilot = Pilot::new(workspace, &folder, &openssh, transcript, out.is_none());
    let mut wrong = play(&mut pilot, &estate)?;
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

/// The whole of it, command after command; what did not end as it should.
fn play(pilot: &mut Pilot, estate: &Estate) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut expect = |step: &str, code: i32, expected: i32| {
        if code != expected {
            wrong.push(format!("`fogpilot {step}` ended with {code}, and not with {expected}"));
        }
        code == expected
    };
    let common = ["--vault-key", "vault.key"];
    let fast = ["--danger-time-factor", TIME_FACTOR];
    let accepted = ["--assume", "restart", "--accept-legacy-cutoff", LEGACY];
    let apply = [&["apply", "wave1.plan", "--parallel", "8"], &common[..], &fast].concat();

    pilot.note("The profile: who is asked, and by which fingerprints each is known. Secrets go into the vault.");
    let mut words = vec!["profile", "add", "demo"];
    words.extend(common);
    let profile = estate.profile()?;
    words.extend(profile.iter().map(String::as_str));
    let mut go_on = expect("profile add", pilot.run(&words)?, 0);

    pilot.note("What must hold before anything is written.");
    go_on &= expect("preflight", pilot.run(&[&["preflight", "--assume", "restart"], &common[..]].concat())?, 0);

    pilot.note("What would be done, router by router. Nothing is written but the plan.");
    go_on &= expect("plan", pilot.run(&[&["plan", "-f", "routers.csv", "-o", "wave1.plan"], &common[..]].concat())?, 0);

    pilot.note("The first router with a mode concerns two legacy routers: without their number accepted nothing begins.");
    let code = pilot.run(&[&apply[..], &["--assume", "restart"]].concat())?;
    if code == 0 {
        wrong.push("`fogpilot apply` began without --accept-legacy-cutoff".to_owned());
    }
    if !go_on {
        return Ok(wrong);
    }

    pilot.note("Accepted. Somebody presses Ctrl-C in the middle.");
    let mut expect = |step: &str, code: i32, expected: i32| {
        if code != expected {
            wrong.push(format!("`fogpilot {step}` ended with {code}, and not with {expected}"));
        }
    };
    let code = pilot.run_until(&[&apply[..], &accepted].concat(), INTERRUPT_AFTER)?;
    expect("apply", code, 130);

    pilot.note("It looks at what is, and does what is missing.");
    let resume = [&["resume", "--parallel", "8"], &common[..], &fast, &accepted].concat();
    expect("resume", pilot.run(&resume)?, 0);

    pilot.note("Every router once more, by fresh evidence.");
    expect("verify", pilot.run(&[&["verify"], &common[..], &fast].concat())?, 0);

    pilot.note("For the auditor.");
    expect("report", pilot.run(&["report", "--format", "markdown"])?, 0);
    Ok(wrong)
}

/// What the fakes saw, which is what counts.
fn judge(estate: &mut Estate, pilot: &mut Pilot) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (question, meaning) in [("broken", "rules of safety were broken"), ("wrong", "bindings are wrong")] {
        let answer = estate.ask(question)?;
        if answer != serde_json::json!([]) {
            wrong.push(format!("{meaning}: {answer}"));
        }
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

/// The file in `--out FILE`.
fn parse(arguments: &[String]) -> Result<Option<PathBuf>> {
    let words: Vec<&str> = arguments.iter().flat_map(|argument| argument.splitn(2, '=')).collect();
    match words[..] {
        [] => Ok(None),
        ["--out", file] => Ok(Some(PathBuf::from(file))),
        ["--out"] => bail!("--out needs a file"),
        _ => bail!("`demo onboard` does not know `{}`; `cargo xtask help` lists what it knows", arguments.join(" ")),
    }
}

/// 25 routers on 20 sites: five sites have two, which take turns; two legacy routers live beside them.
const ESTATE: [&str; 17] = [
    "--routers", "20", "--hardware", "3", "--pairs", "2", "--legacy", LEGACY, "--sites", "20", "--conductor-pair",
    "--ports", "--completed", "60", "--running", "240", "--time-factor=60",
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
