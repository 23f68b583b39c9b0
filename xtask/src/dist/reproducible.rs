//! `cargo xtask dist --reproducible`: everything is made twice, in two folders of other names and depths, and compared.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use super::{Options, Release, fresh, make, tree};
use crate::programs::must_succeed;
use crate::workspace::Workspace;

/// Makes both and says of each file whether it is the same, bit by bit; those of the first are left in `out`.
///
/// # Errors
///
/// When one cannot be made.
pub(super) fn run(workspace: &Workspace, options: &Options, out: &Path) -> Result<ExitCode> {
    let home = workspace.target.join("dist/twice");
    let places = [home.join("a"), home.join("another/and-deeper/b")];
    // both before the first is built, which takes long enough for somebody to go on working
    let release = Release::of(workspace, options.debug)?;
    for place in &places {
        copy(workspace, &place.join("source"))?;
    }
    let mut made = Vec::new();
    for place in &places {
        let (source, result) = (place.join("source"), place.join("out"));
        make(workspace, options, &release, &source, &place.join("build"), &result)?;
        made.push(result);
    }
    let names = |folder: &Path| -> Result<Vec<String>> {
        let files = tree::files(folder)?;
        Ok(files
            .iter()
            .filter_map(|file| Some(file.strip_prefix(folder).ok()?.display().to_string()))
            .collect())
    };
    let mut all = names(&made[0])?;
    all.extend(names(&made[1])?);
    all.sort();
    all.dedup();
    let mut same = true;
    for name in &all {
        let read = |folder: &Path| fs::read(folder.join(name)).ok();
        let equal = read(&made[0]).is_some() && read(&made[0]) == read(&made[1]);
        println!("{} {name}", if equal { "same     " } else { "DIFFERENT" });
        same &= equal;
    }
    fresh(out)?;
    for name in names(&made[0])? {
        fs::copy(made[0].join(&name), out.join(&name)).with_context(|| format!("cannot copy `{name}`"))?;
    }
    println!("{} files, made twice: {}", all.len(), if same { "the same" } else { "NOT the same" });
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files that git knows, as they are here.
fn copy(workspace: &Workspace, source: &Path) -> Result<()> {
    fresh(source)?;
    let list = workspace.target.join("dist/files");
    let known = must_succeed(Command::new("git").args(["ls-files", "-z"]).current_dir(&workspace.root))?;
    fs::write(&list, known).with_context(|| format!("cannot write `{}`", list.display()))?;
    let archive = workspace.target.join("dist/source.tar");
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(&archive).args(["--null", "-T"]).arg(&list).current_dir(&workspace.root);
    must_succeed(&mut tar)?;
    // new to cargo, which goes by times: what was built here of other sources is built anew
    must_succeed(Command::new("tar").args(["-m", "-xf"]).arg(&archive).arg("-C").arg(source)).map(|_| ())
}
