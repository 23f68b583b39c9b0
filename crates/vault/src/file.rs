//! The file on the disk: read without trust, written durably, by one writer at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::error::Error;
use crate::format::MAX_FILE_BYTES;

/// User and group of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    user: u32,
    group: u32,
}

/// The bytes of the file, and whose it is.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, Owner), Error> {
    let failed = |source| Error::Read { path: path.into(), source };
    let mut options = OpenOptions::new();
    options.read(true);
    let file = open(path, &mut options)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::NoFile { path: path.into() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.into(), mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Error::TooLong { path: path.into() });
    }
    Ok((bytes, Owner { user: metadata.uid(), group: metadata.gid() }))
}

/// Whether there is anything at `path`, a link that leads nowhere included.
pub(crate) fn exists(path: &Path) -> Result<bool, Error> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::Read { path: path.into(), source }),
    }
}

/// Whose the directory of `path` is: a new file is theirs too, when root makes it for a service.
pub(crate) fn owner_of_directory(path: &Path) -> Result<Owner, Error> {
    let directory = directory(path);
    let metadata =
        fs::metadata(directory).map_err(|source| Error::Read { path: directory.into(), source })?;
    Ok(Owner { user: metadata.uid(), group: metadata.gid() })
}

/// The right to write, until it is dropped; the file beside the vault stays.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "what is held is the lock of the open file")] File);

/// Waits for the right to write `path`, 30 seconds at most.
pub(crate) fn lock(path: &Path, owner: Owner) -> Result<Lock, Error> {
    let beside = beside(path, "lock")?;
    let failed = |source| Error::Write { step: "lock", path: beside.clone(), source };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = open(&beside, &mut options)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::NoFile { path: beside });
    }
    give(&file, owner).map_err(failed)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: path.into(), seconds: PATIENCE.as_secs() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// Puts `bytes` in the place of `path`, so that a power cut leaves the old file or the new one, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8], owner: Owner, _lock: &Lock) -> Result<(), Error> {
    let failed = |step, source| Error::Write { step, path: path.into(), source };
    let beside = beside(path, "new")?;
    // what a writer left that was killed; a link is removed and not followed
    match fs::remove_file(&beside) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(failed("clear the way for", source));
        }
        _ => {}
    }
    let written = write_new(&beside, bytes, Some(owner))
        .map_err(|source| failed("write", source))
        .and_then(|()| fs::rename(&beside, path).map_err(|source| failed("replace", source)));
    finish(path, &beside, written)
}

/// Copies a vault's file as it is, sealed, to `to`, where nothing may be yet; durably, for its owner only.
///
/// # Errors
///
/// [`Error`] names the step and the path.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let (bytes, _) = read(from)?;
    let failed = |step, source| Error::Write { step, path: to.into(), source };
    let suffix =
        crate::seal::random().map(|random: [u8; 8]| format!("{:016x}", u64::from_be_bytes(random)))?;
    let beside = beside(to, &suffix)?;
    let written = write_new(&beside, &bytes, None).map_err(|source| failed("write", source)).and_then(|()| {
        renameat_with(CWD, &beside, CWD, to, RenameFlags::NOREPLACE).map_err(|error| {
            let source = io::Error::from(error);
            match source.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path: to.into() },
                _ => failed("name", source),
            }
        })
    });
    finish(to, &beside, written)
}

fn write_new(path: &Path, bytes: &[u8], owner: Option<Owner>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // whatever the umask
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    if let Some(owner) = owner {
        give(&file, owner)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// Ends a write: removes what is beside when it failed, else syncs the directory.
fn finish(path: &Path, beside: &Path, written: Result<(), Error>) -> Result<(), Error> {
    if written.is_err() {
        // what went wrong first is what the caller needs to hear
        let _ = fs::remove_file(beside);
    }
    written?;
    let synced = File::open(directory(path)).and_then(|directory| directory.sync_all());
    synced.map_err(|source| Error::Write { step: "sync the directory of", path: path.into(), source })
}

/// Makes the file `owner`'s, when it is another's.
fn give(file: &File, owner: Owner) -> io::Result<()> {
    let metadata = file.metadata()?;
    if (Owner { user: metadata.uid(), group: metadata.gid() }) == owner {
        return Ok(());
    }
    fchown(file, Some(owner.user), Some(owner.group))
}

/// Opens without following a link, and without waiting for the writer of a pipe.
fn open(path: &Path, options: &mut OpenOptions) -> Result<File, Error> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).expect("flags of open are small numbers");
    options.custom_flags(flags).open(path).map_err(|source| {
        if Errno::from_io_error(&source) == Some(Errno::LOOP) {
            return Error::Link { path: path.into() };
        }
        match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path.into() },
            _ => Error::Read { path: path.into(), source },
        }
    })
}

/// `.NAME.SUFFIX` in the directory of `path`.
fn beside(path: &Path, suffix: &str) -> Result<PathBuf, Error> {
    let name = path.file_name().ok_or_else(|| Error::NoFile { path: path.into() })?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden.push(suffix);
    Ok(directory(path).join(hidden))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(10);
