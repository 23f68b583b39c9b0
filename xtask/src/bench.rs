//! `cargo xtask bench`: the relay's figures as ratios to references that are measured in the same minute.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::programs::succeeds;
use crate::workspace::Workspace;

mod accept;
mod disk;
mod figures;
mod machine;
mod server;
mod stage;
mod table;

use accept::Plan;

/// Builds the programs, runs the bench named first in `arguments`, and prints its table, or with `--json` one
/// object on standard output.
///
/// # Errors
///
/// When a program cannot be built or started, or does not do what it is for.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let Some((bench, rest)) = arguments.split_first() else {
        bail!("which bench? `accept`; `cargo xtask help` lists what there is");
    };
    if bench != "accept" {
        bail!("no bench `{bench}`; there is `accept`");
    }
    let (plan, json) = parse(rest)?;
    eprintln!("bench: building");
    // One after the other, so that the relay is built with its own features, as it is shipped.
    for package in ["fogbell", "e2e"] {
        let mut build = workspace.cargo(["build", "--release", "--quiet", "--bins", "--package", package]);
        // Standard output is for the result alone.
        if !succeeds(build.stdout(std::io::stderr()))? {
            bail!("the programs do not build");
        }
    }
    let report = accept::run(workspace, &plan)?;
    if json {
        eprint!("{}", table::text(&report));
        println!("{}", table::json(&report));
    } else {
        print!("{}", table::text(&report));
    }
    Ok(ExitCode::SUCCESS)
}

/// The plan, and whether JSON is wanted.
fn parse(arguments: &[String]) -> Result<(Plan, bool)> {
    let (mut plan, mut json) = (Plan::default(), false);
    let mut words = arguments.iter().flat_map(|argument| argument.splitn(2, '='));
    while let Some(word) = words.next() {
        let mut number = |most: u64| -> Result<u64> {
            let text = words.next().with_context(|| format!("{word} needs a number"))?;
            let number = text.parse().ok().filter(|number| (1..=most).contains(number));
            number.with_context(|| format!("`{text}` is not a number from 1 to {most}"))
        };
        match word {
            "--json" => json = true,
            "--rounds" => plan.rounds = usize::try_from(number(1000)?)?,
            "--seconds" => plan.seconds = number(600)?,
            unknown => {
                bail!("`bench accept` does not know `{unknown}`; `cargo xtask help` lists what it knows")
            }
        }
    }
    Ok((plan, json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_read_in_any_order_and_nonsense_is_refused() {
        let parse = |words: &[&str]| parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());

        assert_eq!(parse(&[]).unwrap(), (Plan { rounds: 5, seconds: 3 }, false));
        assert_eq!(
            parse(&["--seconds", "2", "--json", "--rounds=7"]).unwrap(),
            (Plan { rounds: 7, seconds: 2 }, true)
        );
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--seconds", "soon"], &["7"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
