//! sslyze, which is in no Debian package: its own release and what that needs, each file with its checksum.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, clear, quoted};
use crate::programs::{is_program, must_succeed};

/// Sees to it that `sslyze` is in `bin`.
///
/// # Errors
///
/// When pip cannot get one of the files, one is another than the checksums say, or the program does not start.
pub(super) fn provide(home: &Path, bin: &Path) -> Result<()> {
    let (python, folder) = (python(bin), home.join("sslyze"));
    let program = bin.join("sslyze");
    write_wrapper(&program, &python, &folder)?;
    let starts = || must_succeed(Command::new(&program).arg("--help")).map(|_| ());
    // also when it was put there by another Python
    if !folder.is_dir() || starts().is_err() {
        println!("peers: putting sslyze under {}", home.display());
        install(home, &python, &folder)?;
        starts()?;
    }
    Ok(())
}

fn write_wrapper(program: &Path, python: &Path, folder: &Path) -> Result<()> {
    let start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sslyze.__main__ import main; main()";
    let [python, start, folder] =
        [&python.display().to_string(), start, &folder.display().to_string()].map(quoted);
    fs::write(program, format!("#!/bin/sh\nexec {python} -c {start} {folder} \"$@\"\n"))
        .and_then(|()| fs::set_permissions(program, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write `{}`", program.display()))
}

/// The Python of the tests.
pub(super) fn python(bin: &Path) -> PathBuf {
    let unpacked = bin.join("python3");
    if is_program(&unpacked) { unpacked } else { "python3".into() }
}

/// Puts it all into a new folder, which gets the name `folder` when everything is in it.
fn install(home: &Path, python: &Path, folder: &Path) -> Result<()> {
    let work = home.join("pip");
    clear(&work)?;
    let modules = work.join("modules");
    for (name, list, how) in [
        ("wheels.txt", WHEELS, &["--only-binary", ":all:"][..]),
        ("source.txt", SOURCE, &["--no-build-isolation", "--use-pep517"]),
    ] {
        let file = work.join(name);
        fs::write(&file, list).with_context(|| format!("cannot write `{}`", file.display()))?;
        let mut pip = pip(home, python)?;
        pip.env("PYTHONPATH", &modules);
        pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]);
        pip.args(["--require-hashes", "--no-deps"]).args(how);
        must_succeed(pip.arg("--target").arg(&modules).arg("--requirement").arg(&file))?;
    }
    clear(folder)?;
    fs::remove_dir(folder)
        .and_then(|()| fs::rename(&modules, folder))
        .with_context(|| format!("cannot make `{}`", folder.display()))
}

/// pip, which is unpacked beside the system when Python has none.
pub(super) fn pip(home: &Path, python: &Path) -> Result<Command> {
    let mut command = Command::new(python);
    if must_succeed(Command::new(python).args(["-m", "pip", "--version"])).is_ok() {
        command.args(["-m", "pip"]);
        return Ok(command);
    }
    let root = home.join("python-pip");
    let pip = root.join("usr/lib/python3/dist-packages/pip");
    if !pip.is_dir() {
        apt::unpack(home, &root, &["python3-pip"])?;
    }
    command.arg(pip);
    Ok(command)
}

/// What it needs, each file as it is published, and what builds it.
const WHEELS: &str = include_str!("sslyze.txt");

/// sslyze itself, which is published as source only.
const SOURCE: &str =
    "sslyze==6.3.1 --hash=sha256:2cd4062f82a3fa605dbd34e3b71f99961e4e7cf438879da1c52f619855ffbc1d\n";
