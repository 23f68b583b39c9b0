//! `cargo xtask test install`: the packages on a machine of their own, and what else belongs to a release.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{Run, Tally, is_root, with_peers};
use crate::programs::succeeds;
use crate::workspace::Workspace;
use crate::{dist, peers};

/// Makes packages of debug builds, in two versions, and runs their stories; closes with `N passed, M failed`.
///
/// # Errors
///
/// When an argument is not known or it is not run as root: before anything is made.
pub(super) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let fixed = match arguments {
        [] => true,
        [flag] if flag == WITHOUT_STATIC => false,
        _ => bail!("`test install` takes {WITHOUT_STATIC}, and no other argument"),
    };
    if !is_root()? {
        bail!("a Debian in a folder is made and booted by root only: run as root");
    }
    let mut run = Run { workspace, tally: Tally::default() };
    let packages = workspace.target.join("dist/test-packages");
    let mut provided = None;
    run.step("peers", |workspace| {
        provided = Some((peers::provide(workspace)?, peers::debian(workspace)?));
        Ok(true)
    });
    let built = run.step("packages", |workspace| {
        let programs = ["--package", "fogbell", "--package", "fogpilot", "--package", "fogbell-testkit"];
        let arguments = [&["build", "--quiet", "--bins"][..], &programs].concat();
        let built = succeeds(&mut workspace.cargo(arguments))?;
        dist::debug_packages(workspace, &VERSIONS, &packages)?;
        Ok(built)
    });
    run.step("bill of materials", |workspace| {
        let bill = workspace.target.join("dist/test.cdx.json");
        dist::bill_of_materials(workspace, &bill)?;
        peers::cyclonedx::judge(workspace, &bill)?;
        Ok(true)
    });
    let mut alone = None;
    if fixed {
        run.step("static programs", |workspace| {
            alone = Some(dist::debug_static(workspace, VERSIONS[1], &packages)?);
            Ok(true)
        });
    }
    if let (Some((peers, (debian, nspawn))), true) = (provided, built) {
        let mut command =
            workspace.cargo(["test", "--quiet", "--package", "e2e", "--test", TEST, "--no-fail-fast"]);
        // each boots a machine
        command.args(["--", "--test-threads", "1"]);
        with_peers(&mut command, &peers, &workspace.target.join("debug"));
        command
            .env("FOGBELL_PACKAGES", &packages)
            .env("FOGBELL_DEBIAN", debian)
            .env("FOGBELL_NSPAWN", nspawn);
        match alone {
            Some(folder) => command.env("FOGBELL_STATIC", folder),
            None => command.args(["--skip", "static_programs"]),
        };
        run.tests("installation", command);
    }
    if !fixed {
        println!("\nleft out: static programs ({WITHOUT_STATIC})");
    }
    Ok(run.tally.close())
}

const WITHOUT_STATIC: &str = "--without-static";

/// The versions of the packages, the older one first.
const VERSIONS: [&str; 2] = ["0.1.0~old", "0.1.0"];

/// The test of package `e2e`.
pub(super) const TEST: &str = "install";
