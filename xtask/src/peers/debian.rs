//! A small Debian as a folder, by debootstrap, kept as an archive: a machine on which nothing was installed yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{apt, clear};
use crate::programs::{is_program, must_end, must_succeed, on_path};

/// The archive of the root, made when there is none; needs root.
///
/// # Errors
///
/// When debootstrap cannot be had, or does not get its packages.
pub(super) fn provide(home: &Path) -> Result<PathBuf> {
    let archive = home.join(format!("debian-{SUITE}-{}.tar", INCLUDED.join("+")));
    if archive.is_file() {
        return Ok(archive);
    }
    println!("peers: making a Debian {SUITE} under {}", home.display());
    let root = home.join("debian");
    clear(&root)?;
    let mut debootstrap = debootstrap(home)?;
    debootstrap
        .args(["--variant=minbase", &format!("--include={}", INCLUDED.join(",")), SUITE])
        .arg(&root)
        .arg(mirror());
    // wget, by which it fetches, waits a quarter of an hour for a server that says nothing, twenty times
    let patient = home.join("wgetrc");
    fs::write(&patient, "timeout = 30\ntries = 3\n")
        .with_context(|| format!("cannot write `{}`", patient.display()))?;
    must_end(debootstrap.env("WGETRC", &patient), PATIENCE).with_context(|| {
        let mirror = mirror();
        format!(
            "no Debian could be made of {mirror}: see whether {mirror}/dists/{SUITE}/Release can be fetched from here, or put \
             an archive of such a root at {}",
            archive.display()
        )
    })?;
    let part = archive.with_extension("part");
    must_succeed(
        Command::new("tar").args(["--numeric-owner", "-cf"]).arg(&part).arg("-C").arg(&root).arg("."),
    )?;
    fs::rename(&part, &archive).with_context(|| format!("cannot make `{}`", archive.display()))?;
    fs::remove_dir_all(&root).with_context(|| format!("cannot clear `{}`", root.display()))?;
    Ok(archive)
}

/// The system's, else the one of the archive, unpacked beside the system.
fn debootstrap(home: &Path) -> Result<Command> {
    if let Some(program) = on_path("debootstrap") {
        return Ok(Command::new(program));
    }
    let root = home.join("debootstrap");
    let program = root.join("usr/sbin/debootstrap");
    if !is_program(&program) {
        apt::unpack(home, &root, &["debootstrap"]).context("install the Debian package debootstrap")?;
    }
    let mut command = Command::new(program);
    command.env("DEBOOTSTRAP_DIR", root.join("usr/share/debootstrap"));
    Ok(command)
}

/// Where this system gets its packages: the first source of its own that is Debian's.
fn mirror() -> String {
    let files = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"];
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    let found = texts.into_iter().find_map(|text| first_source(&text));
    found.unwrap_or_else(|| "http://deb.debian.org/debian".to_owned())
}

/// The address in the first line that names one, in either form of the file.
fn first_source(text: &str) -> Option<String> {
    let lines = text.lines().filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"));
    let mut words = lines.flat_map(str::split_whitespace);
    words.find(|word| word.starts_with("http")).map(|word| word.trim_end_matches('/').to_owned())
}

/// The release the packages are made for, and later ones.
const SUITE: &str = "bookworm";

/// How long debootstrap may take.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What every Debian server has, and a minimal root has not; and what installs the other kind of package.
const INCLUDED: [&str; 4] = ["systemd", "systemd-sysv", "ca-certificates", "rpm"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_found_in_both_forms() {
        let check =
            |text: &str, expect: Option<&str>| assert_eq!(first_source(text).as_deref(), expect, "{text}");
        check("# none\n", None);
        check("deb [signed-by=/x] http://a.example/debian/ bookworm main\n", Some("http://a.example/debian"));
        check("Types: deb\nURIs: https://b.example/debian\n", Some("https://b.example/debian"));
    }
}
