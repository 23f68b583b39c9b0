//! `cargo xtask demo`: the relay on loopback between a fake Mist cloud and receivers that print what arrives.

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::programs::{Ask, succeeds};
use crate::workspace::Workspace;

mod onboard;
mod speaker;
mod stage;
mod totals;

use speaker::Speaker;
use stage::Stage;
use totals::Totals;

/// Builds the programs, lets them talk, and sees that what was acknowledged arrived.
///
/// # Errors
///
/// When a program cannot be built or started, or the relay does not get ready.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if let Some((first, rest)) = arguments.split_first()
        && first == "onboard"
    {
        return onboard::run(workspace, rest);
    }
    let seconds = parse(arguments)?;
    println!("demo: building");
    let build = ["build", "--quiet", "--package", "fogbell", "--package", "fogbell-testkit", "--bins"];
    if !succeeds(&mut workspace.cargo(build))? {
        bail!("the programs do not build");
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot listen for Ctrl-C")?;
    }
    let stage = Stage::build(workspace)?;
    let receivers = workspace.program("fogbell-testkit-receivers");

    let totals = Arc::new(Mutex::new(Totals::default()));
    let note = |add: fn(&mut Totals, &str)| {
        let totals = Arc::clone(&totals);
        move |line: &str| add(&mut lock(&totals), line)
    };
    let mut command = Command::new(&receivers);
    command.args(["--syslog-tcp", &stage.syslog]);
    let mut siem = Speaker::start("siem", &mut command, note(Totals::add_message))?;
    let mut command = Command::new(&receivers);
    command.args(["--trap", &stage.trap]);
    let mut nms = Speaker::start("nms", &mut command, note(Totals::add_notification))?;
    let mut command = Command::new(workspace.program("fogbell"));
    command.arg("run").arg("--config").arg(&stage.config);
    let mut relay = Speaker::start("relay", &mut command, |_| {})?;
    let address = relay.wait_for("the relay to accept webhooks", START, |line| {
        line.contains("accepting webhooks").then(|| address_in(line)).flatten()
    })?;
    let mut command = Command::new(workspace.program("fogbell-testkit-mist"));
    command.args(["--url", &format!("https://{address}/v1/mist"), "--danger-insecure", "--rate", "2"]);
    command.arg("--secret-file").arg(&stage.secret);
    let mut mist = Speaker::start("mist", &mut command, note(Totals::add_delivery))?;

    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut ended_early = None;
    while !stop.load(Ordering::Relaxed)
        && until.is_none_or(|until| Instant::now() < until)
        && ended_early.is_none()
    {
        ended_early = [&mut siem, &mut nms, &mut relay, &mut mist].into_iter().find_map(Speaker::ended);
        thread::sleep(LOOK);
    }

    // In the order of the data: nothing new, then what is on its way, then who delivers it, then who takes it.
    println!("demo: ending");
    let mut unwell = Vec::new();
    let mut end = |who: &mut Speaker, how| -> Result<()> {
        if !who.end(how, GRACE)? {
            unwell.push(who.name());
        }
        Ok(())
    };
    end(&mut mist, Ask::Interrupt)?;
    let quiet_by = Instant::now() + GRACE;
    while Instant::now() < quiet_by && (nms.quiet_for() < QUIET || siem.quiet_for() < QUIET) {
        thread::sleep(LOOK);
    }
    end(&mut relay, Ask::Terminate)?;
    end(&mut nms, Ask::Interrupt)?;
    end(&mut siem, Ask::Interrupt)?;

    let totals = lock(&totals);
    println!("demo: {totals}");
    let mut wrong = totals.wrong();
    wrong.extend(ended_early.map(|who| format!("{who} ended by itself")));
    wrong.extend(unwell.iter().map(|who| format!("{who} did not end well")));
    for line in &wrong {
        println!("demo: {line}");
    }
    if !wrong.is_empty() {
        println!("demo: journal and configuration are kept in {}", stage.folder.display());
        return Ok(ExitCode::FAILURE);
    }
    stage.remove()?;
    Ok(ExitCode::SUCCESS)
}

/// The lock, also after a panic of another thread: every count stands for itself.
fn lock(totals: &Mutex<Totals>) -> MutexGuard<'_, Totals> {
    totals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The seconds in `--seconds N`, none when there is no limit.
fn parse(arguments: &[String]) -> Result<Option<u64>> {
    let words: Vec<&str> = arguments.iter().flat_map(|argument| argument.splitn(2, '=')).collect();
    match words[..] {
        [] => Ok(None),
        ["--seconds", number] => {
            let seconds = number.parse().with_context(|| format!("`{number}` is no number of seconds"))?;
            Ok(Some(seconds))
        }
        ["--seconds"] => bail!("--seconds needs a number"),
        _ => bail!("`demo` does not know `{}`; `cargo xtask help` lists what it knows", arguments.join(" ")),
    }
}

/// The value of `address=` in a line of the relay's log.
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("address=")?;
    Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
}

/// How long the relay may take to get ready.
const START: Duration = Duration::from_secs(30);

/// How long each program may take to end, and what is on its way to arrive: the relay's own limit is 10 seconds.
const GRACE: Duration = Duration::from_secs(15);

/// Receivers that say nothing for so long have everything.
const QUIET: Duration = Duration::from_secs(2);

/// Between two looks at what happens.
const LOOK: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_are_read_from_one_word_or_two() {
        let parse = |words: &[&str]| parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());

        assert_eq!(parse(&[]).unwrap(), None);
        assert_eq!(parse(&["--seconds", "20"]).unwrap(), Some(20));
        assert_eq!(parse(&["--seconds=20"]).unwrap(), Some(20));
        assert!(parse(&["--seconds"]).is_err());
        assert!(parse(&["--seconds", "soon"]).is_err());
        assert!(parse(&["20"]).is_err());
    }

    #[test]
    fn the_address_in_a_line_of_the_log_is_found() {
        let check =
            |line: &str, expect: Option<&str>| assert_eq!(address_in(line).as_deref(), expect, "{line}");
        check(
            "INFO relay: accepting webhooks address=127.0.0.1:8443 tls=\"self-signed\"",
            Some("127.0.0.1:8443"),
        );
        check("INFO accepting webhooks", None);
    }
}
