//! taplo, the tool with which editors check TOML against a JSON Schema.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{clear, npm, quoted};
use crate::programs::{must_succeed, on_path};

/// The npm package that carries taplo as a program of node.
pub(crate) const NPM_PACKAGE: &str = "@taplo/cli@0.7.0";

/// Sees to it that `taplo` is on `PATH` or in `bin`.
///
/// # Errors
///
/// When neither the system nor npm has it.
pub(crate) fn provide(home: &Path, bin: &Path, always: bool) -> Result<()> {
    if !always && on_path("taplo").is_some() {
        return Ok(());
    }
    if on_path("node").is_none() {
        bail!("there is no `node` to run it with");
    }
    let folder = home.join("taplo");
    let program = folder.join("dist/cli.js");
    if !program.is_file() {
        println!("peers: unpacking the npm package {NPM_PACKAGE}");
        let package = npm::unpack(home, NPM_PACKAGE)?;
        clear(&folder)?;
        fs::remove_dir(&folder)
            .and_then(|()| fs::rename(&package, &folder))
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    let wrapper = bin.join("taplo");
    let text = format!("#!/bin/sh\nexec node {} \"$@\"\n", quoted(&program.display().to_string()));
    fs::write(&wrapper, text)
        .and_then(|()| fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write `{}`", wrapper.display()))?;
    must_succeed(Command::new(&wrapper).args(["config", "default"])).map(|_| ())
}
