//! The files of a damaged journal: set aside under another name, a few of them kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::files;

/// Asks the next start to salvage the journal at `path`.
pub(crate) fn request(path: &Path) -> io::Result<()> {
    let mark = mark(path);
    if mark.exists() { Ok(()) } else { write(&mark, "") }
}

/// What was asked for, or begun and not finished: the name the damaged files have then, or nothing yet.
pub(crate) fn requested(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(mark(path)) {
        Ok(name) => Ok(Some(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Whatever it is, it was asked for.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(error) => Err(error),
    }
}

/// Sets the files aside, or finishes that; where the damaged file is then.
///
/// The mark is written first: what a crash leaves is taken up again, and the file and its log never part.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let begun = requested(path)?.filter(|name| is_name(path, name));
    let name = match begun {
        Some(name) => name,
        None => {
            let name = fresh(path);
            write(&mark(path), &name)?;
            name
        }
    };
    let aside = path.with_file_name(name);
    for suffix in ["", "-wal"] {
        let (from, to) = (files::beside(path, suffix), files::beside(&aside, suffix));
        if from.exists() && !to.exists() {
            fs::rename(from, to)?;
        }
    }
    let _stale = fs::remove_file(files::beside(path, "-shm"));
    files::sync_directory(path)?;
    Ok(aside)
}

/// Puts the salvaged file where the journal belongs; from here on it is the journal.
pub(crate) fn replace(salvaged: &Path, path: &Path) -> io::Result<()> {
    File::open(salvaged)?.sync_all()?;
    fs::rename(salvaged, path)?;
    files::sync_directory(path)?;
    clear(path)
}

/// Takes the mark away.
pub(crate) fn clear(path: &Path) -> io::Result<()> {
    fs::remove_file(mark(path))?;
    files::sync_directory(path)
}

/// Removes the oldest damaged files, so that no more than [`KEPT`] are there; what was removed.
pub(crate) fn prune(path: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = path.parent().unwrap_or(path);
    let mut kept: Vec<String> = fs::read_dir(directory)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_name(path, name))
        .collect();
    kept.sort();
    let mut removed = Vec::new();
    for name in kept.iter().take(kept.len().saturating_sub(KEPT)) {
        let old = path.with_file_name(name);
        let _none = fs::remove_file(files::beside(&old, "-wal"));
        fs::remove_file(&old)?;
        removed.push(old);
    }
    Ok(removed)
}

/// Whether `name` is one that damaged files of `path` have: its own, `.damaged-` and a number.
fn is_name(path: &Path, name: &str) -> bool {
    let own = path.file_name().and_then(|own| own.to_str());
    let number = own.and_then(|own| name.strip_prefix(own)?.strip_prefix(INFIX));
    number.is_some_and(|number| number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name nobody has yet: with the second since 1970, or a later one.
fn fresh(path: &Path) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut names = (now..).map(|second| format!("{own}{INFIX}{second:0DIGITS$}"));
    names.find(|name| !path.with_file_name(name).exists()).expect("some second is free")
}

fn mark(path: &Path) -> PathBuf {
    files::beside(path, ".salvage")
}

fn write(mark: &Path, name: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(mark)?;
    file.write_all(name.as_bytes())?;
    file.sync_all()?;
    files::sync_directory(mark)
}

/// Damaged journals kept at most; each may be as large as the journal was.
pub(crate) const KEPT: usize = 2;
const INFIX: &str = ".damaged-";
const DIGITS: usize = 11;
