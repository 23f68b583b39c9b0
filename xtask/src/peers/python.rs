//! Python with the package `cryptography`: another implementation that opens a vault.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{apt, library_folders, quoted};
use crate::programs::{is_program, must_succeed};

/// Finds a `python3` with the package, or unpacks one under `home` and puts a script for it into `bin`.
///
/// # Errors
///
/// When it cannot be had.
pub(super) fn provide(home: &Path, bin: &Path, always: bool) -> Result<()> {
    if !always && has_package(Path::new("python3")) {
        return Ok(());
    }
    let root = home.join("python");
    let wrapper = bin.join("python3");
    let packages = root.join("usr/lib/python3/dist-packages");
    if !packages.join("cryptography").is_dir() {
        println!("peers: unpacking {PACKAGE} beside the system");
        apt::unpack(home, &root, &["python3-minimal", PACKAGE])?;
    }
    // what is installed is not unpacked with what needs it
    let python = [root.join("usr/bin/python3"), "/usr/bin/python3".into()];
    let python = python.into_iter().find(|file| is_program(file)).context("there is no python3")?;
    let libraries: Vec<String> =
        library_folders(&root).iter().map(|folder| folder.display().to_string()).collect();
    let text = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\nPYTHONPATH={}${{PYTHONPATH:+:$PYTHONPATH}}\nexport LD_LIBRARY_PATH PYTHONPATH\nexec {} \"$@\"\n",
        quoted(&libraries.join(":")),
        quoted(&packages.display().to_string()),
        quoted(&python.display().to_string()),
    );
    fs::write(&wrapper, text)
        .and_then(|()| fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write `{}`", wrapper.display()))?;
    if !has_package(&wrapper) {
        bail!("what was unpacked does not find its modules");
    }
    Ok(())
}

fn has_package(python: &Path) -> bool {
    let module = "import cryptography.hazmat.primitives.ciphers.aead";
    must_succeed(Command::new(python).args(["-c", module])).is_ok()
}

/// The Debian package.
pub(super) const PACKAGE: &str = "python3-cryptography";
