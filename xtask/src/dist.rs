//! `cargo xtask dist`: packages and what belongs beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::programs::must_succeed;
use crate::workspace::Workspace;

mod alone;
mod build;
mod deb;
mod glibc;
mod reproducible;
mod rpm;
mod sbom;
mod tree;

use build::Kind;

/// Makes everything of a release.
///
/// # Errors
///
/// When the arguments are wrong, or a part cannot be made; the error says how to leave it out.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let options = Options::parse(arguments)?;
    let out = options.out.clone().unwrap_or_else(|| workspace.target.join("dist/out"));
    if options.reproducible {
        return reproducible::run(workspace, &options, &out);
    }
    let (release, build) = (Release::of(workspace, options.debug)?, workspace.target.join("dist/build"));
    make(workspace, &options, &release, &workspace.root, &build, &out)?;
    for file in tree::files(&out)? {
        println!("{}", workspace.relative(&file).display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes everything of the sources in `source`, building into `build`.
fn make(
    workspace: &Workspace,
    options: &Options,
    release: &Release,
    source: &Path,
    build: &Path,
    out: &Path,
) -> Result<()> {
    fresh(out)?;
    println!("dist: building the programs");
    let programs = build::programs(workspace, source, build, Kind::Native, options.debug, &release.epoch)?;
    let work = build.join("packages");
    package(workspace, options, release, source, &programs, &work, out)?;
    if options.fixed {
        println!("dist: building the static programs");
        let programs =
            build::programs(workspace, source, build, Kind::Static, options.debug, &release.epoch)?;
        alone::check(&programs)?;
        archive(release, source, &programs, &work, out)?;
    }
    sbom::write(workspace, source, release, &out.join(format!("fogbell-{}.cdx.json", release.version)))?;
    sums(out)
}

/// The packages of programs that are built.
fn package(
    workspace: &Workspace,
    options: &Options,
    release: &Release,
    source: &Path,
    programs: &Path,
    work: &Path,
    out: &Path,
) -> Result<()> {
    let tree = work.join("tree");
    fresh(&tree)?;
    tree::lay(source, programs, &tree)?;
    deb::pack(release, source, &tree, work, out)?;
    if options.rpm {
        rpm::pack(workspace, release, &tree, work, out)?;
    }
    Ok(())
}

/// Packages of debug builds that are there already, two for each version: for tests of installing.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn debug_packages(workspace: &Workspace, versions: &[&str], out: &Path) -> Result<()> {
    fresh(out)?;
    let (work, programs) = (workspace.target.join("dist/test"), workspace.target.join("debug"));
    let tree = work.join("tree");
    fresh(&tree)?;
    tree::lay(&workspace.root, &programs, &tree)?;
    // what tells where a line is makes a package for tests ten times as large
    for program in PROGRAMS {
        must_succeed(Command::new("strip").arg("--strip-all").arg(tree.join("usr/bin").join(program)))?;
    }
    for version in versions {
        let release = Release { version: (*version).to_owned(), epoch: "0".to_owned(), hasty: true };
        deb::pack(&release, &workspace.root, &tree, &work, out)?;
        rpm::pack(workspace, &release, &tree, &work, out)?;
    }
    sums(out)
}

/// Static programs of a debug build, and their archive in `out`, beside the packages: for tests too; the folder of the programs.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn debug_static(workspace: &Workspace, version: &str, out: &Path) -> Result<PathBuf> {
    let target = workspace.target.join("dist/test-static");
    let programs = build::programs(workspace, &workspace.root, &target, Kind::Static, true, "0")?;
    alone::check(&programs)?;
    let release = Release { version: version.to_owned(), epoch: "0".to_owned(), hasty: true };
    archive(&release, &workspace.root, &programs, &target.join("packages"), out)?;
    sums(out)?;
    Ok(programs)
}

/// The bill of materials of what is here.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn bill_of_materials(workspace: &Workspace, file: &Path) -> Result<()> {
    sbom::write(workspace, &workspace.root, &Release::of(workspace, true)?, file)
}

/// An archive for systems without a package: programs that need nothing of the system, pages, completions, licences.
fn archive(release: &Release, source: &Path, programs: &Path, work: &Path, out: &Path) -> Result<()> {
    let name = format!("fogbell-{}-linux-x86_64-static", release.version);
    let (root, folder) = (work.join("static"), work.join("static").join(&name));
    fresh(&root)?;
    tree::lay(source, programs, &folder)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(source.join(licence), folder.join(licence))
            .with_context(|| format!("cannot copy `{licence}`"))?;
    }
    let file = out.join(format!("{name}.tar.gz"));
    let tar = work.join("static.tar");
    let mut pack = Command::new("tar");
    pack.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]);
    pack.arg(format!("--mtime=@{}", release.epoch)).arg("-cf").arg(&tar).arg("-C").arg(&root).arg(&name);
    must_succeed(&mut pack)?;
    let mut gzip = Command::new("gzip");
    must_succeed(gzip.args([if release.hasty { "-1" } else { "-9" }, "-n", "-f"]).arg(&tar))?;
    fs::rename(work.join("static.tar.gz"), &file).with_context(|| format!("cannot make `{}`", file.display()))
}

/// `SHA256SUMS` of all files in `out`, as `sha256sum -c` reads it.
fn sums(out: &Path) -> Result<()> {
    let mut files = tree::files(out)?;
    files.retain(|file| !file.ends_with("SHA256SUMS"));
    let names = files.iter().filter_map(|file| file.strip_prefix(out).ok());
    let text = must_succeed(Command::new("sha256sum").args(names).current_dir(out))?;
    fs::write(out.join("SHA256SUMS"), text).context("cannot write `SHA256SUMS`")
}

/// An empty folder.
fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear `{}`", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))
}

/// What is released, and the time that its files carry.
#[derive(Clone, Debug)]
struct Release {
    version: String,
    /// Seconds since 1970, as `SOURCE_DATE_EPOCH` has them: when the last commit was made.
    epoch: String,
    /// Whether time matters more than size.
    hasty: bool,
}

impl Release {
    fn of(workspace: &Workspace, hasty: bool) -> Result<Self> {
        let packages = workspace.metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let program = packages.iter().find(|package| package["name"] == PROGRAMS[0]);
        let version =
            program.and_then(|package| package["version"].as_str()).context("there is no `fogbell`")?;
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(epoch) => epoch,
            Err(_) => must_succeed(
                Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(&workspace.root),
            )
            .context("set SOURCE_DATE_EPOCH where there is no repository")?,
        };
        Ok(Self { version: version.to_owned(), epoch: epoch.trim().to_owned(), hasty })
    }
}

/// What was asked for on the command line.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Options {
    debug: bool,
    rpm: bool,
    /// Whether static programs are made.
    fixed: bool,
    reproducible: bool,
    out: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { debug: false, rpm: true, fixed: true, reproducible: false, out: None };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--debug" => options.debug = true,
                "--without-rpm" => options.rpm = false,
                "--without-static" => options.fixed = false,
                "--reproducible" => options.reproducible = true,
                "--out" => {
                    options.out = Some(std::path::absolute(rest.next().context("--out needs a folder")?)?)
                }
                _ => bail!("`dist` does not know `{argument}`; `cargo xtask help` lists what it knows"),
            }
        }
        Ok(options)
    }
}

/// The programs of a package.
const PROGRAMS: [&str; 2] = ["fogbell", "fogpilot"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let parse =
            |words: &str| Options::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());

        let all = Options { debug: false, rpm: true, fixed: true, reproducible: false, out: None };
        assert_eq!(parse("").unwrap(), all);
        let few =
            Options { debug: true, rpm: false, fixed: false, reproducible: true, out: Some("/x".into()) };
        assert_eq!(parse("--debug --without-rpm --without-static --reproducible --out /x").unwrap(), few);
        assert!(parse("--out").is_err());
        assert!(parse("--fast").is_err());
    }
}
