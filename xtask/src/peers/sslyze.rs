//! sslyze, which is in no Debian package: its own release, in an environment of Python of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::clear;
use crate::programs::{is_program, must_succeed};

/// Finds sslyze under `home`, or has Python's pip put it there; the one run that asks for it needs it, no test does.
///
/// # Errors
///
/// When Python has no module `venv`, or pip cannot get the release.
pub(crate) fn provide(home: &Path) -> Result<PathBuf> {
    let folder = home.join(RELEASE);
    let program = folder.join("bin/sslyze");
    if !is_program(&program) {
        eprintln!("peers: putting {RELEASE} under {}", home.display());
        install(&folder).with_context(|| {
            format!("{RELEASE} cannot be had, which is in no Debian package: it takes Python's venv and pip (Debian packages python3-venv, python3-pip) and PyPI")
        })?;
    }
    Ok(program)
}

/// A script of pip names the folder it was put into, so this one cannot be made elsewhere and moved: it is taken
/// away again when it is not whole.
fn install(folder: &Path) -> Result<()> {
    clear(folder)?;
    let pip = folder.join("bin/pip");
    must_succeed(Command::new("python3").args(["-m", "venv"]).arg(folder))
        .and_then(|_| must_succeed(Command::new(pip).args(["install", "--quiet", "--no-input", RELEASE])))
        .inspect_err(|_| drop(fs::remove_dir_all(folder)))
        .map(|_| ())
}

/// As pip names it.
const RELEASE: &str = "sslyze==6.3.1";
