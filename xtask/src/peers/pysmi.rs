//! pysmi, a reader of MIBs in Python, of which many NMS are made; in no Debian package of this release.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{clear, quoted};
use crate::programs::must_succeed;

/// Sees to it that `mibdump` is in `bin`.
///
/// # Errors
///
/// When pip cannot get it, or it does not start.
pub(super) fn provide(home: &Path, bin: &Path) -> Result<()> {
    let (folder, program) = (home.join("pysmi"), bin.join("mibdump"));
    let start = "from pysmi.scripts.mibdump import start; start()";
    let text = format!(
        "#!/bin/sh\nPYTHONPATH={} exec {} -c {} \"$@\"\n",
        quoted(&folder.display().to_string()),
        quoted(&super::sslyze::python(bin).display().to_string()),
        quoted(start)
    );
    fs::write(&program, text)
        .and_then(|()| fs::set_permissions(&program, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write `{}`", program.display()))?;
    let starts = || must_succeed(Command::new(&program).arg("--version")).map(|_| ());
    if !folder.is_dir() || starts().is_err() {
        println!("peers: putting pysmi under {}", home.display());
        clear(&folder)?;
        let mut pip = super::sslyze::pip(home, &super::sslyze::python(bin))?;
        pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]);
        must_succeed(pip.args(["--only-binary", ":all:", "--target"]).arg(&folder).arg(PACKAGE))?;
        starts()?;
    }
    Ok(())
}

/// The package of PyPI.
const PACKAGE: &str = "pysmi==1.6.3";
