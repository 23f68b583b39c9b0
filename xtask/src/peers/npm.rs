//! Packages of npm unpacked beside the system, without running anything of theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::clear;
use crate::programs::{must_succeed, on_path};

/// Fetches `package`, as `net-snmp@3.29.2`, and unpacks it into a folder of `home`.
///
/// # Errors
///
/// When npm is missing, or has not the package.
pub(crate) fn unpack(home: &Path, package: &str) -> Result<PathBuf> {
    for tool in ["npm", "tar"] {
        if on_path(tool).is_none() {
            bail!("there is no `{tool}` to fetch {package} with");
        }
    }
    let work = home.join("npm");
    clear(&work)?;
    must_succeed(
        Command::new("npm").args(["pack", "--silent", "--ignore-scripts", package]).current_dir(&work),
    )?;
    // npm names the archive of `@scope/name@1.0` so
    let archive = package.trim_start_matches('@').replace(['@', '/'], "-") + ".tgz";
    must_succeed(Command::new("tar").args(["-xzf", &archive]).current_dir(&work))?;
    Ok(work.join("package"))
}

/// Fetches `package` and all it needs into `folder`, whose name it gets when everything is in it.
///
/// # Errors
///
/// When npm cannot get one of them.
pub(crate) fn install(home: &Path, package: &str, folder: &Path) -> Result<()> {
    let work = home.join("npm");
    clear(&work)?;
    let mut command = Command::new("npm");
    command.args(["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]);
    must_succeed(command.arg(&work).arg(package))?;
    clear(folder)?;
    fs::remove_dir(folder)
        .and_then(|()| fs::rename(&work, folder))
        .with_context(|| format!("cannot make `{}`", folder.display()))
}
