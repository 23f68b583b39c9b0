//! What a package holds, as files under a folder that stands for `/`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::programs::must_succeed;

/// Lays everything out under `root`, which is new. No configuration is among it.
///
/// # Errors
///
/// When a file cannot be written, or a program does not write its manual pages.
pub(super) fn lay(source: &Path, programs: &Path, root: &Path) -> Result<()> {
    for program in super::PROGRAMS {
        put(&programs.join(program), root, &format!("usr/bin/{program}"), 0o755)?;
    }
    for (from, to) in FILES {
        put(&source.join(from), root, to, 0o644)?;
    }
    for (folder, into) in FOLDERS {
        for file in files(&source.join(folder))? {
            let name = file.strip_prefix(source.join(folder)).context("a file outside its folder")?;
            put(&file, root, &format!("{into}/{}", name.display()), 0o644)?;
        }
    }
    manual(programs, root)?;
    close(root)
}

/// The manual pages and completions that the programs write.
fn manual(programs: &Path, root: &Path) -> Result<()> {
    let share = root.join("usr/share");
    for program in super::PROGRAMS {
        must_succeed(Command::new(programs.join(program)).arg("manual").arg(&share))?;
    }
    let pages = files(&share.join("man"))?;
    // without name and time of the file, which would differ from build to build
    must_succeed(Command::new("gzip").args(["-9", "-n"]).args(&pages)).map(|_| ())
}

/// Copies one file.
fn put(from: &Path, root: &Path, to: &str, mode: u32) -> Result<()> {
    let to = root.join(to);
    let folder = to.parent().unwrap_or(root);
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, &to))
        .and_then(|_| fs::set_permissions(&to, fs::Permissions::from_mode(mode)))
        .with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))
}

/// Modes that do not depend on the umask of whoever builds.
fn close(root: &Path) -> Result<()> {
    let change = |what: &str, mode: &str, more: &[&str]| {
        let mut find = Command::new("find");
        find.arg(root).args(["-type", what]).args(more).args(["-exec", "chmod", mode, "{}", "+"]);
        must_succeed(&mut find).map(|_| ())
    };
    change("d", "0755", &[])?;
    change("f", "0644", &["-not", "-path", "*/usr/bin/*"])
}

/// All files under a folder, in order; none when there is no folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read `{}`", folder.display()))?.path();
            if path.is_dir() { next.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// A folder and all folders under it, in order.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    for file in files(folder)? {
        let parents = file.ancestors().skip(1).take_while(|parent| *parent != folder);
        found.extend(parents.map(Path::to_owned));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Single files: where they are here, and where there.
const FILES: &[(&str, &str)] = &[
    ("dist/systemd/fogbell.service", "usr/lib/systemd/system/fogbell.service"),
    ("dist/systemd/fogbell.socket", "usr/lib/systemd/system/fogbell.socket"),
    ("dist/systemd/fogbell.sysusers", "usr/lib/sysusers.d/fogbell.conf"),
    ("dist/systemd/fogbell.tmpfiles", "usr/lib/tmpfiles.d/fogbell.conf"),
    ("dist/debian/copyright", "usr/share/doc/fogbell/copyright"),
    ("README.md", "usr/share/doc/fogbell/README.md"),
    ("CHANGELOG.md", "usr/share/doc/fogbell/CHANGELOG.md"),
    ("crates/snmp/mib/FOGBELL-MIB", "usr/share/snmp/mibs/FOGBELL-MIB"),
];

/// Whole folders.
const FOLDERS: &[(&str, &str)] = &[
    ("docs", "usr/share/doc/fogbell/docs"),
    ("dist/examples", "usr/share/doc/fogbell/examples"),
    ("dist/grafana", "usr/share/doc/fogbell/examples/grafana"),
];
