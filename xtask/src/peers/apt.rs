//! Debian packages unpacked beside the system.
//!
//! apt works in a private state folder with the system's sources, keys and proxies, so that it needs no root,
//! takes no lock and leaves the system's own lists alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::clear;
use crate::programs::{must_end, must_succeed, on_path};

/// Fetches `packages` and what of their dependencies the system has not, and unpacks all into `root`.
///
/// # Errors
///
/// When this is no Debian, or apt cannot get a package.
pub(crate) fn unpack(home: &Path, root: &Path, packages: &[&str]) -> Result<()> {
    for tool in ["apt-get", "dpkg-deb"] {
        if on_path(tool).is_none() {
            bail!("there is no `{tool}` to fetch them with");
        }
    }
    let state = home.join("apt");
    clear(&state)?;
    let config = write_config(&state)?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", &config).env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        must_end(&command, PATIENCE).context(SLOW)
    };
    // A source that cannot be reached may not matter; when it does, its error says more than what follows from it.
    let updated = apt(&["update"]);
    // Also what is installed is fetched: it is asked for because the installed copy will not do.
    let mut install = vec!["install", "--yes", "--download-only", "--reinstall", "--no-install-recommends"];
    install.extend(packages);
    apt(&install).or_else(|error| updated.and(Err(error)))?;

    // A root that is there is whole: it gets its name when everything is in it.
    let unpacking = home.join("unpacking");
    clear(&unpacking)?;
    for archive in archives(&state.join("archives"))? {
        must_succeed(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(&unpacking))?;
    }
    if root.exists() {
        fs::remove_dir_all(root).with_context(|| format!("cannot clear `{}`", root.display()))?;
    }
    fs::rename(&unpacking, root).with_context(|| format!("cannot make `{}`", root.display()))?;
    fs::remove_dir_all(&state).with_context(|| format!("cannot clear `{}`", state.display()))
}

/// Writes apt's configuration into `state` and names the file for `APT_CONFIG`.
fn write_config(state: &Path) -> Result<PathBuf> {
    for folder in ["lists/partial", "archives/partial", "cache"] {
        let folder = state.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    let write = |name: &str, text: &str| {
        let file = state.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
        Ok::<_, anyhow::Error>(file)
    };
    // apt reads this file first, then the system's parts, then the main file: so this one only moves the main
    // file, and the main file includes the system's and has the last word.
    let config = write("first.conf", &format!("Dir::Etc::main \"{}/main.conf\";\n", state.display()))?;
    let include = if Path::new(SYSTEM_CONFIG).exists() {
        format!("#include \"{SYSTEM_CONFIG}\";\n")
    } else {
        String::new()
    };
    let state = state.display();
    write(
        "main.conf",
        &format!(
            "{include}#clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n\
             #clear APT::Update::Post-Invoke-Success;\n\
             Dir::State \"{state}\";\nDir::State::lists \"{state}/lists\";\nDir::State::status \"{DPKG_STATUS}\";\n\
             Dir::Cache \"{state}/cache\";\nDir::Cache::archives \"{state}/archives\";\n\
             Debug::NoLocking \"1\";\nAPT::Sandbox::User \"root\";\n\
             Acquire::Retries \"2\";\nAcquire::http::Timeout \"30\";\nAcquire::https::Timeout \"30\";\n"
        ),
    )?;
    Ok(config)
}

/// The packages in apt's archive folder, in order of name.
fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
    files.sort();
    if files.is_empty() {
        bail!("apt-get fetched nothing");
    }
    Ok(files)
}

/// What the system has installed.
const DPKG_STATUS: &str = "/var/lib/dpkg/status";

/// The system's main configuration of apt, where it has one.
const SYSTEM_CONFIG: &str = "/etc/apt/apt.conf";

/// How long apt may take: for the largest of the peers, a browser, over a slow line.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What to look at when it does not get through.
const SLOW: &str = "packages could not be fetched: see whether the machine reaches the sources of /etc/apt (`apt-get update` says \
                    which one it waits for), by a proxy if it has one (`Acquire::http::Proxy`)";
