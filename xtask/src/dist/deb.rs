//! A Debian package, by `dpkg-deb`: it takes a folder as it is, makes the same bytes of the same folder, and is there
//! wherever packages for Debian are made. What `cargo deb` would add to it is its own build.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Release, glibc, tree};
use crate::programs::must_succeed;

/// Packs `tree` into `out`; the file.
///
/// # Errors
///
/// When this machine cannot make Debian packages.
pub(super) fn pack(
    release: &Release,
    source: &Path,
    tree: &Path,
    work: &Path,
    out: &Path,
) -> Result<PathBuf> {
    let architecture = must_succeed(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned();
    let root = work.join("deb");
    super::fresh(&root)?;
    must_succeed(Command::new("cp").args(["-a", "--"]).arg(tree.join("usr")).arg(&root))?;
    let control = root.join("DEBIAN");
    fs::create_dir(&control).with_context(|| format!("cannot make `{}`", control.display()))?;
    let write = |name: &str, text: &str, mode: u32| {
        let file = control.join(name);
        fs::write(&file, text)
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(mode)))
            .with_context(|| format!("cannot write `{}`", file.display()))
    };
    for script in ["postinst", "prerm", "postrm"] {
        let from = source.join("dist/debian").join(script);
        let text = fs::read_to_string(&from).with_context(|| format!("cannot read `{}`", from.display()))?;
        write(script, &text, 0o755)?;
    }
    write("md5sums", &sums(&root)?, 0o644)?;
    write("control", &fields(release, &architecture, &root)?, 0o644)?;
    let file = out.join(format!("fogbell_{}_{architecture}.deb", release.version));
    let mut pack = Command::new("dpkg-deb");
    let level = if release.hasty { "-z0" } else { "-z6" };
    // xz in one thread: several cut the file where it suits them
    pack.args(["--root-owner-group", "-Zxz", level, "--threads-max=1", "--build"]).arg(&root).arg(&file);
    must_succeed(pack.env("SOURCE_DATE_EPOCH", &release.epoch))?;
    Ok(file)
}

/// A checksum of every file, for `dpkg --verify`.
fn sums(root: &Path) -> Result<String> {
    let files = tree::files(&root.join("usr"))?;
    let names = files.iter().filter_map(|file| file.strip_prefix(root).ok());
    must_succeed(Command::new("md5sum").args(names).current_dir(root))
}

fn fields(release: &Release, architecture: &str, root: &Path) -> Result<String> {
    let mut bytes = 0;
    for file in tree::files(&root.join("usr"))? {
        bytes += file.metadata().with_context(|| format!("cannot read `{}`", file.display()))?.len();
    }
    let libc = glibc::needed(root)?;
    Ok(format!(
        "Package: fogbell\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {size}\nSection: net\nPriority: optional\n\
         Depends: libc6 (>= {libc}), libgcc-s1, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles\n\
         Recommends: ca-certificates\nDescription: Alert relay for Juniper Mist\n{DESCRIPTION}",
        version = release.version,
        size = bytes.div_ceil(1024),
    ))
}

const MAINTAINER: &str = "The Fogbell authors <fogbell@fogbell.invalid>";

// each line of a longer description begins with a space
const DESCRIPTION: &str = " fogbell receives webhooks of Juniper Mist over HTTPS, admits only what Mist
 signed from Mist's addresses, stores it before it answers, and delivers it as
 SNMP notifications and syslog. fogpilot takes Session Smart Routers from Mist
 onto a conductor.
 .
 No configuration is installed, and nothing is started until there is one. An
 independent project, not affiliated with Juniper.
";
