//! `fogbell restore`: a relay goes on from a backup.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use ids::Timestamp;
use journal::Hold;
use relay::{Cause, Config};
use snmp::EngineState;

use crate::backup::archive;
use crate::backup::manifest::{Folder, Kept, Kind, Manifest};
use crate::backup::owners::Owners;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The backup
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Also over files that are there: all of them are replaced
    #[arg(long)]
    replace: bool,
    /// Only read all of it, and say what is in it
    #[arg(long, conflicts_with = "replace")]
    check: bool,
    /// Print what is in it as JSON
    #[arg(long)]
    json: bool,
}

/// Checks all of it, then writes all of it.
pub(crate) fn run(args: &Args) -> Result<(), Cause> {
    let manifest = archive::read(&args.from, |_, bytes| io::copy(bytes, &mut io::sink()).map(drop))?;
    if !args.check {
        put(args, &manifest)?;
    }
    let mut out = io::stdout().lock();
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&manifest)?)?);
    }
    let Manifest { made_at, made_by, files, .. } = &manifest;
    writeln!(out, "`{}` is whole: made at {made_at} by fogbell {made_by}, with", args.from.display())?;
    for kept in files {
        writeln!(out, "  {:<13} {}", kept.kind.word(), kept.path.display())?;
    }
    if !args.check {
        write!(out, "{RESTORED}")?;
    }
    Ok(write!(out, "{}", manifest.reminder())?)
}

/// Puts everything where it was.
fn put(args: &Args, manifest: &Manifest) -> Result<(), Cause> {
    let owners = rustix::process::geteuid().is_root().then(Owners::of_this_machine).transpose()?;
    // every name is known, or nothing is begun
    for (owner, group) in manifest.owners() {
        numbers(owners.as_ref(), owner, group)?;
    }
    let same = if args.replace { BTreeSet::new() } else { there_already(manifest)? };
    for folder in &manifest.folders {
        make(folder, owners.as_ref())?;
    }
    // no relay may run meanwhile, nor start
    let journal = manifest.files.iter().find(|kept| kept.kind == Kind::Journal);
    let hold = journal.map(|kept| hold(kept, owners.as_ref())).transpose()?;
    let mut staged = Staged::default();
    let again = archive::read(&args.from, |kept, bytes| {
        if same.contains(&kept.path) {
            return Ok(());
        }
        staged.add(kept, bytes, manifest, owners.as_ref()).map_err(io::Error::other)
    })?;
    if again.made_at != manifest.made_at {
        return Err(format!("`{}` was changed meanwhile", args.from.display()).into());
    }
    staged.check(manifest)?;
    if let Some(hold) = &hold {
        // the log of the journal that was there, read into another one, would break it
        for file in hold.files() {
            remove(&file)?;
        }
    }
    staged.finish()
}

/// Keeps relays off the journal until this is dropped; the lock that stays is its owner's.
fn hold(kept: &Kept, owners: Option<&Owners>) -> Result<Hold, Cause> {
    let hold = Hold::new(&kept.path)?;
    let (owner, group) = numbers(owners, kept.owner.as_deref(), kept.group.as_deref())?;
    fchown(hold.lock(), owner, group)
        .map_err(|error| format!("cannot give the lock of `{}` away: {error}", kept.path.display()))?;
    Ok(hold)
}

/// Refuses to go over anything; the files that are there with the same bytes, which stay as they are.
fn there_already(manifest: &Manifest) -> Result<BTreeSet<PathBuf>, Cause> {
    let (mut same, mut others) = (BTreeSet::new(), Vec::new());
    for kept in &manifest.files {
        let mut paths = vec![kept.path.clone()];
        if kept.kind == Kind::Journal {
            let mut log = kept.path.clone().into_os_string();
            log.push("-wal");
            paths.push(log.into());
        }
        paths.retain(|path| fs::symlink_metadata(path).is_ok());
        match paths.as_slice() {
            [] => {}
            [path] if !matches!(kept.kind, Kind::Journal | Kind::Engine) && kept.is_at(path)? => {
                same.insert(path.clone());
            }
            _ => others.extend(paths.iter().map(|path| format!("`{}`", path.display()))),
        }
    }
    if others.is_empty() {
        return Ok(same);
    }
    let others = others.join(", ");
    Err(format!("there already: {others}; nothing was written, and --replace puts the backup in their place")
        .into())
}

/// Makes a folder that is missing, with those above it; one that is there stays as it is.
fn make(folder: &Folder, owners: Option<&Owners>) -> Result<(), Cause> {
    let failed = |error: io::Error| format!("cannot make `{}`: {error}", folder.path.display());
    if let Some(above) = folder.path.parent() {
        fs::create_dir_all(above).map_err(failed)?;
    }
    match DirBuilder::new().mode(folder.mode).create(&folder.path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(failed)?,
    }
    let (owner, group) = numbers(owners, folder.owner.as_deref(), folder.group.as_deref())?;
    let made = File::open(&folder.path).map_err(failed)?;
    made.set_permissions(Permissions::from_mode(folder.mode)).map_err(failed)?;
    Ok(fchown(&made, owner, group).map_err(failed)?)
}

/// Numbers of an owner here; none when this is not root, who alone gives files away.
fn numbers(
    owners: Option<&Owners>,
    owner: Option<&str>,
    group: Option<&str>,
) -> Result<(Option<u32>, Option<u32>), String> {
    owners.map_or(Ok((None, None)), |owners| owners.numbers(owner, group))
}

/// Files that are written beside their places. What is not finished is removed when this is dropped.
#[derive(Debug, Default)]
struct Staged(Vec<(PathBuf, PathBuf, Kind)>);

impl Staged {
    fn add(
        &mut self,
        kept: &Kept,
        bytes: &mut dyn Read,
        manifest: &Manifest,
        owners: Option<&Owners>,
    ) -> Result<(), Cause> {
        let mut name = kept.path.clone().into_os_string();
        name.push(format!(".restored-{}", std::process::id()));
        let beside = PathBuf::from(name);
        let failed = |error: io::Error| format!("cannot write `{}`: {error}", beside.display());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let mut file = file.map_err(failed)?;
        self.0.push((beside.clone(), kept.path.clone(), kept.kind));
        if kept.kind == Kind::Engine {
            let mut text = String::new();
            bytes.read_to_string(&mut text)?;
            file.write_all(counted_on(&text, manifest.made_at)?.as_bytes()).map_err(failed)?;
        } else {
            io::copy(bytes, &mut file).map_err(failed)?;
        }
        let (owner, group) = numbers(owners, kept.owner.as_deref(), kept.group.as_deref())?;
        fchown(&file, owner, group).map_err(failed)?;
        file.set_permissions(Permissions::from_mode(kept.mode & 0o666)).map_err(failed)?;
        Ok(file.sync_all().map_err(failed)?)
    }

    /// Whether this version can go on from it.
    fn check(&self, manifest: &Manifest) -> Result<(), Cause> {
        for (beside, path, kind) in &self.0 {
            match kind {
                Kind::Configuration => drop(Config::parse(path, fs::read_to_string(beside)?)?),
                Kind::Journal => drop(journal::inspect(beside).map_err(|error| {
                    format!("the journal of the backup, made by fogbell {}: {error}", manifest.made_by)
                })?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives each its name, durably; the journal first.
    fn finish(mut self) -> Result<(), Cause> {
        let mut folders = BTreeSet::new();
        self.0.sort_by_key(|(_, _, kind)| *kind != Kind::Journal);
        while let Some((beside, path, _)) = self.0.first().cloned() {
            fs::rename(&beside, &path)
                .map_err(|error| format!("cannot make `{}`: {error}", path.display()))?;
            self.0.remove(0);
            folders.extend(path.parent().map(Path::to_owned));
        }
        for folder in folders {
            File::open(&folder)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for (beside, ..) in &self.0 {
            // nothing can be done about an error here
            let _ = fs::remove_file(beside);
        }
    }
}

/// The engine, as often started as it can have been since: receivers drop what comes from one whose boots went back, and
/// say nothing. A service manager starts it at most once a second, and people now and then.
fn counted_on(text: &str, made_at: Timestamp) -> Result<String, Cause> {
    let since = Timestamp::now().since(made_at).as_secs();
    let starts = u32::try_from(since).unwrap_or(u32::MAX).saturating_add(STARTS_BY_HAND);
    Ok(EngineState::parse(text)?.counted_on(starts).to_string())
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove `{}`: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

const STARTS_BY_HAND: u32 = 1_000;

const RESTORED: &str = "\
It was put in place. The relay that it was taken from must not run any more: both have one SNMP engine.
What was delivered since it was made is delivered again, with the same ids. Look at it with `fogbell check`, then start it.
";
