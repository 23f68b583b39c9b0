//! `fogbell backup`: what a relay needs to go on elsewhere, in one file.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ids::Timestamp;
use relay::{Cause, Config};

use crate::{File as ConfigFile, socket};

pub(crate) mod archive;
mod contents;
pub(crate) mod manifest;
pub(crate) mod owners;

use contents::Contents;
use manifest::{Folder, Kept, Kind, Manifest};
use owners::Owners;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file to write; it is for its owner alone
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// Also when FILE is there: the new one takes its place when it is whole
    #[arg(long)]
    replace: bool,
    /// Print what is in it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// Makes it, with the relay running or stopped.
pub(crate) fn make(args: &Args) -> Result<(), Cause> {
    if !args.replace && fs::symlink_metadata(&args.to).is_ok() {
        return Err(there(&args.to).into());
    }
    let config_path = std::path::absolute(&args.file.config)?;
    let config = Config::load(&config_path)?;
    let contents = Contents::of(&config_path, &config)?;
    let work = Work::beside(&args.to)?;
    let damaged = copy_journal(&config, &work)?;
    let manifest = manifest(&config, &contents, &work)?;
    let made = work.0.join("backup");
    archive::write(&made, &manifest, |kept| match kept.kind {
        Kind::Journal => work.journal(),
        _ => kept.path.clone(),
    })?;
    // what cannot be read back is no backup
    archive::read(&made, |_, bytes| io::copy(bytes, &mut io::sink()).map(drop))?;
    work.finish(&made, &args.to, args.replace)?;

    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&manifest)?)?;
    } else {
        write!(out, "{}", said(&args.to, &manifest))?;
    }
    if damaged {
        eprintln!(
            "fogbell: the journal is damaged, and so is its copy; `fogbell journal verify` says where, and the next start \
             of a relay saves what is whole"
        );
    }
    Ok(())
}

/// Copies the journal as it is at this moment; whether it is damaged. One that was never made is left out.
fn copy_journal(config: &Config, work: &Work) -> Result<bool, Cause> {
    let path = config.journal_path();
    if !path.exists() {
        return Ok(false);
    }
    journal::copy(&path, socket::is_running(config)?, &work.journal())?;
    Ok(!journal::verify(&work.journal(), false)?.whole)
}

fn manifest(config: &Config, contents: &Contents, work: &Work) -> Result<Manifest, Cause> {
    let owners = Owners::of_this_machine()?;
    let mut files = Vec::new();
    let journal = work.journal();
    if journal.exists() {
        files.push(Kept::of(Kind::Journal, &config.journal_path(), &journal, &owners)?);
    }
    for (kind, path) in &contents.files {
        files.push(Kept::of(*kind, path, path, &owners)?);
    }
    let mut folders: Vec<Folder> = Vec::new();
    for folder in files.iter().filter_map(|kept| kept.path.parent()) {
        if !folders.iter().any(|known| known.path == folder) {
            folders.push(Folder::of(folder, &owners)?);
        }
    }
    Ok(Manifest {
        format: manifest::FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: Timestamp::now(),
        files,
        folders,
        left_out: contents.left_out.clone(),
    })
}

/// What a person should know of it.
fn said(path: &Path, manifest: &Manifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|kept| kept.bytes).sum();
    let mut text = format!("`{}` has {} files, {bytes} bytes:\n", path.display(), manifest.files.len());
    for kept in &manifest.files {
        text += &format!("  {:<13} {}\n", kept.kind.word(), kept.path.display());
    }
    if manifest.files.iter().any(|kept| kept.kind == Kind::Secret) {
        text += "Secrets and keys that lie in files of their own are in it as they are, those of the vault sealed: keep it as \
                 you keep them.\n";
    }
    text += &manifest.reminder();
    text
}

pub(crate) fn there(path: &Path) -> String {
    format!("`{}` is there; take another name, or --replace", path.display())
}

/// A folder for what is not done yet, on the disk where it will be; it goes when this is dropped.
struct Work(PathBuf);

impl Work {
    fn beside(to: &Path) -> Result<Self, Cause> {
        let folder = folder_of(to).join(format!(".fogbell-backup-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
        Ok(Self(folder))
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal.db")
    }

    /// Gives what was made its name, durably.
    fn finish(&self, made: &Path, to: &Path, replace: bool) -> Result<(), Cause> {
        if replace {
            fs::rename(made, to)?;
        } else {
            // unlike a rename it fails when somebody has made the file meanwhile
            fs::hard_link(made, to).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => there(to),
                _ => format!("cannot make `{}`: {error}", to.display()),
            })?;
        }
        Ok(File::open(folder_of(to))?.sync_all()?)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // nothing can be done about an error here
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
